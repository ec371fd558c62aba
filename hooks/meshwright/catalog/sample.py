"""Make the sample rows of a product from its last run on the sample: what each role sees, with the masks of `access`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshwright.core.errors import Error
from meshwright.core.install import install_command
from meshwright.core.text import printable
from meshwright.mesh.role_columns import CLEAR
from meshwright.mesh.sample_rows import (
    COLUMNS,
    LONGEST,
    ROLES,
    ROWS,
    RoleSample,
    SampleColumn,
    SampleRows,
    policy_digest,
)
from meshwright.mesh.sources import last_run
from meshwright.product.personal_columns import recognized
from meshwright.product.record import Record

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

    from meshwright.access.grants import View
    from meshwright.catalog import Adapter, CatalogConnection

RUN = "Run `uv run python -m pipeline` on the sample, without variables, and try again."
SEARCHED = 200
"""Rows whose values are searched for personal data."""


class NoSample(Error):
    """There are no rows of a run on the sample, or nobody may see them."""

    exit_code = 1


def is_sample_run(root: Path) -> bool:
    """Return True if the last run read the product's sample, and the files of its ports are still the ones it wrote."""
    run, _ = last_run(root)
    known, ports = run.get("sample"), run.get("ports")
    if run.get("outcome") != "published" or not isinstance(known, dict) or not isinstance(ports, dict):
        return False
    places = [Path(place) for place in ports.values() if isinstance(place, str)]
    return len(places) == len(ports) and _served(places) == known.get("ports")


def _served(places: list[Path]) -> str:
    """Return the hash of the state of all ports' files, as the pipeline computes it (pipeline/sample_run.py)."""
    state = []
    try:
        for place in places:
            files = (
                [place] if place.is_file() else sorted(file for file in place.rglob("*") if file.is_file())
            )
            state += [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    except OSError:
        return ""
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()


def sample_of(root: Path, record: Record) -> SampleRows:
    """Return the sample rows of the product at `root`. Raises Error where there are none.

    What each role sees is decided as `meshwright access` does it: by the policy that approvers have signed, at the last commit.
    """
    from meshwright.access.grants import Refused
    from meshwright.access.product_access import load
    from meshwright.access.rego_evaluation import PolicyEngine
    from meshwright.access.role_views import role_views
    from meshwright.access.targets.files import TABLES
    from meshwright.access.targets.files.storage import storage

    run, _ = last_run(root)
    if run.get("product") != record.id or run.get("version") != record.version or not is_sample_run(root):
        raise NoSample("The last run is not one of this version on the product's sample.", RUN)
    product = load(root, environment={})
    if policy_digest(Record({"policy": product.policy})) != policy_digest(record):
        raise NoSample(
            "The access policy is not the one that approvers have signed, so it is not known what readers may see.",
            "Let an approver sign the policy, and try again.",
        )
    port = next((port for port in product.ports if port.uses in TABLES), None)
    if port is None:
        raise NoSample(
            "The product has no port of files, from which sample rows could be read.",
            f"Nothing to fix: only ports of {' and '.join(TABLES)} have sample rows.",
        )
    views = list(role_views(product, PolicyEngine(product.team)))
    with TABLES[port.uses].opened(storage(port), product.dataset) as table:
        personal = _personal(table.rows, record)
        roles = {
            view.role: _role_sample(view, table.rows, personal)
            for view in views
            if view.kind == "human" and not view.break_glass
        }
    if not roles:
        raise Refused("The policy has no role for people.", "Nothing to fix: the catalog shows no rows then.")
    is_open = product.mode == "open" and not product.team
    return SampleRows(port.name, policy_digest(record), is_open, dict(islice(roles.items(), ROLES)))


def _role_sample(view: View, source: ds.Dataset, personal: set[str]) -> RoleSample:
    """Return what a role sees of the first rows that it may see."""
    from meshwright.access.targets.files import variant

    columns = tuple(
        SampleColumn(one.column.name, one.mask or CLEAR, one.column.name in personal)
        for one in view.columns[:COLUMNS]
    )
    batches = variant.rows(variant.project(view, source.schema), source)
    rows: list[tuple[str | None, ...]] = []
    for batch in batches:
        rows += _texts(batch, len(columns))
        if len(rows) >= ROWS:
            break
    return RoleSample(columns, tuple(rows[:ROWS]))


def _texts(batch: pa.RecordBatch, columns: int) -> Iterator[tuple[str | None, ...]]:
    few = batch.slice(0, ROWS)
    values = [[_value_text(one) for one in few.column(number)] for number in range(columns)]
    return zip(*values, strict=True) if values else iter(())


def _value_text(scalar: pa.Scalar) -> str | None:
    """Return a value as a short text on one line; None if there is none."""
    try:
        value = scalar.as_py()
    except (ValueError, OverflowError, UnicodeDecodeError):  # such as nanoseconds, or bytes that are no text
        value = "(cannot be shown)"
    return None if value is None else shown(value)


def shown(value: Any) -> str:
    """Return a value of Python as a text of at most LONGEST characters, without control characters and credentials."""
    if isinstance(value, bytes | bytearray | memoryview):
        text = "0x" + bytes(value[:LONGEST]).hex()
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, Mapping | list | tuple | set):
        text = json.dumps(value, default=shown, ensure_ascii=False)
    else:
        text = str(value)
    plain = printable(text[: LONGEST * 2].encode("utf-8", "replace").decode("utf-8"))
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"


def _personal(source: ds.Dataset, record: Record) -> set[str]:
    """Return the columns that look personal, by their names and by their values in the sample."""
    table = source.head(SEARCHED)
    found = set()
    types = {column.name: column.logical_type for column in record.columns}
    for name in set(table.column_names):
        kinds = {_value_text(one) or "" for one in table.column(table.column_names.index(name))}
        if recognized(name, types.get(name, ""), sorted(kinds - {""}), record.dataset):
            found.add(name)
    return found


def note_of_sending(root: Path, record: Record, to: Adapter, connection: CatalogConnection) -> str:
    """Send the sample rows where the last run made some and the catalog takes them. Return a sentence on what went wrong."""
    if not hasattr(to, "put_sample") or not is_sample_run(root):
        return ""
    try:
        to.put_sample(record.id, sample_of(root, record), connection)
    except ModuleNotFoundError as error:
        return f"No sample rows were sent, because {error.name} is not installed: {install_command('catalog,access')}"
    except Error as error:
        return f"No sample rows were sent. {error.sentence} {error.fix}".strip()
    return ""


def send(root: Path, record: Record, to: Adapter, connection: CatalogConnection) -> SampleRows:
    """Send the sample rows of a product to a catalog that has it. Raises Error."""
    if not hasattr(to, "put_sample"):
        raise NoSample(
            f"The catalog {to.NAME} takes no sample rows.", "Leave out --to: the embedded one does."
        )
    sample = sample_of(root, record)
    if not to.put_sample(record.id, sample, connection):
        raise NoSample("The catalog is older than sample rows.", "Let its operator update it.")
    return sample
