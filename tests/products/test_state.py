"""The state of runs at a place that outlasts the machine: restored, saved, locked, and refused where it is not what it should be."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT, git
from children import children_environment
from edits import edit
from kept_state import TOKEN, Home, home, leave, pipeline_importable, product_in, there

KINDS = ["folder", "bucket", "branch"]


@pytest.fixture(scope="module", autouse=True)
def _pipeline() -> Iterator[None]:
    with pipeline_importable():
        yield


EVERY = pytest.mark.parametrize("place", KINDS, indirect=True)
"""Of other tests, the folder stands for all: what they are about does not depend on the place."""


@pytest.fixture(params=["folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    for name in ("GITHUB_EVENT_NAME", "CI_PIPELINE_SOURCE", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    with home(request.param, tmp_path / "home") as made:
        yield made


@pytest.fixture
def machine(place: Home, tmp_path: Path) -> Callable[[str], Any]:
    """The product on a machine of a name, which is fresh when it is named first."""

    def named(name: str, **changes: Any) -> Any:
        folder = tmp_path / name
        return product_in(folder if folder.exists() else place.clone(folder), **changes)

    return named


def at_home(place: Home, product: Any) -> Any:
    from pipeline import state

    os.environ["PIPELINE_STATE_TOKEN"] = TOKEN
    return state.at_home(place.place, product)


def run(place: Home, product: Any, text: str, **how: Any) -> None:
    with at_home(place, product):
        leave(product, text, **how)


def lease(place: Home) -> dict[str, Any]:
    return json.loads(place.files()["lease.json"])


@EVERY
@pytest.mark.main
def test_a_fresh_machine_goes_on_from_what_the_last_run_saved(
    place: Home, machine: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    first = machine("first")
    run(place, first, "one")
    assert "PIPELINE_STATE_TOKEN" not in os.environ  # what a run starts does not see it
    saved = there(first)
    assert len(saved) == 10 and saved["state/default/metastore/tmp/"] == ""
    second = machine("second")
    with at_home(place, second):
        assert there(second) == saved
        leave(second, "two")
    assert "restored 5 files" in capsys.readouterr().out
    third = machine("third")
    with at_home(place, third):
        assert there(third) == there(second)
        assert (third.build / "state/history.jsonl").read_text() == "one\ntwo\n"
    # A folder that has the saved state reads nothing; one that had an older one gets the new one as a whole.
    assert lease(place)["settled"] is True and lease(place)["free"] is True
    capsys.readouterr()
    with at_home(place, third):
        assert there(third) == there(second)
    assert capsys.readouterr().out == ""
    with at_home(place, first):
        assert there(first) == there(second)


@EVERY
def test_what_decides_on_a_run_is_known_before_it_on_a_fresh_machine(
    place: Home, machine: Callable[..., Any]
) -> None:
    from pipeline import state

    def brought(product: Any) -> Path:
        os.environ["PIPELINE_STATE_TOKEN"] = TOKEN
        file = product.build / "state/default/trigger.json"
        state.bring(place.place, product, file)
        return file

    assert not brought(machine("before")).exists()  # nobody has run yet
    first = machine("first")
    with at_home(place, first):
        leave(first, "one")
        (first.build / "state/default/trigger.json").write_text('{"consumed": {"a": "1"}}')
    held, second = lease(place), machine("second")
    file = brought(second)
    assert file.read_text() == '{"consumed": {"a": "1"}}' and list(there(second)) == [
        "state/default/",
        "state/default/trigger.json",
    ]
    assert lease(place) == held  # a question every few minutes holds up nobody
    with at_home(place, second):
        assert there(second) == there(first)
    file.write_text("newer, and not saved")
    assert brought(second).read_text() == "newer, and not saved"


@EVERY
def test_only_what_is_needed_is_kept(place: Home, machine: Callable[..., Any]) -> None:
    for number in range(3):
        run(place, machine(f"machine-{number}"), f"text {number}")
    stored = place.files()
    assert sorted(name for name in stored if "/" not in name) == ["lease.json", "state.json"]
    pointer = json.loads(stored["state.json"])
    digests = {f"files/{file['sha256']}" for file in pointer["files"].values()}
    assert {name for name in stored if "/" in name} == digests
    for name in digests:
        assert hashlib.sha256(stored[name]).hexdigest() == name.removeprefix("files/")
    if place.place.startswith("git:"):
        count = git("--git-dir", str(place.folder / "readings.git"), "rev-list", "--count", "meshwright/state", cwd=place.folder)  # fmt: skip
        assert count.strip() == "1"


@EVERY
@pytest.mark.main
def test_two_runs_at_once(place: Home, machine: Callable[..., Any]) -> None:
    from pipeline.state import InUse

    run(place, machine("first"), "one")
    with at_home(place, machine("first")):
        before = place.files()
        other = machine("second")
        with pytest.raises(InUse, match=r"in progress: .+ has held the state at .+ since") as refused, at_home(place, other):  # fmt: skip
            raise AssertionError
        assert "ends by itself at 20" in refused.value.fix
        assert place.files() == before and there(other) == {}
    with at_home(place, other):
        assert there(other) == there(machine("first"))


KILLED = """
import os, sys, time
from pathlib import Path
sys.path[:0] = [{support!r}, {tools!r}]
from kept_state import pipeline_importable, leave, product_in
with pipeline_importable():
    from pipeline import state
    product = product_in(Path({folder!r}))
    with state.at_home({place!r}, product):
        leave(product, "killed")
        os.write(2, b"inside\\n")
        time.sleep(60)
"""


def killed(place: Home, product: Any) -> None:
    """A run that is killed once it has published, before it has saved."""
    code = KILLED.format(support=str(ROOT / "tests/support"), tools=str(ROOT / "tools"), folder=str(product.root), place=place.place)  # fmt: skip
    environment = children_environment(PIPELINE_STATE_TOKEN=TOKEN)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:  # fmt: skip
        assert process.stderr and process.stderr.readline() == "inside\n"
        process.send_signal(signal.SIGKILL)


def test_a_killed_run_is_taken_over_and_everything_rebuilt(
    place: Home, machine: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    first = machine("first")
    run(place, first, "one")
    saved = there(first)
    killed(place, machine("second"))
    assert lease(place)["settled"] is False
    # Its process is gone, so that nobody has to wait for the end of its lease.
    third = machine("third")
    with pytest.raises(ZeroDivisionError), at_home(place, third):
        assert there(third) == {**{k: v for k, v in saved.items() if k != "state/default/published.json"}}
        assert "this one rebuilds all models" in capsys.readouterr().out
        raise ZeroDivisionError
    # That one has not settled it either.
    assert lease(place)["settled"] is False and lease(place)["free"] is True
    run(place, machine("third"), "three")
    assert lease(place)["settled"] is True
    fourth = machine("fourth")
    with at_home(place, fourth):
        assert there(fourth)["state/default/published.json"] == '{"publication": "three"}'
    assert "rebuilds" not in capsys.readouterr().out.partition("three")[2]


def test_a_run_that_was_killed_on_another_machine_is_known_to_the_next(
    place: Home, machine: Callable[..., Any]
) -> None:
    from pipeline import state

    began = datetime(2026, 12, 1, 5, tzinfo=UTC)
    with state.at_home(place.place, machine("first"), {}, began) as before:
        leave(machine("first"), "one")
    assert before is None
    elsewhere(place, free=False, settled=False, until=time.time() - 1)
    with at_home(place, machine("second")) as before:
        assert before == began
    with at_home(place, machine("third")) as before:
        assert before is None, "once"
    elsewhere(place, free=False, until=time.time() - 1, started="yesterday")
    with at_home(place, machine("fourth")) as before:
        assert before is None


def elsewhere(place: Home, **changes: Any) -> None:
    """Let the lease be of a process of another machine."""
    place.put("lease.json", json.dumps({**lease(place), "machine": "other", "who": "pod-7, process 1", **changes}).encode())  # fmt: skip


def test_a_lease_of_another_machine_is_waited_for_until_it_ends(
    place: Home, machine: Callable[..., Any]
) -> None:
    from pipeline.state import InUse

    run(place, machine("first"), "one")
    elsewhere(place, free=False, settled=False, until=time.time() + 60)
    second = machine("second")
    with pytest.raises(InUse, match="pod-7, process 1"), at_home(place, second):
        raise AssertionError
    elsewhere(place, until=time.time() - 1)
    with at_home(place, second):
        assert "state/default/published.json" not in there(second)


@pytest.mark.parametrize(
    "changes",
    [
        {"until": float("inf")},
        {"until": float("nan")},
        {"until": 1e15},
        {"until": 4e9},
        {"until": [1]},
        {"process": [{}, "1"]},
        {"process": [float("inf"), "1"]},
    ],
    ids=str,
)
def test_a_lease_that_no_run_could_have_made_ends_no_run(
    changes: dict[str, Any], place: Home, machine: Callable[..., Any]
) -> None:
    """A wrong clock, or another hand: nobody waits until the year 2096."""
    from pipeline import state

    run(place, machine("first"), "one")
    left = {"free": False, "settled": False, "until": time.time() + 60, "machine": state._machine()}
    place.put("lease.json", json.dumps({**lease(place), **left, **changes}).encode())
    with at_home(place, machine("second")):
        assert lease(place)["who"] == f"{socket.gethostname()}, process {os.getpid()}"
    assert lease(place)["free"] is True


@pytest.mark.main
def test_a_run_that_was_taken_over_publishes_and_overwrites_nothing(
    place: Home, machine: Callable[..., Any]
) -> None:
    """Its lease ended while its machine slept, say, and another run has saved since."""
    from pipeline import publish
    from pipeline.state import InUse

    run(place, machine("first"), "one")
    slow, quick = machine("slow"), machine("quick")
    with pytest.raises(InUse, match="has taken over"), at_home(place, slow):
        elsewhere(place, until=time.time() - 1)
        with at_home(place, quick):
            leave(quick, "quick")
            (refuse, _) = publish.before_commit
            leave(slow, "slow")
            refuse.__self__._until = time.time() + 1  # type: ignore[attr-defined]
            with pytest.raises(InUse, match="has overwritten nothing"):
                refuse()
        saved = place.files()
    assert place.files() == saved
    assert publish.before_commit == []
    with at_home(place, machine("next")):
        assert there(machine("next")) == there(quick)


@EVERY
def test_a_state_that_somebody_else_saved_is_not_overwritten(
    place: Home, machine: Callable[..., Any]
) -> None:
    """Whatever has become of the leases: the last record is replaced only by who has seen it."""
    from pipeline.errors import UnreadableInput

    run(place, machine("first"), "one")
    late = machine("late")
    with pytest.raises(UnreadableInput, match="another run has saved its own"), at_home(place, late):
        pointer = json.loads(place.files()["state.json"])
        other = json.dumps({**pointer, "saved": "2026-01-01T00:00:00+00:00"}).encode()
        if place.place.startswith("file:"):
            base = place.folder / "utilities/readings/default"
            (base / "state.json.1").rename(base / "state.json.2")
        else:
            place.put("state.json", other)
        leave(late, "late")
    kept = json.loads(place.files()["state.json"])
    assert kept["files"] == pointer["files"] and lease(place)["settled"] is False


def ended(place: Home, product: Any, problem: BaseException, **how: Any) -> None:
    with pytest.raises(type(problem)), at_home(place, product):
        leave(product, "failed", **how)
        raise problem


def test_what_is_saved_depends_on_how_a_run_ended(place: Home, machine: Callable[..., Any]) -> None:
    from pipeline.errors import PromiseBroken, UnreadableInput

    run(place, machine("first"), "one")
    # A broken promise: what was loaded counts, and the record of the last publication is gone, as on one machine.
    broken = machine("broken")
    ended(place, broken, PromiseBroken("", fix=""), is_published=False)
    with at_home(place, machine("next")):
        assert there(machine("next")) == there(broken)
        assert "state/default/published.json" not in there(broken)
    # The machine's fault, or a signal: only the history of measurements is saved.
    for number, problem in enumerate((UnreadableInput("", fix=""), KeyboardInterrupt())):
        ended(place, machine(f"unreadable-{number}"), problem, is_published=False)
        fresh = machine(f"fresh-{number}")
        with at_home(place, fresh):
            history = there(fresh)["state/history.jsonl"]
            assert history == "one\n" + "failed\n" * (2 + number)
            rest = {name: text for name, text in there(broken).items() if name != "state/history.jsonl"}
            assert rest.items() <= there(fresh).items()


def test_a_run_that_could_not_save_is_gone_on_from_where_it_ran(
    place: Home, machine: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline import state
    from pipeline.errors import UnreadableInput

    run(place, machine("first"), "one")
    stays = machine("stays")

    def down(*_: Any) -> None:
        raise UnreadableInput("The network is down.", fix="")

    ended = {
        "product": "utilities/readings",
        "startedAt": "2026-11-30T05:00:00+00:00",
        "outcome": "published",
    }
    # One that missed a service level as --missed-is-failure ends it; its metrics are of a success until the state is not saved.
    (stays.build / "run.json").write_text(json.dumps({**ended, "exitCode": 1, "missed": ["fresh"]}))
    with monkeypatch.context() as patch:
        patch.setattr(state._Kept, "_save", down)
        with pytest.raises(UnreadableInput, match="network"), at_home(place, stays):
            leave(stays, "two")
    report = json.loads((stays.build / "run.json").read_text())
    assert report == {**ended, "exitCode": 2, "missed": ["fresh"], "problem": "The network is down."}
    emitted = (stays.build / "metrics.prom").read_text()
    assert 'product="readings",outcome="failed"} 1' in emitted and 'outcome="success"} 0' in emitted
    after = there(stays)
    with at_home(place, stays):
        assert there(stays) == after
    with at_home(place, machine("fresh")):
        assert there(machine("fresh")) == after


def test_a_first_run_takes_along_what_the_machine_has(place: Home, machine: Callable[..., Any]) -> None:
    first = machine("first")
    leave(first, "before")
    before = there(first)
    with pytest.raises(KeyboardInterrupt), at_home(place, first):
        raise KeyboardInterrupt
    with at_home(place, first):
        assert there(first) == before
    with at_home(place, machine("second")):
        assert there(machine("second")) == before


# -- what is not what it should be ----------------------------------------------------------------------------------------


def changed(pointer: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({**pointer, **changes}).encode()


def with_file(pointer: dict[str, Any], name: str) -> bytes:
    about = next(iter(pointer["files"].values()))
    return changed(pointer, files={**pointer["files"], name: about})


POINTERS: dict[str, tuple[Callable[[dict[str, Any]], bytes], str]] = {
    "truncated": (lambda it: json.dumps(it).encode()[:-9], "damaged: its record is not readable"),
    "a list": (lambda _: b"[]", "damaged: its record is not readable"),
    "nothing": (lambda _: b"", "damaged: its record is not readable"),
    "deep": (lambda _: b"[" * 100_000, "damaged: its record is not readable"),
    "newer": (lambda it: changed(it, version=2), "was written by a newer release"),
    "another product": (lambda it: changed(it, product="utilities/meters"), "is of utilities/meters as default, and not of"),
    "another environment": (lambda it: changed(it, environment="test"), "is of utilities/readings as test, and not of"),
    "no files": (lambda it: changed(it, files=None), "damaged: its record is not valid"),
    "no size": (lambda it: changed(it, files={"state/default/x": {"size": -1, "sha256": "0" * 64}}), "has no size or hash"),
    "no hash": (lambda it: changed(it, files={"state/default/x": {"size": 1, "sha256": "../x"}}), "has no size or hash"),
    "above": (lambda it: with_file(it, "state/default/../../../pipeline/x.py"), "is no path of the state"),
    "absolute": (lambda it: with_file(it, "/etc/passwd"), "is no path of the state"),
    "windows": (lambda it: with_file(it, "state/default/c:\\x"), "is no path of the state"),
    "doubled": (lambda it: with_file(it, "state/default//x"), "is no path of the state"),
    "zero": (lambda it: with_file(it, "state/default/x\0"), "is no path of the state"),
    "of the pipeline": (lambda it: with_file(it, "dbt/profiles.yml"), "is no path of the state"),
    "of another environment": (lambda it: with_file(it, "state/production/x"), "is no path of the state"),
    "folder above": (lambda it: changed(it, folders=["../x"]), "is no path of the state"),
    "number": (lambda it: changed(it, folders=[1]), "damaged: its record is not valid"),
}  # fmt: skip


@pytest.mark.parametrize("case", POINTERS)
def test_a_record_that_cannot_be_trusted_is_refused(
    case: str, place: Home, machine: Callable[..., Any]
) -> None:
    from pipeline.errors import UnreadableInput

    change, words = POINTERS[case]
    run(place, machine("first"), "one")
    place.put("state.json", change(json.loads(place.files()["state.json"])))
    second = machine("second")
    leave(second, "here")
    before = there(second)
    with pytest.raises(UnreadableInput) as refused, at_home(place, second):
        raise AssertionError
    assert words in str(refused.value) and refused.value.fix
    assert there(second) == before and lease(place)["free"] is True


@pytest.mark.parametrize("place", ["folder", "bucket"], indirect=True)
def test_a_file_that_is_not_what_was_saved_is_refused(place: Home, machine: Callable[..., Any]) -> None:
    from pipeline.errors import UnreadableInput

    run(place, machine("first"), "one")
    pointer = json.loads(place.files()["state.json"])
    digest = pointer["files"]["state/default/published.json"]["sha256"]
    content = place.files()[f"files/{digest}"]
    second = machine("second")
    leave(second, "here")
    before = there(second)
    words = r"is damaged: state/default/published\.json: [0-9a-f]{64} (is|has) (missing|longer|another|\d)"
    for other in (content[:-1], content + b"x" * 99, content.swapcase(), None):
        place.put(f"files/{digest}", other)
        with pytest.raises(UnreadableInput, match=words) as refused, at_home(place, second):
            raise AssertionError
        assert {path: text for path, text in there(second).items() if ".incoming" not in path} == before
    assert "remove it to begin anew" in refused.value.fix
    if not place.place.startswith("s3:"):  # the command that it prints
        done = subprocess.run(refused.value.fix.rpartition(": ")[2].split(), cwd=second.root, env={**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.extraheader", "GIT_CONFIG_VALUE_0": "Authorization: basic eC1hY2Nlc3MtdG9rZW46b25lLXRpbWU="}, capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
        run(place, second, "anew")


def test_a_link_is_not_saved(place: Home, machine: Callable[..., Any]) -> None:
    from pipeline.errors import UnreadableInput

    product = machine("first")
    with pytest.raises(UnreadableInput, match="build/state/default/passwd is a link"), at_home(place, product):  # fmt: skip
        leave(product, "one")
        (product.state / "passwd").symlink_to("/etc/passwd")


@pytest.mark.parametrize("place", ["branch"], indirect=True)
def test_a_repository_gets_no_rows_above_internal_and_no_large_files(
    place: Home, machine: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline import state_branch
    from pipeline.errors import UnreadableInput

    for changes in ({"classification": "confidential"}, {"classification": "secret"}, {}):
        product = machine("first", **changes)
        if not changes:
            product.contract.write_text(
                "schema: [{name: readings, properties: [{name: id, classification: confidential}]}]"
            )
        with pytest.raises(UnreadableInput, match="classified above internal"), at_home(place, product):
            raise AssertionError
    # Without rows, the state has only numbers and the names of columns.
    with at_home(place, machine("second", classification="secret", traits=())):
        pass
    monkeypatch.setattr(state_branch, "LARGEST", 10)
    with pytest.raises(UnreadableInput, match="forges refuse files of more than 10") as refused:
        run(place, machine("first"), "more than ten bytes")
    assert "s3://" in refused.value.fix
    monkeypatch.undo()
    monkeypatch.setattr(state_branch, "ALL", 10)
    with pytest.raises(UnreadableInput, match="the limit for a repository is 10"):
        run(place, machine("first"), "more than ten bytes")


@pytest.mark.parametrize("place", ["branch"], indirect=True)
def test_a_wrong_token_is_explained_and_never_shown(place: Home, machine: Callable[..., Any]) -> None:
    from pipeline import state
    from pipeline.errors import UnreadableInput

    os.environ["PIPELINE_STATE_TOKEN"] = "wrong-token"  # noqa: S105 - refused
    with pytest.raises(UnreadableInput, match="cannot be read") as refused, state.at_home("git:", machine("first")):  # fmt: skip
        raise AssertionError
    assert "wrong-token" not in str(refused.value) and "a token that may push" in refused.value.fix


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
def test_a_bucket_that_ignores_conditions_is_refused(
    place: Home, machine: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline import state_stores
    from pipeline.errors import UnreadableInput

    def opened(*arguments: Any) -> Any:
        made = real(*arguments)
        made._client.meta.events.register(
            "before-sign.s3.PutObject",
            lambda request, **_: [
                request.headers.__delitem__(name) for name in ("If-Match", "If-None-Match")
            ],
        )
        return made

    real = state_stores.Bucket
    monkeypatch.setattr("pipeline.state.Bucket", opened)
    with pytest.raises(UnreadableInput, match="the store ignores `If-Match`"), at_home(place, machine("first")):  # fmt: skip
        raise AssertionError


@pytest.mark.parametrize(
    "place",
    ["", "s3://", "s3:lake", "s3://lake/x?endpoint_override=http://x", "gs://lake/x", "build/state", "https://u:secret@x.org", "git:#-x", "git:--upload-pack=x", "git:#refs/heads/x"],
)  # fmt: skip
def test_a_place_that_is_none_is_refused(place: str, tmp_path: Path) -> None:
    from pipeline import state
    from pipeline.errors import UnreadableInput

    with pytest.raises(UnreadableInput) as refused, state.at_home(place or "x", product_in(tmp_path)):
        raise AssertionError
    assert refused.value.fix and "secret" not in str(refused.value)


@pytest.mark.parametrize("variables", [{"GITHUB_EVENT_NAME": "pull_request"}, {"GITHUB_EVENT_NAME": "pull_request_target"}, {"CI_PIPELINE_SOURCE": "merge_request_event"}])  # fmt: skip
def test_a_proposed_change_has_no_state(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    from pipeline import state

    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with state.at_home("s3://nobody/asks", product_in(tmp_path)):
        assert "only proposed" in capsys.readouterr().out


# -- a product that runs --------------------------------------------------------------------------------------------------

STEPS = """
import contextlib, io, json, os, shutil, sys
from pathlib import Path
import deltalake, duckdb
from pipeline import incremental, state
from pipeline.errors import UnreadableInput
from pipeline.run import run

template, work = Path.cwd(), Path(sys.argv[1])
FIVE = "5,2026-01,12.0,2026-03-02 08:00:00"
GIVEN = [
    ("4,2026-03,8.0,2026-03-01 08:00:00", FIVE),
    ("4,2026-03,8.5,2026-03-03 08:00:00", FIVE),
    ("4,2026-03,8.5,2026-03-03 08:00:00", FIVE, "6,2026-03,9.5,2026-03-05 08:00:00"),
    (FIVE, "3,2026-02,1.5,2026-03-06 08:00:00", "3,2026-02,1.5,2026-03-07 08:00:00"),  # twice: a promise is broken
]
KILLED = 1

END = state._Kept.end

def killed_before_it_saves(kept, problem):
    kept._ended.set()
    kept._extend(kept._lease, until=1)  # as if time had passed since

def fresh(name):
    folder = work / name
    shutil.copytree(template, folder)
    return folder

def go(folder, ports, place, given, end=END):
    "One run on a machine, with what the source gives now; its tables are at places that all machines share."
    rows = ["1,2026-01,10.5,2026-01-03 08:00:00", "2,2026-01,11.0,2026-01-04 08:00:00", *given]
    (folder / "in" / "first.csv").write_text("id,month,value,changed_at\\n" + "\\n".join(rows) + "\\n")
    os.chdir(folder)
    state._Kept.end = end
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            run(folder, {"LAKE": str(work / ports / "lake"), "TABLES": str(work / ports / "tables")}, place=place)
        outcome = "published"
    except UnreadableInput as problem:
        outcome = f"exit code {problem.exit_code}"
        sys.stderr.write(f"{problem}\\n")
    return outcome

def served(ports):
    rows = deltalake.DeltaTable(str(work / ports / "tables/readings")).to_pyarrow_table().to_pylist()
    return sorted(repr(row) for row in rows)

def history(folder):
    with duckdb.connect(str(folder / "build/state/default/warehouse.duckdb")) as connection:
        return [list(map(str, row)) for row in connection.sql("select id, value, dbt_valid_to is null from readings_history order by all").fetchall()]

home = work / "home"
home.mkdir()
said, stays = [], fresh("stays")
for number, given in enumerate(GIVEN):
    machine = fresh(f"machine-{number}")
    one = go(stays, "one", "", given)
    if number == KILLED:
        go(machine, "other", f"file://{home}", given, killed_before_it_saves)
        ahead = served("other") == served("one")
        machine = fresh("machine-after")
    other = go(machine, "other", f"file://{home}", given)
    report = json.loads((machine / "build/run.json").read_text())
    said.append([one, other, served("one") == served("other"), report.get("anew"), history(stays) == history(machine)])
print(json.dumps({"said": said, "ahead": ahead, "rows": served("other")}))
sys.stdout.flush()
os._exit(0)
"""


def test_fresh_machines_make_what_one_that_stays_makes(
    readings: Path, product_python: Path, tmp_path: Path, copy_of: Callable[[Path], Path]
) -> None:
    product = copy_of(readings)

    def spec(document: dict[str, Any]) -> dict[str, Any]:
        for port, variable in zip(document["spec"]["outputs"], ("TABLES", "LAKE"), strict=True):
            port["properties"]["path"] = f"${{{variable}:-build/ports/{port['name']}}}"
        document["spec"]["traits"].append(
            {"uses": "snapshot@1", "properties": {"input": "readings", "key": ["id"]}}
        )
        return document

    edit(product / "data-product.yaml", spec)
    command = [str(product_python), "-c", STEPS, str(tmp_path)]
    done = subprocess.run(
        command, cwd=product, env=children_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    outcomes = ["published", "published", "published", "exit code 1"]
    assert [one[:2] for one in told["said"]] == [[outcome] * 2 for outcome in outcomes]
    # The second one follows a run that published and was killed before it had saved.
    assert told["ahead"] and [anew for _, _, _, anew, _ in told["said"]] == [True, True, False, False]
    assert all(rows and history for _, _, rows, _, history in told["said"])
    assert len(told["rows"]) == 5


# -- a job of GitHub that may read, and one that pushes ---------------------------------------------------------------------


def pushed(place: Home, product: Any, **variables: str) -> subprocess.CompletedProcess[str]:
    """The job `state` of the workflow, with the bundle that a run has left."""
    workflow = yaml.safe_load((ROOT / "template/.github/workflows/pipeline.yml").read_text("utf-8"))
    (script,) = (step["run"] for step in workflow["jobs"]["state"]["steps"] if step.get("name") == "Push")
    folder = product.root / "job"
    folder.mkdir()
    bundle = product.build / "state.bundle"
    if bundle.exists():
        (folder / "state.bundle").write_bytes(bundle.read_bytes())
    repository = {"REPOSITORY": f"{place._server}/readings.git", "PLACE": place.place, "TOKEN": TOKEN}
    environment = children_environment(**{**repository, **variables})
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("place", ["branch"], indirect=True)
def test_a_run_on_github_never_pushes_and_another_job_does(
    place: Home, machine: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from pipeline.spec import Capability

    monkeypatch.setenv("PIPELINE_STATE_BUNDLE", "build/state.bundle")
    bare = ("--git-dir", str(place.folder / "readings.git"))
    first, second, late = machine("first"), machine("second"), machine("late")
    run(place, first, "one")
    assert git(*bare, "for-each-ref", cwd=tmp_path) == ""
    assert pushed(place, first).returncode == 0
    with at_home(place, second), at_home(place, late):  # the forge's queue keeps them apart
        assert there(second) == there(late) == there(first)
        leave(second, "two")
    before = git(*bare, "rev-parse", "meshwright/state", cwd=tmp_path)
    assert pushed(place, second).returncode == 0
    saved = git(*bare, "rev-parse", "meshwright/state", cwd=tmp_path)
    refused = pushed(place, late)
    assert refused.returncode != 0 and "stale info" in refused.stderr and saved != before
    assert git(*bare, "rev-parse", "meshwright/state", cwd=tmp_path) == saved
    assert git(*bare, "for-each-ref", "--format=%(refname)", cwd=tmp_path).split() == ["refs/heads/meshwright/state"]  # fmt: skip
    # Where tables are in a database, nobody would see that a run has changed them before it was killed.
    third = machine("third", platform=Capability("platforms", "postgres@1"))
    with at_home(place, third):
        assert "state/default/published.json" not in there(third)
    nothing = pushed(place, machine("fourth"))
    assert nothing.returncode == 0 and "left no state" in nothing.stdout


@pytest.mark.parametrize("place", ["branch"], indirect=True)
def test_a_bundle_cannot_name_another_branch(
    place: Home, machine: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIPELINE_STATE_BUNDLE", "build/state.bundle")
    first = machine("first")
    run(place, first, "one")
    forged = tmp_path / "forged"
    git("clone", "--quiet", "--bare", "--branch", "meshwright/state", str(first.build / "state.bundle"), str(forged), cwd=tmp_path)  # fmt: skip
    git("branch", "--move", "meshwright/state", "main", cwd=forged)
    git("bundle", "create", str(first.build / "state.bundle"), "main", cwd=forged)
    assert pushed(place, first).returncode != 0
    assert git("--git-dir", str(place.folder / "readings.git"), "for-each-ref", cwd=tmp_path) == ""


def test_only_the_job_that_pushes_may_write(tmp_path: Path) -> None:
    workflow = yaml.safe_load((ROOT / "template/.github/workflows/pipeline.yml").read_text("utf-8"))
    jobs = workflow["jobs"]
    assert jobs["run"]["permissions"] == {"contents": "read", "id-token": "write"}
    assert jobs["state"]["permissions"] == {"contents": "write"}
    assert jobs["state"]["if"] == "${{ !cancelled() && startsWith(vars.PIPELINE_STATE, 'git:') }}"
    text = json.dumps(jobs["state"]["steps"])
    assert "checkout" not in text and "python" not in text and "uv " not in text
    assert "pull_request" not in workflow[True]


@pytest.mark.parametrize("text", ["[1]", "5", "null", '"x"', '{"code":', "{}", '{"code": [1]}'])
def test_a_record_that_another_hand_has_written_leads_to_a_full_run(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline import incremental

    monkeypatch.setattr(incremental, "_code", lambda _: "code")
    product = product_in(tmp_path)
    file = product.state / incremental.RECORD
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert incremental.previous_run(product, anew=False) == incremental.PreviousRun("code")


def test_a_process_that_was_killed_and_is_not_waited_for_holds_no_lease() -> None:
    from pipeline import state

    with subprocess.Popen(["sleep", "60"]) as killed:
        assert state._started(killed.pid)
        killed.kill()
        until = time.monotonic() + 10
        while state._started(killed.pid) and time.monotonic() < until:
            time.sleep(0.01)
        assert state._started(killed.pid) == "" and Path(f"/proc/{killed.pid}").exists()


@pytest.mark.parametrize(
    ("text", "name"),
    [('{"product": "a/b"}', {"product": "a/b"}), ("[1]", {}), ('{"product": 5}', {}), ("{", {})],
)
def test_a_run_whose_spec_cannot_be_read_has_the_name_of_the_last_one(
    text: str, name: dict[str, str], tmp_path: Path
) -> None:
    """So that its metrics replace those of a success."""
    import pipeline.run

    (tmp_path / "build").mkdir()
    (tmp_path / "data-product.yaml").write_text("<<<<<<< HEAD\na: [")
    (tmp_path / "build" / "run.json").write_text(text)
    assert pipeline.run._name(tmp_path) == name
