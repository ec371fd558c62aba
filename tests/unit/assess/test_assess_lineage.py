"""What the map knows of the products around one, the scores know: one computation, and a function for each kind of problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

import meshes
import pytest
import records
from assessed import NOW, function

from meshwright.assess import Verdict
from meshwright.assess.evidence import gather
from meshwright.mesh.lineage import Kind, Lineage, issues
from meshwright.mesh.run_events import ObservedRead
from meshwright.product.record import Record

SOURCE, COPY, PORT = "airport-operations/stands", "crew-planning/shifts", "dp:airport-operations/stands#lake"
SEEN_BY = {
    "dangling-input": "InputsLeadSomewhere",
    "cycle": "DataHasAnOrigin",
    "unused": "HasReaders",
    "classification-lowered": "SourcesPoliciesKept",
    "readers-widened": "SourcesPoliciesKept",
    "rights-widened": "SourcesPoliciesKept",
    "without-agreement": "ReadsUnderAgreements",
    "beyond-agreement": "ReadsUnderAgreements",
    "undeclared-read": "ReadsUnderAgreements",
    "name-taken": "IdUnique",
}
"""Kind of problem -> the function that sees it."""
AROUND = sorted({*SEEN_BY.values()} - {"IdUnique"})


def pair(**changes: Any) -> list[dict[str, Any]]:
    """A product, and another that reads it under an agreement. `changes`: of the one that reads."""
    source, copy = records.value(SOURCE), records.value(COPY, "consumer-oriented", PORT, **changes)
    return meshes.agreed([source, copy])


def reads(mesh: list[dict[str, Any]], address: str) -> list[dict[str, Any]]:
    spec = mesh[1]["product"]["spec"]
    mesh[1]["product"] = {
        **mesh[1]["product"],
        "spec": {**spec, "inputs": [{**spec["inputs"][0], "from": address}]},
    }
    return mesh


def without_agreement(mesh: list[dict[str, Any]]) -> list[dict[str, Any]]:
    mesh[1]["product"]["spec"]["inputs"][0]["properties"].pop("agreement")
    return mesh


def ended(mesh: list[dict[str, Any]]) -> list[dict[str, Any]]:
    mesh[0]["readers"][0]["until"] = "2020-01-01T00:00:00Z"
    return mesh


def circle() -> list[dict[str, Any]]:
    back = {"name": "back", "uses": "data-product@1", "from": f"dp:{COPY}#lake", "properties": {}}
    mesh = pair()
    mesh[0]["product"]["spec"]["inputs"].append(back)
    return mesh


def copies(**changes: Any) -> list[dict[str, Any]]:
    """The same, and the reader serves all of its source's columns."""
    mesh = pair(**changes)
    mesh[1]["contract"]["schema"] = mesh[0]["contract"]["schema"]
    mesh[1]["product"]["spec"]["dataset"] = mesh[0]["product"]["spec"]["dataset"]
    return mesh


def observed(mesh: list[dict[str, Any]]) -> list[dict[str, Any]]:
    mesh[1]["product"]["spec"]["inputs"][0]["from"] = "system:somewhere"
    return mesh


OPEN = {"mode": "open", "policy": "access/policy.yaml"}
MUTATIONS: dict[str, tuple[Callable[[], list[dict[str, Any]]], str, str]] = {
    "a product that is gone": (lambda: reads(pair(), "dp:a/gone#lake"), "dangling-input", COPY),
    "a port that is gone": (lambda: reads(pair(), f"dp:{SOURCE}#sea"), "dangling-input", COPY),
    "a circle, at its first": (circle, "cycle", SOURCE),
    "a circle, at its second": (circle, "cycle", COPY),
    "an orphan": (lambda: pair(product__spec__useCases=[]), "unused", COPY),
    "less sensitive": (lambda: pair(product__spec__classification="public"), "classification-lowered", COPY),
    "a copy that is open": (lambda: copies(product__spec__access=OPEN), "readers-widened", COPY),
    "rights": (lambda: pair(product__spec__distributionRights={"modified": "allowed", "unmodified": "allowed"}), "rights-widened", COPY),
    "no agreement": (lambda: without_agreement(pair()), "without-agreement", COPY),
    "an agreement that has ended": (lambda: ended(pair()), "beyond-agreement", COPY),
    "read, and not declared": (lambda: observed(pair()), "undeclared-read", COPY),
    "a name twice": (lambda: [*pair(), records.value(COPY, source__repository="https://git.example.org/x/y.git")], "name-taken", COPY),
}  # fmt: skip


def verdicts(mesh: list[dict[str, Any]]) -> Mapping[tuple[str, str], list[Verdict]]:
    """Return what the functions say of each product: by product and function."""
    made = [Record(value) for value in mesh]
    runs = [ObservedRead(COPY, SOURCE, "lake", "2026-11-22T10:00:00+00:00")]
    lineage = Lineage(made, observed=runs)
    return {
        (record.id, name): list(function(name).check(gather(record, lineage, NOW)))
        for record in made
        for name in (*AROUND, "IdUnique")
    }


@pytest.mark.parametrize(("make", "kind", "id"), MUTATIONS.values(), ids=MUTATIONS)
def test_each_mutation_of_a_mesh_is_seen_by_the_scores_as_by_the_map(
    make: Callable[[], list[dict[str, Any]]], kind: str, id: str
) -> None:
    mesh = make()
    runs = [ObservedRead(COPY, SOURCE, "lake", "2026-11-22T10:00:00+00:00")]
    known = {issue.kind for issue in issues(Lineage(map(Record, mesh), observed=runs), NOW)}
    assert kind in known
    found = verdicts(mesh)[id, SEEN_BY[kind]]
    assert "broken" in {verdict.state for verdict in found}, found


def test_every_kind_of_problem_has_a_function_and_a_mutation() -> None:
    assert SEEN_BY.keys() == set(get_args(Kind)) == {kind for _, kind, _ in MUTATIONS.values()}


@pytest.mark.parametrize(
    "mesh",
    [pair(), copies(), meshes.agreed(meshes.small()), pair(product__spec__classification="confidential")],
    ids=["a pair", "a copy", "five", "more sensitive"],
)
def test_a_good_mesh_is_not_blamed(mesh: list[dict[str, Any]]) -> None:
    wrong = {key: found for key, found in verdicts(mesh).items() if {one.state for one in found} != {"kept"}}
    assert not wrong


def test_one_product_alone_is_not_blamed_for_what_is_not_there() -> None:
    record = Record(pair(product__spec__useCases=[])[1])
    evidence = gather(record, Lineage([record]), NOW)
    states = {name: {one.state for one in function(name).check(evidence)} for name in AROUND}
    assert states.pop("DataHasAnOrigin") == {"kept"}
    assert {state for found in states.values() for state in found} == {"inconclusive"}
