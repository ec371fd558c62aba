"""`meshwright access` as people use it: a product that is asked, approved, planned, granted, proven and explained."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner, Result
from moto import mock_aws
from signed import People, Repository

from meshwright.access.product_access import load
from meshwright.access.request_text import next_name
from meshwright.cli import main
from meshwright.product import metamodel

Make = Callable[..., Path]
LATER = f"{datetime.now(UTC) + timedelta(days=80):%Y-%m-%d}"
SOON = f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}"


class Case:
    """A product with one Parquet port, whose history people sign."""

    def __init__(self, product: Path, people: People) -> None:
        self.root = product
        self.repository = Repository(product, people)
        self.repository.git("init", "--quiet", "--initial-branch", "main", "--template=")
        self.repository.commit(
            "As it was made", {"access/approvers.yaml": people.approvers("ada", "sam")}, by="ada"
        )

    def __call__(self, *arguments: str, code: int = 0, **environment: str) -> str:
        done = self.run(*arguments, **environment)
        assert done.exit_code == code, done.output + repr(done.exception)
        return done.stdout or done.stderr

    def run(self, *arguments: str, **environment: str) -> Result:
        clear = {"MESHWRIGHT_DIRECTORY": "", "PIPELINE_VARIABLES": ""}
        first = ["--first"] if arguments[0] == "apply" else []  # test_audit_chain.py is about those without
        return CliRunner().invoke(
            main, ["access", *arguments, *first, "--product", str(self.root)], env=clear | environment
        )

    def json(self, *arguments: str, code: int = 0, **environment: str) -> Any:
        return json.loads(self(*arguments, "--format", "json", code=code, **environment))

    def request(self, name: str = "delays", **changed: Any) -> None:
        options = {
            "role": "reader",
            "principal": "group:analysts",
            "for": "Why flights are late",
            "until": SOON,
            "team": "operations",
            "requester": "bo@example.org",
        } | changed
        self("request", name, *(part for key, value in options.items() for part in (f"--{key}", value)))

    def approve(self, name: str = "delays", signed: str = "ada", note: str = "") -> str:
        printed = self("approve", name, *(["--note", note] if note else []))
        assert "now has `status: approved`" in printed and "once you sign it" in printed
        return self.repository.commit(f"Approve {name}", {}, signed=signed)

    def signs_as(self, name: str) -> None:
        """Configures git as somebody would."""
        for key, value in {"gpg.format": "ssh", "user.signingKey": str(self.repository.people.make(name)), "user.email": f"{name}@example.org"}.items():  # fmt: skip
            self.repository.git("config", key, value)

    def publish(self, extra: str = "") -> None:
        """What a run of the pipeline leaves on the port."""
        lake = self.root / "build/ports/lake"
        lake.mkdir(parents=True, exist_ok=True)
        columns = yaml.safe_load((self.root / "contract.odcs.yaml").read_text())["schema"][0]["properties"]
        kinds = {"timestamp": "timestamp", "integer": "integer", "boolean": "boolean"}
        names = [(entry["name"], kinds.get(entry["logicalType"], "varchar")) for entry in columns]
        values = ", ".join(
            f"'SENTINEL-{name}' as \"{name}\"" if kind == "varchar" else f'null::{kind} as "{name}"'
            for name, kind in names
        )
        duckdb.sql(f"select {values} {extra}").write_parquet(str(lake / "departures.parquet"))

    @property
    def directory(self) -> str:
        return str(self.root / "access/directory.yaml")

    def variant(self, role: str) -> Path:
        return self.root / f"build/ports/lake/roles/{role}/departures.parquet"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def fresh(make: Make) -> Path:
    return make("departures")


@pytest.fixture
def case(fresh: Path, people: People, tmp_path: Path) -> Iterator[Case]:
    case = Case(Path(shutil.copytree(fresh, tmp_path / "departures")), people)
    case.publish()
    yield case


def test_from_a_request_to_a_grant_and_back(case: Case) -> None:
    case.repository.branch("ask")
    case.request()
    case.repository.commit("Ask", {}, by="bo")
    assert not case.json("plan")["agreements"][0]["counts"]
    assert "It is requested, and nobody has approved it." in case("plan")
    case.approve()
    case.repository.switch("main")
    case.repository.merge("ask")

    planned = case.json("plan")
    granted = {(change["principal"], change["role"], tuple(change["agreements"])) for change in planned["ports"][0]["changes"] if change["action"] == "grant"}  # fmt: skip
    assert granted == {("bo@example.org", "reader", ("delays",)), ("cy@example.org", "reader", ("delays",))}
    assert not case.variant("reader").exists()

    applied = case("apply", "--directory", case.directory)
    assert "Bo Example (bo@example.org) may read as reader" in applied and "agreement delays" in applied
    assert case.variant("reader").exists()
    assert case.json("plan")["ports"][0]["changes"] == []
    assert "and nothing else" in case("verify", "--directory", case.directory)

    record = json.loads((case.root / "build/ports/lake/roles/audit.jsonl").read_text().splitlines()[-1])
    assert record["commit"] == case.repository.git("rev-parse", "HEAD")
    assert record["agreements"]["delays"]["signers"] == ["ada@example.org (owner)"]

    case.repository.commit("It has ended", {"access/agreements/delays.yaml": None}, by="bo")
    ended = case.json("apply", "--directory", case.directory)
    assert {change["action"] for change in ended["ports"][0]["changes"]} == {"revoke"}


def test_grants_in_lake_formation_are_made_where_somebody_asks_for_it(case: Case, tmp_path: Path) -> None:
    table = {"CatalogId": "123456789012", "DatabaseName": "airport", "Name": "lake"}
    export = ["export", "lake-formation", "--table", "123456789012.airport.lake", "--port", "lake", "--to", str(tmp_path / "calls")]  # fmt: skip
    region = {"AWS_DEFAULT_REGION": "eu-central-1"}
    with mock_aws():
        client = boto3.client("lakeformation", region_name="eu-central-1")
        client.grant_permissions(
            CatalogId="123456789012",
            Principal={"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"},
            Resource={"Table": table},
            Permissions=["ALL"],
        )
        case(*export, **region)
        assert len(client.list_permissions()["PrincipalResourcePermissions"]) == 1
        case(*export, "--apply", **region)
        assert client.list_permissions()["PrincipalResourcePermissions"] == []
    export[1] = "trino"
    assert "there is no trino; there are lake-formation." in case.run(*export, "--apply").output


def test_nobody_gains_by_what_they_approve(case: Case) -> None:
    other_group(case, **{"ada@example.org": "human"})
    case.request(requester="carl@example.org")
    case.request("ada-reads", principal="id:ada@example.org")
    case.repository.commit("Ask", {}, by="bo")
    case.approve()
    case.approve("ada-reads")
    own, group = case.json("plan")["agreements"]
    assert not own["counts"] and "ada@example.org" in " ".join(own["refused"])
    assert group["members"] == ["bo@example.org"]
    assert group["unfit"] == {"ada@example.org": ["They approved it themselves; another person has to."]}
    (port,) = case.json("plan", "--against", "HEAD~3")["ports"]
    assert [change["principal"] for change in port["changes"]] == ["group:analysts"]


def other_group(case: Case, **principals: str) -> None:
    """A directory in which the approver is not among the readers."""
    path = case.root / "access/directory.yaml"
    directory = yaml.safe_load(path.read_text())
    directory["groups"]["analysts"] = {"members": ["bo@example.org", *principals]}
    directory["principals"] |= {name: {"kind": kind} for name, kind in principals.items()}
    path.write_text(yaml.safe_dump(directory))


@pytest.fixture
def approved(case: Case) -> Case:
    other_group(case)
    case.request()
    case.repository.commit("Ask", {}, by="bo")
    case.approve()
    return case


def test_it_ends_by_itself(approved: Case) -> None:
    assert approved.json("plan")["agreements"][0]["counts"]
    later = approved.json("plan", "--at", "2099-01-01")
    assert later["agreements"][0]["refused"] == [f"It ended on {SOON}."]
    assert not approved.json("plan", "--at", "2020-01-01")["agreements"][0]["counts"]


def test_a_leaver_loses_access_with_the_next_run(approved: Case) -> None:
    approved("apply", "--directory", approved.directory)
    other_group(approved, **{"carl@example.org": "human"})
    approved("apply", "--directory", approved.directory)
    other_group(approved)
    gone = approved.json("apply", "--directory", approved.directory)["ports"][0]["changes"]
    assert [(change["action"], change["principal"]) for change in gone] == [("revoke", "carl@example.org")]


def test_a_directory_that_shrank_stops_the_run_until_somebody_confirms_it(approved: Case) -> None:
    other_group(approved, **{f"p{number}@example.org": "human" for number in range(5)})
    approved("apply", "--directory", approved.directory)
    other_group(approved)
    (port,) = approved.json("apply", "--directory", approved.directory, code=1)["ports"]
    token = port["refused"]["fix"].rpartition("--confirm ")[2].rstrip(".")
    assert port["changes"] == []
    approved("apply", "--directory", approved.directory, "--confirm", "0" * len(token), code=1)
    done = approved.json("apply", "--directory", approved.directory, "--confirm", token)["ports"][0]
    assert {change["action"] for change in done["changes"]} == {"revoke"}


def test_an_old_commit_brings_nothing_back(approved: Case) -> None:
    old = approved.repository.git("rev-parse", "HEAD")
    approved.repository.commit("End it", {"access/agreements/delays.yaml": None})
    approved("apply", "--directory", approved.directory)
    approved.repository.git("reset", "--quiet", "--hard", old)
    other_group(approved)
    (port,) = approved.json("apply", "--directory", approved.directory, code=1)["ports"]
    assert "what has been revoked since would come back" in port["refused"]["problem"]


def test_what_nobody_authorised_has_no_effect(approved: Case) -> None:
    policy = (approved.root / "access/policy.yaml").read_text()
    wider = policy.replace(
        "clearance: [public, internal]", "clearance: [public, internal, confidential, secret]"
    )
    assert wider != policy
    before = approved.json("explain", "bo@example.org", "tail_number")
    approved.repository.commit("Wider", {"access/policy.yaml": wider}, by="bo")
    after = approved.run("plan")
    assert after.exit_code == 1 and "access/policy.yaml" in after.output
    assert approved.json("explain", "bo@example.org", "tail_number") == before
    approved.repository.commit("Wider, and touched", {"access/policy.yaml": wider + "# yes\n"}, signed="ada")
    assert "It rests on" in approved("plan", code=1)
    approved.repository.commit("Restore", {"access/policy.yaml": policy}, by="bo")
    approved.repository.commit("Wider, and signed", {"access/policy.yaml": wider}, signed="ada")
    assert approved.run("plan").exit_code == 0


def test_a_rule_of_denial_cannot_be_taken_away_without_authority(approved: Case) -> None:
    rego = 'package product.access\n\nimport rego.v1\n\ndeny contains "Not now." if true\n'
    approved.repository.commit("Deny", {"access/rego/product.rego": rego}, signed="ada")
    assert approved.json("plan")["agreements"][0]["refused"] == ["Not now."]
    approved.repository.commit("Allow", {"access/rego/product.rego": None}, by="bo")
    assert approved.json("plan", code=1)["agreements"][0]["refused"] == ["Not now."]
    approved.repository.commit("Restore", {"access/rego/product.rego": rego}, by="bo")
    approved.repository.commit(
        "Allow", {"access/rego/product.rego": rego.replace("true", "false")}, signed="ada"
    )
    assert approved.json("plan")["agreements"][0]["counts"]


def test_neither_open_access_nor_a_lower_classification_comes_without_authority(approved: Case) -> None:
    contract, spec = approved.root / "contract.odcs.yaml", approved.root / "data-product.yaml"
    head, tail = contract.read_text().split("- name: tail_number\n", 1)
    secret = (
        f"{head}- name: tail_number\n{tail.replace('classification: internal', 'classification: secret', 1)}"
    )
    public = secret.replace("classification: secret", "classification: public")
    approved.repository.commit("Secret", {"contract.odcs.yaml": secret})  # anybody may make it stricter
    assert approved.json("explain", "bo@example.org", "tail_number")["sees"] == "masked"
    approved.repository.commit("Secret, and signed", {"contract.odcs.yaml": secret + "# yes\n"}, signed="ada")
    approving_spec = spec.read_text()
    opened = approving_spec.replace("mode: approval-required", "mode: open")
    approved.repository.commit("Open", {"contract.odcs.yaml": public, "data-product.yaml": opened}, by="bo")
    told = approved("plan", code=1)
    assert "Nobody authorised the change of spec.access; it counts as it was at" in told
    assert "Nobody authorised that tail_number is public; it counts as secret." in told
    assert approved.json("explain", "bo@example.org", "tail_number")["sees"] == "masked"
    assert approved.json("explain", "ada@example.org", "carrier", code=1)["sees"] == "nothing"
    touched = {"contract.odcs.yaml": public + "# yes\n", "data-product.yaml": opened + "# yes\n"}
    approved.repository.commit("Open, and touched", touched, signed="ada")
    assert "Nobody authorised that tail_number is public; it counts as secret." in approved("plan", code=1)
    before = {"contract.odcs.yaml": secret, "data-product.yaml": approving_spec}
    approved.repository.commit("Restore", before, by="bo")
    signed = {"contract.odcs.yaml": public, "data-product.yaml": opened}
    approved.repository.commit("Open, and signed", signed, signed="ada")
    assert approved.json("explain", "bo@example.org", "tail_number")["sees"] == "clear"
    assert approved.json("explain", "ada@example.org", "carrier")["sees"] == "clear"


def test_a_port_stays_where_an_approver_signed_it(approved: Case) -> None:
    spec = (approved.root / "data-product.yaml").read_text()
    moved = spec.replace("build/ports/lake", "build/ports/elsewhere")
    approved.repository.commit("Move", {"data-product.yaml": moved}, by="bo")
    told = approved("apply", "--directory", approved.directory, code=1)
    assert "Nobody authorised the change of spec.outputs" in told
    assert approved.variant("reader").exists()
    approved.repository.commit("Touched", {"data-product.yaml": moved + "# yes\n"}, signed="ada")
    assert "Nobody authorised the change of spec.outputs" in approved("plan", code=1)
    approved.repository.commit("Restore", {"data-product.yaml": spec})
    approved.repository.commit("Move, signed", {"data-product.yaml": moved}, signed="ada")
    assert "build/ports/elsewhere" in approved("plan", "--against", "HEAD~1")


def test_a_classification_that_was_raised_is_not_lowered_without_authority(approved: Case) -> None:
    contract = (approved.root / "contract.odcs.yaml").read_text()
    head, tail = contract.split("- name: carrier\n", 1)
    raised = f"{head}- name: carrier\n{tail.replace('classification: public', 'classification: secret', 1)}"
    approved.repository.commit("Raise", {"contract.odcs.yaml": raised}, by="bo")
    approved.repository.commit("Lower", {"contract.odcs.yaml": contract}, by="bo")
    assert approved.json("explain", "bo@example.org", "carrier")["sees"] == "masked"


@pytest.mark.parametrize("name", ["TAIL_NUMBER", "Tail_Number", "tail_number"])
def test_a_column_in_other_letters_is_no_new_one(approved: Case, name: str) -> None:
    contract = (approved.root / "contract.odcs.yaml").read_text()
    head, tail = contract.split("- name: tail_number\n", 1)
    lowered = f"{head}- name: {name}\n{tail.replace('classification: internal', 'classification: public', 1)}"
    approved.repository.commit("Rename", {"contract.odcs.yaml": lowered}, by="bo")
    assert f"Nobody authorised that {name} is public; it counts as internal." in approved("plan", code=1)
    approved.repository.commit("Rename, signed", {"contract.odcs.yaml": contract}, by="bo")
    approved.repository.commit("Lower, signed", {"contract.odcs.yaml": lowered}, signed="ada")
    assert approved.json("explain", "bo@example.org", name)["sees"] == "clear"


def test_a_spec_that_no_approver_signed_opens_nothing(approved: Case) -> None:
    spec = (approved.root / "data-product.yaml").read_text()
    approved.repository.commit("Gone", {"data-product.yaml": None}, signed="ada")
    opened = spec.replace("mode: approval-required", "mode: open")
    approved.repository.commit("Back, and open", {"data-product.yaml": opened}, by="bo")
    assert "No version of it is signed by an approver" in approved("plan", code=1)


def test_another_history_in_place_of_the_mainline_is_an_alarm_on_every_port(
    approved: Case, people: People
) -> None:
    approved("apply", "--directory", approved.directory)
    repository = approved.repository
    repository.git("switch", "--quiet", "--orphan", "theirs")
    repository.git("checkout", "--quiet", "main", "--", ".")
    repository.commit("Mine", {"access/approvers.yaml": people.approvers("eve")}, by="eve")
    repository.git(
        "merge", "--quiet", "--allow-unrelated-histories", "-s", "ours", "-m", "Merge", "main", by="eve"
    )
    (port,) = approved.json("apply", "--directory", approved.directory, code=1)["ports"]
    assert "somebody put another history in its place" in port["refused"]["problem"]
    assert port["refused"]["fix"].count("--confirm") == 2


def test_a_spec_names_no_secret(approved: Case) -> None:
    spec = (
        (approved.root / "data-product.yaml")
        .read_text()
        .replace("${LAKE:-build/ports/lake}", "build/${PGPASSWORD}")
    )
    approved.repository.commit("Carry it away", {"data-product.yaml": spec}, signed="ada")
    told = approved("plan", code=1, PGPASSWORD="hunter2")
    assert "${PGPASSWORD} may be a secret" in told and "hunter2" not in told


def test_a_time_at_the_end_of_the_calendar_stops_nobody(approved: Case) -> None:
    path = approved.root / "access/agreements/delays.yaml"
    text = re.sub("endTimestamp: .*", "endTimestamp: '9999-12-31T23:59:59-05:00'", path.read_text())
    approved.repository.commit(
        "For ever", {"access/agreements/for-ever.yaml": text.replace('id: "delays"', "id: for-ever")}
    )
    verdicts = {verdict["id"]: verdict for verdict in approved.json("plan")["agreements"]}
    assert verdicts["delays"]["counts"] and "It does not say until when." in verdicts["for-ever"]["refused"]


def test_a_second_approver_has_something_to_sign(case: Case) -> None:
    policy = (case.root / "access/policy.yaml").read_text()
    other_group(case)
    case.repository.commit("Two", {"access/policy.yaml": policy.replace("approvals: [owner]", "approvals: [owner, steward]")}, signed="ada")  # fmt: skip
    case.request()
    case.repository.commit("Ask", {}, by="bo")
    for name in ("ada", "sam"):
        assert not case.json("plan")["agreements"][0]["counts"]
        case.signs_as(name)
        case.approve(signed=name)
    assert case.json("plan")["agreements"][0]["counts"]


def test_a_test_that_somebody_fails_by_seeing_too_much_stops_the_run(approved: Case) -> None:
    tests = "apiVersion: meshwright/v1\nkind: AccessTests\ntests:\n  - {role: reader, columns: [tail_number], sees: %s}\n"
    approved.repository.commit("Test", {"access/tests.yaml": tests % "nothing"}, signed="ada")
    (port,) = approved.json("apply", "--directory", approved.directory, code=1)["ports"]
    assert port["refused"]["problem"] == "reader should see nothing of tail_number, and sees the values."
    assert not approved.variant("reader").exists()
    approved.repository.commit("Test", {"access/tests.yaml": tests % "clear"}, signed="ada")
    approved("apply", "--directory", approved.directory)


def test_one_who_should_see_more_is_reported_and_the_rest_goes_on(approved: Case) -> None:
    tests = "apiVersion: meshwright/v1\nkind: AccessTests\ntests:\n  - {principal: ada@example.org, columns: [carrier], sees: clear}\n"
    approved.repository.commit("Test", {"access/tests.yaml": tests}, signed="ada")
    assert "ada@example.org should see the values of carrier, and sees nothing." in approved(
        "apply", "--directory", approved.directory, code=1
    )
    assert approved.variant("reader").exists()


def test_it_explains_why_and_why_not(approved: Case) -> None:
    told = approved("explain", "bo@example.org", "carrier")
    assert "Bo Example (bo@example.org) sees carrier." in told
    assert "carrier is public, within the role's clearance. Clearance: public, internal." in told
    assert "sees nothing" in approved("explain", "ada@example.org", "carrier", code=1)
    assert "has no principal" in approved("explain", "nobody@example.org", "carrier", code=1)
    assert "has no column nothing" in approved("explain", "bo@example.org", "nothing", code=2)


def test_open_access_needs_no_agreement(fresh: Path, people: People, tmp_path: Path) -> None:
    root = Path(shutil.copytree(fresh, tmp_path / "open"))
    spec = root / "data-product.yaml"
    spec.write_text(spec.read_text().replace("mode: approval-required", "mode: open"))
    case = Case(root, people)
    case.publish()
    applied = case.json("apply", "--directory", case.directory)["ports"][0]["changes"]
    granted = {(change["principal"], change["role"]) for change in applied if change["action"] == "grant"}
    assert granted == {
        ("ada@example.org", "reader"),
        ("bo@example.org", "reader"),
        ("cy@example.org", "reader"),
        ("svc-punctuality", "service"),
    }


def test_a_pull_request_is_told_what_it_would_change(approved: Case) -> None:
    told = approved("plan", "--against", "HEAD^1")
    assert f"+ group:analysts may read as reader until {SOON} (agreement delays)" in told
    assert approved.json("plan", "--against", "HEAD")["ports"][0]["changes"] == []
    page = approved("plan", "--against", "HEAD^1", "--format", "markdown")
    assert page.startswith("### Who may read airport-operations/departures\n\n```text\n")


def test_hostile_words_stay_words(approved: Case) -> None:
    path = approved.root / "access/agreements/delays.yaml"
    text = path.read_text().replace("group:analysts", "group:a```\\n\\e[31m\\u202e@everyone")
    path.write_text(text.replace("status: approved", "status: requested"))
    approved.repository.commit("Ask", {}, by="bo")
    path.write_text(text)
    approved.repository.commit("Hostile", {}, signed="ada")
    page = approved.run("plan", "--against", "HEAD^1", "--format", "markdown").stdout
    assert "\x1b" not in page and "\u202e" not in page
    assert page.split("\n")[2] == "````text" and page.rstrip().endswith("\n````")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"role": "admin"}, "The policy has no role admin."),
        ({"until": "2020-01-01"}, "It ends before it begins."),
        ({"principal": "analysts"}, "'analysts' is neither a group nor a single reader."),
        ({"requester": "bo"}, "'bo' is not an e-mail address."),
        ({"role": "service", "until": "2099-01-01"}, "its role allows 365"),
        ({"until": "9989-12-31"}, "its role allows 365"),
        ({"until": "9989-12-31", "from": "2020-01-01"}, "its role allows 365"),
        ({"for": "x"}, "description.purpose"),
        ({"output": "cellar"}, "The product has no output port cellar."),
    ],
)
def test_a_request_that_could_not_be_granted_is_not_written(
    case: Case, changed: dict[str, str], problem: str
) -> None:
    options = {"role": "reader", "principal": "group:analysts", "for": "Why flights are late", "until": SOON, "team": "operations", "requester": "bo@example.org"} | changed  # fmt: skip
    done = case.run(
        "request", "delays", *(part for key, value in options.items() for part in (f"--{key}", value))
    )
    assert done.exit_code == 2 and problem in done.output and "fix:" in done.output
    assert not (case.root / "access/agreements/delays.yaml").exists()


def test_a_request_overwrites_nothing(case: Case) -> None:
    case.request()
    before = (case.root / "access/agreements/delays.yaml").read_text()
    done = case.run("request", "delays", "--role", "service", "--principal", "id:svc-punctuality", "--for", "Something else", "--until", SOON, "--team", "x", "--requester", "x@example.org")  # fmt: skip
    assert done.exit_code == 2 and "already exists" in done.output
    assert (case.root / "access/agreements/delays.yaml").read_text() == before


def test_a_request_passes_the_check(case: Case) -> None:
    case.request()
    assert CliRunner().invoke(main, ["check", str(case.root)]).exit_code == 0


def test_what_is_not_committed_is_not_looked_at(case: Case) -> None:
    case.request()
    done = case.run("plan")
    assert done.exit_code == 0 and "agreement delays" not in done.stdout
    assert "Not committed, and so ignored: access/agreements/delays.yaml" in done.stderr


@pytest.mark.parametrize("verb", ["apply", "verify"])
def test_it_acts_on_no_sample_of_a_directory(case: Case, verb: str) -> None:
    assert "MESHWRIGHT_DIRECTORY" in case(verb, code=2)


def test_a_group_that_the_directory_lacks_is_told(case: Case) -> None:
    case.request(principal="group:nobody")
    case.repository.commit("Ask", {}, by="bo")
    case.approve()
    told = case("plan", code=1)
    assert "Agreement delays: group:nobody: The directory has no such group." in told


def test_a_column_that_nobody_classified_is_hidden(approved: Case) -> None:
    contract = approved.root / "contract.odcs.yaml"
    text = contract.read_text()
    added = (
        text
        + "      - name: passenger\n        logicalType: string\n        description: Who flew, by name.\n"
    )
    approved.repository.commit("A column", {"contract.odcs.yaml": added})
    approved.publish(", 'SENTINEL-passenger' as passenger, 'SENTINEL-stray' as stray")
    approved("apply", "--directory", approved.directory)
    columns = pq.read_table(approved.variant("reader")).to_pydict()
    assert columns["passenger"] == [None] and "stray" not in columns
    content = approved.variant("reader").read_bytes()
    assert b"SENTINEL-passenger" not in content and b"SENTINEL-stray" not in content
    assert columns["carrier"] == ["SENTINEL-carrier"]


def test_a_clock_that_was_set_back_stops_the_run(approved: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    from meshwright.access import loading

    approved("apply", "--directory", approved.directory)

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) - timedelta(days=1)

    monkeypatch.setattr(loading, "datetime", Earlier)
    (port,) = approved.json("apply", "--directory", approved.directory, code=1)["ports"]
    assert "and the last run was at" in port["refused"]["problem"]


def test_a_run_that_another_one_overtook_changes_nothing(
    approved: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    from meshwright.access.targets import files

    real = files.apply
    approved("apply", "--directory", approved.directory)

    def overtaken(*arguments: Any) -> Any:
        monkeypatch.undo()
        approved("apply", "--directory", approved.directory)
        return real(*arguments)

    monkeypatch.setattr(files, "apply", overtaken)
    (port,) = approved.json("apply", "--directory", approved.directory, code=1)["ports"]
    assert port["refused"]["problem"] == "Another run has changed the port meanwhile."
    assert "Run it again." in port["refused"]["fix"]
    (output,) = load(approved.root, environment={}).ports
    assert [record["number"] for record in files.audit_records(output)] == [1, 2]
    approved("apply", "--directory", approved.directory)


def test_who_wrote_a_request_does_not_approve_it_whomever_it_names(case: Case) -> None:
    other_group(case)
    case.request(requester="nobody.in.particular@example.org")
    case.repository.commit("Ask", {}, by="ada")
    case.approve()
    (own,) = case.json("plan")["agreements"]
    assert not own["counts"] and "ada@example.org, owner) approved it, and asks for it" in own["refused"][0]
    case.repository.commit("Again", {"access/agreements/delays.yaml": None}, by="bo")
    case.request(requester="nobody.in.particular@example.org")
    case.repository.commit("Ask", {}, by="bo")
    case.approve()
    (own,) = case.json("plan")["agreements"]
    assert not own["counts"]


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("group:analysts", "group:operations", False),
        ("Why flights are late", "Something else", False),
        (f"endTimestamp: .*{SOON}.*", f'endTimestamp: "{LATER}T00:00:00Z"', False),
        ("status: requested", "status: rejected", True),
        ("$", "# Looked at.", True),
    ],
    ids=["principal", "purpose", "end", "status", "form"],
)
def test_who_rewrote_the_terms_of_a_request_does_not_approve_it(
    case: Case, old: str, new: str, counts: bool
) -> None:
    case.request()
    case.repository.commit("Ask", {}, by="bo")
    path = case.root / "access/agreements/delays.yaml"
    changed = re.sub(old, new, path.read_text(), count=1)
    assert changed != path.read_text()
    path.write_text(changed)
    case.repository.commit("Rewrite", {}, by="ada")
    path.write_text(changed.replace("status: rejected", "status: requested"))
    case.repository.commit("Ask again", {}, by="ada")
    case.approve()
    (own,) = case.json("plan")["agreements"]
    assert ("wrote terms of it" not in " ".join(own["refused"])) == counts


def test_an_agreement_older_than_the_bound_ends_later_and_is_reported(case: Case) -> None:
    other_group(case)
    case.request()
    path = case.root / "access/agreements/delays.yaml"
    text = re.sub("(start|end)Timestamp: .*\n", "", path.read_text())
    times = 'startTimestamp: "2026-01-01T00:00:00Z"\nendTimestamp: "9989-12-31T00:00:00Z"\n'
    path.write_text(text + times)
    case.repository.commit("Ask", {}, by="bo")
    case.approve()
    assert CliRunner().invoke(main, ["check", str(case.root)]).exit_code == 0
    planned = case.json("plan")
    assert planned["agreements"][0]["members"] == ["bo@example.org"] and planned["well"]
    last = metamodel.LONGEST_AGREEMENT_SINCE + timedelta(days=metamodel.LONGEST_AGREEMENT_DAYS)
    assert f"Agreement delays names 9989-12-31 as its end. It ends on {last:%Y-%m-%d}" in case("plan")
    assert f"until {last:%Y-%m-%d}" in case("plan", "--against", "HEAD~2")
    assert "members" not in case("plan", "--at", f"{last:%Y-%m-%d}").partition("Not granted")[0]
    text = text.replace("delays", "later") + times.replace("2026-01-01", f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}")  # fmt: skip
    case.repository.commit("Ask", {"access/agreements/later.yaml": text}, by="bo")
    case.approve("later")
    assert "It lasts longer than the 365 days that its role allows." in case("plan")
    assert CliRunner().invoke(main, ["check", str(case.root)]).exit_code == 1


@pytest.mark.parametrize(
    ("principal", "requester"),
    [
        ("group:\\u0430nalysts", "bo@example.org"),
        ("group:analysts\\u200B", "bo@example.org"),
        ("group:analysts", "\\u0430da@example.org"),
    ],
)
def test_a_name_that_only_looks_like_another_gives_nothing(
    case: Case, principal: str, requester: str
) -> None:
    case.request()
    path = case.root / "access/agreements/delays.yaml"
    text = path.read_text().replace("group:analysts", principal)
    path.write_text(text.replace("bo@example.org", requester))
    case.repository.commit("Ask", {}, by="bo")
    case.approve()
    (own,) = case.json("plan")["agreements"]
    assert not own["counts"] and own["members"] == [] and "It names '" in own["refused"][0]
    checked = CliRunner().invoke(main, ["check", str(case.root)])
    assert checked.exit_code == 1 and "NamesNotMistaken" in checked.output


def test_who_asks_in_other_letters_does_not_approve(case: Case) -> None:
    other_group(case)
    case.request(requester="ADA@example.org.")
    case.repository.commit("Ask", {}, by="bo")
    case.approve()
    (own,) = case.json("plan")["agreements"]
    assert not own["counts"] and "asks for it" in own["refused"][0]


def test_a_request_says_what_it_would_change(case: Case) -> None:
    other_group(case)
    case.request()
    case.repository.commit("Ask", {}, by="bo")
    planned = case.json("plan")
    (effect,) = planned["effects"]
    assert (effect["approved"], effect["people"], effect["principals"]) == (False, 1, ["group:analysts"])
    assert "carrier" in effect["clear"] and effect["refused"] == [] and effect["until"].startswith(SOON)
    text = case("plan")
    assert (
        f"group:analysts (1 reader) could, once it is approved, read as reader until {SOON}, on every port"
        in text
    )
    page = case("plan", "--against", "HEAD~1", "--format", "markdown")
    assert "agreement delays (requested)" in page and "they see " in page
    assert "No change until somebody approves what is requested." in page
    assert "bo@example.org asks for it, as the file says: by signature, that is a claim" in page
    assert case.json("plan", "--against", "HEAD")["effects"] == []
    counted = case.json("plan", "--against", "HEAD~1", "--directory", case.directory)
    assert [effect["people"] for effect in counted["effects"]] == [1]
    assert counted["ports"][0]["changes"] == []


def test_a_request_that_no_approval_would_help_says_why(case: Case) -> None:
    case.request(principal="group:nobody")
    case.repository.commit("Ask", {}, by="bo")
    (effect,) = case.json("plan")["effects"]
    assert effect["unfit"] == ["group:nobody: The directory has no such group."] and effect["people"] == 0


def test_masks_and_hidden_columns_are_named(case: Case) -> None:
    policy = (case.root / "access/policy.yaml").read_text().replace("[public, internal]", "[public]")
    case.repository.commit("Narrow", {"access/policy.yaml": policy}, signed="ada")
    case.request()
    case.request("programs", role="service", principal="id:svc-punctuality")
    case.repository.commit("Ask", {}, by="bo")
    people, programs = case.json("plan", code=1)["effects"]
    assert people["masked"] and set(people["masked"]) == set(programs["hidden"]) and not people["hidden"]
    name, mask = next(iter(people["masked"].items()))
    assert f"{mask} of {name}" in case("plan", code=1)


@pytest.mark.parametrize("principal", ["group:nobody", "id:nobody@example.org"])
def test_a_request_for_whom_the_directory_lacks_is_not_written(case: Case, principal: str) -> None:
    case.request(directory=case.directory)
    options = ["--role", "reader", "--for", "Why flights are late", "--until", SOON, "--team", "operations", "--requester", "bo@example.org"]  # fmt: skip
    asked = case.run("request", "more", "--principal", principal, *options, "--directory", case.directory)
    assert asked.exit_code == 2 and "The directory has no " in asked.output
    assert not (case.root / "access/agreements/more.yaml").exists()
    noted = case.run("request", "more", "--principal", principal, *options)
    assert (
        noted.exit_code == 0 and "Nobody has looked whether the directory has these readers" in noted.output
    )


def test_a_renewal_leaves_no_gap(approved: Case) -> None:
    later = f"{datetime.now(UTC) + timedelta(days=300):%Y-%m-%d}"
    approved("apply", "--directory", approved.directory)
    assert "wrote access/agreements/delays-2.yaml" in approved("renew", "delays", "--until", later)
    approved.repository.commit("Renew", {}, by="bo")
    assert approved.json("plan")["ports"][0]["changes"] == []
    approved.approve("delays-2")
    assert "revoke" not in {change["action"] for change in approved.json("plan")["ports"][0]["changes"]}
    for days in (1, 89, 90, 91, 299):
        at = f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"
        by_id = {one["id"]: one for one in approved.json("plan", "--at", at)["agreements"]}
        members = {id for one in by_id.values() for id in one["members"]}
        assert members == {"bo@example.org"}, at
        assert by_id["delays-2"]["counts"] and by_id["delays"]["counts"] == (days < 90)
    approved("apply", "--directory", approved.directory)
    record = json.loads((approved.root / "build/ports/lake/roles/audit.jsonl").read_text().splitlines()[-1])
    assert {one["until"][:10] for one in record["members"]} == {later}
    text = (approved.root / "access/agreements/delays-2.yaml").read_text()
    assert '- property: renews\n    value: "delays"\n' in text and CliRunner().invoke(main, ["check", str(approved.root)]).exit_code == 0  # fmt: skip


@pytest.mark.parametrize(
    ("days", "problem"),
    [(30, "already lasts until"), (400, "its role allows 365")],
)
def test_a_renewal_that_gives_nothing_is_not_written(approved: Case, days: int, problem: str) -> None:
    until = f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"
    done = approved.run("renew", "delays", "--until", until)
    assert done.exit_code == 2 and problem in done.output and "fix:" in done.output
    assert not (approved.root / "access/agreements/delays-2.yaml").exists()


@pytest.mark.parametrize(
    ("agreement", "taken", "name"),
    [
        ("delays", set(), "delays-2"),
        ("delays-2", {"delays-3"}, "delays-4"),
        ("q3-2026", set(), "q3-2027"),
        ("a" * 63, set(), "a" * 61 + "-2"),
        ("x-0", set(), "x-0-2"),
        ("b" * 60 + "-9", set(), "b" * 60 + "-10"),
    ],
)
def test_a_renewal_has_the_next_name(agreement: str, taken: set[str], name: str) -> None:
    assert next_name(agreement, taken) == name and len(name) <= 63


BROKEN = {
    "a spec that is no YAML": {"data-product.yaml": "kind: [\n"},
    "a spec of another shape": {"data-product.yaml": "kind: DataProduct\n"},
    "no spec": {"data-product.yaml": None},
    "a contract that is no YAML": {"contract.odcs.yaml": "\t{"},
    "a policy without roles": {"access/policy.yaml": "kind: AccessPolicy\n"},
    "a role that sees nothing": {},
    "Rego that cannot be compiled": {"access/rego/team.rego": "package product.access\n\ndeny contains {\n"},
    "a symbolic link": {},
}


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(what, marks=() if number == 0 else pytest.mark.beyond)
        for number, what in enumerate(BROKEN)
    ],
)
def test_what_ended_is_revoked_while_the_product_cannot_be_read(approved: Case, what: str) -> None:
    approved.request("more", principal="id:cy@example.org")
    approved.repository.commit("Ask", {}, by="bo")
    approved.approve("more")
    approved("apply", "--directory", approved.directory)
    approved.request("late", principal="id:svc-punctuality", role="service")
    approved.repository.commit("Ask", {}, by="bo")
    changes = dict(BROKEN[what])
    if what == "a role that sees nothing":
        policy = (approved.root / "access/policy.yaml").read_text()
        changes = {"access/policy.yaml": policy.replace("[public, internal]", "[public]")}
        contract = (approved.root / "contract.odcs.yaml").read_text()
        changes["contract.odcs.yaml"] = re.sub("classification: .*", "classification: secret", contract)
    if what == "a symbolic link":
        (approved.root / "data-product.yaml").unlink()
        (approved.root / "data-product.yaml").symlink_to("elsewhere.yaml")
    approved.repository.commit("Broken", changes, signed="ada")
    approved.approve("late")
    approved.repository.commit("It has ended", {"access/agreements/more.yaml": None}, by="bo")
    done = approved.run("apply", "--directory", approved.directory, "--format", "json")
    assert done.exit_code == 1, done.output
    result = json.loads(done.stdout)
    members = {id for one in result["agreements"] for id in one["members"]}
    assert members == {"bo@example.org"}, "one agreement has ended, and nobody new is let in"
    assert [change["action"] for change in result["ports"][0]["changes"]] == ["revoke"]
    assert "cannot be read at" in result["problems"][0] and "nobody new is let in" in result["problems"][0]
    assert approved.run("verify", "--directory", approved.directory).exit_code == 1


def test_a_product_that_never_could_be_read_is_still_an_error(case: Case) -> None:
    case.repository.git("checkout", "--quiet", "--orphan", "other")
    case.repository.commit("Broken", {"data-product.yaml": "kind: [\n"}, by="ada")
    assert "data-product.yaml" in case("apply", "--directory", case.directory, code=2)


def reviewed(case: Case, days: int, more: str = "") -> None:
    """Has the policy's first role ask for reviews."""
    policy = (case.root / "access/policy.yaml").read_text()
    policy = policy.replace("    above: mask", f"    reviewDays: {days}{more}\n    above: mask", 1)
    case.repository.commit("Reviews", {"access/policy.yaml": policy}, signed="ada")


def members(case: Case, days: int) -> list[str]:
    """Who reads by the first agreement, some days from now."""
    at = f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"
    (first, *_) = case.json("plan", "--at", at)["agreements"]
    return first["members"]


def test_what_nobody_confirms_ends_and_says_so_before(approved: Case) -> None:
    reviewed(approved, 30)
    assert members(approved, 29) == ["bo@example.org"] and members(approved, 30) == []
    ends = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    assert f"It ends on {ends}, because its role asks for a review every 30 days" in approved("plan")
    assert f"delays (reader): ends on {ends} unless an approver confirms it" in approved("review")
    at = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%d}"
    assert "An approver runs `meshwright access review delays`." in approved("plan", "--at", at)


@pytest.mark.parametrize(
    ("signed", "on", "committed", "more", "confirmed"),
    [
        ("ada", 20, 20, "", True),
        (None, 20, 20, "", False),
        ("eve", 20, 20, "", False),
        ("bo", 20, 20, "", False),
        ("ada", 60, 60, "", False),
        ("ada", 20, 20, "status: rejected\n", False),
        ("ada", 20, 0, "", False),
        ("ada", 40, 20, "", True),
    ],
)
def test_only_an_approvers_signature_confirms(
    approved: Case, signed: str | None, on: int, committed: int, more: str, confirmed: bool
) -> None:
    reviewed(approved, 30)
    day = f"{datetime.now(UTC) + timedelta(days=on):%Y-%m-%d}"
    assert "git commit -S -m 'Confirm delays'" in approved("review", "delays")
    path = approved.root / "access/reviews/delays.yaml"
    path.write_text(re.sub("confirmed: .*", f'confirmed: "{day}"', path.read_text()) + more)
    signing = f"{datetime.now(UTC) + timedelta(days=committed):%Y-%m-%d}"
    approved.repository.commit("Confirm", {}, signed=signed, by=signed or "bo", on=signing)
    at = f"{datetime.now(UTC) + timedelta(days=45):%Y-%m-%d}"
    code = 0 if signed == "ada" and not more else 1
    (agreement,) = approved.json("plan", "--at", at, code=code)["agreements"]
    assert bool(agreement["members"]) == confirmed


def test_who_gains_does_not_confirm(approved: Case, people: People) -> None:
    approved.request("own", principal="id:sam@example.org")
    approved.repository.commit("Ask", {}, by="bo")
    approved.approve("own")
    directory = yaml.safe_load((approved.root / "access/directory.yaml").read_text())
    directory["principals"]["sam@example.org"] = {"kind": "human"}
    (approved.root / "access/directory.yaml").write_text(yaml.safe_dump(directory))
    reviewed(approved, 30)
    approved("review", "own", "delays")
    day = f"{datetime.now(UTC) + timedelta(days=20):%Y-%m-%d}"
    for path in (approved.root / "access/reviews").iterdir():
        path.write_text(re.sub("confirmed: .*", f'confirmed: "{day}"', path.read_text()))
    approved.repository.commit("Confirm", {}, signed="sam", on=day)
    at = f"{datetime.now(UTC) + timedelta(days=45):%Y-%m-%d}"
    by_id = {one["id"]: one for one in approved.json("plan", "--at", at)["agreements"]}
    assert not by_id["own"]["members"] and by_id["delays"]["members"]


def test_older_agreements_are_counted_from_the_day_that_the_policy_names(approved: Case) -> None:
    later = f"{datetime.now(UTC) + timedelta(days=10):%Y-%m-%d}"
    reviewed(approved, 30, f'\n    reviewFrom: "{later}"')
    assert members(approved, 39) and not members(approved, 40)


def test_a_review_does_not_stretch_an_agreement(approved: Case) -> None:
    reviewed(approved, 3000)
    text = (approved.root / "access/agreements/delays.yaml").read_text()
    text = re.sub("endTimestamp: .*", 'endTimestamp: "2035-01-01T00:00:00Z"', text).replace("delays", "long")
    approved.repository.commit(
        "Ask", {"access/agreements/long.yaml": text.replace("approved", "requested")}, by="bo"
    )
    approved.approve("long")
    (_, long) = approved.json("plan")["agreements"]
    assert "It lasts longer than the 365 days that its role allows." in long["refused"]


def test_a_report_names_everybody_who_reads_from_the_audit_records(approved: Case) -> None:
    def reported(code: int) -> dict[str, Any]:
        done = CliRunner().invoke(main, ["access", "report", str(approved.root), "--format", "json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    assert reported(1)["unknown"] == ["airport-operations/departures lake: nothing was applied there yet."]
    approved("apply", "--directory", approved.directory)
    (row,) = reported(0)["readings"]
    assert (row["person"], row["role"], row["until"]) == ("bo@example.org", "reader", SOON)
    assert (row["purpose"], row["approved_by"]) == ("Why flights are late", "ada@example.org (owner)")
    assert "carrier" in row["clear"].split(", ") and row["rows"] == "all"
    file = approved.root.parent / "readers.csv"
    done = CliRunner().invoke(main, ["access", "report", str(approved.root.parent), "--format", "csv", "-o", str(file)])  # fmt: skip
    assert done.exit_code == 0 and "bo@example.org" in file.read_text()


def test_notices_come_from_the_audit_records_of_the_ports(case: Case) -> None:
    other_group(case)
    case.request()
    case.repository.commit("Ask", {}, by="bo")
    case("apply", "--directory", case.directory)
    assert "requested: The agreement delays of airport-operations/departures is requested." in case("notify")
    case.approve()
    case("apply", "--directory", case.directory)
    lines = case("notify").splitlines()
    assert [line.split(" ")[1] for line in lines] == ["requested:", "decided:"]
    assert not (case.root / "build/access-notices.json").exists(), "nothing was sent"
    records = case.root / "build/ports/lake/roles/audit.jsonl"
    records.write_text(records.read_text().replace("Why flights are late", "Whatever"))
    assert "Audit record 1 was changed after it was written." in case("notify", code=1)
    assert case.run("verify", "--directory", case.directory).exit_code == 1


def test_who_left_the_directory_is_reported_for_good(approved: Case) -> None:
    approved.request("single", principal="id:cy@example.org")
    approved.repository.commit("Ask", {}, by="bo")
    approved.approve("single")
    approved("apply", "--directory", approved.directory)
    assert "no longer has" not in approved("verify", "--directory", approved.directory)
    path = approved.root / "access/directory.yaml"
    directory = yaml.safe_load(path.read_text())
    del directory["principals"]["cy@example.org"]
    directory["groups"] = {"analysts": {"members": ["bo@example.org"]}}
    path.write_text(yaml.safe_dump(directory))
    note = "The directory no longer has cy@example.org, who could still read lake on "
    first = approved.run("apply", "--directory", approved.directory)
    assert "- cy@example.org may no longer read as reader" in first.stdout and note in first.stdout
    approved.repository.commit("Gone", {"access/agreements/single.yaml": None}, by="bo")
    assert note in approved("apply", "--directory", approved.directory), "also by later runs"
    directory["groups"]["analysts"]["members"] = []
    directory["groups"]["others"] = {"members": ["bo@example.org"]}
    path.write_text(yaml.safe_dump(directory))
    assert (
        "no longer has bo@example.org" not in approved.run("verify", "--directory", approved.directory).stdout
    )


def test_a_decision_says_why_and_nobody_changes_that_later(case: Case) -> None:
    other_group(case)
    case.request()
    case.repository.commit("Ask", {}, by="bo")
    path = case.root / "access/agreements/delays.yaml"
    assert case.run("approve", "delays", "--note", "x" * 301).exit_code == 2
    case.approve(note="Needed for the punctuality report: a 'quoted' one")
    (own,) = case.json("plan")["agreements"]
    assert own["counts"], own["refused"]
    text = path.read_text()
    assert yaml.safe_load(text)["customProperties"][-1] == {
        "property": "decision",
        "value": "Needed for the punctuality report: a 'quoted' one",
    }
    assert CliRunner().invoke(main, ["check", str(case.root)]).exit_code == 0
    for changed in (
        text.replace("Needed for", "Never for"),
        re.sub("(?s)- property: decision.*?one.*?\n", "", text),
    ):
        assert changed != text
        path.write_text(changed)
        case.repository.commit("Another reason", {}, by="bo")
        assert not case.json("plan")["agreements"][0]["counts"]
        path.write_text(text)
        case.repository.commit("Back", {}, by="bo")


def test_a_note_brings_no_term_in_with_it(case: Case) -> None:
    other_group(case)
    case.request()
    case.repository.commit("Ask", {}, by="bo")
    path = case.root / "access/agreements/delays.yaml"
    text = path.read_text()
    for more in (
        "  - property: decision\n    value: [a, b]\n",
        "  - property: decision\n    value: a\n  - property: decision\n    value: b\n",
        "  - property: decision\n    value: a\n    more: b\n",
    ):
        path.write_text(text.replace("status: requested", "status: approved") + more)
        case.repository.commit("Approve", {}, signed="ada")
        planned = json.loads(case.run("plan", "--format", "json").stdout)
        assert not planned["agreements"][0]["counts"], more
        path.write_text(text)
        case.repository.commit("Back", {}, by="bo")


def test_a_rejection_says_why_and_ends_access(approved: Case) -> None:
    printed = approved("reject", "delays", "--note", "The report is no longer made.")
    assert "git commit -m 'Reject delays'" in printed
    approved.repository.commit("Reject", {}, by="bo")
    (own,) = approved.json("plan")["agreements"]
    assert not own["counts"] and own["members"] == []
    assert "The report is no longer made." in (approved.root / "access/agreements/delays.yaml").read_text()
