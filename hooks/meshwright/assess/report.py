"""Print an assessment for people, and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meshwright.assess.failures import MissedFloor
from meshwright.assess.history import Trend, comparable, trend
from meshwright.core.text import printable
from meshwright.mesh import scores
from meshwright.mesh.scores import CHARACTERISTICS
from meshwright.mesh.standings import STANDINGS, rank
from meshwright.product import metamodel

SHOWN_PRODUCTS = 50
"""Number of products in the report for people, those with the worst standings; JSON and HTML have all."""
SHOWN_PLACES = 3
LEGEND = "   ".join(f"{one.plain_sign} {one.words}" for one in STANDINGS.values() if one.plain_sign)


def as_json(assessment: Mapping[str, Any]) -> str:
    """Return JSON with one line for each product."""
    rest = {key: value for key, value in assessment.items() if key != "products"}
    products = ",\n".join(json.dumps(product, ensure_ascii=False) for product in assessment["products"])
    return f'{json.dumps(rest, ensure_ascii=False)[:-1]}, "products": [\n{products}\n]}}'


def human(
    assessment: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] = (),
    failures: Sequence[MissedFloor] = (),
    built_in: frozenset[str] = frozenset(),
) -> str:
    """Return a row for each product, then what is broken, by product, then notes on the whole mesh. `built_in`: ids of
    the functions that have a page in the documentation."""
    functions = {one["id"]: one for one in assessment["functions"]}
    kinds = {id: (one["characteristic"], one["severity"]) for id, one in functions.items()}
    products = sorted(assessment["products"], key=_worst_first)
    shown = products[:SHOWN_PRODUCTS] if len(products) > SHOWN_PRODUCTS else assessment["products"]
    lines = list(_table(assessment, shown, kinds))
    lines += _trends(assessment, history)
    for product in shown:
        lines += _details(product, functions, built_in)
    if len(products) > len(shown):
        lines += ["", f"The {len(shown)} of {len(products)} products with the worst standings; --html and --format json have all."]  # fmt: skip
    lines += _rest(assessment, failures)
    return "\n".join(line.rstrip() for line in lines)


def _worst_first(product: Mapping[str, Any]) -> tuple[int, int, str]:
    score = product["score"]
    return rank(product["standing"]), 101 if score is None else score, product["id"]


def _table(
    assessment: Mapping[str, Any],
    products: Sequence[Mapping[str, Any]],
    kinds: Mapping[str, tuple[str, str]],
) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("product", "standing", *CHARACTERISTICS, "all")]
    for product in products:
        cells = scores.cells(product["results"], kinds).values()
        more = "?" if any(cell.known < cell.functions for cell in cells) else ""
        words = STANDINGS[product["standing"]].words
        rows.append((printable(product["id"]), words, *map(_cell, cells), more + _number(product["score"])))
    unknown = {
        kinds[result["function"]][0]
        for product in assessment["products"]
        for result in product["results"]
        if result["state"] == "inconclusive"
    }
    found = [
        f"{'?' if name in unknown else ''}{_number(assessment['scores'][name])}" for name in CHARACTERISTICS
    ]
    mean = scores.mean(product["score"] for product in assessment["products"])
    rows.append(("the mesh", "", *found, f"{'?' if unknown else ''}{_number(mean)}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first, *others = (cell.ljust(width) if number < 2 else cell.rjust(width) for number, (cell, width) in enumerate(zip(row, widths, strict=True)))  # fmt: skip
        yield "  ".join((first, *others))
    yield LEGEND


def _cell(cell: scores.Cell) -> str:
    sign = STANDINGS[cell.standing].plain_sign
    more = "?" if cell.known < cell.functions and sign in ("x", "!") else ""
    return f"{sign}{more}{'~' if cell.excepted and sign != '~' else ''}{'-' if cell.score is None else cell.score}"


def _number(score: int | None) -> str:
    return "-" if score is None else str(score)


def _trends(assessment: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> list[str]:
    earlier = comparable(history, assessment)
    if not earlier:
        return []
    found = {name: trend(earlier, assessment, name) for name in CHARACTERISTICS}
    changes = [f"{name} {_changed(one)}" for name, one in found.items()]
    return ["", f"since {earlier[-1]['at'][:10]}: {', '.join(changes)}"]


def _changed(found: Trend) -> str:
    return "?" if found.since_last is None else "=" if not found.since_last else f"{found.since_last:+d}"


def _details(
    product: Mapping[str, Any], functions: Mapping[str, Mapping[str, Any]], built_in: frozenset[str]
) -> list[str]:
    lines: list[str] = []
    for state in ("broken", "excepted"):
        for result in product["results"]:
            if result["state"] == state:
                lines += _result(result, functions[result["function"]], built_in)
    unknown: dict[str, list[str]] = {}
    for result in product["results"]:
        if result["state"] == "inconclusive":
            verdict = next(one for one in result["verdicts"] if one["state"] == "inconclusive")
            unknown.setdefault(_evidence(verdict), []).append(result["function"])
    for evidence, found in unknown.items():
        lines += [f"  unknown: {', '.join(found)}", f"    {evidence}"]
    return ["", f"{printable(product['id'])}:", *lines] if lines else []


def _result(result: Mapping[str, Any], function: Mapping[str, Any], built_in: frozenset[str]) -> list[str]:
    state = result["state"]
    verdicts = [verdict for verdict in result["verdicts"] if verdict["state"] != "kept"]
    what = f"{state}, {function['severity']}, {function['characteristic']}"
    lines = [f"  {function['id']} ({what}): {printable(function['question'])}"]
    for verdict in verdicts[:SHOWN_PLACES]:
        lines.append(f"    {_evidence(verdict)}")
        if verdict["fix"]:
            lines.append(f"      fix: {printable(verdict['fix'])}")
    if len(verdicts) > SHOWN_PLACES:
        lines.append(f"    … {len(verdicts) - SHOWN_PLACES} more (--format json, --html)")
    if state == "excepted":
        lines.append(f"    excepted until {result['until']}: {printable(result['reason'])}")
    if function["id"] in built_in and link(function["id"]):
        lines.append(f"    see:  {link(function['id'])}")
    return lines


def _evidence(verdict: Mapping[str, Any]) -> str:
    place = f"{verdict['place']}: " if verdict["place"] else ""
    return printable(f"{place}{verdict['evidence']}")


def link(function: str) -> str:
    """Return the address of the page of one of Meshwright's functions; empty if nobody has said where its pages are."""
    return f"{metamodel.HOME}/docs/reference/fitness/{function}.md" if metamodel.HOME else ""


def _rest(assessment: Mapping[str, Any], failures: Sequence[MissedFloor]) -> list[str]:
    lines = [f"note: {printable(note)}" for note in assessment["notes"]]
    for failure in failures:
        if failure.floor is None:
            reason = f"breaks {failure.what}, which is critical"
        elif failure.score is None:
            reason = f"{failure.what} is unknown, but its floor is {failure.floor}"
        elif failure.lowest < failure.score:
            reason = f"{failure.what} is {failure.score} of what is known, and certainly only {failure.lowest}, below its floor of {failure.floor}"
        else:
            reason = f"{failure.what} is {failure.score}, below its floor of {failure.floor}"
        lines.append(f"failed: {printable(failure.product)}: {reason}")
    count = len(assessment["products"])
    functions = len(assessment["functions"])
    unknown = sum(result["state"] == "inconclusive" for product in assessment["products"] for result in product["results"])  # fmt: skip
    kind = "statically " if assessment["static"] else ""
    total = f"{count} product{'s' if count != 1 else ''} {kind}assessed by {functions} functions"
    left = f"; {unknown} of {count * functions} questions have no answer" if unknown else ""
    return [*([""] if lines else []), *lines, "", total + left]
