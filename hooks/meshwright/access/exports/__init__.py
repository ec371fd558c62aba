"""What other engines take of the typed plan: files to hand over. Nothing here connects to anything by itself.

Each module says how far it was tested; `meshwright access export <engine>` writes what its function returns.
"""

from __future__ import annotations

from collections.abc import Callable

from meshwright.access.exports import lake_formation, snowflake, trino, unity_catalog
from meshwright.access.grants import Desired

EXPORTS: dict[str, Callable[[Desired, str], dict[str, str]]] = {
    "lake-formation": lake_formation.files,
    "snowflake": snowflake.files,
    "trino": trino.files,
    "unity-catalog": unity_catalog.files,
}
"""Engine -> `files(desired, table)`: path in the folder -> text, for a table as catalog.schema.table. Raises Refused."""
