"""The assessment of a mesh: every product is asked every fitness function, and scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from meshwright.assess import Fitness, as_text, discovery, exemptions
from meshwright.assess.evidence import prepare
from meshwright.assess.expectations import Expectations
from meshwright.assess.kept_verdicts import KeptVerdicts, Verdicts
from meshwright.assess.processes import Progress, SpreadTask, spread
from meshwright.assess.results import about_documents, writable
from meshwright.mesh import scores
from meshwright.mesh.lineage import Lineage
from meshwright.mesh.run_events import ObservedRead
from meshwright.mesh.scores import CHARACTERISTICS
from meshwright.product.record import API_VERSION, Record

KIND = "Assessment"


def assess(
    records: Sequence[Record],
    now: datetime,
    static: bool = False,
    catalog: str | None = None,
    expectations: Expectations | None = None,
    only: Sequence[str] = (),
    jobs: int = 1,
    progress: Progress = lambda count: None,
    retired: Mapping[str, str] | None = None,
    observed: Sequence[ObservedRead] = (),
    kept: KeptVerdicts | None = None,
) -> dict[str, Any]:
    """Return the assessment of a mesh, in the order of its products' ids, as JSON has it (schemas/assessment.yaml).

    `catalog`: the address of the catalog that should list the products. `only`: ids of the products to assess
    within the whole mesh. `retired`, `observed`: as for Lineage. Raises Unreadable if fitness.yaml does not match the functions, or the
    catalog does not answer. `kept`: where verdicts that follow from documents alone are kept.
    """
    expectations = expectations or Expectations()
    enabled = discovery.enabled_functions(expectations)
    records = sorted(_distinct(records), key=lambda record: record.id)
    mesh = Lineage(records, retired, observed)
    prepare(mesh, now)
    chosen = [number for number, record in enumerate(records) if not only or record.id in only]
    built_in = [function for function in enabled if discovery.is_built_in(function)]
    known = kept.find({number: records[number] for number in chosen}) if kept else {}
    task = SpreadTask(records, mesh, now, static, catalog, expectations, _still(known, built_in, records))
    products = list(spread(task, enabled, chosen, jobs, progress))
    if kept:
        fresh = [
            (records[number], about_documents(built_in, records[number], product))
            for number, product in zip(chosen, products, strict=True)
            if number not in known
        ]
        kept.keep([(record, verdicts) for record, verdicts in fresh if verdicts])
    functions = [
        {"id": one.id, "characteristic": one.characteristic, "severity": expectations.severity(one), "question": one.question, "why": one.why}
        for one in enabled
    ]  # fmt: skip
    kinds = {one["id"]: (one["characteristic"], one["severity"]) for one in functions}
    notes = [f"{function} is off for every product: {why}" for function, why in sorted(expectations.off.items())]  # fmt: skip
    notes += _taken_twice(records)
    notes += exemptions.apply(products, expectations, records, now)
    for product in products:
        cells = scores.cells(product["results"], kinds)
        product["scores"] = {name: cell.score for name, cell in cells.items()}
        product["score"] = scores.mean(product["scores"].values())
        product["standings"] = {name: cell.standing for name, cell in cells.items()}
        product["standing"] = scores.whole(cells)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "at": now.isoformat(timespec="seconds"),
        "static": static,
        "functions": functions,
        "products": products,
        "scores": {
            name: scores.mean(product["scores"][name] for product in products) for name in CHARACTERISTICS
        },
        "notes": notes,
    }


def _still(
    known: Mapping[int, Verdicts], functions: Sequence[Fitness], records: Sequence[Record]
) -> dict[int, Verdicts]:
    """Return the kept verdicts of functions that still say that they are about documents alone."""
    return {
        number: {
            one.id: verdicts[one.id]
            for one in functions
            if one.id in verdicts and one.is_about_documents(records[number])
        }
        for number, verdicts in known.items()
    }


def _distinct(records: Sequence[Record]) -> Iterator[Record]:
    """Return the records without those that came from two sources alike."""
    seen: dict[str, list[Record]] = {}
    for record in records:
        others = seen.setdefault(record.id, [])
        if not any(other.root == record.root and other.hash == record.hash for other in others):
            others.append(record)
            yield record


def _taken_twice(records: Sequence[Record]) -> list[str]:
    counted = Counter(record.id for record in records)
    return [
        f"{count} products have the id {writable(as_text(id))}; each has a row."
        for id, count in counted.items()
        if count > 1
    ]
