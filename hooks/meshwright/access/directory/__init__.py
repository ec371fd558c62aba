"""The corporate directory: who there is, and who is in which group.

What a directory says is hostile until it was looked at here: ids that people could take for one another, or that
two principals share at a target, never get into a snapshot. A snapshot is whole or there is none: a server that
cuts, hides or changes its answer is an error.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from meshwright.access.grants import Kind, Principal
from meshwright.core.errors import Error
from meshwright.core.yaml import MAX_BYTES, Document, Keys, Unreadable, decode, parse
from meshwright.product import schema
from meshwright.product.validate import misshapen

USER = "MESHWRIGHT_DIRECTORY_USER"
PASSWORD = "MESHWRIGHT_DIRECTORY_PASSWORD"  # noqa: S105 - the name of a variable
TOKEN = "MESHWRIGHT_DIRECTORY_TOKEN"  # noqa: S105 - the name of a variable

READERS = {"principals": "file", "ldap": "ldap", "scim": "scim"}
"""What the file holds -> the module beside this one that reads it: `read(document, wanted) -> Snapshot`."""

MAX_TEXT = 256
"""How many characters an id, a login or a group's name has at most."""

INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What Unicode counts as printable and nobody sees."""

Node = TypeVar("Node", bound=Hashable)


@dataclass(frozen=True)
class Wanted:
    """What is asked of a directory; nothing else is fetched."""

    groups: frozenset[str]
    principals: frozenset[str]
    """Ids that are named one by one."""
    everybody: bool


@dataclass(frozen=True)
class Snapshot:
    """What the directory said. Every lookup is exact: another case or another normalisation is another name."""

    principals: Mapping[str, Principal]
    """Id -> principal: every member of the groups, and whoever else was asked for and found."""
    groups: Mapping[str, frozenset[str]]
    """Name -> ids of the members, those of groups in the group included. A group that is not there is left out."""
    complete: bool = False
    """Whether `principals` is everybody that the directory has."""


class DirectoryError(Error):
    """The directory cannot be asked, or its answer cannot be used."""

    def __init__(self, problem: str, fix: str, about: str = "") -> None:
        super().__init__(problem, fix)
        self.about = about
        """The id or name that is wrong, where one is."""


def read(
    address: str, groups: Iterable[str], everybody: bool = False, principals: Iterable[str] = ()
) -> Snapshot:
    """Asks the directory that the YAML file at `address` (kind: Directory) holds or describes.

    Asked are the groups and the single principals that are named and, where access is open, everybody. Raises
    Unreadable (with a place in the file) and DirectoryError.
    """
    document = parse(address, _opened(Path(address)))
    for problem in misshapen(document, schema.directory):
        raise Unreadable(problem.detail, problem.fix, *document.place(problem.keys))
    sources = [key for key in document.value if key in READERS]
    if len(sources) != 1:
        place = document.place((sources[1],)) if sources else (1, 1)
        detail = "It holds more than one directory." if sources else "It holds no directory."
        raise Unreadable(detail, f"Write one of: {', '.join(READERS)}.", *place)
    if "groups" in document.value and "principals" not in document.value:
        detail = "`groups` are those of `principals`, and there are none."
        raise Unreadable(detail, "Leave the groups to the server.", *document.place(("groups",)))
    wanted = Wanted(frozenset(filter(plain, groups)), frozenset(filter(plain, principals)), everybody)
    reader = import_module(f"{__name__}.{READERS[sources[0]]}")
    found: Snapshot = reader.read(document, wanted)
    return found


def snapshot(
    found: Iterable[Principal], groups: Mapping[str, frozenset[str]], complete: bool = False
) -> Snapshot:
    """A snapshot of principals that nobody can take for one another. Raises DirectoryError."""
    principals: dict[str, Principal] = {}
    similar: dict[str, str] = {}
    for principal in found:
        key = principal.id
        if not plain(key):
            problem = f"The id {key[:MAX_TEXT]!r} is empty, too long, or holds characters that nobody sees."
            raise DirectoryError(problem, "Correct it in the directory.", key)
        if (other := similar.setdefault(folded(key), key)) != key or key in principals:
            problem = f"The ids {other!r} and {key!r} can be taken for one another."
            raise DirectoryError(problem, "Rename one of them in the directory, or remove it.", key)
        principals[key] = replace(principal, name=shown(principal.name))
    _check_logins(principals)
    return Snapshot(principals, groups, complete)


def _check_logins(principals: Mapping[str, Principal]) -> None:
    """Nobody is called at a target as somebody else is: who gets a grant there would be anybody's guess."""
    for target in sorted({target for principal in principals.values() for target in principal.logins}):
        taken: dict[str, str] = {}
        for principal in principals.values():
            login = principal.login(target)
            if not plain(login):
                problem = (
                    f"{principal.id} is called {login[:MAX_TEXT]!r} at {target}, which nobody can be called."
                )
                raise DirectoryError(problem, "Correct it in the directory.", principal.id)
            if (other := taken.setdefault(folded(login), principal.id)) != principal.id:
                problem = f"{other} and {principal.id} are both called {login!r} at {target}."
                fix = f"Correct one of them in the directory, or map another attribute in `logins.{target}`."
                raise DirectoryError(problem, fix, principal.id)


def principal(
    kind: Kind,
    about: str,
    attributes: Mapping[str, str],
    values: Callable[[str], list[str]],
    settings: Mapping[str, Any],
) -> Principal:
    """A principal from the entry `about`; `values` gives what the entry has of an attribute of the directory.

    `attributes` says which are `id` and, if any, `name`; `settings` holds the maps `attributes` and `logins`.
    Raises DirectoryError.
    """
    ids = values(attributes["id"])
    if len(ids) != 1:
        problem = f"{about} has {len(ids) or 'no'} values of {attributes['id']}, which is to be its id."
        fix = "Choose an attribute for `id` of which everybody has one, or leave the entry out by the filter."
        raise DirectoryError(problem, fix)
    taken: dict[str, str | tuple[str, ...]] = {}
    for name, attribute in settings.get("attributes", {}).items():
        if texts := sorted(values(attribute)):
            taken[name] = texts[0] if len(texts) == 1 else tuple(texts)
    logins = {}
    for target, attribute in settings.get("logins", {}).items():
        texts = values(attribute)
        if len(texts) > 1:
            problem = f"{about} has {len(texts)} values of {attribute}, what it is called at {target}."
            raise DirectoryError(problem, f"Map an attribute in `logins.{target}` of which there is one.")
        if texts:
            logins[target] = texts[0]
    names = values(attributes["name"]) if "name" in attributes else []
    return Principal(ids[0], kind, min(names, default=""), taken, logins)


def reached(start: Node, look: Callable[[Node], tuple[Iterable[str], Iterable[Node]]]) -> frozenset[str]:
    """Everybody in a group: `look` gives a group's own members and the groups in it. Groups in a circle are fine."""
    found: set[str] = set()
    seen, waiting = {start}, [start]
    while waiting:
        members, groups = look(waiting.pop())
        found.update(members)
        waiting += [group for group in groups if group not in seen]
        seen.update(waiting)
    return frozenset(found)


def named(names: Iterable[str], there: Iterable[tuple[str, Node]]) -> dict[str, Node]:
    """Which of the groups that are there (name, what it is) the names mean. Raises DirectoryError where two could be."""
    similar: dict[str, list[tuple[str, Node]]] = {}
    for name, node in there:
        similar.setdefault(folded(name), []).append((name, node))
    found = {}
    for name in sorted(names):
        candidates = similar.get(folded(name), [])
        if len(candidates) > 1:
            problem = f"The directory has {len(candidates)} groups that are called {name!r}, or could be taken for it."
            raise DirectoryError(
                problem, "Rename all but one, or narrow down where groups are looked for.", name
            )
        for called, node in candidates:
            if called == name:
                found[name] = node
    return found


def plain(text: str) -> bool:
    """Whether a text can be an id, a login or a group's name: all of it can be seen, and it is not too long."""
    return (
        0 < len(text) <= MAX_TEXT
        and text.isprintable()
        and text == text.strip()
        and not INVISIBLE.search(text)
    )


def folded(text: str) -> str:
    """The same for any two texts that differ only in case, in width, in spaces or in Unicode's normalisation."""
    twice = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(twice.split())


def url(document: Document, keys: Keys, secure: str, plain_text: str, encrypted: bool = False) -> SplitResult:
    """The address that stands at `keys`: encrypted, or of this very machine. Raises Unreadable.

    `secure` and `plain_text` are the two schemes; `encrypted` says that the plain one will be encrypted, too.
    """
    text = document.get(".".join(map(str, keys)))
    place = document.place(keys)
    example = f"Such as {secure}://directory.example.org."
    try:
        address = urlsplit(text if text.isascii() and text.isprintable() and " " not in text else "")
        host, port = address.hostname, address.port
    except ValueError:  # no port, no IPv6 address
        host, port = None, None
    if not host or port == 0 or address.scheme not in (secure, plain_text):
        raise Unreadable(f"It is no address of the form {secure}://.", example, *place)
    if "@" in address.netloc:
        fix = f"Take it out; the environment holds it: {USER} and {PASSWORD}, or {TOKEN}."
        raise Unreadable("The address carries a user.", fix, *place)
    if address.query or address.fragment:
        raise Unreadable("The address carries more than where the server is.", example, *place)
    if address.scheme == plain_text and not encrypted and not loopback(host):
        problem = f"{plain_text}:// would tell the secret, and believe the answer of, anybody on the way."
        raise Unreadable(problem, f"Use {secure}://.", *place)
    return address


def loopback(host: str) -> bool:
    """Whether a host is this very machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def shown(text: str) -> str:
    """A text of the directory as it can be printed: what would move the cursor or turn the text round is gone."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text[:MAX_TEXT]).split())


def _opened(path: Path) -> str:
    fix = "Write it, or name another: docs/reference/directory.md says what it holds."
    try:
        if not path.is_file():  # a pipe would keep us waiting
            raise Unreadable("There is no such file.", fix)
        with path.open("rb") as file:
            return decode(file.read(MAX_BYTES + 1))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is no name of a file"
        raise Unreadable(f"It cannot be read: {reason}.", fix) from error
