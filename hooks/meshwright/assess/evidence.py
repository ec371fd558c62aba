"""What fitness functions can ask about a product: its record, its mesh, its repository's files, its ports and the catalog.

Everything is asked for at most once and then kept, because several functions look at the same thing.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from meshwright.check.findings import Finding
from meshwright.mesh.lineage import Lineage
from meshwright.product.record import Port, Record

if TYPE_CHECKING:
    from meshwright.assess.storage import Refusal, Table
    from meshwright.assess.words import Index

T = TypeVar("T")


class Catalog(Protocol):
    """What is asked of a catalog. What it raises makes the question inconclusive."""

    def product(self, id: str) -> Mapping[str, Any] | None:
        """The value of the record that it shows for `<domain>/<name>`; None if it shows none."""

    def search(self, words: str, limit: int) -> Sequence[str]:
        """The ids of the products that it finds by these words, best first."""


@dataclass
class Evidence:
    """One product under assessment."""

    record: Record
    mesh: Lineage
    now: datetime
    """With a time zone; the moment of the whole assessment."""
    static: bool = False
    """Whether nothing outside of the record may be looked at."""
    catalog: Catalog | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What governance allows, all of it optional: `hosts` (names or addresses that may be asked although they are
    private, and that PostgreSQL credentials may go to), `paths` (folders of this machine that may be read for records
    that came from elsewhere), `seconds` (how long one answer may take), `megabytes` (how much is fetched at most)."""
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    # -- the record, and the mesh around it -----------------------------------------------------------

    @cached_property
    def findings(self) -> Sequence[Finding]:
        """What the metamodel says: of the repository, where it is on this machine, or else of the record. The file of
        a finding is relative to the repository, or the part of the record."""
        from meshwright.check.engine import check, check_record

        root = self.record.root
        if root is None:
            return check_record(self.record.value)
        prefix = "" if root == Path() else f"{root.as_posix()}/"
        return [replace(finding, file=finding.file.removeprefix(prefix)) for finding in check([root])]

    @property
    def index(self) -> Index:
        """The words of all products of the mesh."""
        from meshwright.assess import words

        return words.index(self.mesh)

    # -- its ports ------------------------------------------------------------------------------------

    def table(self, port: Port) -> Table:
        """What lies at the port. Raises storage.Blocker: Absent, Corrupt or Unseen."""
        from meshwright.assess.storage import ports

        return self._once(("table", port.name), lambda: ports.table(self._place(port)))

    def variant(self, port: Port, role: str) -> Table:
        """What a role of the policy sees at the port. Raises storage.Blocker."""
        from meshwright.assess.storage import ports

        return self._once(("variant", port.name, role), lambda: ports.variant(self._place(port), role))

    def without_credentials(self, port: Port) -> Refusal:
        """Whether somebody without credentials can read the port. Raises storage.Blocker."""
        from meshwright.assess.storage import ports

        return self._once(("anonymous", port.name), lambda: ports.without_credentials(self._place(port)))

    def by_grants(self, port: Port) -> Refusal | None:
        """Whether what is granted lets in more than the product's own; None where the storage has no grants of its own.
        Raises storage.Blocker."""
        from meshwright.assess.storage import ports

        return self._once(("grants", port.name), lambda: ports.by_grants(self._place(port)))

    def _place(self, port: Port) -> Any:
        from meshwright.assess.storage import allowed
        from meshwright.assess.storage.ports import Place

        return Place(port, self.record.dataset, allowed(self.record.root, self.settings), self._scratch)

    @cached_property
    def _scratch(self) -> Path:
        """A folder for what is fetched, which goes with this."""
        folder = Path(tempfile.mkdtemp(prefix="meshwright-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _once(self, key: Any, look: Callable[[], T]) -> T:
        """What was seen the first time, also where that was blocker."""
        from meshwright.assess.storage import Blocker

        if key not in self._kept:
            try:
                self._kept[key] = look()
            except Blocker as blocker:
                self._kept[key] = blocker
        found = self._kept[key]
        if isinstance(found, Blocker):
            raise found
        return cast(T, found)  # of this key


def gather(
    record: Record,
    mesh: Lineage,
    now: datetime,
    static: bool = False,
    catalog: Catalog | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Evidence:
    """Looks at nothing yet: whatever a function asks for is looked at then."""
    return Evidence(record, mesh, now, static, catalog, settings or {})


def prepare(mesh: Lineage) -> None:
    """Makes what all products of a mesh share, such as the index that they are searched in. Called once, before the
    assessment is spread over processes, so that each of them need not make it anew; whoever leaves it out gets the
    same, later."""
    from meshwright.assess import words

    words.index(mesh)
