"""Tables that Hypothesis draws: any type that a data set can have, with the values at its ends, as SQL of DuckDB's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st


def quoted(text: str) -> str:
    parts = ("'" + part.replace("'", "''") + "'" for part in text.split("\0"))
    return f"({' || chr(0) || '.join(parts)})" if "\0" in text else next(parts)


def name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def integers(bits: int, signed: bool) -> st.SearchStrategy[str]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.one_of(
        st.integers(low, high), st.sampled_from([low, high, 0, min(high, 127), max(low, -1)])
    ).map(str)


def decimals(precision: int, scale: int) -> st.SearchStrategy[str]:
    top = 10**precision - 1

    def spelled(number: int) -> str:
        digits = str(abs(number)).rjust(scale + 1, "0")
        whole, part = (digits[:-scale], digits[-scale:]) if scale else (digits, "")
        return f"{'-' if number < 0 else ''}{whole}{'.' + part if part else ''}"

    return st.one_of(st.integers(-top, top), st.sampled_from([-top, top, 0, 1, -5])).map(spelled)


TEXTS = st.one_of(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
        max_size=8,
    ),
    st.sampled_from(
        [
            "",
            " ",
            "NULL",
            "\\N",
            "x/1",
            "a=b",
            "w%41",
            'q"uote',
            "it's",
            "é😀",
            "\r\n",
            "0",
            "nan",
            "\\",
            "a,b",
        ]
    ),
    st.sampled_from(["x" * 300, "\ud7ff", "\u202e\u0301", "İstanbul", "\x7f\x01", "x" * 70_000]),
    st.sampled_from(
        [
            "..",
            ".",
            "a/../b",
            " lead",
            "trail ",
            "e\u0301",
            "null",
            "__HIVE_DEFAULT_PARTITION__",
            "*?",
            "#",
            "a:b",
        ]
    ),
)
DATES = st.one_of(
    st.dates().map(str),
    st.sampled_from(["0001-01-01", "9999-12-31", "1969-12-31", "1582-10-10", "2024-02-29"]),
)
TIMES = st.one_of(st.times().map(str), st.sampled_from(["00:00:00", "23:59:59.999999"]))
TIMESTAMPS = st.one_of(
    st.datetimes().map(str),
    st.sampled_from(
        [
            "0001-01-01 00:00:00",
            "9999-12-31 23:59:59.999999",
            "1969-12-31 23:59:59.999999",
            "2024-03-31 02:30:00",
        ]
    ),
)
FLOATS = st.one_of(
    st.floats(width=32).map(repr),
    st.sampled_from(["nan", "inf", "-inf", "-0.0", "0.1", "3.4028234663852886e38", "1e-45"]),
)
DOUBLES = st.one_of(
    st.floats().map(repr),
    st.sampled_from(["nan", "inf", "-inf", "-0.0", "1e20", "5e-324", "1e-7", "1.7976931348623157e308"]),
)
JSON = st.recursive(
    st.sampled_from(
        [
            "null",
            "1",
            '"a"',
            '"\\u00e9"',
            "true",
            "[]",
            "{}",
            "-12345678901234567890",
            '""',
            "1.10",
            "12345678901234567890.123456789",
            "1e2",
            "-0.0",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda some: "[" + ",".join(some) + "]")
        | st.dictionaries(st.sampled_from(["a", "b c", "é"]), inner, max_size=2).map(
            lambda some: "{" + ",".join(f'"{key}":{value}' for key, value in some.items()) + "}"
        )
    ),
    max_leaves=4,
)

SCALARS: dict[str, st.SearchStrategy[str]] = {
    "BOOLEAN": st.sampled_from(["true", "false"]),
    "TINYINT": integers(8, True),
    "SMALLINT": integers(16, True),
    "INTEGER": integers(32, True),
    "BIGINT": integers(64, True),
    "UTINYINT": integers(8, False),
    "USMALLINT": integers(16, False),
    "UINTEGER": integers(32, False),
    "UBIGINT": integers(64, False),
    "FLOAT": FLOATS,
    "DOUBLE": DOUBLES,
    "DECIMAL(4,2)": decimals(4, 2),
    "DECIMAL(18,0)": decimals(18, 0),
    "DECIMAL(38,10)": decimals(38, 10),
    "DECIMAL(38,38)": decimals(38, 38),
    "VARCHAR": TEXTS,
    "BLOB": st.binary(max_size=6).map(lambda some: "".join(f"\\x{byte:02X}" for byte in some)),
    "UUID": st.uuids().map(str),
    "DATE": DATES,
    "TIME": TIMES,
    "TIMESTAMP": TIMESTAMPS,
    "TIMESTAMP_S": st.datetimes().map(lambda some: f"{some:%H:%M:%S}").map(lambda some: f"2024-02-29 {some}"),
    "TIMESTAMP_MS": st.integers(0, 999).map(lambda some: f"2024-02-29 00:00:00.{some:03}"),
    "TIMESTAMP_NS": st.integers(0, 999999).map(lambda some: f"2024-02-29 00:00:00.{some:06}"),
    "TIMESTAMP WITH TIME ZONE": st.tuples(TIMESTAMPS, st.sampled_from(["+00", "+05:30", "-08"])).map(
        lambda some: some[0] + (some[1] if "0001" < some[0][:4] < "9999" else "+00")
    ),
    "JSON": JSON,
    "ENUM('a', 'B', 'é')": st.sampled_from(["a", "B", "é"]),
    "HUGEINT": integers(64, True),
}
TOO_MUCH: dict[str, list[str]] = {
    "VARCHAR": ["nul\0"],
    "DATE": ["infinity", "0044-03-15 (BC)", "10000-01-01", "5881580-07-10"],
    "TIME": ["24:00:00"],
    "TIMESTAMP": ["-infinity", "0044-03-15 (BC) 10:00:00", "10000-01-01 00:00:00"],
    "TIMESTAMP_NS": ["infinity"],
    "TIMESTAMP WITH TIME ZONE": ["infinity", "0044-03-15 (BC) 10:00:00+00", "10000-01-01 00:00:00+00"],
    "JSON": [
        '"\\u0000"',
        '"\\\\u0000"',
        "1e-20000",
        '{"a":1,"\\u0061":2}',
        '{"é":[{"a":1,"a":2}]}',
    ],
}
"""Values that some ports cannot hold, and that the gate refuses; a few tables have them."""
FIELDS = st.lists(
    st.sampled_from(["a", "b c", "É", "select", 'q"x', "d.e", "element", "key", "value", "é", "1"]),
    min_size=1,
    max_size=3,
    unique_by=lambda some: some.casefold(),
)


@dataclass(frozen=True)
class Kind:
    """A type, and its values."""

    text: str
    name: str
    parts: tuple[tuple[str, Kind], ...] = ()

    def value(self, draw: Any, *, nulls: bool = True, too_much: bool = False) -> str:
        """A value of it, as SQL. `too_much`: it may be one of TOO_MUCH."""
        if nulls and draw(st.integers(0, 5)) == 0:
            return f"cast(null as {self.text})"
        if too_much and self.text in TOO_MUCH and draw(st.integers(0, 3)) == 0:
            return f"cast({quoted(draw(st.sampled_from(TOO_MUCH[self.text])))} as {self.text})"
        if self.name == "LIST":
            ((_, part),) = self.parts
            values = [part.value(draw, too_much=too_much) for _ in range(draw(st.integers(0, 3)))]
            return f"cast([{', '.join(values)}] as {self.text})"
        if self.name == "STRUCT":
            fields = ", ".join(
                f"{quoted(field)}: {part.value(draw, too_much=too_much)}" for field, part in self.parts
            )
            return "cast({" + fields + f"}} as {self.text})"
        if self.name == "MAP":
            (_, key), (_, value) = self.parts
            keys = draw(st.lists(SCALARS[key.text], max_size=3, unique=True))
            values = ", ".join(f"{quoted(some)}: {value.value(draw, too_much=too_much)}" for some in keys)
            return f"cast(map {{{values}}} as {self.text})" if keys else f"cast(map {{}} as {self.text})"
        return f"cast({quoted(draw(SCALARS[self.text]))} as {self.text})"


def _nested(inner: st.SearchStrategy[Kind]) -> st.SearchStrategy[Kind]:
    def struct(drawn: tuple[list[str], list[Kind]]) -> Kind:
        parts = tuple(zip(*drawn, strict=False))
        return Kind(
            f"STRUCT({', '.join(f'{name(field)} {part.text}' for field, part in parts)})", "STRUCT", parts
        )

    keys = st.sampled_from(["VARCHAR", "INTEGER", "UUID", "DATE"]).map(lambda text: Kind(text, text))
    return st.one_of(
        inner.map(lambda part: Kind(f"{part.text}[]", "LIST", (("element", part),))),
        st.tuples(FIELDS, st.lists(inner, min_size=3, max_size=3)).map(struct),
        st.tuples(keys, inner).map(
            lambda two: Kind(
                f"MAP({two[0].text}, {two[1].text})", "MAP", (("key", two[0]), ("value", two[1]))
            )
        ),
    )


PLAIN = st.sampled_from(list(SCALARS)).map(lambda text: Kind(text, text))
KINDS = st.one_of(PLAIN, PLAIN, st.recursive(PLAIN, _nested, max_leaves=4))
NAMES = st.one_of(
    st.sampled_from(
        [
            "Flight No.",
            "a.b",
            "é😀",
            "UPPER",
            "select",
            'q"uote',
            "x;{}()=",
            "a,b",
            "a/b",
            "w%41",
            "_x",
            "tab\t",
            "a",
            "a.element",
            "filename",
            "file_row_number",
            "key",
            "__PART",
            "_pos",
            "ctid",
            "x" * 64,
            "%s",
            "{0}",
            "\\",
            "..",
        ]
    ),
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8),
)
PARTITIONS = ["VARCHAR", "BOOLEAN", "INTEGER", "UTINYINT", "UBIGINT", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DOUBLE",
              "DECIMAL(4,2)", "UUID", "TIME"]  # fmt: skip


@dataclass
class Table:
    """Columns, and rows of SQL's values."""

    columns: list[tuple[str, Kind]]
    rows: list[list[str]]
    partition: str = ""
    others: list[list[str]] = field(default_factory=list)
    """The rows of a later run."""

    def query(self, rows: list[list[str]]) -> str:
        names = [name(column) for column, _ in self.columns]
        if rows:
            lines = ", ".join(f"({', '.join(row)})" for row in rows)
            return f"select * from (values {lines}) as t({', '.join(names)})"
        empty = ", ".join(
            f"cast(null as {kind.text}) as {column}"
            for column, (_, kind) in zip(names, self.columns, strict=True)
        )
        return f"select {empty} where false"


@st.composite
def tables(draw: Any) -> Table:
    """A table, and what became of it later: some rows are gone, some are others, some are new."""
    kinds = draw(st.lists(KINDS, min_size=1, max_size=5))
    names = draw(
        st.lists(NAMES, min_size=len(kinds), max_size=len(kinds), unique_by=lambda some: some.casefold())
    )
    columns = list(zip(names, kinds, strict=True))
    partition = ""
    if draw(st.booleans()):
        text = draw(st.sampled_from(PARTITIONS))
        used = {each.casefold() for each in names}
        partition = draw(st.sampled_from(["part", "part", "Part 1", "part.1", 'part"1', "part\t"]))
        partition = next(
            some for some in (partition, "part_1", "part_2", "part_3") if some.casefold() not in used
        )
        columns.insert(0, (partition, Kind(text, text)))

    too_much = draw(st.integers(0, 4)) == 0

    def row() -> list[str]:
        return [kind.value(draw, nulls=column != partition, too_much=too_much) for column, kind in columns]

    rows = [row() for _ in range(draw(st.integers(0, 6)))]
    if partition:  # several rows of some
        values = [some[0] for some in rows[:3]]
        for some in rows[3:]:
            some[0] = draw(st.sampled_from(values))
    others = [
        row() if fate == "changed" else list(some)
        for some, fate in zip(
            rows, (draw(st.sampled_from(["kept", "kept", "gone", "changed"])) for _ in rows), strict=True
        )
        if fate != "gone"
    ]
    others += [row() for _ in range(draw(st.integers(0, 2)))]
    return Table(columns, rows, partition, others)
