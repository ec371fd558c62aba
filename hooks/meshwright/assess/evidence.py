"""The facts about a product for fitness functions: its record, its mesh, its repository's files, its ports and the catalog.

Everything is read at most once and then cached, because several functions use the same facts.
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
from meshwright.mesh import role_columns
from meshwright.mesh.lineage import Lineage
from meshwright.product.record import Port, Record

if TYPE_CHECKING:
    from meshwright.assess.contract_rows import HeldRows
    from meshwright.assess.search_index import Index
    from meshwright.assess.storage import Refusal, Table

T = TypeVar("T")


class Catalog(Protocol):
    """The required methods of a catalog. Their exceptions make a function inconclusive."""

    def product(self, id: str) -> Mapping[str, Any] | None:
        """Return the value of the published record of `<domain>/<name>`; None if there is none."""

    def versions(self, id: str) -> Sequence[Mapping[str, Any]]:
        """Return the values of published versions of a product, newest first; none if it has none."""

    def search(self, words: str, limit: int) -> Sequence[str]:
        """Return the ids of the products that match these words, best first."""


@dataclass
class Evidence:
    """One product under assessment, with all that functions can read of it."""

    record: Record
    mesh: Lineage
    now: datetime
    """The moment of the whole assessment, with a time zone."""
    static: bool = False
    """True if nothing outside of the record may be read."""
    catalog: Catalog | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of governance, all optional: `hosts` (private names or addresses that may be accessed, and
    that may receive PostgreSQL credentials), `principal` (the name of the assessment in agreements), `paths` (folders of this machine that may be read for records
    from elsewhere), `seconds` (timeout of one answer), `megabytes` (maximum download)."""
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    # -- the record, and the mesh around it -----------------------------------------------------------

    @cached_property
    def findings(self) -> Sequence[Finding]:
        """The findings of the metamodel: for the repository, if it is on this machine, or else for the record. The file of
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
        from meshwright.assess import search_index

        return search_index.index(self.mesh)

    # -- its ports ------------------------------------------------------------------------------------

    def table(self, port: Port) -> Table:
        """Return the data of the port, as far as the agreement of the assessment shows it. Raises storage.Blocker: Absent,
        Corrupt or Unseen."""
        from meshwright.assess.storage import Absent, Unseen, ports

        role = self.role(port)
        if role:
            try:
                return self.variant(port, role)
            except Absent:
                problem = f"There is no data for the role {role}, in which the assessment is admitted."
                raise Unseen(problem, "Run `meshwright access apply`.") from None
        return self._once(("table", port.name), lambda: ports.table(self._port_location(port)))

    def role(self, port: Port) -> str:
        """Return the role in which the assessment reads the port; empty for the data set itself. Raises storage.Unseen."""
        from meshwright.assess import admission

        return self._once(
            ("role", port.name), lambda: admission.role(self.record, port, self.settings, self.now)
        )

    def hidden(self, port: Port) -> Sequence[str]:
        """Return the columns that the assessment does not see as they are. Raises storage.Unseen."""
        role = self.record.roles.get(self.role(port))
        return [
            column.name
            for column in (self.record.columns if role is not None else ())
            if role_columns.treatment(self.record, role or {}, column) != role_columns.CLEAR
        ]

    def has_metadata(self, port: Port) -> bool:
        """Return True if the pipeline writes metadata beside the rows that the assessment reads. Raises storage.Unseen."""
        format_ = port.uses.partition("@")[0]
        return format_ in ("parquet", "delta") or (format_ == "postgres" and not self.role(port))

    def held_rows(self, port: Port) -> HeldRows:
        """Return what the rows of the port say of the contract. Raises storage.Blocker."""
        from meshwright.assess import contract_rows
        from meshwright.assess.storage import ports

        def look() -> HeldRows:
            promised = contract_rows.examinable(self.record)
            tallies = ports.tallies(self.table(port), promised, self.record.dataset)
            return contract_rows.hold(promised, tallies, self.hidden(port))

        return self._once(("held", port.name), look)

    def variant(self, port: Port, role: str) -> Table:
        """Return what a role of the policy can read at the port. Raises storage.Blocker."""
        from meshwright.assess.storage import ports

        return self._once(
            ("variant", port.name, role), lambda: ports.variant(self._port_location(port), role)
        )

    def without_credentials(self, port: Port) -> Refusal:
        """Return whether the port can be read without credentials. Raises storage.Blocker."""
        from meshwright.assess.storage import ports

        return self._once(
            ("anonymous", port.name), lambda: ports.without_credentials(self._port_location(port))
        )

    def by_grants(self, port: Port) -> Refusal | None:
        """Return whether the grants admit others than the product's readers; None if the storage has no grants.
        Raises storage.Blocker."""
        from meshwright.assess.storage import ports

        return self._once(("grants", port.name), lambda: ports.by_grants(self._port_location(port)))

    def _port_location(self, port: Port) -> Any:
        from meshwright.assess.storage import allowed
        from meshwright.assess.storage.ports import PortLocation

        return PortLocation(
            port, self.record.dataset, allowed(self.record.root, self.settings), self._scratch
        )

    @cached_property
    def _scratch(self) -> Path:
        """A folder for downloads, removed with this object."""
        folder = Path(tempfile.mkdtemp(prefix="meshwright-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _once(self, key: Any, look: Callable[[], T]) -> T:
        """Return the cached result, or raise the cached blocker."""
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
    """Return the evidence of a product, which is read when a function asks for it."""
    return Evidence(record, mesh, now, static, catalog, settings or {})


def prepare(mesh: Lineage, now: datetime) -> None:
    """Build what all products of a mesh share: the search index, and the problems between products. Called before the assessment is
    distributed to processes, so that they need not build it again; without this call, it is built
    when needed."""
    from meshwright.assess import mesh_issues, search_index

    search_index.index(mesh)
    mesh_issues.issues_of(mesh, "", now)
