"""Names of columns that every engine takes without quotes."""

from __future__ import annotations

import re

PORTABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")
RESERVED = frozenset(
    {
        *(
            "all",
            "and",
            "any",
            "array",
            "as",
            "asc",
            "between",
            "both",
            "by",
            "case",
            "cast",
            "check",
            "collate",
        ),
        *("column", "constraint", "create", "cross", "current_date", "current_time", "current_timestamp"),
        *("current_user", "default", "delete", "desc", "distinct", "drop", "else", "end", "except", "exists"),
        *(
            "false",
            "fetch",
            "for",
            "foreign",
            "from",
            "full",
            "grant",
            "group",
            "having",
            "in",
            "inner",
            "insert",
        ),
        *(
            "intersect",
            "into",
            "is",
            "join",
            "leading",
            "left",
            "like",
            "limit",
            "natural",
            "not",
            "null",
            "offset",
        ),
        *(
            "on",
            "only",
            "or",
            "order",
            "outer",
            "primary",
            "references",
            "right",
            "select",
            "session_user",
            "some",
        ),
        *("table", "then", "to", "trailing", "true", "union", "unique", "update", "user", "using", "values"),
        *("when", "where", "window", "with"),
    }
)
"""Words that are reserved in the SQL of nearly every engine."""
