"""Which repositories a mesh consists of: mesh.yaml, or an address (a catalog's) that serves the same."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from meshwright.core.git import is_path, without_credentials
from meshwright.core.git_url import long_form
from meshwright.core.yaml import MAX_BYTES, Document, Unreadable, decode, parse
from meshwright.product import schema
from meshwright.product.validate import misshapen

VERIFY = ("uvx prek run --all-files", "uv run pytest")
"""The checks of a product that `--verify` runs: what its README and its CI run."""

EVERYONE = "everyone"
"""The one wave of a mesh that names none."""

TOKEN = "MESHWRIGHT_TOKEN"  # noqa: S105 - the name of a variable
PATIENCE = 10.0
"""Seconds that failed tries of fetching a mesh may take."""
REDIRECTS = 5


@dataclass(frozen=True)
class Repository:
    """One repository of a mesh."""

    name: str
    """What people call it: the end of its address, as much of it as tells it from the others."""
    url: str
    wave: str
    branch: str | None = None
    """The branch that gets updates; None for the remote's default branch."""


@dataclass(frozen=True)
class Fleet:
    """A mesh as mesh.yaml describes it."""

    template: str
    repositories: tuple[Repository, ...]
    formerly: tuple[str, ...] = ()
    waves: tuple[str, ...] = (EVERYONE,)
    verify: tuple[str, ...] = VERIFY
    forges: tuple[tuple[str, str], ...] = ()
    """Host -> `github` or `gitlab`."""


def read(source: str) -> Fleet:
    """Reads a mesh from a file or from an http(s) address. Raises Unreadable."""
    document = parse(source, _fetched(source) if _is_web(source) else _opened(Path(source)))
    for problem in misshapen(document, schema.mesh):
        raise Unreadable(problem.detail, problem.fix, *document.place(problem.keys))
    return _fleet(document, source)


def _fleet(document: Document, source: str) -> Fleet:
    value: dict[str, Any] = document.value
    waves = tuple(value.get("waves", [EVERYONE]))
    entries = [entry if isinstance(entry, dict) else {"url": entry} for entry in value["repositories"]]
    urls = [
        _resolved(document, ("repositories", number), entry["url"], source)
        for number, entry in enumerate(entries)
    ]
    repositories: dict[str, Repository] = {}
    for number, (entry, url, name) in enumerate(zip(entries, urls, _names(urls), strict=True)):
        wave = entry.get("wave", waves[-1])
        line, column = document.place(("repositories", number))
        if wave not in waves:
            problem = f"The wave {wave} is not one of {', '.join(waves)}."
            raise Unreadable(problem, "Name it under `waves`, where its turn is.", line, column)
        if long_form(url) in repositories:
            raise Unreadable(f"The repository {name} is listed twice.", "Keep one of the two.", line, column)
        repositories[long_form(url)] = Repository(name, url, wave, entry.get("branch"))
    for number, command in enumerate(value.get("verify", ())):
        try:
            shlex.split(command)
        except ValueError as error:
            place = document.place(("verify", number))
            raise Unreadable(
                f"{command!r} is not a command: {error}.",
                "Close its quotes, or remove the backslash at its end.",
                *place,
            ) from error
    return Fleet(
        template=_resolved(document, ("template",), value["template"], source),
        formerly=tuple(value.get("formerly", ())),
        repositories=tuple(repositories.values()),
        waves=waves,
        verify=tuple(value.get("verify", VERIFY)),
        forges=tuple(value.get("forges", {}).items()),
    )


def _resolved(document: Document, keys: tuple[str | int, ...], url: str, source: str) -> str:
    """Return an address that is valid from everywhere. Raises Unreadable for one that must not be used."""
    line, column = document.place(keys)
    try:
        secret = "://" in url and urlsplit(url).password
        local = is_path(url) and not url.startswith(("file://", "gh:", "gl:", "git+"))
        path = os.path.normpath(Path(source).resolve().parent / Path(url).expanduser()) if local else ""
    except (ValueError, RuntimeError):  # no host, no such user
        secret, local, path = None, False, None
    if path is None or re.match(r"-|\w+::", url) or any(ord(sign) < 32 for sign in url):
        fix = "Write it as `git clone` takes it."
        raise Unreadable(f"{url!r} is not an address of a repository.", fix, line, column)
    if secret:
        fix = "Leave it to git's credential helpers: https://git-scm.com/docs/gitcredentials"
        raise Unreadable("The address contains a password.", fix, line, column)
    if local and _is_web(source):
        raise Unreadable(f"{url} is a path, but the list comes from {source}.", "Give a URL.", line, column)
    return path or url


def _names(urls: list[str]) -> list[str]:
    """Return the shortest end of each address that is unique; the whole address if none is."""
    ends = [url.rstrip("/").removesuffix(".git").replace(":", "/").split("/") for url in urls]
    names = ["" for _ in urls]
    for length in range(1, 5):
        shortened = ["/".join(end[-length:]) for end in ends]
        count = Counter(shortened)
        names = [
            name or (short if count[short] == 1 else "") for name, short in zip(names, shortened, strict=True)
        ]
    return [name or without_credentials(url) for name, url in zip(names, urls, strict=True)]


def _opened(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return decode(file.read(MAX_BYTES + 1))
    except OSError as error:
        fix = "Write it (docs/how-to/roll-out.md), or name another with --fleet."
        raise Unreadable(f"It cannot be read: {error.strerror}.", fix) from error


def _fetched(url: str) -> str:
    """Return what an address serves. A token from the environment goes along, over https or to this machine only."""
    from meshwright.core.http import Http, NoAnswer, Refused, is_private, split

    try:
        server, path = split(url)
        http = Http(
            server,
            os.environ.get(TOKEN) if is_private(server) else None,
            {"Accept": "application/yaml, application/json"},
            patience=PATIENCE,
            most=MAX_BYTES + 1,
            redirects=REDIRECTS,
        )
        return decode(http.request("GET", path).body)
    except (NoAnswer, Refused) as error:
        fix = f"{error.fix} It is read from {TOKEN}." if "token" in error.fix else error.fix
        raise Unreadable(f"It cannot be fetched: {error}", fix) from error


def _is_web(source: str) -> bool:
    return source.startswith(("https://", "http://"))
