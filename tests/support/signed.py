"""Repositories whose commits people sign, for the tests of approval."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

PATH = "access/agreements/punctuality.yaml"
APPROVERS = "access/approvers.yaml"
BO = frozenset({"bo@example.org"})
"""Who asks for access."""
CAPACITIES = {"ada": "owner", "dan": "data-protection", "sam": "steward", "eve": "owner", "bo": "owner"}


def agreement(status: str = "requested", role: str = "reader", more: str = "", by: Sequence[str] = ()) -> str:
    """A short agreement. `by`: the names of those whom it lists as having approved it."""
    listed = ", ".join(f"{name}@example.org" for name in by)
    more += f"customProperties:\n- {{property: approvedBy, value: [{listed}]}}\n" if by else ""
    return f"id: punctuality\nstatus: {status}\nrole: {role}\nrequester: bo@example.org\n{more}"


class People:
    """Everybody's keys: of SSH, or of GPG."""

    def __init__(self, folder: Path, kind: str = "ssh") -> None:
        self.folder, self.kind = folder, kind
        self.fingerprints: dict[str, str] = {}
        """Of GPG keys, by name."""
        for name in CAPACITIES:
            self.make(name) if kind == "ssh" else self.make_gpg(name)

    @cached_property
    def gnupg(self) -> Path:
        """A home of gpg whose path is short enough for a socket, and a program that uses it."""
        home = Path(tempfile.mkdtemp(prefix="mw-gpg-"))
        program = home / "gpg-here"
        program.write_text(f'#!/bin/sh\nexec gpg --homedir {home} --batch --no-tty "$@"\n')
        program.chmod(0o755)
        weakref.finalize(self, _end_agent, home)
        return home

    def gpg(self, *arguments: str, feed: bytes = b"") -> str:
        done = subprocess.run([self.gnupg / "gpg-here", *arguments], input=feed, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def make_gpg(self, name: str, algorithm: str = "ed25519", ends: str = "never", *options: str) -> str:
        """Makes a key of GPG; returns its fingerprint."""
        if name not in self.fingerprints:
            user = f"{name.title()} Example <{name}@example.org>"
            self.gpg(
                *options,
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "",
                "--quick-generate-key",
                user,
                algorithm,
                "sign",
                ends,
            )
            listed = self.gpg("--with-colons", "--list-keys", f"{name}@example.org")
            self.fingerprints[name] = next(
                line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:")
            )
        return self.fingerprints[name]

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
        if name in self.fingerprints:
            return self.gpg(
                "--armor", "--export-options", "export-minimal", "--export", self.fingerprints[name]
            )
        return self.make(name).with_suffix(".pub").read_text().strip()

    def approvers(self, *names: str, changed: Mapping[str, str] | None = None) -> str:
        """approvers.yaml that names some people; `changed` replaces parts of the text."""
        lines = ["apiVersion: meshwright/v1", "kind: Approvers", "approvers:" if names else "approvers: []"]
        for name in names:
            lines += [
                f"  - name: {name.title()} Example",
                f"    email: {name}@example.org",
                f"    capacity: {CAPACITIES.get(name, 'owner')}",
                *self._key(name),
            ]
        text = "\n".join([*lines, ""])
        for old, new in (changed or {}).items():
            assert old in text
            text = text.replace(old, new)
        return text

    def _key(self, name: str) -> list[str]:
        first, *rest = self.public(name).splitlines()
        return (
            ["    key: |", *(f"      {line}".rstrip() for line in (first, *rest))]
            if rest
            else [f"    key: {first}"]
        )


def _end_agent(home: Path) -> None:
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], capture_output=True, check=False)
    shutil.rmtree(home, ignore_errors=True)


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
        if fingerprint := self.people.fingerprints.get(signer):
            program = self.people.gnupg / "gpg-here"
            options = (
                "gpg.format=openpgp",
                f"gpg.program={program}",
                f"user.signingKey={fingerprint}",
                "commit.gpgSign=true",
            )
            return [part for option in options for part in ("-c", option)]
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
        self,
        message: str,
        files: Mapping[str, str | None],
        signed: str | None = None,
        by: str | None = None,
        on: str = "",
    ) -> str:
        """Commits changed files (None: deleted), now or on a day; returns the commit's name."""
        dates = {"GIT_AUTHOR_DATE": f"{on}T12:00:00Z", "GIT_COMMITTER_DATE": f"{on}T12:00:00Z"} if on else {}
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
            **dates,
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
