"""Rules that check the models' SQL for the platforms that they run on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.core.yaml import Document
from meshwright.product.dbt_folders import folders
from meshwright.product.files import SPEC
from meshwright.product.problem import Problem

ENVIRONMENTS = {
    "spec": {
        "platform": {"uses": "duckdb@1"},
        "environments": {
            "production": {"platform": {"uses": "postgres@1", "properties": {"url": "build/warehouse"}}}
        },
    }
}

FLOATING = {"double", "double precision", "float", "float4", "float8", "real"}


class SqlSameEverywhere(Rule):
    """The models use no SQL that is known to differ between the product's platforms.

    A product that runs on DuckDB in tests and on another platform in production has to return the same rows there. Some
    SQL differs without an error: `extract(dow from d)` is 0 for Sunday on PostgreSQL and 1 on Spark. Other SQL
    fails on one of them. This rule parses the models of a product with more than one platform, in `spec.platform`
    and `spec.environments`, and knows the constructs on the [page on portable SQL](../portable-sql.md). Output of macros
    is not checked: with `adapter.dispatch`, a macro has a spelling for each platform.

    If a line is portable for a reason that its SQL does not show, end it with `-- portable: the reason`.
    """

    broken = {
        SPEC: ENVIRONMENTS,
        "models/more.sql": "select\n    qualified\nfrom {{ ref('departures') }}\nqualify row_number() over (order by 1) = 1\n",
    }

    def check(self, root: Path, spec: Document, sources: Sequence[Document]) -> Iterator[Problem]:
        yield from _differences(root, spec, sources, certain=True)


class SqlNotKnownToDiffer(Rule):
    """The models use no SQL that may differ between the product's platforms, as far as the SQL shows.

    Whether `a / b` truncates depends on the types of the columns, and whether `concat(a, b)` is null depends on
    their values, neither of which the SQL shows. So this is a warning, with a spelling that is the same for all
    types. Functions that were not tried on all platforms, and models that cannot be parsed, are warnings, too.
    """

    usually = "warning"
    broken = {
        SPEC: ENVIRONMENTS,
        "models/more.sql": "select a / b as c\nfrom {{ ref('departures') }}\n",
    }

    def check(self, root: Path, spec: Document, sources: Sequence[Document]) -> Iterator[Problem]:
        yield from _differences(root, spec, sources, certain=False)


class BuiltInTestsKept(Rule):
    """No macro takes the place of one of dbt's own tests.

    dbt lets a project define `not_null` or `unique` anew, or what compiles and counts all tests. Every test of that name
    then checks what the macro says, which may be nothing, and still passes. A test under a name of its own says what it is.
    """

    usually = "warning"
    broken = {
        "macros/ours.sql": "{% test not_null(model, column_name) %}\nselect 1 where false\n{% endtest %}\n"
    }

    def check(self, root: Path) -> Iterator[Problem]:
        places = [place for kind in ("macro", "test", "model") for place in folders(root, kind)]
        for file in sorted({path for place in places for path in place.rglob("*.sql")}):
            try:
                text = file.read_text("utf-8")
            except (OSError, UnicodeDecodeError):
                continue  # left to dbt
            for found in _DEFINED.finditer(text):
                name = found["name"]
                if _BUILT_IN.fullmatch(
                    f"test_{name}" if found["kind"] in ("test", "data_test") else name
                ) or (found["kind"] == "materialization" and name in ("test", "unit")):
                    yield Problem(
                        file.relative_to(root).as_posix(),
                        (),
                        f"{name} takes the place of dbt's own: every test that dbt makes with it checks what is here.",
                        "Give it a name of its own, and use that in the models' YAML.",
                        text.count("\n", 0, found.start()) + 1,
                    )


_DEFINED = re.compile(r"\{%[-+]?\s*(?P<kind>macro|test|data_test|materialization)\s+(?P<name>\w+)")
_BUILT_IN = re.compile(
    r"(\w+__)?(test_(not_null|unique|accepted_values|relationships)|get_test_sql|get_unit_test_sql|get_where_subquery"
    r"|get_fixture_sql|get_expected_sql|should_store_failures)"
)
"""dbt's macros that decide whether a test passes."""


def _differences(
    root: Path, spec: Document, sources: Sequence[Document], *, certain: bool
) -> Iterator[Problem]:
    platforms = _platforms(spec)
    if len(platforms) < 2:
        return
    from meshwright.check.portable_sql import Unparsable, differences  # heavy, and only for several platforms

    floating = _floating(sources)
    for file in sorted({path for place in folders(root) for path in place.rglob("*.sql")}):
        name = file.relative_to(root).as_posix()
        try:
            found = differences(file.read_text("utf-8"), platforms, floating)
        except Unparsable as error:
            if not certain:
                yield Problem(
                    name,
                    (),
                    f"It cannot be parsed, so it is unknown whether it is the same on {', '.join(platforms)}: {error}.",
                    "Correct the SQL; move syntax of a single platform into a macro with adapter.dispatch.",
                    error.line,
                )
            continue
        except (OSError, UnicodeDecodeError):
            continue  # left to dbt
        for difference in found:
            construct = difference.construct
            if construct.certainly_differs(platforms) == certain:
                yield Problem(name, (), construct.sentence(platforms), construct.fix, difference.line)


def _platforms(spec: Document) -> list[str]:
    """Return the names of the platforms in the spec: the default, and those of its environments."""
    environments = spec.get("spec.environments")
    bound = [spec.get("spec.platform"), *(environments.values() if isinstance(environments, dict) else ())]
    named = [entry.get("platform", entry) if isinstance(entry, dict) else None for entry in bound]
    uses = [entry.get("uses") for entry in named if isinstance(entry, dict)]
    if not isinstance(spec.get("spec.platform"), dict):
        uses.append("duckdb@1")
    return sorted({str(name).partition("@")[0] for name in uses if name})


def _floating(sources: Sequence[Document]) -> set[str]:
    """Return the names of columns that sources declare as floating-point numbers, in lower case."""
    return {
        str(column.get("name")).lower()
        for document in sources
        for _, source in document.items("sources")
        for table in _mappings(source.get("tables"))
        for column in _mappings(table.get("columns"))
        if str(column.get("data_type")).lower() in FLOATING
    }


def _mappings(items: Any) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
