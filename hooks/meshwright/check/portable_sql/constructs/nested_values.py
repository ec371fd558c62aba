"""Values of other kinds: nested ones, JSON, and those of chance."""

from __future__ import annotations

from meshwright.check.portable_sql.construct import DISPATCH, Construct, by_platform

NESTED = (
    *("Array", "Struct", "Map", "ToMap", "VarMap", "Bracket"),
    *("Unnest", "Explode", "List", "PropertyEQ", "Lambda"),
)


CONSTRUCTS = (
    Construct(
        id="nested-value",
        what="an array, a structure or a map",
        does=by_platform(
            duckdb="has [1, 2], {'a': 1} and 1 for the first",
            postgres="has array[1, 2] and 1 for the first",
            spark="has array(1, 2) and 0 for the first",
        ),
        fix=DISPATCH,
        bad="array[1, 2][1]",
        good="split_part('1,2', ',', 1)",
        value="1",
        nodes=NESTED,
    ),
    Construct(
        id="json-operator",
        what="-> and ->>",
        does=by_platform(duckdb="take a path", postgres="take a name", spark="are not there"),
        fix=DISPATCH,
        bad="cast('{}' as json) ->> 'a'",
        good="'{}'",
        value="{}",
        nodes=("JSONExtract", "JSONExtractScalar", "JSONBExtract", "JSONBExtractScalar"),
    ),
    Construct(
        id="chance",
        what="a value that is another one in each run",
        does=by_platform(duckdb="has random()", postgres="has random()", spark="has random() and uuid()"),
        fix="Make it of the row itself: md5(id).",
        bad="random()",
        good="md5('1')",
        value="c4ca4238a0b923820dcc509a6f75849b",
        words=("random", "rand", "uuid", "gen_random_uuid", "setseed"),
        is_word=lambda tokens, place: tokens.is_call(place),
    ),
)
