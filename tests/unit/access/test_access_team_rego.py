"""A team's own Rego may deny more, look at what it is given, and nothing else."""

from __future__ import annotations

import re

import pytest
from checkout import ROOT

from meshwright.product.team_rego import problems

START = "package product.access\n\nimport rego.v1\n\n"
GOOD = """package product.access

import rego.v1

# Only in season, and only with a reason
deny contains "Out of season." if {
	input.now > 1798761600
	not startswith(input.agreement.consumer, "operations")
}

deny contains reason if {
	some word in {"test", "try"}
	contains(lower(input.agreement.description), word)
	reason := "Say what it is really for."
}

deny_subject[id] contains "Not from abroad." if {
	some id in object.keys(input.subjects)
	not at_home(id)
}

at_home(id) if "CH" in object.get(input.subjects[id].attributes, "country", [])

limit := 3

deny contains "Too many." if count(input.subjects) > limit
"""


def wrong(text: str) -> list[tuple[int, str]]:
    found = list(problems(text))
    assert all(fix.endswith(".") and problem.endswith(".") for _, problem, fix in found)
    return [(line, problem) for line, problem, _ in found]


def test_what_only_denies_is_let_through() -> None:
    assert wrong(GOOD) == []


def test_the_example_of_the_docs_is_let_through() -> None:
    (example,) = re.findall(r"```rego\n(.*?)```", (ROOT / "docs/how-to/share-data.md").read_text(), re.DOTALL)
    assert wrong(example) == []


@pytest.mark.parametrize(
    "rule",
    [
        'deny contains "x" if http.send({"method": "get", "url": "https://example.org"}).status_code == 200',
        'deny contains "x" if opa.runtime().env.HOME',
        'deny contains "x" if time.now_ns() > 3',
        'deny contains "x" if rand.intn("a", 3) == 1',
        'deny contains "x" if net.lookup_ip_addr("example.org")',
        'deny contains "x" if { walk(input, x) }',
        'deny contains "x" if {\nhttp.\nsend({})}',
        'deny contains "x" if\nhttp.send({})',
        'deny contains "x" if\nwalk(1, 2)',
        'deny contains "x" if { f := http\n f.send(1) }',
        'deny contains "x" if { input.now > 1 with input.now as 3 }',
        'deny contains "x" if data.meshwright.access.members',
        'deny contains "x" if trace("x")',
        'deny contains $"{http.send(1)}" if true',
        "rand.intn(1, 2) if true",
        'startswith(a, b) if true\n\ndeny contains "x" if startswith("a", "b")',
        'object := {"get": 1}',
        "default deny := set()",
    ],
)
def test_it_reaches_no_network_no_clock_no_environment(rule: str) -> None:
    assert wrong(START + rule)


@pytest.mark.parametrize(
    "rule",
    [
        "deny := true",
        " deny := {}",
        "deny if true",
        'deny["x"] if true',
        'deny_subject contains "x" if true',
        'deny_subject["ada"] := "x"',
        'deny contains "x" if { true } else := 3',
        'deny contains "x" if input.agrement.id == "y"',
        'deny contains "x" if input.agreement.requestor == "y"',
        'deny contains "x" if { asked := input; asked.x == 1 }',
        'deny contains "x" if input["agreement"].id == "y"',
        'deny contains "x" if not input.subjects[id].attributes.country == "CH"',
        'deny contains "x" if { true; not "CH" in input.subjects.ada.attributes.country }',
        '"deny"',
        "{ true }",
    ],
)
def test_what_would_never_deny_is_refused(rule: str) -> None:
    assert wrong(START + rule)


@pytest.mark.parametrize("text", ['"Zürich"', '"a\\"b"', '"50%"', '"tab\\t"', "`back\nslash \\`"])
def test_a_text_that_engines_read_differently_is_refused(text: str) -> None:
    assert wrong(f"{START}deny contains {text} if true")


@pytest.mark.parametrize(
    "text",
    ["", "package meshwright.access\n\nimport rego.v1\n", "package product.access\n\ndeny contains 1 if true", "\x00", "import rego.v1\npackage product.access"],
)  # fmt: skip
def test_it_begins_as_it_must(text: str) -> None:
    assert any("does not begin" in problem or "not read" in problem for _, problem in wrong(text))


def test_a_problem_says_where() -> None:
    assert wrong(START + '# nothing\ndeny contains "x" if {\n\ttime.now_ns() > 1\n}\n')[0][0] == 7
