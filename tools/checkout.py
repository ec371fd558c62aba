"""The template as it stands in this work tree, as a repository that Copier and pre-commit can clone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
IDENTITY = (
    "-c",
    "user.name=Meshwright",
    "-c",
    "user.email=platform@example.org",
    "-c",
    "commit.gpgsign=false",
)


def git(*arguments: str, cwd: Path) -> str:
    """Runs git; returns what it prints."""
    done = subprocess.run(["git", *IDENTITY, *arguments], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout


def clean() -> bool:
    """Whether the work tree is what HEAD says, so that a version recorded from it can be found again."""
    return not git("status", "--porcelain", cwd=ROOT).strip()


def snapshot(target: Path) -> Path:
    """Commits the work tree, with all that is not committed yet, to a new repository at `target`."""
    shutil.rmtree(target, ignore_errors=True)
    for name in git("ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT).split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    git("init", "--quiet", "--initial-branch", "main", cwd=target)
    git("add", "--all", cwd=target)
    git("commit", "--quiet", "--message", "Work tree", cwd=target)
    return target
