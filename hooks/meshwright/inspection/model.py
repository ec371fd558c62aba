"""Tables as their source describes them, and statistics of their rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class Column:
    """A column as its source describes it, before any row is read."""

    name: str
    """As the source spells it."""
    type: str
    """Canonical type, as models/sources.yml declares it: `BIGINT`, `DECIMAL(18,2)`, `VARCHAR`, `STRUCT(a BIGINT)`.

    Empty if the source describes the column without a type, as dbt projects and contracts may.
    """
    native_type: str = ""
    """The source's own spelling, such as `character varying(40)`; empty for a file of text."""
    required: bool = False
    """True if the source itself refuses missing values."""
    max_length: int | None = None
    """Characters of a text at most, if the source declares it."""
    description: str = ""
    """The source's comment."""
    values: tuple[str, ...] = ()
    """The values that the source itself allows (an enum), if it declares them."""
    classification: str = ""
    """As the source declares it: contracts and dbt projects may."""
    minimum: str | None = None
    """The lowest number that the source itself allows, if it declares it."""
    maximum: str | None = None


@dataclass(frozen=True)
class ForeignKey:
    """Columns whose values are keys of another table."""

    columns: tuple[str, ...]
    table: str
    """Name of the other table, as its source spells it."""
    other_columns: tuple[str, ...]
    declared: bool = True
    """False if the source does not declare it, and the values alone suggest it."""
    reason: str = ""
    """Why it is believed, with the numbers, if it is not declared."""


@dataclass(frozen=True)
class Activity:
    """Who may use a table and when it was used, as far as the catalog of its database tells."""

    owner: str = ""
    readers: tuple[str, ...] = ()
    """Accounts and groups with the right to read it, sorted, without its owner; `PUBLIC` is everybody."""
    writers: tuple[str, ...] = ()
    """Accounts and groups with the right to change its rows, sorted, without its owner."""
    last_write: datetime | None = None
    """When its rows last changed, in UTC; None if the catalog does not tell."""
    last_read: datetime | None = None
    reads: int | None = None
    """Number of queries that read it since `since`; None if the catalog does not tell."""
    writes: int | None = None
    """Number of rows inserted, updated and deleted since `since`."""
    since: datetime | None = None
    """When counting began; None if that is not known."""


@dataclass(frozen=True)
class Table:
    """A table, a view or a set of files with the same columns."""

    name: str
    columns: tuple[Column, ...]
    schema: str = ""
    """Schema or database that it is in; empty for files."""
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    """Other keys that the source declares."""
    foreign_keys: tuple[ForeignKey, ...] = ()
    rows: int | None = None
    """Number of rows, if the catalog knows it without reading them; may be an estimate."""
    description: str = ""
    is_view: bool = False
    reads_from: tuple[str, ...] = ()
    """Tables that a view reads, as `schema.table`, or `table` where there are no schemas; as far as the catalog tells."""
    activity: Activity | None = None
    """None for sources that are no database."""
    grants: tuple[str, ...] = ()
    """Statements that let this account read it; empty if it may, or if the catalog does not tell."""
    problem: str = ""
    """Why its columns are not known; empty if they are."""

    @property
    def qualified(self) -> str:
        """Its name, with the schema in front if it has one."""
        return f"{self.schema}.{self.name}" if self.schema else self.name

    def column(self, name: str) -> Column:
        """Return a column by its name. Raises KeyError."""
        return {column.name: column for column in self.columns}[name]


@dataclass(frozen=True)
class ColumnProfile:
    """Statistics of the values of one column."""

    missing: int
    """Rows without a value."""
    distinct: int | None = None
    """Number of different values; None if it was not counted."""
    is_estimate: bool = False
    """True if `distinct` is an estimate."""
    minimum: str | None = None
    """Lowest value of a number, date or time, as the contract writes it."""
    maximum: str | None = None
    values: tuple[str, ...] = ()
    """All values, sorted, if they are few enough to be a list of allowed values; else empty."""
    shortest: int | None = None
    """Characters of the shortest text."""
    longest: int | None = None
    form: str = ""
    """The recognized form that all texts have, such as `email`, `uuid`, `url`; empty if there is none."""


@dataclass(frozen=True)
class TableProfile:
    """Statistics of the rows of one table."""

    table: Table
    """As `Source.table` returns it, unless values do not fit the type of a column: it has a type that holds them all."""
    rows: int
    """Number of rows of the table."""
    columns: Mapping[str, ColumnProfile]
    keys: tuple[tuple[str, ...], ...] = ()
    """Columns that identify a row, verified on all rows; the best one first."""
    sampled: int | None = None
    """Rows that the statistics are of, if not all; keys and missing values are of all rows unless `notes` says otherwise."""
    notes: tuple[str, ...] = ()
    """Sentences for the person: what was sampled or could not be verified."""


class Source(Protocol):
    """One table of one source, open for reading."""

    @property
    def name(self) -> str:
        """Name of the input that reads it."""

    @property
    def uses(self) -> str:
        """The capability that reads it in a product: `file@1`, `database@1`, `data-product@1`."""

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties of that input for the real source (path, delimiter, table …), without variables or secrets."""

    def table(self) -> Table:
        """Return the table as its source describes it."""

    def profile(self) -> TableProfile:
        """Return statistics of its rows, in bounded memory."""

    def rows(self, limit: int, among: Mapping[str, Collection[Any]] | None = None) -> Iterator[Sequence[Any]]:
        """Yield at most `limit` rows in the order of the columns, the same ones each time.

        `among`: column -> values; only rows that have one of them in each of these columns.
        """

    def distinct(
        self, columns: Sequence[str], limit: int, among: Mapping[str, Collection[Any]] | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Yield at most `limit` different combinations of the columns' values, in order, without those that lack one.

        `among`: as for `rows`.
        """
