"""`view@1`: a DuckDB database with a view over the sources; nothing is copied."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import pyarrow as pa

from pipeline.dataset import Dataset
from pipeline.errors import UnreadableInput
from pipeline.incremental import kept
from pipeline.outputs import replacing
from pipeline.port_types import TYPES, Format
from pipeline.spec import Capability, Product
from pipeline.sql import identifier, literal, only_row

FORMAT = Format("DuckDB", types={name: name for name in TYPES})
ANOTHER_PORT = "Serve it through another port, such as parquet@1."


def location(port: Capability, product: Product) -> str:
    """Return where readers find the view."""
    return str(product.root / port.properties["path"] / f"{product.dataset}.duckdb")


def read(port: Capability, product: Product) -> pa.Table:
    """Return the current rows of the view."""
    with duckdb.connect(location(port, product), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.sql(f"from {identifier(product.dataset)}").to_arrow_table()


def first_row(port: Capability, product: Product) -> pa.Table:
    """Return a current row of the view, if it has any."""
    with duckdb.connect(location(port, product), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.sql(f"from {identifier(product.dataset)} limit 1").to_arrow_table()


def published_schema(port: Capability, product: Product) -> pa.Schema:
    """Return the columns of the published view. Raises if nothing was published yet."""
    with duckdb.connect(location(port, product), read_only=True) as connection:
        return connection.sql(f"from {identifier(product.dataset)} limit 0").to_arrow_table().schema


def refuse(port: Capability, product: Product) -> None:
    """Raises UnreadableInput for a product of which no view can be made: before any of its inputs is read."""
    if "://" in port.properties["path"]:
        raise UnreadableInput("DuckDB cannot write a database to a URL.", fix="Give the port a folder.")
    if product.platform.uses != "duckdb@1":
        raise UnreadableInput(
            f"A view needs models that run on DuckDB, but this product runs on {product.platform.uses}.",
            fix=ANOTHER_PORT,
        )
    for trait in ("incremental", "snapshot"):
        if product.trait(trait) is not None:
            raise UnreadableInput(
                f"With {trait}@1, the data set contains more than its sources.", fix=ANOTHER_PORT
            )
    # Which inputs the data set is made of is known once dbt has read the models.
    if product.inputs and not any(hasattr(source.module(), "reader_sql") for source in product.inputs):
        _refuse_loaded(product.inputs[0])


def _refuse_loaded(source: Capability) -> NoReturn:
    raise UnreadableInput(
        f"Input {source.name}: {source.uses} loads its data, so a view has nothing to read.", fix=ANOTHER_PORT
    )


def publish(port: Capability, product: Product, dataset: Dataset) -> Iterator[None]:
    """Prepare the new version up to the `yield`, and publish it afterwards."""
    refuse(port, product)
    made = product.scratch / "views" / port.name / f"{product.dataset}.duckdb"
    made.parent.mkdir(parents=True)
    try:
        with duckdb.connect(str(made)) as connection:
            connection.execute("set timezone = 'UTC'")
            _make(connection, product, dataset)
            (rows,) = only_row(connection.execute(f"select count(*) from {identifier(product.dataset)}"))
    except duckdb.Error as error:
        raise UnreadableInput(f"The view cannot be created: {error}", fix=ANOTHER_PORT) from error
    if rows != dataset.rows:
        raise UnreadableInput(
            f"The view returns {rows} rows, but {dataset.rows} were verified.",
            fix="Run again, if a source has changed meanwhile. A model whose result changes with each query needs another port.",
        )
    target = Path(location(port, product))
    product.make_folder(target.parent)
    yield from replacing(made, target)


def _make(connection: duckdb.DuckDBPyConnection, product: Product, dataset: Dataset) -> None:
    """Create views for the inputs and the models; the data set's view has the columns that the contract was verified on."""
    manifest = json.loads((product.build / "dbt" / "manifest.json").read_text("utf-8"))
    names: dict[str, str] = {}
    for node in _needed(manifest, product):
        if node["resource_type"] == "source":
            query = _input_sql(node["identifier"], product)
        else:
            query = node["compiled_code"]
            # dbt includes the name of the run's database, but readers may attach this one under any name.
            for full, name in names.items():
                query = query.replace(full, name)
            if node["name"] == product.dataset:
                query = _as_verified(connection, query, product, dataset)
        if node["relation_name"]:  # a model without one is inlined in those that read it
            names[node["relation_name"]] = name = _name(node)
            connection.execute(f"create schema if not exists {identifier(node['schema'])}")
            connection.execute(f"create view {name} as {query}")
    about = literal(json.dumps(dataset.metadata))
    connection.execute(f"comment on view {identifier(product.dataset)} is {about}")


def _is_viewable(node: Mapping[str, Any]) -> bool:
    if node["resource_type"] == "model":
        return bool(node["language"] == "sql" and node["config"]["materialized"] != "incremental")
    return bool(node["resource_type"] == "source")


def _needed(manifest: Mapping[str, Any], product: Product) -> list[Mapping[str, Any]]:
    """Return the nodes that the data set's model depends on, in order of dependency; the model is the last."""
    nodes = {**manifest["nodes"], **manifest["sources"]}
    ordered: dict[str, Mapping[str, Any]] = {}

    def add(key: str) -> None:
        node = nodes.get(key)
        if node is None or not _is_viewable(node):
            raise UnreadableInput(
                f"A view cannot read {key}: only inputs, and SQL models that are not incremental.",
                fix=ANOTHER_PORT,
            )
        for needed in node.get("depends_on", {}).get("nodes", []):
            if needed not in ordered:
                add(needed)
        ordered[key] = node

    add(
        next(
            key
            for key, node in nodes.items()
            if node["resource_type"] == "model" and node["name"] == product.dataset
        )
    )
    return list(ordered.values())


def _input_sql(name: str, product: Product) -> str:
    """Return DuckDB's SQL for an input, evaluated at the time of the query. Raises UnreadableInput for one that is loaded."""
    source = next(source for source in product.inputs if source.name == name)
    module = source.module()
    if not hasattr(module, "reader_sql"):
        _refuse_loaded(source)
    sql: str = module.reader_sql(source, product)
    return sql


def _as_verified(
    connection: duckdb.DuckDBPyConnection, query: str, product: Product, dataset: Dataset
) -> str:
    """Return SQL for the columns and rows as verified against the contract, with the types that they had then."""
    types = connection.execute(f"describe from {dataset.scan}").fetchall()
    columns = ", ".join(
        f"cast({identifier(name)} as {type_}) as {identifier(name)}" for name, type_, *_ in types
    )
    started = datetime.fromisoformat(dataset.metadata["ingestedAt"])
    rows = kept(product, started, {name: type_ for name, type_, *_ in types})
    return f"select {columns} from ({query}\n)" + (f" where {rows}" if rows else "")


def _name(node: Mapping[str, Any]) -> str:
    """Return the name, in the view's database, of a relation in the run's database."""
    return f"{identifier(node['schema'])}.{identifier(node.get('alias') or node['identifier'])}"
