"""Verify on the rows what names suggest: keys and references. Only with `--profile`, which needs the right to select."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from meshwright.core.errors import Error
from meshwright.inspection.joins import contained
from meshwright.inspection.model import Source as Opened
from meshwright.survey.commands import table_addresses
from meshwright.survey.estate import Estate
from meshwright.survey.model import Candidate, Part

FORMS = {"email": "an e-mail address", "ipv4": "a network address", "ipv6": "a network address", "iban": "a bank account", "card": "a payment card"}  # fmt: skip
"""Form that all values of a column have -> the kind of personal data."""
CERTAIN, POSSIBLE = 0.999, 0.8
"""Share of the values of a column that are keys of the other table, to believe a reference, and to keep it as doubtful."""


def profile(candidate: Candidate, estate: Estate) -> Iterator[tuple[str, str]]:
    """Add to a candidate what its rows show; yield the table and the reason for each that cannot be read."""
    opened: dict[str, Opened] = {}
    try:
        yield from _profiled(candidate, estate, opened)
    finally:
        for source in opened.values():
            _close(source)


def _profiled(candidate: Candidate, estate: Estate, opened: dict[str, Opened]) -> Iterator[tuple[str, str]]:
    for part, where in table_addresses(candidate, estate):
        try:
            opened[part.id] = _open(part, where, estate)
            if part.role == "main":
                _main(candidate, part, opened[part.id])
        except Error as error:
            _close(opened.pop(part.id, None))
            yield part.id, f"{error.sentence} fix: {error.fix}"
    for part in candidate.parts[1:]:
        try:
            _reference(candidate, part, opened)
        except Error as error:
            yield part.id, f"{error.sentence} fix: {error.fix}"


def _close(source: Opened | None) -> None:
    if close := getattr(source, "close", None):
        close()


def _open(part: Part, where: str, estate: Estate) -> Opened:
    """Open a table or file for reading its rows. Raises Error."""
    database = estate.source_of[part.id].database
    if database:
        from meshwright.inspection.database_opening import open_tables

        return open_tables("profile", replace(database, schema=part.table.schema, table=part.table.name))[0]
    from meshwright.inspection.sources import open_source

    return open_source("profile", where, Path())[0]


def _main(candidate: Candidate, part: Part, source: Opened) -> None:
    found = source.profile()
    rows = f"{found.rows:,} row{'s' if found.rows != 1 else ''}"
    if not found.rows:
        candidate.evidence.append("profiled: no rows")
        return
    keys = " or ".join(" + ".join(key) for key in found.keys[:3])
    candidate.evidence.append(f"profiled: {rows}; {f'verified key {keys}' if keys else 'no key was found'}")
    candidate.evidence += [f"profiled: {note}" for note in found.notes]
    if found.keys:
        candidate.doubts = [doubt for doubt in candidate.doubts if "key" not in doubt]
    else:
        candidate.doubts.append(f"no column of {part.id}, and no pair, tells its rows apart")
    known = {(table, column) for table, column, _ in candidate.sensitive}
    for name, column in found.columns.items():
        if column.form in FORMS and (part.id, name) not in known:
            candidate.sensitive.append((part.id, name, FORMS[column.form]))


def _reference(candidate: Candidate, part: Part, opened: dict[str, Opened]) -> None:
    """Verify the reference by which a table belongs to the candidate, if it is only a guess."""
    key = part.key
    if key is None or key.declared:
        return
    child, parent = opened.get(part.referring), opened.get(part.referred)
    if child is None or parent is None or not key.other_columns:
        return
    found = contained(child, key.columns, parent, key.other_columns)
    if not found.looked_for:
        candidate.evidence.append(f"profiled: {part.referring} has no value of {', '.join(key.columns)}")
        return
    share = found.found / found.looked_for
    what = f"{found.found:,} of {found.looked_for:,} values of {part.referring}.{', '.join(key.columns)} are keys of {part.referred}"
    if share >= CERTAIN:
        candidate.evidence.append(f"profiled: {what}")
        part.verified = True
    elif share >= POSSIBLE:
        candidate.doubts.append(f"only {what}")
    else:
        candidate.doubts.append(f"{what}: it may not belong here")
