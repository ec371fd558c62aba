"""Which repositories a mesh consists of: mesh.yaml, or an address (a catalog's) that serves the same."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from meshwright import schema
from meshwright.check import misshapen
from meshwright.document import MAX_BYTES, Document, Unreadable, decode, parse
from meshwright.rollout.git import is_path

VERIFY = ("uvx prek run --all-files", "uv run pytest")
"""The checks of a product that `--verify` runs: what its README and its CI run."""

EVERYONE = "everyone"
"""The one wave of a mesh that names none."""

TOKEN = "MESHWRIGHT_TOKEN"  # noqa: S105 - the name of a variable
TIMEOUT = 30.0


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
        raise Unreadable(problem.detail, problem.mend, *document.place(problem.keys))
    return _fleet(document, source)


def _fleet(document: Document, source: str) -> Fleet:
    value: dict[str, Any] = document.value
    waves = tuple(value.get("waves", [EVERYONE]))
    entries = [entry if isinstance(entry, dict) else {"url": entry} for entry in value["repositories"]]
    seen: dict[str, int] = {}
    repositories = []
    names = list(_names([entry["url"] for entry in entries]))
    for number, entry in enumerate(entries):
        url = _resolved(document, ("repositories", number), entry["url"], source)
        wave = entry.get("wave", waves[-1])
        line, column = document.place(("repositories", number))
        if wave not in waves:
            problem = f"The wave {wave} is not one of {', '.join(waves)}."
            raise Unreadable(problem, "Name it under `waves`, where its turn is.", line, column)
        if url in seen:
            problem = f"The repository {names[number]} stands here twice."
            raise Unreadable(problem, "Keep one of the two.", line, column)
        seen[url] = number
        repositories.append(Repository(names[number], url, wave, entry.get("branch")))
    return Fleet(
        template=_resolved(document, ("template",), value["template"], source),
        formerly=tuple(value.get("formerly", ())),
        repositories=tuple(repositories),
        waves=waves,
        verify=tuple(value.get("verify", VERIFY)),
        forges=tuple(value.get("forges", {}).items()),
    )


def _resolved(document: Document, keys: tuple[str | int, ...], url: str, source: str) -> str:
    """An address that means the same from everywhere. Raises Unreadable for one that must not be used."""
    line, column = document.place(keys)
    if urlsplit(url).password if "://" in url else False:
        mend = "Leave it to git's credential helpers: https://git-scm.com/docs/gitcredentials"
        raise Unreadable("The address carries a password.", mend, line, column)
    if re.match(r"-|\w+::", url) or any(ord(sign) < 32 for sign in url):
        raise Unreadable(
            f"{url!r} is no address of a repository.", "Write it as `git clone` takes it.", line, column
        )
    if not is_path(url) or url.startswith("file://") or url.startswith(("gh:", "gl:", "git+")):
        return url
    if _is_web(source):
        raise Unreadable(f"{url} is a path, but the list comes from {source}.", "Give a URL.", line, column)
    return os.path.normpath(Path(source).resolve().parent / Path(url).expanduser())


def _names(urls: list[str]) -> Iterator[str]:
    """The shortest ends of addresses that tell them apart."""
    split = [url.rstrip("/").removesuffix(".git").replace(":", "/").split("/") for url in urls]
    short = Counter(parts[-1] for parts in split)
    for parts in split:
        yield parts[-1] if short[parts[-1]] == 1 else "/".join(parts[-2:])


def _opened(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return decode(file.read(MAX_BYTES + 1))
    except OSError as error:
        mend = "Write it (docs/how-to/roll-out.md), or name another with --fleet."
        raise Unreadable(f"It cannot be read: {error.strerror}.", mend) from error


def _fetched(url: str) -> str:
    """What an address serves. A token from the environment goes along, over https or to this machine only."""
    request = urllib.request.Request(url, headers={"Accept": "application/yaml, application/json"})  # noqa: S310
    token = os.environ.get(TOKEN)
    if token and (url.startswith("https://") or urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")):
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - http(s) only
            return decode(answer.read(MAX_BYTES + 1))
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise Unreadable(f"It cannot be fetched: {reason}.", f"Check the address, and {TOKEN}.") from error


def _is_web(source: str) -> bool:
    return source.startswith(("https://", "http://"))


def same(one: str, other: str) -> bool:
    """Whether two addresses of a template name the same: Copier's short forms, `.git` and slashes apart."""
    return _canonical(one) == _canonical(other)


def _canonical(url: str) -> str:
    url = url.removeprefix("git+").removeprefix("file://")
    for short, long in (("gh:", "https://github.com/"), ("gl:", "https://gitlab.com/")):
        if url.startswith(short):
            url = urljoin(long, url.removeprefix(short).lstrip("/"))
    return url.rstrip("/").removesuffix(".git").rstrip("/")


def cloneable(url: str) -> str:
    """A template's address as git knows it."""
    canonical = url.removeprefix("git+")
    return _canonical(canonical) if canonical.startswith(("gh:", "gl:")) else canonical
