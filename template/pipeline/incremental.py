"""What a run takes over from the one before it, if the product has `incremental@1`: only what changed is written anew."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from pipeline.dataset import Changes, Dataset, count, files
from pipeline.errors import PromiseBroken, UnreadableInput
from pipeline.platforms import Platform
from pipeline.spec import Product
from pipeline.sql import identifier, literal

RECORD = "published.json"
"""In the state's folder, from a publication to the next transform: without it, the next run makes everything anew."""


@dataclass(frozen=True)
class Last:
    """The last run, if what it left can be gone on with."""

    code: str
    """Of the models and of what the spec says, as a hash."""
    publication: str = ""
    partitions: dict[str, list[Any]] = field(default_factory=dict)
    """Value of the partition column -> its rows, and the highest value of the cursor, or their fingerprint."""

    def __bool__(self) -> bool:
        return bool(self.publication)


def last(product: Product, *, anew: bool) -> Last:
    """What the last run left. `anew`: as if there had been none.

    What was not published, or was made by other code, is not gone on with: a run that fails is followed by a whole
    one, and the data set is always what a whole run would have made.
    """
    code = _code(product)
    state = product.state
    if state is None or anew:
        return Last(code)
    try:
        said = json.loads((state / RECORD).read_text("utf-8"))
        known = Last(said["code"], said["publication"], said["partitions"])
    except (OSError, ValueError, KeyError):
        return Last(code)
    return known if known.code == code else Last(code)


def forget(product: Product) -> None:
    """From here on until it is published, what lies in the state is nothing to go on with."""
    if product.state:
        (product.state / RECORD).unlink(missing_ok=True)


def kept(product: Product, started: datetime) -> str:
    """The condition, in SQL, for the rows that `retention@1` keeps; empty if there is no such trait."""
    retention = product.trait("retention")
    if retention is None:
        return ""
    column = identifier(retention["column"])
    oldest = (started - timedelta(days=int(retention["keep"].removesuffix("d")))).date()
    return f"({column} is null or {column} >= {literal(oldest.isoformat())})"


def write(
    product: Product, platform: Platform, columns: list[str], about: dict[str, str], before: Last, rows: str
) -> tuple[Dataset, dict[str, list[Any]]]:
    """Writes the data set, or what of it changed; returns it, with its partitions as `Last` has them.

    `rows` is the condition for the rows of the data set. Raises PromiseBroken, UnreadableInput.
    """
    staged = product.scratch / "staged"
    trait = product.trait("incremental")
    if rows and product.state:
        platform.delete(product.dataset, f"not {rows}")
    if trait is None:
        platform.write(product.dataset, columns, staged, rows)
        return _dataset(staged, about), {}

    column, cursor = trait["partition"], trait.get("cursor")
    if missing := {column, cursor or column} - set(columns):
        raise UnreadableInput(
            f"incremental@1 names {', '.join(sorted(missing))}, which the data set does not have.",
            mend="Mend the trait in data-product.yaml, or add the column to the model and to the contract.",
        )
    by = identifier(column)
    where = f" where {rows}" if rows else ""
    version = f"max({identifier(cursor)})" if cursor else platform.fingerprint(product.dataset, columns)
    found = platform.query(
        f"select {by}, count(*), {version} from {platform.relation(product.dataset)}{where} group by {by}"
    )
    if any(value is None for value, *_ in found):
        raise PromiseBroken(
            f"Some rows have no {column}, by which the data set is partitioned.",
            mend="Mend the model, or choose another partition for incremental@1.",
        )
    partitions = {_said(value): [count, str(version)] for value, count, version in found}
    about["publication"] = uuid4().hex
    store = _store(product)
    if not before or not store.is_dir():
        platform.write(product.dataset, columns, staged, rows, by=column if partitions else "")
        return _dataset(staged, about, partition=column), partitions

    values = frozenset(
        value
        for value in {*partitions, *before.partitions}
        if partitions.get(value) != before.partitions.get(value)
    )
    if present := sorted(values & partitions.keys()):
        chosen = f"{by} in ({', '.join(map(literal, present))})"
        platform.write(
            product.dataset, columns, staged, f"{rows} and {chosen}" if rows else chosen, by=column
        )
    changed = files(staged)
    parts = (*files(*(folder for folder in store.iterdir() if _value(folder) not in values)), *changed)
    if not parts:  # nothing is left, and that has columns too
        platform.write(product.dataset, columns, staged, rows)
        return _dataset(staged, about, partition=column), partitions
    changes = Changes(column, values, before.publication)
    return Dataset(parts, count(parts), about, changes, column, changed), partitions


def remember(product: Product, dataset: Dataset, code: str, partitions: dict[str, list[Any]]) -> None:
    """Keeps what was published, for the next run to go on with."""
    if product.state is None:
        return
    store, staged = _store(product), product.scratch / "staged"
    if partitions:
        gone = dataset.changes.values if dataset.changes else None
        for folder in list(store.iterdir()) if store.is_dir() else []:
            if gone is None or _value(folder) in gone:
                shutil.rmtree(folder)
        store.mkdir(parents=True, exist_ok=True)
        for folder in staged.iterdir() if staged.is_dir() else []:
            folder.rename(store / folder.name)
    record = {
        "code": code,
        "publication": dataset.metadata.get("publication", uuid4().hex),
        "partitions": partitions,
    }
    partial = product.state / f".{RECORD}.partial"
    partial.write_text(json.dumps(record), "utf-8")
    os.replace(partial, product.state / RECORD)


def _dataset(folder: Path, about: dict[str, str], partition: str = "") -> Dataset:
    """The whole data set, as it lies in a folder."""
    parts = files(folder)
    return Dataset(parts, count(parts), about, partition=partition, changed=parts)


def _store(product: Product) -> Path:
    assert product.state is not None
    return product.state / "parts"


def _said(value: Any) -> str:
    """A value of the partition column, as engines write it into the name of a folder."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(folder: Path) -> str:
    """The value of the partition column that a folder's name says."""
    return unquote(folder.name.partition("=")[2])


CODE = (
    *("models", "macros", "snapshots", "seeds", "packages", "pipeline"),
    *("dbt_project.yml", "packages.yml", "dependencies.yml", "package-lock.yml", "pyproject.toml", "uv.lock"),
)
"""What of the repository decides what a run makes of its inputs, besides spec and contract."""


def _code(product: Product) -> str:
    """What decides what a run makes of its inputs, as a hash."""
    known = hashlib.sha256(repr((product.target, product.transform)).encode())
    found = [file for name in CODE for file in [product.root / name, *(product.root / name).rglob("*")]]
    files = [file for file in found if file.is_file() and "__pycache__" not in file.parts]
    for file in sorted([*files, product.contract, product.root / "data-product.yaml"]):
        known.update(
            str(file.relative_to(product.root)).encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest()
        )
    return known.hexdigest()
