"""Columns have the names in models that they land with."""

from __future__ import annotations

import pytest

from meshwright.inspection.landed_names import landed_name


@pytest.mark.parametrize(
    ("name", "file", "database"),  # the last as dlt 1.31 has it, compared for 3,000 random names
    [
        ("Flight No.", "flight_no", "flight_no"),
        ("Größe", "größe", "gr_e"),
        ("café", "café", "cafx"),
        ("1st", "1st", "_1st"),
        ("a__b", "a__b", "a_b"),
        ("日本", "日本", "x"),
        ("customerId", "customerid", "customerid"),
        ("_x_", "x", "x"),
        ("!", "unnamed", "unnamed"),
    ],
)
def test_a_name_lands_as_its_input_loads_it(name: str, file: str, database: str) -> None:
    assert landed_name(name, "file@1") == landed_name(name, "data-product@1") == file
    assert landed_name(name, "database@1") == database
