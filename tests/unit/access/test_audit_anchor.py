"""The anchors of audit chains, on a remote and in the clone: taken back, unreadable, written by several runs at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from chain_case import BO, ChainCase, InFolder, chained
from signed import People

Make = Callable[..., Path]
BRANCH = "meshwright/access"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def fresh(make: Make) -> Path:
    return make("departures")


@pytest.fixture(scope="module")
def begun(fresh: Path, people: People, tmp_path_factory: pytest.TempPathFactory) -> ChainCase:
    """A product that was pushed, with a port on a share; its agreement has ended, in the last three of four runs."""
    folder = tmp_path_factory.mktemp("begun") / "now"
    case = ChainCase(Path(shutil.copytree(fresh, folder / "departures")), people, InFolder(folder / "share"))
    case.add_origin()
    case.share()
    case.repository.git("tag", "old")
    case("apply", "--first")
    case.repository.commit("End it", {"access/agreements/delays.yaml": None}, by="bo")
    for _ in range(3):
        case("apply")
    assert case.keeper.readers() == set()
    shutil.copytree(folder, folder.with_name("as it was"), symlinks=True)
    return case


@pytest.fixture
def case(begun: ChainCase) -> ChainCase:
    """The same, as it was: at its place, because records and anchors name it."""
    folder = begun.root.parent
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name("as it was"), folder, symlinks=True)
    return begun


def origin(case: ChainCase, *arguments: str) -> str:
    return case.repository.git(f"--git-dir={case.root.parent / 'origin.git'}", *arguments)


def forget(case: ChainCase) -> None:
    """As a fresh clone, which remembers nothing of the branch."""
    case.repository.git("update-ref", "-d", "refs/meshwright/origin-access")


def anchors(case: ChainCase) -> dict[str, Any]:
    """Name of a file -> what it says."""
    names = origin(case, "ls-tree", "--name-only", BRANCH).splitlines()
    return {name: json.loads(origin(case, "cat-file", "blob", f"{BRANCH}:{name}")) for name in names}


def on_old_commit(case: ChainCase) -> str:
    """What a run on the old commit refuses; nobody reads by it."""
    case.repository.git("checkout", "--quiet", "old")
    refused = case.refusal()
    case.repository.git("checkout", "--quiet", "main")
    assert case.keeper.readers() == set()
    return refused


@pytest.mark.slow
def test_a_branch_that_was_taken_back_is_an_alarm(case: ChainCase) -> None:
    newest = origin(case, "rev-parse", BRANCH)
    takes_back: dict[str, tuple[str, ...]] = {
        "followed the commit": ("update-ref", "-d", f"refs/heads/{BRANCH}"),
        "which is not on the branch": ("update-ref", f"refs/heads/{BRANCH}", f"{newest}~2"),
    }
    for sentence, command in takes_back.items():
        forget(case)
        origin(case, *command)
        assert sentence in on_old_commit(case)
        assert sentence in " ".join(case.port("verify", code=1)["differences"])
        assert "--first" not in case.refusal()
        origin(case, "update-ref", f"refs/heads/{BRANCH}", newest)
    case("verify")
    origin(case, "update-ref", f"refs/heads/{BRANCH}", f"{newest}~1")  # this clone has seen more
    refused = case.refusal()
    assert f"The commit {newest[:9]} is gone from the branch {BRANCH} of origin" in refused
    assert "what has been revoked since would come back" in on_old_commit(case)
    case.run_as_printed(refused, code=1)  # the record whose anchor was taken away is listed
    case("verify")
    case("apply")


@pytest.mark.slow
def test_a_branch_that_was_taken_back_by_one_run_grants_nothing(case: ChainCase) -> None:
    forget(case)
    origin(case, "update-ref", f"refs/heads/{BRANCH}", f"{BRANCH}~1")
    assert "what has been revoked since would come back" in on_old_commit(case)
    (notice,) = case.port("apply", code=1)["differences"]
    assert notice.startswith("Audit record 4 (") and "is not anchored" in notice
    case("verify")


@pytest.mark.slow
def test_records_that_the_storages_owner_adds_grant_nothing_and_are_listed(case: ChainCase) -> None:
    records = case.keeper.read()
    old = case.repository.git("rev-parse", "old")
    case.keeper.write(chained([*records, {**records[-1], "commit": old, "by": "mallory"}]))
    assert "what has been revoked since would come back" in on_old_commit(case)
    (difference,) = case.port("verify", code=1)["differences"]
    assert "Audit record 5 (" in difference and "by mallory" in difference and "is not anchored" in difference
    foreign = {key: records[-1][key] for key in ("product", "port", "at", "by")}
    case.keeper.write(chained([*records, foreign]))
    assert "what has been revoked since would come back" in on_old_commit(case)
    assert "Audit record 5 of port lake was written by no run." in case.refusal()


@pytest.mark.slow
def test_without_the_remote_nothing_changes(case: ChainCase) -> None:
    place = case.root.parent / "origin.git"
    place.rename(place.with_name("away.git"))
    for verb in ("apply", "verify", "plan"):
        refused = case.port(verb, code=1)["refused"]
        assert (
            f"The branch {BRANCH} of origin" in refused["problem"] and "cannot be read" in refused["problem"]
        )
        assert refused["fix"] == f"Run where `git ls-remote origin {BRANCH}` works."
    assert [record["number"] for record in case.keeper.read()] == [1, 2, 3, 4]
    place.with_name("away.git").rename(place)
    case("apply")


@pytest.mark.slow
@pytest.mark.parametrize("branch", ["meshwright", "meshwright/access/notes"])
def test_a_branch_in_the_way_of_the_anchors_is_named_before_anything_is_granted(
    fresh: Path, people: People, tmp_path: Path, branch: str
) -> None:
    root = Path(shutil.copytree(fresh, tmp_path / "departures"))
    case = ChainCase(root, people, InFolder(tmp_path / "share"))
    case.add_origin()
    case.share()
    case.repository.git("push", "--quiet", "origin", f"main:refs/heads/{branch}")
    newest = origin(case, "rev-parse", branch)
    for verb, *options in (("plan",), ("apply", "--first"), ("verify",)):
        refused = case.port(verb, *options, code=1)["refused"]
        assert f"The branch {branch} of origin is in the way of the branch {BRANCH}" in refused["problem"]
    assert not (tmp_path / "share/roles").exists()  # neither grants nor records
    command = refused["fix"].split("`")[1]
    subprocess.run(["sh", "-c", command], check=True, cwd=root, capture_output=True)
    case("apply", "--first")
    case("verify")
    assert case.keeper.readers() != set()
    assert origin(case, "rev-parse", f"{branch.replace('/', '-')}-renamed") == newest


@pytest.mark.slow
def test_an_anchor_that_could_not_be_pushed_is_red_until_it_is(case: ChainCase) -> None:
    lock = case.root.parent / "origin.git/refs/heads/meshwright/access.lock"
    lock.write_text("")  # whatever keeps it from being written
    told = case.port("apply", code=1)
    assert told["record"]["number"] == 5 and told["refused"] is None
    assert "What is listed here was done, and audit record 5 (" in told["differences"][0]
    (difference,) = case.port("verify", code=1)["differences"]
    assert "Audit record 5 (" in difference and "is not anchored" in difference
    lock.unlink()
    case.run_as_printed(told["differences"][0], code=1)  # once more, because record 5 is listed
    case("verify")
    case("apply")


@pytest.mark.slow
def test_the_first_run_after_an_update_goes_on_from_the_records(case: ChainCase) -> None:
    origin(case, "update-ref", "-d", f"refs/heads/{BRANCH}")
    forget(case)
    records = [
        {key: value for key, value in record.items() if key != "anchor"} for record in case.keeper.read()
    ]
    case.keeper.write(chained(records))
    refused = case.refusal()
    assert "Port lake has audit records at " in refused and "The newest record is number 4" in refused
    assert "as after an update from Meshwright 0.2" in " ".join(case.port("plan", code=1)["differences"])
    case.run_as_printed(refused)
    case("verify")
    assert [record["number"] for record in case.keeper.read()] == [1, 2, 3, 4, 5]


@pytest.mark.slow
def test_a_port_that_moved_is_a_new_chain_that_is_named(case: ChainCase) -> None:
    spec = (case.root / "data-product.yaml").read_text()
    moved = case.root.parent / "moved"
    InFolder(moved).publish(case.columns())
    text = spec.replace(str(case.root.parent / "share"), str(moved))
    case.repository.commit("Move", {"data-product.yaml": text}, signed="ada")
    refused = case.refusal()
    assert f"This is the first run on port lake at {moved}" in refused
    assert f"It was at {case.root.parent / 'share'} (audit record 4, " in refused
    case.run_as_printed(refused)
    assert {anchor["address"]: anchor["number"] for anchor in anchors(case).values()} == {
        str(case.root.parent / "share"): 4,
        str(moved): 1,
    }


@pytest.mark.slow
@pytest.mark.parametrize("content", ["[", "{}", '{"number": "4"}'])
def test_an_anchor_that_is_none_is_an_alarm(case: ChainCase, content: str) -> None:
    (name,) = anchors(case)
    clone = case.root.parent / "clone"
    case.repository.git(
        "clone", "--quiet", "--branch", BRANCH, str(case.root.parent / "origin.git"), str(clone)
    )
    (clone / name).write_text(content)
    case.repository.git("-C", str(clone), "commit", "--quiet", "--all", "--message", "Anything")
    case.repository.git("-C", str(clone), "push", "--quiet")
    refused = case.refusal()
    assert "The anchor of port lake on the branch meshwright/access of origin cannot be read" in refused
    assert "what has been revoked since would come back" in on_old_commit(case)
    case.run_as_printed(refused)
    case("verify")


@pytest.mark.slow
def test_no_hook_runs_and_neither_work_tree_nor_index_changes(case: ChainCase) -> None:
    hooks = case.root / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-push", "reference-transaction", "pre-commit", "post-commit"):
        (hooks / name).write_text(f"#!/bin/sh\necho ran >> {case.root.parent}/ran\n")
        (hooks / name).chmod(0o755)
    index = (case.root / ".git/index").read_bytes()
    case("apply")
    case("verify")
    assert not (case.root.parent / "ran").exists()
    assert (case.root / ".git/index").read_bytes() == index
    assert not case.repository.git("-c", f"core.hooksPath={case.root}", "status", "--porcelain")


@pytest.mark.slow
def test_a_worktree_and_a_fresh_clone_know_the_same_anchor(case: ChainCase) -> None:
    newest = case.keeper.read()[-1]
    for place in ("worktree", "clone"):
        folder = case.root.parent / place
        source = str(case.root.parent / "origin.git")
        case.repository.git("push", "--quiet", "origin", "main")
        made = (
            ("worktree", "add", "--quiet", "--detach", str(folder))
            if place == "worktree"
            else ("clone", "--quiet", "--branch", "main", source, str(folder))
        )
        case.repository.git(*made)
        case.root, before = folder, case.root
        case.keeper.write(case.keeper.read()[:-1])
        assert "1 record is lost" in case.refusal()
        case.keeper.write([*case.keeper.read(), newest])
        case("verify")
        case.root = before


APPLY = "import sys; from meshwright.cli import main; main(sys.argv[1:])"


@pytest.mark.slow
def test_runs_at_once_leave_one_chain_and_its_anchor(case: ChainCase) -> None:
    """Each run ends well, or says that another one came between and is run again."""
    options = ("access", "apply", "--directory", str(case.directory), "--product", str(case.root))

    def run(_: int) -> int:
        for again in range(40):
            done = subprocess.run(
                [sys.executable, "-c", APPLY, *options],
                capture_output=True,
                text=True,
                env=case.environment(),
            )
            if done.returncode == 0:
                return again
            assert "Another run " in done.stdout, done.stdout + done.stderr
        raise AssertionError("It never came to an end.")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    assert [record["number"] for record in case.keeper.read()] == list(range(1, 9))
    (anchor,) = anchors(case).values()
    assert anchor["number"] == 8 and anchor["hash"] == case.keeper.read()[-1]["hash"]
    case("verify")
    assert case.keeper.readers() == set() and BO not in str(anchor)


@pytest.mark.slow
def test_a_backup_of_the_storage_that_is_restored_is_an_alarm(case: ChainCase) -> None:
    """Who reads by the backup is let in by the storage's owner, and by no run."""
    share, backup = case.root.parent / "share", case.root.parent / "backup"
    case.repository.git("revert", "--no-edit", "HEAD")  # the agreement, as it was signed
    shutil.copytree(share, backup)
    for _ in range(2):
        case("apply")
    shutil.rmtree(share)
    backup.rename(share)
    assert "end with number 4. The last run wrote number 6" in on_old_commit(case)
    refused = case.refusal()
    assert "2 records are lost." in refused
    case.run_as_printed(refused)
    case("verify")


@pytest.mark.slow
def test_no_first_run_goes_on_with_the_records_of_another_product(case: ChainCase) -> None:
    origin(case, "update-ref", "-d", f"refs/heads/{BRANCH}")
    forget(case)
    others = {"product": "airport-operations/arrivals", "anchor": None}
    case.keeper.write(chained([record | others for record in case.keeper.read()]))
    case.repository.git("checkout", "--quiet", "old")
    refused = case.port("apply", "--first", code=1)["refused"]
    assert (
        "is of the product airport-operations/arrivals, not of airport-operations/departures"
        in refused["problem"]
    )
    assert case.keeper.readers() == set()
    case.repository.git("checkout", "--quiet", "main")
    case.run_as_printed(case.refusal())
    case("verify")
    assert case.keeper.read()[-1]["confirmed"][0].startswith("Port lake: Audit record 1 is of the product")
