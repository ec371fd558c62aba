"""The text of a request: whatever people write stays a text, and reads back as it was written."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from request_texts import HOSTILE

from meshwright.core.yaml import parse
from meshwright.product import schema
from meshwright.product.agreement_text import agreement_text, fields_of
from meshwright.product.validate import misshapen

FIELDS = {
    "id": "delays",
    "description": "Why flights are late",
    "providerTeam": "operations",
    "product": "airport-operations/departures",
    "team": "punctuality",
    "role": "reader",
    "start": "2026-12-01T00:00:00Z",
    "end": "2027-03-01T00:00:00Z",
    "principals": ["group:analysts"],
    "requester": "bo@example.org",
}
TEXT = """\
# yaml-language-server: $schema=../../.meshwright/access-agreement.schema.json
apiVersion: v0.9.0
kind: AccessAgreement
id: "delays"
status: requested
description:
  purpose: "Why flights are late"
provider:
  teamId: "operations"
  dataProductId: "airport-operations/departures"
consumer:
  teamId: "punctuality"
roles:
  - role: "reader"
startTimestamp: "2026-12-01T00:00:00Z"
endTimestamp: "2027-03-01T00:00:00Z"
customProperties:
  - property: principal
    value: "group:analysts"
  - property: requester
    value: "bo@example.org"
"""


def test_a_request_is_written_line_by_line() -> None:
    assert agreement_text(FIELDS) == TEXT
    assert not list(misshapen(parse("delays.yaml", TEXT), schema.access_agreement))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_a_text_for_every_reader(text: str) -> None:
    fields = FIELDS | {
        "description": text,
        "team": text,
        "principals": [text, f"group:{text}"],
        "renews": "x",
    }
    written = agreement_text(fields)
    for value in (yaml.safe_load(written), parse("delays.yaml", written).value):
        assert fields_of(value) == fields
    assert written.count("\n") == TEXT.count("\n") + 2
    assert all(line.isprintable() for line in written.split("\n"))


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60))
def test_any_text_reads_back(text: str) -> None:
    written = agreement_text(FIELDS | {"description": text})
    assert yaml.safe_load(written)["description"]["purpose"] == text
    assert parse("delays.yaml", written).get("description.purpose") == text


def test_fields_that_are_empty_have_no_line() -> None:
    assert agreement_text(FIELDS | {"port": "", "purpose": "", "consumer": "", "renews": ""}) == TEXT
