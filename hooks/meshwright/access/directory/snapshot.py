"""A query to a directory, and its answer: a complete and unambiguous snapshot, or an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from meshwright.access.directory.identifiers import MAX_TEXT, display_text, is_plain
from meshwright.access.grants import Principal
from meshwright.core.errors import Error
from meshwright.product.lookalikes import skeleton


@dataclass(frozen=True)
class DirectoryQuery:
    """A query to a directory; nothing else is fetched."""

    groups: frozenset[str]
    principals: frozenset[str]
    """Ids that are named one by one."""
    everybody: bool


@dataclass(frozen=True)
class Snapshot:
    """The directory's answer. Every lookup is exact: another case or another normalisation is another name."""

    principals: Mapping[str, Principal]
    """Id -> principal: every member of the groups, and everybody else who was asked for and exists."""
    groups: Mapping[str, frozenset[str]]
    """Name -> ids of the members, those of nested groups included. A group that does not exist is left out."""
    complete: bool = False
    """Whether `principals` is everybody in the directory."""


class DirectoryError(Error):
    """The directory cannot be asked, or its answer cannot be used."""

    def __init__(self, problem: str, fix: str, about: str = "") -> None:
        super().__init__(problem, fix)
        self.about = about
        """The id or name that is wrong, where one is."""


def checked_snapshot(
    everybody: Iterable[Principal], groups: Mapping[str, frozenset[str]], complete: bool = False
) -> Snapshot:
    """Return a snapshot of principals with distinguishable ids. Raises DirectoryError."""
    principals: dict[str, Principal] = {}
    similar: dict[str, str] = {}
    for principal in everybody:
        key = principal.id
        if not is_plain(key):
            problem = f"The id {key[:MAX_TEXT]!r} is empty, too long, or contains invisible characters."
            raise DirectoryError(problem, "Correct it in the directory.", key)
        if (other := similar.setdefault(skeleton(key), key)) != key or key in principals:
            twice = f"The id {key!r} is listed twice."
            problem = twice if other == key else f"The ids {other!r} and {key!r} look alike."
            raise DirectoryError(problem, "Rename one of them in the directory, or remove it.", key)
        principals[key] = replace(principal, name=display_text(principal.name))
    _check_logins(principals)
    return Snapshot(principals, groups, complete)


def _check_logins(principals: Mapping[str, Principal]) -> None:
    """Raise DirectoryError if two principals have one login at a target: a grant there would be for either."""
    for target in sorted({target for principal in principals.values() for target in principal.logins}):
        taken: dict[str, str] = {}
        for principal in principals.values():
            login = principal.login(target)
            if not is_plain(login):
                problem = f"{principal.id} has the login {login[:MAX_TEXT]!r} at {target}, which is not a possible login."
                raise DirectoryError(problem, "Correct it in the directory.", principal.id)
            if (other := taken.setdefault(skeleton(login), principal.id)) != principal.id:
                problem = f"{other} and {principal.id} have the same login {login!r} at {target}."
                fix = f"Correct one of them in the directory, or map another attribute in `logins.{target}`."
                raise DirectoryError(problem, fix, principal.id)
