"""What Rego decides: what counts, who reads and what is seen; with regopy, and the same with the real OPA."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opa import opa_bindings

from meshwright.access.grants import Column, Principal, Refused
from meshwright.access.rego_evaluation import POLICY, PolicyEngine, decoded, encoded, filled
from meshwright.product import metamodel

DAY = 86400
NOW = 1_000 * DAY
PRODUCT = {
    "id": "airport/departures",
    "mode": "approval-required",
    "open": ["public", "internal"],
    "maxDays": 365,
}
ROLE = {"kind": "human", "clearance": ["public", "internal"], "above": "mask"}
AGREEMENT = {
    "id": "delays",
    "status": "approved",
    "approved": True,
    "product": "airport/departures",
    "consumer": "operations",
    "description": "Why flights are late",
    "requester": "bo@example.org",
    "purpose": "",
    "start": NOW - DAY,
    "end": NOW + DAY,
}
ADA = Principal("ada@example.org", "human", attributes={"country": "CH", "trained": ("yes", "2026")})
SERVICE = Principal("svc", "machine")

TEAM = """package product.access

import rego.v1

deny contains "Operations only." if input.agreement.consumer != "operations"

deny_subject[id] contains "Not from abroad." if {
	some id in object.keys(input.subjects)
	not "CH" in object.get(input.subjects[id].attributes, "country", [])
}
"""


def asked(
    change: dict[str, Any] | None = None, team: str = "", now: int | None = NOW, **changed: Any
) -> dict[str, Any]:
    """The answer about AGREEMENT with a change; a value of None takes the field away."""
    agreement = {key: value for key, value in (AGREEMENT | (change or {})).items() if value is not None}
    product = PRODUCT | changed.get("product", {})
    role = {key: value for key, value in (ROLE | changed.get("role", {})).items() if value is not None}
    engine = PolicyEngine({"team.rego": team} if team else None)
    subjects = changed.get("subjects", [ADA])
    return engine.agreement(now, product, changed.get("whole_role", role), agreement, subjects)


def test_an_approved_agreement_lets_its_subjects_in() -> None:
    assert asked() == {"refused": [], "unfit": {}, "members": ["ada@example.org"]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "requested"}, "It is {status}, not approved."),
        ({"status": None}, "It is {status}, not approved."),
        ({"approved": False}, "Nobody has approved it."),
        ({"approved": None}, "Nobody has approved it."),
        ({"approved": "true"}, "Nobody has approved it."),
        ({"product": "airport/arrivals"}, "It is about {product}, which is another product."),
        ({"product": None}, "It is about {product}, which is another product."),
        ({"start": None}, "It does not say from when on."),
        ({"end": None}, "It does not say until when."),
        ({"end": "9999999999"}, "It does not say until when."),
        ({"start": NOW + 1}, "It begins on {start}."),
        ({"end": NOW}, "It ended on {end}."),
        ({"start": NOW, "end": NOW}, "It ends before it begins."),
        ({"description": None}, "It does not say what for."),
        ({"requester": None}, "It does not say who asks."),
    ],
)
def test_an_agreement_that_lacks_something_lets_nobody_in(change: dict[str, Any], reason: str) -> None:
    answer = asked(change)
    assert reason in answer["refused"]
    assert answer["members"] == []


def test_it_counts_from_its_first_second_to_the_last_before_its_end() -> None:
    assert asked({"start": NOW, "end": NOW + 1})["members"]
    assert not asked({"start": NOW + 1, "end": NOW + 2})["members"]
    assert not asked({"start": NOW - 1, "end": NOW})["members"]


def test_without_the_time_nobody_is_let_in() -> None:
    assert asked(now=None)["members"] == []


def test_a_role_bounds_how_long_an_agreement_lasts() -> None:
    assert asked(role={"maxDays": 2})["members"]
    assert asked(role={"maxDays": 1})["refused"] == [
        "It lasts longer than the {maxDays} days that its role allows."
    ]


def test_a_role_that_says_nothing_has_the_organisations_bound() -> None:
    assert asked({"end": NOW - DAY + 365 * DAY})["members"]
    refused = ["It lasts longer than the {maxDays} days that its role allows."]
    assert asked({"end": NOW - DAY + 365 * DAY + 1})["refused"] == refused
    assert asked({"end": NOW - DAY + 365 * DAY + 1, "countedFrom": NOW})["members"]
    assert asked({"end": NOW + 1}, product={"maxDays": 0})["refused"] == refused


def test_a_role_bounds_what_an_agreement_is_for() -> None:
    purposes = {"purposes": ["delay-analysis"]}
    assert asked({"purpose": "delay-analysis"}, role=purposes)["members"]
    assert asked({"purpose": ""}, role=purposes)["refused"]
    assert asked({"purpose": None}, role=purposes)["refused"]


def test_a_role_that_the_policy_lacks_lets_nobody_in() -> None:
    assert "The policy has no role {role}." in asked(whole_role=None)["refused"]


def test_a_role_for_people_lets_no_program_in() -> None:
    answer = asked(subjects=[ADA, SERVICE])
    assert answer["members"] == ["ada@example.org"]
    assert list(answer["unfit"]) == ["svc"]


@pytest.mark.parametrize(
    ("requires", "fits"),
    [
        ({"country": ["CH", "DE"]}, True),
        ({"country": ["DE"]}, False),
        ({"trained": ["2026"]}, True),
        ({"country": ["CH"], "trained": ["no"]}, False),
        ({"department": ["ops"]}, False),
    ],
)
def test_a_role_requires_what_the_directory_says(requires: dict[str, list[str]], fits: bool) -> None:
    assert bool(asked(role={"requires": requires})["members"]) == fits


@pytest.mark.parametrize(("clearance", "counts"), [(["public", "internal"], True), (["public", "internal", "confidential"], False), ([], False)])  # fmt: skip
def test_open_access_needs_no_approval_up_to_what_may_be_open(clearance: list[str], counts: bool) -> None:
    answer = asked(
        {"status": "requested", "approved": False}, product={"mode": "open"}, role={"clearance": clearance}
    )
    assert bool(answer["members"]) == counts
    everybody = PolicyEngine().everybody(
        NOW, PRODUCT | {"mode": "open"}, ROLE | {"clearance": clearance}, [ADA, SERVICE]
    )
    assert everybody["members"] == (["ada@example.org"] if counts else [])


def test_without_open_access_nobody_reads_without_an_agreement() -> None:
    assert PolicyEngine().everybody(NOW, PRODUCT, ROLE, [ADA])["members"] == []


def test_a_team_denies_more() -> None:
    assert asked(team=TEAM)["members"] == ["ada@example.org"]
    assert asked({"consumer": "sales"}, team=TEAM)["refused"] == ["Operations only."]
    assert asked(team=TEAM, subjects=[Principal("eve", "human", attributes={"country": "XX"})])["unfit"] == {
        "eve": ["Not from abroad."]
    }
    everybody = PolicyEngine({"t": TEAM.replace('!= "operations"', "")})
    assert everybody.everybody(NOW, PRODUCT | {"mode": "open"}, ROLE, [ADA])["members"] == ["ada@example.org"]


def test_a_team_that_denies_always_denies_where_access_is_open_too() -> None:
    team = 'package product.access\n\nimport rego.v1\n\ndeny contains "No." if true\n'
    engine = PolicyEngine({"t": team})
    assert engine.everybody(NOW, PRODUCT | {"mode": "open"}, ROLE, [ADA])["members"] == []


@pytest.mark.parametrize("team", ["package product.access\n\nimport rego.v1\n\ndeny contains {", "non sense"])
def test_rego_that_cannot_be_compiled_stops_everything(team: str) -> None:
    with pytest.raises(Refused):
        asked(team=team)


def test_rego_that_contradicts_itself_stops_everything() -> None:
    # `deny` as a plain value with two values has no answer; the linter refuses it, and so does this.
    team = 'package product.access\n\nimport rego.v1\n\nx := 1\n\nx := 2\n\ndeny contains "No." if x == 3\n'
    with pytest.raises(Refused):
        asked(team=team)


COLUMNS = [Column(level, kind, level) for level in metamodel.CLASSIFICATIONS for kind in ("string",)]


def test_a_column_is_seen_by_its_classification_alone() -> None:
    roles = {
        "masked": ROLE,
        "denied": ROLE | {"above": "deny"},
        "all": ROLE | {"clearance": list(metamodel.CLASSIFICATIONS)},
    }
    masks = {"confidential": {"string": "redacted"}, "secret": {"date": "year"}}
    seen = PolicyEngine().columns(roles, masks, COLUMNS)
    assert seen["masked"] == {
        "public": "clear",
        "internal": "clear",
        "confidential": "redacted",
        "secret": "empty",
    }
    assert seen["denied"] == {"public": "clear", "internal": "clear"}
    assert set(seen["all"].values()) == {"clear"}


def test_a_classification_that_nobody_knows_is_not_seen() -> None:
    strange = [Column("x", "string", "top-secret")]
    roles = {"all": ROLE | {"clearance": ["top-secret", *metamodel.CLASSIFICATIONS]}}
    assert PolicyEngine().columns(roles, {}, strange) == {}


HOSTILE = [
    'a"b',
    '"],"members":["eve',
    "\\",
    "\\u0022",
    "%22",
    "é",
    "e\u0301",
    "😀",
    "\n",
    "\x00",
    "{end}",
    "'; --",
    "\ud800",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_writes_an_answer_of_its_own(text: str) -> None:
    assert decoded(encoded(text)) == text
    team = 'package product.access\n\nimport rego.v1\n\ndeny contains input.agreement.requester if input.agreement.id == "delays"\n'
    answer = asked({"requester": text}, team=team, subjects=[Principal(text, "human")])
    assert answer["refused"] == [text]
    assert answer["members"] == []
    assert asked({"requester": text}, subjects=[Principal(text, "human")])["members"] == [text]


@given(st.text(), st.text())
def test_texts_that_differ_are_encoded_differently(one: str, other: str) -> None:
    assert (encoded(one) == encoded(other)) == (one == other)
    assert re.fullmatch(r"[ -~]*", encoded(one)) and not re.search(r'["\\]', encoded(one))


def test_a_reason_is_told_with_what_it_is_about() -> None:
    assert filled("It ended on {end}.", {"end": "2026-01-01"}) == "It ended on 2026-01-01."
    assert filled("{unknown} stays", {}) == "{unknown} stays"


# --- The same, asked of the real OPA ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opa() -> Any:
    engine = opa_bindings().OpaEngine()
    engine.add_policy("decision.rego", POLICY.read_text("utf-8"))
    engine.add_policy("team.rego", TEAM)
    return engine


def same(one: Any, other: Any) -> bool:
    """Sets are lists in any order."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return sorted((plain(item) for item in value), key=json.dumps) if isinstance(value, list) else value

    return plain(one) == plain(other)


texts = st.sampled_from(
    ["approved", "requested", "airport/departures", "x", "", 'q"q', "CH", "é", "operations"]
)
scalars = st.one_of(texts, st.booleans(), st.integers(-5, 5), st.none())
moments = st.one_of(st.integers(NOW - 3, NOW + 3), st.none(), texts)
levels = st.lists(st.sampled_from([*metamodel.CLASSIFICATIONS, "strange"]), max_size=4)
subjects = st.dictionaries(
    st.sampled_from(["ada", "eve", "ü", "svc"]),
    st.fixed_dictionaries({"kind": st.sampled_from(["human", "machine", "x"]), "attributes": st.dictionaries(st.sampled_from(["country", "a"]), st.lists(texts, max_size=2), max_size=2)}),
    max_size=3,
)  # fmt: skip
agreements = st.fixed_dictionaries(
    {},
    optional={"status": texts, "approved": scalars, "product": texts, "consumer": texts, "description": scalars, "requester": scalars, "purpose": texts, "start": moments, "end": moments},
)  # fmt: skip
roles = st.fixed_dictionaries(
    {"kind": st.sampled_from(["human", "machine"]), "clearance": levels, "above": st.sampled_from(["mask", "deny"])},
    optional={"maxDays": st.integers(0, 3), "breakGlass": scalars, "purposes": st.lists(texts, max_size=2), "requires": st.dictionaries(st.sampled_from(["country", "a"]), st.lists(texts, max_size=2), max_size=2)},
)  # fmt: skip
questions = st.fixed_dictionaries(
    {"product": st.fixed_dictionaries({"id": texts, "mode": st.sampled_from(["open", "approval-required", "x"]), "open": levels}), "subjects": subjects},
    optional={"now": st.one_of(st.just(NOW), scalars), "role": roles, "agreement": agreements},
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(questions, st.sampled_from(["agreement", "everybody"]))
def test_regopy_and_opa_decide_alike(opa: Any, question: dict[str, Any], entry: str) -> None:
    def ours() -> Any:
        try:
            return PolicyEngine({"team.rego": TEAM})._ask(entry, question)
        except Refused:
            return None

    def theirs() -> Any:
        try:
            return decoded(opa.eval_query(f"x := data.meshwright.access.{entry}", encoded(question))[0]["x"])
        except Exception as error:
            return repr(error) and None

    assert same(ours(), theirs()), (ours(), theirs())


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["r", "é"]), roles, max_size=2), levels)
def test_regopy_and_opa_see_alike(opa: Any, policy: dict[str, Any], found: list[str]) -> None:
    columns = [Column(f"c{index}", "string", level) for index, level in enumerate(found)]
    masks = {"secret": {"string": "redacted"}, "confidential": {"default": "empty"}}
    question = {
        "roles": policy,
        "masks": masks,
        "order": list(metamodel.CLASSIFICATIONS),
        "columns": [
            {"name": c.name, "type": c.logical_type, "classification": c.classification} for c in columns
        ],
    }
    theirs = decoded(opa.eval_query("x := data.meshwright.access.columns", encoded(question))[0]["x"])
    assert PolicyEngine().columns(policy, masks, columns) == theirs


@pytest.mark.slow
def test_no_condition_of_the_policy_is_idle() -> None:
    """Without any one condition, an answer above would be another: each is taken out once."""
    whole = POLICY.read_text("utf-8")
    questions = [(entry, question) for entry, question in _questions()]
    expected = [answer(whole, entry, question) for entry, question in questions]
    idle = []
    for number, line in enumerate(whole.splitlines()):
        bare = line.strip()
        if (
            not line.startswith("\t")
            or bare.startswith(("some ", "treatment :=", "masks :=", "mask :="))
            or bare in ("}",)
        ):
            continue
        lines = whole.splitlines()
        lines[number] = "\ttrue"
        if [answer("\n".join(lines), entry, question) for entry, question in questions] == expected:
            idle.append(f"{number + 1}: {bare}")
    assert idle == []


def answer(policy: str, entry: str, question: dict[str, Any]) -> Any:
    team = 'package product.access\n\nimport rego.v1\n\ndeny contains "No." if input.agreement.requester == "mallory"\n'
    engine = PolicyEngine({"team.rego": team})
    engine.modules["decision.rego"] = policy
    try:
        found = engine._ask(entry, copy.deepcopy(question))
    except Refused:
        return None
    return json.dumps(
        {key: sorted(value) if isinstance(value, list) else value for key, value in found.items()},
        sort_keys=True,
    )


def _questions() -> list[tuple[str, dict[str, Any]]]:
    subject = {"kind": "human", "attributes": {"country": ["CH"]}}
    whole = {
        "now": NOW,
        "product": PRODUCT,
        "role": ROLE,
        "agreement": AGREEMENT,
        "subjects": {"ada": subject},
    }

    def change(part: str, **changed: Any) -> dict[str, Any]:
        return whole | {
            part: {key: value for key, value in (whole[part] | changed).items() if value is not None}
        }

    open_product = PRODUCT | {"mode": "open"}
    agreements = [
        whole,
        change("agreement", status="requested"),
        change("agreement", status="requested") | {"product": open_product},
        change("agreement", approved=False),
        change("agreement", approved=False) | {"product": open_product},
        change("agreement", approved=False) | {"product": open_product, "role": ROLE | {"clearance": []}},
        change("agreement", approved=False)
        | {"product": open_product, "role": ROLE | {"clearance": ["secret"]}},
        change("agreement", start=None),
        change("agreement", end=None),
        change("agreement", start="x"),
        change("agreement", start=NOW + 1),
        change("agreement", end=NOW),
        change("agreement", start=NOW, end=NOW),
        {key: value for key, value in whole.items() if key != "now"},
        change("agreement", requester="mallory"),
        change("role", maxDays=1),
        change("agreement", end=NOW + 365 * DAY),
        change("role", purposes=["x"]),
        change("role", purposes=[]),
        change("role", purposes=[""]),
        change("role", requires={"country": ["DE"]}),
        change("role", requires={"country": ["CH"]}),
        whole | {"subjects": {"ada": subject, "svc": {"kind": "machine", "attributes": {}}}},
    ]
    everybody = [
        whole,
        whole | {"product": open_product},
        whole | {"product": open_product, "agreement": {"requester": "mallory"}},
        whole | {"product": open_product, "subjects": {"svc": {"kind": "machine", "attributes": {}}}},
        whole | {"product": open_product, "role": ROLE | {"clearance": ["secret"]}},
        whole | {"product": open_product, "role": ROLE | {"clearance": []}},
        whole | {"product": open_product, "role": ROLE | {"breakGlass": True}},
    ]
    columns = {
        "roles": {"m": ROLE, "d": ROLE | {"above": "deny"}, "s": ROLE | {"clearance": ["strange", "public"]}},
        "masks": {"secret": {"string": "redacted"}},
        "order": list(metamodel.CLASSIFICATIONS),
        "columns": [
            {"name": level, "type": "string", "classification": level}
            for level in (*metamodel.CLASSIFICATIONS, "strange", "other")
        ],
    }
    return [
        *(("agreement", question) for question in agreements),
        *(("everybody", question) for question in everybody),
        ("columns", columns),
    ]
