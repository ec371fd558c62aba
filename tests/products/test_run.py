"""How a run starts and ends: exit codes, logs, other folders, and surroundings that are broken. PostgreSQL is elsewhere."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT
from children import children_environment
from edits import edit, merged
from products import Make, begun, pipeline

pytestmark = pytest.mark.slow

SPEC = "data-product.yaml"
TOO_MUCH = {"name": "enough", "indicator": "volume", "objective": ">= 2000 rows"}


@pytest.fixture(scope="session")
def small(make: Make) -> Path:
    """A product that has not run. Only to be read."""
    return make("small", outputs=["parquet", "delta"])


@pytest.fixture
def product(copy_of: Callable[[Path], Path], small: Path) -> Path:
    return copy_of(small)


@pytest.fixture
def build(product: Path) -> Iterator[Callable[..., Path]]:
    """Makes the product's build/ a file system of its own, with options of `mount`."""
    folder = product / "build"
    mounted = []

    def mount(*options: str) -> Path:
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("this machine lets us mount no file system (`mount -t tmpfs`)")
        mounted.append(folder)
        return folder

    yield mount
    for one in mounted:
        subprocess.run(["umount", "--lazy", one], check=True)


def run(
    python: Path, cwd: Path, *words: object, shell: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """`python -m pipeline` in a process of its own, with redirections; for runs that end early, which are quick."""
    script = f'cd "$0" && shift 0 && exec "$@" {shell}'
    command = ["bash", "-c", script, cwd, python, *(words or ["-m", "pipeline"])]
    return subprocess.run(
        [str(word) for word in command],
        env=children_environment(**variables),
        capture_output=True,
        text=True,
        errors="surrogateescape",
    )


def report(product: Path) -> dict[str, Any]:
    return json.loads((product / "build/run.json").read_text("utf-8"))


# -- exit codes and logs ----------------------------------------------------------------------------------


def in_doubt(contract: dict[str, Any]) -> dict[str, Any]:
    """The contract with a promise that nobody can check."""
    airline = next(one for one in contract["schema"][0]["properties"] if one["name"] == "airline")
    airline["logicalTypeOptions"] = {"format": "vin"}
    return contract


def test_a_missed_service_level_is_published_and_logged(product: Path, product_python: Path) -> None:
    code, level = 1, "error"  # without the option: 3, a warning, in test_pipeline.py
    edit(product / SPEC, lambda spec: merged(spec, {"spec": {"serviceLevels": [TOO_MUCH]}}))
    edit(product / "contract.odcs.yaml", in_doubt)
    done = pipeline(product_python, product, "--log-format", "json", "--missed-is-failure")
    assert done.returncode == code, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(datetime.fromisoformat(event["time"]).utcoffset() is not None for event in events)
    assert all(event["level"] in ("info", "warning", "error") for event in events)
    stages = [(event["event"], event["stage"]) for event in events if event["event"].startswith("stage.")]
    assert stages == [
        (what, name)
        for name in ("ingest", "transform", "verify", "publish")
        for what in ("stage.started", "stage.ended")
    ]
    assert [events[0]["event"], events[-2]["event"]] == ["run.started", "run.published"]
    published = events[-2]  # AWS charts these by their place (spec/dashboard.tf): levels as the spec has them
    assert published["rowsOut"] == 1667 and published["serviceLevels"][0]["kept"] is False
    levels = yaml.safe_load((product / SPEC).read_text("utf-8"))["spec"]["serviceLevels"]
    assert [level["name"] for level in published["serviceLevels"]] == [level["name"] for level in levels]
    assert isinstance(published["seconds"], float) and published["serviceLevels"][0]["value"] == 1667
    last = events[-1]
    assert (last["event"], last["level"], last["exitCode"]) == ("run.ended", level, code)
    assert "enough missed" in last["message"] and "serviceLevels" in last["fix"]
    known = report(product)
    assert (known["outcome"], known["missed"]) == ("published", ["enough"]) and "problem" not in known
    assert known["exitCode"] == code
    # Products of 0.1.0 and 0.2.0 have a test that says the first of these.
    assert {check["result"] for check in known["checks"]} == {"passed"}
    assert [(check["field"], check["result"]) for check in known["doubts"]] == [("airline", "unchecked")]
    assert events[-2]["checks"] == {"passed": len(known["checks"]), "others": known["doubts"]}
    assert (product / "build/ports/lake/departures.parquet").is_file()
    assert json.loads((product / "build/slis.json").read_text())["serviceLevels"][0]["kept"] is False


def test_a_failure_is_logged_with_its_stage_and_fix(product: Path, product_python: Path) -> None:
    done = pipeline(product_python, product, "--log-format=json", FLIGHTS="gone.csv")
    assert done.returncode == 2
    failed, ended = [json.loads(line) for line in done.stdout.splitlines()][-2:]
    assert (failed["event"], failed["stage"], failed["level"]) == ("stage.failed", "ingest", "error")
    assert (ended["event"], ended["exitCode"], ended["level"]) == ("run.ended", 2, "error")
    assert "no file matches gone.csv" in ended["message"]
    known = report(product)
    assert (known["outcome"], known["exitCode"], known["product"]) == (
        "failed",
        2,
        "airport-operations/departures",
    )
    assert known["problem"] == ended["message"]


LOADED = {
    "database@1": ({"url": "sqlite:///own.sqlite", "table": "t"}, "1.9, which does not fit BIGINT"),
    "rest-api@1": (
        {"base_url": "http://127.0.0.1:9/", "path": "t", "paginator": {"type": "single_page"}},
        "127.0.0.1",
    ),
}
"""What dlt loads -> properties of a source that cannot be read, and a part of the reason."""


@pytest.mark.parametrize("uses", LOADED)
def test_a_source_that_dlt_cannot_read_ends_the_run(uses: str, make: Make, product_python: Path) -> None:
    """dlt chains its errors around ours, which then is among its own causes."""
    product = make("loaded", inputs=["file", "database", "rest-api"], outputs=["parquet"])
    properties, reason = LOADED[uses]
    with contextlib.closing(sqlite3.connect(product / "own.sqlite")) as source, source:
        source.execute("create table t (id integer primary key, v integer)")
        source.execute("insert into t values (1, 1.9)")
    entry = {"name": "own", "uses": uses, "from": "system:own", "properties": properties}
    edit(product / SPEC, lambda spec: merged(spec, {"spec": {"inputs": [entry]}}))
    done = pipeline(product_python, product)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "\nFix: " in done.stdout
    known = report(product)
    assert known["outcome"] == "failed" and reason in known["problem"]


def test_nothing_is_printed_between_the_lines_of_json(every_port: Path, tmp_path: Path) -> None:
    code = """
import os, sys
from pipeline import progress
progress.open_streams()
progress.use_json()
print("a library")
os.write(1, b"a program\\n")
with progress.stage("ingest") as done:
    progress.say("      \\u00b7 two\\nlines")
    done("all")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=every_port, capture_output=True, text=True)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["stage.started", "note", "stage.ended"], done.stderr
    assert events[1]["message"] == "· two\nlines" and events[1]["stage"] == "ingest"
    assert "a library" in done.stderr and "a program" in done.stderr


# -- from another folder ----------------------------------------------------------------------------------


def test_a_product_is_run_from_elsewhere_by_its_own_code(
    small: Path, product: Path, product_python: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (product / "pipeline/errors.py").open("a").write("\nprint('own code')\n")
    (product / SPEC).write_text("1")
    for cwd, words in (
        (small, ["-m", "pipeline", "--project", os.path.relpath(product, small)]),
        (elsewhere, [product / "pipeline"]),
        (elsewhere, [small / "pipeline", f"--project={product}"]),
    ):
        done = run(product_python, cwd, *words)
        assert (done.returncode, done.stderr) == (2, ""), done.stderr
        assert "own code" in done.stdout and "data-product.yaml" in done.stdout
        assert report(product)["exitCode"] == 2 and not (small / "build").exists()
        shutil.rmtree(product / "build")


@pytest.mark.parametrize("folder", ["/nowhere", "README.md", "docs", "a\nb"])
def test_a_folder_that_is_no_product_is_named(folder: str, small: Path, product_python: Path) -> None:
    done = run(product_python, small, "-m", "pipeline", "--project", folder)
    assert (done.returncode, done.stderr) == (2, "")
    assert folder in done.stdout and "--project DIR" in done.stdout
    assert not (small / "docs/build").exists()


# -- broken surroundings ----------------------------------------------------------------------------------

VARIABLES = ["[1]", "1", "null", '"x"', "{", '{"FLIGHTS": 1}', '{"FLIGHTS": {"a": "b"}}', "[" * 100_000]


@pytest.mark.parametrize("text", VARIABLES, ids=lambda text: text[:20])
def test_variables_that_are_none_are_refused(text: str, small: Path, product_python: Path) -> None:
    done = run(product_python, small, PIPELINE_VARIABLES=text)
    assert (done.returncode, done.stderr) == (2, "")
    assert "PIPELINE_VARIABLES" in done.stdout and "Fix: Write a JSON object of texts" in done.stdout


STREAMS = {
    "full": ">/dev/full",
    "closed": ">&-",
    "all closed": "<&- >&- 2>&-",
    "nobody reads": "> >(true)",
    "errors full": "2>/dev/full",
}


@pytest.mark.parametrize("log", ["text", "json"])
@pytest.mark.parametrize("streams", STREAMS)
def test_what_becomes_of_the_output_does_not_change_the_exit_code(
    streams: str, log: str, product: Path, product_python: Path
) -> None:
    words = ["-m", "pipeline", "--log-format", log]
    (product / SPEC).write_text("1")
    done = run(product_python, product, *words, shell=STREAMS[streams])
    assert (done.returncode, done.stderr) == (2, "")
    assert report(product)["exitCode"] == 2


def test_a_run_publishes_without_a_home_and_though_nobody_reads_what_it_says(
    product: Path, product_python: Path
) -> None:
    environment = {"PATH": os.environ["PATH"], "OTHER": os.fsdecode(b"\xfe")}
    done = pipeline(product_python, product, out="/dev/full", environment=environment)
    assert done.returncode == 0 and report(product)["outcome"] == "published", done.stderr
    assert done.stderr == ""


def test_a_terminal_without_unicode_gets_escapes(small: Path, product_python: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = run(product_python, small, "-m", "pipeline", "--project", "Zürich·", **plain)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.isascii() and "is not a readable folder" in done.stdout


def test_a_variable_that_is_not_utf8_is_named(product: Path, product_python: Path) -> None:
    done = run(product_python, product, FLIGHTS=os.fsdecode(b"a\xff.csv"), OTHER=os.fsdecode(b"\xfe"))
    assert (done.returncode, done.stderr) == (2, "")
    assert "the variable FLIGHTS is not UTF-8" in done.stdout


def test_a_folder_that_is_gone_is_named(product: Path, product_python: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'cd "$0" && rmdir "$0" && exec "$@"'
    command = ["bash", "-c", script, gone, product_python, product / "pipeline", "--project"]
    for project, says in ((product, "no file matches gone.csv"), (".", "not a readable folder")):
        gone.mkdir(exist_ok=True)
        done = subprocess.run(
            [*command, project], env=children_environment(FLIGHTS="gone.csv"), capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (2, ""), done.stderr
        assert says in done.stdout


SPECS = {
    "a folder": lambda file: (file.unlink(), file.mkdir()),
    "not UTF-8": lambda file: file.write_bytes(b"kind: \xff"),
    "a number": lambda file: file.write_text("1"),
    "not YAML": lambda file: file.write_text("kind: a\n  b: c\n"),
    "deep": lambda file: file.write_text("[" * 1_500),
    "no schema": lambda file: (file.parent / ".meshwright/data-product.schema.json").write_text("{"),
}


@pytest.mark.parametrize("case", SPECS)
def test_a_spec_that_cannot_be_read_is_named(case: str, product: Path, product_python: Path) -> None:
    SPECS[case](product / SPEC)
    done = run(product_python, product)
    assert (done.returncode, done.stderr) == (2, ""), done.stderr
    assert "data-product" in done.stdout and "Fix:" in done.stdout
    assert (
        case != "not YAML" or "data-product.yaml:2:4: this is not valid YAML: mapping values" in done.stdout
    )
    assert report(product)["outcome"] == "failed"


def test_a_build_folder_that_cannot_be_written_is_named(
    product: Path, product_python: Path, build: Callable[..., Path]
) -> None:
    (product / "build").write_text("a file")
    done = run(product_python, product)
    assert done.returncode == 2 and "build/ cannot be written" in done.stdout
    (product / "build").unlink()
    folder = build("size=1m")
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    done = run(product_python, product)
    assert (done.returncode, done.stderr) == (2, "")
    assert "build/ cannot be written" in done.stdout and "Fix: Make room" in done.stdout


@pytest.mark.parametrize(("size", "stage"), [("64k", "ingest"), ("600k", "transform")])
def test_a_full_disk_is_no_broken_promise(
    size: str, stage: str, product: Path, product_python: Path, build: Callable[..., Path]
) -> None:
    build(f"size={size}")
    done = pipeline(product_python, product)
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"\n{stage}: " in done.stdout and "Fix: Make room" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert report(product)["outcome"] == "failed"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_stopped_says_so(
    number: signal.Signals, code: int, product: Path, product_python: Path
) -> None:
    with begun(product_python, product) as started:
        while "transform" not in started.said():
            time.sleep(0.01)
        assert report(product)["problem"].startswith("The run has not ended")  # what a killed one leaves
        os.kill(started.pid, number)
        done = started.ended()
    assert done.returncode == code, done.stdout + done.stderr
    assert "Every port serves either the old version" in done.stdout and "Traceback" not in done.stderr
    assert (report(product)["outcome"], report(product)["exitCode"]) == ("failed", code)


def test_a_signal_that_arrives_inside_of_exec_ends_with_its_own_exit_code(
    product: Path, product_python: Path
) -> None:
    """There Python notes an interrupt, and at its end kills itself with SIGINT, or as process 1 ends with 130."""
    stages, line = product / "pipeline/stages.py", "    origin = about(product, started)\n"
    stop = 'exec("import os, signal\\nos.kill(os.getpid(), signal.SIGTERM)\\nfor _ in range(10): pass")'
    code = stages.read_text("utf-8")
    assert line in code
    stages.write_text(code.replace(line, f"    {stop}\n{line}"), "utf-8")
    command = [product_python, "-m", "pipeline"]
    done = subprocess.run(command, cwd=product, env=children_environment(), capture_output=True, text=True)
    assert done.returncode == 143, done.stdout + done.stderr
    assert "Terminated. Every port serves" in done.stdout


def test_a_run_that_is_stopped_ends_though_a_library_does_not_notice(every_port: Path) -> None:
    code = """
import contextlib, os, signal, time
from pipeline import endings
endings.PATIENCE = 0.2
endings.heed_signals()
with contextlib.suppress(KeyboardInterrupt):
    os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=every_port, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (143, "")
    assert done.stdout.startswith("\nTerminated. Every port serves")


def test_a_file_of_the_pipeline_that_is_gone_is_named(product: Path, product_python: Path) -> None:
    (product / "pipeline" / "progress.py").unlink()
    done = pipeline(product_python, product)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "pipeline/progress.py is missing" in done.stderr
    assert "fix: Restore it with `git checkout HEAD -- pipeline/progress.py`" in done.stderr
    said = "from pipeline.endings import explained; print(explained(ModuleNotFoundError(name='pipeline.publish'), 2, None))"
    shutil.copy(ROOT / "template/pipeline/progress.py", product / "pipeline")
    (product / "pipeline" / "publish.py").unlink()
    done = subprocess.run([product_python, "-c", said], cwd=product, capture_output=True, text=True)
    assert "pipeline/publish.py is missing" in done.stdout and "git checkout HEAD" in done.stdout
