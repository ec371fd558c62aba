"""The dashboard: an assessment as one HTML page that loads nothing.

Up to IN_FULL products, the page contains everything and works without JavaScript. For a larger mesh, it contains the
rest as data, and shows it on request. Texts of records never become markup or style.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from meshwright.assess.history import Trend, comparable, trend
from meshwright.core import pages
from meshwright.mesh import scores
from meshwright.mesh.scores import CHARACTERISTICS
from meshwright.mesh.standings import STANDINGS, rank, worst

FOLDER = Path(__file__).parent
IN_FULL = 300
"""Number of products up to which the page has all evidence as HTML."""
SHOWN, GROUPS = 4, 8
"""Number of lines in each of the lists at the top, and of domains and owners."""
PLACES = 20
"""Number of verdicts of one function that the page shows."""
TEXT = 9_000_000
"""Maximum characters of evidence on a page; the JSON has the rest."""
TOO_LARGE = "Left out, because this page would be too large; the assessment as JSON contains it."
SOON = 30
"""Days before its end from which an exception is highlighted."""

ORDER = {"broken": 0, "excepted": 1, "inconclusive": 2, "kept": 3}
"""State of a function -> its position in a product's evidence."""
SEVERE = ("critical", "high", "medium", "low")
WORDS = {"broken": "broken", "excepted": "excepted", "inconclusive": "not known", "kept": "kept"}
WIDTH, HEIGHT = 120, 28
"""Size of a sparkline, in its own units."""

Links = Callable[[str], str]
"""Product id -> the address of its page, or an empty text."""


def page(
    assessment: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] = (),
    links: Links | None = None,
    floors: Mapping[str, int] | None = None,
    home: str = "",
) -> str:
    """Return the page. `history`: earlier assessments from history.read or a catalog; those of another kind, or
    not earlier, are skipped. `links`: the addresses of products' pages, in a catalog that has them; `home`:
    the address of that catalog."""
    floors = floors or {}
    functions = [dict(one) for one in assessment["functions"]]
    kinds = {one["id"]: (one["characteristic"], one["severity"]) for one in functions}
    earlier = comparable(history, assessment)
    before = earlier[-1].get("products") if earlier else None
    products = _products(assessment, kinds, before if isinstance(before, dict) else {}, links)
    in_full = len(products) <= IN_FULL
    shown = products[:IN_FULL]
    texts = _Texts(TEXT, once=not in_full)
    if in_full:
        for product in products:
            product["evidence"] = _evidence(product, functions, texts, kept=True)
    template = pages.environment(FOLDER).get_template("dashboard.html.jinja")
    return pages.rendered(
        template,
        style=(FOLDER / "dashboard.css").read_text("utf-8"),
        script=(FOLDER / "dashboard.js").read_text("utf-8"),
        home=home,
        at=_moment(assessment["at"]),
        static=assessment["static"],
        count=len(products),
        domains=sorted({product["domain"] for product in products}),
        standings=_counted(product["standing"] for product in products),
        characteristics=CHARACTERISTICS,
        floors=floors,
        tiles=list(_tiles(assessment, products, earlier, floors)),
        since=_day(earlier[-1]["at"]) if earlier else "",
        first=_first(products, functions),
        groups=[_groups(products, kind) for kind in ("domain", "owner")],
        exceptions=_exceptions(assessment, products),
        unanswered=_unanswered(assessment),
        notes=assessment["notes"],
        products=shown,
        in_full=in_full,
        functions={name: [one for one in functions if one["characteristic"] == name] for name in CHARACTERISTICS},
        words=WORDS,
        href=href,
        shown=STANDINGS,
        data=_data(products, functions, texts, in_full),
        soon=SOON,
    )  # fmt: skip


# -- products -------------------------------------------------------------------------------------------------


def _products(
    assessment: Mapping[str, Any],
    kinds: Mapping[str, tuple[str, str]],
    before: Mapping[str, Any],
    links: Links | None,
) -> list[dict[str, Any]]:
    """Return the products for the page: the worst standing first, then the lowest score."""
    taken: set[str] = set()
    found = []
    for number, product in enumerate(assessment["products"]):
        cells = scores.cells(product["results"], kinds)
        anchor = product["id"] if _is_anchor(product["id"]) and product["id"] not in taken else f"product/{number}"  # fmt: skip
        taken.add(anchor)
        page = links(product["id"]) if links else ""
        found.append(
            {
                "anchor": anchor,
                "id": product["id"],
                "title": product["title"],
                "domain": product["domain"],
                "score": product["score"],
                "owner": _owner(product.get("owner") or {}),
                "standing": scores.whole(cells),
                "cells": cells,
                "known": sum(cell.known for cell in cells.values()),
                "functions": sum(cell.functions for cell in cells.values()),
                "change": _change(product["score"], before.get(product["id"])),
                "results": product["results"],
                "page": page if page.startswith(("/", "./", "../")) or pages.is_link(page) else "",
            }
        )
    return sorted(found, key=lambda one: (rank(one["standing"]), 101 if one["score"] is None else one["score"], one["id"]))  # fmt: skip


def _owner(owner: Mapping[str, str]) -> str:
    """Return who has to act; an assessment of an earlier release does not say."""
    name, team = owner.get("name", ""), owner.get("team", "")
    return f"{name} ({team})" if name and team and name != team else name or team


def _is_anchor(id: str) -> bool:
    """Return True if a product's id can be the fragment of an address, which then stays the same from run to run."""
    return re.fullmatch(r"[A-Za-z0-9_-]{1,100}/[A-Za-z0-9_-]{1,100}", id) is not None and not id.startswith("product/")  # fmt: skip


def _change(score: int | None, before: Any) -> int:
    """Return the difference since the last run; 0 if either is unknown."""
    was = before[-1] if isinstance(before, list) and before else None
    return score - was if score is not None and isinstance(was, int) else 0


class _Texts:
    """Counts how much evidence still fits on the page; in HTML each text counts each time, in data once."""

    def __init__(self, signs: int, once: bool) -> None:
        self._left, self._once = signs, once
        self._known: set[str] = set()

    def fitting(self, text: str) -> str:
        if text not in self._known:
            self._left -= len(text)
            if self._left < 0:
                return TOO_LARGE
            if self._once:
                self._known.add(text)
        return text


def _evidence(
    product: Mapping[str, Any], functions: Sequence[Mapping[str, Any]], texts: _Texts, kept: bool
) -> dict[str, list[dict[str, Any]]]:
    """Return the verdicts by characteristic, broken ones first. `kept`: include evidence of kept functions."""
    known = {one["id"]: one for one in functions}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in CHARACTERISTICS}
    for result in sorted(product["results"], key=lambda one: ORDER[one["state"]]):
        function = known[result["function"]]
        verdicts = sorted(result["verdicts"], key=lambda one: one["state"] == "kept")
        shown = verdicts[:PLACES] if kept or result["state"] != "kept" else []
        found[function["characteristic"]].append(
            {
                "function": function,
                "state": result["state"],
                "verdicts": [{**one, "evidence": texts.fitting(one["evidence"]), "fix": texts.fitting(one["fix"])} for one in shown],
                "more": len(verdicts) - len(shown) if shown else 0,
                "reason": result.get("reason", ""),
                "until": result.get("until", ""),
            }
        )  # fmt: skip
    return found


# -- the summary ----------------------------------------------------------------------------------------------


def _counted(standings: Any) -> dict[str, int]:
    counted = Counter(standings)
    return {name: counted[name] for name in STANDINGS}


def _tiles(
    assessment: Mapping[str, Any],
    products: Sequence[Mapping[str, Any]],
    earlier: Sequence[Mapping[str, Any]],
    floors: Mapping[str, int],
) -> Iterator[dict[str, Any]]:
    """Return a tile for each characteristic: the mesh's score, the states of its products, and its trend."""
    for name in CHARACTERISTICS:
        cells = [product["cells"][name] for product in products]
        counted = _counted(cell.standing for cell in cells)
        total = sum(cell.functions for cell in cells)
        score, floor = assessment["scores"][name], floors.get(name)
        found = trend(earlier, assessment, name)
        yield {
            "name": name,
            "score": score,
            "floor": floor,
            "standing": worst(cell.standing for cell in cells if cell.functions),
            "missed": 0 if floor is None else sum(cell.lowest < floor for cell in cells),
            "known": 100 * sum(cell.known for cell in cells) // total if total else 0,
            "counted": counted,
            "bars": list(_bars(counted, len(products))),
            "trend": found,
            "line": _line(found),
        }


def _bars(counted: Mapping[str, int], total: int) -> Iterator[tuple[str, float, float]]:
    """Yield the state, start and length of each part of a bar, in percent."""
    start = 0.0
    for name, count in counted.items():
        length = 100 * count / total
        if count:
            yield name, round(start, 2), round(length, 2)
        start += length


def _line(found: Trend) -> list[str]:
    """Return the points of a sparkline; one entry for each section without unknown scores."""
    known = [point for point in found.points if point is not None]
    if len(found.points) < 2 or not known:
        return []
    low, high = max(0, min(known) - 5), min(100, max(known) + 5)
    if high - low < 20:
        low, high = max(0, high - 20), max(20, high)
    parts: list[list[str]] = [[]]
    for number, point in enumerate(found.points):
        if point is None:
            parts.append([])
            continue
        across = 3 + (WIDTH - 6) * number / (len(found.points) - 1)
        down = 3 + (HEIGHT - 6) * (high - point) / (high - low)
        parts[-1].append(f"{across:.1f},{down:.1f}")
    return [" ".join(part if len(part) > 1 else part * 2) for part in parts if part]


def _first(
    products: Sequence[Mapping[str, Any]], functions: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the products to begin with, each with its owner, and what is broken or not known there: the most severe first."""
    known = {one["id"]: one for one in functions}
    listed = []
    for product in products[:SHOWN]:
        open_results = [
            (result, known[result["function"]])
            for result in product["results"]
            if result["state"] in ("broken", "inconclusive")
        ]
        if product["standing"] not in ("critical", "broken", "not-known") or not open_results:
            continue
        open_results.sort(key=lambda pair: (pair[0]["state"] != "broken", SEVERE.index(pair[1]["severity"])))
        result, function = open_results[0]
        verdict = _decisive(result)
        listed.append({**product, "function": function, "verdict": verdict, "more": len(open_results) - 1})
    return listed


def _decisive(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the first verdict that made a result what it is. What others have handed in may have none."""
    of_state = (one for one in result["verdicts"] if one["state"] == result["state"])
    return next(of_state, {"place": "", "evidence": "Nothing says why.", "fix": ""})


def _groups(products: Sequence[Mapping[str, Any]], kind: str) -> dict[str, Any]:
    """Return the domains or owners, the worst first, each with its products by standing."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for product in products:
        if product[kind]:
            found.setdefault(product[kind], []).append(product)
    listed = [
        {
            "name": name,
            "standing": worst(product["standing"] for product in inside),
            "counted": _counted(product["standing"] for product in inside),
            "bars": list(_bars(_counted(product["standing"] for product in inside), len(inside))),
            "score": scores.mean(product["score"] for product in inside),
            "known": 100 * sum(product["known"] for product in inside) // max(1, sum(product["functions"] for product in inside)),
        }
        for name, inside in found.items()
    ]  # fmt: skip
    listed.sort(
        key=lambda one: ([-count for name, count in one["counted"].items() if name != "kept"], one["name"])
    )
    return {"kind": kind, "shown": listed[:GROUPS], "more": len(listed) - GROUPS}


def _exceptions(assessment: Mapping[str, Any], products: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the exceptions, those that end first at the top."""
    today = datetime.fromisoformat(assessment["at"]).date()
    found: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for product in products:
        for result in product["results"]:
            if result["state"] == "excepted":
                found.setdefault((result["until"], result["function"], result["reason"]), []).append(product)
    listed: list[dict[str, Any]] = [
        {
            "until": until,
            "days": (date.fromisoformat(until) - today).days,
            "function": function,
            "reason": reason,
            "products": about,
        }
        for (until, function, reason), about in sorted(found.items(), key=lambda one: one[0])
    ]
    return {"shown": listed[:SHOWN], "more": len(listed) - SHOWN, "products": sum(len(one["products"]) for one in listed)}  # fmt: skip


def _unanswered(assessment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the functions without an answer, with the number of products; grouped if most have the same reason."""
    why: dict[str, Counter[str]] = {}
    for product in assessment["products"]:
        for result in product["results"]:
            if result["state"] == "inconclusive":
                why.setdefault(result["function"], Counter())[_decisive(result)["evidence"]] += 1
    together: dict[str, list[tuple[str, int]]] = {}
    for function, reasons in sorted(why.items(), key=lambda one: (-one[1].total(), one[0])):
        together.setdefault(reasons.most_common(1)[0][0], []).append((function, reasons.total()))
    listed = [{"why": reason, "functions": found} for reason, found in together.items()]
    return {
        "shown": listed[:SHOWN],
        "more": sum(len(one["functions"]) for one in listed[SHOWN:]),
        "count": sum(reasons.total() for reasons in why.values()),
        "asked": len(assessment["functions"]) * len(assessment["products"]),
    }


def _moment(at: str) -> str:
    moment = datetime.fromisoformat(at).astimezone(UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _day(at: str) -> str:
    moment = datetime.fromisoformat(at).astimezone(UTC)
    return f"{moment.day} {moment:%B}"


# -- data for the script --------------------------------------------------------------------------------------


def _data(
    products: Sequence[Mapping[str, Any]],
    functions: Sequence[Mapping[str, Any]],
    texts: _Texts,
    in_full: bool,
) -> dict[str, Any]:
    """Return the data for sorting and filtering, and the evidence if it is not in the page as HTML. `texts` has each
    repeated text once."""
    standings = list(STANDINGS)
    table: dict[str, int] = {}

    def at(text: str) -> int:
        return table.setdefault(text, len(table))

    numbers = {one["id"]: number for number, one in enumerate(functions)}
    rows = []
    for product in products:
        cells = [
            [cell.score, standings.index(cell.standing), cell.known, cell.functions, cell.broken, cell.excepted]
            for cell in product["cells"].values()
        ]  # fmt: skip
        row = [product["anchor"], product["id"], product["title"], at(product["domain"]), product["score"], product["change"], cells, standings.index(product["standing"]), at(product["owner"])]  # fmt: skip
        if not in_full:
            row += [product["page"], _packed(_evidence(product, functions, texts, kept=False), numbers, at)]
        rows.append(row)
    return {
        "characteristics": CHARACTERISTICS,
        "standings": [[name, one.sign, one.words] for name, one in STANDINGS.items()],
        "functions": [] if in_full else [[one["id"], one["severity"], one["question"]] for one in functions],
        "products": rows,
        "texts": list(table),
        "inFull": in_full,
    }


def _packed(
    evidence: Mapping[str, Sequence[Mapping[str, Any]]], numbers: Mapping[str, int], at: Callable[[str], int]
) -> list[Any]:
    return [
        [
            [
                numbers[one["function"]["id"]],
                ORDER[one["state"]],
                [
                    [ORDER[verdict["state"]], at(verdict["evidence"]), at(verdict["fix"]), at(verdict["place"])]
                    for verdict in one["verdicts"]
                ],
                one["more"],
                at(one["reason"]),
                one["until"],
            ]
            for one in found
        ]
        for found in evidence.values()
    ]  # fmt: skip


def href(anchor: str, characteristic: str = "") -> str:
    """Return the fragment that leads to a product's evidence, or to that of one characteristic."""
    return "#" + quote(f"{anchor}/{characteristic}" if characteristic else anchor, safe="/")
