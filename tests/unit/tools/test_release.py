"""A release is whole or can be made whole: refused where something is missing, repeated where it was killed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import checkout
import pytest
import release
import yaml
from checkout import git, snapshot
from release import Refused

LATEST = "0.2.0"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of the work tree, with something to release, whatever a fork has released."""
    clone = snapshot(tmp_path / "clone")
    released = [{"version": f"v{version}", "commit": "0" * 40} for version in ("0.1.0", LATEST)]
    (clone / "releases.yaml").write_text(yaml.safe_dump(released), "utf-8")
    for name, value in (("user.name", "Ada Example"), ("user.email", "ada@example.org")):
        git("config", name, value, cwd=clone)
    write(clone, "- A thing.\n")
    monkeypatch.setattr(checkout, "ROOT", clone)
    monkeypatch.setattr(release, "ROOT", clone)
    return clone


def write(clone: Path, unreleased: str) -> None:
    changelog = clone / "CHANGELOG.md"
    head = changelog.read_text("utf-8").partition("## Unreleased\n")[0]
    changelog.write_text(
        f"{head}## Unreleased\n\n{unreleased}\n## 0.1.0 – 2026-01-01\n\n- The first.\n", "utf-8"
    )
    git("commit", "--quiet", "--all", "--message", "Something to release", cwd=clone)


def state(clone: Path) -> dict[str, str]:
    """What a release makes, without the ids that differ from one to the next."""
    recorded = yaml.safe_load((clone / "releases.yaml").read_text("utf-8"))[-1]
    return {
        "log": git("log", "--format=%an: %s", "-3", cwd=clone),
        "tagged": git("log", "--format=%s", "-1", recorded["version"], cwd=clone),
        "recorded": str(recorded["commit"] == git("rev-parse", "v9.0.0^{commit}", cwd=clone).strip()),
        "left": git("status", "--porcelain", cwd=clone),
        "changelog": (clone / "CHANGELOG.md").read_text("utf-8"),
        "project": (clone / "pyproject.toml").read_text("utf-8"),
    }


def test_a_release_is_two_commits_and_a_tag(repository: Path) -> None:
    assert release.release("9.0.0") == "git push origin main v9.0.0"
    made = state(repository)
    assert made["log"].splitlines() == [
        "Ada Example: Record v9.0.0, for tests of updates",
        "Ada Example: Release 9.0.0",
        "Meshwright: Something to release",
    ]
    assert (made["tagged"], made["recorded"], made["left"]) == ("Release 9.0.0\n", "True", "")
    assert re.search(
        r"## Unreleased\n\n## 9\.0\.0 – \d{4}-\d\d-\d\d\n\n- A thing\.\n\n## 0\.1\.0", made["changelog"]
    )
    assert '\nversion = "9.0.0"\n' in made["project"]
    assert "releases.yaml" not in git("show", "--name-only", "--format=", "v9.0.0", cwd=repository)


def test_wherever_it_is_killed_it_can_be_repeated(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = git("rev-parse", "HEAD", cwd=repository).strip()
    release.release("9.0.0")
    whole = state(repository)
    steps = ["commit", "tag --annotate", "rev-parse", "commit"]
    for killed in range(len(steps)):
        for before in (True, False):
            git("tag", "--delete", "v9.0.0", cwd=repository)
            git("reset", "--quiet", "--hard", start, cwd=repository)
            with monkeypatch.context() as patch:
                patch.setattr(release, "git", killing(steps, killed, before))
                with pytest.raises(KeyboardInterrupt):
                    release.release("9.0.0")
            try:
                release.release("9.0.0")
            except Refused as refused:
                if "is released" not in str(refused):
                    # What it says is enough to go on.
                    (fix,) = re.findall(r"git (restore .*)$", str(refused))
                    git(*fix.split(), cwd=repository)
                    release.release("9.0.0")
            assert state(repository) == whole, (steps[killed], before)


def killing(steps: list[str], at: int, before: bool) -> Callable[..., str]:
    """`release.git`, but the process dies before or after one of the steps."""
    real, waiting = release.git, list(enumerate(steps))

    def git_(*arguments: str) -> str:
        step = None
        if waiting and " ".join(arguments).startswith(waiting[0][1]):
            step, _ = waiting.pop(0)
        if step == at and before:
            raise KeyboardInterrupt
        said = real(*arguments)
        if step == at:
            raise KeyboardInterrupt
        return said

    return git_


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("", "Nothing is not a version"),
        ("v9.0.0", "not a version such as"),
        ("9.0", "not a version such as"),
        ("9.0.0-rc.1", "not a version such as"),
        ("09.0.0", "not a version such as"),
        (LATEST, f"v{re.escape(LATEST)} is released"),
        ("0.0.9", f"0.0.9 is not newer than v{re.escape(LATEST)}"),
    ],
)
def test_a_version_that_cannot_be_is_refused(repository: Path, version: str, says: str) -> None:
    refused(repository, version, says)


def test_a_dirty_tree_is_refused(repository: Path) -> None:
    (repository / "new.txt").write_text("not committed\n")
    with pytest.raises(Refused, match=r"(?s)not clean.*new\.txt"):
        release.release("9.0.0")


def test_a_release_of_nothing_is_refused(repository: Path) -> None:
    write(repository, "### Added\n\n### Fixed\n")
    refused(repository, "9.0.0", "says nothing under Unreleased")


def test_a_tag_of_something_else_is_refused(repository: Path) -> None:
    git("tag", "v9.0.0", cwd=repository)
    with pytest.raises(Refused, match="tag of something else"):
        release.release("9.0.0")


def test_a_release_without_a_branch_is_refused(repository: Path) -> None:
    git("checkout", "--quiet", "--detach", cwd=repository)
    refused(repository, "9.0.0", "No branch is checked out")


def refused(repository: Path, version: str, says: str) -> None:
    """And nothing has happened."""
    head = git("rev-parse", "HEAD", cwd=repository)
    with pytest.raises(Refused, match=says):
        release.release(version)
    assert git("rev-parse", "HEAD", cwd=repository) == head
    assert git("status", "--porcelain", cwd=repository) + git("tag", cwd=repository) == ""
