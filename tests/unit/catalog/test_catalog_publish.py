"""`meshwright catalog publish` and `retire`, against the real catalog, real repositories and a network that fails."""

from __future__ import annotations

import base64
import gzip
import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from catalog_server import Catalog as Server
from catalog_server import catalog as served
from checkout import git
from click.testing import CliRunner, Result
from faults import HALF, LOST, RESET, Network, Say, network
from products import Make
from records import MEASURED_AT

from meshwright.catalog import Adapter, adapters, command
from meshwright.catalog.publish import adapter
from meshwright.cli import main
from meshwright.core.http import retry
from meshwright.core.yaml import Unreadable
from meshwright.mesh.catalog_client import Catalog, Retired
from meshwright.mesh.catalog_variables import TOKEN
from meshwright.mesh.sources import records
from meshwright.product.record import Record

DOMAIN = "airport-operations"
BUSY = Say(409, {"error": "busy", "detail": "Somebody else writes."})
OUTSIDE = dict.fromkeys(("GITHUB_ACTIONS", "GITLAB_CI", "MESHWRIGHT_CATALOG", TOKEN))


class Product:
    """A product's repository with a finished run, and how to publish it."""

    def __init__(self, root: Path, name: str, server: Server) -> None:
        self.root, self.name, self.id, self.server = root, name, f"{DOMAIN}/{name}", server
        self.edit("data-product.yaml", "name: departures\n  domain", f"name: {name}\n  domain")
        self.edit("contract.odcs.yaml", "dataProduct: departures", f"dataProduct: {name}")
        with (root / ".git/config").open("a") as config:
            config.write(f'[remote "origin"]\n\turl = https://git.example.org/{name}.git\n')
        self.commit()
        self.push()
        self.ran()

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.root / file).read_text()
        assert old in text
        (self.root / file).write_text(text.replace(old, new, 1))

    def commit(self) -> str:
        git("add", "--all", cwd=self.root)
        git("commit", "--quiet", "--message", "As it is", cwd=self.root)
        return git("rev-parse", "HEAD", cwd=self.root).strip()

    def push(self) -> None:
        """As far as the clone knows."""
        remote = self.root / ".git/refs/remotes/origin"
        remote.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.root / ".git/refs/heads/main", remote / "main")
        (remote / "HEAD").write_text("ref: refs/remotes/origin/main\n")

    def ran(self, version: str = "1.0.0", fresh: float = 1.0, **said: Any) -> None:
        """As `python -m pipeline` leaves it."""
        about = {"product": self.id, "version": version}
        level = {"name": "fresh", "indicator": "freshness", "objective": "<= 24h", "value": fresh, "unit": "h", "kept": True}  # fmt: skip
        run = {**about, "startedAt": MEASURED_AT, "outcome": "published", "rowsOut": 7, "checks": [], **said}
        addresses = {
            f"dp:{self.id}#{port}": {"uses": "parquet@1", "location": f"https://data.example.org/{self.name}/{port}", "version": version}
            for port in ("lake", "tables", "gone")
        }  # fmt: skip
        (self.root / "build").mkdir(exist_ok=True)
        (self.root / "build/run.json").write_text(json.dumps(run))
        (self.root / "build/slis.json").write_text(
            json.dumps({**about, "measuredAt": MEASURED_AT, "serviceLevels": [level]})
        )
        (self.root / "build/addresses.yaml").write_text(yaml.safe_dump(addresses))

    @property
    def token(self) -> str:
        return self.server.token(self.id)

    def publish(self, *options: str, url: str = "", **environment: str | None) -> Result:
        told = {**OUTSIDE, "MESHWRIGHT_CATALOG": url or self.server.url, TOKEN: self.token, **environment}
        done = CliRunner(env=told).invoke(main, ["catalog", "publish", str(self.root), *options])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        for name in (TOKEN, "HIDDEN"):
            assert not told.get(name) or told[name] not in done.output
        return done

    def published(self) -> dict[str, Any]:
        found = self.server.get(f"/api/products/{self.id}")
        assert found.status == 200, found.text
        return found.json


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("catalog")) as running:
        yield running


@pytest.fixture(scope="module")
def fresh(make: Make) -> Path:
    root = make("published", outputs=["parquet", "delta"])
    git("init", "--quiet", "--initial-branch", "main", "--template=", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message", "As it was made", cwd=root)
    return root


@pytest.fixture
def product(fresh: Path, tmp_path: Path, server: Server, request: pytest.FixtureRequest) -> Product:
    """One of its own for each test, so that they can share a catalog."""
    name = f"p{zlib.crc32(request.node.nodeid.encode())}"
    return Product(Path(shutil.copytree(fresh, tmp_path / "product")), name, server)


@pytest.fixture
def net(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.01)
    with network(server.url) as made:
        yield made


def test_a_product_is_published_with_what_it_says_and_what_was_measured(product: Product) -> None:
    done = product.publish()
    assert done.exit_code == 0, done.output
    assert (
        done.stdout == f"{product.id} was added to the catalog: {product.server.url}/products/{product.id}\n"
    )
    found = Record(product.published())
    assert (found.id, found.owner.name, found.classification) == (product.id, "Ada Example", "internal")
    assert found.get("columnOrigins")["airline"] == [{"input": "airlines", "column": "name"}]
    assert [(level.name, level.value, level.kept) for level in found.service_levels] == [
        ("fresh", 1.0, True),
        ("airline-known", None, None),
    ]
    assert found.get("quality.rows") == 7
    assert {port.name: port.location for port in found.outputs} == {
        name: f"https://data.example.org/{product.name}/{name}" for name in ("lake", "tables")
    }
    assert found.repository == f"https://git.example.org/{product.name}.git"
    assert "note: The last run has no value for airline-known." in done.stderr
    assert len(found.get("addresses")) == 2  # no port is called `gone`


def test_what_has_not_changed_is_not_sent_again_and_what_has_is(product: Product, net: Network) -> None:
    for change, calls, says in (
        (lambda: None, ["GET", "PUT"], "was added to the catalog"),
        (lambda: None, ["GET"], "has not changed, so nothing was sent"),
        (lambda: product.ran(fresh=2.0), ["GET", "PUT"], "is up to date in the catalog"),
        (lambda: None, ["GET"], "has not changed"),
    ):
        change()
        net.asked.clear()
        done = product.publish(url=net.url)
        assert (done.exit_code, net.calls) == (0, calls), done.output
        assert says in done.stdout and f"/products/{product.id}" in done.stdout
    assert product.published()["measurement"]["serviceLevels"][0]["value"] == 2.0


FAULTS = {
    "busy": BUSY,
    "slow down": Say(429, {"error": "slow"}, {"Retry-After": "0"}),
    "unavailable": Say(503, None),
    "broken": Say(500, b"<html>"),
    "gateway": Say(502, None),
    "reset": RESET,
    "lost": LOST,
    "half": HALF,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_publishing_gets_through_a_network_that_fails(product: Product, net: Network, fault: str) -> None:
    net.faults = [FAULTS[fault], None, FAULTS[fault], FAULTS[fault]]
    done = product.publish("--format", "json", url=net.url)
    assert done.exit_code == 0, done.output
    assert net.calls == ["GET", "GET", "PUT", "PUT", "PUT"]
    assert len({asked.body for asked in net.asked if asked.method == "PUT"}) == 1
    # A PUT that was done before its answer was lost finds itself done.
    assert json.loads(done.stdout)["outcome"] == ("unchanged" if fault in ("lost", "half") else "created")
    assert done.stderr.count("asking again in") == 3
    assert Record(product.published()).hash == json.loads(done.stdout)["hash"]
    versions = product.server.get(f"/api/products/{product.id}/versions").json["versions"]
    assert len(versions) == 1


@pytest.mark.parametrize("step", [0, 1], ids=["before", "while sending"])
@pytest.mark.parametrize("fault", ["busy", "slow down", "broken", "reset", "lost", "half"])
def test_a_second_run_ends_what_a_first_could_not(
    product: Product, net: Network, fault: str, step: int
) -> None:
    net.faults = [None] * step + [FAULTS[fault]]
    done = product.publish("--patience", "0", url=net.url)
    assert done.exit_code == 2, done.output
    assert "It was asked 1 time." in done.stderr or "longer than the 0 s of patience" in done.stderr
    assert "fix: Run it again" in done.stderr and done.stdout == ""
    again = product.publish("--format", "json", url=net.url)
    assert again.exit_code == 0, again.output
    was_done = step and fault in ("lost", "half")
    assert json.loads(again.stdout)["outcome"] == ("unchanged" if was_done else "created")
    assert Record(product.published()).hash == json.loads(again.stdout)["hash"]


def test_a_name_that_another_repository_has_is_refused(product: Product) -> None:
    assert product.publish().exit_code == 0
    done = product.publish("--repository", "https://git.example.org/somebody-else.git")
    assert done.exit_code == 1
    assert "status 409" in done.stderr and "fix: " in done.stderr
    assert product.published()["source"]["repository"] == f"https://git.example.org/{product.name}.git"


@pytest.mark.parametrize("wrong", ["not-a-token", "of another product"])
def test_a_token_that_may_not_is_refused_once(product: Product, net: Network, wrong: str) -> None:
    token = wrong if wrong == "not-a-token" else product.server.token("rail-operations/arrivals")
    done = product.publish(url=net.url, **{TOKEN: token})
    assert done.exit_code == 1
    assert net.calls == ["GET", "PUT"]
    assert "status 401" in done.stderr or "status 403" in done.stderr


def test_without_a_token_or_a_catalog_nothing_is_asked(product: Product, net: Network) -> None:
    done = product.publish(url=net.url, **{TOKEN: None})
    assert done.exit_code == 2 and f"Set {TOKEN}" in done.stderr
    done = product.publish(MESHWRIGHT_CATALOG=None)
    assert done.exit_code == 2 and "No catalog is given" in done.stderr
    done = product.publish(url="http://catalog.example.org")
    assert done.exit_code == 2 and "the token is not sent there" in done.stderr
    done = product.publish(url="https://ada:hidden-1@catalog.example.org", HIDDEN="hidden-1")
    assert done.exit_code == 2 and "credentials" in done.stderr
    assert net.asked == []


def test_a_token_is_no_option(product: Product) -> None:
    done = product.publish("--token", "x")
    assert done.exit_code == 2 and "No such option" in done.stderr


def test_a_product_that_breaks_the_metamodel_is_not_sent(product: Product, net: Network) -> None:
    product.edit("data-product.yaml", "classification: internal", "classification: cosy")
    product.commit()
    product.push()
    done = product.publish(url=net.url)
    assert done.exit_code == 1 and net.asked == []
    assert "data-product.yaml:" in done.stderr and "Fix the findings above." in done.stderr
    assert product.publish("--dry-run").exit_code == 1


def test_what_a_catalog_finds_is_told(product: Product, net: Network) -> None:
    finding = {
        "file": "product",
        "rule": "OwnRule",
        "message": "It lacks\x1b[2J a cost centre.",
        "fix": "Add it.",
    }
    net.faults = [
        None,
        Say(422, {"error": "invalid", "detail": "It breaks a rule.", "findings": [finding, 7]}),
    ]
    done = product.publish(url=net.url)
    assert done.exit_code == 1
    assert "product: OwnRule: It lacks\\x1b[2J a cost centre." in done.stderr
    assert "status 422. It breaks a rule." in done.stderr


@pytest.mark.parametrize("answer", [b"<html>Welcome</html>", b"[]", b'{"outcome": "maybe"}'])
def test_a_page_is_not_taken_for_a_catalog(product: Product, net: Network, answer: bytes) -> None:
    net.faults = [Say(200, answer), Say(200, answer)]
    done = product.publish(url=net.url)
    assert done.exit_code == 2 and done.stdout == ""
    net.faults = [Say(404, answer)]
    done = product.publish(url=net.url)
    assert done.exit_code == 2 and "Check the address" in done.stderr


def test_a_dry_run_prints_the_record_and_sends_nothing(product: Product, net: Network) -> None:
    git("switch", "--quiet", "--create", "try", cwd=product.root)
    product.edit("data-product.yaml", "title: Departures", 'title: "Departures \\u202e\\x85\\u200b of Zoë"')
    done = product.publish("--dry-run", url=net.url, **{TOKEN: None})
    assert done.exit_code in (0, 1), done.output
    product.edit("data-product.yaml", "\\u202e\\x85\\u200b of ", "")
    done = product.publish("--dry-run", "--format", "json", url=net.url, **{TOKEN: None})
    assert (done.exit_code, net.asked) == (0, []), done.output
    assert "Nothing was sent." in done.stderr and done.stdout.count("\n") == 1
    (product.root.parent / "records.jsonl").write_text(done.stdout)
    (record,) = records([str(product.root.parent / "records.jsonl")])
    assert record.title == "Departures Zoë"
    spread = product.publish("--dry-run").stdout
    assert json.loads(spread) == record.value and "Zoë" in spread and "\n  " in spread


def test_a_dry_run_steers_no_terminal(product: Product) -> None:
    agreement = product.root / "docs/data-sharing-agreement.md"
    agreement.write_text("# Agreement \x1b[2J\x1b]0;gone\x07 \u202e\u2028 <script>alert(1)</script>\n")
    for form in ("human", "json"):
        done = product.publish("--dry-run", "--format", form)
        assert done.exit_code == 0, done.output
        assert all(sign.isprintable() or sign == "\n" for sign in done.output)
        assert json.loads(done.stdout)["agreement"] == agreement.read_text()


def test_what_was_measured_of_another_version_is_left_out_and_said(product: Product) -> None:
    product.ran(version="0.9.0")
    done = product.publish()
    assert done.exit_code == 0
    found = product.published()
    assert "measurement" not in found and "quality" not in found
    for file in ("build/slis.json", "build/run.json"):
        assert f"note: {file} is not for {product.id} 1.0.0" in done.stderr
    shutil.rmtree(product.root / "build")
    done = product.publish()
    assert done.exit_code == 0 and "There is no build/slis.json" in done.stderr
    assert "The location of lake is unknown" in done.stderr
    assert "addresses" not in product.published()


AGREED = {
    "apiVersion": "v0.9.0", "kind": "AccessAgreement", "id": "rosters", "status": "approved",
    "description": {"purpose": "Who flies with whom"}, "consumer": {"teamId": "crew", "dataProductId": "crew/rosters"},
    "roles": [{"role": "service"}], "startTimestamp": "2026-01-01T00:00:00Z", "endTimestamp": "2026-12-31T00:00:00Z",
    "customProperties": [{"property": "principal", "value": "id:svc-rosters"}, {"property": "requester", "value": "bo@example.org"}],
}  # fmt: skip
GIVEN = {"role": "service", "kind": "machine", "consumer": "crew/rosters", "location": "https://data.example.org/roles/service",
         "columns": {"carrier": None, "tail_number": "redacted"}, "classification": "internal", "until": "2026-12-31T00:00:00Z"}  # fmt: skip


def applied(product: Product, agreements: dict[str, Any]) -> None:
    """What `access apply` adds, on this machine or on another one."""
    registry = product.root / "build/addresses.yaml"
    lake = f"dp:{product.id}#lake"
    entries = yaml.safe_load(registry.read_text()) if registry.exists() else {}
    entry = entries.get(lake, {"uses": "parquet@1", "location": "https://data.example.org/elsewhere"})
    registry.parent.mkdir(exist_ok=True)
    registry.write_text(yaml.safe_dump({**entries, lake: {**entry, "agreements": agreements}}))


def test_agreements_reach_the_catalog_from_whoever_knows_them(product: Product) -> None:
    """From the run's machine and from that which applies access; neither takes away what the other has written."""
    lake = f"dp:{product.id}#lake"
    agreement = AGREED | {"provider": {"dataProductId": product.id}}
    (product.root / "access/agreements/rosters.yaml").write_text(yaml.safe_dump(agreement, sort_keys=False))
    product.commit()
    product.push()
    applied(product, {"rosters": GIVEN})
    assert product.publish().exit_code == 0
    before = product.published()
    assert before["addresses"][lake]["agreements"] == {"rosters": GIVEN}
    product.ran(fresh=2.0)  # on a machine where access was never applied
    assert "agreements" not in (product.root / "build/addresses.yaml").read_text()
    assert product.publish().exit_code == 0
    after = product.published()
    assert after["addresses"] == before["addresses"]
    assert after["measurement"]["serviceLevels"][0]["value"] == 2.0
    registry = yaml.safe_load(product.server.get("/api/addresses.yaml").text)
    assert registry[lake]["agreements"] == {"rosters": GIVEN} and registry[lake]["location"]
    shutil.rmtree(product.root / "build")  # access alone was applied, and it is revoked
    applied(product, {})
    done = product.publish()
    assert done.exit_code == 0 and "the record shows the agreements in force" in done.stderr
    addresses = {**after["addresses"], lake: {**after["addresses"][lake], "agreements": {}}}
    assert product.published() == {**after, "addresses": addresses}


def test_a_run_that_failed_is_told_as_it_was(product: Product) -> None:
    product.ran(outcome="failed", problem="The contract is broken.")
    done = product.publish()
    assert done.exit_code == 0 and "note: The last run failed" in done.stderr
    assert product.published()["quality"]["problem"] == "The contract is broken."


@pytest.mark.parametrize("broken", [False, True], ids=["spec is kept", "spec is broken"])
def test_a_failed_run_changes_nothing_but_the_last_run(product: Product, broken: bool) -> None:
    """As in CI: on a machine that has nothing of the run before, and for a version that was never published."""
    assert product.publish().exit_code == 0
    before = product.published()
    product.edit("data-product.yaml", "  version: 1.0.0", "  version: 2.0.0")
    if broken:
        product.edit("data-product.yaml", "classification: internal", "classification: nobody knows")
    product.commit()
    product.push()
    shutil.rmtree(product.root / "build")
    product.ran(version="2.0.0", outcome="failed", problem="There is no room.")
    for name in ("slis.json", "addresses.yaml"):
        (product.root / "build" / name).unlink()
    for outcome in ("updated", "unchanged"):
        done = product.publish("--format", "json")
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["outcome"] == outcome
        assert "The last run failed" in str(json.loads(done.stdout)["notes"])
    after = product.published()
    assert after.pop("quality")["problem"] == "There is no room."
    assert before.pop("quality")["outcome"] == "published"
    assert after == before and after["addresses"] and after["measurement"]
    # Another kind of catalog cannot be asked what it has.
    done = product.publish("--to", "backstage", url=str(product.root))
    assert done.exit_code == 0 and "nothing was sent" in done.output
    assert not (product.root / "catalog-info.yaml").exists()


def test_a_failed_run_uses_the_error_budget_in_the_catalog(product: Product) -> None:
    product.edit(
        "data-product.yaml", 'objective: "<= 24h"}', 'objective: "<= 24h", target: 99%, window: 30d}'
    )
    product.commit()
    product.push()
    product.ran()
    file = product.root / "build/slis.json"
    slis = json.loads(file.read_text())
    counts = {"target": 0.99, "window": 30, "runs": 200, "good": 199, "errorBudget": 0.5, "burnRate": 0.0}
    (level,) = slis["serviceLevels"]
    nothing = {"name": "airline-known", "indicator": "completeness", "objective": ">= 99.5%", "value": None, "unit": "%", "kept": None}  # fmt: skip
    file.write_text(json.dumps({**slis, "serviceLevels": [level | counts, nothing]}))
    done = product.publish()
    assert done.exit_code == 0, done.output
    page = product.server.get(f"/products/{product.id}").text
    assert "199 of 200 runs met it; the target is 99% in 30 days" in page and page.count("not known") == 1
    now = counts | {"runs": 201, "errorBudget": 0.005, "burnRate": 50.0}
    file.unlink()
    failed = [{**level, **now, "value": None, "kept": False}, {"name": "airline-known", "runs": 7}, 5]
    product.ran(outcome="failed", problem="There is no room.", serviceLevels=failed)
    assert product.publish().exit_code == 0
    after = product.published()
    assert after["measurement"]["serviceLevels"] == [level | now, nothing]
    assert after["measurement"]["measuredAt"] == MEASURED_AT and after["quality"]["outcome"] == "failed"


def test_a_failed_run_of_another_repository_is_refused(product: Product) -> None:
    assert product.publish().exit_code == 0
    before = product.published()
    (product.root / ".git/config").open("a").write(
        '[remote "origin"]\n\turl = https://git.example.org/other.git\n'
    )
    product.ran(outcome="failed", problem="There is no room.")
    done = product.publish("--repository", "https://git.example.org/other.git")
    assert done.exit_code == 1 and "belongs to another repository" in done.output
    assert product.published() == before


def test_a_retired_product_keeps_its_page_and_can_come_back(product: Product, net: Network) -> None:
    assert product.publish().exit_code == 0
    net.faults = [BUSY, LOST, None]
    told = {**OUTSIDE, "MESHWRIGHT_CATALOG": net.url, TOKEN: product.token}
    command = [
        "catalog",
        "retire",
        product.id,
        "--reason",
        "Nobody reads it.",
        "--successor",
        f"{DOMAIN}/arrivals",
    ]
    done = CliRunner(env=told).invoke(main, command)
    assert done.exit_code == 0, done.output
    assert net.calls == ["POST"] * 3
    assert f"{product.id} was retired in the catalog: " in done.stdout
    found = Catalog(product.server.url).get(product.id)
    assert found == Retired("Nobody reads it.", f"{DOMAIN}/arrivals")
    assert product.server.get(f"/products/{product.id}").status in (200, 410)
    assert product.id not in [record.id for record in Catalog(product.server.url).records()]
    assert product.publish().exit_code == 0
    assert isinstance(Catalog(product.server.url).get(product.id), Record)


@pytest.mark.parametrize(
    "arguments",
    [["departures", "--reason", "x"], ["../..", "--reason", "x"], ["a/b/c", "--reason", "x"], ["a/..", "--reason", "x"],
     ["a/b", "--reason", " "], ["a/b"], ["a/b", "--reason", "x", "--successor", "c"]],
)  # fmt: skip
def test_what_is_no_product_is_not_retired(arguments: list[str], net: Network) -> None:
    told = {**OUTSIDE, "MESHWRIGHT_CATALOG": net.url, TOKEN: "sesame"}
    done = CliRunner(env=told).invoke(main, ["catalog", "retire", *arguments])
    assert done.exit_code == 2 and net.asked == []


# -- the default branch -------------------------------------------------------------------------------


def refused(product: Product, **environment: str) -> str:
    """What is said on refusing; nothing may have been sent."""
    with network() as net:
        done = product.publish(url=net.url, **environment)
        assert done.exit_code == 1 and net.asked == [], done.output
    return done.stderr


def on_github(
    product: Product, event: str = "push", ref: str = "refs/heads/main", **changes: str
) -> dict[str, str]:
    file = product.root.parent / "event.json"
    file.write_text(json.dumps({"repository": {"default_branch": "main"}}))
    commit = git("rev-parse", "HEAD", cwd=product.root).strip()
    return {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event, "GITHUB_REF": ref, "GITHUB_SHA": commit, "GITHUB_EVENT_PATH": str(file), **changes}  # fmt: skip


def on_gitlab(product: Product, **changes: str) -> dict[str, str]:
    commit = git("rev-parse", "HEAD", cwd=product.root).strip()
    return {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_SHA": commit, **changes}  # fmt: skip


@pytest.mark.parametrize("event", ["push", "schedule", "workflow_dispatch", "repository_dispatch"])
def test_github_publishes_from_the_default_branch(product: Product, event: str) -> None:
    git("switch", "--quiet", "--detach", cwd=product.root)
    changes = {"GITHUB_EVENT_PATH": "/nowhere"} if event == "schedule" else {}
    assert product.publish(**on_github(product, event, **changes)).exit_code == 0
    assert product.published()["source"]["branch"] == "main"


@pytest.mark.parametrize(
    ("event", "ref", "changes", "says"),
    [
        ("pull_request", "refs/pull/7/merge", {}, "pull request"),
        ("pull_request", "refs/heads/main", {}, "pull request"),
        ("pull_request_target", "refs/heads/main", {}, "pull request"),
        ("pull_request_review", "refs/heads/main", {}, "pull request"),
        ("merge_group", "refs/heads/main", {}, "pull request"),
        ("push", "refs/heads/try", {}, "the pipeline of try"),
        ("push", "refs/heads/feature/main", {}, "the pipeline of feature/main"),
        ("push", "refs/tags/main", {}, "is not a branch"),
        ("push", "", {}, "is not a branch"),
        (
            "push",
            "refs/heads/main",
            {"GITHUB_EVENT_PATH": "/nowhere"},
            "does not provide the name of the default branch",
        ),
        ("workflow_run", "refs/heads/main", {"GITHUB_SHA": "0" * 40}, "not the one that this pipeline"),
        ("push", "refs/heads/main", {"GITHUB_SHA": ""}, "not the one that this pipeline"),
    ],
)
def test_github_publishes_from_nothing_else(product: Product, event: str, ref: str, changes: dict[str, str], says: str) -> None:  # fmt: skip
    assert says in refused(product, **on_github(product, event, ref, **changes))


@pytest.mark.parametrize(
    "event", ["", "[]", '{"repository": 7}', '{"repository": {"default_branch": null}}', "[" * 100_000]
)
def test_an_event_that_says_nothing_is_no_permission(product: Product, event: str) -> None:
    environment = on_github(product)
    Path(environment["GITHUB_EVENT_PATH"]).write_text(event)
    assert "does not provide the name of the default branch" in refused(product, **environment)


def test_gitlab_publishes_from_the_default_branch_only(product: Product) -> None:
    git("switch", "--quiet", "--detach", cwd=product.root)
    assert product.publish(**on_gitlab(product)).exit_code == 0
    for changes, says in (
        ({"CI_COMMIT_BRANCH": "try"}, "the pipeline of try"),
        ({"CI_COMMIT_BRANCH": ""}, "not the pipeline of a branch"),
        ({"CI_DEFAULT_BRANCH": ""}, "does not provide the name of the default branch"),
        ({"CI_PIPELINE_SOURCE": "merge_request_event"}, "merge request"),
        ({"CI_PIPELINE_SOURCE": "external_pull_request_event", "CI_COMMIT_BRANCH": "try"}, "try"),
        ({"CI_MERGE_REQUEST_IID": "7"}, "merge request"),
        ({"CI_COMMIT_SHA": "0" * 40}, "not the one that this pipeline"),
    ):
        assert says in refused(product, **on_gitlab(product, **changes))


def elsewhere(product: Product) -> None:
    git("switch", "--quiet", "--create", "try", cwd=product.root)


def detached(product: Product) -> None:
    git("switch", "--quiet", "--detach", cwd=product.root)


def unpushed(product: Product) -> None:
    product.edit("README.md", "# ", "# More of ")
    product.commit()


def unknown(product: Product) -> None:
    git("symbolic-ref", "--delete", "refs/remotes/origin/HEAD", cwd=product.root)


def without_remote_elsewhere(product: Product) -> None:
    git("remote", "remove", "origin", cwd=product.root)
    elsewhere(product)


def edited(product: Product) -> None:
    product.edit("access/policy.yaml", "apiVersion", "# mine\napiVersion")


def edited_and_hidden(product: Product) -> None:
    git("update-index", "--assume-unchanged", "contract.odcs.yaml", cwd=product.root)
    product.edit("contract.odcs.yaml", "kind", "# mine\nkind")


def new(product: Product) -> None:
    (product.root / "access/agreements").mkdir(exist_ok=True)
    (product.root / "access/agreements/mine.yaml").write_text("status: approved\n")


def ignored(product: Product) -> None:
    (product.root / ".git/info").mkdir(exist_ok=True)
    (product.root / ".git/info/exclude").write_text("access/agreements/\n")
    new(product)


def deleted(product: Product) -> None:
    new(product)
    product.commit()
    product.push()
    (product.root / "access/agreements/mine.yaml").unlink()


def a_link(product: Product) -> None:
    file = product.root / "docs/data-sharing-agreement.md"
    file.rename(file.with_name("other.md"))
    file.symlink_to("other.md")


def no_repository(product: Product) -> None:
    shutil.rmtree(product.root / ".git")


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (elsewhere, "try is checked out; the default branch is main"),
        (detached, "No branch is checked out"),
        (unpushed, "not on origin's main yet"),
        (unknown, "git remote set-head origin --auto"),
        (without_remote_elsewhere, "without a remote only main or master"),
        (edited, "Not as committed, or a link: access/policy.yaml"),
        (edited_and_hidden, "Not as committed, or a link: contract.odcs.yaml"),
        (new, "Not as committed, or a link: access/agreements/mine.yaml"),
        (ignored, "Not as committed, or a link: access/agreements/mine.yaml"),
        (deleted, "Not as committed, or a link: access/agreements/mine.yaml"),
        (a_link, "Not as committed, or a link: docs/data-sharing-agreement.md"),
        (no_repository, "not the root of a git repository"),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
def test_only_what_is_merged_is_published(
    product: Product, state: Callable[[Product], None], says: str
) -> None:
    state(product)
    assert says in refused(product)


def test_edits_of_other_files_do_not_matter(product: Product) -> None:
    product.edit("README.md", "# ", "# More of ")
    (product.root / "access/agreements").mkdir(exist_ok=True)
    (product.root / "access/agreements/notes.txt").write_text("mine")
    assert product.publish().exit_code == 0


def test_a_default_branch_of_another_name_is_known_from_the_remote(product: Product) -> None:
    git("branch", "--move", "trunk", cwd=product.root)
    assert "trunk is checked out; the default branch is main" in refused(product)
    git("update-ref", "refs/remotes/origin/trunk", "HEAD", cwd=product.root)
    git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk", cwd=product.root)
    assert product.publish().exit_code == 0


def test_without_a_remote_main_will_do_if_the_address_is_given(product: Product) -> None:
    git("remote", "remove", "origin", cwd=product.root)
    done = product.publish()
    assert done.exit_code == 2 and "--repository URL" in done.stderr
    done = product.publish("--repository", "https://ada:hidden-2@git.example.org/x.git", HIDDEN="hidden-2")
    assert done.exit_code == 0, done.output
    assert product.published()["source"]["repository"] == "https://git.example.org/x.git"


# -- the client -----------------------------------------------------------------------------------------


def test_every_record_is_read_page_by_page(
    product: Product, net: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    from records import value

    from meshwright.mesh import catalog_client as client

    for number in range(5):
        assert product.server.put(value(f"paging/p{number}")).status == 201
    monkeypatch.setattr(client, "PAGE", 2)
    net.faults = [None, RESET, HALF]
    found = [record.id for record in records([net.url]) if record.domain == "paging"]
    assert found == [f"paging/p{number}" for number in range(5)]
    assert Catalog(net.url).search("departures", limit=3, domain="paging")[0]["domain"] == "paging"
    assert len(Catalog(net.url).search("departures", limit=3, domain="paging")) == 3
    assert Catalog(net.url).get("paging/unknown") is None


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"records": 7},
        {"records": [{"record": 1}]},
        {"records": [], "next": ""},
        {"records": [], "next": 7},
        [],
    ],
    ids=str,
)
def test_pages_that_are_none_end_at_once(net: Network, page: Any) -> None:
    net.faults = [Say(200, page)]
    with pytest.raises(Unreadable, match=r"not (one of Meshwright's catalog|a JSON object)"):
        Catalog(net.url).records()


def test_pages_that_are_too_large_are_asked_for_in_smaller_ones(product: Product, net: Network, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    from records import value

    for number in range(3):
        product.server.put(value(f"large/p{number}", agreement="x" * 100_000))
    catalog = Catalog(net.url)
    monkeypatch.setattr(catalog._http, "_most", 150_000)
    found = [record.id for record in catalog.records() if record.domain == "large"]
    assert found == [f"large/p{number}" for number in range(3)]


@pytest.mark.parametrize("name", ["embedded", *adapters.names()])
def test_every_kind_of_catalog_has_its_adapter(name: str) -> None:
    found: Adapter = adapter(name)
    assert name == found.NAME
    assert all(callable(getattr(found, verb)) for verb in ("payloads", "publish", "retire"))


def test_settings_from_the_environment_are_taken_as_a_shell_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_CATALOG_SETTINGS", "community='Data mesh' domain=Products")
    given = next(option for option in command.publish.params if option.name == "settings")
    assert given.value_from_envvar(click.Context(command.publish)) == [
        "community=Data mesh",
        "domain=Products",
    ]


def test_a_file_for_a_catalog_that_fetches_it_is_written_on_any_branch(product: Product) -> None:
    elsewhere(product)
    done = product.publish("--to", "backstage", url=str(product.root))
    assert done.exit_code == 0, done.output
    assert product.id.partition("/")[2] in (product.root / "catalog-info.yaml").read_text()
    assert product.publish().exit_code == 1  # what is sent may not come from there


# -- the product's own pipeline -------------------------------------------------------------------------

UVX = f"""#!/bin/bash
[ "$1" = --from ] && [[ "$2" == "meshwright[access,catalog,draft] @ git+"* ]] || exit 99
shift 2
exec {Path(sys.executable).parent}/"$@"
"""


def script(product: Product, job: str, name: str) -> str:
    workflow = yaml.safe_load((product.root / ".github/workflows/pipeline.yml").read_text())
    return next(step["run"] for step in workflow["jobs"][job]["steps"] if step.get("name") == name)


def bash(text: str, root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    told = {"PATH": f"{root.parent}:{os.environ['PATH']}", "HOME": str(root.parent), **environment}
    return subprocess.run(["bash", "-e", "-c", text], cwd=root, env=told, capture_output=True, text=True)


def test_the_pipeline_publishes_what_its_own_run_measured(product: Product) -> None:
    output = product.root.parent / "output"
    product.ran(fresh=3.0, checks=[{"name": f"check {number}", "result": "passed"} for number in range(5000)])
    done = bash(
        script(product, "run", "Keep what the run tells of itself"), product.root, GITHUB_OUTPUT=str(output)
    )
    assert done.returncode == 0, done.stderr
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert set(outputs) == {"run", "slis", "addresses"} and len(outputs["run"]) < 100_000
    assert json.loads(gzip.decompress(base64.b64decode(outputs["run"])))["rowsOut"] == 7
    shutil.rmtree(product.root / "build")  # another job, another machine
    (product.root.parent / "uvx").write_text(UVX)
    (product.root.parent / "uvx").chmod(0o755)
    told = {name.upper(): said for name, said in outputs.items()} | on_github(product, "schedule")
    told |= {"MESHWRIGHT_CATALOG": product.server.url, TOKEN: product.token, "MESHWRIGHT_CATALOG_KIND": "", "MESHWRIGHT_CATALOG_SETTINGS": ""}  # fmt: skip
    done = bash(script(product, "catalog", "Publish"), product.root, **told)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("::stop-commands::") and lines[-1] == f"::{lines[0].rpartition('::')[2]}::"
    assert product.token not in done.stdout + done.stderr
    assert product.published()["measurement"]["serviceLevels"][0]["value"] == 3.0
    assert product.published()["quality"]["checks"] == 5000
    done = bash(
        script(product, "catalog", "Publish"), product.root, **told | {"GITHUB_EVENT_NAME": "pull_request"}
    )
    assert done.returncode == 1 and "pull request" in done.stderr


def test_the_token_is_in_one_step_of_one_job_of_the_default_branch(product: Product) -> None:
    workflow = yaml.safe_load((product.root / ".github/workflows/pipeline.yml").read_text())
    with_token = [
        (name, step["name"])
        for name, job in workflow["jobs"].items()
        for step in job.get("steps", [])
        if TOKEN in str(step.get("env"))
    ]
    assert with_token == [("catalog", "Publish")]
    job = workflow["jobs"]["catalog"]
    assert job["needs"] == ["run", "access"] and job["environment"] == "catalog"
    assert job["if"].startswith("${{ !cancelled() && vars.MESHWRIGHT_CATALOG && (")
    assert "github.event.repository.default_branch" in job["if"]
