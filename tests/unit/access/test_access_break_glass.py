"""Break-glass access: asked for, approved by two, for an hour at the most, and refused where nothing ends it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from signed import People, Repository

from meshwright.access.access_decisions import AccessDecisions, break_glass_notes, decide
from meshwright.access.notices import notices
from meshwright.access.product_access import load
from meshwright.access.recorded_terms import recorded_terms
from meshwright.cli import main
from meshwright.core.yaml import parse
from meshwright.product import schema
from meshwright.product.validate import misshapen

Make = Callable[..., Path]
PATH = "access/agreements/outage.yaml"
POLICY = "access/policy.yaml"
ROLE = """\
  emergency:
    kind: human
    breakGlass: true
    clearance: [public, internal, confidential, secret]
    above: deny
    approvals: [owner, steward]
"""


class Case:
    """A product with a port of Parquet and one of PostgreSQL, whose policy has a role for emergencies."""

    def __init__(self, root: Path, people: People) -> None:
        self.root, self.repository = root, Repository(root, people)
        self.repository.git("init", "--quiet", "--initial-branch", "main", "--template=")
        spec = yaml.safe_load((root / "data-product.yaml").read_text())
        spec["spec"]["outputs"].append(
            {
                "name": "warehouse",
                "uses": "postgres@1",
                "properties": {"url": "postgresql://db.example.org/x"},
            }
        )
        policy = (root / POLICY).read_text().replace("  service:\n", f"{ROLE}  service:\n", 1)
        files = {
            "data-product.yaml": yaml.safe_dump(spec),
            POLICY: policy,
            "access/approvers.yaml": people.approvers("ada", "sam"),
        }
        self.repository.commit("As it was made", files, by="ada")

    def request(self, *more: str, role: str = "emergency", port: str = "warehouse", who: str = "id:cy@example.org") -> Result:  # fmt: skip
        options = [
            "--role",
            role,
            "--principal",
            who,
            "--for",
            "The gate display is down",
            "--team",
            "operations",
        ]
        options += ["--requester", "bo@example.org", *(["--output", port] if port else []), *more]
        return CliRunner().invoke(
            main, ["access", "request", "outage", *options, "--product", str(self.root)]
        )

    def ask(self, by: str = "bo") -> None:
        done = self.request("--break-glass")
        assert done.exit_code == 0, done.output
        self.repository.commit("Ask", {}, by=by)

    def approve(self, name: str) -> Result:
        for key, value in {"gpg.format": "ssh", "user.signingKey": str(self.repository.people.make(name)), "user.email": f"{name}@example.org"}.items():  # fmt: skip
            self.repository.git("config", key, value)
        done = CliRunner().invoke(main, ["access", "approve", "outage", "--product", str(self.root)])
        if done.exit_code == 0:
            self.repository.commit("Approve outage", {}, signed=name)
        return done

    def decisions(self, after: timedelta = timedelta(minutes=1)) -> AccessDecisions:
        return decide(load(self.root), None, datetime.now(UTC) + after)

    def refused(self) -> str:
        (verdict,) = self.decisions().verdicts
        assert verdict.refused and not verdict.members
        return " ".join(verdict.refused)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def case(make: Make, people: People, tmp_path: Path) -> Case:
    return Case(Path(shutil.copytree(make("departures"), tmp_path / "departures")), people)


def test_two_approvers_let_somebody_read_for_an_hour_on_the_port_that_ends_it(case: Case) -> None:
    case.ask()
    assert "nobody has approved it" in case.refused()
    assert case.approve("ada").exit_code == 0
    assert "It has no approval of a steward." in case.refused()
    again = case.approve("ada")
    assert again.exit_code and "Let another approver approve it, too." in again.output
    assert case.approve("sam").exit_code == 0
    decisions = case.decisions()
    (note,) = break_glass_notes(decisions)
    assert re.search(r"ALARM.*cy@example.org as emergency until .* UTC, approved by sam.* and ada", note)
    ports = {port.name: decisions.desired(port) for port in decisions.product.ports}
    (member,) = ports["warehouse"].members
    assert member.until and member.until - datetime.now(UTC) <= timedelta(hours=1)
    assert ports["warehouse"].view("emergency").break_glass
    assert not ports["lake"].members
    assert "emergency" not in {view.role for view in ports["lake"].views}, "no copy for nobody"
    exported = ports["warehouse"].without_break_glass()
    assert not exported.members and "emergency" not in {view.role for view in exported.views}
    assert not case.decisions(timedelta(hours=1, minutes=1)).desired(decisions.product.ports[-1]).members


@pytest.mark.parametrize("asker", ["ada", "sam"])
def test_who_asks_for_break_glass_access_approves_nothing_of_it(case: Case, asker: str) -> None:
    case.ask(by=asker)
    for name in ("ada", "sam"):
        case.approve(name)
    capacity = {"ada": "an owner", "sam": "a steward"}[asker]
    assert f"It has no approval of {capacity}." in case.refused()


@pytest.mark.parametrize(
    ("options", "changed", "detail", "fix"),
    [
        (["--break-glass", "--until", "2099-01-01T00:00Z"], {}, "one hour at the most", "Write an end of"),
        (["--break-glass", "--until", "2099-01-01"], {}, "a day is none", "Give a time with its zone"),
        (["--until", "2099-01-01T00:00Z"], {}, "only one with --break-glass", "Give a day with --until"),
        (["--until", "2099-01-01"], {}, "one hour at the most", "Write an end of"),
        (["--break-glass"], {"role": "reader"}, "reader is not for emergencies", "Choose one of: emergency."),
        (["--break-glass"], {"port": "lake"}, "lake uses parquet@1, where break-glass access cannot end: files stay open", "Choose one of: warehouse."),
        (["--break-glass"], {"port": ""}, "it names none", "Choose one of: warehouse."),
        (["--break-glass"], {"who": "group:analysts"}, "no single person", "Write `id:<id>`"),
        (["--break-glass", "--consumer", "x/y"], {}, "no data product reads by it", "`kind: machine`"),
    ],
)  # fmt: skip
def test_a_request_that_is_no_break_glass_access_is_refused_with_the_fix(
    case: Case, options: list[str], changed: dict[str, str], detail: str, fix: str
) -> None:
    done = case.request(*options, **changed)
    assert done.exit_code == 2 and detail in done.output and fix in done.output, done.output
    assert not (case.root / PATH).exists()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("endTimestamp: .*", 'endTimestamp: "2099-01-01T00:00:00Z"', "one hour at the most"),
        ("outputPortId: .*", "outputPortId: lake", "cannot end"),
        ("  outputPortId: .*\n", "", "it names none"),
        ("id:cy@example.org", "group:analysts", "no single person"),
    ],
)
def test_what_somebody_wrote_by_hand_counts_for_nobody(case: Case, old: str, new: str, reason: str) -> None:
    assert case.request("--break-glass").exit_code == 0
    text = re.sub(old, new, (case.root / PATH).read_text())
    case.repository.commit("Ask", {PATH: text}, by="bo")
    for name in ("ada", "sam"):
        assert case.approve(name).exit_code == 0
    assert reason in case.refused()
    printed = CliRunner().invoke(main, ["check", str(case.root)]).output
    assert "BreakGlassEnds" in printed and reason in printed
    planned = CliRunner().invoke(main, ["access", "plan", "--against", "HEAD~3", "--product", str(case.root)])
    assert reason in planned.output


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("approvals: [owner, steward]", "approvals: [owner]"),
        ("    approvals: [owner, steward]\n", ""),
        ("kind: human", "kind: machine"),
        ("breakGlass: true", "breakGlass: true\n    maxDays: 30"),
        ("breakGlass: true", "breakGlass: false"),
    ],
)
def test_a_role_for_emergencies_needs_two_approvers_and_is_for_people(old: str, new: str) -> None:
    text = f"apiVersion: meshwright/v1\nkind: AccessPolicy\nroles:\n{ROLE}"
    assert not list(misshapen(parse(POLICY, text), schema.access_policy))
    assert old in text
    assert list(misshapen(parse(POLICY, text.replace(old, new)), schema.access_policy))


def test_open_access_opens_no_role_for_emergencies(case: Case) -> None:
    narrow = ROLE.replace("clearance: [public, internal, confidential, secret]", "clearance: [public]")
    policy = (case.root / POLICY).read_text().replace(ROLE, narrow)
    spec = yaml.safe_load((case.root / "data-product.yaml").read_text())
    spec["spec"]["access"]["mode"] = "open"
    files = {POLICY: policy, "data-product.yaml": yaml.safe_dump(spec)}
    case.repository.commit("Open", files, signed="ada")
    readers = {verdict.role: len(verdict.members) for verdict in case.decisions().verdicts}
    assert readers["emergency"] == 0 and readers["reader"] == 1


def test_break_glass_access_is_an_alarm_and_its_end_needs_no_run(case: Case) -> None:
    case.ask()
    for name in ("ada", "sam"):
        case.approve(name)
    decisions = case.decisions()
    (verdict,) = decisions.verdicts
    assert verdict.approval and verdict.until
    record = {
        "at": decisions.now.isoformat(),
        "agreements": {"outage": {"commit": "c1", "signers": list(verdict.approval.signers)}},
        **recorded_terms(decisions, decisions.product.ports[-1]),
    }
    told = list(notices("d/p", [record], decisions.now))
    assert [one.kind for one in told] == ["decided", "alarm"]
    event = told[1].event()
    assert event["type"] == "org.meshwright.access.alarm" and event["subject"] == "outage"
    assert all(part in event["data"]["sentence"] for part in ("cy@example.org", "ada@", "sam@", "The gate"))
    later = list(notices("d/p", [record, record], verdict.until))
    assert [one.kind for one in later] == ["decided", "alarm", "ended"]
    ended = {**record, "terms": {"outage": {**record["terms"]["outage"], "counts": False}}}
    (after,) = [one for one in notices("d/p", [record, ended], verdict.until) if one.kind == "ended"]
    assert after.id == later[2].id, "the same event, whoever notices the end first"
