"""All constructs, one module a kind. A new one is an entry in the table of its module, and nothing else."""

from __future__ import annotations

from meshwright.check.portable_sql.constructs import (
    aggregates,
    clauses,
    comparisons,
    dates,
    nested_values,
    numbers,
    quoted_names,
    sql_functions,
    texts,
    types,
)

_KINDS = (
    numbers,
    dates,
    types,
    texts,
    quoted_names,
    comparisons,
    clauses,
    aggregates,
    nested_values,
    sql_functions,
)
CONSTRUCTS = {construct.id: construct for kind in _KINDS for construct in kind.CONSTRUCTS}
"""Every construct, in the order of the reference page. A test runs each `good` on every platform and compares the values."""
