"""A life of sharing on a git server, by the commands that are printed, counted in the steps of each person."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml
from checkout import ROOT
from git_http import git_server
from products import Make
from signed import APPROVERS, People

BIN = Path(sys.executable).parent
LAKE = "build/ports/lake"
MOST = {
    "ask": {"consumer": 3},
    "approve": {"owner": 4, "forge": 1},
    "renew": {"consumer": 3, "owner": 4, "forge": 1},
    "review": {"owner": 3},
    "end": {"owner": 3},
}
"""Part of the life -> the steps of each person: a command, or a click on the forge."""


def test_the_guide_lists_the_same_steps() -> None:
    text = (ROOT / "docs/how-to/share-data.md").read_text("utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]  # fmt: skip
    people = ("consumer", "owner", "forge")
    listed = {
        part: {who: int(steps) for who, steps in zip(people, cells, strict=True) if steps}
        for part, *cells in rows
        if part in MOST
    }
    assert listed == MOST


class Person:
    """Somebody with a clone of their own, an identity and a key."""

    def __init__(self, life: Life, role: str, name: str) -> None:
        self.life, self.role, self.name = life, role, name
        self.clone = life.folder / role
        self.home = life.folder / f"home-{role}"
        self.home.mkdir()
        life.run(["git", "clone", "--quiet", life.address, str(self.clone)], life.folder, self.home)
        settings = {
            "user.name": f"{name.title()} Example",
            "user.email": f"{name}@example.org",
            "gpg.format": "ssh",
            "user.signingKey": str(life.people.make(name).with_suffix(".pub")),
        }
        for key, value in settings.items():
            life.run(["git", "config", key, value], self.clone, self.home)

    def does(self, command: str, code: int = 0) -> str:
        """Runs one line as they would type it, and counts it."""
        self.life.steps[self.role] += 1
        return self.quietly(command, code)

    def quietly(self, command: str, code: int = 0) -> str:
        return self.life.run(["bash", "-ec", command], self.clone, self.home, code)

    def follows(self, printed: str) -> str:
        """Runs each line that was printed as a command; returns what the last one printed."""
        lines = [line.strip() for line in printed.splitlines() if line.startswith("  ")]
        assert lines, printed
        return [self.does(line) for line in lines][-1]


class Life:
    """A product on a git server, and what people do there."""

    def __init__(self, folder: Path, people: People, address: str) -> None:
        self.folder, self.people, self.address = folder, people, address
        self.steps: Counter[str] = Counter()

    def run(self, command: list[str], folder: Path, home: Path, code: int = 0) -> str:
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "MESHWRIGHT_"))
        }
        own = {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "MESHWRIGHT_DIRECTORY": "access/directory.yaml",
        }
        done = subprocess.run(command, cwd=folder, env=kept | own, capture_output=True, text=True)
        assert done.returncode == code, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def took(self, part: str) -> None:
        """Holds the steps since the last part against those that the guide lists."""
        assert dict(self.steps) == MOST[part]
        self.steps.clear()


def merges(life: Life, forge: Person, branch: str) -> None:
    """What the forge does when somebody presses the button."""
    life.steps["forge"] += 1
    forge.quietly("git fetch --quiet && git switch --quiet main && git reset --quiet --hard origin/main")
    forge.quietly(f"git merge --quiet --no-ff -m 'Merge {branch}' origin/{branch} && git push --quiet")


def applies(machine: Person, *options: str, code: int = 0) -> str:
    """What CI does after each merge: no step of anybody."""
    machine.quietly("git fetch --quiet && git switch --quiet main && git reset --quiet --hard origin/main")
    return machine.quietly(f"meshwright access apply {' '.join(options)}", code)


def approves(owner: Person, name: str, branch: str) -> None:
    owner.does(f"git fetch --quiet && git switch --quiet {branch}")
    owner.follows(owner.does(f"meshwright access approve {name}"))
    owner.does("git push --quiet")


def shown(machine: Person) -> set[str]:
    """Who the port's file lets read."""
    return {one["principal"] for one in yaml.safe_load((machine.clone / LAKE / "roles/access.json").read_text())["members"]}  # fmt: skip


@pytest.fixture
def life(make: Make, tmp_path: Path) -> Iterator[Life]:
    """A product with one approver and one Parquet port, on its server."""
    people = People(tmp_path)
    born = Path(shutil.copytree(make("shared"), tmp_path / "server/departures"))
    (born / APPROVERS).write_text(people.approvers("ada"))
    policy = yaml.safe_load((born / "access/policy.yaml").read_text())
    policy["roles"]["reader"] |= {"reviewDays": 90}
    (born / "access/policy.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))
    bare = tmp_path / "server/departures.git"
    with git_server(tmp_path / "server", "x", "y") as address:
        life = Life(tmp_path, people, f"{address.replace('://', '://x:y@')}/departures.git")
        settings = "-c user.name=Ada -c user.email=ada@example.org -c commit.gpgSign=false"
        life.run(["bash", "-ec", f"git init -q -b main . && git add . && git {settings} commit -qm Born && git clone -q --bare . {bare} && git -C {bare} config http.receivepack true"], born, tmp_path)  # fmt: skip
        yield life


def publishes(machine: Person) -> None:
    """What a run of the pipeline leaves on the port."""
    columns = yaml.safe_load((machine.clone / "contract.odcs.yaml").read_text())["schema"][0]["properties"]
    kinds = {"timestamp": "timestamp", "integer": "integer", "boolean": "boolean"}
    values = ", ".join(f'null::{kinds.get(one["logicalType"], "varchar")} as "{one["name"]}"' for one in columns)  # fmt: skip
    (machine.clone / LAKE).mkdir(parents=True)
    duckdb.sql(f"select {values}").write_parquet(str(machine.clone / LAKE / "departures.parquet"))


def asks(consumer: Person, command: str) -> str:
    """Runs a command that writes a request, and what it prints for a pull request; returns the request's name."""
    printed = consumer.does(f"meshwright access {command}")
    consumer.follows("\n".join(line for line in printed.splitlines() if "approve" not in line))
    return consumer.quietly("git branch --show-current").strip().removeprefix("access/")


def in_days(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


REQUEST = (
    "request delays --role reader --principal id:bo@example.org --team operations --requester bo@example.org"
)


@pytest.mark.beyond
def test_from_asking_to_the_end_on_a_git_server(life: Life) -> None:
    consumer, owner = Person(life, "consumer", "bo"), Person(life, "owner", "ada")
    forge, machine = Person(life, "forge", "dan"), Person(life, "ci", "sam")
    publishes(machine)
    applies(machine, "--first")

    assert asks(consumer, f"{REQUEST} --for 'Why flights are late' --until {in_days(40)}") == "delays"
    life.took("ask")
    assert "It is requested" in consumer.quietly("meshwright access plan --against origin/main")

    approves(owner, "delays", "access/delays")
    merges(life, forge, "access/delays")
    life.took("approve")
    applies(machine)
    assert shown(machine) == {"bo@example.org"}

    consumer.quietly("git switch --quiet main && git pull --quiet")
    renewal = asks(consumer, f"renew delays --until {in_days(80)}")
    approves(owner, renewal, f"access/{renewal}")
    merges(life, forge, f"access/{renewal}")
    life.took("renew")
    applies(machine)
    assert shown(machine) == {"bo@example.org"}

    owner.quietly("git switch --quiet main && git pull --quiet")
    owner.follows(owner.does(f"meshwright access review {renewal}"))
    owner.does("git push --quiet")
    life.took("review")
    applies(machine)
    assert "bo@example.org" in machine.quietly("meshwright access report")

    owner.does(f"git rm --quiet access/agreements/delays.yaml access/agreements/{renewal}.yaml")
    owner.does("git commit --quiet -m 'End the agreement'")
    owner.does("git push --quiet")
    life.took("end")
    applies(machine)
    assert shown(machine) == set()
