"""Runs that follow what is saved, and a look at the tables without publishing them."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from products import Begun, Make, begun, pipeline

MODEL = "models/departures.sql"


class Over(Exception):
    """Ends a watch, as a signal does."""


@pytest.fixture
def watched(every_port: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, looked at every few milliseconds."""
    from pipeline import watch

    monkeypatch.setattr(watch, "INTERVAL", 0.02)
    for name in (MODEL, "pipeline/inputs/own.py", "tests/test_own.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one")
    return tmp_path


def write(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{time.monotonic_ns()}")


def rename(file: Path) -> None:
    write(file.with_name("4913"))
    os.replace(file.with_name("4913"), file)


def follow(
    root: Path, steps: list[Callable[[], object]], capsys: pytest.CaptureFixture[str], *beside: Path
) -> list[str]:
    """Return what is said when each step happens after one more run; the last run ends the watch."""
    from pipeline.watch import watch

    left = iter(steps)

    def run() -> None:
        step = next(left, None)
        if step is None:
            raise Over
        step()  # while it runs: the change is noticed afterwards

    def restart() -> None:
        raise Over

    with pytest.raises(Over):
        watch(root, run, lambda: beside, restart)  # type: ignore[arg-type]
    return [line for line in capsys.readouterr().out.splitlines() if line and "Watching" not in line]


@pytest.mark.parametrize("save", [write, rename])
@pytest.mark.parametrize("name", [MODEL, "models/new.yml", "sample_data/flights.csv", "data-product.yaml"])
def test_a_saved_file_is_followed_by_a_run(
    watched: Path, name: str, save: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = follow(watched, [lambda: save(watched / name)], capsys)
    assert line.endswith(f"  {name} saved")


def test_a_removed_file_and_one_outside_of_the_repository_count_too(
    watched: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "flights.csv"
    steps = [(watched / MODEL).unlink, lambda: write(outside)]
    removed, written = follow(watched, steps, capsys, outside)
    assert removed.endswith(f"{MODEL} saved") and written.endswith(f"{outside} saved")


def test_what_a_run_and_an_editor_write_themselves_is_no_change(
    watched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def noise() -> None:
        for name in (
            "build/run.json",
            ".git/index",
            "target/manifest.json",
            "models/.departures.sql.swp",
            f"{MODEL}~",
            "models/4913",
        ):
            write(watched / name)
        write(watched / "seen.txt")

    (line,) = follow(watched, [noise], capsys)
    assert line.endswith("  seen.txt saved")


def test_changed_code_of_the_pipeline_begins_a_new_process(
    watched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def save() -> None:
        write(watched / "pipeline/inputs/own.py")

    saved, said = follow(watched, [save, lambda: pytest.fail("this process ran again")], capsys)
    assert saved.endswith("pipeline/inputs/own.py saved") and "new process" in said


def test_a_watch_waits_for_another_run(watched: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pipeline.build_folder import InProgress, run_lock

    class Other(InProgress):
        looks = iter([True, True, False])

        def lasts(self) -> bool:
            return next(self.looks)

    def busy() -> None:
        raise Other(watched / "build/.lock")

    (said,) = follow(watched, [busy], capsys)
    assert "in progress" in said
    with run_lock(watched):
        with pytest.raises(InProgress) as caught, run_lock(watched):
            pass
        assert caught.value.lasts()
    assert not caught.value.lasts()


@pytest.fixture(scope="module")
def plain(make: Make) -> Path:
    """Only to be copied."""
    return make("watch", outputs=["parquet"])


def lines(run: Begun, count: int) -> Iterator[str]:
    """Yield what a watch has said once it waits for the n-th time."""
    end = time.monotonic() + 120
    while run.said().count("Watching for changes") < count:
        assert run.alive() and time.monotonic() < end, run.said()
        time.sleep(0.05)
    yield from run.said().split("Watching for changes; Ctrl-C ends.\n")


@pytest.mark.slow
def test_a_product_is_watched_until_it_is_interrupted(
    plain: Path, copy_of: Callable[[Path], Path], product_python: Path
) -> None:
    product = copy_of(plain)
    model = product / MODEL
    text = model.read_text("utf-8")
    with begun(product_python, product, "--watch") as run:
        first, *_ = lines(run, 1)
        assert "1,667 rows published" in first
        model.write_text(text.replace("select *", "selec *", 1), "utf-8")
        _, second, *_ = lines(run, 2)
        assert f"{MODEL} saved" in second and "selec" in second and "Fix: " in second
        failed = json.loads((product / "build" / "run.json").read_text("utf-8"))
        assert (failed["outcome"], failed["exitCode"]) == ("failed", 1)
        model.write_text(f"{text}limit 10\n", "utf-8")
        _, _, third, *_ = lines(run, 3)
        assert "10 rows published" in third
        os.kill(run.pid, signal.SIGINT)
        assert run.ended().returncode == 130
    assert json.loads((product / "build" / "run.json").read_text("utf-8"))["rowsOut"] == 10


@pytest.mark.slow
def test_a_preview_shows_what_is_there_and_publishes_nothing(
    plain: Path, copy_of: Callable[[Path], Path], product_python: Path
) -> None:
    product = copy_of(plain)
    (product / "sample_data" / "more.csv").write_text("code,label\nA,b\n", "utf-8")
    spec = (product / "data-product.yaml").read_text("utf-8")
    own = "- {name: departures, uses: file@1, from: system:more, properties: {path: sample_data/more.csv}}"
    spec, count = re.subn(r"( +)- name: airlines\n", rf"\1{own}\n\g<0>", spec)
    assert count == 1
    (product / "data-product.yaml").write_text(spec, "utf-8")
    (product / "models" / "late.sql").write_text(
        "select \"\x1b[2J\" from {{ ref('departures') }}\n".replace('"', "'")
    )
    done = pipeline(product_python, product, "--preview", "--limit", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    for line in ("flights (input)", "late (model)", "departures (input)", "departures (data set)"):
        assert line in done.stdout
    assert "\x1b" not in done.stdout and r"\x1b[2J" in done.stdout
    (carrier,) = [
        line.split() for line in done.stdout.splitlines() if line.startswith("  carrier  VARCHAR  9E")
    ]
    assert carrier == ["carrier", "VARCHAR", "9E", "AA"]
    assert not (product / "build" / "ports").exists() and not (product / "build" / "run.json").exists()

    (product / MODEL).write_text("select nothing", "utf-8")
    one = pipeline(product_python, product, "--preview", "airlines", "--log-format", "json")
    assert one.returncode == 1
    shown = [json.loads(line) for line in one.stdout.splitlines() if '"preview"' in line]
    assert [table["table"] for table in shown] == ["airlines"]
    assert shown[0]["columns"] == {"carrier": "VARCHAR", "name": "VARCHAR"} and len(shown[0]["rows"]) == 5


def test_a_name_that_no_run_can_make_is_refused_before_one(
    every_port: Path, copy_of: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline import errors, preview, run, spec

    product = copy_of(every_port)
    (product / "models/other.sql").write_text("{{ config(alias='renamed') }} select 1 as a")
    loaded = spec.load(product, {})
    monkeypatch.setattr(preview.stages, "ingested", lambda *_, **__: 1 / 0)
    with pytest.raises(errors.UnreadableInput, match="no table order-lines") as error:
        preview.preview(loaded, "order-lines", 5)
    assert {"flights", "departures", "other"} <= {*error.value.fix.removesuffix(".").replace(",", "").split()}
    for known in ("flights", "departures", "other", "renamed"):
        with pytest.raises(ZeroDivisionError):
            preview.preview(loaded, known, 5)
    monkeypatch.setattr("sys.argv", ["pipeline", "--limit", "3"])
    with pytest.raises(SystemExit) as ended:
        run.main()
    assert ended.value.code == 2


@pytest.mark.parametrize("file", ["contract.odcs.yaml", "docs/a b.md"])
def test_a_missing_file_of_the_product_is_named(
    every_port: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    from pipeline import errors, progress

    monkeypatch.chdir(tmp_path)
    for path in (file, tmp_path / file):
        with pytest.raises(errors.UnreadableInput, match=f"{file} is missing") as error, progress.stage("x"):
            Path(path).read_text()
        assert f"git checkout HEAD -- {shlex.quote(file)}`" in error.value.fix
    with pytest.raises(errors.UnreadableInput) as error, progress.stage("x"):
        Path("build/scratch").read_text()
    assert error.value.fix == errors.MAKE_ROOM
