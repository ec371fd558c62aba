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
