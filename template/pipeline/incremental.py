"""Reuse the last run's data set with `incremental@1`: only what changed is written again.

Rows that arrive late: the filter of the team's model decides; see `lag` of the database input, and the warning in stages.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa

from pipeline.dataset import Changes, Dataset, count, described, files
from pipeline.dbt_folders import folders
from pipeline.errors import PromiseBroken, UnreadableInput
from pipeline.platforms import PART, Platform, part
from pipeline.spec import Product
from pipeline.sql import identifier, literal

RECORD = "published.json"
"""File in the state folder between a publication and the next transform; without it, the next run rebuilds everything."""
PARTITIONS = re.compile(
    r"VARCHAR|BOOLEAN|U?(TINY|SMALL|BIG)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*\)|DATE|TIME|UUID|TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?"
)
"""DuckDB's types in which each value has one text, and each text one value."""


@dataclass(frozen=True)
class PreviousRun:
    """The last run, if this run can continue from it."""

    code: str
    """Hash of the models and the spec."""
    publication: str = ""
    partitions: dict[str, list[Any]] = field(default_factory=dict)
    """Value of the partition column, as the engine's text -> how many rows it has, and their fingerprint."""
    columns: dict[str, str] = field(default_factory=dict)
    """Column of the data set -> its type, in the engine's spelling."""

    def __bool__(self) -> bool:
        return bool(self.publication)


def previous_run(product: Product, *, anew: bool) -> PreviousRun:
    """Return the state of the last run. `anew`: ignore it.

    State that was not published, or was made by other code, is not reused: after a failed run, the next one is a full run.
    """
    code = _code(product)
    state = product.state
    if state is None or anew:
        return PreviousRun(code)
    try:
        record = json.loads((state / RECORD).read_text("utf-8"))
        known = PreviousRun(record["code"], record["publication"], record["partitions"], record["columns"])
    except (OSError, ValueError, LookupError, TypeError):
        return PreviousRun(code)
    return known if known.code == code else PreviousRun(code)


def models(product: Product) -> list[str]:
    """Return dbt's incremental models that the data set is made from."""
    if product.trait("incremental") is None:
        return []
    try:
        manifest = json.loads((product.build / "dbt" / "manifest.json").read_text("utf-8"))
        nodes, parents = manifest["nodes"], manifest["parent_map"]
    except (OSError, ValueError, KeyError):
        return []
    waiting = [key for key, node in nodes.items() if node["name"] == product.dataset]
    needed: set[str] = set()
    while waiting:
        key = waiting.pop()
        if key not in needed:
            needed.add(key)
            waiting += parents.get(key, [])
    return sorted(
        node["name"]
        for key, node in nodes.items()
        if key in needed
        and node["resource_type"] == "model"
        and node["config"]["materialized"] == "incremental"
    )


def forget(product: Product) -> None:
    """Invalidate the state until this run has published."""
    if product.state:
        (product.state / RECORD).unlink(missing_ok=True)


def kept(product: Product, started: datetime, types: Mapping[str, str]) -> str:
    """Return the SQL condition for the rows that `retention@1` keeps; empty if there is no such trait.

    `types`: the model's columns with their types, in the engine's spelling. Rows before the first day to keep (UTC)
    are removed; a time without a zone is taken as UTC. Raises UnreadableInput for a column of another type:
    texts are compared letter by letter, which could drop rows that should be kept.
    """
    retention = product.trait("retention")
    if retention is None:
        return ""
    name = retention["column"]
    kind = next((kind for known, kind in types.items() if known.lower() == name.lower()), None)
    if kind is None or not MOMENT.fullmatch(kind.strip().lower()):
        what = "does not exist" if kind is None else f"is {kind}"
        raise UnreadableInput(
            f"retention@1 uses the column {name} of the data set, which {what}, and not a date or timestamp.",
            fix=f"Make it a date or timestamp in {product.model_file}, such as `cast({name} as date)` (DuckDB, for a text such as "
            f"28/11/2026: `strptime({name}, '%d/%m/%Y')::date`), or use another column in data-product.yaml.",
        )
    column = identifier(name)
    oldest = (started.astimezone(UTC) - timedelta(days=int(retention["keep"].removesuffix("d")))).date()
    aware = re.search(r"with (local )?time zone|timestamptz|timestamp_l?tz", kind.lower())
    first = f"{oldest.isoformat()} 00:00:00+00:00" if aware else oldest.isoformat()
    return f"({column} is null or {column} >= {literal(first)})"


MOMENT = re.compile(r"date|datetime(64)?(\(.*\))?|timestamp.*")
"""Engines' names for dates and timestamps."""


def write(
    product: Product,
    platform: Platform,
    columns: list[str],
    about: dict[str, str],
    before: PreviousRun,
    rows: str,
) -> tuple[Dataset, dict[str, list[Any]]]:
    """Write the data set, or its changed part; return it, with its partitions as in `PreviousRun`.

    `rows` is the condition for the rows of the data set. Raises PromiseBroken, UnreadableInput.
    """
    staged = product.scratch / "staged"
    trait = product.trait("incremental")
    if rows and product.state:
        platform.delete(product.dataset, f"not {rows}")
    if trait is None:
        platform.write(product.dataset, columns, staged, rows)
        return _dataset(product, staged, about), {}

    column, cursor = trait["partition"], trait.get("cursor")
    if missing := {column, cursor or column} - set(columns):
        raise UnreadableInput(
            f"incremental@1 names {', '.join(sorted(missing))}, which the data set does not have.",
            fix="Fix the trait in data-product.yaml, or add the column to the model and to the contract.",
        )
    if taken := [name for name in columns if name.lower() == PART]:
        raise PromiseBroken(
            f"incremental@1 keeps rows in folders by a column {PART}, and the data set has a column {taken[0]}.",
            fix=f"Rename {taken[0]} in {product.model_file} and in the contract.",
        )
    by = platform.text(product.dataset, column)
    where = f" where {rows}" if rows else ""
    whole = platform.fingerprint(product.dataset, columns)
    # All values of the cursor, and not the highest: a row may go and another one come behind it. Of a row without one, all.
    version = (
        f"{platform.fingerprint(product.dataset, [cursor])}, {whole} filter (where {identifier(cursor)} is null)"
        if cursor
        else whole
    )
    found = [
        (value, rows, " ".join(map(str, versions)))
        for value, rows, *versions in platform.query(
            f"select {by}, count(*), {version} from {platform.relation(product.dataset)}{where} group by {by}"
        )
    ]
    if any(value is None for value, *_ in found):
        raise PromiseBroken(
            f"Some rows have no {column}, by which the data set is partitioned.",
            fix="Fix the model, or choose another partition for incremental@1.",
        )
    if any("\0" in value for value, *_ in found):
        raise PromiseBroken(
            f"Some values of {column}, by which the data set is partitioned, contain the character NUL, which SQL cannot express.",
            fix=f"Remove it in {product.model_file} (DuckDB: `replace({column}, chr(0), '')`), or choose another"
            " partition for incremental@1.",
        )
    partitions = {value: [rows, version] for value, rows, version in found}
    about["publication"] = uuid4().hex
    types = platform.columns(product.dataset)
    unchanged = {value for value, version in partitions.items() if before.partitions.get(value) == version}
    kept = _kept_files(product, before, unchanged)
    if not before or kept is None or before.columns != {name: types[name] for name in columns}:
        platform.write(product.dataset, columns, staged, rows, by=column if partitions else "")
        return _dataset(product, staged, about, column, partitions), partitions

    values = frozenset({*partitions, *before.partitions} - unchanged)
    if present := sorted(values & partitions.keys()):
        chosen = f"{by} in ({', '.join(map(literal, present))})"
        platform.write(
            product.dataset, columns, staged, f"{rows} and {chosen}" if rows else chosen, by=column
        )
    changed = files(staged)
    parts = (*kept, *changed)
    if not parts:  # no rows are left, but the columns are needed
        platform.write(product.dataset, columns, staged, rows)
        return _dataset(product, staged, about, column, partitions), partitions
    kind = _partition_type(product, column, parts, values)
    changes = Changes(column, values, before.publication, kind)
    return Dataset(parts, count(parts), about, changes, column, changed), partitions


def remember(
    product: Product,
    platform: Platform,
    columns: list[str],
    dataset: Dataset,
    code: str,
    partitions: dict[str, list[Any]],
) -> None:
    """Record what was published, for the next run to continue from."""
    if product.state is None:
        return
    store, staged = _store(product), product.scratch / "staged"
    if partitions:
        store.mkdir(parents=True, exist_ok=True)
        changed = {part(value) for value in dataset.changes.values} if dataset.changes else None
        known = {part(value) for value in partitions}
        for left in store.iterdir():
            if changed is None or left.name in changed or left.name not in known:
                _remove(left)
        for folder in staged.iterdir() if staged.is_dir() else []:
            folder.rename(store / folder.name)
    types = platform.columns(product.dataset)
    record = {
        "code": code,
        "publication": dataset.metadata.get("publication", uuid4().hex),
        "partitions": partitions,
        "columns": {name: types[name] for name in columns},
    }
    product.state.mkdir(parents=True, exist_ok=True)
    partial = product.state / f".{RECORD}.partial"
    partial.write_text(json.dumps(record), "utf-8")
    os.replace(partial, product.state / RECORD)


def _dataset(
    product: Product,
    folder: Path,
    about: dict[str, str],
    partition: str = "",
    partitions: Iterable[str] = (),
) -> Dataset:
    """Return the whole data set from the files in a folder."""
    parts = files(folder)
    if partition:
        _partition_type(product, partition, parts, partitions)
    return Dataset(parts, count(parts), about, partition=partition, changed=parts)


def _partition_type(product: Product, column: str, parts: tuple[Path, ...], values: Iterable[str]) -> str:
    """Return DuckDB's type of the partition column. Raises UnreadableInput if its values have no unique text."""
    kind = described(parts)[column]
    if PARTITIONS.fullmatch(kind):
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            query = f"select value from unnest(?) as t(value) where try_cast(value as {kind}) is null"
            unfit = connection.execute(query, [list(values)]).fetchone()
        if unfit:
            raise UnreadableInput(
                f"incremental@1: {column} has the value {unfit[0]}, which is not a {kind} on every platform.",
                fix=f"Choose another partition in data-product.yaml, or remove such rows in {product.model_file}.",
            )
    else:
        raise UnreadableInput(
            f"incremental@1: {column} is a {kind}, which cannot be a partition column: only texts, numbers, dates, timestamps"
            " and booleans can.",
            fix=f"Choose another partition in data-product.yaml, or cast {column} in {product.model_file}.",
        )
    return kind


def _kept_files(product: Product, before: PreviousRun, values: Iterable[str]) -> tuple[Path, ...] | None:
    """Return the files that have not changed since the last run; None if that run's files were modified."""
    found: list[Path] = []
    for value in values:
        part_files = files(_store(product) / part(value))
        try:
            if not part_files or count(part_files) != before.partitions[value][0]:
                return None
        except (OSError, pa.ArrowException):
            return None
        found += part_files
    return tuple(sorted(found))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _store(product: Product) -> Path:
    assert product.state is not None
    return product.state / "parts"


CODE = (
    *("packages", "pipeline"),
    *("dbt_project.yml", "packages.yml", "dependencies.yml", "package-lock.yml", "pyproject.toml", "uv.lock"),
)
"""Files, besides spec and contract, that decide what a run makes of its inputs."""


def _code(product: Product) -> str:
    """Return a hash of all that decides what a run makes of its inputs."""
    transform = product.transform  # without its folder, which differs between machines
    known = hashlib.sha256(repr((product.target, transform.uses, transform.properties)).encode())
    places = [product.root / name for name in CODE]
    places += [
        folder
        for kind in ("model", "macro", "snapshot", "seed")
        for folder in folders(product.root, kind)
        if not folder.is_relative_to(product.build)  # snapshot@1 writes its snapshots there, from the spec
    ]
    found = {file for place in places for file in [place, *place.rglob("*")]}
    files = [file for file in found if file.is_file() and "__pycache__" not in file.parts]
    for file in sorted([*files, product.contract, product.root / "data-product.yaml"]):
        known.update(
            str(file.relative_to(product.root)).encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest()
        )
    return known.hexdigest()
