"""Answers to the template's questions, derived from what is in the repository; each with its reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshwright.adopt.dbt_files import DbtProject
from meshwright.adopt.repository import TeamRepository
from meshwright.core.git import parts
from meshwright.product import registry

RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9]|null|true|false|yes|no|on|off)")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
LONGEST = 40
NO_PERSON = re.compile(r"(noreply|no-reply|\[bot\])")


@dataclass(frozen=True)
class Answer:
    """An answer to a question of copier.yml."""

    value: Any
    reason: str
    """Where it comes from."""


def derived(repository: TeamRepository, project: DbtProject | None, folder: str) -> dict[str, Answer]:
    """Return the answers that the repository gives, by question."""
    found = {"product_name": _name(repository, project, folder), "forge": _forge(repository)}
    found |= _owner(repository, project, folder)
    if project is not None:
        why = "the models are the repository's own"
        found["start_with"] = Answer("own-data", why)
        found["type"] = Answer("source-oriented", "no input is another product's port")
        found |= _capabilities(project)
    else:
        found["start_with"] = Answer("own-data", "the repository has its own data")
    return {question: answer for question, answer in found.items() if answer is not None}


def valid_name(text: str) -> str:
    """Return a text as the name of a product or a domain; empty if nothing of it can be used."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST].strip("-")
    name = name if not name or name[0].isalpha() else f"p-{name}"[:LONGEST].rstrip("-")
    return f"{name}-data" if RESERVED.fullmatch(name) else name


def _name(repository: TeamRepository, project: DbtProject | None, folder: str) -> Answer | None:
    own = [(project.name, "the name of the dbt project")] if project and project.name else []
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


def _owner(repository: TeamRepository, project: DbtProject | None, folder: str) -> dict[str, Answer | None]:
    described = _dbt_owner(project)
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
    if not NO_PERSON.search(f"{name} {email}") and described.get("email", (email,))[0] == email:
        described.setdefault("name", (name, "the author of the last commit"))
        described.setdefault("email", (email, "the author of the last commit"))
    answers: dict[str, Answer | None] = {}
    for key, (value, reason) in described.items():
        value = " ".join(value.split())
        if value.isprintable() and len(value) <= 200 and (key == "name" or EMAIL.fullmatch(value)):
            answers[f"owner_{key}"] = Answer(value, reason)
    return answers


def _dbt_owner(project: DbtProject | None) -> dict[str, tuple[str, str]]:
    """Return the owner that dbt's `meta` names: a text, or a mapping with name and email."""
    for model in project.leaves() if project else ():
        config = model.described.get("config")
        for meta in (model.described.get("meta"), config.get("meta") if isinstance(config, dict) else None):
            owner = meta.get("owner") if isinstance(meta, dict) else None
            where = f"`meta` of {model.name}"
            if isinstance(owner, str) and owner:
                return {"email" if EMAIL.fullmatch(owner) else "name": (owner, where)}
            if isinstance(owner, dict):
                return {key: (str(owner[key]), where) for key in ("name", "email") if owner.get(key)}
    return {}


def _capabilities(project: DbtProject) -> dict[str, Answer | None]:
    found: dict[str, Answer | None] = {}
    if project.tables and not all(table.location for table in project.tables):
        kinds = (
            ["file", "database"]
            if any(table.location for table in project.tables) or project.seeds
            else ["database"]
        )
        found["inputs"] = Answer(kinds, "dbt sources that are tables of a database")
    else:
        found["inputs"] = Answer(
            ["file"], "seeds and files" if project.seeds or project.tables else "nothing is declared"
        )
    platforms = {entry.name for entry in registry.capabilities() if entry.kind == "platforms"} - {"duckdb"}
    if project.adapter in platforms:
        found["platforms"] = Answer([project.adapter], "profiles.yml")
    return found


def given(data: tuple[str, ...], questions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers of `--data`. Raises Error for one that the template does not ask."""
    from meshwright.core.errors import Error

    answers: dict[str, Any] = {}
    for item in data:
        question, equals, value = item.partition("=")
        if not equals:
            raise Error(f"--data {item} has no value.", "Write --data QUESTION=ANSWER.")
        if question not in questions or questions[question].get("when") is False:
            asked = ", ".join(name for name, one in questions.items() if one.get("when") is not False)
            raise Error(f"The template does not ask for {question}.", f"It asks for {asked}.")
        answers[question] = value
    return answers
