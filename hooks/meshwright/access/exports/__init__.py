"""What other engines take of the typed plan: files to hand over, and calls that are made only where `--apply` asks for it.

Each module says how far it was tested; `meshwright access export <engine>` writes what its function returns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path

from meshwright.access.exports import (
    lake_formation,
    redshift_datashare,
    snowflake,
    snowflake_share,
    trino,
    unity_catalog,
)
from meshwright.access.grants import Desired, ManualAction, Refused

EXPORTS: dict[str, Callable[[Desired, str], dict[str, str]]] = {
    "lake-formation": lake_formation.files,
    "redshift-datashare": redshift_datashare.files,
    "snowflake": snowflake.files,
    "snowflake-share": snowflake_share.files,
    "trino": trino.files,
    "unity-catalog": unity_catalog.files,
}
"""Engine -> `files(desired, table)`: path in the folder -> text, for a table as catalog.schema.table. Raises Refused."""

APPLIED: dict[str, Callable[[Desired, str, Collection[str]], list[ManualAction]]] = {
    "lake-formation": lake_formation.apply,
}
"""Engine -> `apply(desired, table, keep)`, which makes the calls. Raises Refused."""


def refuse_others(folder: Path, files: dict[str, str]) -> None:
    """Raise Refused if a file in the folder is another product's: many products can share a folder."""
    for name, text in files.items():
        if name.endswith("data.json") and (folder / name).exists():
            existing, new = json.loads((folder / name).read_text("utf-8")), json.loads(text)
            if existing.get("product") != new.get("product"):
                raise Refused(
                    f"{folder / name} is {existing.get('product')}'s, not {new.get('product')}'s.",
                    "Name your own table with --table, or remove that file if its product has gone.",
                )
