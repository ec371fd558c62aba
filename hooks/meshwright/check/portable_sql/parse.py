"""A model's SQL as sqlglot parses it, in the widest dialect that reads it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError

from meshwright.check.portable_sql.sql_tokens import SqlTokens


class Unparsable(Exception):
    """SQL that cannot be parsed, so that nobody knows."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True)
class Model:
    """A model's SQL, parsed."""

    tokens: SqlTokens
    trees: list[Any]
    backticks: list[int]
    """The lines that had names in backticks."""


def parse(sql: str, floating: Collection[str] = ()) -> Model:
    """Return the SQL parsed, in the first dialect that can; raises Unparsable.

    In the trees, `meta` of an Ordered has `nulls`, whether the order says where the nulls are, and that of a column
    among `floating` has `floating`.
    """
    plain, backticks = _without_backticks(sql)
    first: Unparsable | None = None
    for dialect in (_Widest, "postgres", "spark"):
        try:
            tokens = sqlglot.tokenize(plain, read=dialect)
            trees = [tree for tree in sqlglot.parse(plain, read=dialect) if tree is not None]
        except (ParseError, TokenError) as error:
            first = first or _unparsable(error)
            continue
        for column in (column for tree in trees if floating for column in tree.find_all(exp.Column)):
            if column.name.lower() in floating:
                column.meta["floating"] = True
        return Model(SqlTokens(tokens), trees, backticks)
    raise first or Unparsable(1, "it is empty")


def _unparsable(error: ParseError | TokenError) -> Unparsable:
    place = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    return Unparsable(place.get("line") or 1, place.get("description") or str(error).partition("\n")[0])


class _Widest(DuckDB):
    """DuckDB's dialect, which also notes whether an order says where the nulls are."""

    class Tokenizer(DuckDB.Tokenizer):
        KEYWORDS = {**DuckDB.Tokenizer.KEYWORDS, **dict.fromkeys(("CHAR", "BPCHAR"), TokenType.CHAR)}

    class Parser(DuckDB.Parser):  # type: ignore[misc, valid-type]  # a class or a variable, by the release
        TYPE_CONVERTERS: dict[Any, Any] = {}

        def _parse_ordered(self, *arguments: Any, **named: Any) -> Any:
            start = self._index
            ordered = super()._parse_ordered(*arguments, **named)
            if ordered is not None:
                words = [token.text.lower() for token in self._tokens[start : self._index]]
                ordered.meta["nulls"] = "nulls" in words
            return ordered


def _without_backticks(sql: str) -> tuple[str, list[int]]:
    """Return the SQL with names in double quotes, and the lines that had backticks."""
    pieces = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|`[^`\n]*`", re.DOTALL)
    lines: list[int] = []

    def quoted(piece: re.Match[str]) -> str:
        if not piece[0].startswith("`"):
            return piece[0]
        lines.append(sql.count("\n", 0, piece.start()) + 1)
        return f'"{piece[0][1:-1]}"'

    return pieces.sub(quoted, sql), lines
