"""CSV files as people have them: names, values, delimiters, quotes, encodings and missing values, chosen by a number."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass

VALUES = {
    "integer": ["1", "-5", "0", "12345", "9223372036854775807"],
    "decimal": ["1.5", "0.25", "-3.00", "100"],
    "comma": ["1,5", "0,25", "-3,00", "10"],
    "zeros": ["007", "12", "0001"],
    "date": ["2024-01-02", "2026-12-31"],
    "german date": ["01.02.2026", "15.02.2026", "31.12.2025"],
    "american date": ["01/15/2026", "12/31/2025"],
    "any date": ["01/02/2026", "03/04/2026"],
    "timestamp": ["2024-01-02 10:00", "2024-01-02T10:00:00.5"],
    "german timestamp": ["01.02.2026 10:00", "31.12.2025 23:59"],
    "month": ["02-Jan-2024", "15 Feb 2024"],
    "boolean": ["true", "false"],
    "text": [
        *("a", "b", "c", "Müller", "it's", 'x"y', "NA", "null", "a;b", "a,b", "tab\there", "line\nbreak", " lead", "trail "),
        *("{", "[1]", "#x", "-", "'q'"),
    ],
    "code": ["DE", "FR", "NA"],
    "odd number": ["12345678901234567890", "1e5", "NaN", "5%", "1,000"],
}  # fmt: skip
NULLS = ("", "", "", "NA", "null", "\\N", "-", "?")
NAMES = ("id", "name", "Größe", "select", "a b", "Flight No.", "x", "x", "2019", "", "a;b", "date")


@dataclass(frozen=True)
class Csv:
    name: str
    content: bytes
    shown: str


def drawn_csv(number: int) -> Csv:
    """Return the file of a number: the same one each time."""
    choose = random.Random(number)  # noqa: S311 - test data
    kinds = [choose.choice(list(VALUES)) for _ in range(choose.randint(1, 6))]
    names = [choose.choice(NAMES) if choose.random() < 0.6 else f"c{place}" for place, _ in enumerate(kinds)]
    null, delimiter = choose.choice(NULLS), choose.choice(",,;\t|")

    def value(kind: str) -> str:
        if choose.random() < 0.2:
            return null
        return choose.choice(VALUES[kind if choose.random() > 0.03 else "text"])

    out = io.StringIO(newline="")
    if choose.random() < 0.1:
        out.write("Report\n\n")
    writer = csv.writer(
        out,
        delimiter=delimiter,
        quoting=choose.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        lineterminator=choose.choice(["\n", "\r\n"]),
    )
    if choose.random() < 0.85:
        writer.writerow(names)
    writer.writerows([value(kind) for kind in kinds] for _ in range(choose.choice([0, 1, 2, 5, 30, 200])))
    encoding = choose.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16"])
    name = "rows.tsv" if delimiter == "\t" and choose.random() < 0.5 else "rows.csv"
    return Csv(name, out.getvalue().encode(encoding), out.getvalue()[:300])
