"""Repositories whose commits people sign, for the tests of approval."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

PATH = "access/agreements/punctuality.yaml"
APPROVERS = "access/approvers.yaml"
BO = frozenset({"bo@example.org"})
"""Who asks for access."""
CAPACITIES = {"ada": "owner", "dan": "data-protection", "sam": "steward", "eve": "owner", "bo": "owner"}


def agreement(status: str = "requested", role: str = "reader", more: str = "") -> str:
    return f"id: punctuality\nstatus: {status}\nrole: {role}\nrequester: bo@example.org\n{more}"


class People:
    """Everybody's SSH keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in CAPACITIES:
            self.make(name)

    def make(self, name: str, *kind: str) -> Path:
        """Makes a key; returns the private one."""
        key = self.folder / name
        if not key.exists():
            options = kind or ("-t", "ed25519")
            subprocess.run(
                ["ssh-keygen", "-q", *options, "-N", "", "-C", f"{name}@example.org", "-f", str(key)],
                check=True,
            )
        return key

    def public(self, name: str) -> str:
        return self.make(name).with_suffix(".pub").read_text().strip()

    def approvers(self, *names: str, changed: Mapping[str, str] | None = None) -> str:
        """approvers.yaml that names some people; `changed` replaces parts of the text."""
        lines = ["apiVersion: meshwright/v1", "kind: Approvers", "approvers:" if names else "approvers: []"]
        for name in names:
            lines += [
                f"  - name: {name.title()} Example",
                f"    email: {name}@example.org",
                f"    capacity: {CAPACITIES.get(name, 'owner')}",
                f"    key: {self.public(name)}",
            ]
        text = "\n".join([*lines, ""])
        for old, new in (changed or {}).items():
            assert old in text
            text = text.replace(old, new)
        return text


class Repository:
    """A product's repository on its main branch; commits are by whoever is named, signed only if asked for."""

    def __init__(self, root: Path, people: People, *options: str) -> None:
        """Makes an empty repository, or takes one that is there."""
        self.root, self.people = root, people
        if not root.exists():
            root.mkdir(parents=True)
            self.git("init", "--quiet", "--initial-branch", "main", "--template=", *options)

    def git(self, *arguments: str, by: str = "bo", feed: bytes | None = None, **variables: str) -> str:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        identity = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", by.title()), ("EMAIL", f"{by}@example.org"))
        }
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, input=feed, env=kept | alone | identity | variables, capture_output=True
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def signing(self, signer: str | None) -> list[str]:
        if signer is None:
            return ["-c", "commit.gpgSign=false"]
        key = self.people.make(signer)
        return ["-c", "gpg.format=ssh", "-c", f"user.signingKey={key}", "-c", "commit.gpgSign=true"]

    def write(self, files: Mapping[str, str | None]) -> None:
        for path, text in files.items():
            file = self.root / path
            if text is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)

    def commit(
        self, message: str, files: Mapping[str, str | None], signed: str | None = None, by: str | None = None
    ) -> str:
        """Commits changed files (None: deleted); returns the commit's name."""
        self.write(files)
        self.git("add", "--all")
        self.git(
            *self.signing(signed),
            "commit",
            "--quiet",
            "--allow-empty",
            "-m",
            message,
            by=by or signed or "bo",
        )
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, start: str = "HEAD") -> None:
        self.git("switch", "--quiet", "--create", name, start)

    def switch(self, name: str) -> None:
        self.git("switch", "--quiet", name)

    def merge(
        self,
        branch: str,
        *options: str,
        signed: str | None = None,
        files: Mapping[str, str | None] | None = None,
        by: str = "bo",
    ) -> str:
        """Merges a branch with a merge commit, as a forge would; `files` are changed in the merge itself."""
        self.git("merge", "--quiet", "--no-ff", "--no-commit", *options, branch, by=by)
        self.write(files or {})
        self.git("add", "--all")
        self.git(*self.signing(signed), "commit", "--quiet", "-m", f"Merge {branch}", by=by)
        return self.git("rev-parse", "HEAD")

    def made(self, tree: str, parents: Sequence[str], message: str = "Made") -> str:
        """A commit of a tree, without a branch."""
        options = [option for parent in parents for option in ("-p", parent)]
        return self.git("commit-tree", tree, *options, "-m", message)
