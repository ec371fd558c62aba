"""What Kustomize needs as literals: it follows from the spec, whatever that says, and a printed fix makes it so again."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from edits import merged
from robfig_cron import robfig_times

from meshwright.check.rules.kubernetes import (
    KubernetesImagePinned,
    KubernetesRunsOneSchedule,
    KubernetesValuesAgree,
)
from meshwright.cli import main
from meshwright.core.yaml import Document, parse
from meshwright.product.cron import as_kubernetes_reads, times
from meshwright.product.files import KUBERNETES_VALUES, KUSTOMIZATION, SPEC
from meshwright.product.kubernetes_values import LONGEST, values, values_file
from meshwright.product.problem import Problem

PROPERTIES = {"image": "registry.example.org:5000/a/b", "cpu": "500m", "memory": "2Gi", "storage": "10Gi"}
BODY: dict[str, Any] = {
    "metadata": {"name": "departures", "domain": "airport-operations"},
    "spec": {
        "owner": {"email": "ada@example.org"},
        "traits": [{"uses": "schedule@1", "properties": {"cron": "0 5 * * *"}}],
        "infrastructure": {"uses": "kubernetes@1", "properties": PROPERTIES},
    },
}


def spec(patch: dict[str, Any] | None = None) -> Document:
    return parse(SPEC, yaml.safe_dump(merged(BODY, patch or {})))


def named(domain: str, name: str) -> dict[str, str]:
    followed = values(spec({"metadata": {"domain": domain, "name": name}}))
    assert followed
    return followed


def problems(root: Path, document: Document) -> list[Problem]:
    return list(KubernetesValuesAgree().check(root, document, {}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a spec and the values that follow from it."""
    (tmp_path / SPEC).write_text(yaml.safe_dump(BODY), "utf-8")
    file = tmp_path / KUBERNETES_VALUES
    file.parent.mkdir(parents=True)
    followed = values(spec())
    assert followed
    file.write_text(values_file(followed), "utf-8")
    return tmp_path


def test_the_values_are_those_of_the_spec() -> None:
    assert values(spec()) == {
        "name": "airport-operations--departures",
        "namespace": "airport-operations",
        "product": "departures",
        "domain": "airport-operations",
        "owner": "ada@example.org",
        "schedule": "0 5 * * *",
        "suspend": "false",
        "arguments": "",
    } | {"image": "registry.example.org:5000/a/b", "cpu": "500m", "memory": "2Gi", "storage": "10Gi"}
    traits = [{"uses": "trigger@1", "properties": {"cron": "*/15 * * * *", "deadline": "26h"}}]
    asks = values(spec({"spec": {"traits": traits}}))
    assert asks and (asks["arguments"], asks["schedule"], asks["suspend"]) == (
        "--if-ready",
        "*/15 * * * *",
        "false",
    )
    idle = values(spec({"spec": {"traits": None}}))
    assert idle and (idle["suspend"], idle["schedule"]) == ("true", "0 0 1 1 *")
    orchestrated = values(spec({"spec": {"traits": [*BODY["spec"]["traits"], {"uses": "airflow@1"}]}}))
    assert orchestrated == idle


@pytest.mark.parametrize(
    ("domain", "name"),
    [("no", "null"), ("y", "on"), ("a", "e1"), ("a-b", "c"), ("a", "b-c"), ("a" * 63, "b" * 63), ("a" * 43, "b" * 7), ("a" * 43, "b" * 8)],
)  # fmt: skip
def test_a_name_is_one_that_kubernetes_takes_and_a_text_in_yaml(domain: str, name: str) -> None:
    followed = named(domain, name)
    assert (
        re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])?", followed["name"]) and len(followed["name"]) <= LONGEST
    )
    assert yaml.safe_load(values_file(followed))["data"] == followed


def test_two_products_never_have_one_name() -> None:
    pairs = [("a-b", "c"), ("a", "b-c"), ("a" * 63, "b" * 63), ("a" * 63, "b" * 62 + "c"), ("a" * 62, "b")]
    assert len({named(*pair)["name"] for pair in pairs}) == len(pairs)


def test_a_product_is_in_no_namespace_of_the_clusters_own() -> None:
    for domain in ("default", "kube-system", "kube-anything"):
        assert named(domain, "a")["namespace"] == f"data-{domain}"
    for refused in ("default", "kube-system", "Upper", "a_b", "a" * 64, "-a", "", "no\nyes"):
        given = PROPERTIES | {"namespace": refused}
        assert values(spec({"spec": {"infrastructure": {"properties": given}}})) is None, refused


@pytest.mark.parametrize(
    ("key", "refused"),
    [
        ("image", ["departures", "someone/departures", "registry.example.org", "registry.example.org/a:1", "registry.example.org/a@sha256:0", "registry.example.org/A", 'registry.example.org/a"', "${IMAGE:-registry.example.org/a}", "registry.example.org/a\n"]),
        ("cpu", ["0", "1.5", "1 ", "m", "0m", "1k", 0, 1.5, True, "-1", "1\n"]),
        ("memory", ["2G", "2gi", "0Gi", "2", 2, "2Gi\n", "1e3Mi"]),
        ("storage", ["10", "10GB", "${SIZE:-10Gi}", ""]),
    ],
)  # fmt: skip
def test_what_kubernetes_would_read_in_another_way_is_refused(key: str, refused: list[Any]) -> None:
    for value in refused:
        patch = {"spec": {"infrastructure": {"properties": {key: value}}}}
        assert values(spec(patch)) is None, value


# -- the schedule -----------------------------------------------------------------------------------------------------

SAME = ["0 5 * * *", "*/15 * * * *", "0 0 13 * 5", "30 4 * * 1-5", "0 0 * * sun,WED", "0 0 */2 * *", "07 03 01 02 *", "* * * * *"]  # fmt: skip
OTHERWISE = {
    "0 0 */1 * 1": "0 0 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31 * 1",
    "0 0 13 * */1": "0 0 13 * 0,1,2,3,4,5,6",
    "0 0 13 * 1,*/3": "0 0 13 * 0,1,3,6",
    "0 0 *,3 * 1": "0 0 * * 1",
    "5/20 0 1 1 *": "5,25,45 0 1 1 *",
    "0 5-5/10 * * *": "0 5,15 * * *",
    "0 0 1 jan-jun/2 *": "0 0 1 1,3,5 *",
}
YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("cron", [*SAME, *OTHERWISE])
def test_a_schedule_is_changed_only_where_kubernetes_reads_another(cron: str) -> None:
    assert as_kubernetes_reads(cron) == OTHERWISE.get(cron, cron)


def drawn(seed: int) -> str:
    """Return a cron expression with fields of every form."""
    draw = random.Random(seed)  # noqa: S311 - a test's
    fields = []
    for low, high in ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6)):
        terms = []
        for _ in range(draw.choice((1, 1, 2))):
            first, last = sorted((draw.randint(low, high), draw.randint(low, high)))
            step = draw.choice((1, 2, 3, 7, 40))
            terms.append(draw.choice(("*", "*", f"*/{step}", f"{first}", f"{first}-{last}", f"{first}-{last}/{step}", f"{first}/{step}")))  # fmt: skip
        fields.append(",".join(terms))
    return " ".join(fields)


def test_kubernetes_starts_each_run_when_everybody_else_does() -> None:
    compared = 0
    for cron in (*SAME, *OTHERWISE, *(drawn(seed) for seed in range(150))):
        try:
            read = as_kubernetes_reads(cron)
        except ValueError:
            continue  # refused by ScheduleValid
        start, days = YEAR, 40
        theirs = list(robfig_times(read, start, days))[:60]
        ours = list(islice(times(cron, start - timedelta(minutes=1)), 60))
        ours = [at for at in ours if at < start + timedelta(days=days)]
        assert ours == theirs, (cron, read)
        compared += bool(ours)
    assert compared > 80


@pytest.mark.parametrize(
    "cron",
    ["0  5 * * *", " 0 5 * * *", "0 5 * * *\n", "@daily", "TZ=UTC 0 5 * * *", "0 5 * * 7", "0 25 * * *", ""],
)
def test_a_schedule_that_is_none_is_left_to_the_rule_about_schedules(cron: str, root: Path) -> None:
    document = spec({"spec": {"traits": [{"uses": "schedule@1", "properties": {"cron": cron}}]}})
    assert values(document) is None and problems(root, document) == []


def test_a_second_schedule_is_reported_where_it_is() -> None:
    traits = [{"uses": "schedule@1", "properties": {"cron": f"0 {hour} * * *"}} for hour in (5, 17)]
    document = spec({"spec": {"traits": [{"uses": "retention@1"}, *traits]}})
    (problem,) = KubernetesRunsOneSchedule().check(document)
    assert problem.keys == ("spec", "traits", 2) and "0 5 * * *" in problem.detail
    elsewhere = spec({"spec": {"traits": traits, "infrastructure": {"uses": "ci@1", "properties": None}}})
    assert [*KubernetesRunsOneSchedule().check(elsewhere)] == []


# -- both are equal ---------------------------------------------------------------------------------------------------

CHANGES: list[dict[str, Any]] = [
    {"metadata": {"name": "no"}},
    {"metadata": {"domain": "kube-system"}},
    {"spec": {"owner": {"email": "grace.o'hara+x@example.org"}}},
    {"spec": {"traits": [{"uses": "schedule@1", "properties": {"cron": "30 4 * * 1"}}]}},
    {"spec": {"traits": []}},
    *({"spec": {"infrastructure": {"properties": {key: value}}}} for key, value in (("image", "ghcr.io/a/b"), ("namespace", "null"), ("cpu", 2), ("memory", "1Ti"), ("storage", "20Gi"))),
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_each_line_that_differs_is_a_finding_whose_fix_works(change: dict[str, Any], root: Path) -> None:
    document, file = spec(change), root / KUBERNETES_VALUES
    assert problems(root, spec()) == []
    lines = file.read_text("utf-8").split("\n")
    reported = problems(root, document)
    assert reported
    for problem in reported:
        (line,) = re.findall(r"^Write `(.+?)` here, or run `", problem.fix)
        assert lines[problem.line - 1].partition(":")[0].strip() == line.partition(":")[0]
        lines[problem.line - 1] = f"  {line}"
    file.write_text("\n".join(lines), "utf-8")
    assert problems(root, document) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"0 5 * * *"', "0 5 * * *"),
        ('suspend: "false"', "suspend: false"),
        ("data:\n", "data:\n  more: x\n"),
        ("kind: ConfigMap", "kind: Secret"),
        ('local-config: "true"', 'local-config: "false"'),
        ("\n", "\x85"),
        ("  cpu:", "  cpu: '1'\n  cpu:"),
    ],
)
def test_any_other_text_is_a_finding_and_the_printed_command_writes_it(
    old: str, new: str, root: Path
) -> None:
    file = root / KUBERNETES_VALUES
    good = file.read_text("utf-8")
    file.write_text(good.replace(old, new, 1), "utf-8")
    reported = problems(root, spec())
    assert reported
    command = re.findall(r"meshwright (export kubernetes --output \S+)`", reported[0].fix)[0].split()
    command[-1] = str(root / command[-1])
    done = CliRunner().invoke(main, [*command, str(root)])
    assert done.exit_code == 0, done.output
    assert file.read_text("utf-8") == good and problems(root, spec()) == []


def test_a_file_of_the_teams_own_is_left_alone(root: Path) -> None:
    (root / KUBERNETES_VALUES).write_text("ours: true\n", "utf-8")
    assert not list(KubernetesValuesAgree().check(root, spec(), {"declined": [KUBERNETES_VALUES]}))


@pytest.mark.parametrize(
    ("images", "places"),
    [
        (f"[{{name: product, digest: sha256:{'0' * 64}}}]", []),
        ("[{name: other, newTag: v1}]", []),
        ("[{name: product, newTag: v1}]", [("images", 0, "newTag"), ("images", 0)]),
        (
            f"[{{name: other}}, {{name: product, newName: x, digest: sha256:{'a' * 64}}}]",
            [("images", 1, "newName")],
        ),
        ("[{name: product, digest: sha256:abc}]", [("images", 0)]),
        ("[{name: product, digest: 7}]", [("images", 0)]),
        ("[{name: 'registry.example.org:5000/a/b', newTag: v1}]", [("images", 0, "name")]),
        ("[]", []),
        ("7", []),
    ],
)
def test_the_image_is_named_by_its_digest_alone(images: str, places: list[Any], root: Path) -> None:
    (root / KUSTOMIZATION).write_text(f"resources: [base]\nimages: {images}\n", "utf-8")
    found = KubernetesImagePinned().check(root, spec(), {})
    assert sorted(str(one.keys) for one in found) == sorted(map(str, places))
    assert not [*KubernetesImagePinned().check(root, spec(), {"declined": [KUSTOMIZATION]})]
    (root / KUSTOMIZATION).unlink()
    assert not [*KubernetesImagePinned().check(root, spec(), {})]


def test_line_ends_of_windows_are_no_difference(root: Path) -> None:
    file = root / KUBERNETES_VALUES
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert problems(root, spec()) == []


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"spec": {"infrastructure": {"uses": "ci@1"}}}, "another spec.infrastructure"),
        ({"spec": {"owner": None}}, "breaks the metamodel"),
    ],
)
def test_nothing_is_exported_of_a_product_without_values(
    patch: dict[str, Any], message: str, root: Path
) -> None:
    (root / SPEC).write_text(yaml.safe_dump(merged(BODY, patch)), "utf-8")
    done = CliRunner().invoke(main, ["export", "kubernetes", str(root)])
    assert done.exit_code == 1 and message in done.output
