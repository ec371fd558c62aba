"""What the columns of a table say about it: times of events, technical columns, personal data."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshwright.inspection.model import Column, Table
from meshwright.product.personal_columns import suggested_kind
from meshwright.product.personal_data import KINDS_BY_NAME
from meshwright.survey.names import words

CREATED = {"created", "inserted", "added", "recorded"}
CHANGED = {"updated", "modified", "changed", "edited", "update", "modification"}
MASTER = {"valid", "until", "expires", "expiry", "expiration", "expire", "birth", "born", "dob", "hired", "hire", "employed", "onboarded", "founded", "due", "joined", "effective", "opened", "acquired", "registered", "since", "installed", "removed", "commissioned", "decommissioned", "retired", "built", "established", "purchased", "bought"}  # fmt: skip
"""Words of dates that describe a record and are no event."""
START, END = {"start", "starts", "begin", "begins", "from", "first"}, {"end", "ends", "to", "last", "until"}
LOADED = re.compile(
    r"_(?:loaded_at|fivetran_\w+|airbyte_\w+|dlt_\w+|sdc_\w+|kafka_\w+|ingest\w*|batch\w*|etl\w*)|(?:dw|etl)_\w+|load(?:ed)?_(?:at|ts|date)",
    re.IGNORECASE,
)
"""Columns that a loader adds."""
TECHNICAL = re.compile(
    r"(?:created|updated|modified|changed|deleted|inserted)_?(?:by|at|on|date|time|ts|user)?|last_?(?:updated?|modified|changed)\w*"
    r"|row_?guid|row_?id|version|row_?version|lock_version|is_?(?:active|deleted|default)|active|deleted|sort_?order|position",
    re.IGNORECASE,
)
"""Columns that say nothing about the subject of the table."""
_SECRET = re.compile(r"(?:\w+_)?(?:pass_?word|passwd|encrypted_password|password_\w+|pin|secret|api_?key|access_?token)", re.IGNORECASE)  # fmt: skip


def is_temporal(column: Column) -> bool:
    """Return True for dates and timestamps, and for texts and numbers that are named as such."""
    type = column.type.upper()
    if type.startswith(("DATE", "TIMESTAMP")):
        return True
    last = words(column.name)[-1:] or ("",)
    return type.startswith(("VARCHAR", "TEXT")) and last[0] in ("at", "on", "date", "timestamp", "ts", "time")


def is_loader(column: Column) -> bool:
    """Return True for a column that a loader has added."""
    return bool(LOADED.fullmatch(column.name))


def is_technical(column: Column) -> bool:
    """Return True for a column that says nothing about the subject of its table."""
    return is_loader(column) or bool(TECHNICAL.fullmatch(column.name))


def change_column(table: Table) -> str:
    """Return the column that changes with every change of a row, or the one that says when it was made; else nothing."""
    times = [column for column in table.columns if is_temporal(column)]
    for kinds in (CHANGED, CREATED):
        for column in times:
            if kinds & {*words(column.name)}:
                return column.name
    loaded = [column.name for column in times if is_loader(column)]
    events = happenings(table)
    return (events or loaded or ("",))[0]


def event_times(table: Table) -> tuple[str, ...]:
    """Return the columns that say when something happened, other than when the row was made or changed.

    The creation of a row is the event itself where rows are never changed.
    """
    times = [column for column in table.columns if is_temporal(column) and not is_loader(column)]
    made = [column.name for column in times if CREATED & {*words(column.name)}]
    changed = [column.name for column in times if CHANGED & {*words(column.name)}]
    events = [column.name for column in times if column.name not in (*made, *changed)]
    return tuple(events or ([] if changed else made))


def happenings(table: Table) -> tuple[str, ...]:
    """Return the times at which something happened: no creation of a row, and no date of a master record or a validity."""
    found = []
    for name in event_times(table):
        parts = {*words(name)}
        if not parts & (CREATED | CHANGED | MASTER):
            found.append(name)
    return tuple(found)


def is_period(table: Table) -> bool:
    """Return True if all times of a table are the two ends of a period, in days: a term, a season, a fiscal year."""
    times = [column for column in table.columns if column.name in event_times(table)]
    ends = [word for column in times for word in words(column.name) if word in START | END]
    return len(times) == 2 == len(ends) and all(column.type.upper() == "DATE" for column in times)


def personal(table: Table) -> Iterator[tuple[str, str, str]]:
    """Yield the columns whose names suggest personal or sensitive data, the kind of it, and the classification that it needs."""
    for column in table.columns:
        if _SECRET.fullmatch("_".join(words(column.name))):
            yield column.name, "a secret", "secret"
        elif name := suggested_kind(column.name, column.type, table.name):
            kind = KINDS_BY_NAME[name][0]
            yield column.name, kind.what, kind.classification
