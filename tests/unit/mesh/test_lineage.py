"""What is wrong along the lineage of a mesh: every kind of issue, and good products that are not blamed."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import record
from wrong_values import WRONG, at, every_place

from meshwright.mesh.lineage import Issue, Lineage, issues
from meshwright.mesh.sharing import advise
from meshwright.product.record import Record

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SOURCE, READER = "airport-operations/departures", "customer-experience/punctuality"


def reader(id: str = READER, reads: str = SOURCE, **changes: Any) -> Record:
    return record(id, "consumer-oriented", reads=f"dp:{reads}#lake", **changes)


def found(*records: Record, kind: str = "", retired: Mapping[str, str] | None = None) -> list[Issue]:
    """The issues of a kind; of any, but for those on agreements, which test_agreements.py is about."""
    every = issues(Lineage(records, retired), NOW)
    return [
        issue for issue in every if kind == issue.kind or (not kind and not issue.kind.endswith("-agreement"))
    ]


def copied(source: Record, id: str = READER, **changes: Any) -> Record:
    """A product that serves the very data of another."""
    made = copy.deepcopy(dict(source.value))
    made["product"]["metadata"]["domain"], made["product"]["metadata"]["name"] = id.split("/")
    made["source"] = {"repository": f"https://git.example.org/{id}.git"}
    made["product"]["spec"]["inputs"] = reader(id, source.id).value["product"]["spec"]["inputs"]
    base = Record(made)
    for path, said in changes.items():
        node: Any = made
        *way, last = path.split("__")
        for key in way:
            node = node[int(key)] if isinstance(node, list) else node[key]
        node[last] = said
    return base


def granted(*principals: str, role: str = "reader", until: str = "2027-01-01T00:00:00Z") -> dict[str, Any]:
    return {"agreement": "a", "role": role, "principals": list(principals), "until": until}


def test_good_products_are_not_blamed() -> None:
    assert found(record(), reader()) == []
    assert found(record(), reader(), copied(record())) == []


# -- inputs that lead nowhere ----------------------------------------------------------------------------


def test_an_unknown_product_is_named() -> None:
    (issue,) = found(reader(reads="airport-operations/gone"))
    assert (issue.product, issue.kind, issue.about, issue.input) == (
        READER,
        "dangling-input",
        (),
        "departures",
    )
    assert "airport-operations/gone" in issue.sentence


def test_an_unknown_port_is_told_with_those_that_there_are() -> None:
    read = record(product__spec__outputs__0__name="tables")
    (issue,) = found(read, reader())
    assert (issue.kind, issue.about) == ("dangling-input", (SOURCE,))
    assert "no port lake" in issue.sentence and issue.fix == "Read one of: tables."


@pytest.mark.parametrize("successor", ["airport-operations/movements", ""])
def test_a_retired_product_is_told_with_its_successor(successor: str) -> None:
    (issue,) = found(reader(), retired={SOURCE: successor})
    assert issue.kind == "dangling-input" and "retired" in issue.sentence
    assert successor in issue.fix


def test_a_source_whose_contract_is_retired_is_told() -> None:
    (issue,) = found(record(contract__status="retired"), reader())
    assert (issue.kind, issue.about) == ("dangling-input", (SOURCE,)) and "retired" in issue.sentence


# -- circles ---------------------------------------------------------------------------------------------


def ring(*names: str) -> list[Record]:
    return [reader(f"d/{one}", f"d/{two}") for one, two in zip(names, [*names[1:], names[0]], strict=True)]


def test_a_circle_is_told_once_in_the_order_of_reading() -> None:
    (issue,) = found(*ring("c", "a", "b"), kind="cycle")
    assert (issue.product, issue.about) == ("d/a", ("d/b", "d/c"))
    assert issue.sentence.startswith("d/a reads d/b reads d/c reads d/a:")


def test_each_circle_is_told_once_and_its_readers_are_not_blamed() -> None:
    told = found(*ring("a", "b"), *ring("c", "d"), reader("d/e", "d/a"), kind="cycle")
    assert [(issue.product, issue.about) for issue in told] == [("d/a", ("d/b",)), ("d/c", ("d/d",))]


def test_circles_that_share_a_product_are_one() -> None:
    a, b, c = ring("a", "b")[0], ring("b", "a")[0], reader("d/c", "d/a")
    a.value["product"]["spec"]["inputs"].append(
        {"name": "other", "uses": "data-product@1", "from": "dp:d/c#lake"}
    )
    (issue,) = found(a, b, c, kind="cycle")
    assert (issue.product, issue.about) == ("d/a", ("d/b", "d/c"))


def test_a_product_that_reads_itself_is_told() -> None:
    (issue,) = found(reader("d/a", "d/a"), kind="cycle")
    assert (issue.product, issue.about, issue.sentence) == ("d/a", (), "d/a reads itself.")


# -- products that nobody uses ---------------------------------------------------------------------------

ALONE = {"product__spec__useCases": []}


def test_a_product_that_nobody_uses_is_a_warning() -> None:
    (issue,) = found(record(**ALONE))
    assert (issue.kind, issue.level, issue.product) == ("unused", "warning", SOURCE)


@pytest.mark.parametrize(
    ("readers", "used"),
    [
        ([granted("group:analysts")], True),
        ([granted("group:analysts", until="2026-01-01T00:00:00Z")], False),
        ([granted()], False),
    ],
)
def test_an_agreement_that_lets_somebody_in_is_a_use(readers: Any, used: bool) -> None:
    assert (found(record(**ALONE, readers=readers)) == []) is used


def test_a_reader_or_a_use_case_is_a_use_and_reading_oneself_is_none() -> None:
    assert found(record(**ALONE), reader()) == []
    assert [issue.kind for issue in found(reader("d/a", "d/a", **ALONE))] == ["cycle", "unused"]


# -- sharing rules ---------------------------------------------------------------------------------------


def test_a_lower_classification_than_the_sources_is_told() -> None:
    (issue,) = found(record(product__spec__classification="secret"), reader())
    assert (issue.product, issue.kind, issue.about) == (READER, "classification-lowered", (SOURCE,))
    assert "internal" in issue.sentence and "secret" in issue.sentence
    assert issue.place == ("product", "spec", "classification")


@pytest.mark.parametrize("there", ["public", "internal", "unheard-of", None])
def test_a_classification_that_is_as_high_or_unknown_is_not_blamed(there: Any) -> None:
    assert found(record(product__spec__classification=there), reader(), kind="classification-lowered") == []


@pytest.mark.parametrize("name", ["flight_number", "FLIGHT_NUMBER"])
def test_columns_of_a_copy_keep_their_classification_in_any_letters(name: str) -> None:
    place = "contract__schema__0__properties__3__"
    read = record(**{f"{place}classification": "internal"})
    (issue,) = found(read, copied(read, **{f"{place}classification": "public", f"{place}name": name}))
    assert issue.kind == "classification-lowered" and "flight_number: internal" in issue.fix
    assert issue.place[:4] == ("contract", "schema", 0, "properties")
    assert found(read, copied(read, **{f"{place}classification": "confidential"})) == []


def test_a_copy_is_not_open_where_its_source_takes_an_approval() -> None:
    read = record()
    (issue,) = found(read, copied(read, product__spec__access__mode="open"))
    assert (issue.kind, issue.place) == ("readers-widened", ("product", "spec", "access", "mode"))
    both = record(product__spec__access__mode="open")
    assert found(both, copied(both)) == []
    assert found(read, reader(product__spec__access__mode="open")) == []  # no copy


def test_a_role_of_a_copy_sees_no_more_than_the_sources_roles() -> None:
    read = record(
        product__spec__classification="confidential",
        contract__schema__0__properties__3__classification="confidential",
    )
    wide = copied(read, policy__roles__reader__clearance=["public", "internal", "confidential"])
    (issue,) = found(read, wide)
    assert (issue.kind, issue.place) == ("readers-widened", ("policy", "roles", "reader"))
    assert "flight_number" in issue.sentence
    # A clearance that no column of the source is above lets nobody see more.
    plain = record()
    assert (
        found(plain, copied(plain, policy__roles__reader__clearance=["public", "internal", "secret"])) == []
    )


@pytest.mark.parametrize(
    "limit", [{"rows": [{"column": "origin", "in": ["JFK"]}]}, {"requires": {"country": ["CH"]}}]
)
def test_what_limits_a_role_of_the_source_limits_the_copys(limit: dict[str, Any]) -> None:
    read = record()
    read.value["policy"]["roles"]["reader"] |= limit
    (issue,) = found(read, copied(read, policy__roles__reader=record().roles["reader"]))
    assert issue.kind == "readers-widened" and "reader" in issue.sentence
    assert found(read, copied(read)) == []


def test_who_reads_a_copy_has_an_agreement_with_its_source() -> None:
    read = record(readers=[granted("group:analysts"), granted("group:old", until="2026-01-01T00:00:00Z")])
    assert found(read, copied(read, readers=[granted("group:analysts")])) == []
    (issue,) = found(read, copied(read, readers=[granted("group:analysts", "group:sales", "group:old")]))
    assert (issue.kind, issue.level, issue.place) == ("readers-widened", "error", ("readers", 0))
    assert "group:sales, group:old may read it" in issue.sentence and "analysts" not in issue.sentence
    ended = granted("group:sales", until="2026-01-01T00:00:00Z")
    assert found(read, copied(read, readers=[ended])) == []


def test_whether_somebody_is_in_a_group_of_the_source_is_only_a_warning() -> None:
    read = record(readers=[granted("group:analysts")])
    (issue,) = found(read, copied(read, readers=[granted("id:bo@example.org")]))
    assert (issue.kind, issue.level) == ("readers-widened", "warning")
    nobody = record(readers=[])
    (issue,) = found(nobody, copied(nobody, readers=[granted("id:bo@example.org")]))
    assert issue.level == "error"


def test_a_source_whose_readers_are_not_known_is_held_against_nobody() -> None:
    read = record(readers=None)
    assert found(read, copied(read, readers=[granted("group:sales")])) == []


def test_everybody_reads_an_open_source_and_so_its_copy() -> None:
    read = record(product__spec__access__mode="open")
    stricter = copied(read, readers=[granted("group:sales")], product__spec__access__mode="approval-required")
    assert found(read, stricter) == []


# -- distribution rights ---------------------------------------------------------------------------------


def rights(modified: str | None, unmodified: str | None) -> dict[str, Any]:
    said = {"modified": modified, "unmodified": unmodified}
    return {"product__spec__distributionRights": {key: word for key, word in said.items() if word}}


YES, NO = "allowed", "forbidden"


@pytest.mark.parametrize(
    ("there", "here", "widened"),
    [
        ((YES, NO), (YES, NO), []),
        ((YES, YES), (YES, YES), []),
        ((NO, NO), (NO, NO), []),
        ((YES, NO), (NO, NO), []),
        ((YES, NO), (YES, YES), ["unmodified"]),
        ((NO, NO), (YES, NO), ["modified"]),
        ((NO, NO), (YES, YES), ["modified", "unmodified"]),
        ((NO, YES), (NO, YES), ["unmodified"]),  # whatever is made of it is a modification
        ((NO, None), (None, None), []),
        ((None, None), (YES, YES), []),
    ],
)
def test_no_right_is_granted_that_the_source_forbids(there: Any, here: Any, widened: list[str]) -> None:
    told = found(record(**rights(*there)), reader(**rights(*here)))
    assert [(issue.kind, issue.place[-1], issue.about) for issue in told] == [
        ("rights-widened", right, (SOURCE,)) for right in widened
    ]


@pytest.mark.parametrize("between", [(None, None), (NO, NO), (YES, NO)])
def test_a_right_is_forbidden_along_the_whole_chain(between: Any) -> None:
    a, b, c, d = (
        record("d/a", **rights(NO, NO)),
        reader("d/b", "d/a", **rights(*between)),
        reader("d/c", "d/b", **rights(None, None)),
        reader("d/d", "d/c", **rights(YES, NO)),
    )
    told = [issue for issue in found(a, b, c, d) if issue.product == "d/d"]
    nearest = "d/b" if between == (NO, NO) else "d/a"
    assert [(issue.kind, issue.about) for issue in told] == [("rights-widened", (nearest,))]
    assert "through d/c" in told[0].sentence


# -- names -----------------------------------------------------------------------------------------------


def test_two_products_of_one_name_are_told_with_their_repositories(tmp_path: Path) -> None:
    other = record()
    other.value["source"]["repository"] = "https://git.example.org/elsewhere/departures.git"
    (issue,) = found(record(), other)
    assert (issue.product, issue.kind) == (SOURCE, "name-taken")
    assert (
        "elsewhere/departures.git" in issue.sentence and "airport-operations/departures.git" in issue.sentence
    )


def test_one_product_from_two_sources_is_one() -> None:
    by_ssh = record()
    by_ssh.value["source"]["repository"] = "git@git.example.org:airport-operations/departures.git"
    assert found(record(), by_ssh) == []


# -- large, and hostile ----------------------------------------------------------------------------------


def chain(length: int, ends: bool) -> list[Record]:
    """Products that each read the one before; the first reads the last, or an operational system."""
    first = reader("d/p00000", f"d/p{length - 1:05}") if not ends else record("d/p00000")
    model = reader("d/p")
    return [first, *(_renamed(model, number) for number in range(1, length))]


def _renamed(model: Record, number: int) -> Record:
    product = dict(model.value["product"])
    product["metadata"] = {**product["metadata"], "domain": "d", "name": f"p{number:05}"}
    entry = {**product["spec"]["inputs"][0], "from": f"dp:d/p{number - 1:05}#lake"}
    product["spec"] = {**product["spec"], "inputs": [entry]}
    # A data set of its own: nobody copies.
    table = {**model.value["contract"]["schema"][0]}
    table["properties"] = [{**table["properties"][0], "name": f"c{number}"}, *table["properties"][1:]]
    return Record(
        {**model.value, "product": product, "contract": {**model.value["contract"], "schema": [table]}}
    )


@pytest.mark.parametrize("ends", [True, False])
def test_a_chain_of_ten_thousand_products_neither_overflows_nor_takes_long(ends: bool) -> None:
    records = chain(10_000, ends)
    records[0].value["product"]["spec"]["distributionRights"] = {
        "modified": "forbidden",
        "unmodified": "forbidden",
    }
    start = time.process_time()
    told = found(*records)
    taken = time.process_time() - start
    assert {issue.kind for issue in told} == ({"rights-widened"} if ends else {"rights-widened", "cycle"})
    assert sum(issue.kind == "rights-widened" for issue in told) == 9_999
    assert max(len(issue.sentence) for issue in told) < 500
    assert taken < 10, f"{taken:.1f} s of processor time; a slow machine under load takes 2"


def test_the_order_of_the_records_changes_nothing() -> None:
    records = [
        *ring("a", "b", "c"),
        reader("d/x", "d/gone"),
        reader("d/y", "d/a", **ALONE),
        record("d/z", **ALONE),
    ]
    expected = found(*records)
    assert expected == sorted(expected) and len(expected) > 3
    for seed in range(5):
        random.Random(seed).shuffle(records)  # noqa: S311 - no secret
        assert found(*records) == expected


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(WRONG)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
    st.randoms(use_true_random=False),
)
def test_no_value_anywhere_in_a_record_raises(wrong: Any, choose: random.Random) -> None:
    read = record(readers=[granted("group:analysts")])
    products = [
        dict(one.value)
        for one in (read, copied(read, readers=[granted("id:bo", "group:x")]), reader("d/c", READER))
    ]
    for _ in range(3):
        victim = choose.choice(products)
        keys = choose.choice(every_place(victim)[1:])
        at(victim, keys[:-1])[keys[-1]] = copy.deepcopy(wrong)
    lineage = Lineage(map(Record, products))
    for issue in issues(lineage, NOW):
        assert issue.sentence and issue.fix and len(issue.sentence) < 20_000
    for edge in lineage.edges:
        for source in (edge.source, None):
            assert advise(edge.input, edge.consumer, source).reason


@pytest.mark.parametrize(
    "other", ["ssh://git@GIT.example.org/hotel/guests/", "git@git.example.org:hotel/guests.git"]
)
def test_a_repository_is_the_same_however_its_address_is_written(other: str) -> None:
    guests = record("hotel/guests", source__repository="https://git.example.org/hotel/guests.git")
    again = record("hotel/guests", source__repository=other)
    assert not [issue for issue in issues(Lineage([guests, again])) if issue.kind == "name-taken"]
    elsewhere = record("hotel/guests", source__repository="https://git.example.org/spa/guests.git")
    assert [issue for issue in issues(Lineage([guests, elsewhere])) if issue.kind == "name-taken"]
