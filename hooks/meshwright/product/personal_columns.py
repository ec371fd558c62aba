"""Decide whether a column holds personal data, from its name, its type, its table and its values together.

A name proposes a kind, and values confirm or contradict it: `pan` is a card where the values are numbers of cards, not where
they are frying pans. Values that show a kind by themselves count whatever the name is, unless the name is one of things.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from meshwright.product import personal_values
from meshwright.product.national_ids import are_national_ids, has_form_of_national_id
from meshwright.product.personal_data import UNCERTAIN, is_person, kind_of_name, words
from meshwright.product.personal_values import DATE, NORTH_AMERICAN, kinds_inside
from meshwright.product.personal_words import THINGS, fold, word_set

LONGEST = 2_000
"""Characters of a text that are searched."""
FITS = 0.5
"""Share of the values that have to fit the kind that a name proposes."""
_TIMES = ("DATE", "TIMESTAMP", "DATETIME")
_NUMBERS = ("TINYINT", "SMALLINT", "INT", "BIGINT", "UTINYINT", "USMALLINT", "UINT", "UBIGINT", "HUGEINT")
_FRACTIONS = ("DECIMAL", "NUMERIC", "FLOAT", "DOUBLE", "REAL", "NUMBER")
_NEVER = ("BOOL", "TIME ", "INTERVAL", "BLOB", "BYTEA", "BINARY")
"""Beginnings of the names of types, of databases and of contracts."""
_ONLY_TEXT = frozenset(
    {"email", "name", "first name", "last name", "user name", "address", "network address"}
)

ORGANISATIONS = word_set(
    "shop shops store stores branch branches supplier suppliers vendor vendors hotel hotels company companies firm firms school schools"
    " office offices restaurant restaurants warehouse warehouses department departments team teams support hotline helpdesk service"
    " reseller resellers dealer dealers retailer retailers merchant merchants manufacturer manufacturers carrier carriers airport airports"
    " station stations bank banks hospital hospitals clinic clinics pharmacy pharmacies library libraries agency agencies organisation"
    " organisations organization organizations institution institutions museum museums venue venues location locations site sites"
    " partner partners brand brands business businesses outlet outlets depot depots garage garages queue mailbox list"
    " filiale filialen laden laeden geschaeft geschaefte firma firmen lieferant lieferanten haendler haendlerin niederlassung werk werke"
    " schule schulen praxis apotheke amt aemter behoerde verein vereine tienda tiendas proveedor proveedores empresa empresas sucursal"
    " magasin magasins boutique boutiques fournisseur fournisseurs societe entreprise entreprises negozio negozi fornitore fornitori"
    " azienda aziende winkel winkels leverancier leveranciers sklep sklepy loja lojas fornecedor butik"
)
"""Words for what has a mailbox and a telephone, and is nobody."""
NUMBERED = word_set(
    "order orders sku part parts article articles item items product products document documents doc reference ref ticket tickets case"
    " cases lot batch batches invoice invoices serial tracking shipment parcel parcels package version build release barcode ean gtin upc"
    " isbn issn isin iccid imei vin vat oid hash sha digest uuid guid key epoch ts timestamp time stamp date day at lat lon latitude"
    " longitude coordinates position amount price total sum saldo balance quantity size dimension dimensions length width height weight"
    " score result season period window range line auftrag auftragsnummer bestellung bestellnummer artikel artikelnummer rechnung"
    " rechnungsnummer beleg belegnummer charge seriennummer commande facture pedido factura ordine fattura transaction transactions"
    " license licence meter station container section clause chapter firmware fw assembly ec cas doi patent contract policy message"
    " event events session trace span commit image container eori duns lei figi ticker cusip sedol wkn mpn asin iata icao"
)
"""Words in the names of columns of numbers that are of things, whatever their form is."""
_SYSTEMS = word_set(
    "airflow dbt system etl batch job jobs cron admin root postgres postgresql mysql oracle odbc jdbc service svc loader api migration"
    " script pipeline spark kafka bot auto automatic scheduler import sync integration user default unknown none app web test"
)
"""What `created_by` and `driver` hold where no person is meant."""
_AMBIGUOUS = word_set(
    "pan mobile cell tin nie dni nif rut portable mobil movil handy cc pin plate sal race sin mac konto account acct sex kin host agent"
    " driver client pilot coach player actor lead ime posta nino rfc hetu curp icd lon login user recipient beneficiary assignee"
)
"""Names that are also words for things: alone, and without values, they accuse nobody."""
_BY_PROGRAMS = word_set("created updated modified changed inserted loaded")
"""What programs do as well: `created_by` accuses nobody without values."""
KINDS_OF_VALUES: Mapping[str, str] = {
    "email": "e-mail addresses of people",
    "phone": "phone numbers",
    "first name": "first names",
    "last name": "last names",
    "name": "names of people",
    "user name": "user names",
    "birth": "dates of birth",
    "address": "postal addresses",
    "national id": "national identity numbers",
    "bank account": "bank account numbers",
    "card": "payment card numbers",
    "network address": "network addresses of devices (IP)",
    "secret": "passwords or tokens",  # pragma: allowlist secret
    "pay": "pay of people",
    "health or belief": "health, belief or origin of people",
    "location": "places of people",
    "age": "ages of people",
    "free text": "free text about people",
}
"""Key of KINDS_BY_NAME -> what the values are, for a sentence."""


@dataclass(frozen=True)
class Recognized:
    """What a column holds; it never has a value of it."""

    kind: str
    """A key of KINDS_BY_NAME."""
    count: int
    """Values that have it."""
    of: int
    """Values that were examined; 0 if only the name says it."""
    named: bool = False
    """True if the name of the column says it, too."""


def kind_of_column(column: str, type_: str = "", table: str = "") -> str:
    """Return the kind of personal data that a column's name says where its type allows it; empty if none.

    `type_`: of a database or of a contract; empty if unknown. Nobody is accused because of a name that also means things.
    """
    kind = _named(column, type_, table)
    parts = [fold(word) for word in words(column)]
    if len(parts) == 1 and parts[0] in _AMBIGUOUS and not is_person(table):
        return ""
    if parts[-1:] == ["by"] and _BY_PROGRAMS.intersection(parts):
        return ""
    if (
        kind == "bank account"
        and not is_person(table)
        and parts[0] in ("account", "acct")
        and len(parts) == 2
    ):
        return ""  # a ledger has numbers of accounts, too
    return kind


def suggested_kind(column: str, type_: str, table: str) -> str:
    """Return the kind of personal data that a proposal names, from a column's name where its type allows it; empty if none."""
    kind = kind_of_name(column, table)
    parts = [fold(word) for word in words(column)]
    if not _is_possible(kind, type_) or (
        kind in ("email", "phone") and _is_of_organisation(parts, table, kind)
    ):
        return ""
    ambiguous = len(parts) == 1 and (parts[0] in _AMBIGUOUS or kind == "phone")
    about_things = bool(THINGS.intersection(fold(word) for word in words(table)))
    return "" if ambiguous and about_things and not is_person(table) else kind


def is_about_organisations(table: str) -> bool:
    """Return True if the name of a table says that its rows are shops, firms or offices: they have mailboxes and telephones."""
    return bool(ORGANISATIONS.intersection(fold(word) for word in words(table))) and not is_person(table)


def is_of_things(kind: str, column: str, table: str, values: Sequence[str]) -> bool:
    """Return True if a kind that values seem to have is of things or offices, as the column's or table's name says."""
    parts = [fold(word) for word in words(column)]
    if kind in ("phone", "network address") and NUMBERED.intersection(parts):
        return True
    if kind == "email":
        office = _is_of_organisation(parts, table)
        return not any(one == "email" for one, _ in kinds_inside(values, given_only=office))
    return kind == "phone" and _is_of_organisation(parts, table, kind)


def _is_possible(kind: str, type_: str) -> bool:
    """Return True if values of a type can be of a kind; `type_`: empty if unknown."""
    upper = type_.upper()
    if upper.startswith(_NEVER) or upper == "TIME":
        return False
    if upper.startswith(_TIMES):
        return kind == "birth"
    if upper.startswith(_FRACTIONS):
        return kind not in _ONLY_TEXT | {"phone", "card", "birth", "national id", "bank account"}
    return not (upper.startswith(_NUMBERS) and kind in _ONLY_TEXT)


def _named(column: str, type_: str, table: str) -> str:
    parts = [fold(word) for word in words(column)]
    about_people = is_person(table)
    kind = kind_of_name(column)
    if not kind:
        kind = kind_of_name(column, table or "data")
        if kind in UNCERTAIN and not (kind in ("pay", "address") and about_people):
            kind = ""
    if not kind or kind == "free text":
        return ""
    if not _is_possible(kind, type_):
        return ""
    if kind in ("email", "phone") and _is_of_organisation(parts, table, kind):
        return ""
    if kind == "phone" and len(parts) == 1 and THINGS.intersection(fold(word) for word in words(table)):
        return ""  # a device, not its number
    return kind


def _is_of_organisation(parts: Sequence[str], table: str, kind: str = "email") -> bool:
    """Return True if a mailbox or a telephone is an organisation's, as its column's or table's name says."""
    if ORGANISATIONS.intersection(parts):
        return True
    before = [word for word in parts[:-1] if kind == "phone" or word not in ("contact", "kontakt")]
    return is_about_organisations(table) and not any(map(is_person, before))


def recognized(column: str, type_: str, values: Sequence[str], table: str = "") -> list[Recognized]:
    """Return the kinds of personal data that a column holds, the one that its name says first; empty if none.

    `values`: different values of it, as texts.
    """
    upper = type_.upper()
    texts = [text[:LONGEST] for value in values if (text := value.strip())]
    kind = _named(column, type_, table)
    if not texts:
        kind = kind_of_column(column, type_, table)
        return [Recognized(kind, 0, 0, True)] if kind else []
    if upper.startswith((*_NEVER, *_FRACTIONS)) and kind != "pay":
        return []
    kinds: dict[str, Recognized] = {}
    if kind and (count := _fitting(kind, texts)) and count >= FITS * len(texts):
        kinds[kind] = Recognized(kind, count, len(texts), named=True)
    if not upper.startswith(_TIMES) and not all(map(_TIME.fullmatch, texts)):
        for other, count in _seen(column, upper, texts, table, next(iter(kinds), "")):
            if other not in kinds and not (other == "name" and kind in ("first name", "last name")):
                kinds[other] = Recognized(other, count, len(texts))
    return [*kinds.values()]


def _seen(column: str, type_: str, texts: Sequence[str], table: str, known: str) -> list[tuple[str, int]]:
    """Return the kinds that values show by themselves, and how many of them. `known`: one that is recognized already."""
    parts = [fold(word) for word in words(column)]
    of_things = bool(NUMBERED.intersection(parts))
    if type_.startswith(_NUMBERS):
        return _of_numbers(texts, parts, of_things)
    organisation = _is_of_organisation(parts, table)
    mean_long = any(" " in text for text in texts)
    kinds = []
    for kind, count in kinds_inside(texts, given_only=organisation or parts[-1:] == ["id"], but=known):
        if kind == "card" and count < 2 and not any(" " in text or "-" in text for text in texts):
            continue
        if kind == "phone" and organisation:
            continue
        if kind in ("card", "phone", "network address") and of_things and not mean_long:
            continue
        if kind == "network address" and NUMBERED.intersection(parts) - {
            "line",
            "message",
            "event",
            "session",
        }:
            continue
        kinds.append((kind, count))
    if of_things or organisation:
        return kinds
    found = {known, *(kind for kind, _ in kinds)} - {""}
    if "phone" not in found and (count := _national_phones(texts)):
        kinds.append(("phone", count))
    if "national id" not in found and are_national_ids(texts, parts):
        kinds.append(("national id", len(texts)))
        kinds = [one for one in kinds if one[0] != "phone"]
    elif not found and (count := sum(map(has_form_of_national_id, texts))) >= max(2, FITS * len(texts)):
        kinds.append(("national id", count))
    return kinds


def _of_numbers(texts: Sequence[str], parts: Sequence[str], of_things: bool) -> list[tuple[str, int]]:
    """Return what whole numbers show by their check digits: payment cards and nothing weaker, for a key is a number, too."""
    if of_things or parts[-1:] in (["id"], ["key"], ["pk"], ["fk"]):
        return []
    judged = [seen for text in texts if (seen := personal_values.cards(text)) is not None]
    good = sum(judged)
    return [("card", good)] if good >= 2 and good >= 0.8 * len(texts) else []


_NATIONAL_PHONE = re.compile(
    r"0[1-9](?:[ .]\d\d){4}|\(0\d{1,5}\) ?\d{2,4}(?:[ -]?\d{2,5}){1,2}|0[1-9]\d{1,3}[ /-]\d{3,4}[ -]?\d{2,4}(?:[ -]?\d{2,3})?"
)
"""The forms of telephone numbers without their country."""


def _national_phones(texts: Sequence[str]) -> int:
    """Return the number of values that are telephone numbers without a country, if nearly all are and they differ."""
    good = [text for text in texts if NORTH_AMERICAN.fullmatch(text) or _NATIONAL_PHONE.fullmatch(text)]
    if len(good) < 2 or len(good) < 0.8 * len(texts):
        return 0
    counted = len({text[:-2] for text in good}) < len(good) and len({text[:4] for text in good}) == 1
    return 0 if counted else len(good)


# What the values of a column have to be for its name to be believed.
_DATE = re.compile(
    rf"{DATE}(?:[T ]00:00(?::00)?.*)?|(?:19|20)\d\d(?:\.0)?|(?:19|20)\d{{6}}|\d{{1,2}}[./-]\d{{1,2}}[./-]?",
    re.IGNORECASE,
)
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?Z|[+-]\d\d:?\d\d|[+-]\d\d)?)?")
_MEASURE = re.compile(r"\d{1,5}(?:[.,]\d+)? ?[a-zA-Z%]{1,3}")
_YES = word_set("yes no ja nein oui non si sí true false y n t f 0 1 on off high low medium open shut")


def _digits(text: str) -> int:
    return sum(sign.isdecimal() for sign in text)


def _is_phone(text: str) -> bool:
    return 6 <= _digits(text) <= 20 and sum(map(str.isalpha, text)) <= max(6, _digits(text))


def _is_number_of_person(text: str) -> bool:
    return _digits(text) >= 2 and 5 <= sum(map(str.isalnum, text)) <= 30 and not _MEASURE.fullmatch(text)


def _is_account(text: str) -> bool:
    return _digits(text) >= 6 and len(text) <= 45


def _is_card(text: str) -> bool:
    return (_digits(text) >= 12 and len(text) <= 30) or bool(re.fullmatch(r"[*xX• -]{4,}\d{4}|\d{3,4}", text))


def _is_name(text: str) -> bool:
    lower = text.lower()
    parts = re.split(r"[\W_]+", lower)
    return (
        any(map(str.isalpha, text))
        and _digits(text) <= 0.3 * len(text)
        and not _SYSTEMS.intersection(parts)
        and lower not in _YES
    )


def _is_address_of_device(text: str) -> bool:
    return (
        bool(
            re.search(
                r"\d{1,3}(?:\.(?:\d{1,3}|\*|x)){3}|:[0-9A-Fa-f]{0,4}:|[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}",
                text,
            )
        )
        or _digits(text) >= 14
    )


def _is_text(text: str) -> bool:
    return text.lower() not in _YES


_FITS: Mapping[str, Callable[[str], bool]] = {
    "email": lambda text: personal_values.emails(text) is True,
    "phone": _is_phone,
    "birth": lambda text: _DATE.fullmatch(text) is not None,
    "national id": _is_number_of_person,
    "bank account": _is_account,
    "card": _is_card,
    "network address": _is_address_of_device,
    "name": _is_name,
    "first name": _is_name,
    "last name": _is_name,
    "pay": lambda text: _digits(text) >= 2,
}


def _fitting(kind: str, texts: Sequence[str]) -> int:
    """Return the number of values that fit the kind that a name says."""
    fits = _FITS.get(kind, _is_text)
    return sum(map(fits, texts))


def is_contradicted(kind: str, values: Sequence[str]) -> bool:
    """Return True if values are there, and nearly none is what a name says: a `pan` of cast iron, a `mobile` that is `yes`."""
    texts = [text[:LONGEST] for value in values if (text := value.strip())]
    return (
        kind in _FITS
        and kind not in ("pay", "first name", "last name")
        and bool(texts)
        and _fitting(kind, texts) < 0.1 * len(texts)
    )
