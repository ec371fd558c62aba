"""Records made from repositories and files that nobody vouches for: what is read, what is not, and that nothing is run."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import git
from edits import extended
from hypothesis import given, settings
from hypothesis import strategies as st
from records import value
from wrong_values import WRONG, at, every_place

from meshwright.check.engine import check_record
from meshwright.core.yaml import Unreadable
from meshwright.mesh.sources import of_repository, records, repositories, retired
from meshwright.product.record import Record

Copy = Callable[[Path], Path]
NAME, VERSION = "airport-operations/departures", "1.0.0"


@pytest.fixture
def product(copy_of: Copy, departures: Path) -> Path:
    """A product that may be broken, with an empty build/."""
    target = copy_of(departures)
    (target / "build").mkdir()
    return target


def run_of(**said: Any) -> str:
    return json.dumps({"product": NAME, "version": VERSION, "startedAt": "2026-11-22T10:00:00Z", **said})


# -- the last run ----------------------------------------------------------------------------------------


def test_what_the_last_run_says_is_told(product: Path) -> None:
    failed = {"name": "x" * 900, "field": "origin", "result": "failed", "reason": "y" * 9_000, "more": 1}
    (product / "build/run.json").write_text(
        run_of(
            outcome="failed",
            problem="z" * 9_000,
            rowsOut=3,
            checks=[failed, {"result": "passed"}, 5],
            doubts=[{"name": "format", "result": "unchecked", "fix": "x"}],
        )
    )
    quality = of_repository(product).get("quality")
    assert (quality["outcome"], quality["rows"], quality["checks"]) == ("failed", 3, 2)
    assert quality["unchecked"] == [{"name": "format", "result": "unchecked"}]
    (told,) = quality["failed"]
    assert set(told) == {"name", "field", "result", "reason"}
    # However long an engine's complaint is, a catalog takes the record.
    made = value(quality=quality)
    assert [finding for finding in check_record(made) if "quality" in finding.message] == []


@pytest.mark.parametrize(
    "text",
    [
        run_of(checks=5),
        run_of(checks=None, outcome=[], problem={}),
        run_of(startedAt=5),
        run_of(rowsOut=float("nan")),
        run_of(problem="\ud800"),
        '{"product": ' + "[" * 100_000,
        run_of(checks="[" * 900),
        '{"product": "airport-operations/departures", "version": "1.0.0", "deep": '
        + "[" * 500
        + "]" * 500
        + "}",
        run_of(problem="x" * 2_000_000),
        "[]",
        "5",
        "",
        "\x00",
    ],
    ids=range(13),
)
def test_a_report_that_is_none_hurts_nobody(text: str, product: Path) -> None:
    for name in ("run.json", "slis.json"):
        (product / "build" / name).write_text(text, "utf-8")
    record = of_repository(product)
    assert record.id == NAME and record.hash
    json.dumps(record.value, allow_nan=False, ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize("name", ["run.json", "slis.json", "addresses.yaml"])
def test_a_report_that_leads_out_of_the_repository_or_never_ends_is_not_read(
    name: str, product: Path
) -> None:
    outside = product.parent / "outside"
    secret = {
        "product": NAME,
        "version": VERSION,
        "measuredAt": "secret",
        "startedAt": "2026-11-22T10:00:00Z",
    }
    outside.write_text(json.dumps(secret | {f"dp:{NAME}#lake": {"location": "secret"}}))
    file = product / "build" / name
    for make in (
        lambda: file.symlink_to(outside),
        lambda: os.mkfifo(file),
        lambda: file.symlink_to("/dev/zero"),
    ):
        make()
        record = of_repository(product)
        assert "secret" not in json.dumps(record.value)
        assert not {"quality", "measurement"} & set(record.value)
        file.unlink()


def test_an_address_book_holds_no_credentials_and_no_place_that_is_not_said(product: Path) -> None:
    addresses = {
        f"dp:{NAME}#lake": {"uses": "parquet@1", "location": "s3://key:secret@bucket/lake"},
        f"dp:{NAME}#tables": {"uses": "delta@1"},
        f"dp:{NAME}#odd": ["location"],
    }
    (product / "build/addresses.yaml").write_text(yaml.safe_dump(addresses))
    assert of_repository(product).get("addresses") == {
        f"dp:{NAME}#lake": {"uses": "parquet@1", "location": "s3://bucket/lake"}
    }


# -- files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [*WRONG, {"a": [1]}, ["principal"]], ids=repr)
def test_an_agreement_of_any_shape_is_read(wrong: Any, product: Path) -> None:
    agreement = {
        "id": wrong,
        "status": "approved",
        "roles": [{"role": wrong}],
        "provider": {"outputPortId": wrong},
        "endTimestamp": wrong,
        "customProperties": [{"property": wrong, "value": 1}, {"property": "principal", "value": wrong}],
    }
    folder = product / "access/agreements"
    folder.mkdir(exist_ok=True)
    (folder / "a.yaml").write_text(yaml.safe_dump(agreement, allow_unicode=True))
    record = of_repository(product)
    assert len(record.readers) <= 1 and isinstance(record.agreements, dict)


def test_more_agreements_than_a_record_holds_are_told(product: Path) -> None:
    folder = product / "access/agreements"
    folder.mkdir(exist_ok=True)
    for number in range(1_001):
        (folder / f"a{number:04}.yaml").write_text(f"{{status: approved, id: a{number}}}")
    record = of_repository(product)
    assert len(record.readers) == 1_000 and "1001 files" in record.problem


def test_agreements_elsewhere_are_not_read(product: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.yaml").write_text("{status: approved, id: secret}")
    folder = product / "access/agreements"
    if folder.exists():
        (folder / ".gitkeep").unlink(missing_ok=True)
        folder.rename(tmp_path / "away")
    folder.symlink_to(elsewhere)
    record = of_repository(product)
    assert record.readers == () and "no such file" in record.problem


def test_a_number_that_nobody_can_write_is_refused_where_it_stands(product: Path) -> None:
    spec = product / "data-product.yaml"
    spec.write_text(extended(spec.read_text("utf-8"), "a: 0x" + "f" * 9_000), "utf-8")
    record = of_repository(product)
    assert "data-product.yaml:" in record.problem and record.hash


# -- git -------------------------------------------------------------------------------------------------------


@pytest.fixture
def committed(product: Path) -> Path:
    git("init", "--quiet", "--initial-branch", "main", cwd=product)
    git("remote", "add", "origin", "https://ada:secret@git.example.org/departures.git", cwd=product)
    git("add", "--all", cwd=product)
    git("commit", "--quiet", "--message", "It begins", cwd=product)
    return product


def test_where_a_record_was_made_is_told_without_credentials(committed: Path) -> None:
    source = of_repository(committed).get("source")
    assert source["repository"] == "https://git.example.org/departures.git"
    assert (source["branch"], len(source["commit"])) == ("main", 40)
    assert (
        of_repository(committed, "https://git.example.org/d.git").repository
        == "https://git.example.org/d.git"
    )


def test_the_configuration_of_a_repository_runs_no_program(committed: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{ran}'\ncat\n")
    program.chmod(0o755)
    for key in (
        *("core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.askPass", "core.alternateRefsCommand"),
        *("alias.config", "alias.rev-parse", "alias.symbolic-ref", "pager.config", "pager.rev-parse"),
        *("credential.helper", "diff.external", "filter.x.clean", "filter.x.smudge", "gpg.program", "uploadpack.packObjectsHook"),
        *("remote.origin.uploadpack", "trace2.eventTarget"),
    ):  # fmt: skip
        git(
            "config",
            key,
            f"!{program}" if key.startswith(("alias.", "credential.")) else str(program),
            cwd=committed,
        )
    git("config", "remote.origin.promisor", "true", cwd=committed)
    git("config", "extensions.partialClone", "origin", cwd=committed)
    git("config", "core.repositoryFormatVersion", "1", cwd=committed)
    for object_ in (committed / ".git/objects").glob("??/*"):
        object_.unlink()  # as in a clone that fetches what it lacks
    record = of_repository(committed)
    assert record.repository == "https://git.example.org/departures.git"
    assert not ran.exists(), ran.read_text()


def test_a_configuration_that_never_ends_is_left(committed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshwright.product.record_builder.PATIENCE", 0.3)
    os.mkfifo(committed / "more")
    with (committed / ".git/config").open("a") as config:
        config.write(f"[include]\n\tpath = {committed / 'more'}\n")
    start = time.monotonic()
    assert of_repository(committed).repository == ""
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("kind", ["empty folder", "link to nothing", "file"])
def test_the_repository_around_a_product_is_not_taken_for_its_own(kind: str, product: Path) -> None:
    around = product.parent
    git("init", "--quiet", cwd=around)
    git("remote", "add", "origin", "https://git.example.org/around.git", cwd=around)
    made = {
        "empty folder": lambda own: own.mkdir(),
        "link to nothing": lambda own: own.symlink_to("nowhere"),
        "file": lambda own: own.write_text("gitdir: /nowhere\n"),
    }
    made[kind](product / ".git")
    assert of_repository(product).repository == ""


def test_a_work_tree_of_a_repository_has_its_address(committed: Path, tmp_path: Path) -> None:
    git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "other"), cwd=committed)
    source = of_repository(tmp_path / "other").get("source")
    assert (source["repository"], source["branch"]) == ("https://git.example.org/departures.git", "other")


# -- folders and files of records ----------------------------------------------------------------------------------


def test_repositories_are_found_in_order_and_not_behind_links(tmp_path: Path) -> None:
    for place in (
        "b",
        "a/nested",
        "a/nested/template/x",
        "c/d/e",
        "c/d/e/f/too-deep",
        "build/x",
        "z/.venv/y",
    ):
        (tmp_path / place).mkdir(parents=True)
        if place not in ("a/nested/template/x",):
            (tmp_path / place / "data-product.yaml").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "b")
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe/data-product.yaml")
    found = [path.relative_to(tmp_path).as_posix() for path in repositories(tmp_path)]
    assert sorted(found) == ["a/nested", "b", "c/d/e", "pipe"]
    unread = of_repository(tmp_path / "pipe")
    assert unread.id == "unknown/pipe" and "no such file" in unread.problem


TWO = [
    value("d/a"),
    value("d/b", product__spec__description__purpose="Two lines\u2028in one, and \x85 another."),
]
FILES = {
    "a list": json.dumps(TWO, indent=1),
    "one a line": "\n".join(json.dumps(one, ensure_ascii=False) for one in TWO) + "\n\n \n",
    "an answer of a catalog": json.dumps(
        {"records": [{"record": one, "hash": "x"} for one in TWO], "next": None}
    ),
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_file_of_records_is_read(text: str, tmp_path: Path) -> None:
    file = tmp_path / "mesh.json"
    file.write_text(text, "utf-8")
    assert [record.id for record in records([str(file)])] == ["d/a", "d/b"]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        '{"a": ' + "[" * 60 + "]" * 60 + "}",
        "[" * 100_000,
        "[1]",
        "{",
        '[{}, "x"]',
        "\xff",
    ],
    ids=range(8),
)
def test_a_file_that_holds_no_records_is_refused_with_a_fix(text: str, tmp_path: Path) -> None:
    file = tmp_path / "mesh.json"
    file.write_text(text, "latin-1")
    with pytest.raises(Unreadable) as refused:
        records([str(file)])
    assert refused.value.fix and str(file) in str(refused.value) and len(str(refused.value)) < 1_000


def test_a_folder_without_products_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "gone"):
        with pytest.raises(Unreadable):
            records([str(source)])
    assert retired([str(tmp_path)], {"d/a"}) == {}


# -- records of any shape --------------------------------------------------------------------------------------------

BASE = value(
    readers=[{"agreement": "a", "role": "reader", "principals": ["id:x"], "until": "2027-01-01T00:00:00Z"}]
)
PLACES = every_place(BASE)[1:]
VIEW = [name for name in dir(Record) if not name.startswith("_") and name not in ("get", "root", "value")]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([*WRONG, "\ud800", float("nan"), 10**400, ["x"] * 60_000])
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from(PLACES),
)
def test_no_value_anywhere_in_a_record_hurts_the_view_or_the_check(wrong: Any, keys: tuple) -> None:
    made = json.loads(json.dumps(BASE))
    at(made, keys[:-1])[keys[-1]] = wrong
    record = Record(made)
    for name in VIEW:
        getattr(record, name)
    for finding in check_record(made):
        assert finding.rule and finding.fix


@pytest.mark.parametrize("wrong", ["\ud800", float("nan"), float("inf"), [[[[]]]] * 20_000])
def test_what_no_catalog_can_keep_is_refused(wrong: Any) -> None:
    (finding,) = check_record(value(product__extensions={"own": wrong}))
    assert (finding.rule, finding.level) == ("Readable", "error")


def test_nothing_of_this_was_left_running() -> None:
    told = subprocess.run(
        ["ps", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True
    ).stdout
    assert "git " not in told


def test_a_record_has_the_addresses_of_its_own_ports_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "data-product.yaml").write_text(yaml.safe_dump(value("hotel/guests")["product"]))
    places = {f"dp:hotel/{port}": {"uses": "parquet@1", "location": f"/data/{port}"} for port in ("guests#lake", "guests#gone", "rooms#lake")}  # fmt: skip
    (tmp_path / "build/addresses.yaml").write_text(yaml.safe_dump(places))
    assert of_repository(tmp_path).get("addresses") == {"dp:hotel/guests#lake": places["dp:hotel/guests#lake"]}  # fmt: skip
