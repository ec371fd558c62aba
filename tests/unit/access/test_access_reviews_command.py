"""`meshwright access` where approvers review: granted with evidence, asked again, and ended with the forge away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from click.testing import CliRunner, Result
from forge_server import TOKEN, ForgeServer, Pull
from reviewed import LOGINS, approvers
from signed import APPROVERS, People, Repository

from meshwright.cli import main

Make = Callable[..., Path]
SOON = f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}"
AGREEMENT = "access/agreements/{}.yaml"


class ReviewedProduct:
    """A product with one Parquet port, whose approvers Ada and Sam review on a forge."""

    def __init__(self, root: Path, forge: ForgeServer, people: People) -> None:
        self.root, self.forge = root, forge
        self.repository = Repository(root, people)
        self.repository.git("init", "--quiet", "--initial-branch", "main", "--template=")
        self.hosted = forge.host("example/departures", self.repository)
        self.hosted.emails = {f"{name}@example.org": login for name, (_, login) in LOGINS.items()}
        text = approvers(self.hosted.url, "ada", "sam")
        self.repository.commit("As it was made", {APPROVERS: text}, by="ada")
        self._publish()

    def run(self, *arguments: str, token: str = TOKEN) -> Result:
        environment = {"MESHWRIGHT_DIRECTORY": "", "PIPELINE_VARIABLES": "", "MESHWRIGHT_FORGE_TOKEN": token}
        done = CliRunner().invoke(main, ["access", *arguments, "--product", str(self.root)], env=environment)
        assert TOKEN not in done.output
        return done

    def __call__(self, *arguments: str, code: int = 0, token: str = TOKEN) -> str:
        done = self.run(*arguments, token=token)
        assert done.exit_code == code, done.output + repr(done.exception)
        return done.stdout or done.stderr

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--format", "json", code=code))

    def apply(self, code: int = 0) -> Any:
        first = [] if self.records() else ["--first"]
        return self.json("apply", *first, "--directory", str(self.root / "access/directory.yaml"), code=code)

    def ask(self, name: str, principal: str = "group:analysts", author: str = "bo") -> Pull:
        self.repository.git("switch", "--quiet", "-C", name, "main")
        options = {"role": "reader", "principal": principal, "for": "Why flights are late", "until": SOON, "team": "operations", "requester": "bo@example.org"}  # fmt: skip
        printed = self(
            "request", name, *(part for key, value in options.items() for part in (f"--{key}", value))
        )
        assert "An approver of the product then approves the pull request" in printed
        self.repository.commit(f"Ask for {name}", {}, by=author)
        return self.hosted.open(author, name)

    def land(self, pull: Pull, *reviewers: str) -> None:
        for reviewer in reviewers:
            self.hosted.review(pull, LOGINS[reviewer][1])
        self.hosted.merge(pull)

    def records(self) -> list[dict[str, Any]]:
        file = self.root / "build/ports/lake/roles/audit.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def _publish(self) -> None:
        """What a run of the pipeline leaves on the port."""
        lake = self.root / "build/ports/lake"
        lake.mkdir(parents=True, exist_ok=True)
        columns = yaml.safe_load((self.root / "contract.odcs.yaml").read_text())["schema"][0]["properties"]
        kinds = {"timestamp": "timestamp", "integer": "integer", "boolean": "boolean"}
        values = ", ".join(
            f'null::{kinds.get(one["logicalType"], "varchar")} as "{one["name"]}"' for one in columns
        )
        duckdb.sql(f"select {values}").write_parquet(str(lake / "departures.parquet"))


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def running() -> Iterator[ForgeServer]:
    with ForgeServer() as forge:
        yield forge


@pytest.fixture
def product(make: Make, running: ForgeServer, people: People, tmp_path: Path) -> ReviewedProduct:
    running.reset()
    return ReviewedProduct(
        Path(shutil.copytree(make("departures"), tmp_path / "departures")), running, people
    )


def changes(applied: Any) -> set[tuple[str, str]]:
    return {
        (change["action"], change["principal"])
        for change in applied["ports"][0]["changes"]
        if change["principal"]
    }


def away(target: str) -> tuple[int, dict[str, str], bytes]:
    return 401, {"Content-Type": "application/json"}, b'{"message": "Bad credentials"}'


def test_from_a_pull_request_to_a_grant_and_back(product: ReviewedProduct) -> None:
    pull = product.ask("delays")
    product.land(pull, "ada")
    assert changes(product.apply()) == {("grant", "bo@example.org"), ("grant", "cy@example.org")}
    record = product.records()[-1]
    assert record["agreements"]["delays"]["evidence"] == "review"
    assert record["agreements"]["delays"]["openedBy"] == "bo (pull request 1)"
    review = record["reviews"][0]
    assert (review["pull"], review["author"], review["repository_id"]) == (1, "bo", product.hosted.id)
    assert [one["login"] for one in review["reviews"]] == ["Ada"]
    assert (review["head"], review["rules"]) == (pull.head, "ruleset 7")
    assert "nothing else" in product("verify", "--directory", str(product.root / "access/directory.yaml"))

    pull.reviews[0].state = "DISMISSED"
    assert changes(product.apply()) == {("revoke", "bo@example.org"), ("revoke", "cy@example.org")}


def test_with_the_forge_away_nothing_new_is_granted_and_ends_still_happen(product: ReviewedProduct) -> None:
    product.land(product.ask("delays", "id:cy@example.org"), "ada")
    product.land(product.ask("other", "id:ada@example.org"), "sam", "ada")
    product.land(product.ask("stays", "id:bo@example.org"), "ada")
    product.apply()
    product.land(product.ask("new", "id:cy@example.org"), "ada")
    product.repository.switch("main")
    product.repository.commit("It has ended", {AGREEMENT.format("delays"): None})
    product.forge.hostile = away
    applied = product.apply(code=1)
    assert changes(applied) == {("revoke", "cy@example.org")}
    verdicts = {one["id"]: (one["counts"], one["refused"]) for one in applied["agreements"]}
    assert verdicts["stays"] == (True, [])
    assert "no earlier run has recorded that" in verdicts["new"][1][0]
    assert "nothing new is granted" in applied["problems"][-1]
    assert "MESHWRIGHT_FORGE_TOKEN" in applied["problems"][-1]
    product.forge.hostile = lambda _: None
    assert changes(product.apply()) == {("grant", "cy@example.org")}


def test_with_the_forge_away_from_the_start_nothing_happens(product: ReviewedProduct) -> None:
    product.land(product.ask("delays"), "ada")
    directory = str(product.root / "access/directory.yaml")
    refused = product.run("apply", "--directory", directory, token="")
    assert refused.exit_code == 1
    assert "MESHWRIGHT_FORGE_TOKEN is not set" in refused.stderr and "fix: Set" in refused.stderr
    assert product.records() == []


def test_a_record_that_somebody_made_up_on_a_port_of_their_own_brings_nothing_into_force(
    product: ReviewedProduct,
) -> None:
    product.apply()
    product.land(product.ask("delays"))
    spec = (product.root / "data-product.yaml").read_text()
    moved = product.repository
    moved.commit("Move", {"data-product.yaml": spec.replace("build/ports/lake", "build/ports/mine")})
    product.land(product.hosted.open("bo", "main", base="main"))
    roles = product.root / "build/ports/mine/roles"
    roles.mkdir(parents=True)
    shutil.copy(product.root / "build/ports/lake/roles/audit.jsonl", roles)
    product.forge.hostile = away
    applied = product.apply(code=1)
    (verdict,) = applied["agreements"]
    assert "no earlier run has recorded that" in verdict["refused"][0]
    assert changes(applied) == set()
    assert not (roles / "reader").exists()
    assert product.records()[-1]["commit"] == product.repository.git("rev-parse", "HEAD")


def test_another_repository_at_the_address_is_an_alarm(product: ReviewedProduct) -> None:
    product.land(product.ask("delays"), "ada")
    product.apply()
    product.hosted.id = 4711
    refused = product.apply(code=1)["ports"][0]["refused"]
    assert "and is now 4711: somebody put another one in its place" in refused["problem"]
    assert "--confirm" in refused["fix"]


def test_a_plan_of_a_pull_request_asks_no_forge(product: ReviewedProduct) -> None:
    pull = product.ask("delays")
    product.hosted.merge(pull)
    planned = product("plan", "--against", "HEAD^1", token="")
    assert "group:analysts may read as reader" in planned
    assert product.forge.requests == []


def test_roles_that_see_more_than_reviews_open_need_a_signature(product: ReviewedProduct) -> None:
    policy = (product.root / "access/policy.yaml").read_text()
    product.repository.commit("Root", {"access/policy.yaml": policy.replace("[public, internal]", "[public, internal, confidential]", 1)})  # fmt: skip
    product.land(product.ask("delays"), "ada")
    applied = product.apply(code=1)
    assert "access/policy.yaml: Its last change does not count" in applied["problems"][0]


@pytest.mark.parametrize(("was", "effective"), [("confidential", "confidential"), ("internal", "public")])
def test_no_review_lowers_what_only_signatures_open(
    product: ReviewedProduct, was: str, effective: str
) -> None:
    contract = (product.root / "contract.odcs.yaml").read_text()
    start, _, rest = contract.partition("name: tail_number")
    first, _, others = rest.partition("classification: ")
    _, _, end = others.partition("\n")

    def with_level(name: str) -> dict[str, str | None]:
        return {"contract.odcs.yaml": f"{start}name: tail_number{first}classification: {name}\n{end}"}

    product.repository.git("switch", "--quiet", "-C", "raise", "main")
    product.repository.commit("Raise", with_level(was), by="bo")
    product.land(product.hosted.open("bo", "raise"), "ada")
    product.repository.git("switch", "--quiet", "-C", "lower", "main")
    product.repository.commit("Lower", with_level("public"), by="bo")
    product.land(product.hosted.open("bo", "lower"), "ada")
    problems = product.json("plan", code=0 if effective == "public" else 1)["problems"]
    explained = product.json("explain", "bo@example.org", "tail_number", code=1)
    assert explained["classification"] == effective
    assert any("Nobody authorised that tail_number is public" in one for one in problems) == (
        effective != "public"
    )


@pytest.mark.parametrize("lost", ["dismissed", "weakened"])
def test_what_a_review_narrowed_stays_narrow_when_the_review_is_lost(
    product: ReviewedProduct, lost: str
) -> None:
    policy = (product.root / "access/policy.yaml").read_text()
    assert policy.count("[public, internal]") == 2
    product.repository.git("switch", "--quiet", "-C", "narrow", "main")
    product.repository.commit(
        "Narrow", {"access/policy.yaml": policy.replace("[public, internal]", "[public]")}
    )
    narrowing = product.hosted.open("bo", "narrow")
    tests = (product.root / "access/tests.yaml").read_text()
    product.land(narrowing, "ada")
    product.repository.git("switch", "--quiet", "main")
    product.repository.git("switch", "--quiet", "-C", "tests", "main")
    product.repository.commit(
        "Expect less", {"access/tests.yaml": tests.replace("sees: clear", "sees: masked")}
    )
    product.land(product.hosted.open("bo", "tests"), "ada")
    product.land(product.ask("delays"), "ada")
    product.apply()
    if lost == "dismissed":
        narrowing.reviews[0].state = "DISMISSED"
    else:
        product.hosted.rulesets = []
    applied = product.apply(code=1)
    assert any(
        "access/policy.yaml: The change of" in one and "recorded it" in one for one in applied["problems"]
    )
    explained = product.json("explain", "bo@example.org", "tail_number", code=0 if lost == "dismissed" else 1)
    assert explained["sees"] == ("masked" if lost == "dismissed" else "nothing")
