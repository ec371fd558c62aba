"""Names and texts in the SQL of each engine, read back by a parser that is not ours."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from meshwright.core.sql import databricks, duckdb, postgres, snowflake, trino


@pytest.mark.parametrize(
    "name", ["plain", 'a"b', "a'b", "a`b", "ü", "a\\b", "--", "a.b", "", "select", "$x{y}"]
)
def test_every_dialect_reads_back_what_it_wrote(name: str) -> None:
    for dialect, engine in ((databricks, "databricks"), (duckdb, "duckdb"), (postgres, "postgres"), (snowflake, "snowflake"), (trino, "trino")):  # fmt: skip
        tree = sqlglot.parse_one(
            f"select {dialect.literal(name)} as {dialect.identifier(name or 'x')}", read=engine
        )
        (column,) = tree.selects
        alias = name or "x"
        assert column.alias == (alias.lower() if engine == "trino" else alias)
        if engine != "snowflake":  # sqlglot leaves its \\u escapes as they are
            assert (
                isinstance(column.this, exp.Literal | exp.RawString | exp.National | exp.ByteString)
                and column.this.name == name
            ), engine


@pytest.mark.parametrize("text", ["a\0b", "half \ud800"])
def test_what_no_database_holds_is_refused(text: str) -> None:
    for write in (postgres.identifier, postgres.literal):
        with pytest.raises(ValueError, match="database"):
            write(text)


def test_databricks_writes_no_control_character() -> None:
    with pytest.raises(ValueError, match="control character"):
        databricks.literal("a\x07b")


def test_types_say_what_their_values_can_be() -> None:
    assert duckdb.kinds("DECIMAL(10,0)") == {"integer", "number"} and duckdb.kinds("DECIMAL(10,2)") == {
        "number"
    }
    assert duckdb.kinds("INTEGER[]") == {"array"} == postgres.kinds("integer[]", "b")
    assert duckdb.kinds("HYPER") == postgres.kinds("hyper", "b") == frozenset()
    assert postgres.kinds("mood", "e") == {"string"} and postgres.kinds("pair", "c") == {"object"}
