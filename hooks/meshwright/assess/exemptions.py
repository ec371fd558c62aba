"""What governance excepts for a while, in fitness.yaml or from single rules of one product, applied to an assessment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from meshwright.assess.expectations import Exemption, Expectations
from meshwright.product import exceptions
from meshwright.product.record import Record


def apply(
    products: Sequence[dict[str, Any]], expectations: Expectations, records: Sequence[Record], now: datetime
) -> list[str]:
    """Turn what is broken and excepted into `excepted`; return notes on exceptions that have ended, or do nothing."""
    notes = []
    today = now.date()
    _rule_exceptions(products, records, today)
    for exemption in expectations.exemptions:
        what = f"{exemption.function} of {exemption.product}"
        if exemption.until < today:
            notes.append(f"The exception for {what} ended on {exemption.until}; it no longer applies.")
            continue
        if exemption.function in expectations.off:
            notes.append(f"The exception for {what} has no effect: the function is off.")
            continue
        if not any(exemption.covers(record.id) for record in records):
            notes.append(f"The exception for {what} has no effect: the mesh has no such product.")
            continue
        results = [
            result
            for product in products
            if exemption.covers(product["id"])
            for result in product["results"]
            if result["function"] == exemption.function
        ]
        for result in results:
            _except(result, exemption)
        if results and all(result["state"] == "kept" for result in results):
            notes.append(f"The exception for {what} has no effect: the function is kept.")
    return notes


METAMODEL = "MetamodelKept"


def _rule_exceptions(products: Sequence[dict[str, Any]], records: Sequence[Record], today: date) -> None:
    """Except what a product breaks of the metamodel if an approved exception covers each broken rule."""
    by_id = {record.id: exceptions.applying(record.value, today) for record in records}
    for product in products:
        suspended = by_id.get(product["id"], {})
        for result in product["results"] if suspended else ():
            rules = {one["place"] for one in result["verdicts"] if one["state"] == "broken"}
            if result["function"] != METAMODEL or not rules or not rules <= suspended.keys():
                continue
            covering = [suspended[rule] for rule in sorted(rules)]
            first = min(covering, key=lambda one: one.until or date.max)
            result |= {
                "state": "excepted",
                "reason": "; ".join(
                    f"{one.rule}: {one.reason} (approved by {one.approved_by})" for one in covering
                ),
                "until": f"{first.until}",
            }


def _except(result: dict[str, Any], exemption: Exemption) -> None:
    """Except a result; of several exceptions the one counts that ends last."""
    until = exemption.until.isoformat()
    if result["state"] == "broken" or (result["state"] == "excepted" and result["until"] < until):
        by = f" (approved by {exemption.approved_by})" if exemption.approved_by else ""
        result |= {"state": "excepted", "reason": f"{exemption.reason}{by}", "until": until}
