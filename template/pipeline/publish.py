"""Stage 4: the verified file goes to every output port."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import yaml

from pipeline.errors import PromiseBroken
from pipeline.spec import Product
from pipeline.sql import identifier, literal


@dataclass(frozen=True)
class Dataset:
    """The one data set of the product, as the file that is verified and then published."""

    file: Path
    rows: int
    metadata: dict[str, str]
    """Travels with the data: which product, which version, when its inputs were read."""


def stage(product: Product, columns: Iterable[str], ingested_at: datetime) -> Dataset:
    """Writes the model's rows to one Parquet file, with the contract's columns in the contract's order."""
    metadata = {
        "product": f"{product.domain}/{product.name}",
        "productVersion": product.version,
        "ingestedAt": ingested_at.isoformat(timespec="seconds"),
    }
    file = product.scratch / f"{product.dataset}.parquet"
    with duckdb.connect(str(product.warehouse)) as connection:
        made = dict(
            connection.execute(
                "select column_name, data_type from information_schema.columns"
                " where table_schema = 'main' and table_name = ? order by ordinal_position",
                [product.dataset],
            ).fetchall()
        )
        if not made:
            raise PromiseBroken(
                f"There is no model {product.dataset}, and that is the data set that data-product.yaml promises.",
                mend=f"Add models/{product.dataset}.sql, or mend spec.dataset.name.",
            )
        columns = list(columns)
        # A column that nobody promised has no meaning and no classification: it stays private.
        if extra := [name for name in made if name not in columns]:
            raise PromiseBroken(
                "\n".join(
                    f"column {name} ({made[name]}) is in the model, but not in the contract" for name in extra
                ),
                mend=f"Describe it in {product.contract.name}, or leave it out of models/{product.dataset}.sql.",
            )
        promised = [name for name in columns if name in made]
        selected = f"select {', '.join(map(identifier, promised))} from main.{identifier(product.dataset)}"
        settings = ", ".join(f"{identifier(key)}: {literal(value)}" for key, value in metadata.items())
        (rows,) = connection.execute(
            f"copy ({selected}) to {literal(str(file))} (format parquet, compression zstd, kv_metadata {{{settings}}})"
        ).fetchone()
    return Dataset(file=file, rows=rows, metadata=metadata)


def publish(product: Product, dataset: Dataset) -> dict[str, str]:
    """Publishes to every port; returns the location of each.

    Each port makes ready first and commits after, and all are ready before the first commits: a run
    that dies in between leaves every port as it was, or serving the new version.
    """
    ports = [(port, port.module()) for port in product.outputs]
    publications = [module.publish(port, product, dataset) for port, module in ports]
    for publication in publications:
        next(publication)
    for publication in publications:
        next(publication, None)
    return {port.name: module.location(port, product) for port, module in ports}


def write_address_book(product: Product, locations: dict[str, str]) -> Path:
    """Says where each port lies, for the products that read them (see `data-product@1`)."""
    book = {
        product.address(port.name): {
            "uses": port.uses,
            "location": locations[port.name],
            "version": product.version,
        }
        for port in product.outputs
    }
    return write_text(product.root / "build" / "addresses.yaml", yaml.safe_dump(book, sort_keys=False))


def write_text(path: Path, text: str) -> Path:
    """Writes a whole file or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(text, "utf-8")
    os.replace(partial, path)
    return path
