"""What PostgreSQL can store, and the values that it rejects or would silently change."""

from __future__ import annotations

from dataclasses import replace

from pipeline.port_types import FINITE, MICROSECONDS, TYPES, Format, Limit
from pipeline.postgres.columns import POSTGRES
from pipeline.postgres.database_layout import NAME_BYTES

SYSTEM_COLUMNS = {"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"}
WITHOUT_NUL = Limit(
    "contains({0}, chr(0))",
    "the character NUL, which text in PostgreSQL cannot contain",
    "replace({column}, chr(0), '')",
)
JSON_WITHOUT_NUL = Limit(
    r"regexp_matches({0}, '(^|[^\\])(\\\\)*\\u0000')",
    "the character NUL, which text in PostgreSQL cannot contain",
    r"cast(replace({column}, '\u0000', '') as json)",
)
JSON_KEYS = Limit(
    "exists (select 1 from json_tree({0}) as t where t.key is not null group by t.parent, t.key having count(*) > 1)",
    "a JSON object with a duplicate key, of which PostgreSQL keeps only one",
    "correct the documents of {column}",
    is_sentence=True,
)
NESTED_JSON_KEYS = replace(
    JSON_KEYS, condition=JSON_KEYS.condition.replace("{0}", "to_json({0})"), holds="JSON"
)
JSON_NUMBERS = Limit(
    r"""regexp_matches(regexp_replace({0}, '"([^"\\]|\\.)*"', '', 'g'), '[eE][+-]?0*[1-9][0-9][0-9][0-9][0-9]')""",
    "a number with an exponent of five digits, which is out of range in PostgreSQL",
    "correct the documents of {column}",
    is_sentence=True,
)
JSON_LIMITS = (JSON_WITHOUT_NUL, JSON_NUMBERS)
NUMBER = Limit(
    "not isfinite({0})",
    "NaN or infinity within a list or a struct, which JSON cannot represent",
    "case when isfinite({column}) then {column} end",
)


def _refused_name(name: str) -> str:
    if len(name.encode()) > NAME_BYTES:
        return f"its name is longer than the {NAME_BYTES} bytes of a name in PostgreSQL"
    return "PostgreSQL itself has a column with this name" if name in SYSTEM_COLUMNS else ""


def _between(first: str, last: str) -> tuple[Limit, ...]:
    condition = "isfinite({0}) and ({0} < " + first + " or {0} > " + last + ")"
    fix = "correct the dates of {column}"
    return (Limit(condition, "a date out of PostgreSQL's range", fix, is_sentence=True),)


FORMAT = Format(
    "PostgreSQL",
    types={name: POSTGRES.get(name, "") for name in TYPES}
    | {"DECIMAL": "numeric(p,s)", "LIST": "jsonb", "STRUCT": "jsonb", "MAP": "jsonb"},
    limits={
        "VARCHAR": (WITHOUT_NUL,),
        "JSON": (*JSON_LIMITS, JSON_KEYS),
        **dict.fromkeys(("LIST", "STRUCT", "MAP"), (NESTED_JSON_KEYS,)),
        "TIMESTAMP_NS": (MICROSECONDS, FINITE),
        "DATE": _between("date '4714-11-24 (BC)'", "date '5874897-12-31'"),
        **{
            name: _between(f"{name} '4714-11-24 (BC) 00:00:00'", f"{name} '294247-01-01 00:00:00'")
            for name in ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
        },
    },
    nested_limits={
        "VARCHAR": (WITHOUT_NUL,),
        "JSON": JSON_LIMITS,
        "FLOAT": (NUMBER,),
        "DOUBLE": (NUMBER,),
    },
    refused_name=_refused_name,
    columns=1600,
)
ARRAYS = replace(FORMAT, nested_limits={**FORMAT.limits, "JSON": JSON_LIMITS})
"""The same, if a list of plain values is an array instead of a document."""
CHANGED = Format(
    "PostgreSQL",
    types=FORMAT.types,
    limits={
        "JSON": (JSON_KEYS,),
        **dict.fromkeys(("LIST", "STRUCT", "MAP"), (NESTED_JSON_KEYS,)),
    },
    nested_limits={},
)
"""What PostgreSQL accepts but changes."""
