"""The port `iceberg@1`: what readers of the table see while it is published, changed and published badly.

DuckDB's own reader of Iceberg is an extension that PyPI does not have. pyiceberg reads the table here, and DuckDB
reads the files that pyiceberg says the table has.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from ports import DATASET, METADATA, Published
from products import SUPPORT
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import StaticTable, Table

pytestmark = pytest.mark.slow

EVERY_TYPE = """
    select true as truth, 7::tinyint as tiny, -3::smallint as small, 5::integer as whole, 9007199254740993 as large,
           200::utinyint as unsigned, 0.1::float as rough, 0.1::double as finer, 12345678901234567.89::decimal(19, 2) as exact,
           'naïve ''text''' as words, '\\x00\\xff'::blob as bytes, date '2013-02-29' - 1 as day, time '23:59:59.999999' as hour,
           timestamp '2013-01-01 00:00:00.000001' as local, timestamptz '2013-01-01 00:00:00+02' as instant,
           [1, null, 3] as list, {'a': 1, 'b': 'x'} as struct, null::integer as nothing
    union all by name select null::boolean as truth
""".replace("2013-02-29", "2013-03-01")


@pytest.fixture
def here(every_port: Path, tmp_path: Path) -> Published:
    return Published(tmp_path, "iceberg@1")


def table(here: Published) -> Table:
    """The table, as the catalog has it."""
    with closing(SqlCatalog("default", uri=f"sqlite:///{here.root}/build/port/catalog.db")) as catalog:
        return catalog.load_table(f"flight_operations.{DATASET}")


def files(here: Published) -> set[str]:
    """Every file of the table."""
    return {str(file) for file in Path(here.location).rglob("*") if file.is_file()}


def data(here: Published) -> set[str]:
    """The table's Parquet files, as it is now."""
    return {task.file.file_path for task in StaticTable.from_metadata(here.location).scan().plan_files()}


def parquet(here: Published) -> set[str]:
    return {file for file in files(here) if file.endswith(".parquet")}


def test_every_value_arrives_as_it_is(here: Published) -> None:
    here.publish(EVERY_TYPE)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        expected = connection.execute(f"from ({EVERY_TYPE}) order by truth").fetchall()
        served = connection.execute(f"from read_parquet({sorted(data(here))}) order by truth").fetchall()
    assert here.rows("truth") == served == expected


SHAPES = {
    "a column more": "select 1 as a, 'x' as b, 2.5::double as c",
    "a column less": "select 'x' as b",
    "a wider column": "select 1::bigint as a, 'x' as b",
    "a narrower column": "select 1::smallint as a, 'x' as b",
    "a column of another type": "select date '2013-01-01' as a, 'x' as b",
    "another order": "select 'x' as b, 1 as a",
    "a column within a column": "select {'deep': [1]} as a, 'x' as b",
    "nothing that was there": "select 1 as x, 2 as y",
    "a name that is quoted": 'select 1 as "a.b", 2 as "select", 3 as "B"',
}


@pytest.mark.parametrize("shape", SHAPES)
def test_columns_change_in_the_same_commit(shape: str, here: Published) -> None:
    here.publish("select 1::integer as a, 'x' as b")
    here.publish(SHAPES[shape])
    with duckdb.connect() as connection:
        expected = connection.execute(SHAPES[shape])
        names = [name for name, *_ in expected.description]
        assert here.read().column_names == names and here.rows() == expected.fetchall()
    known = table(here)
    assert len(known.snapshots()) == 2 and known.metadata_location.rpartition("/")[2].startswith("00001-")
    first = known.snapshots()[0].snapshot_id
    assert known.scan(snapshot_id=first).to_arrow().to_pylist() == [{"a": 1, "b": "x"}]


def test_a_snapshot_says_where_it_comes_from(here: Published) -> None:
    here.publish("select 1 as a")
    here.publish("select 1 as a where false")
    summary = table(here).current_snapshot().summary.additional_properties
    assert METADATA.items() <= summary.items() and here.read().num_rows == 0


def test_the_folder_can_be_read_from_everywhere(
    here: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.publish("select 1 as a")
    monkeypatch.chdir("/")
    assert here.rows() == [(1,)]
    here.publish("select 2 as a")
    assert here.rows() == [(2,)] and table(here).location() == here.location


PARTITIONS = {
    "varchar": ("x/1", "y 'z'", "w%"),
    "date": ("2013-01-01", "2013-01-02", "2013-01-03"),
    "integer": ("1", "2", "3"),
    "timestamp": ("2013-01-01 00:00:00", "2013-01-01 10:00:00", "2013-01-02 10:00:00"),
}


@pytest.mark.parametrize("type_", PARTITIONS)
def test_only_what_changed_is_written(type_: str, here: Published) -> None:
    one, two, three = PARTITIONS[type_]
    here.partition = "day"

    def rows(*pairs: tuple[str, int]) -> str:
        return " union all ".join(
            "select '{}'::{} as day, {} as n".format(day.replace("'", "''"), type_, n) for day, n in pairs
        )

    here.publish(rows((one, 1), (two, 2)), publication="p1")
    first = data(here)
    here.publish(rows((one, 1), (two, 20), (three, 30)), changed=(two, three), since="p1", publication="p2")
    assert [n for _, n in here.rows("n")] == [1, 20, 30] and len(data(here) & first) == 1
    second = data(here)
    here.publish(rows((one, 1), (three, 30)), changed=(two,), since="p2", publication="p3")
    assert [n for _, n in here.rows("n")] == [1, 30] and data(here) < second
    here.publish(rows((one, 1), (three, 30)), since="p3", publication="p4")  # nothing, and that is known
    here.publish(rows((one, 1), (three, 31)), changed=(three,), since="p4", publication="p5")
    assert [n for _, n in here.rows("n")] == [1, 31] and len(data(here) & first) == 1
    assert len(table(here).snapshots()) == 5


@pytest.mark.parametrize("since", ["of another place", "p1"])
def test_a_table_that_is_not_what_was_published_last_gets_the_whole(since: str, here: Published) -> None:
    here.publish("select 1 as day, 1 as n", publication="p1")  # and this one is not partitioned
    here.partition = "day"
    here.publish("from (values (1, 10), (2, 2)) rows(day, n)", changed=("2",), since=since, publication="p2")
    assert here.rows() == [(1, 10), (2, 2)]


def test_partitions_come_change_and_go(here: Published) -> None:
    query = "select 1 as a, 2 as b, 3 as n"
    for partition in ("", "a", "b", ""):
        here.partition = partition
        here.publish(query)
        assert [field.name for field in table(here).spec().fields] == [partition] * bool(partition)
        assert here.rows() == [(1, 2, 3)]
    here.partition = "a"
    here.publish(query)
    here.partition = "b"
    here.publish("select 2 as b, 3 as n")  # without the column that it was partitioned by
    assert here.rows() == [(2, 3)]


def test_more_than_is_held_in_memory_is_one_publication(
    here: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here.module, "AT_ONCE_BYTES", 500_000)
    for _ in range(2):
        here.publish("select range as n, range % 7 as part from range(500000)")
    assert len(data(here)) > 2 and len(table(here).snapshots()) == 2
    assert here.read().num_rows == len(set(here.read()["n"].to_pylist())) == 500_000


def test_after_its_days_a_snapshot_and_its_files_are_gone(
    here: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        here.publish(f"select {number} as a")
    assert len(parquet(here)) == 3
    monkeypatch.setattr(here.module, "KEPT", timedelta(0))
    here.publish("select 3 as a")
    assert len(table(here).snapshots()) == 1 and parquet(here) == data(here)
    assert here.rows() == [(3,)]


def test_what_a_run_left_that_was_killed_is_removed_by_the_next(here: Published) -> None:
    here.publish("select 1 as a")
    left = files(here)
    process = os.fork()
    if process == 0:
        publication = here.ready("select 2 as a")
        next(publication)
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(process, 0)[1] == signal.SIGKILL
    assert len(parquet(here)) == 2 and here.rows() == [(1,)]
    here.publish("select 3 as a")
    assert len(parquet(here)) == 2 and here.rows() == [(3,)] and left < files(here)


def test_a_publication_that_is_given_up_leaves_nothing(here: Published) -> None:
    here.publish("select 1 as a")
    before = files(here)
    publication = here.ready("select 2 as a")
    next(publication)
    assert files(here) > before
    publication.close()
    assert files(here) == before and here.rows() == [(1,)]


def test_two_runs_do_not_publish_the_same_at_once(here: Published) -> None:
    first = here.ready("select 1 as a")
    next(first)
    with pytest.raises(Exception, match="Another run is publishing to"):
        next(here.ready("select 2 as a"))
    next(first, None)
    assert here.rows() == [(1,)]


def test_the_catalog_refuses_the_second_where_there_are_no_locks(
    here: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def never_sure(folder: Path) -> Any:
        yield False

    here.publish("select 0 as a")
    monkeypatch.setattr(here.module, "output_lock", never_sure)
    first, second = here.ready("select 1 as a"), here.ready("select 2 as a")
    next(first), next(second), next(first, None)
    with pytest.raises(CommitFailedException):
        next(second)
    assert here.rows() == [(1,)]


def test_somebody_elses_folder_is_left_alone(here: Published) -> None:
    theirs = Path(here.location) / "data" / "theirs.parquet"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    with pytest.raises(Exception, match="was not created by this port"):
        here.publish("select 1 as a")
    assert theirs.exists()


@pytest.mark.parametrize("how", [shutil.copytree, shutil.move])
def test_a_folder_that_was_copied_is_published_anew(
    how: Callable[..., Any], here: Published, tmp_path: Path
) -> None:
    here.publish("select 1 as a")
    how(tmp_path / "build", tmp_path / "elsewhere" / "build")
    other = Published(tmp_path / "elsewhere", "iceberg@1")
    other.publish("select 2 as a")
    assert other.rows() == [(2,)] and all(file.startswith(other.location) for file in data(other))
    if how is shutil.copytree:
        assert here.rows() == [(1,)]


@pytest.mark.parametrize("lost", ["flights/metadata", "catalog.db", "flights"])
def test_what_has_been_removed_is_published_anew_or_named(lost: str, here: Published) -> None:
    here.publish("select 1 as a")
    path = Path(here.location).parent / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    here.publish("select 2 as a")
    assert here.rows() == [(2,)]


def test_a_catalog_of_ones_own_is_named_and_its_login_is_not_in_the_spec(
    here: Published, every_port: Path, tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path}/theirs.db"
    here.properties |= {"catalog": "lakehouse", "namespace": "air_operations"}
    code = f"""
from ports import Published
from pathlib import Path
here = Published(Path({str(tmp_path)!r}), "iceberg@1", {here.properties})
here.publish("select 1 as a")
here.properties["path"] = "build/elsewhere"
here.publish("select 2 as a")
"""
    known = {"PYICEBERG_CATALOG__LAKEHOUSE__URI": uri, "PYTHONPATH": f"{every_port}:{SUPPORT}"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | known, capture_output=True, text=True, cwd=tmp_path
    )
    assert "build/port/flights, not at" in done.stderr, done.stderr
    with closing(SqlCatalog("lakehouse", uri=uri)) as catalog:
        found = catalog.load_table(f"air_operations.{DATASET}")
        assert found.scan().to_arrow().to_pylist() == [{"a": 1}] and found.location() == here.location
    assert not (Path(here.location).parent / "catalog.db").exists() and here.rows() == [(1,)]


def test_another_product_reads_the_tables_own_files_or_its_rows(here: Published) -> None:
    from pipeline.inputs import data_product

    folder = here.root / "landed"

    def landed() -> tuple[list[tuple[Any, ...]], bool]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        found = data_product.OPEN["iceberg@1"](None, data_product.Place("iceberg@1", here.location), folder)
        own = {os.stat(file).st_ino for file in data(here)} == {file.stat().st_ino for file in found}
        return duckdb.execute(f"from read_parquet({list(map(str, found))}) order by all").fetchall(), own

    here.partition = "day"
    here.publish("select 1 as day, 10 as n union all select 2, 20", publication="p1")
    assert landed() == ([(1, 10), (2, 20)], True)
    with closing(SqlCatalog("default", uri=f"sqlite:///{here.root}/build/port/catalog.db")) as catalog:
        changed = catalog.load_table(f"flight_operations.{DATASET}")
        with changed.update_schema() as update:
            update.rename_column("n", "number")
        here.module._point(changed)
    assert landed() == ([(1, 10), (2, 20)], False)


def test_readers_see_one_version_while_it_is_replaced(here: Published) -> None:
    code = f"""
import sys
from pyiceberg.table import StaticTable
print(flush=True)
while True:
    found = StaticTable.from_metadata({here.location!r}).scan().to_arrow()
    print(len(found), len(set(found["n"].to_pylist())), flush=True)
"""
    here.publish("select 0 as n from range(100)")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout
        reader.stdout.readline()
        for number in range(1, 10):
            here.publish(f"select {number} as n from range({100 + number})")
        seen = [reader.stdout.readline().split() for _ in range(3)]
        reader.kill()
        seen += [line.split() for line in reader.stdout.read().splitlines()]
    assert seen and {distinct for _, distinct in seen} == {"1"}
