"""Words that an engine does not take as names without quotes."""

from __future__ import annotations

from meshwright.product.portable_names import RESERVED

_DUCKDB_AND_POSTGRESQL = """
analyse analyze array asof asymmetric at authorization binary collation concurrently current_catalog current_role
current_schema deferrable describe do freeze glob ilike initially isnull lambda lateral localtime localtimestamp notnull
overlaps pivot pivot_longer pivot_wider placing positional qualify recursive returning show similar summarize symmetric
system_user tablesample unpack unpivot variadic verbose
"""
_SPARK = "anti escape filter interval minus over range rows semi start within"
KEYWORDS = RESERVED | {*_DUCKDB_AND_POSTGRESQL.split(), *_SPARK.split()}
"""Reserved in DuckDB, PostgreSQL or Spark, as the name of a column, a table or a query."""
