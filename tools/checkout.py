"""The template as it stands in this work tree, as a repository that Copier and pre-commit can clone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
NEXT = "v999.0.0"  # the work tree, where it has to be newer than every release
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
    copy_work_tree(target)
    git("init", "--quiet", "--initial-branch", "main", cwd=target)
    git("add", "--all", cwd=target)
    git("commit", "--quiet", "--message", "Work tree", cwd=target)
    pack(target)
    return target


def snapshot_with_releases(target: Path) -> Path:
    """As `snapshot`, tagged `NEXT`, on top of this repository's history with every release under its tag."""
    shutil.rmtree(target, ignore_errors=True)
    git("clone", "--quiet", "--no-checkout", "--no-tags", str(ROOT), str(target), cwd=ROOT)
    for version, commit in releases_in_history().items():
        git("tag", version, commit, cwd=target)
    copy_work_tree(target)
    git("add", "--all", cwd=target)
    git("commit", "--quiet", "--allow-empty", "--message", "Work tree", cwd=target)
    git("tag", NEXT, cwd=target)
    pack(target)
    return target


def pack(repository: Path) -> None:
    """As a repository comes from a server: one file, where each clone would link thousands."""
    git("repack", "-a", "-d", "--quiet", cwd=repository)


def releases() -> dict[str, str]:
    """The commit of each release, oldest first."""
    recorded = yaml.safe_load((ROOT / "releases.yaml").read_text("utf-8")) or []
    return {release["version"]: release["commit"] for release in recorded}


def releases_in_history() -> dict[str, str]:
    """The same, for those who need what is in them."""
    for version, commit in releases().items():
        try:
            git("cat-file", "-e", f"{commit}^{{commit}}", cwd=ROOT)
        except subprocess.CalledProcessError:
            raise LookupError(
                f"releases.yaml says that {version} is commit {commit}, and this history does not have it.\n"
                "If the clone is shallow: git fetch --unshallow\n"
                "If this is a fork whose history was squashed: take out of releases.yaml what was released"
                " elsewhere; `make release` records your own releases."
            ) from None
    return releases()


def copy_work_tree(target: Path) -> None:
    for name in git("ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT).split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
