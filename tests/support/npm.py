"""Programs from npm that tests judge our output by: fetched once, kept between runs."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from checkout import ROOT
from filelock import FileLock

BUILD = ROOT / "build" / "tests"

MERMAID, LIKEC4, AXE = ("mermaid", "11.17.2"), ("likec4", "1.46.0"), ("axe-core", "4.14.1")


def package(name: str, version: str) -> Path:
    """One package as it was published, without what it depends on."""
    folder = BUILD / f"npm-{name}-{version}"
    with _once(folder) as missing:
        if missing:
            _npm("pack", f"{name}@{version}", "--silent", cwd=folder)
            (archive,) = folder.glob("*.tgz")
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
            archive.unlink()
            (folder / "ready").touch()
    return folder / "package"


def program(name: str, version: str) -> Path:
    """A package's command, with all that it depends on."""
    folder = BUILD / f"npm-{name}-{version}"
    with _once(folder) as missing:
        if missing:
            (folder / "package.json").write_text("{}")
            _npm("install", "--ignore-scripts", "--no-audit", "--no-fund", f"{name}@{version}", cwd=folder)
            (folder / "ready").touch()
    return folder / "node_modules" / ".bin" / name


class _once:
    """Holds the lock; says whether there is something to fetch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(BUILD.parent / "npm.lock")

    def __enter__(self) -> bool:
        BUILD.mkdir(parents=True, exist_ok=True)
        self._lock.acquire()
        if not (self._folder / "ready").exists():
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir()
            return True
        return False

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _npm(*arguments: str, cwd: Path) -> None:
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("no npm: it brings the programs that check Mermaid and LikeC4")
    done = subprocess.run(["npm", *arguments], cwd=cwd, capture_output=True, text=True, timeout=300)
    if done.returncode:
        shutil.rmtree(cwd, ignore_errors=True)
        pytest.skip(f"npm brings no {arguments[-1]}: {done.stderr.strip().splitlines()[-1:]}")
