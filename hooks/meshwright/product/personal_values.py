"""Recognize personal data inside texts: addresses, numbers with check digits, and what stands beside a word for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv6Address

from meshwright.product.given_names import GIVEN
from meshwright.product.personal_words import fold, word_set

EMAIL = re.compile(
    r"(?<![\w.!#$%&'*+/=?^`{|}~@-])([\w.!#$%&'*+=?^`{|}~-]{1,64})@((?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24})(?![\w@-])"
)
_FILES = word_set("png jpg jpeg gif svg webp js css map json zip")
"""Endings of files, as in `logo@2x.png`."""
OFFICES = word_set(
    # any business
    "info information contact contacts support help helpdesk service services customer customers customerservice care sales office"
    " offices admin administration administrator team group hello hi hey welcome mail email post web media press news newsletter"
    " jobs job careers career recruiting recruitment hr finance legal marketing billing invoice invoices invoicing accounting account"
    " accounts payment payments payroll order orders shop store stores branch branches desk frontdesk front reception concierge booking"
    " bookings reservation reservations rooms restaurant kitchen bar events enquiries enquiry inquiries inquiry feedback returns"
    " shipping delivery warehouse logistics purchasing procurement export quality repairs school library clinic practice museum"
    " hotel headquarters hq main general central public community members membership donations volunteer"
    # machines and operations
    " noreply reply donotreply no-reply postmaster webmaster hostmaster mailer daemon bounce bounces abuse security privacy gdpr dpo"
    " root system sys robot bot svc api app apps dev devs developer developers engineering ops devops oncall alert alerts alerting"
    " monitoring notification notifications notify automation automated data platform git github gitlab ci cd build builds test"
    " testing tests it tech technical batch etl loader pipeline scheduler airflow server daemon cron backup reports report list lists"
    # other languages
    " kontakt kundendienst kundenservice kunden verkauf vertrieb einkauf buchhaltung rechnung rechnungen bestellung bestellungen"
    " filiale filialen laden geschaeft sekretariat empfang zentrale verwaltung personal bewerbung bewerbungen presse redaktion technik"
    " werkstatt praxis schule bibliothek gemeinde verein buero auskunft anfrage hallo datenschutz"
    " contacto ventas venta tienda oficina pedidos reservas facturacion administracion secretaria servicio soporte atencion prensa hola"
    " vente ventes boutique magasin bureau accueil secretariat commande commandes comptabilite facturation bonjour commercial"
    " contatto contatti vendite negozio ufficio ordini prenotazioni fatturazione amministrazione segreteria servizio assistenza"
    " contato vendas loja escritorio verkoop winkel klantenservice bestellingen biuro sklep sprzedaz obchod prodej butik kundtjanst"
    " asiakaspalvelu myynti kundeservice salg"
)
"""Words in the local part of an e-mail address that belongs to an office, not to a person."""
_PLACEHOLDERS = word_set(
    "user username name yourname your you someone example foo bar me abc xyz firstname lastname first last"
)

IBAN_LENGTHS = {
    entry[:2]: int(entry[2:])
    for entry in word_set(
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20"
        " EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30"
        " KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23"
        " PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26"
        " UA29 VA22 VG24 XK20 YE30"
    )
}
"""Country -> characters of its IBAN."""
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}", re.ASCII | re.IGNORECASE)
_CARD = re.compile(
    r"(?<![\w.,+/-])(?:4\d{3}([ -]?)\d{4}\1\d{4}\1\d{4}(?:\d{3})?|(?:5[1-5]|2[2-7])\d\d([ -]?)\d{4}\2\d{4}\2\d{4}"
    r"|3[47]\d\d([ -]?)\d{6}\3\d{5}|(?:6011|65\d\d|64[4-9]\d)([ -]?)\d{4}\4\d{4}\4\d{4}|3(?:0[0-5]|[68]\d)\d([ -]?)\d{6}\5\d{4})(?![\w-]|[.,]\d)"
)
"""The number ranges of the large card schemes."""
_IPV4 = re.compile(r"(?<![\w.:/-])(?:\d{1,3}\.){3}\d{1,3}(?:/\d\d?)?(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_VERSION = re.compile(
    r"(?:version|release|upgrade\w*|build|driver|firmware|section|chapter|clause|v|to)[ :=]{1,2}$",
    re.IGNORECASE,
)
_SSN = r"(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}"
_ID_BESIDE_WORD = re.compile(
    rf"\b(?:ssn|social security(?: (?:number|no\.?))?)\b[^\d\n]{{0,15}}{_SSN}(?!\d)"
    r"|\b(?:passport|reisepass(?:nummer)?|passeport|pasaporte|passaporto|ni number|nino|national insurance(?: number)?|personnummer|pesel|codice fiscale"
    r"|cpf|dni|nie|nif|bsn|ahv(?:-?n(?:umme)?r\.?)?|sozialversicherungsnummer|steuer-?id(?:-?nr)?|aadhaar|social insurance(?: number)?)"
    r"(?: (?:number|no|nr|nummer|num[eé]ro)\b)?[\s:.#]{1,3}(?:is |ist |est |es )?(?=[A-Z0-9 .-]{0,8}\d)(?=(?:[^\d\n]*\d){5})[A-Z0-9][A-Z0-9.-]{5,}",
    re.IGNORECASE,
)
"""A word for an identity number, and a number."""

INTERNATIONAL = re.compile(
    r"(?<![\w+.,/-])(?:\+|00(?=[1-9]))[1-9](?:[ ()./-]{0,3}\d){6,14}(?![\w]|[.,:/-]\d)"
)
_LONG_NUMBER = re.compile(r"\d(?:[ ()./-]{0,3}\d){6}")
NORTH_AMERICAN = re.compile(
    r"(?<![\w+./-])(?:1[ .-]?)?(?:\([2-9]\d\d\) ?\d{3}|[2-9]\d\d[.-][2-9]\d\d)[ .-]\d{4}(?: ?(?:x|ext\.?) ?\d{1,6})?(?![\w-])"
)
_CALL = re.compile(
    r"(?:\b(?:phone|tel|telephone|mobile|cell|call|ring|reach|text|fax|whatsapp|sms|dial|contact|telefon\w*|handy\w*|mobil\w*|anruf\w*|rufnummer"
    r"|rückruf\w*|erreichbar|t[eé]l[eé]phone|appel\w*|rappel\w*|portable|joindre|tel[eé]fono|m[oó]vil|llam\w*|cellulare|chiam\w*|telefone"
    r"|ligar|bel(?:len)?|gsm|komórka|zadzwo\w*|ring(?:e|a)?|puhelin\w*|my number|meine nummer|mon num[ée]ro|mi n[úu]mero|il mio numero)\b|☎|📞)"
    r"(?:(?!\b(?:order|ticket|case|invoice|item|ref|bestell|auftrag|rechnung|commande|pedido|ordine)|#)[^\d+\n]){0,25}"
    r"(?!(?:19|20)\d\d[-./ ][01]\d|[0-3]?\d[-./][01]?\d[-./](?:19|20)\d\d)(?P<number>\(?\+?\d(?:[ ()./-]{0,2}\d){6,13})(?![\w]|[.,/-]\d)",
    re.IGNORECASE,
)
"""A word for a call, and a number."""
_MONTHS = (
    r"(?:jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez|mär|mrz|janv|févr|avr|juin|juil|août|ene|abr|ago|dic|gen|mag|giu|lug|set|ott)"
    r"[a-zäéûôç]*\.?"
)
DATE = (
    rf"(?:(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./](?:[0-2]?\d|3[01])|(?:[0-2]?\d|3[01])[-./ ](?:[0-2]?\d|3[01])[-./ ](?:(?:19|20)\d\d|\d\d)"
    rf"|(?:[0-2]?\d|3[01])(?:st|nd|rd|th|\.)? ?(?:of |de |di )?{_MONTHS},? ?(?:de )?(?:19|20)\d\d|{_MONTHS} ?(?:[0-2]?\d|3[01])(?:st|nd|rd|th)?,? (?:19|20)\d\d)"
)
_BORN = re.compile(
    rf"\b(?:born|birthday|birth ?date|date of birth|d\.?o\.?b\.?|geb\.?|geboren|geburtsdatum|n[eé]e?|nat[oa]|nacid[oa]|nascid[oa]|urodzon[ya]|ur\.|född|født"
    rf"|geboorte(?:datum)?|syntynyt)\b[^\d\n]{{0,15}}?{DATE}(?!\d)",
    re.IGNORECASE,
)
"""A word for a birth, and a date."""
_SURNAME = r"(?:(?:van|von|de|der|den|di|da|del|la|le|O'|Mc|Mac) ?)*[A-ZÀ-ÞŁŚŻŽČŠ][^\W\dA-Z_]+(?:['’-][A-ZÀ-Þ][^\W\d_]+)*"
_NAME_AND_NUMBER = re.compile(
    rf"\b(?P<given>[A-ZÀ-Þ][^\W\d_]+) {_SURNAME}[,:;]? ?\(?0[1-9](?:[ ()./-]{{0,2}}\d){{7,11}}(?![\w]|[.,/-]\d)"
)
_ADDRESSED = re.compile(
    rf"(?:^|(?<=[\s(,;:\"]))(?:Mrs?\.?|Ms\.?|Herrn?|Frau|Mme|Mlle|Monsieur|Madame|Mevrouw|Meneer|Señora?|Signora?|Sig\.(?:ra)?|Senhora?|Sra?\.)"
    rf" (?!Prof|Dr)(?:[A-ZÀ-Þ]\. )?{_SURNAME}(?= \S+ \S|[,;:.!?] ?\w+| \w+)|(?<=\S )(?:Mrs?\.?|Ms\.?|Herrn?|Frau|Mme|Mlle|Monsieur|Madame) {_SURNAME}"
)
"""A form of address, and a name, within a longer text."""
_NAMED = re.compile(
    rf"\b(?i:my name is|ich heisse|ich heiße|je m'appelle|me llamo|mi chiamo|signed by|unterschrieben von|spoke (?:to|with)|talked to|met with|ask for|contact|ansprechpartner(?:in)?|patient(?:in)?|regards,|grüsse,|grüße,|attn\.?:?)[ :]{{1,2}}(?P<given>[A-ZÀ-Þ][^\W\d_]+) {_SURNAME}"
)
"""Words before a name, and a given name with a surname."""


_INITIAL = re.compile(r"[^\W\d_]\.[^\W\d_]{3,}\d{0,4}")
"""`j.meyer`."""


def is_mailbox_of_person(local: str, given_only: bool = False) -> bool:
    """Return True if the local part of an e-mail address is a person's.

    `given_only`: only if a given name is in it; for columns whose name says that they are about shops or firms.
    """
    parts = [part for part in re.split(r"[\W_\d]+", fold(local)) if part]
    if any(part in GIVEN and part not in OFFICES for part in parts):
        return True
    if given_only or not parts:
        return bool(_INITIAL.fullmatch(local)) and not OFFICES.intersection(parts)
    if any(part in OFFICES for part in parts) or "".join(parts) in OFFICES:
        return False
    return not _PLACEHOLDERS.issuperset(parts)


def emails(text: str, given_only: bool = False) -> bool | None:
    """Return True if e-mail addresses of people are in a text, False if only those of offices; None if there are none."""
    if "@" not in text:
        return None
    seen = None
    for match in EMAIL.finditer(text):
        local, domain = match[1], match[2].lower()
        if domain.rpartition(".")[2] in _FILES or domain.endswith(
            ("gserviceaccount.com", "noreply.github.com")
        ):
            continue
        if is_mailbox_of_person(local, given_only):
            return True
        seen = False
    return seen


def ibans(text: str) -> bool | None:
    """Return True if a bank account number is in a text; False if one with wrong check digits is; None if there is none."""
    seen = None
    for match in _IBAN.finditer(text):
        plain = re.sub(r"[ -]", "", match[0]).upper()
        length = IBAN_LENGTHS.get(plain[:2])
        if length and len(plain) >= length and (len(plain) == length or " " in match[0]):
            plain = plain[:length]
            if int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1:
                return True
            seen = False
    return seen


def cards(text: str) -> bool | None:
    """Return True if a number of a payment card is in a text; False if one with a wrong check digit is; None without."""
    seen = None
    for match in _CARD.finditer(text):
        digits = [int(sign) for sign in reversed(match[0]) if sign.isdigit()]
        total = sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
        if total % 10 == 0 and len({*digits}) > 1:
            return True
        seen = False
    return seen


def ip_addresses(text: str) -> bool | None:
    """Return True if an address of a device is in a text; False if a number of the same form is: a version, a netmask."""
    seen = None
    for match in _IPV4.finditer(text) if "." in text else ():
        octets = [int(part) for part in match[0].partition("/")[0].split(".")]
        written = all(part == str(int(part)) for part in match[0].partition("/")[0].split("."))
        ours = octets[0] in (0, 127, 255) or octets[2:] == [0, 0] or not 64 <= max(octets) <= 255
        if not written or ours or _VERSION.search(text[: match.start()][-12:]):
            seen = False
        else:
            return True
    for match in _IPV6.finditer(text) if text.count(":") > 1 else ():
        try:
            address = IPv6Address(match[0])
        except ValueError:
            continue
        if not (address.is_loopback or address.is_unspecified) and len(match[0]) > 6:
            return True
    return seen


def phones(text: str) -> bool | None:
    """Return True if a number with its country, or beside a word for a call, is in a text; None if there is none."""
    for match in INTERNATIONAL.finditer(text):
        if _is_international(match[0]):
            return True
    if _CALL.search(text):
        return True
    named = _NAME_AND_NUMBER.search(text)
    return True if named and fold(named["given"]) in GIVEN else None


def _is_international(number: str) -> bool:
    digits = re.sub(r"\D", "", number.replace("(0)", ""))
    digits = digits.removeprefix("00") if number.startswith("00") else digits
    if not 8 <= len(digits) <= 15 or len({*digits}) < 3:
        return False
    if digits[0] == "1":
        return len(digits) == 11 and digits[1] > "1"
    if digits[0] == "7":
        return len(digits) == 11
    return number.startswith("+") or bool(re.search(r"[ ()/-]", number)) or len(digits) >= 10


def births(text: str) -> bool | None:
    """Return True if a date is beside a word for a birth; else None."""
    return True if _BORN.search(text) else None


def identity_numbers(text: str) -> bool | None:
    """Return True if a number is beside a word for an identity number; else None."""
    return True if _ID_BESIDE_WORD.search(text) else None


def people(text: str) -> bool | None:
    """Return True if a name is beside a form of address, or words that say whose it is; else None."""
    if text.count(" ") < 3:
        return None
    if _ADDRESSED.search(text):
        return True
    return True if any(fold(match["given"]) in GIVEN for match in _NAMED.finditer(text)) else None


Test = Callable[[str], bool | None]
INSIDE: Mapping[str, tuple[Test, float]] = {
    "card": (cards, 0.9),
    "bank account": (ibans, 0.5),
    "national id": (identity_numbers, 0.0),
    "email": (emails, 0.0),
    "phone": (phones, 0.0),
    "birth": (births, 0.0),
    "name": (people, 0.0),
    "network address": (ip_addresses, 0.5),
}
"""Kind -> its test of a text, and the minimum share among texts that have its form. A check digit is correct by chance for
one number in ten, or in a hundred."""


_BESIDE = {
    "birth": word_set(
        "born birthday birth dob d geb geboren geburtsdatum né née ne nee nato nata nacido nacida nascido nascida urodzony urodzona"
        " ur född født geboorte geboortedatum syntynyt birthdate"
    ),
    "national id": word_set(
        "ssn social passport reisepass reisepassnummer passeport pasaporte passaporto ni nino national personnummer pesel codice cpf"
        " dni nie nif bsn ahv ahvnr ahvnummer sozialversicherungsnummer steuer steuerid steueridnr aadhaar"
    ),
    "name": word_set(
        "mr mrs ms herr herrn frau mme mlle monsieur madame mevrouw meneer señor señora signor signora sig senhor senhora sr sra"
        " name heisse heiße appelle llamo chiamo signed unterschrieben spoke talked met ask contact ansprechpartner"
        " ansprechpartnerin patient patientin regards grüsse grüße attn"
    ),
}
"""Kind -> words of which its test needs one: a cheap test of all texts together."""
_WORD = re.compile(r"[^\W\d_]+")
_WITH_NUMBER = re.compile(r"\d(?:\D{0,8}\d){3}")


def kinds_inside(texts: Sequence[str], given_only: bool = False, but: str = "") -> Iterator[tuple[str, int]]:
    """Yield the kinds of personal data that are in texts, with the number of texts that have each.

    `given_only`: as of is_mailbox_of_person. `but`: a kind that is not searched for.
    """
    # Most texts have no number, or nothing else: each test gets only the texts that may pass it.
    numbered = [text for text in texts if _WITH_NUMBER.search(text)]
    long = [text for text in numbered if _LONG_NUMBER.search(text)]
    dotted = [text for text in texts if text.count(".") > 2 or text.count(":") > 1]
    among = {"card": long, "phone": long, "network address": dotted, "name": texts}
    spoken = {word.lower() for text in texts if " " in text for word in _WORD.findall(text)}
    for kind, (test, share) in INSIDE.items():
        if kind == but or (kind in _BESIDE and not spoken & _BESIDE[kind]):
            continue
        if kind == "email":
            judged = [seen for text in texts if (seen := emails(text, given_only)) is not None]
            if not given_only and judged.count(False) > sum(judged) > 0:
                # A list of offices has some whose names are no known words: `zuerich@`.
                judged = [seen for text in texts if (seen := emails(text, given_only=True)) is not None]
        else:
            judged = [seen for text in among.get(kind, numbered) if (seen := test(text)) is not None]
        good = sum(judged)
        if good and good >= share * len(judged):
            yield kind, good
