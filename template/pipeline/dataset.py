"""The data set as one file: written once, verified, and then published as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

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


def write(product: Product, columns: Iterable[str], ingested_at: datetime) -> Dataset:
    """Writes the model's rows to one Parquet file, with the contract's columns in the contract's order."""
    metadata = {
        "product": f"{product.domain}/{product.name}",
        "productVersion": product.version,
        "ingestedAt": ingested_at.isoformat(timespec="seconds"),
    }
    file = product.scratch / f"{product.dataset}.parquet"
    with duckdb.connect(str(product.warehouse)) as connection:
        connection.execute("set timezone = 'UTC'")
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
