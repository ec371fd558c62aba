"""Words of many languages that names of columns consist of, and the kind of personal data that they say."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


CERTAIN: Mapping[str, str] = {
    "email": "email emails courriel correo emailadresse mailadresse sahkoposti eposta epost",
    "phone": "phone phones tel telefon telefonnummer telephone telefono telefone telefoon telefoonnummer telefonu telefonni"
    " puhelin puhelinnumero handynummer mobilnummer rufnummer msisdn celular cellulare komorka telefax gsm",
    "first name": "vorname vornamen voornaam voornamen prenom prenoms imie imiona fornavn fornamn etunimi etunimet"
    " prenume firstname givenname forename krestni",
    "last name": "nachname nachnamen familienname geburtsname achternaam cognome nazwisko nazwiska prijmeni sobrenome"
    " apelido apellido apellidos etternavn efternamn efternavn sukunimi surname lastname familyname",
    "birth": "dob birthdate birthday birthdt bdate bday geburtsdatum geburtstag gebdat gebdatum geburt geburts geburtsjahr nascita"
    " nascimento naissance nacimiento geboorte geboortedatum urodzenia narozeni fodselsdato fodelsedatum fodelsedag"
    " fodt fodd syntyma syntymaaika",
    "national id": "ssn nino pesel svnr ahv ahvnr bsn rut nif nie dni nir rfc cpf curp personnummer personnr pnr fodselsnummer"
    " henkilotunnus hetu rodnecislo codfisc codicefiscale passport passnr passnummer reisepass reisepassnummer passeport"
    " pasaporte passaporto paszport personalausweis ausweisnummer ausweisnr steuerid steueridnr steuernr steuernummer"
    " sozialversicherungsnummer sozialversnr versichertennummer versichertennr krankenversichertennummer kvnr mrn vrn svnummer socsecno tinno tinnr passno chartno securitesociale"
    " fuehrerschein fuhrerschein kennzeichen nummernschild matricula dowod nhs medicare aadhaar",
    "bank account": "iban kontonummer kontonr ktonr konto rekeningnummer kontonumero bankverbindung bankkonto bic cuentabancaria",
    "card": "kreditkarte kreditkartennummer kreditkartennr cardno cardnumber cvv cvc",
    "network address": "ipaddr ipaddress ipv imei cookieid advertisingid idfa gaid",
    "secret": "password passwd pwd passwort kennwort wachtwoord losenord haslo heslo salasana contrasena",  # pragma: allowlist secret
    "pay": "salary salaries salaire stipendio sueldo salario salaris gehalt gehalts lohn wynagrodzenie palkka mzda lon"
    " bruttogehalt nettogehalt monatsgehalt jahresgehalt",
    "address": "anschrift strasse hausnummer wohnort adresse adres adresa adress osoite indirizzo direccion endereco domicilio"
    " woonplaats straat ulica ulice"
    " postnummer codepostal codigopostal addrline addressline",
    "health or belief": "diagnosis diagnoses diagnose diagnosen diagnoza krankheit krankheiten icd maladie enfermedad malattia"
    " ziekte religion konfession religione ethnicity ethnic disability behinderung allergien allergies medikament"
    " medikamente medication",
    "free text": "notiz notizen bem bemerkung bemerkungen anmerkung anmerkungen besonderheiten freitext commentaire commentaires"
    " observaciones observacoes osservazioni opmerking opmerkingen uwagi poznamka anteckning huomautus kommentar kommentare"
    " remarks freetext",
}  # fmt: skip
"""Kind -> words that say it wherever they stand in a name."""

ALONE: Mapping[str, str] = {
    "email": "mail posta",
    "phone": "mobile mobil mobiel movil cell portable handy handynr fax",
    "birth": "geb birth born",
    "first name": "ime",
    "user name": "login usr username kennung benutzer benutzername benutzerkennung twitter",
    "secret": "pin",  # pragma: allowlist secret
    "card": "cc",
    "national id": "ausweis steuer fiscal medicare plate",
    "address": "addr adr rue calle street",
    "pay": "sal pay wage wages compensation",
    "health or belief": "diag diagnostic dx race religious rasse",
    "free text": "note notes notas notater comment comments remark",
    "bank account": "acct account rekening cuenta compte kto",
}
"""Kind -> words that say it where all others in the name are words for people, or say nothing."""

_BARE = word_set("ausweis steuer fiscal medicare plate acct account rekening cuenta compte kto cc")
"""Words of ALONE that need a number beside them: `acct_no`."""
NAMES = word_set("name nm nme naam namn navn nimi nom nome nombre jmeno nazwa names")
FIRST = word_set("first fst given fore middle christian")
LAST = word_set("last lst family maiden sur birth")
MORE_PEOPLE = word_set(
    "cust emp pt pat usr kd kunden kundin kunder klant klanten client clients klient klienci cliente clientes clienti utente"
    " usuario utilisateur gebruiker anvandare kayttaja uzytkownik medewerker medewerkers mitarbeiterin empleado empleados employe"
    " dipendente funcionario pracownik zamestnanec patienten paciente pacientes paziente pazienti pacjent potilas mother mothers"
    " father fathers wife husband spouse kin mutter vater pupils persons personen personne personnes persone pessoa pessoas osoba"
    " osoby henkilo henkilot schueler schuler eleve alumno aluno studente teilnehmer mitglied mitglieder membre miembro socio"
    " kontakt kontakte ansprech bearbeiter benutzer nutzer fahrer halter inhaber empfaenger absender versicherter bewohner mieter"
    " pracownicy klientka leads users customers patients"
)
"""Words for people in other languages, and abbreviations of them."""
ROLES = word_set(
    "betreuer betreuerin sachbearbeiter sachbearbeiterin sachbearb bearbeiter verkaeufer verkaufer verkauferin vendeur vendedor"
    " venditore geschaeftsfuehrer geschaftsfuhrer arzt aerztin hausarzt medecin medico docente docent profesor professor prof"
    " chauffeur cashier kassierer assessor lehrer lehrerin dozent leiter leiterin vorgesetzter pfleger pflegerin berater beraterin"
    " trainer trainerin advisor adviser caretaker carer technician conductor superviseur responsable referent ename cname ptname"
    " kontaktperson ansprechperson contactperson contactpersoon kunde kundin klant klient paciente patientin empleado medewerker teilnehmer mieter halter fahrer nutzer"
)
"""Words that stand alone as the name of a column of people's names."""
_NOT_DONE_BY = word_set(
    "powered caused followed sorted grouped partitioned replaced produced published manufactured superseded blocked multiplied"
    " divided limited indexed bounded"
)
_SAYS_NOTHING = word_set(
    "nr no num number numero numer nummer numeri id ids dat date datum data dato dt fecha year jahr month day txt text val value"
    " raw hash hashed enc encrypted str last first old new alt neu de du da di do del della la le el of at s e d home work privat"
    " privado private personal business office geschaeftlich dienstlich mobile main primary secondary emergency contact electronico"
    " brutto netto net gross rate adr adresse address addr masked clean full completo complet complete current prev col field"
    " strasse code cod soc sec orig internal ext home1 country area prefix kranken sozial versicherungs haupt neben"
)
"""Words that do not change what a name says."""
_OF_VALUES = word_set(
    "verified type types status state count counts total sum avg mean pct percent share ratio flag valid validated confirmed"
    " consent optin optout opt in out enabled disabled subscribed template templates app apps domain provider format version sent opens"
    " opened clicks clicked calls bounced bounce subject campaign brand model plan make os operator carrier typ anzahl size len length"
    " available required allowed accepted since until at on ts time timestamp file files folder url path product item region currency"
    " country manager group level class category limit balance saldo quality source channel priority"
    " expires expiry expiration changed created updated deleted modified band"
)
"""Last words of names whose values are something about the data, not the data."""
_OF_DATES = word_set("date dat datum data dato dt fecha")
THINGS = word_set(
    "product products produkt produkte produit produits producto productos produto produtos prodotto prodotti artikel article articles"
    " item items articulo articulos file files datei dateien fichier city cities stadt stadte ville villes ciudad ciudades citta country"
    " countries land laender pays pais paises paese company companies firma firmen societe empresa empresas azienda brand brands marke"
    " marque marca category categories kategorie kategorien categorie categoria department departments abteilung region regions species"
    " store stores shop shops filiale team teams airport airports airline airlines model models station stations course courses kurs"
    " game games spiel film films movie movies book books buch song songs album albums event events project projects projekt material"
    " plant plants tree trees animal animals penguin penguins genre genres topic tag tags currency currencies language languages"
    " island islands vehicle vehicles car cars machine machines device devices sensor sensors warehouse lager ingredient recipe"
    " service services supplier suppliers vendor vendors commune communes departement gemeinde gemeinden"
)
"""Words in names of tables whose rows are things."""


def fold(word: str) -> str:
    """Return a word in lower case without accents."""
    word = word.lower()
    for sign, plain in {"ß": "ss", "ø": "o", "æ": "ae", "ł": "l", "œ": "oe"}.items():
        word = word.replace(sign, plain)
    return unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode() or word


def _table(kinds: Mapping[str, str]) -> dict[str, str]:
    return {word: kind for kind, several in kinds.items() for word in several.split()}


_CERTAIN, _ALONE = _table(CERTAIN), _table(ALONE)
_PARTS = (
    {*_CERTAIN, *_ALONE, *NAMES, *FIRST, *LAST, *MORE_PEOPLE, *_SAYS_NOTHING}
    | word_set("customer employee user person member client patient kunde mitarbeiter driver guest student teacher owner contact")
) - {"s", "e", "d", "de", "du", "da", "di", "do", "la", "le", "el", "of", "at", "on", "pt", "ext", "str"}  # fmt: skip
_LONG_PARTS = {part for part in _PARTS if len(part) > 2} | {"nr", "no", "nm", "dt", "id", "pt"}


@cache
def parted(word: str) -> tuple[str, ...]:
    """Return the known words that a word consists of: `telefonnr` has telefon and nr; the word itself if there are none."""
    found = _parted(word) if len(word) >= 5 and word not in _CERTAIN else None
    return found or (word,)


def _parted(word: str) -> tuple[str, ...] | None:
    if not word or word == "s":
        return ()
    for length in range(len(word), 1, -1):
        if word[:length] in _LONG_PARTS and (rest := _parted(word[length:])) is not None:
            return (word[:length], *rest)
    return None


def kind_of_words(parts: Sequence[str], table: Sequence[str], people: frozenset[str]) -> str:
    """Return the kind of personal data that the words of a column's name say, in the table with these words; else ""."""
    several = [fold(word) for word in parts]
    several = [word for word in several if not word.isdecimal()] or several
    if not several or several[0] in ("is", "has", "can", "count", "n", "anzahl"):
        return ""
    people = people | MORE_PEOPLE
    about_things = bool(THINGS.intersection(fold(word) for word in table))
    of_people = any(word in people or word.removesuffix("s") in people for word in map(fold, table))
    if len(several) == 1 and several[0] in ROLES:
        return "name"
    if several[-1] == "by" and len(several) > 1 and several[-2].endswith("ed"):
        return "" if several[-2] in _NOT_DONE_BY else "name"
    several = [part for word in several for part in parted(word)]
    last = several[-1]
    if last in _OF_VALUES and len(several) > 1:
        return ""
    pairs = [first + second for first, second in pairwise(several)]
    for word in ["".join(several), *pairs, *several]:
        kind = _CERTAIN.get(word) or _CERTAIN.get(word.removesuffix("s"))
        if kind and not _is_about(kind, several):
            return kind
    return _of_names(several, people, of_people, about_things) or _of_alone(several, people)


def _is_about(kind: str, several: Sequence[str]) -> bool:
    """Return True if a name ends in a word for a date or a rate, and the kind is neither."""
    return (kind != "birth" and several[-1] in _OF_DATES) or (kind != "pay" and several[-1] == "rate")


def _of_names(several: Sequence[str], people: frozenset[str], of_people: bool, about_things: bool) -> str:
    if not NAMES.intersection(several):
        return ""
    others = [word for word in several if word not in NAMES]
    if LAST.intersection(others) and all(word in LAST | people | _SAYS_NOTHING for word in others):
        return "last name"
    if FIRST.intersection(others) and all(word in FIRST | people | _SAYS_NOTHING for word in others):
        return "first name"
    if any(word in people or word.removesuffix("s") in people for word in others):
        return "name" if several[-1] in NAMES | _SAYS_NOTHING or several[-1] in people else ""
    foreign = not {"name", "nm", "nazwa", "names"}.intersection(several)
    if all(word in {"completo", "complet", "complete", "full", "famille", "de", "privat"} for word in others):
        return "name" if of_people or (others and not about_things) or (foreign and not about_things) else ""
    return ""


def _of_alone(several: Sequence[str], people: frozenset[str]) -> str:
    for word in several:
        kind = _ALONE.get(word)
        others = [other for other in several if other != word]
        if not kind or not all(
            other in _SAYS_NOTHING or other in people or _ALONE.get(other) for other in others
        ):
            continue
        numbered = {"nr", "no", "num", "number", "numero", "nummer", "id", "code", "cod"}.intersection(others)
        if (
            (word in _BARE and not numbered)
            or _is_about(kind, several)
            or (kind == "user name" and "last" in others)
        ):
            continue
        if several[-1] == "id" and len(several) > 1 and kind not in ("email", "national id"):
            continue
        return kind
    return ""
