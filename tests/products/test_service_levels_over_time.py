"""Service levels over time: which runs count, what is left of an error budget, and what a run does when it is used up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from edits import edit, merged
from port_runs import Runs

NOW = datetime(2026, 11, 30, 5, tzinfo=UTC)
FRESH = {"name": "fresh", "indicator": "freshness", "objective": "<= 24h", "target": "90%", "window": "10d"}


@pytest.fixture
def made(every_port: Path, tmp_path: Path) -> Callable[..., Any]:
    """A product of a data set `t` with some service levels."""
    from pipeline.spec import Capability, Product

    def make(*levels: dict[str, Any], target: str = "") -> Any:
        return Product(
            *(tmp_path, "product", "domain", "1.0.0", "t", tmp_path / "contract.odcs.yaml", ()),
            transform=Capability("transforms", "dbt@1"),
            outputs=(),
            service_levels=levels or (FRESH,),
            target=target,
        )

    return make


def measured(level: dict[str, Any], kept: bool | None, value: float | None = 1.0) -> dict[str, Any]:
    """What a run measured, as its report has it."""
    own = {key: level[key] for key in ("name", "indicator", "objective")}
    return {**own, "value": value, "unit": "h", "kept": kept, "reason": ""}


def ran(product: Any, started: datetime, met: bool | None = True, value: float | None = 1.0) -> None:
    """A run that has published."""
    from pipeline import history

    history.begin(product, started)
    levels = [measured(level, met, value) for level in product.service_levels]
    history.end(product, {"outcome": "published", "serviceLevels": levels})


def daily(*met: bool | None, hours: float = 24) -> list[tuple[float, bool | None]]:
    """Runs one after another, the last of them `hours` ago: how many hours ago, and whether they met the objective."""
    return [((len(met) - index) * hours, one) for index, one in enumerate(met)]


GOOD, BAD = True, False
COUNTS = {
    # earlier runs, this one -> runs, good, error budget, burn rate, missed; at 90 % in 10 days, 10 runs suffice
    "the first run": ([], GOOD, (1, 1, None, None, False)),
    "a bad first run": ([], BAD, (1, 0, None, None, True)),
    "nine of ten": (daily(*[GOOD] * 8, BAD, hours=20), GOOD, (10, 9, 0.0, 5.0, False)),
    "a bad run within the budget": (daily(*[GOOD] * 19, hours=12), BAD, (20, 19, 0.5, 5.0, False)),
    "two of ten are bad": (daily(*[GOOD] * 7, BAD, GOOD, hours=20), BAD, (10, 8, -1.0, 5.0, True)),
    "a good run after too many bad ones": (daily(*[BAD] * 3, *[GOOD] * 8, hours=20), GOOD, (12, 9, -1.5, 0.0, True)),
    "too few, for as long as the window": (daily(*[GOOD] * 4, hours=70), GOOD, (4, 4, 1.0, 0.0, False)),
    "one of them, before the window": ([(241, GOOD)], BAD, (1, 0, -9.0, 10.0, True)),
    "too few to tell": (daily(GOOD, GOOD, hours=20), GOOD, (3, 3, None, None, False)),
    "those that nobody could judge": ([*daily(*[None] * 30, hours=8)], GOOD, (1, 1, None, None, False)),
    "this one cannot be judged": (daily(*[GOOD] * 10, hours=20), None, (10, 10, 1.0, 0.0, False)),
}  # fmt: skip


@pytest.mark.parametrize("case", COUNTS)
def test_the_error_budget_is_what_the_runs_in_the_window_left(case: str, made: Callable[..., Any]) -> None:
    from pipeline import error_budgets, progress

    earlier, kept, (runs, good, budget, rate, missed) = COUNTS[case]
    product = made()
    for hours, met in earlier:
        ran(product, NOW - timedelta(hours=hours), met)
    (level,) = error_budgets.counted(product, [measured(FRESH, kept)], NOW)
    assert (level["target"], level["window"], level["runs"], level["good"]) == (0.9, 10, runs, good)
    assert (level["errorBudget"], level["burnRate"]) == (budget, rate)
    assert progress.is_missed(level) is missed
    words = "not known yet" if budget is None else "MISSED" if missed else "kept"
    assert progress.level_text(level).endswith(words) or words == "not known yet" in progress.level_text(
        level
    )


REJUDGED = {
    # the level as it is now, of runs that took 30 h, 30 h and 10 h to be fresh at `<= 24h` -> runs, good
    "the same": ({}, (4, 2)),
    "a looser objective": ({"objective": "<= 36h"}, (4, 4)),
    "another unit": ({"objective": "<= 1.5d"}, (4, 4)),
    "a stricter one": ({"objective": "<= 5h"}, (4, 1)),
    "another indicator": ({"indicator": "duration"}, (1, 1)),
    "of a column": ({"column": "a"}, (1, 1)),
    "another name": ({"name": "new"}, (1, 1)),
}


@pytest.mark.parametrize("case", REJUDGED)
def test_earlier_runs_are_judged_by_what_is_promised_now(case: str, made: Callable[..., Any]) -> None:
    from pipeline import error_budgets

    for hours, value in ((60, 30.0), (40, 30.0), (20, 10.0)):
        ran(made(), NOW - timedelta(hours=hours), value <= 24, value)
    changes, expected = REJUDGED[case]
    level = FRESH | changes
    (counted,) = error_budgets.counted(made(level), [measured(level, True)], NOW)
    assert (counted["runs"], counted["good"]) == expected


def lines(product: Any) -> list[str]:
    from pipeline import history

    file = product.root / history.FILE
    return file.read_text("utf-8", "replace").splitlines() if file.exists() else []


def test_a_run_is_in_the_history_once_however_it_ended(made: Callable[..., Any]) -> None:
    from pipeline import history

    product, note = made(), history.begun_file(made().root, "")
    ran(product, NOW)
    ran(product, NOW)  # the same one, after a crash before its note was gone
    assert len(lines(product)) == 1 and not note.exists()
    history.begin(product, NOW + timedelta(hours=1))  # this one is killed
    ran(product, NOW + timedelta(hours=2), None, None)
    history.begin(product, NOW + timedelta(hours=3))
    history.end(product, {"outcome": "failed"})
    known, broken = history.runs(product, NOW + timedelta(hours=4))
    assert [run.met(FRESH) for run in known] == [True, False, None, False] and broken == []
    assert history.runs(made(target="production"), NOW + timedelta(hours=4)) == ([], [])
    ran(made(target="production"), NOW)
    assert len(lines(product)) == 5 and len(history.runs(made(target="production"), NOW)[0]) == 1
    assert "password" not in "".join(lines(product))
    note.write_text("{")  # by a disk that broke
    ran(product, NOW + timedelta(hours=5))
    assert len(lines(product)) == 6


def test_a_run_that_was_killed_counts_once_wherever_its_machine_is(made: Callable[..., Any]) -> None:
    from pipeline import history

    product = made()
    ran(product, NOW)
    elsewhere, here = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    ran_after = NOW + timedelta(hours=3)
    history.begin(product, here)  # killed here, and its lease says so, too
    history.begin(product, ran_after, here)
    history.end(product, {"outcome": "failed"})
    history.begin(product, NOW + timedelta(hours=4), elsewhere)  # only its lease was left
    history.end(product, {"outcome": "failed"})
    known, broken = history.runs(product, NOW + timedelta(hours=5))
    assert broken == [] and [run.started for run in known] == [
        NOW,
        here,
        ran_after,
        elsewhere,
        NOW + timedelta(hours=4),
    ]
    assert [run.met(FRESH) for run in known] == [True, False, False, False, False]


TORN = '{"run": "2026-11-29T05:00:00+00:00", "levels": {"fresh": {"indicator": "freshness", "obj'
BROKEN = {
    "cut off by a crash": TORN,
    "no object": "[]",
    "a number": "7",
    "no run": '{"levels": {}}',
    "a time without a zone": '{"run": "2026-11-29T05:00:00", "levels": {}}',
    "no time": '{"run": 5, "levels": {}}',
    "from the future": '{"run": "2027-11-29T05:00:00+00:00", "levels": {}}',
    "NaN": '{"run": "2026-11-29T05:00:00+00:00", "levels": {"fresh": {"value": NaN, "met": true}}}',
    "infinity": '{"run": "2026-11-29T05:00:00+00:00", "levels": {"fresh": {"value": 1e999, "met": true}}}',
    "a number beyond all": '{"run": "2026-11-29T05:00:00+00:00", "levels": {"fresh": {"value": 1'
    + "0" * 400
    + ', "met": true}}}',
    "the end of time": '{"run": "9999-12-31T23:59:59-23:59", "levels": {}}',
    "met as a text": '{"run": "2026-11-29T05:00:00+00:00", "levels": {"fresh": {"value": 1, "met": "yes"}}}',
    "levels in a list": '{"run": "2026-11-29T05:00:00+00:00", "levels": [1]}',
    "a level that is a text": '{"run": "2026-11-29T05:00:00+00:00", "levels": {"fresh": "x"}}',
    "bytes that are no text": "\udcff\udcfe",
    "an environment that is a list": '{"run": "2026-11-29T05:00:00+00:00", "environment": [1], "levels": 5}',
    "nested without an end": "[" * 100_000,
}


def test_a_broken_line_is_reported_and_does_not_count(
    made: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline import error_budgets, history

    product = made()
    for hours in range(12, 0, -1):
        ran(product, NOW - timedelta(hours=20 * hours))
    file = product.root / history.FILE
    whole = file.read_bytes()
    for name, line in BROKEN.items():
        file.write_bytes(whole + line.encode("utf-8", "surrogateescape"))
        capsys.readouterr()
        (level,) = error_budgets.counted(product, [measured(FRESH, True)], NOW)
        assert (level["runs"], level["errorBudget"]) == (12, 1.0), name
        said = capsys.readouterr().out
        number = whole.count(b"\n") + 1
        assert "cannot be read" in said and said.rstrip().endswith(f": {number}"), name
        # What comes next is a line of its own, and whole.
        ran(product, NOW - timedelta(minutes=1))
        assert len(history.runs(product, NOW)[0]) == whole.count(b"\n") + 1, name
    file.unlink()
    file.mkdir()
    from pipeline.errors import UnreadableInput

    with pytest.raises(UnreadableInput, match="history of runs cannot be used"):
        history.begin(product, NOW)


def test_the_history_is_as_long_as_the_longest_window_with_a_margin(made: Callable[..., Any]) -> None:
    from pipeline import history

    product = made()
    for hours in range(0, 24 * 60, 24):
        ran(product, NOW + timedelta(hours=hours))
    kept = history.runs(product, NOW + timedelta(days=60))[0]
    assert 12 <= len(kept) <= 16 and kept[0].started <= NOW + timedelta(days=59 - 11)
    rare = made(FRESH, target="rare")  # the one before the window shows that there was a history
    for days in (0, 40, 80, 120):
        ran(rare, NOW + timedelta(days=days))
    assert [run.started for run in history.runs(rare, NOW + timedelta(days=120))[0]] == [
        NOW + timedelta(days=80),
        NOW + timedelta(days=120),
    ]


TABLES = {
    # what was published before (None: nothing), the table now -> change of volume, breaking changes
    "the first run": (None, "select 1 a", None, None),
    "nothing has changed": ("select 1 a", "select 2 a", 0, 0),
    "half as many rows": ("from range(10) t(a)", "from range(5) t(a)", -50, 0),
    "all rows are gone": ("from range(10) t(a)", "from range(0) t(a)", -100, 0),
    "no rows before": ("from range(0) t(a)", "from range(5) t(a)", None, 0),
    "no rows, as before": ("from range(0) t(a)", "from range(0) t(a)", 0, 0),
    "NaN is a row": ("select 1.0::double a", "select unnest(['nan'::double, 1]) a", 100, 0),
    "a column more": ("select 1 a", "select 1 a, 2 b", 0, 0),
    "a column less": ("select 1 a, 2 b, 3 c", "select 1 b", 0, 2),
    "a column in other letters": ("select 1 a", "select 1 \"A\"", 0, 1),
    "columns in another order": ("select 1 a, 2 b", "select 2 b, 1 a", 0, 0),
    "a wider number": ("select 1::integer a", "select 1::bigint a", 0, 0),
    "a number that is a text": ("select 1 a", "select '1' a", 0, 1),
    "a time with a zone": ("select timestamp '2024-01-01' a", "select timestamptz '2024-01-01' a", 0, 1),
    "a field less": ("select {'x': 1, 'y': 2} a", "select {'x': 1} a", 0, 1),
    "the same field": ("select {'x': 1} a", "select {'x': 2} a", 0, 0),
}  # fmt: skip
CHANGE = {"name": "change", "indicator": "volume-change", "objective": ">= -20%"}
STABLE = {"name": "stable", "indicator": "schema-stability", "objective": "<= 0 changes"}


def dataset(root: Path, query: str) -> Any:
    from pipeline.dataset import Dataset, count

    part = root / "t.parquet"
    duckdb.execute(f"copy ({query}) to '{part}' (format parquet)")
    return Dataset((part,), count((part,)), {"ingestedAt": NOW.isoformat()})


@pytest.mark.parametrize("case", TABLES)
def test_a_publication_is_compared_with_the_last_one(
    case: str, made: Callable[..., Any], tmp_path: Path
) -> None:
    from pipeline import evolution, service_levels
    from pipeline.dataset import described

    before, now, change, breaking = TABLES[case]
    product = made(CHANGE, STABLE)
    if before:
        old = dataset(tmp_path, before)
        evolution.remember(product, {}, described(old.parts), old.rows)
    volume, schema = service_levels.measure(product, dataset(tmp_path, now), NOW)
    assert (volume.value, volume.unit, schema.value, schema.unit) == (change, "%", breaking, "changes")
    assert volume.kept is (None if change is None else change >= -20)
    assert schema.kept is (None if breaking is None else breaking == 0)
    assert bool(volume.reason) is (change is None) and bool(schema.reason) is (breaking is None)


@pytest.mark.parametrize("rows", ["NaN", "-1", "true", '"5"', "1e3", "[]", "{", "1" + "0" * 400])
def test_a_record_of_another_hand_is_no_publication(
    rows: str, made: Callable[..., Any], tmp_path: Path
) -> None:
    from pipeline import service_levels
    from pipeline.declared_columns import recorded

    product = made(CHANGE)
    recorded(product).parent.mkdir(parents=True)
    recorded(product).write_text(f'{{"version": 2, "inputs": {{}}, "dataset": {{}}, "datasetRows": {rows}}}')
    (volume,) = service_levels.measure(product, dataset(tmp_path, "select 1 a"), NOW)
    assert (volume.value, volume.kept) == (None, None)


def test_a_port_is_opened_as_its_readers_do(
    every_port: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    from pipeline import service_levels
    from pipeline.port_availability import unavailable

    here = Runs(tmp_path / "product")
    level = {"name": "open", "indicator": "availability", "objective": ">= 100%"}
    product = replace(here.product, service_levels=(level,))
    (before,) = service_levels.measure(product, here.run("select 1 a, 'x' b"), NOW)
    assert (before.value, before.kept) == (None, None)  # nothing is published yet
    published = here.run("select 1 a, 'x' b")
    (all_open,) = service_levels.measure(product, published, NOW, published=True)
    assert (all_open.value, all_open.unit, all_open.kept) == (100.0, "%", True)
    lake, tables, ice = product.outputs
    folder = tmp_path / "product" / "build" / "ports"
    file = folder / "parquet" / "readings.parquet"
    file.unlink()  # it is the verified file itself, under another name
    file.write_bytes(b"PAR1 and nothing else")
    for part in (folder / "delta" / "readings").glob("*.parquet"):
        part.unlink()
    assert "lake" not in unavailable(ice, product, published)
    assert "The port parquet cannot be opened" in unavailable(lake, product, published)
    assert "The port delta cannot be opened" in unavailable(tables, product, published)
    (one,) = service_levels.measure(product, published, NOW, published=True)
    assert (one.value, one.kept) == (33.333, False)
    assert capsys.readouterr().out.count("cannot be opened") == 2
    empty = here.run("select 1 a limit 0")
    assert unavailable(ice, product, empty) == ""
    assert "has no rows, but 1 were published" in unavailable(ice, product, replace(empty, rows=1))
    other = dataset(tmp_path, "select 1 a, 2 b")
    assert "does not have the column b" in unavailable(ice, product, other)


@pytest.fixture
def runs(every_port: Path, copy_of: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs of a product with a target whose stages are made up: how each ends, and what it reports."""
    from pipeline import datacontract_cli, run, service_levels
    from pipeline.errors import UnreadableInput

    root = copy_of(every_port)
    edit(root / "data-product.yaml", lambda spec: merged(spec, {"spec": {"serviceLevels": [FRESH]}}))
    monkeypatch.setattr(datacontract_cli, "begin", lambda contract: None)

    def go(hours: float | None, fails: str = "", **options: Any) -> dict[str, Any]:
        def stages(product: Any, started: datetime, report: dict[str, Any], anew: bool) -> None:
            if hours is None:
                raise UnreadableInput(fails, fix="Fix it.")
            report["outcome"] = "published"
            del report["problem"]
            levels = [
                service_levels.Measurement(
                    *(level["name"], level["indicator"], level["objective"], hours, "h", hours <= 24)
                )
                for level in product.service_levels
            ]
            report |= {"rowsIn": {}, "rowsOut": 1, "checks": [], "doubts": [], "ports": {}}
            report["serviceLevels"] = service_levels.counted(
                product, levels, started, counts="counted" in report
            )
            (root / "build" / "slis.json").write_text(
                service_levels.as_text(product, report["serviceLevels"])
            )

        monkeypatch.setattr(run, "stages", stages)
        variables = {} if options.pop("sample", False) else {"FLIGHTS": "sample_data/flights.csv"}
        try:
            run.run(root, variables, **{"counts": True, **options})
        except UnreadableInput as problem:
            assert problem.fix
        report: dict[str, Any] = json.loads((root / "build" / "run.json").read_text())
        return report

    go.root = root  # type: ignore[attr-defined]
    yield go


def counts(report: dict[str, Any]) -> tuple[Any, ...]:
    level = report["serviceLevels"][0]
    return report["exitCode"], level["runs"], level["good"], level["errorBudget"]


def test_a_run_ends_by_the_error_budget_once_it_is_known(runs: Any) -> None:
    from pipeline import history, progress

    assert counts(runs(30)) == (3, 1, 0, None)  # nothing is known over time: this run decides
    assert [counts(runs(1))[:3] for _ in range(18)][-1] == (0, 19, 18)
    report = runs(30)
    assert counts(report) == (0, 20, 18, 0.0) and "missed" not in report  # shown, and within the budget
    report = runs(1, sample=True)
    assert counts(report) == (0, 0, 0, None) and "counted" not in report
    assert counts(runs(30, counts=False)) == (3, 0, 0, None)  # --watch and tests
    runs(1)
    failed = runs(None, "The source is gone.")
    assert failed["outcome"] == "failed" and "missed" not in failed
    assert counts(failed) == (2, 22, 19, -0.3636)
    level = failed["serviceLevels"][0]
    assert (level["value"], level["kept"], level["reason"]) == (None, False, "the run published nothing")
    (fresh, *_) = json.loads((runs.root / "build" / "slis.json").read_text())["serviceLevels"]
    assert (fresh["value"], fresh["kept"], fresh["runs"], fresh["errorBudget"]) == (1, True, 22, -0.3636)
    report = runs(1)
    assert counts(report) == (3, 23, 20, -0.3043) and report["missed"] == ["fresh"]
    assert "Too many runs missed fresh" in progress.fix_of_miss(report)
    note = history.begun_file(runs.root, "")
    note.mkdir()  # nothing of this run can be noted
    report = runs(1)
    assert (report["exitCode"], report["outcome"]) == (2, "failed") and "history" in report["problem"]


def test_a_run_that_cannot_read_its_spec_counts_where_runs_count(runs: Any) -> None:
    from pipeline import history

    file = runs.root / history.FILE
    spec = runs.root / "data-product.yaml"
    text = spec.read_text()
    spec.write_text(text.replace("kind: DataProduct", "kind: Nothing"))
    runs(1)
    assert not file.exists()  # it never had a target, as far as is known
    spec.write_text(text)
    runs(1)
    spec.write_text(text.replace("kind: DataProduct", "kind: Nothing"))
    runs(1)
    runs(1, sample=True)
    runs(1, target="../../elsewhere")
    assert len(file.read_text().splitlines()) == 2
    spec.write_text(text)
    assert counts(runs(1))[1:3] == (3, 2)


def test_a_product_without_a_target_has_no_history(runs: Any) -> None:
    spec = runs.root / "data-product.yaml"
    plain = {key: value for key, value in FRESH.items() if key not in ("target", "window")}
    edit(spec, lambda value: merged(value, {"spec": {"serviceLevels": [plain]}}))
    report = runs(30)
    assert report["exitCode"] == 3 and "counted" not in report
    assert set(report["serviceLevels"][0]) == {
        "name",
        "indicator",
        "objective",
        "value",
        "unit",
        "kept",
        "reason",
    }
    assert "serviceLevels" not in runs(None, "The source is gone.")
    assert not (runs.root / "build" / "state").exists()
