"""Open an output port as its readers do: where its address leads, with what the capability itself reads with."""

from __future__ import annotations

import pyarrow as pa

from pipeline.dataset import Dataset
from pipeline.spec import Capability, Product

LONGEST = 300


def unavailable(port: Capability, product: Product, dataset: Dataset) -> str:
    """Read a row of a port; return why that is impossible, empty if it is not. The account is that of the run."""
    module = port.module()
    # A port of an organisation's own may have no `first_row`.
    opened_as = getattr(module, "first_row", module.published_schema)
    try:
        opened = opened_as(port, product)
    except Exception as error:  # each storage has its own errors
        message = " ".join(str(error).split()) or type(error).__name__
        return f"The port {port.name} cannot be opened: {message[:LONGEST]}"
    columns = opened.names if isinstance(opened, pa.Schema) else opened.column_names
    if missing := [name for name in dataset.schema.names if name not in columns]:
        return f"The port {port.name} does not have the column {missing[0]}."
    if dataset.rows and not isinstance(opened, pa.Schema) and opened.num_rows == 0:
        return f"The port {port.name} has no rows, but {dataset.rows:,} were published."
    return ""
