"""One product, asked every fitness function: what the assessment says of it.

No function stops the run: what raises or takes too long is inconclusive for that one product, with the reason.
mesh/scores.py weighs the results: the score of each characteristic is computed there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from meshwright.assess import Fitness, Verdict, as_text
from meshwright.assess.evidence import Evidence
from meshwright.assess.time_limit import TooLong, at_most
from meshwright.core.git import without_credentials
from meshwright.mesh import scores
from meshwright.product.record import Record

SECONDS = 120
"""Timeout of one function for one product."""
PLACES, SIGNS = 1000, 900
"""Maximum number of verdicts of one function, and maximum characters of a text: records are untrusted."""

STATIC = "Skipped: this assessment is static, but the function reads storage or a catalog."
NOTHING = "There was nothing to examine."
FAILED = "The function itself failed: {problem}"
TOO_LONG = f"Stopped after {SECONDS} seconds."

Known = dict[tuple[str, ...], dict[str, str]]
"""Verdicts of other products; of equal ones only one is kept, because most are."""


def results(
    functions: Sequence[Fitness],
    product: Evidence,
    known: Known,
    kept: Mapping[str, list[dict[str, str]]] | None = None,
) -> dict[str, Any]:
    """Return what the assessment says of a product, before it is scored. `kept`: verdicts that follow from its documents."""
    kept = kept or {}
    verdicts = {
        function.id: kept.get(function.id) or _verdicts(function, product, known) for function in functions
    }
    return _result(product.record, verdicts)


def without_answer(functions: Sequence[Fitness], record: Record, reason: str) -> dict[str, Any]:
    """Return what the assessment says of a product that could not be asked."""
    return _result(record, {function.id: [_inconclusive(reason)] for function in functions})


def about_documents(
    functions: Sequence[Fitness], record: Record, result: Mapping[str, Any]
) -> dict[str, list[dict[str, str]]]:
    """Return the verdicts of a result that follow from the product's documents alone; none that a function did not reach."""
    ids = {function.id for function in functions if function.is_about_documents(record)}
    return {
        one["function"]: one["verdicts"]
        for one in result["results"]
        if one["function"] in ids and all(verdict["state"] != "inconclusive" for verdict in one["verdicts"])
    }


def _result(record: Record, verdicts: Mapping[str, list[dict[str, str]]]) -> dict[str, Any]:
    results = [
        {"function": function, "state": scores.state(given), "verdicts": given}
        for function, given in verdicts.items()
    ]
    id = _id(record)
    return {
        "id": id,
        "title": _short(record.title),
        "domain": id.partition("/")[0],
        "owner": {"name": _short(record.owner.name), "team": _short(record.owner.team)},
        "results": results,
    }


def _short(name: str) -> str:
    return writable(as_text(name))


def _id(record: Record) -> str:
    """Return the id of a product; one that no catalog would take, and no line would hold, is made to fit."""
    domain, _, name = record.id.partition("/")
    return "/".join(re.sub(r"[/\s\x00-\x20\x7f]", "_", writable(as_text(part))) for part in (domain, name))


def _verdicts(function: Fitness, product: Evidence, known: Known) -> list[dict[str, str]]:
    """Return what a function says of a product; something, in any case."""
    if function.probes and product.static:
        return [known.setdefault((STATIC,), _inconclusive(STATIC))]
    verdicts: list[dict[str, str]] = []
    try:
        with at_most(SECONDS):
            for verdict in islice(function.check(product), PLACES):
                plain = _plain(verdict)
                verdicts.append(known.setdefault(tuple(plain.values()), plain))
    except TooLong:
        verdicts.append(_inconclusive(TOO_LONG))
    except Exception as error:  # on any error, the other products still have to be assessed
        problem = writable(without_credentials(as_text(f"{type(error).__name__}: {error}")))
        verdicts.append(_inconclusive(FAILED.format(problem=problem)))
    return verdicts or [_inconclusive(NOTHING)]


def _plain(verdict: Verdict) -> dict[str, str]:
    if verdict.state not in ("kept", "broken", "inconclusive"):
        raise ValueError(f"it returned {verdict.state!r}, which is not a state of a verdict")
    texts = {"evidence": verdict.evidence, "fix": verdict.fix, "mend": verdict.fix, "place": verdict.place}
    return {"state": verdict.state} | {name: writable(text) for name, text in texts.items()}


def writable(text: str) -> str:
    """Return a text that can be written, and is not too long."""
    if len(text) > SIGNS:
        text = f"{text[:SIGNS]} …"
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _inconclusive(evidence: str) -> dict[str, str]:
    return {"state": "inconclusive", "evidence": evidence, "fix": "", "mend": "", "place": ""}
