"""`make release VERSION=0.2.0`: changelog, version, tag and releases.yaml, in two commits.

Killed halfway, it can be repeated: it looks at what git has already, and does the rest.
"""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime

from checkout import ROOT, releases

WRITTEN = ("CHANGELOG.md", "pyproject.toml", "releases.yaml")


class Refused(Exception):
    """What is in the way, and what to do about it."""


def release(version: str) -> str:
    """Makes the release; returns what to push."""
    tag = f"v{version}"
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", version):
        raise Refused(f"{version or 'Nothing'} is not a version such as 0.2.0: make release VERSION=0.2.0")
    if not (branch := git("branch", "--show-current")):
        raise Refused("No branch is checked out: git switch main")
    if changed := git("status", "--porcelain"):
        raise Refused(
            f"The work tree is not clean:\n{changed}\nCommit what is yours. After a release that was interrupted:"
            f" git restore --staged --worktree {' '.join(WRITTEN)}"
        )
    if tag in releases():
        raise Refused(f"{tag} is released: releases.yaml names it.")
    if newer := [other for other in releases() if numbers(other) > numbers(tag)]:
        raise Refused(f"{version} is not newer than {newer[-1]}.")

    # Each step looks for its own result first, so that one which was done is not done again.
    if not git("tag", "--list", tag):
        if f'\nversion = "{version}"\n' not in read("pyproject.toml") or not section(version):
            write_version(version)
            git(
                "commit", "--quiet", "--message", f"Release {version}", "--", "CHANGELOG.md", "pyproject.toml"
            )
        git("tag", "--annotate", "--message", f"Release {version}", tag)
    elif f'\nversion = "{version}"\n' not in git("show", f"{tag}:pyproject.toml"):
        raise Refused(f"{tag} is the tag of something else. If it was never pushed: git tag --delete {tag}")
    commit = git("rev-parse", f"{tag}^{{commit}}")
    write("releases.yaml", read("releases.yaml") + f"- version: {tag}\n  commit: {commit}\n")
    git("commit", "--quiet", "--message", f"Record {tag}, for tests of updates", "--", "releases.yaml")
    return f"git push origin {branch} {tag}"


def write_version(version: str) -> None:
    """What was unreleased becomes the version's section; pyproject.toml says the version."""
    if not section("Unreleased"):
        raise Refused("CHANGELOG.md says nothing under Unreleased. Write there what changes for products.")
    heading = f"## Unreleased\n\n## {version} – {datetime.now(UTC).date()}\n"
    changelog = read("CHANGELOG.md").replace("## Unreleased\n", heading, 1)
    project, found = re.subn(
        r'(?m)^version = ".*"$', f'version = "{version}"', read("pyproject.toml"), count=1
    )
    if not found:
        raise Refused("pyproject.toml has no line `version = …`.")
    write("CHANGELOG.md", changelog)
    write("pyproject.toml", project)


def section(title: str) -> str:
    """What the changelog says under a heading, apart from further headings."""
    found = re.search(rf"(?ms)^## {re.escape(title)}( .*?)?$(.*?)(?=^## |\Z)", read("CHANGELOG.md"))
    return re.sub(r"(?m)^#.*$", "", found[2]).strip() if found else ""


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.removeprefix("v").split("."))


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def write(name: str, text: str) -> None:
    (ROOT / name).write_text(text, "utf-8", newline="\n")


def git(*arguments: str) -> str:
    """As whoever makes the release, unlike what tests commit."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"git {arguments[0]} failed: {done.stderr.strip()}\nFix that, then repeat the command.")
    return done.stdout.rstrip()


def main() -> None:
    try:
        push = release(sys.argv[1] if len(sys.argv) > 1 else "")
    except Refused as refused:
        sys.exit(str(refused))
    print(f"Released here. To publish it:\n\n  {push}\n\nThen roll it out: docs/how-to/roll-out.md")


if __name__ == "__main__":
    main()
