"""The agreements of a product, as they are committed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from meshwright.access.committed import committed
from meshwright.core.git_history import History
from meshwright.core.yaml import Document, Unreadable
from meshwright.product import schema
from meshwright.product.files import AGREEMENTS
from meshwright.product.lookalikes import deceptive


@dataclass(frozen=True)
class Agreement:
    """One file of access/agreements/."""

    path: str
    document: Document
    problem: str = ""
    """Why it cannot be read; empty if it can."""

    @property
    def id(self) -> str:
        """The file's name; of a file that is not where agreements are, its path there, which no agreement's name equals."""
        name = self.path.removeprefix(f"{AGREEMENTS}/")
        return Path(name).stem if _is_in_place(name) else name

    def custom(self, name: str) -> Any:
        """Return the value of one of its customProperties, or None."""
        return next(
            (
                item.get("value")
                for _, item in self.document.items("customProperties")
                if item.get("property") == name
            ),
            None,
        )

    @property
    def role(self) -> str:
        return next((str(item.get("role")) for _, item in self.document.items("roles")), "")

    @property
    def principals(self) -> list[str]:
        """Whom it names, as `group:<name>` or `id:<id>`."""
        value = self.custom("principal")
        return [value] if isinstance(value, str) else list(value or [])

    @property
    def port(self) -> str | None:
        """The one output port that it is about; None: all."""
        port: str | None = self.document.get("provider.outputPortId")
        return port

    def time(self, key: str) -> datetime | None:
        """Return `startTimestamp` or `endTimestamp`; None where it has no such time."""
        try:
            time = datetime.fromisoformat(str(self.document.get(key)))
        except ValueError:
            return None
        # near the ends of the calendar, another time zone has no such day
        return time if time.tzinfo and 1970 < time.year < 9990 else None


def _is_in_place(name: str) -> bool:
    return "/" not in name and name.endswith(".yaml")


def agreements(history: History) -> Iterator[Agreement]:
    """Yield the agreements at the commit, sorted by path. Raises HistoryError."""
    for path in sorted(history.list(AGREEMENTS)):
        if not path.endswith((".yaml", ".yml")):
            continue
        try:
            document = committed(history, path, schema.access_agreement)
        except Unreadable as error:
            yield Agreement(path, Document(Path(path)), f"It cannot be read: {error}")
            continue
        name = document.get("id")
        place = f"{AGREEMENTS}/{name}.yaml"
        problem = "" if path == place else f"It calls itself {name}; the file of that agreement is {place}."
        agreement = Agreement(path, document, problem)
        yield agreement if problem else replace(agreement, problem=_deception(agreement))


def _deception(agreement: Agreement) -> str:
    """Return which name in an agreement an approver could take for another one; empty if there is none."""
    for name in (*agreement.principals, str(agreement.custom("requester"))):
        if deception := deceptive(name):
            return f"It names {name!a}. {deception}"
    return ""
