"""The estates of tests/data/estates: loaded into databases and git repositories, and how well a survey finds the answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

import psycopg
import yaml
from checkout import ROOT, git
from mariadb_server import Server as MariaDb
from postgres_server import Server as Postgres
from psycopg import sql

FOLDER = ROOT / "tests" / "data" / "estates"
SURVEYOR = "surveyor"
"""A role that may connect, and may not select from any table."""


def answer(estate: str) -> dict[str, Any]:
    """What a survey of the estate should find."""
    return yaml.safe_load((FOLDER / estate / "answer.yaml").read_text("utf-8"))


def load(estate: str, folder: Path, postgres: Postgres, mariadb: MariaDb | None = None) -> list[str]:
    """Makes the databases and repositories of an estate; returns them as the command line names them."""
    sources = [
        _database(path, folder, postgres, mariadb)
        for path in sorted((FOLDER / estate / "databases").glob("*.sql"))
    ]
    for path in sorted((FOLDER / estate / "repositories").iterdir()):
        made = copytree(path, folder / "repositories" / path.name)
        git("init", "-q", "-b", "main", cwd=made)
        git("add", "--all", "--force", cwd=made)
        git("commit", "-qm", "As it is", cwd=made)
    files = [f"{path.name}={path}" for path in sorted((FOLDER / estate / "files").glob("*"))]
    return [*sources, str(folder / "repositories"), *files]


def _database(path: Path, folder: Path, postgres: Postgres, mariadb: MariaDb | None) -> str:
    text, name = path.read_text("utf-8"), path.stem
    if "SQLite" in text.partition("\n")[0]:
        with sqlite3.connect(folder / f"{name}.sqlite") as connection:
            connection.executescript(text)
        return f"{name}=sqlite:///{folder / f'{name}.sqlite'}"
    if "MariaDB" in text.partition("\n")[0]:
        assert mariadb is not None
        mariadb.run(f"create database {name}")
        mariadb.run(text, name)
        return f"{name}={mariadb.url(name).replace('@', f':${{{name.upper()}_PASSWORD}}@', 1)}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        if not connection.execute("select 1 from pg_roles where rolname = %s", [SURVEYOR]).fetchone():
            connection.execute(sql.SQL("create role {} login").format(sql.Identifier(SURVEYOR)))
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        connection.execute(text.encode())
    return f"{name}={postgres.url(name, SURVEYOR)}"


@dataclass(frozen=True)
class Score:
    """How well a survey finds an answer."""

    precision: float
    recall: float
    missed: Sequence[str]
    """Names in the answer that were not found."""
    beside: Sequence[str]
    """Names that were found and are not in the answer."""
    pairs: Mapping[str, Mapping[str, Any]]
    """Name in the answer -> the candidate that matches it."""


def score(survey: Mapping[str, Any], expected: Mapping[str, Any]) -> Score:
    """Compares a survey, as JSON, with an answer: same type, same first table, at least half of all tables of both."""
    rest = {one["tables"][0]["id"]: one for one in survey["candidates"]}
    pairs = {}
    for one in expected["candidates"]:
        found = rest.get(one["tables"][0])
        if found is None or found["type"] != one["type"]:
            continue
        mine, theirs = {table["id"] for table in found["tables"]}, set(one["tables"])
        if 2 * len(mine & theirs) >= len(mine | theirs):
            pairs[one["name"]] = rest.pop(one["tables"][0])
    missed = [one["name"] for one in expected["candidates"] if one["name"] not in pairs]
    beside = [one["name"] for one in rest.values()]
    return Score(len(pairs) / len(survey["candidates"]), len(pairs) / len(expected["candidates"]), missed, beside, pairs)  # fmt: skip
