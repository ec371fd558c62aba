"""A small mesh for the tests of rollouts: a template with two releases, and products made from the first."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from checkout import git
from click.testing import CliRunner
from copier import run_copy

from meshwright.cli import main

Edit = Callable[[Path], None]

OLD, NEW = "v1.0.0", "v1.1.0"

COPIER = """\
_subdirectory: template
_exclude:
  - "{% if _copier_operation == 'update' %}/models/{% endif %}"
_skip_if_exists: [/settings.ini]
name:
  type: str
  default: x
  validator: "{% if not name | regex_search('^[a-z]+$') %}Use small letters.{% endif %}"
title: {type: str, default: Things}
"""
OWNERSHIP = """\
product: [/models/]
shared: [/README.md]
template: [/pipeline/, /renamed.txt, /new-name.txt, /gone.txt, /picture.bin, /settings.ini, /.meshwright/]
"""
ANSWERS = "{{ _copier_conf.answers_file }}.jinja"


def numbered(word: str, count: int = 30) -> str:
    return "".join(f"{word} {number}\n" for number in range(1, count + 1))


class Mesh:
    """A folder with a template, its products, and the mesh.yaml that names them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "template"
        self.products: list[Any] = []
        files = self.template / "template"
        write(self.template / "copier.yml", COPIER)
        write(files / ANSWERS, "{{ _copier_answers | to_nice_yaml }}")
        write(files / ".meshwright/ownership.yaml", OWNERSHIP)
        write(files / "README.md.jinja", "# {{ name }}: {{ title }}\n\n" + numbered("line"))
        write(files / "pipeline/run.py", numbered("step"))
        write(files / "pipeline/start", "#!/bin/sh\nexit 0\n")
        (files / "pipeline/start").chmod(0o755)
        write(files / "renamed.txt", numbered("row"))
        write(files / "gone.txt", numbered("item"))
        write(files / "models/sample.sql", "select 1\n")
        write(files / "settings.ini", "old = 1\n")
        (files / "picture.bin").write_bytes(b"\0\1\2")
        git("init", "--quiet", "--initial-branch", "main", cwd=self.template)
        self.release(OLD)

    def release(self, version: str) -> None:
        """Commits and tags what the template holds now."""
        git("add", "--all", cwd=self.template)
        git("commit", "--quiet", "--allow-empty", "--message", version, cwd=self.template)
        git("tag", version, cwd=self.template)

    def change(self) -> None:
        """The second release: each kind of change once."""
        files = self.template / "template"
        replace(files / "README.md.jinja", "line 10\n", "line ten\n")
        replace(files / "pipeline/run.py", "step 10\n", "step ten\n")
        (files / "renamed.txt").rename(files / "new-name.txt")
        replace(files / "new-name.txt", "row 3\n", "row three\n")
        (files / "gone.txt").unlink()
        (files / "picture.bin").write_bytes(b"\0\1\2\3")
        write(files / "settings.ini", "new = 1\n")
        write(files / "models/sample.sql", "select 2\n")
        write(files / "added.txt", "added\n")
        self.release(NEW)

    def product(
        self, name: str, *edits: Edit, data: Mapping[str, str] | None = None, version: str = OLD, **more: str
    ) -> Path:
        """A repository made from a release, the first, and edited by its team."""
        target = self.folder / name
        run_copy(
            str(self.template),
            target,
            data={"name": "x", **(data or {})},
            vcs_ref=OLD,
            defaults=True,
            quiet=True,
        )
        git("init", "--quiet", "--initial-branch", "main", cwd=target)
        commit(target, "As it was made")
        for edit in edits:
            edit(target)
        commit(target, "Ours")
        self.products.append({"url": name, **more} if more else name)
        return target

    def write(self, **more: Any) -> None:
        described = {"template": "template", "repositories": self.products, **more}
        (self.folder / "mesh.yaml").write_text(yaml.safe_dump(described), "utf-8")

    def rollout(self, verb: str, *arguments: str, **more: Any) -> tuple[int, dict[str, Any]]:
        """Runs a verb as a user would; its exit code, and each repository's outcome by name."""
        self.write(**more)
        code, output = self.say(verb, "--format", "json", *arguments)
        return code, {one["name"]: one for one in json.loads(output)["repositories"]}

    def say(self, verb: str, *arguments: str) -> tuple[int, str]:
        """Runs a verb; its exit code and what it prints."""
        done = CliRunner().invoke(
            main, ["rollout", verb, "--fleet", str(self.folder / "mesh.yaml"), *arguments]
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout if done.exit_code < 2 else done.output


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_bytes().decode()
    assert old in text, path
    path.write_bytes(text.replace(old, new, 1).encode())


def commit(product: Path, message: str) -> None:
    git("add", "--all", cwd=product)
    git("commit", "--quiet", "--allow-empty", "--message", message, cwd=product)


def edited(file: str, old: str, new: str) -> Edit:
    return lambda product: replace(product / file, old, new)


def state_of(folder: Path, names: Sequence[str]) -> Mapping[str, str]:
    """Every ref and every file of some repositories, as one can see them from outside."""
    return {
        name: git("for-each-ref", cwd=folder / name)
        + git("symbolic-ref", "HEAD", cwd=folder / name)
        + git("status", "--porcelain", "--ignored", cwd=folder / name)
        for name in names
    }


def tree(product: Path, revision: str) -> str:
    return git("rev-parse", f"{revision}^{{tree}}", cwd=product).strip()


def show(product: Path, revision: str, file: str) -> str:
    return git("show", f"{revision}:{file}", cwd=product)
