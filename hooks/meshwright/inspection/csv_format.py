"""Recognize how a CSV file is written, where its first lines leave no doubt: delimiter, quote, header, lines to skip."""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from meshwright.core.errors import Error
from meshwright.core.text import printable
from meshwright.inspection.file_address import argument
from meshwright.inspection.reading.column_names import column_name
from meshwright.inspection.reading.csv_files import (
    CsvDialect,
    FileFormatError,
    decoded,
    split_lines,
    unpacked,
)
from meshwright.product.column_types import certain

DELIMITERS = (",", ";", "\t", "|")
QUOTES = ('"', "'")
LINES = 500
"""Lines that are looked at."""
MOST_SKIPPED = 30
FEWEST_WITH_BLANKS = 10
"""Lines from which blanks may be the delimiter."""
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
YEAR = re.compile(r"(19|20)[0-9]{2}")
NAME = re.compile(r"[^\W\d][\w .:/()%#-]{0,59}")
"""A text that may be the name of a column."""
NO_VALUES = frozenset({"-", "?", "k.a.", "n/a", "na", "nan", "nil", "none", "null", "unbekannt", "unknown"})
"""Texts that mean that a value is missing, in lower case."""
_USUAL_NAMES = """
address adresse amount benutzer beschreibung betrag bezeichnung category city code comment company country county
currency customer date datum department description email first firstname firma gender group id ids iso key kind klasse
kommentar kunde label land language last lastname level mail menge nachname name names nb no note notes nr num number
nummer order ort phone place plz postcode preis price produkt product region role schlüssel sex sprache stadt state
station status straße strasse street surname tel telefon text timestamp title titel typ type unit url user value vorname
website wert year zip
"""
USUAL_NAMES = frozenset(_USUAL_NAMES.split())
"""Words that are in names of columns much more often than in values, in lower case."""


@dataclass(frozen=True)
class CsvFormat:
    """How a CSV file is written."""

    dialect: CsvDialect
    names: tuple[str, ...]
    """Its columns, as the header spells them, or made up."""
    named: bool
    """True if the input needs `names`: the file has no header, or none that can be used."""
    notes: tuple[str, ...] = ()


@dataclass
class _Look:
    """The first rows of a file by one delimiter and one quote."""

    delimiter: str
    quote: str
    rows: list[list[str]]
    width: int
    skip: int = 0
    notes: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Of a header that has one name less than the rows have fields; it is the last line that is skipped."""


def encoding_of(path: Path) -> str:
    """Return the encoding that a byte order mark names, or UTF-16 without one by its zero bytes; else UTF-8."""
    first = next(unpacked(path), b"")[:4096]
    for mark, name in BOMS:
        if first.startswith(mark):
            return name
    if len(first) > 3 and len(first) % 2 == 0:
        even, odd = first[0::2], first[1::2]
        if odd.count(0) > len(odd) * 0.6 and not even.count(0):
            return "utf-16-le"
        if even.count(0) > len(even) * 0.6 and not odd.count(0):
            return "utf-16-be"
    return "utf-8"


def first_lines(path: Path, encoding: str) -> list[str]:
    """Return the first lines with their ends. Raises FileFormatError."""
    return list(itertools.islice(split_lines(decoded(unpacked(path), encoding)), LINES))


def recognize(
    path: Path, encoding: str, given: CsvDialect | None, shown: str, fixed: frozenset[str]
) -> CsvFormat:
    """Return how a file is written. `fixed`: names of properties that the person gave, as in `given`.

    Raises Error if it is empty, and FileFormatError if it cannot be decoded.
    """
    given = given or CsvDialect(encoding=encoding)
    lines = first_lines(path, encoding)
    if not any(line.strip() for line in lines):
        raise Error(f"{shown} is empty.", "Add its header, or leave it out.")
    notes: list[str] = []
    skip = given.skip
    delimiters: Sequence[str] = (given.delimiter,) if "delimiter" in fixed else _delimiters(path)
    if match := re.fullmatch(r'"?sep=(.)"?', lines[skip].strip("\r\n") if len(lines) > skip else ""):
        skip += 1
        delimiters = (match[1],)
    quotes: Sequence[str] = (given.quote,) if "quote" in fixed else QUOTES
    look = _best(lines[skip:], delimiters, quotes, "skip" not in fixed, given.comment)
    skip += look.skip
    notes += look.notes
    dialect = replace(given, delimiter=look.delimiter, quote=look.quote, skip=skip, encoding=encoding)
    rows = look.rows
    if look.names and "header" not in fixed:
        return CsvFormat(replace(dialect, header=False), _numbered(look.names), True, tuple(notes))
    if "header" not in fixed:
        has_header, note = is_header(rows)
        dialect = replace(dialect, header=has_header)
        if note:
            other = "false" if has_header else "true"
            notes.append(f"{note} If that is wrong, write ?header={other} behind the path.")
    if not dialect.header:
        names = tuple(f"column_{number + 1}" for number in range(look.width))
        return CsvFormat(dialect, names, True, tuple(notes))
    names = tuple(rows[0])
    landed = [column_name(name) for name in names]
    if len({*landed}) == len(landed):
        return CsvFormat(dialect, names, False, tuple(notes))
    twice = sorted(name for name, count in Counter(landed).items() if count > 1)
    notes.append(f"Several columns would have the name {', '.join(twice)}: they are numbered.")
    ends = _lines_of_header(lines[skip:], dialect)
    dialect = replace(dialect, header=False, skip=skip + ends)
    return CsvFormat(dialect, _numbered(names), True, tuple(notes))


def _delimiters(path: Path) -> Sequence[str]:
    return ("\t", ",", ";", "|") if ".tsv" in {suffix.lower() for suffix in path.suffixes} else DELIMITERS


def _best(
    lines: list[str], delimiters: Sequence[str], quotes: Sequence[str], may_skip: bool, comment: str
) -> _Look:
    """Return the one reading by which the rows have the same number of fields."""
    looks = []
    for delimiter, quote in itertools.product(delimiters, quotes):
        if (look := _look(lines, delimiter, quote, may_skip, comment)) is not None:
            looks.append(look)
    wide = [look for look in looks if look.width > 1]
    if (
        quotes == QUOTES
    ):  # an apostrophe is a quote only where most rows use it as one, and none the double quote
        wide = [look for look in wide if look.quote == QUOTES[0] or _has_quotes(look, lines)]
        quoted = {look.delimiter for look in wide if look.quote == QUOTES[1]}
        wide = [look for look in wide if look.quote == QUOTES[1] or look.delimiter not in quoted]
    if not wide and len(lines) >= FEWEST_WITH_BLANKS and delimiters is DELIMITERS:
        by_blanks = _look(lines, " ", QUOTES[0], may_skip, comment)
        if by_blanks is not None and by_blanks.width > 1:
            by_blanks.notes.append(
                "Blanks are taken for the delimiter, because all rows have the same number of words."
            )
            return by_blanks
    if not wide:
        plain = next((look for look in looks if look.width == 1 and look.quote == QUOTES[0]), None)
        if plain is not None and not any(
            sign in line for sign in delimiters for line in (field for row in plain.rows[:1] for field in row)
        ):
            return plain
        rows = list(csv.reader(lines, delimiter=delimiters[0]))
        return _Look(delimiters[0], quotes[0], [row for row in rows if row], max(map(len, rows), default=1))
    fewest = min(look.skip for look in wide)
    wide = [look for look in wide if look.skip == fewest]
    best = max(
        wide,
        key=lambda look: (_names_are_plain(look.rows[0], delimiters), look.quote == QUOTES[0], look.width),
    )
    others = {
        look.delimiter
        for look in wide
        if look.delimiter != best.delimiter and _names_are_plain(look.rows[0], delimiters)
    }
    if others and _names_are_plain(best.rows[0], delimiters):
        best.notes.append(
            f"{best.delimiter!r} is taken for the delimiter; {' or '.join(map(repr, sorted(others)))} would be possible, too."
        )
    return best


def _has_quotes(look: _Look, lines: Sequence[str]) -> bool:
    """Return True if the quote encloses a field in most lines, and the double quote in none."""
    form = re.compile(
        rf"(^|{re.escape(look.delimiter)}){look.quote}[^{look.quote}]*{look.quote}({re.escape(look.delimiter)}|$)"
    )
    enclosed = sum(form.search(line.strip("\r\n")) is not None for line in lines)
    return enclosed * 2 > len(lines) and not any(QUOTES[0] in line for line in lines)


def _names_are_plain(row: Sequence[str], delimiters: Sequence[str]) -> bool:
    return not any(sign in name for name in row for sign in delimiters)


def _look(lines: list[str], delimiter: str, quote: str, may_skip: bool, comment: str) -> _Look | None:
    """Return the rows if they have the same number of fields, after lines to skip; None if they do not."""
    kept = [line for line in lines if not (comment and line.startswith(comment))]
    best = None
    for skip in range(min(MOST_SKIPPED, len(kept)) if may_skip else 1):
        try:
            rows = [
                row
                for row in csv.reader(kept[skip:], delimiter=delimiter, quotechar=quote, strict=True)
                if row
            ]
        except csv.Error as error:
            if "unexpected end" not in str(error) or len(kept) < LINES:
                continue
            rows = _whole_rows(kept[skip:], delimiter, quote)
        if len(kept) == LINES and len(rows) > 1:
            rows = rows[:-1]  # the last one may go on
        widths = {len(row) for row in rows}
        if len(widths) == 1 and (width := widths.pop()) > 1 and (skip == 0 or len(rows) > 1):
            best = _Look(delimiter, quote, rows, width, skip)
            if skip:
                _explain(best, kept[:skip])
            break
        if skip == 0 and widths == {1}:
            best = _Look(delimiter, quote, rows, 1, 0)
            break
        if skip == 0 and not rows:
            break
    return best


def _explain(look: _Look, skipped: Sequence[str]) -> None:
    """Note what the skipped lines are: the last may be a header without a name for the first or last column."""
    fields = next(csv.reader([skipped[-1]], delimiter=look.delimiter, quotechar=look.quote), [])
    if len(fields) == look.width - 1 and len(fields) > 1:
        is_last = not any(row[-1] for row in look.rows)
        look.names = [*fields, "unnamed"] if is_last else ["row", *fields]
        place = "last" if is_last else "first"
        look.notes.append(
            f"The header has no name for the {place} column: it is called {look.names[-1 if is_last else 0]}."
        )
        return
    before = f"The first {look.skip} lines" if look.skip > 1 else "The line"
    look.notes.append(f"{before} before the header {'are' if look.skip > 1 else 'is'} skipped.")


def _whole_rows(lines: list[str], delimiter: str, quote: str) -> list[list[str]]:
    rows = []
    try:
        for row in csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True):
            if row:
                rows.append(row)
    except csv.Error:
        pass
    return rows


def _lines_of_header(lines: list[str], dialect: CsvDialect) -> int:
    """Return how many lines the header has, with blank ones before it."""
    seen = 0

    def counted() -> itertools.chain[str]:
        return itertools.chain(lines)

    reader = csv.reader(counted(), delimiter=dialect.delimiter, quotechar=dialect.quote or None)
    for row in reader:
        seen = reader.line_num
        if row:
            break
    return seen


MOST_CELLS, FEWEST = 100_000, 20
"""Values below a header that are looked at, and rows of them at least."""


def is_header(rows: list[list[str]]) -> tuple[bool, str]:
    """Return whether the first row has names, and a note if that is not certain."""
    first, others = rows[0], rows[1 : 1 + max(FEWEST, MOST_CELLS // max(1, len(rows[0])))]
    kinds = [certain(text) if text else "" for text in first]
    typed = [kind not in ("", "VARCHAR") for kind in kinds]
    if not others:
        return True, "The file has a single line, which is taken for the header."
    if not any(typed):
        return _is_header_of_texts(first, others) if any(first) else (False, "")
    alike = all(
        kind == {certain(row[number]) for row in others if row[number]} or not typed[number]
        for number, kind in enumerate({one} for one in kinds)
    )
    years = [
        YEAR.fullmatch(text) is not None for text, is_typed in zip(first, typed, strict=True) if is_typed
    ]
    if all(years) and not all(typed):
        return True, "The first line is taken for the header, because its numbers are years."
    if all(typed):
        return False, "The first line has values and no names: the columns are numbered."
    if alike or sum(typed) * 2 >= len(first):
        return False, "The first line seems to have values and no names: the columns are numbered."
    return True, "The first line is taken for the header, though it has numbers or dates."


def _is_header_of_texts(first: Sequence[str], others: Sequence[Sequence[str]]) -> tuple[bool, str]:
    """Return the same for a first row of texts: they are names if the rows below have other kinds of values."""
    below = [[row[number] for row in others if row[number]] for number in range(len(first))]
    columns = [(text, values) for text, values in zip(first, below, strict=True) if text and values]
    if (
        any(text.lower() not in NO_VALUES and _are_typed(values) for text, values in columns) or not columns
    ):  # a text above numbers or dates
        return True, ""
    names = [text.lower() for text in first if text]
    are_names = (
        len({*names}) == len(names)
        and all(NAME.fullmatch(name) for name in names)
        and not any(text in values for text, values in columns)
    )
    if are_names:
        usual = sum(not USUAL_NAMES.isdisjoint(_words(text)) for text in first)
        if usual * 2 >= len(names):
            return True, ""
        unlike = sum(_shape(text) not in {_shape(value) for value in values} for text, values in columns)
        if usual or unlike * 2 > len(columns):
            return True, "The first line is taken for the header, though all columns are text."
    return (
        False,
        "The first line seems to have values as those below, and no names: the columns are numbered.",
    )


def _are_typed(values: Sequence[str]) -> bool:
    """Return True if the texts are numbers, dates or the like, apart from what means that a value is missing."""
    kinds = {certain(value) for value in values if value.lower() not in NO_VALUES}
    return bool(kinds) and kinds.isdisjoint(("", "VARCHAR"))


def _words(name: str) -> set[str]:
    """Return the words of a column's name in lower case: of `first_name`, `First name` and `firstName`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return {*re.findall(r"[^\W_]+", parted.lower())}


def _shape(text: str) -> tuple[str, frozenset[str]]:
    """Return how a text is written: its case, and which kinds of other characters it has."""
    case = next((kind for kind in ("lower", "upper", "title") if getattr(text, f"is{kind}")()), "")
    kinds = {"digit" if char.isdecimal() else char for char in text if not char.isalpha()}
    return case, frozenset(kinds)


def _numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Return names that stay different once they land."""
    taken = {column_name(name) for name in names}
    seen: set[str] = set()
    unique = []
    for name in names:
        landed = column_name(name)
        if landed in seen:
            number = 2
            while f"{landed}_{number}" in taken:
                number += 1
            name = landed = f"{landed}_{number}"
            taken.add(landed)
        seen.add(landed)
        unique.append(name or landed)
    return tuple(unique)


def refusal(shown: str, error: FileFormatError) -> Error:
    """Return the error for a person, with the fix in the words of a file's address."""
    fix = error.fix.replace(
        "Give the input's `encoding` in data-product.yaml, such as ", "Give its encoding: write"
    )
    if fix != error.fix:
        names = fix.rpartition("write")[2].rstrip(".").split(" or ")
        fix = f"Give its encoding: {' or '.join(argument(shown, encoding=name.strip()) for name in names)}."
    fix = fix.replace(" in data-product.yaml", "")
    # Without the row that the message may end with: its values may be personal.
    what = re.sub(r": (['\"]).*\1$", "", str(error), flags=re.DOTALL)
    return Error(
        f"{printable(shown)}:{error.line}: {printable(what)}.",
        fix
        or f"Correct the line, or describe the file: {argument(shown, delimiter=';', skip='1')} (also quote, escape, comment, header).",
    )
