"""Who can read what, why, until when and in which columns: by person, over many products, from the newest audit records.

A record is what a run proved on the storage, not what a file asks for. What was never applied has no record, and is named.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meshwright.core import pages
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable
from meshwright.product.agreement_length import shown_end

FOLDER = Path(__file__).parent
NOT_RECORDED = "not recorded: apply again"
"""What older records do not say."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would compute."""


@dataclass(frozen=True)
class Reading:
    """One person or program who reads one output port in one role."""

    person: str
    name: str
    kind: str
    product: str
    port: str
    role: str
    agreements: str
    purpose: str
    requested_by: str
    """A claim of the file."""
    approved_by: str
    decision: str
    """Why it was approved, if somebody wrote that."""
    until: str
    clear: str
    masked: str
    rows: str
    recorded: str
    """When the run was that granted it, or confirmed it last."""


@dataclass(frozen=True)
class ReadersReport:
    """All readings, sorted by person, and the ports about which nothing is known."""

    readings: tuple[Reading, ...]
    unknown: tuple[str, ...]
    """A sentence for each port without a record that can be read."""
    at: datetime


def _until(end: Any) -> str:
    try:
        return shown_end(datetime.fromisoformat(str(end))) if end else "without end"
    except ValueError:
        return str(end)[:10]


def readings(product: str, port: str, record: Mapping[str, Any]) -> Iterator[Reading]:
    """Yield who reads a port by its newest audit record."""
    terms, roles, people = (_mapping(record, part) for part in ("terms", "roles", "people"))
    approvals = _mapping(record, "agreements")
    for member in record["members"]:
        names = [str(name) for name in member["agreements"]]
        role = roles.get(member["role"])
        about = _mapping(people, member["principal"])
        yield Reading(
            person=member["principal"],
            name=str(about.get("name", "")),
            kind=str(about.get("kind", "")),
            product=product,
            port=port,
            role=member["role"],
            agreements=", ".join(names) or "open to everybody",
            purpose=_joined(_mapping(terms, name).get("purpose", NOT_RECORDED) for name in names),
            requested_by=_joined(_mapping(terms, name).get("requester", "") for name in names),
            approved_by=_joined(
                signer for name in names for signer in _mapping(approvals, name).get("signers", ())
            ),
            decision=_joined(_mapping(terms, name).get("decision", "") for name in names),
            until=_until(member["until"]),
            clear=_joined(role["clear"], ", ") if role else NOT_RECORDED,
            masked=_joined((f"{name} ({mask})" for name, mask in role["masked"].items()), ", ")
            if role
            else "",
            rows=(_joined(role["rows"], " and ") or "all") if role else "",
            recorded=str(record["at"]),
        )


def report(entries: Iterable[Reading], unknown: Sequence[str], at: datetime) -> ReadersReport:
    """Return the report, sorted by person, product, port and role."""
    ordered = sorted(entries, key=lambda one: (one.person.casefold(), one.product, one.port, one.role))
    return ReadersReport(tuple(ordered), tuple(unknown), at.astimezone(UTC))


def as_csv(report: ReadersReport) -> str:
    """Return CSV with a header; no cell is a formula, whatever somebody has written into an agreement."""
    sink = io.StringIO()
    writer = csv.writer(sink, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    names = [field.name for field in fields(Reading)]
    writer.writerow(names)
    for one in report.readings:
        writer.writerow([_cell(getattr(one, name)) for name in names])
    return sink.getvalue()


def as_json(report: ReadersReport) -> str:
    """Return the same for programs."""
    plain = {
        "at": report.at.isoformat(timespec="seconds"),
        "readings": [asdict(one) for one in report.readings],
        "unknown": list(report.unknown),
    }
    return json.dumps(plain, indent=2) + "\n"


def of_json(text: str) -> ReadersReport:
    """Return the report that `as_json` wrote. Raises Unreadable."""
    try:
        plain = json.loads(text)
        entries = [Reading(**{name: str(value) for name, value in one.items()}) for one in plain["readings"]]
        return report(entries, [str(one) for one in plain["unknown"]], datetime.fromisoformat(plain["at"]))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        fix = "Write it with `meshwright access report --format json`."
        raise Unreadable("The file is no report of readers.", fix) from error


def human(report: ReadersReport) -> str:
    """Return the same for people."""
    lines = []
    person = None
    for one in report.readings:
        if one.person != person:
            person = one.person
            lines.append(f"{one.name} ({one.person})" if one.name else one.person)
        lines.append(f"  {one.product} {one.port} as {one.role} until {one.until}, by {one.agreements}")
        lines.append(f"    for: {one.purpose}; approved by {one.approved_by or 'nobody: open access'}")
        lines.append(
            f"    sees {one.clear or 'no column as it is'}; masked: {one.masked or 'nothing'}; rows: {one.rows}"
        )
    lines += [f"! {sentence}" for sentence in report.unknown]
    return "".join(f"{printable(line)}\n" for line in lines) or "Nobody reads anything.\n"


def page(report: ReadersReport) -> str:
    """Return the same as an HTML page that loads nothing."""
    by_person: dict[str, list[Reading]] = {}
    for one in report.readings:
        by_person.setdefault(one.person, []).append(one)
    return pages.rendered(
        pages.environment(FOLDER).get_template("readers.html.jinja"), report=report, by_person=by_person
    )


FORMATS = {"human": human, "csv": as_csv, "html": page, "json": as_json}


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def _joined(texts: Iterable[Any], by: str = "; ") -> str:
    return by.join(dict.fromkeys(str(text) for text in texts if text))


def _mapping(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = value.get(key)
    return part if isinstance(part, Mapping) else {}
