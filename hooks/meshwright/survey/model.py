"""What a survey has read and what it makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from meshwright.inspection.database_address import DatabaseAddress
from meshwright.inspection.model import ForeignKey, Table
from meshwright.inspection.repository import Repository, Used, Written
from meshwright.product.record import Record

State = Literal["there", "planned", "missing"]
STATES: dict[State, str] = {
    "there": "a product already",
    "planned": "can be made with what the registry has",
    "missing": "cannot be made yet: no source of the survey holds its data, or the registry lacks what it needs",
}
SOURCE_ORIENTED, CONSUMER_ORIENTED = "source-oriented", "consumer-oriented"


@dataclass(frozen=True)
class Note:
    """Something that a source says about one of its tables beside the table itself."""

    table: str
    """Name, with its schema if that is known."""
    kind: Literal["owner", "description", "freshness", "schedule", "reader", "writer", "steward"]
    value: str
    origin: str
    """Where it says so: a file with a line, or an exposure."""


@dataclass(frozen=True)
class Model:
    """A model of a dbt project."""

    table: Table
    path: str
    reads: tuple[str, ...] = ()
    """Names of models, and of sources as `source.table`."""
    owner: str = ""
    exposed: tuple[str, ...] = ()
    """Exposures that read it."""


@dataclass(frozen=True)
class DbtSource:
    """A table that a dbt project reads and does not make."""

    name: str
    """As models read it: `source.table`."""
    table: Table
    path: str


@dataclass
class Source:
    """One source of a survey, as it was read."""

    name: str
    """Short name; the first part of the ids of its tables."""
    kind: Literal["database", "dbt", "repository", "files"]
    where: str
    """Its address as given, without credentials."""
    tables: tuple[Table, ...] = ()
    models: tuple[Model, ...] = ()
    seeds: tuple[str, ...] = ()
    sources: tuple[DbtSource, ...] = ()
    notes: tuple[Note, ...] = ()
    written: tuple[Written, ...] = ()
    used: tuple[Used, ...] = ()
    products: tuple[Record, ...] = ()
    unread: tuple[str, ...] = ()
    """What could not be read, and why, with the fix."""
    address: str = ""
    """For the commands: the path or address of a repository or folder."""
    database: DatabaseAddress | None = None
    paths: Mapping[str, str] = field(default_factory=dict)
    """Table of files -> the path or glob that reads it."""
    encodings: Mapping[str, str] = field(default_factory=dict)
    """Table of files -> their encoding, if `draft` needs to know it."""
    repository: Repository | None = None
    dbt: str = ""
    """Folder of the dbt project in the repository."""


@dataclass
class Part:
    """A table of a candidate."""

    id: str
    """`<source>.<schema>.<table>`."""
    role: str
    """`main`, `detail`, `link`, `lookup` or `dimension`."""
    reason: str
    table: Table
    key: ForeignKey | None = None
    """The reference by which it belongs to the candidate; None for the main table, and where a model says so."""
    referring: str = ""
    """Id of the table that refers, and in `referred` of the one that it refers to."""
    referred: str = ""
    verified: bool = False
    """True if the rows confirm a reference that nobody declares."""

    @property
    def is_guess(self) -> bool:
        """Return True if only names suggest that it belongs to the candidate."""
        return self.key is not None and not self.key.declared and not self.verified


@dataclass
class Attribute:
    """One of the twelve mandatory attributes of a candidate."""

    rule: str
    """The rule that holds it, such as `DescriptionGiven`."""
    state: Literal["there", "derivable", "lacking"]
    value: str = ""
    origin: str = ""
    """What the value comes from."""


@dataclass
class Candidate:
    """A data product that could be: one denormalized data set."""

    name: str
    type: str
    parts: list[Part]
    source: str
    """Name of the source that its main table is in."""
    evidence: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    """Names of the candidates that its data comes from."""
    state: State = "planned"
    product: str = ""
    """The product that it is already: `<domain>/<name>`."""
    attributes: list[Attribute] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    """Capabilities that the registry does not have, for reading it where it comes from."""
    sensitive: list[tuple[str, str, str]] = field(default_factory=list)
    """Table, column and kind of data."""
    grants: list[str] = field(default_factory=list)
    """Statements that an administrator runs first, so that this account may read its tables."""
    commands: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)
    """Ids of tables that show the same data: views of it, models that make it."""

    @property
    def main(self) -> Part:
        return self.parts[0]


@dataclass(frozen=True)
class Need:
    """A capability that the estate needs and the registry does not have."""

    name: str
    what: str
    instead: str
    """What can be done without it."""
    origins: tuple[str, ...]
    candidates: tuple[str, ...] = ()


@dataclass
class Survey:
    """The result of a survey."""

    domain: str
    sources: Sequence[Source]
    candidates: list[Candidate]
    left_out: list[tuple[str, str]]
    """Id of a table, and why it is no product."""
    products: list[Record]
    """Data products that are there, in the sources or in the mesh."""
    needs: list[Need]
    unread: list[tuple[str, str]]
    """Source, and what of it could not be read."""
