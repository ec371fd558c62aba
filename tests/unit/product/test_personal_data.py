"""Columns and values that are recognized as personal, and those that only look alike."""

from __future__ import annotations

import pytest

from meshwright.product.personal_data import kind_of_name, kind_of_values


@pytest.mark.parametrize(
    ("column", "table", "kind"),
    [
        ("email", "", "email"),
        ("customerEmail_2", "orders", "email"),
        ("email_verified", "customers", ""),
        ("ACADEMIC_YEAR_CODE", "courses", ""),
        ("phone_number", "", "phone"),
        ("phone_type", "customers", ""),
        ("Vorname", "kunden", "first name"),
        ("last_name", "", "last name"),
        ("name", "customers", "name"),
        ("name", "products", ""),
        ("product_name", "customers", ""),
        ("customer_name", "", "name"),
        ("company_name", "", ""),
        ("latitude", "customers", "location"),
        ("latitude", "airports", ""),
        ("user", "orders", "name"),
        ("parent", "categories", ""),
        ("DateOfBirth", "", "birth"),
        ("birth_year", "", "birth"),
        ("street", "shops", "address"),
        ("ip_address", "", "network address"),
        ("ssn", "", "national id"),
        ("passport_no", "", "national id"),
        ("cvv", "", "card"),
        ("salary", "employees", "pay"),
        ("comment", "orders", "free text"),
        ("comment_count", "posts", ""),
        ("age", "passengers", "age"),
        ("mean_age", "trees", ""),
        ("page", "books", ""),
        ("species", "penguins", ""),
        ("bill_length_mm", "penguins", ""),
        ("airline", "flights", ""),
        ("password_hash", "", "secret"),
    ],
)
def test_names(column: str, table: str, kind: str) -> None:
    assert kind_of_name(column, table) == kind


NAMES = {
    "email": "correo courriel email_home email_work emailadresse E-Mail-Adresse eMailPrivat sähköposti posta",
    "phone": "tel_mobile tel_nr telefonnr telefon_privat Handynummer celular phone_home phone1 gsm portable",
    "first name": "voornaam name_first fst_nm first_nm imie etunimi fornamn prénom vornameKunde",
    "last name": "achternaam cognome nazwisko last_nm name_last lastname1 příjmení primer_apellido efternavn sukunimi",
    "name": "pt_name patname cust_nm custname empname emp_name nom nome naam nombre_completo kundenname betreuer signed_by",
    "birth": "gebdat geb_datum geb data_nascita bdate birthdt dob_date date_de_naissance fecha_de_nacimiento d_o_b pt_dob",
    "national id": "rut svnr sv_nummer pesel nif nir pnr ssn_last4 ahv_nr dni_nie kennzeichen soc_sec_no steuerIdNr bsn_nr",
    "bank account": "kontonummer iban_nr ktonr acct_no cuenta_bancaria",
    "address": "calle rue straat indirizzo code_postal addr_line_1 Straße",
    "pay": "sueldo salaire net_pay gehaltsbrutto",
    "health or belief": "icd icd10 dx krankheit religion_code",
    "free text": "notiz bem observaciones anmerkungen note_txt",
    "secret": "pwd_hash wachtwoord",
    "": "status mobile_app mobile_sessions city_name file_name filename tablename product_name phone_model email_opens"
    " birth_rate account_type account_id race_id last_login page paid pay_date address_type telemetry language_code"
    " postal_area cell_count patent pattern first_seen data_id genome is_mobile fiscal_year island sex name title nominal",
}  # fmt: skip
"""Kind -> names in many languages, in parts or in one word, in a table that says nothing."""


@pytest.mark.parametrize(
    ("column", "kind"), [(name, kind) for kind, names in NAMES.items() for name in names.split()]
)
def test_names_in_many_languages(column: str, kind: str) -> None:
    assert kind_of_name(column, "data") == kind


@pytest.mark.parametrize(
    "table", ["customers", "people", "employees", "patients", "contacts", "kunden", "pacientes"]
)
@pytest.mark.parametrize("column", ["name", "nom", "nome"])
def test_the_name_of_a_person(column: str, table: str) -> None:
    assert kind_of_name(column, table) == "name"


@pytest.mark.parametrize("table", ["products", "produits", "prodotti", "cities"])
@pytest.mark.parametrize("column", ["name", "nom", "nome"])
def test_the_name_of_a_thing(column: str, table: str) -> None:
    assert kind_of_name(column, table) == ""


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["ada@mail.example.com", "-"], "email"),
        (["Ask bo@mail.example.com for it", "yes", "no"], "email"),
        (["+49 171 1234567", "+44 20 7946 0958"], "phone"),
        (["(555) 123-4567", "555-123-4567"], "phone"),
        (["DE89370400440532013000", "GB82WEST12345698765432"], "bank account"),
        (["4111111111111111", "5500000000000004"], "card"),
        (["078-05-1120", "219-09-9999"], "national id"),
        (["529.982.247-25"], "national id"),
        (["192.168.0.1", "2001:db8::1"], "network address"),
        (["12 High Street", "4 Elm Rd"], "address"),
        (["Hauptstraße 12", "Am Weg 3"], "address"),
        (["2024-01-31", "2024-02-01"], ""),
        (["2024-2025", "2025-2026"], ""),
        (["12.50", "3.10"], ""),
        (["N14228", "N24211"], ""),
        (["1234567890", "9876543210"], ""),
        (["Adelie", "Gentoo"], ""),
        ([], ""),
    ],
)
def test_values(values: list[str], kind: str) -> None:
    assert kind_of_values(values) == kind
