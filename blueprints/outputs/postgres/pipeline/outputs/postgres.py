"""`postgres@1`: a view in a PostgreSQL database, whose data is replaced in one transaction."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pyarrow as pa

from pipeline import spec
from pipeline.dataset import Dataset
from pipeline.errors import UnreadableInput
from pipeline.postgres import generations
from pipeline.postgres.columns import columns, from_text
from pipeline.postgres.copies import fetched, types
from pipeline.postgres.database_layout import database_layout, shown
from pipeline.postgres.limits import FORMAT
from pipeline.postgres.session import connected, embedded
from pipeline.progress import say
from pipeline.spec import Capability, Product
from pipeline.sql import identifier

__all__ = ["FORMAT", "location", "publish", "read"]


def location(port: Capability, product: Product) -> str:
    """Return where readers find the data."""
    return shown(database_layout(port, product))


def publish(port: Capability, product: Product, dataset: Dataset) -> Iterator[None]:
    """Prepare the new version up to the `yield`, and publish it afterwards."""
    here, described = database_layout(port, product), columns(dataset.scan)
    with connected(here, make=True) as connection:
        generations.publication_lock(connection, here)
        generations.drop_unused(connection, here)  # remove what an interrupted run left
        table = generations.load(connection, here, described, dataset)
        yield
        generations.show(connection, here, table, described, dataset)
        generations.drop_unused(connection, here)


def read(port: Capability, product: Product) -> pa.Table:
    """Return the published data."""
    return _read(port, product, "")


def first_row(port: Capability, product: Product) -> pa.Table:
    """Return a row of the published data, if it has any."""
    return _read(port, product, " limit 1")


def published_schema(port: Capability, product: Product) -> pa.Schema:
    """Return the columns of the published data. Raises if nothing was published yet."""
    return _read(port, product, " where false").schema


def _read(port: Capability, product: Product, condition: str) -> pa.Table:
    here = database_layout(port, product)
    with connected(here, make=False) as connection:
        known = types(connection, here.view)
        if not known:
            raise UnreadableInput(
                f"The view {here.view} does not exist: nothing was published there yet.",
                fix="Publish first: `uv run python -m pipeline`.",
            )
        selected = ", ".join(map(identifier, known))
        typed = {name: from_text(name, type_) for name, type_ in known.items()}
        with fetched(connection, f"select {selected} from {here.view}{condition}", typed) as (engine, rows):
            return engine.sql(rows).to_arrow_table()


def main() -> int:
    """Keep the product's embedded server running until it is interrupted: `python -m pipeline.outputs.postgres`."""
    try:
        product = spec.load(Path.cwd(), os.environ)
        ports = {
            port.name: database_layout(port, product)
            for port in product.outputs
            if port.uses.startswith("postgres@")
        }
        ports = {name: here for name, here in ports.items() if not here.url}
        if not ports:
            raise UnreadableInput(
                "No output port of this product has an embedded server.",
                fix="Connect to the server that the port's `url` names.",
            )
        with contextlib.ExitStack() as stack:
            for name, here in ports.items():
                address = stack.enter_context(embedded(here, make=True))
                where = urlencode({key: address[key] for key in ("host", "port")})
                say(f"{name}: PostgreSQL runs in {here.folder}. To query the data:")
                say(f"  psql 'postgresql://{here.access}@/{address['dbname']}?{where}'")
            say("Ctrl-C stops the server, unless another process started it.")
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
    except UnreadableInput as problem:
        say(str(problem), fix=problem.fix)
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
