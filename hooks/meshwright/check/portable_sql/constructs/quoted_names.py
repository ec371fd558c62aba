"""Names, and what stands around them."""

from __future__ import annotations

from meshwright.check.portable_sql.construct import Construct, by_platform

CONSTRUCTS = (
    Construct(
        id="backticks",
        what="a name in backticks",
        does=by_platform(duckdb="cannot parse it", postgres="cannot parse it", spark="takes it for a name"),
        fix='Write names in double quotes: "order".',
        bad="(select `one` from (select 1 as one) as t)",
        good='(select "one" from (select 1 as one) as t)',
        value="1",
    ),
    Construct(
        id="name-with-capitals",
        what="a quoted name with capitals",
        does=by_platform(
            duckdb="keeps them, and finds it in any case",
            postgres="tells the case",
            spark="finds it in any case",
        ),
        fix="Write names in small letters.",
        bad='(select "One" from (select 1 as "One") as t)',
        good="(select one from (select 1 as one) as t)",
        value="1",
        certain=False,
        nodes=("Identifier",),
        is_node=lambda node: bool(node.args.get("quoted")) and node.this != node.this.lower(),
    ),
)
