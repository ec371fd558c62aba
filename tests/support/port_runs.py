"""Runs of a product from its model on, in this process: what its ports serve is what the model holds."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

FILES = ("parquet", "delta", "iceberg")


@dataclass
class Runs:
    """A product in a folder. `pipeline` has to be importable (see `every_port`)."""

    root: Path
    partition: str = ""
    cursor: str = ""
    uses: tuple[str, ...] = FILES
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    dataset: str = "readings"
    warehouse: dict[str, Any] = field(default_factory=dict)
    """The properties of the platform `postgres@1`; empty: the platform is DuckDB."""

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        for name in ("contract.odcs.yaml", "data-product.yaml"):
            (self.root / name).write_text("{}\n")

    @property
    def product(self) -> Any:
        spec = importlib.import_module("pipeline.spec")
        ports = tuple(
            spec.Capability(
                "outputs",
                f"{name}@1",
                name,
                properties={"path": f"build/ports/{name}", **self.properties.get(name, {})},
            )
            for name in self.uses
        )
        properties = {"partition": self.partition} | ({"cursor": self.cursor} if self.cursor else {})
        traits = (
            (spec.Capability("traits", "incremental@1", properties=properties),) if self.partition else ()
        )
        return spec.Product(
            root=self.root,
            name="readings",
            domain="grid",
            version="1.0.0",
            dataset=self.dataset,
            contract=self.root / "contract.odcs.yaml",
            inputs=(),
            transform=spec.Capability("transforms", "dbt@1"),
            outputs=ports,
            service_levels=(),
            traits=traits,
            **(
                {"platform": spec.Capability("platforms", "postgres@1", properties=self.warehouse)}
                if self.warehouse
                else {}
            ),
        )

    def run(self, query: str, *, anew: bool = False, rows: str = "") -> Any:
        """One run, whose model is what a query of DuckDB gives; returns the data set that was published."""
        incremental = importlib.import_module("pipeline.incremental")
        datasets = importlib.import_module("pipeline.dataset")
        publish = importlib.import_module("pipeline.publish")
        product = self.product
        shutil.rmtree(product.scratch, ignore_errors=True)
        product.scratch.mkdir(parents=True)
        about = datasets.metadata(product, datetime.now(UTC))
        with self.platform(product, about) as platform:
            before = incremental.previous_run(product, anew=anew)
            incremental.forget(product)
            self.model(platform, query)
            columns = list(platform.columns(self.dataset))
            columns = datasets.promised(product, platform, columns)
            dataset, partitions = incremental.write(product, platform, columns, about, before, rows)
            publish.publish(product, dataset)
            incremental.remember(product, platform, columns, dataset, before.code, partitions)
        return dataset

    @contextmanager
    def platform(self, product: Any, about: dict[str, str]) -> Iterator[Any]:
        with product.platform.module().opened(product, about) as platform:
            yield platform

    def model(self, platform: Any, query: str) -> None:
        """Makes the model of the query's rows, which come into another platform than DuckDB as a file."""
        if not self.warehouse:
            with platform.connected() as connection:
                connection.execute(f'create or replace table main."{self.dataset}" as {query}')
            return
        file = self.root / "build/scratch/rows.parquet"
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute(f"create table rows as {query}")
            narrow = importlib.import_module("pipeline.platforms.duckdb")._narrow  # as no file has a HUGEINT
            types = connection.execute("describe rows").fetchall()
            columns = ", ".join(narrow(name, kind) for name, kind, *_ in types)
            connection.execute(f"copy (select {columns} from rows) to '{file}' (format parquet)")
        platform.attach("rows", [file])
        relation = platform.relation(self.dataset)
        platform.connection.execute(f"drop table if exists {relation}")
        platform.connection.execute(f"create table {relation} as select * from {platform.input('rows')}")

    def read(self, name: str) -> pa.Table:
        """What a port serves, by its own `read`."""
        port = next(port for port in self.product.outputs if port.name == name)
        return port.module().read(port, self.product)

    def first_row(self, name: str) -> pa.Table:
        """A row that a port serves, as a service level of availability reads it."""
        port = next(port for port in self.product.outputs if port.name == name)
        return port.module().first_row(port, self.product)

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        """What a port serves, each value as DuckDB's text, in order."""
        return texts(self.read(name))


def texts(source: pa.Table | str) -> list[tuple[Any, ...]]:
    """The rows of a table, or of a query, each value as a text, in order."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        if isinstance(source, str):
            found = connection.sql(source)
        else:
            connection.register("source", source)
            found = connection.sql("from source")
        columns = ", ".join('cast("{}" as varchar)'.format(name.replace('"', '""')) for name in found.columns)
        return sorted(connection.sql(f"select {columns} from found").fetchall(), key=repr)
