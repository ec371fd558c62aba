"""What a construct is: SQL that not all platforms understand alike, and how one is recognized."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from meshwright.check.portable_sql.sql_tokens import SqlTokens

LIKE = {"databricks": "spark", "redshift": "postgres"}
"""Platform -> the one whose SQL it has, as far as this list goes."""
DISPATCH = "Put it into a macro with adapter.dispatch, in macros/: each platform has its own spelling there."


@dataclass(frozen=True, kw_only=True)
class Construct:
    """SQL that not all platforms understand alike."""

    id: str
    what: str
    does: dict[str, str]
    """Platform -> what it makes of it; those that do the same have the same words."""
    fix: str
    """What to write instead."""
    bad: str
    """An expression of the kind."""
    good: str
    """The portable spelling of that expression."""
    value: str | None
    """Its value as text, the same on every platform."""
    certain: bool = True
    """False: whether there is a difference depends on types or values, which the SQL does not show."""
    nodes: tuple[str, ...] = ()
    """Classes of sqlglot, of which a node may be one of the kind; a class that this release lacks is left out."""
    is_node: Callable[[Any], bool] = lambda node: True
    """Whether a node of these classes is one of the kind."""
    is_certain: Callable[[Any], bool] = lambda node: False
    """Whether there is a difference at this node in any case, because literals show the types."""
    words: tuple[str, ...] = ()
    """Tokens, in small letters, for what a parser takes for something else."""
    is_word: Callable[[SqlTokens, int], bool] = lambda tokens, place: True
    """Whether the token at this place is one of the kind."""

    def at(self, node: Any) -> Construct:
        """Return the construct as it is at one node: certain where the SQL shows the types."""
        return replace(self, certain=True) if self.is_certain(node) else self

    def differs(self, platforms: Collection[str]) -> bool:
        """Return True if two of the platforms make something else of it, or nobody knows what one makes of it."""
        meant = self._meant(platforms)
        return len(set(meant)) > 1 or None in meant

    def certainly_differs(self, platforms: Collection[str]) -> bool:
        """Return True if two of the platforms make something else of it, whatever the types and values are."""
        return self.certain and len(set(self._meant(platforms)) - {None}) > 1

    def _meant(self, platforms: Collection[str]) -> list[str | None]:
        return [self.does.get(LIKE.get(platform, platform)) for platform in platforms]

    def sentence(self, platforms: Collection[str]) -> str:
        """Return what it is, and what each of the platforms makes of it."""
        each = [
            f"{platform} {self.does.get(LIKE.get(platform, platform), 'may do something else')}"
            for platform in sorted(platforms)
        ]
        return f"{self.what}: {', '.join(each)}."


def by_platform(*, duckdb: str, postgres: str, spark: str) -> dict[str, str]:
    """Return what each platform makes of a construct."""
    return {"duckdb": duckdb, "postgres": postgres, "spark": spark}
