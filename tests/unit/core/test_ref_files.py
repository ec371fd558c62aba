"""Files in a git ref: what several writers at once leave, in the clone and on a remote."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from meshwright.core.git import GitError
from meshwright.core.ref_files import LARGEST, RefFiles, remote_address

REF = "refs/heads/kept/files"
WRITERS = 6


def git(*arguments: str, cwd: Path) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    git("init", "--quiet", "--bare", "--template=", "origin.git", cwd=tmp_path)
    git("init", "--quiet", "--template=", "clone", cwd=tmp_path)
    git("commit", "--quiet", "--allow-empty", "--message", "One", cwd=tmp_path / "clone")
    git("remote", "add", "origin", "../origin.git", cwd=tmp_path / "clone")
    return tmp_path / "clone"


@pytest.mark.slow
@pytest.mark.parametrize("remote", ["", "../origin.git"])
def test_writers_at_once_lose_nothing(clone: Path, remote: str) -> None:
    def write(number: int) -> None:
        files = RefFiles(clone, REF, "refs/seen", remote)
        files.write(f"own-{number}", lambda before: b"x", "Own")
        files.write("shared", lambda before: (before or b"") + b"%d" % number, "Shared")

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    read = RefFiles(clone, REF, "refs/seen", remote)
    assert read.names() == [*(f"own-{number}" for number in range(WRITERS)), "shared"]
    assert sorted((read.file("shared") or b"").decode()) == list("012345")
    assert git("rev-list", "--count", read.tip or "", cwd=clone) == str(2 * WRITERS)
    assert not read.rewound


def test_what_is_no_small_file_is_not_read(clone: Path) -> None:
    files = RefFiles(clone, REF)
    assert files.file("a") is None and files.names() == [] and not files.has("HEAD")
    files.write("a", lambda before: None, "Nothing")
    assert files.tip is None
    files.write("a", lambda before: b"x" * (LARGEST + 1), "Large")
    with pytest.raises(GitError, match="larger than 65,536 bytes"):
        files.file("a")


def test_a_remote_that_is_a_program_is_not_run(clone: Path, tmp_path: Path) -> None:
    assert remote_address(clone) == "../origin.git" and remote_address(clone, "other") == ""
    with pytest.raises(GitError, match="not allowed"):
        RefFiles(clone, REF, "refs/seen", f"ext::touch {tmp_path}/ran")
    assert not (tmp_path / "ran").exists()
