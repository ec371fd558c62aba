"""The names that the columns of a source have after loading, which models use."""

from __future__ import annotations

import re

from meshwright.inspection.reading.column_names import column_name


def landed_name(name: str, uses: str) -> str:
    """Return the name that a column lands with: `Flight No.` becomes `flight_no`.

    `uses`: the capability of the input. `database@1` loads with dlt, which keeps only ASCII: `Größe` becomes `gr_e`.
    """
    plain = column_name(name)
    if uses.partition("@")[0] != "database":
        return plain
    ascii_only = re.sub(r"[^A-Za-z0-9_]+", "_", plain)
    if ascii_only[:1].isdigit():
        ascii_only = f"_{ascii_only}"
    stripped = ascii_only.rstrip("_")
    ended = stripped + "x" * (len(ascii_only) - len(stripped))
    return re.sub(r"_{2,}", "_", ended)
