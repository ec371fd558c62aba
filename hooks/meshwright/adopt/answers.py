"""Answers to the template's questions, derived from what is in the repository; each with its reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshwright.adopt.dbt_files import OwnProject
from meshwright.adopt.product_files import OwnData
from meshwright.adopt.repository import TeamRepository
from meshwright.core.git import parts
from meshwright.core.text import latin
from meshwright.product import registry

RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9]|null|true|false|yes|no|on|off)")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
LONGEST = 40


@dataclass(frozen=True)
class Answer:
    """An answer to a question of copier.yml."""

    value: Any
    reason: str
    """Where it comes from."""


def derived(
    repository: TeamRepository, project: OwnProject | None, own: OwnData, folder: str
) -> dict[str, Answer]:
    """Return the answers that the repository gives, by question."""
    found = {"product_name": _name(repository, project, folder), "forge": _forge(repository)}
    found |= _owner(repository, own, folder)
    found["start_with"] = Answer("own-data", "the repository has its own data")
    found["infrastructure"] = Answer("ci", "where it runs now is the repository's own")
    if project is not None:
        found["type"] = Answer("source-oriented", "no dbt source is another product's port")
        found["inputs"] = Answer(
            ["file"], "the dbt project's seeds and sources, each read from a file at first"
        )
        platforms = {entry.name for entry in registry.capabilities() if entry.kind == "platforms"} - {
            "duckdb"
        }
        if project.adapter in platforms:
            found["platforms"] = Answer([project.adapter], "profiles.yml")
    if own.classification:
        found["classification"] = Answer(own.classification, "names of columns suggest personal data")
    return {question: answer for question, answer in found.items() if answer is not None}


def valid_name(text: str) -> str:
    """Return a text as the name of a product or a domain; empty if nothing of it can be used."""
    name = re.sub(r"[^a-z0-9]+", "-", latin(text).lower()).strip("-")[:LONGEST].strip("-")
    name = name if not name or name[0].isalpha() else f"p-{name}"[:LONGEST].rstrip("-")
    return f"{name}-data" if RESERVED.fullmatch(name) else name


def _name(repository: TeamRepository, project: OwnProject | None, folder: str) -> Answer | None:
    own = [(project.project.name, "the name of the dbt project")] if project and project.project.name else []
    place = folder.rpartition("/")[2]
    if place:
        own.append((place, "the name of the folder"))
    for remote in repository.remotes:
        end = (parts(remote) or ("", remote))[1].rstrip("/").removesuffix(".git").rpartition("/")[2]
        own.append((end, "the name of the remote repository"))
    own.append((repository.top.name, "the name of the repository's folder"))
    for text, reason in own:
        if name := valid_name(text):
            return Answer(name, reason)
    return None


def _forge(repository: TeamRepository) -> Answer | None:
    hosts = [place[0] for remote in repository.remotes if (place := parts(remote))]
    for forge in ("github", "gitlab"):
        if any(forge in host for host in hosts):
            return Answer(forge, "the remote")
    if ".gitlab-ci.yml" in repository.entries:
        return Answer("gitlab", ".gitlab-ci.yml")
    if any(path.startswith(".github/") for path in repository.entries):
        return Answer("github", ".github/")
    return None


def _owner(repository: TeamRepository, own: OwnData, folder: str) -> dict[str, Answer | None]:
    described = _dbt_owner(own)
    for path in CODEOWNERS:
        for line in reversed((repository.text(path) or "").splitlines()):
            words = line.partition("#")[0].split()
            if (
                len(words) > 1
                and words[0].strip("/*") in ("", folder)
                and (found := EMAIL.fullmatch(words[1]))
            ):
                described.setdefault("email", (found[0], path))
    name, email = repository.last_author()
    # A name belongs to the address that it was found with.
    if email and described.get("email", (email,))[0] == email:
        described.setdefault("name", (name, "the author of the last commit"))
        described.setdefault("email", (email, "the author of the last commit"))
    answers: dict[str, Answer | None] = {}
    for key, (value, reason) in described.items():
        value = " ".join(value.split())
        if value.isprintable() and len(value) <= 200 and (key == "name" or EMAIL.fullmatch(value)):
            answers[f"owner_{key}"] = Answer(value, reason)
    return answers


def _dbt_owner(own: OwnData) -> dict[str, tuple[str, str]]:
    """Return the owner that dbt names for the model of the data set."""
    owner = own.dataset.owner if own.dataset else ""
    return (
        {"email" if EMAIL.fullmatch(owner) else "name": (owner, "the model's owner in dbt")} if owner else {}
    )


def given(data: tuple[str, ...], questions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers of `--data`. Raises Error for one that the template does not ask."""
    from meshwright.core.errors import Error

    known = [name for name, one in questions.items() if False not in (one.get("when"), one.get("ask"))]
    answers: dict[str, Any] = {}
    for item in data:
        question, equals, value = item.partition("=")
        if not equals:
            raise Error(f"--data {item} has no value.", "Write --data QUESTION=ANSWER.")
        if question not in known:
            raise Error(f"The template does not ask for {question}.", f"It asks for {', '.join(known)}.")
        answers[question] = value
    return answers
