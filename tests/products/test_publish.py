"""Publishing under bad conditions: readers see the old data set or the new one, and nothing is left behind.

PostgreSQL's part of it is in test_output_postgres.py.
"""

from __future__ import annotations

import errno
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import deltalake
import pytest
from ports import Published
from products import SUPPORT

pytestmark = pytest.mark.slow

KINDS = ["parquet@1", "delta@1", "iceberg@1"]
OLD, NEW = "select 1 as a from range(10)", "select 2 as a from range(20)"
LARGE = "select (random() * 1e18)::bigint as a from range(400000)"  # some megabytes, however they are packed


@pytest.fixture(params=KINDS)
def here(request: pytest.FixtureRequest, every_port: Path, tmp_path: Path) -> Published:
    return Published(tmp_path, request.param)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True
    ).returncode:
        pytest.skip("this machine lets us mount no file system (`mount -t tmpfs`)")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def files(folder: Path) -> set[str]:
    return {str(file) for file in folder.rglob("*") if file.is_file()}


def unused(here: Published) -> set[str]:
    """Parquet files of the port that no version of its data set has, and what else is no part of it."""
    folder = Path(here.location).parent
    hidden = {file for file in files(folder) if file.endswith((".partial", ".tmp"))}
    found = {file for file in files(folder) if file.endswith(".parquet")}
    if here.uses == "parquet@1":
        return hidden | (found - {here.location})
    if here.uses == "delta@1":
        versions = range(deltalake.DeltaTable(here.location).version() + 1)
        known = {
            file.removeprefix("file://")
            for version in versions
            for file in deltalake.DeltaTable(here.location, version=version).file_uris()
        }
        return hidden | (found - known)
    from pyiceberg.table import StaticTable

    table = StaticTable.from_metadata(here.location)
    scans = [table.scan(snapshot_id=snapshot.snapshot_id) for snapshot in table.snapshots()]
    return hidden | (found - {task.file.file_path for scan in scans for task in scan.plan_files()})


def values(here: Published) -> set[tuple[int, int]]:
    """(Value, how often) of what readers see: one of each is a whole data set."""
    found = [row for (row,) in here.rows()]
    return {(value, found.count(value)) for value in set(found)}


def elsewhere(here: Published, code: str, every_port: Path) -> subprocess.CompletedProcess[str]:
    """Runs code in another process, in which `here` is the same port."""
    said = f"from pathlib import Path\nfrom ports import Published\nhere = Published(Path({str(here.root)!r}), {here.uses!r}, {here.properties})\n"
    return subprocess.run(
        [sys.executable, "-c", said + code],
        env=os.environ | {"PYTHONPATH": f"{every_port}:{SUPPORT}"},
        capture_output=True,
        text=True,
    )


def test_a_full_disk_stops_a_publication_and_harms_nobody(here: Published, small_disk: Path) -> None:
    here.properties["path"] = str(small_disk / "port")
    here.publish(OLD)
    with pytest.raises(Exception, match=r"(?i)no space|not enough space|os error 28"):
        here.publish(LARGE)
    assert values(here) == {(1, 10)} and not unused(here)
    here.publish(NEW)
    assert values(here) == {(2, 20)} and not unused(here)


def test_a_file_that_may_not_grow_stops_a_publication_and_harms_nobody(
    here: Published, every_port: Path
) -> None:
    here.publish(OLD)
    other = Path(tempfile.mkdtemp(dir="/dev/shm")) / "port"
    if here.uses == "parquet@1":  # a link does not grow
        here.properties["path"] = str(other)
        here.publish(OLD)
    code = f"""
import resource
publication = here.ready({LARGE!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for _ in publication: pass
"""
    done = elsewhere(here, code, every_port)
    assert "File too large" in done.stderr, done.stderr
    assert values(here) == {(1, 10)} and not unused(here)
    here.publish(NEW)
    assert values(here) == {(2, 20)} and not unused(here)
    shutil.rmtree(other.parent)


def test_a_folder_that_may_only_be_read_stops_a_publication_before_any_port_changes(
    here: Published, small_disk: Path
) -> None:
    here.properties["path"] = str(small_disk / "port")
    here.publish(OLD)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(Exception, match=r"(?i)read-only|readonly"):
        here.publish(NEW)
    assert values(here) == {(1, 10)}


def test_another_file_system_gets_a_copy(every_port: Path, tmp_path: Path, small_disk: Path) -> None:
    here = Published(tmp_path, "parquet@1", {"path": str(small_disk / "port")})
    here.publish(OLD)
    here.publish(NEW)
    assert os.stat(here.location).st_nlink == 1 and values(here) == {(2, 20)} and not unused(here)


def test_what_a_run_left_that_was_killed_is_removed_by_the_next(here: Published, every_port: Path) -> None:
    here.publish(OLD)
    code = f"""
import os, signal
if here.uses == "delta@1":  # it writes within its commit, the last thing of which is the log's new file
    import deltalake
    deltalake.write_deltalake(here.location + "/../aside", __import__("pyarrow").table({{"a": [1]}}))
    (left,) = Path(here.location + "/../aside").glob("*.parquet")
    left.rename(Path(here.location) / left.name)
    __import__("shutil").rmtree(here.location + "/../aside")
else:
    publication = here.ready({NEW!r})
    next(publication)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert elsewhere(here, code, every_port).returncode == -9
    assert values(here) == {(1, 10)} and len(unused(here)) == 1
    here.publish(NEW)
    assert values(here) == {(2, 20)} and not unused(here)


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_a_run_that_is_killed_between_two_ports_leaves_each_whole(
    changed: int, every_port: Path, tmp_path: Path
) -> None:
    ports = [Published(tmp_path, uses, {"path": f"build/{uses}"}) for uses in KINDS]
    for port in ports:
        port.publish(OLD)
    code = f"""
import os, signal
ports = [Published(here.root, uses, {{"path": f"build/{{uses}}"}}) for uses in {KINDS}]
publications = [port.ready({NEW!r}) for port in ports]
for publication in publications: next(publication)
for publication in publications[:{changed}]: next(publication, None)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert elsewhere(ports[0], code, every_port).returncode == -9
    assert [values(port) for port in ports] == [{(2, 20)}] * changed + [{(1, 10)}] * (3 - changed)
    for port in ports:
        port.publish(NEW)
        assert values(port) == {(2, 20)} and not unused(port)


def test_two_runs_of_two_checkouts_leave_one_whole_data_set(here: Published, tmp_path: Path) -> None:
    here.properties["path"] = str(tmp_path / "shared")
    other = Published(tmp_path / "checkout", here.uses, here.properties)
    here.publish(OLD)
    first, second = here.ready(NEW), other.ready("select 3 as a from range(30)")
    next(first)
    if here.uses == "parquet@1":  # the last one wins
        next(second), next(first, None)
        assert values(here) == {(2, 20)}
        next(second, None)
        assert values(here) == {(3, 30)}
    else:
        with pytest.raises(Exception, match=r"Another run is publishing to .*shared") as refused:
            next(second)
        assert "Wait until it has ended" in refused.value.fix
        next(first, None)
        assert values(here) == {(2, 20)}
    assert not unused(here)
    other.publish(OLD)
    assert values(here) == {(1, 10)} and not unused(here)


def test_when_one_port_cannot_be_made_ready_the_others_are_as_before(
    every_port: Path, tmp_path: Path
) -> None:
    publish = importlib.import_module("pipeline.publish")
    errors = importlib.import_module("pipeline.errors")
    ports = [Published(tmp_path, uses, {"path": f"build/{uses}"}) for uses in KINDS]
    for port in ports:
        port.publish(OLD)
    (tmp_path / "file").touch()
    broken = Published(tmp_path, "parquet@1", {"path": "file"})

    class Product:  # a product's ports are those of its spec; here they are given
        def __getattr__(self, name: str) -> Any:
            return getattr(ports[0].product, name)

        outputs = tuple(port.port for port in (*ports, broken))

    data = ports[0].data(NEW)
    with pytest.raises(
        errors.UnreadableInput, match=r"The port lake \(parquet@1\) could not be made ready"
    ) as refused:
        publish.publish(Product(), data)
    assert refused.value.exit_code == 2 and "run again" in refused.value.fix
    for port in ports:
        assert values(port) == {(1, 10)} and not unused(port)


def test_a_staged_file_that_another_run_is_about_to_show_is_left_alone(
    every_port: Path, tmp_path: Path
) -> None:
    here = Published(tmp_path, "parquet@1")
    here.publish(OLD)
    dead = Path(here.location).with_name(".flights.0123.partial")
    dead.touch()
    first, second = here.ready(NEW), here.ready(OLD)
    next(first), next(second)
    assert not dead.exists() and len(unused(here)) == 2
    next(first, None)
    assert values(here) == {(2, 20)}
    second.close()
    assert values(here) == {(2, 20)} and not unused(here)


def test_what_the_system_refuses_ends_a_run_with_a_fix(every_port: Path) -> None:
    from pipeline.conformance import Check
    from pipeline.errors import PromiseBroken, UnreadableInput
    from pipeline.progress import stage
    from pipeline.verify import refuse_broken

    product: Any = SimpleNamespace(contract=Path("contract.odcs.yaml"))
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    for problem in (full, MemoryError(), RuntimeError("duckdb: Out of Memory Error: failed to allocate")):
        with pytest.raises(UnreadableInput, match=r"^verify: ") as refused, stage("verify"):
            raise problem
        assert refused.value.exit_code == 2 and "Make room" in refused.value.fix
    # The disk is said to be full by a check that could not be made, or by a value of the data.
    for result, error in (("error", UnreadableInput), ("failed", PromiseBroken)):
        with pytest.raises(UnreadableInput) as refused:
            refuse_broken(product, [Check("unique", "a", result, str(full))])
        assert type(refused.value) is error


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "Make room"),
        (OSError(errno.EACCES, "Permission denied"), "Allow the account"),
        (
            RuntimeError("Generic LocalFileSystem error: Permission denied (os error 13)\n   0: <unknown>"),
            "Allow the account",
        ),
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
            "Run again when it can be reached",
        ),
        (RuntimeError("CommitFailedException: branch main has changed"), "the other writer"),
        (OSError(errno.ENAMETOOLONG, "File name too long"), "Correct the path of the port"),
        (
            ValueError("Invalid data type\n   0: <unknown>\n   1: <unknown>"),
            "report it to the platform team",
        ),
    ],
)
def test_each_cause_has_a_fix_of_its_own(
    error: Exception, fix: str, every_port: Path, tmp_path: Path
) -> None:
    publish = importlib.import_module("pipeline.publish")
    problem = publish._failed(Published(tmp_path, "delta@1").port, "replaced", error)
    assert fix in problem.fix and "<unknown>" not in str(problem) and problem.exit_code == 2
    assert str(problem).startswith("The port lake (delta@1) could not be replaced: ")
    assert "Its readers see either the old data set or the new one, complete." in problem.fix
