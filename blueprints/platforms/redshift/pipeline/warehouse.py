"""What all warehouses share: dlt loads the inputs and fetches the data set, and dbt runs the models there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.destination.dataset import DBApiCursor
from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase
from dlt.pipeline.exceptions import PipelineStepFailed

from pipeline.errors import UnreadableInput
from pipeline.platforms import INPUTS
from pipeline.spec import Product

MODELS = "models"
"""The schema of the models, in the product's own database, beside `inputs`."""
ROWS_AT_ONCE = 100_000
REFUSED = ("incremental", "retention")
CORRECT = "Correct what the warehouse reports, or its settings in data-product.yaml, and run again."


@dataclass(frozen=True)
class Warehouse:
    """A warehouse, with dlt's connection (`destination`) and dbt's (`reached`)."""

    product: Product
    metadata: Mapping[str, str]
    destination: Any
    reached: Mapping[str, Any]
    own_table: str = ""

    def attach(self, name: str, files: Sequence[Path]) -> None:
        rows = (batch for file in files for batch in pq.ParquetFile(file).iter_batches(ROWS_AT_ONCE))
        loading = self._pipeline(INPUTS)
        try:
            loading.run(dlt.resource(rows, name=name, write_disposition="replace"))
        except PipelineStepFailed as failure:
            raise UnreadableInput(f"Input {name} could not be loaded: {failure}", fix=CORRECT) from failure

    def landing(self) -> tuple[Any, dict[str, Any]]:
        return self.destination, {}

    def landed(self, name: str) -> None:
        """Nothing to do: dlt has loaded it into the schema `inputs`."""

    def rows(self, name: str) -> int:
        with self._pipeline(INPUTS).sql_client() as client:
            table = client.make_qualified_table_name(name)
        ((rows,),) = self.query(f"select count(*) from {table}")
        return int(rows)

    def profile(self) -> dict[str, Any]:
        return {"threads": 4, **self.reached, "schema": MODELS}

    def release(self) -> None:
        """Nothing to do: dbt closes its connections itself."""

    def input(self, name: str) -> str:
        with self._pipeline(INPUTS).sql_client() as client:
            return str(client.make_qualified_table_name(name))

    def relation(self, model: str) -> str:
        with self._client() as client:
            return str(client.make_qualified_table_name(model))

    def columns(self, model: str) -> dict[str, str]:
        try:
            with self._fetched(f"select * from {self.relation(model)} limit 0") as rows:
                return {str(name).lower(): str(type_) for name, type_, *_ in rows.description}
        except DatabaseUndefinedRelation:
            return {}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self._fetched(sql) as rows:
            return list(rows.fetchall())

    def text(self, model: str, column: str) -> str:
        _refuse(model)
        return ""

    def fingerprint(self, model: str, columns: Sequence[str]) -> str:
        _refuse(model)
        return ""

    def write(self, model: str, columns: Sequence[str], folder: Path, rows: str = "", by: str = "") -> None:
        _refuse(rows or by)
        with self._client() as client:
            selected = ", ".join(map(client.escape_column_name, columns))
        folder.mkdir(parents=True)
        with contextlib.ExitStack() as stack:
            fetched = stack.enter_context(self._fetched(f"select {selected} from {self.relation(model)}"))
            writer = None
            for table in fetched.iter_arrow(ROWS_AT_ONCE):
                table = table.rename_columns(list(columns))
                if writer is None:
                    schema = _schema(table.schema).with_metadata(dict(self.metadata))
                    file = folder / f"{model}.parquet"
                    writer = stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
                writer.write_table(table.cast(schema))
            if writer is None:
                raise UnreadableInput(
                    f"{model} has no rows, and a warehouse returns no types without one.",
                    fix=f"See why models/{model}.sql returns none, and run again.",
                )

    def delete(self, model: str, rows: str) -> None:
        _refuse(rows)

    def _pipeline(self, schema: str) -> dlt.Pipeline:
        folder = str(self.product.work / "dlt")
        return dlt.pipeline(schema, pipelines_dir=folder, destination=self.destination, dataset_name=schema)

    def _client(self) -> SqlClientBase[Any]:
        return self._pipeline(MODELS).sql_client()

    @contextlib.contextmanager
    def _fetched(self, sql: str) -> Iterator[DBApiCursor]:
        with self._client() as client, client.execute_query(sql) as cursor:
            yield cursor


def hidden(name: str, value: str) -> str:
    """Return the reference to a secret for a dbt profile, so that it is in no file: dbt hides the values of such variables."""
    variable = f"DBT_ENV_SECRET_{name.upper()}"
    os.environ[variable] = value
    return "{% raw %}{{ env_var('VARIABLE') }}{% endraw %}".replace("VARIABLE", variable)


@contextlib.contextmanager
def opened(
    product: Product, metadata: Mapping[str, str], destination: Any, reached: Mapping[str, Any]
) -> Iterator[Warehouse]:
    """Open the warehouse, which no other run should use meanwhile. Raises UnreadableInput for unsupported traits."""
    for trait in REFUSED:
        _refuse(product.trait(trait) is not None)
    try:
        yield Warehouse(product, metadata, destination, reached)
    except DatabaseException as error:
        raise UnreadableInput(f"The warehouse: {error}", fix=CORRECT) from error


def _refuse(is_used: object) -> None:
    if is_used:
        raise UnreadableInput(
            "incremental@1 and retention@1 do not work on this platform: their conditions are not in its SQL.",
            fix="Choose another platform, or remove these traits.",
        )


def _schema(schema: pa.Schema) -> pa.Schema:
    """Convert to the same types for all warehouses: integers, and time in microseconds."""

    def like(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_decimal(kind) and kind.scale == 0:
            return pa.int64()
        if pa.types.is_timestamp(kind):
            return pa.timestamp("us", kind.tz and "UTC")
        return kind

    return pa.schema([field.with_type(like(field.type)) for field in schema])
