"""Recognize personal data, by the names of columns and by the form of whole values: what a draft proposes."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from meshwright.product.personal_values import emails, ip_addresses
from meshwright.product.personal_words import MORE_PEOPLE, fold, kind_of_words

IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
CARD = re.compile(
    r"(4\d{12}(\d{3}){0,2}|(5[1-5]|2[2-7])\d{14}|3[47]\d{13}|(6011|65\d\d|64[4-9]\d)\d{12}|3(0[0-5]|[68]\d)\d{11})"
)
"""The number ranges of the large card schemes."""
SEPARATED = re.compile(r"[ -]")


def _is_iban(value: str) -> bool | None:
    plain = SEPARATED.sub("", value).upper()
    if not IBAN.fullmatch(plain):
        return None
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def _is_card(value: str) -> bool | None:
    plain = SEPARATED.sub("", value)
    if not CARD.fullmatch(plain):
        return None
    digits = [int(digit) for digit in reversed(plain)]
    total = sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return total % 10 == 0


def are_cards(values: Iterable[str]) -> bool:
    """Return True if several values are numbers of payment cards, and nearly all are."""
    listed = list(values)
    good = sum(_is_card(value) is True for value in listed)
    return good >= FEWEST and good >= 0.8 * len(listed)


FEWEST = 2
"""Payment cards: a single number may be correct by chance."""


@dataclass(frozen=True)
class Kind:
    """A kind of personal data."""

    what: str
    """What it is, for a sentence."""
    maker: str
    """How made-up values of it are formed."""
    classification: str = "confidential"


KINDS_BY_NAME: Mapping[str, tuple[Kind, str]] = {
    "email": (
        Kind("an e-mail address", "email"),
        "email e_mail mail email_address e_mail_address mail_address email_addr",
    ),
    "phone": (
        Kind("a phone number", "digits"),
        "phone telephone mobile cell cellphone cell_phone fax msisdn telefon telefono telefoon handy phone_number phone_no"
        " phone_nr telephone_number mobile_number mobile_phone mobile_no fax_number tel telefonnummer contact_number",
    ),
    "first name": (
        Kind("a person's first name", "first name"),
        "first_name firstname given_name givenname forename middle_name middlename fname vorname prenom nombre",
    ),
    "last name": (
        Kind("a person's last name", "last name"),
        "last_name lastname surname family_name familyname maiden_name lname nachname familienname apellido apellidos",
    ),
    "name": (
        Kind("a person's name", "name"),
        "full_name fullname display_name person_name contact_name customer_name client_name user_full_name employee_name"
        " patient_name passenger_name member_name student_name teacher_name driver_name guest_name cardholder"
        " cardholder_name account_holder name_on_card owner_name holder_name author_name manager_name supervisor_name"
        " recipient recipient_name sender_name beneficiary beneficiary_name next_of_kin emergency_contact ship_name"
        " assigned_to assignee created_by updated_by modified_by changed_by approved_by requested_by reported_by"
        " sales_rep salesperson sales_person account_manager ansprechpartner",
    ),
    "user name": (
        Kind("a user name", "text"),
        "username user_name login login_name nickname screen_name twitter_handle",
    ),
    "birth": (
        Kind("a date of birth", "date"),
        "date_of_birth birth_date birthdate birthday dob birth_year year_of_birth yob birth_day born born_on geburtsdatum"
        " geburtstag date_naissance fecha_nacimiento",
    ),
    "address": (
        Kind("an address", "text"),
        "address street street_address street_name house_number address_line home_address postal_address mailing_address"
        " billing_address shipping_address delivery_address ship_address bill_address full_address address_1 address_2"
        " addr strasse anschrift adresse direccion postal_code postcode post_code zip zip_code zipcode plz"
        " ship_postal_code po_box",
    ),
    "national id": (
        Kind("a national identity number", "digits", "secret"),
        "ssn social_security_number social_security national_id national_id_number national_identity_number nino"
        " national_insurance_number insurance_number passport passport_number passport_no passport_nr tax_id tax_number"
        " taxpayer_id tin driver_license drivers_license driver_licence driving_licence license_number_of_driver"
        " licence_plate license_plate personnummer bsn cpf curp dni codice_fiscale steuer_id steuernummer sin_number"
        " identity_card id_card id_card_number personal_id personal_number personal_identification_number aadhaar nhs_number"
        " medical_record_number mrn",
    ),
    "bank account": (
        Kind("a bank account", "digits", "secret"),
        "iban account_number bank_account bank_account_number bank_account_no sort_code routing_number",
    ),
    "card": (
        Kind("a payment card", "digits", "secret"),
        "credit_card credit_card_number card_number card_no cc_number pan cvv cvc cvv2 card_cvv debit_card"
        " debit_card_number",
    ),
    "network address": (
        Kind("a network address", "digits"),
        "ip ip_address ip_addr ipv4 ipv6 client_ip remote_addr remote_ip source_ip user_ip last_ip mac mac_address",
    ),
    "secret": (
        Kind("a password or token", "text", "secret"),
        "password passwd pwd password_hash passwort secret token access_token refresh_token api_key auth_token session_token"
        " security_answer pin_code",
    ),
    "pay": (
        Kind("a person's pay", "digits"),
        "salary wage wages income annual_income monthly_income gehalt lohn base_salary yearly_salary hourly_rate_of_pay",
    ),
    "location": (
        Kind("where a person is", "digits"),
        "latitude longitude lat lon lng geo_lat geo_lon coordinates gps",
    ),
    "age": (Kind("a person's age", "digits"), "age"),
    "health or belief": (
        Kind("health, belief or origin", "text", "secret"),
        "diagnosis diagnoses blood_type disability religion ethnicity sexual_orientation medical_history medication"
        " allergies political_opinion trade_union criminal_record",
    ),
    "free text": (
        Kind("free text, which may name people", "words"),
        "comment comments note notes remark remarks message feedback review_text bio biography about_me memo free_text"
        " body_text bemerkung bemerkungen kommentar",
    ),
}  # fmt: skip
"""Kind -> what it is, and the names of columns that hold it."""

UNCERTAIN = {"age", "location", "free text", "address", "user name", "pay"}
"""Kinds whose names also mean other things; `draft` proposes them, but nobody is accused because of them."""
PEOPLE = frozenset(
    [
        "customer",
        "client",
        "user",
        "person",
        "people",
        "employee",
        "staff",
        "patient",
        "passenger",
        "member",
        "contact",
        "student",
        "teacher",
        "pupil",
        "driver",
        "guest",
        "subscriber",
        "citizen",
        "tenant",
        "lead",
        "owner",
        "author",
        "player",
        "donor",
        "applicant",
        "candidate",
        "worker",
        "visitor",
        "resident",
        "nurse",
        "doctor",
        "physician",
        "buyer",
        "seller",
        "borrower",
        "voter",
        "attendee",
        "participant",
        "respondent",
        "individual",
        "human",
        "kunde",
        "mitarbeiter",
        "persona",
        "cliente",
        "spouse",
        "parent",
        "child",
        "manager",
        "supervisor",
        "private",
        "personal",
        "home",
        "accountholder",
        "signatory",
        "actor",
        "agent",
        "rep",
        "representative",
        "host",
        "coach",
        "reviewer",
        "approver",
        "requester",
        "instructor",
        "lecturer",
        "tutor",
        "pilot",
    ]
)
"""Words for people; before a name, or as the name of a table, they say that a column is about them."""
_KIND_OF_NAME = {name: kind for kind, (_, names) in KINDS_BY_NAME.items() for name in names.split()}
_OF_THINGS = {
    "lead",
    "contact",
    "private",
    "personal",
    "home",
    "individual",
    "human",
    "parent",
    "child",
    "resident",
}
"""Words of PEOPLE that name nobody when they stand alone as the name of a column."""
_NEUTRAL = frozenset(
    [
        "value",
        "raw",
        "text",
        "old",
        "new",
        "primary",
        "secondary",
        "alt",
        "alternate",
        "current",
        "previous",
        "clean",
        "norm",
        "normalized",
        "1",
        "2",
        "3",
        "4",
    ]
)
_LONGEST = max(name.count("_") for name in _KIND_OF_NAME) + 1


def words(name: str) -> list[str]:
    """Return the words of a column's name: `customerEmail_2` has customer, email and 2."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)", " ", name)
    return [word for word in re.split(r"[\W_]+", spaced.lower()) if word]


def is_person(name: str) -> bool:
    """Return True if a name (of a table, or of what a column belongs to) is a word for people."""
    return any(
        word in PEOPLE or word.removesuffix("s") in PEOPLE or fold(word) in MORE_PEOPLE
        for word in words(name)
    )


def kind_of_name(column: str, table: str = "") -> str:
    """Return the kind of personal data that a column's name says; empty if it says none.

    The name has to end in it: `customer_email` is an address, `email_verified` is not, nor is `ACADEMIC_YEAR_CODE` a code
    of a card. Without the name of its `table`, only what the name alone makes certain is returned.
    """
    parts = words(column)
    while len(parts) > 1 and parts[-1] in _NEUTRAL:
        parts = parts[:-1]
    for length in range(min(_LONGEST, len(parts)), 0, -1):
        kind = _KIND_OF_NAME.get("_".join(parts[-length:]))
        before = parts[:-length]
        if kind == "location" and not is_person(table) and not is_person("_".join(before)):
            return ""
        if kind and not _is_about_something_else(kind, parts[-length:], before):
            return "" if kind in UNCERTAIN and not table and not is_person("_".join(before)) else kind
    if parts[-1:] == ["name"] and (is_person("_".join(parts[:-1])) or (len(parts) == 1 and is_person(table))):
        return "name"
    if table and len(parts) == 1 and parts[0] in PEOPLE - _OF_THINGS:
        return "name"
    return kind_of_words(parts, words(table), PEOPLE) if table else ""


def _is_about_something_else(kind: str, ending: list[str], before: list[str]) -> bool:
    """Return True where words before a short name give it another meaning: `mean_age`, `branch_code_pan`."""
    person = is_person("_".join(before))
    match ending:
        case ["age"] | ["token"] | ["secret"] | ["mail"] | ["cell"] | ["mobile"] | ["born"] | ["tel"]:
            return bool(before) and not person
        case ["login"] if before[-1:] in (["last"], ["first"]):
            return True
        case ["adresse"] if before[-1:] in (["mail"], ["email"]):
            return True
        case ["nombre"]:
            return bool(before) and not person
        case ["pan"] | ["mac"] | ["sin"] | ["ip"] | ["cvv"] | ["cvc"]:
            return bool(before) and not person and kind not in ("network address", "card")
        case ["address"] if before and before[-1] in (
            "ip",
            "mac",
            "memory",
            "web",
            "url",
            "contract",
            "wallet",
        ):
            return True
    return bool({"count", "number_of", "has", "is"} & {*before[:1]})


@dataclass(frozen=True)
class Form:
    """A form of values that is likely to be personal, though its check is weak or there is none."""

    kind: str
    """A key of KINDS_BY_NAME."""
    is_of: Callable[[str], bool]
    share: float
    """Share of the values that must have it."""


_PHONE = re.compile(r"(\+|00)\d{1,3}[ ()./-]*(\d[ ()./-]*){6,13}(( ?x| ?ext\.? ?)\d{1,6})?|\(\d{2,5}\) ?\d{2,4}[ .-]?\d{2,5}([ .-]?\d{1,5})?|\d{3}[.-]\d{3}[.-]\d{4}|0\d{2,5}[ /-]\d{3,10}([ -]?\d{2,5})?(( ?x| ?ext\.? ?)\d{1,6})?")  # fmt: skip
_SSN = re.compile(r"(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
_NINO = re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]")
_CODICE = re.compile(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]")
_CPF = re.compile(r"\d{3}\.\d{3}\.\d{3}-\d{2}")
_STREET = re.compile(
    r"\d{1,6}[A-Za-z]?,? +([\w.'’-]+ +){0,5}(street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|way|place|pl"
    r"|square|sq|terrace|close|crescent|highway|hwy|parkway|pkwy|circle|cir)\b.*"
    r"|[\w.'’ -]+(straße|strasse|str\.|weg|platz|gasse|allee|laan|straat|plein|gatan|vej) +\d{1,5}.*"
    r"|(rue|avenue|boulevard|place|calle|plaza|via|viale|piazza|rua|avenida|c/) +[\w.'’ -]+,? *\d{0,5}.*",
    re.IGNORECASE,
)


def _is_ip(value: str) -> bool:
    if not re.fullmatch(r"[0-9A-Fa-f:.]{3,45}", value) or ("." not in value and value.count(":") < 2):
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return ip_addresses(value) is True  # no version, no netmask


def _is_cpf(value: str) -> bool:
    """Return True for a Brazilian CPF with its two check digits."""
    if not _CPF.fullmatch(value):
        return False
    digits = [int(sign) for sign in value if sign.isdigit()]
    return all(
        (sum((size + 1 - place) * digits[place] for place in range(size)) * 10 % 11) % 10 == digits[size]
        for size in (9, 10)
    )


FORMS = (
    Form("email", lambda value: emails(value) is True, 0.0),
    Form("bank account", lambda value: _is_iban(value) is True, 0.2),
    Form("card", lambda value: _is_card(value) is True, 0.5),
    Form("national id", lambda value: bool(_SSN.fullmatch(value) or _NINO.fullmatch(value) or _CODICE.fullmatch(value)) or _is_cpf(value), 0.3),
    Form("network address", _is_ip, 0.5),
    Form("phone", lambda value: _PHONE.fullmatch(value) is not None, 0.3),
    Form("address", lambda value: _STREET.fullmatch(value) is not None, 0.3),
)  # fmt: skip


def kind_of_values(values: Iterable[str]) -> str:
    """Return the kind of personal data that values are likely to be, the more sensitive one in doubt; empty if none."""
    texts = [value.strip() for value in values if value and value.strip()]
    for form in FORMS:
        good = sum(len(text) <= 2000 and form.is_of(text) for text in texts)
        if good and good >= form.share * len(texts):
            return form.kind
    return ""
