"""Locks of the pipeline, and that it needs no system in particular."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from products import ALL, Make

HOLDER = """
import sys, time
from pathlib import Path
from pipeline.locks import locked, marked
with (locked if sys.argv[1] == "locked" else marked)(Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(product: Path, how: str, file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, how, str(file)]
    process = subprocess.Popen(command, cwd=product, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "held\n"
    return process


def test_a_lock_ends_with_its_process(every_port: Path, tmp_path: Path) -> None:
    from pipeline.locks import Busy, locked

    file = tmp_path / "lock"
    process = holder(every_port, "locked", file)
    with pytest.raises(Busy), locked(file):
        raise AssertionError("it is held")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with locked(file) as sure:
        assert sure
        with pytest.raises(Busy), locked(file):  # not even here
            raise AssertionError("it is held")
    with locked(file) as sure:
        assert sure


def test_a_file_is_removed_once_nobody_uses_it(every_port: Path, tmp_path: Path) -> None:
    from pipeline.locks import remove_unused

    used, left = tmp_path / ".a.1.partial", tmp_path / ".a.2.partial"
    process = holder(every_port, "marked", used)
    for file in (used, left):
        file.touch()
    remove_unused(tmp_path, ".a.*.partial")
    assert used.exists() and not left.exists()
    process.kill()
    process.communicate()
    remove_unused(tmp_path, ".a.*.partial")
    assert list(tmp_path.iterdir()) == []


def test_where_there_are_no_locks_a_run_is_not_sure(every_port: Path, tmp_path: Path) -> None:
    from pipeline.locks import locked

    (tmp_path / "file").touch()
    with locked(tmp_path / "file" / "lock") as sure:
        assert not sure


UNIX = ("fcntl", "resource", "pwd", "grp", "termios")
IMPORTS = f"""
import builtins, importlib, os, pkgutil, signal, sys
of_python = builtins.__import__

def of_windows(name, globals=None, *others, **named):
    asking = (globals or {{}}).get("__name__", "")
    if name in {UNIX} and asking.partition(".")[0] == "pipeline":
        raise ModuleNotFoundError(f"{{asking}} imports {{name}}")
    return of_python(name, globals, *others, **named)

builtins.__import__ = of_windows
for name in ("fork", "geteuid", "getuid", "setsid", "killpg", "mkfifo"):
    delattr(os, name)
for name in ("SIGHUP", "SIGQUIT", "SIGKILL", "pause", "alarm"):
    delattr(signal, name)
import pipeline
for module in pkgutil.walk_packages(pipeline.__path__, "pipeline."):
    if module.name != "pipeline.__main__":
        importlib.import_module(module.name)
        print(module.name)
"""


@pytest.mark.slow
def test_every_module_can_be_imported_without_what_only_unix_has(make: Make, product_python: Path) -> None:
    product = make("windows", **ALL)
    done = subprocess.run([product_python, "-c", IMPORTS], cwd=product, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    modules = done.stdout.split()
    expected = {
        ".".join(file.relative_to(product).with_suffix("").parts).removesuffix(".__init__")
        for file in (product / "pipeline").rglob("*.py")
    }
    assert expected - {"pipeline", "pipeline.__main__"} == set(modules)


def test_a_folder_that_cannot_be_locked_is_not_mistaken_for_a_second_run(
    every_port: Path, tmp_path: Path
) -> None:
    """Two runs that publish to one folder: the second is refused, and a dead one is not in the way."""
    from pipeline.errors import UnreadableInput
    from pipeline.outputs import output_lock

    folder = tmp_path / "port"
    folder.mkdir()
    with output_lock(folder) as sure, pytest.raises(UnreadableInput, match="Another run is publishing"):
        assert sure
        with output_lock(folder):
            raise AssertionError("it is held")
    with output_lock(folder) as sure:
        assert sure and os.listdir(folder) == []
