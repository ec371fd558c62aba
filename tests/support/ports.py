"""A product in a folder, whose data sets a test publishes to a port of files as the pipeline does."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa

DATASET = "flights"
METADATA = {"product": "operations/flights", "productVersion": "1.0.0", "note": 'it\'s \\ "so"'}


@dataclass
class Published:
    """`pipeline` has to be importable (see `every_port`)."""

    root: Path
    uses: str
    properties: dict[str, Any] = field(default_factory=lambda: {"path": "build/port"})
    partition: str = ""

    @property
    def module(self) -> Any:
        return importlib.import_module(f"pipeline.outputs.{self.uses.partition('@')[0]}")

    @property
    def port(self) -> Any:
        spec = importlib.import_module("pipeline.spec")
        return spec.Capability("outputs", self.uses, "lake", properties=self.properties)

    @property
    def product(self) -> Any:
        spec = importlib.import_module("pipeline.spec")
        contract = self.root / "contract.odcs.yaml"
        return spec.Product(
            *[self.root, DATASET, "flight-operations", "1.0.0", DATASET, contract, (), None, (self.port,), ()]
        )

    @property
    def location(self) -> str:
        return self.module.location(self.port, self.product)

    def data(self, query: str, changed: tuple[str, ...] = (), since: str = "", **about: str) -> Any:
        """The data set of a query; of a product that is partitioned, with what has changed since a publication."""
        dataset = importlib.import_module("pipeline.dataset")
        folder = self.root / "build" / "scratch" / uuid4().hex
        folder.mkdir(parents=True)
        # A product without partitions has one file, which says where it comes from, and is published as it is.
        form = (
            "format parquet"
            if self.partition
            else importlib.import_module("pipeline.sql").form(METADATA | about)
        )
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute(f"create table rows as {query}")
            files = {}
            for number, value in enumerate(self._values(connection)):
                files[value] = folder / f"{number}.parquet"
                quoted = "'" + value.replace("'", "''") + "'"
                chosen = (
                    f"from rows where {self.partition}::varchar = {quoted}" if self.partition else "from rows"
                )
                connection.execute(f"copy ({chosen}) to '{files[value]}' ({form})")
            (rows,) = connection.execute("select count(*) from rows").fetchone()
        parts = tuple(files.values())
        if not since:
            return dataset.Dataset(parts, rows, METADATA | about, None, self.partition, parts)
        new = tuple(file for value, file in files.items() if value in changed)
        kind = dataset.described(parts)[self.partition]
        changes = dataset.Changes(self.partition, frozenset(changed), since, kind)
        return dataset.Dataset(parts, rows, METADATA | about, changes, self.partition, new)

    def _values(self, connection: duckdb.DuckDBPyConnection) -> list[str]:
        """What has a file of its own."""
        if not self.partition:
            return [""]
        found = connection.execute(f"select distinct {self.partition} from rows order by all").fetchall()
        return [str(value) for (value,) in found]

    def ready(self, query: str, **said: Any) -> Iterator[None]:
        """A publication, before it has begun."""
        return self.module.publish(self.port, self.product, self.data(query, **said))

    def publish(self, query: str, **said: Any) -> None:
        for _ in self.ready(query, **said):
            pass

    def read(self) -> pa.Table:
        return self.module.read(self.port, self.product)

    def rows(self, order: str = "all") -> list[tuple[Any, ...]]:
        """What readers find, in order."""
        found = self.read()
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.register("found", found)
            return connection.execute(f"from found order by {order}").fetchall()
