"""Asking for access many times at once: a request for each row of a CSV file, all or none."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from meshwright.access.request import (
    WITHOUT_DIRECTORY,
    Prepared,
    ProductFiles,
    create,
    days,
    not_in_directory,
    prepare,
    product_files,
    pull_request_steps,
    unknown_readers,
)
from meshwright.access.request_text import request_fields
from meshwright.core.text import listed, short
from meshwright.core.yaml import Document, Unreadable
from meshwright.product import schema
from meshwright.product.agreement_text import fields_of
from meshwright.product.validate import misshapen

NEEDED = ("agreement", "role", "principals", "for", "until", "team", "requester")
OTHERS = ("purpose", "from", "output", "consumer")
MOST_ROWS = 200
MOST_BYTES = 1_000_000

Row = Mapping[str, str]


def request_all(root: Path, file: Path, directory: str | None) -> str:
    """Write a request for each row; return what to do next. Raises Unreadable, and writes nothing then.

    A row whose request is there already is left alone, also once it is approved, so that a run can be repeated.
    """
    rows = list(_rows(file))
    product = product_files(root)
    strangers = set(
        unknown_readers(sorted({who for _, row in rows for who in row["principals"].split()}), directory)
    )
    prepared: list[Prepared] = []
    problems: list[str] = []
    for line, row in rows:
        try:
            for reader in row["principals"].split():
                if reader in strangers:
                    raise not_in_directory(reader)
            prepared.append(_prepared(product, row, prepared))
        except Unreadable as error:
            problems.append(f"line {line}: {error} Fix: {error.fix}")
    if problems:
        raise Unreadable(
            f"{file}: {len(problems)} of {len(rows)} rows cannot be asked for, and nothing was written. {' '.join(problems)}",
            "Fix these rows, and run it again.",
        )
    new = [one for one in prepared if not (root / one.path).exists()]
    for one in new:
        create(root, one)
    left = len(prepared) - len(new)
    return "\n".join(
        [
            *(f"wrote {one.path}" for one in new),
            *([f"{left} of them were there already."] if left else []),
            *pull_request_steps(root, prepared),
            *([] if directory else [WITHOUT_DIRECTORY]),
        ]
    )


def _prepared(product: ProductFiles, row: Row, before: Sequence[Prepared]) -> Prepared:
    """Return the request of one row. Raises Unreadable."""
    for name in NEEDED:
        if not row[name]:
            raise Unreadable(f"It has no `{name}`.", f"Write it into the column {name}.")
    start, until = days(_day(row, "from"), _day(row, "until"))
    fields = request_fields(
        row["agreement"],
        row["role"],
        row["principals"].split(),
        row["for"],
        row["purpose"] or None,
        until,
        start,
        row["team"],
        row["requester"],
        row["output"] or None,
        row["consumer"] or None,
    )
    prepared = prepare(product, fields, [one.document for one in before])
    if any(one.path == prepared.path for one in before):
        raise Unreadable(
            f"Another row is {short(prepared.name)}, too.", "Give each agreement a name of its own."
        )
    for existing in product.agreements:
        if existing.path.name == prepared.document.path.name and _asks(existing, row) != _asks(
            prepared.document, row
        ):
            raise Unreadable(
                f"{prepared.path} is there already, and asks for something else.",
                "Give the agreement another name.",
            )
    return prepared


def _asks(agreement: Document, row: Row) -> Mapping[str, Any] | None:
    """Return what an agreement asks for, however far it is; None if it cannot be read. Without a first day, any will do."""
    if any(misshapen(agreement, schema.access_agreement)):
        return None
    fields = fields_of(agreement.value)
    return fields if row["from"] else {name: value for name, value in fields.items() if name != "start"}


def _day(row: Row, column: str) -> datetime | None:
    if not row[column]:
        return None
    try:
        return datetime.strptime(row[column], "%Y-%m-%d")
    except ValueError as error:
        raise Unreadable(
            f"`{column}` is {short(row[column])}, and no day.", "Write a day such as 2027-06-30."
        ) from error


def _rows(file: Path) -> Iterator[tuple[int, Row]]:
    """Yield the line at which each row begins, and the row. Raises Unreadable."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise Unreadable(f"{file} has more than {MOST_BYTES:,} bytes.", "Divide it.")
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{file}: It cannot be read: {error}.", "Save it as CSV in UTF-8.") from error
    head = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""),
        delimiter=";" if head.count(";") > head.count(",") else ",",
        strict=True,
    )
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        unknown = [name for name in names if name not in (*NEEDED, *OTHERS)]
        missing = [name for name in NEEDED if name not in names]
        if unknown or missing or len({*names}) != len(names):
            what = (
                f"no column {listed(missing)}"
                if missing
                else f"a column {listed(map(short, unknown or names))} that is unknown or there twice"
            )
            known = f"The columns are {listed(NEEDED)}, and where they are needed {listed(OTHERS)}."
            raise Unreadable(f"{file}:1: The first line has {what}.", known)
        reader.fieldnames = names
        rows, line = [], reader.line_num + 1
        for row in reader:
            first, line = line, reader.line_num + 1
            if not any(map(str.strip, filter(None, row.values() if None not in row else ["x"]))):
                continue  # what a spreadsheet leaves below a table
            if None in row or None in row.values():
                raise Unreadable(
                    f"{file}:{first}: The row has more or fewer cells than the first line.",
                    "Put a text with a comma, a semicolon or a line end into quotes.",
                )
            rows.append(
                (
                    first,
                    dict.fromkeys(OTHERS, "") | {name: cell.strip() for name, cell in row.items()},
                )
            )
    except csv.Error as error:
        raise Unreadable(
            f"{file}:{reader.line_num}: It is no CSV: {error}.", "Save it as CSV again."
        ) from error
    if not rows or len(rows) > MOST_ROWS:
        raise Unreadable(
            f"{file} has {len(rows)} rows.", f"Write at least one row, and at most {MOST_ROWS} into a file."
        )
    yield from rows
