"""Write the data with the contract's physical types, unless values would be lost."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from pipeline import disclosure, physical_types
from pipeline.comparisons import Type
from pipeline.conformance import Check, PendingCheck, Predicate, example, type_at, types, violation
from pipeline.conversion import is_json
from pipeline.dataset import Dataset, count
from pipeline.declared_columns import published_types
from pipeline.errors import PromiseBroken
from pipeline.port_types import ANY_READER, TYPES
from pipeline.promises import Promise
from pipeline.spec import Product
from pipeline.sql import form, identifier, scan

ERROR_FROM = "0.4"
"""From this release on, a broken physical type ends every run; until then, only if the spec says so."""

LATER = f"Make the data fit, or change the `physicalType`. From Meshwright {ERROR_FROM} on, this ends the run; it does already with `physicalTypes: error` below spec.dataset of data-product.yaml."


def is_error(product: Product) -> bool:
    """Return True if a broken physical type ends the run."""
    return product.physical_types == "error"


@dataclass(frozen=True)
class TypeMismatch:
    """A column whose type is not the contract's, and the type that it would have to be cast to."""

    column: str
    actual: Type
    target: str


def cast_to_physical_types(
    product: Product, columns: Sequence[Mapping[str, Any]], dataset: Dataset
) -> Dataset:
    """Return the data set with the contract's physical types, except where values would be lost.

    Such a column stays as it is, and `verify` reports it. Raises PromiseBroken if the rows published before
    already have the type, because all rows of a column have one type, and readers rely on it.
    """
    if not any(_has_physical(column) for column in columns) or not dataset.parts:
        return dataset
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        earlier = tuple(part for part in dataset.parts if part not in dataset.changed)
        if not dataset.changed:
            return dataset
        actual = types(connection, scan(dataset.changed[:1]))
        due = [change for change in _due(columns, actual) if change.column != dataset.partition]
        if earlier:
            before = types(connection, scan(earlier[:1]))
            due = [
                TypeMismatch(change.column, change.actual, before[change.column].text)
                for change in due
                if change.column in before and before[change.column].text != change.actual.text
            ]
        if not due or any(port.uses.startswith("view@") for port in product.outputs):
            return dataset
        casts, published = [], {} if earlier else published_types(product)
        for change in due:
            lossy, example = _lossy(connection, scan(dataset.changed), change)
            if not lossy:
                casts.append(change)
            elif earlier or published.get(change.column) == change.target:
                such = (
                    f", such as {example}," if disclosure.of_dataset(product, change.column, columns) else ""
                )
                raise PromiseBroken(
                    f"column {change.column}: {lossy:,} values{such} would lose as {change.target}, "
                    "the type of the rows that were published before.",
                    fix="Fix the data, or change the physicalType in the contract.",
                )
        if casts:
            for part in dataset.changed:
                _rewrite(connection, part, casts)
    if not casts:
        return dataset
    return replace(dataset, rows=count(dataset.parts))


def _has_physical(node: Mapping[str, Any]) -> bool:
    if node.get("physicalType"):
        return True
    pairs = node.get("map")
    sides = pairs.values() if isinstance(pairs, Mapping) else ()
    below = [*(node.get("properties") or []), node.get("items"), *sides]
    return any(_has_physical(inner) for inner in below if isinstance(inner, Mapping))


def _due(columns: Sequence[Mapping[str, Any]], actual: Mapping[str, Type]) -> Iterator[TypeMismatch]:
    known = {name.lower(): name for name in actual}
    for column in columns:
        name = known.get(str(column.get("physicalName") or column.get("name")).lower())
        if name is not None and (target := _target(column, actual[name])) != actual[name].text:
            yield TypeMismatch(name, actual[name], target)


def _target(node: Mapping[str, Any], kind: Type) -> str:
    """Return the type of a column in the contract; the column's own if the contract has none, or none to cast to."""
    if kind.kind == "struct":
        described = {
            str(inner.get("physicalName") or inner.get("name")).lower(): inner
            for inner in node.get("properties") or []
            if isinstance(inner, Mapping)
        }
        inner = ", ".join(
            f"{identifier(name)} {_target(described.get(name.lower(), {}), below)}"
            for name, below in kind.children.items()
        )
        return f"STRUCT({inner})" if any(_has_physical(one) for one in described.values()) else kind.text
    if kind.kind == "list" and isinstance(node.get("items"), Mapping) and _has_physical(node["items"]):
        return f"{_target(node['items'], kind.children['[]'])}[]"
    physical = physical_types.read(str(node.get("physicalType") or ""))
    if physical is None or not physical.target or physical.holds(kind.text):
        return kind.text
    return physical.target if castable(str(node.get("logicalType") or ""), kind, physical) else kind.text


def is_storable(physical: physical_types.Physical) -> bool:
    """Return True if a data set (Parquet) can have the type."""
    # The names within a nested type are those of `column_types`, which are all storable.
    return physical.nested or physical.target.partition("(")[0] in (*TYPES, "")


def castable(logical: str, kind: Type, physical: physical_types.Physical) -> bool:
    """Return True if a cast can keep the meaning of a value: not between times with and without a zone, not against
    the logical type, and not to a type that no port can store."""
    if not is_storable(physical):
        return False
    if ("with time zone" in kind.kind) != ("WITH TIME ZONE" in physical.target) and "time" in kind.kind:
        return False
    family = "number" if logical == "integer" else logical
    return not family or physical.nested or physical.name in physical_types.FAMILIES.get(family, ())


def _lossy(connection: duckdb.DuckDBPyConnection, rows: str, change: TypeMismatch) -> tuple[int, Any]:
    """Return the number of values that a cast would change, and one of them."""
    condition = lossy(identifier(change.column), change.actual, change.target)
    found = connection.execute(
        f"select count(*) filter ({condition}), first({identifier(change.column)}::varchar) filter ({condition}) from {rows}"
    ).fetchone()
    assert found is not None
    return found[0], found[1]


def lossy(value: str, kind: Type, target: str) -> str:
    """Return the SQL condition for a value that changes by a cast and back, or becomes one that no port can store."""
    cast = f"try_cast({value} as {target})"
    changed = f"try_cast({cast} as {kind.text}) is distinct from {value}"
    beyond = "".join(f" or {limit.condition.format(cast)}" for limit in ANY_READER.get(target, ()))
    return f"{value} is not null and ({changed}{beyond})"


def _rewrite(connection: duckdb.DuckDBPyConnection, part: Path, casts: list[TypeMismatch]) -> None:
    """Rewrite a file with the same rows in the same order, and the same metadata."""
    about = {
        key.decode(): value.decode("utf-8", "replace")
        for key, value in (pq.read_metadata(part).metadata or {}).items()
        if not key.startswith((b"ARROW:", b"org.apache.spark", b"pandas"))
    }
    columns = ", ".join(
        f"cast({identifier(change.column)} as {change.target}) as {identifier(change.column)}"
        for change in casts
    )
    options = form(about) if about else "format parquet, compression zstd"
    made = part.with_suffix(".cast")
    connection.execute(
        f"copy (select * replace ({columns}) from {scan([part])}) to '{_quoted(made)}' ({options})"
    )
    os.replace(made, part)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


# -- row checks of verify ----------------------------------------------------------------------------------


def row_checks(
    product: Product, promise: Promise, actual: Mapping[str, Type], logical: str, partition: str
) -> Iterator[PendingCheck | Check]:
    """Yield the row checks of a physical type, or its result if it is known already. Raises NoSuchPath."""
    kind = type_at(promise.path, actual)
    physical = physical_types.read(promise.value)
    name = f"Check that field {promise.field} has physical type {promise.value}"
    broken, fix = ("failed", "") if is_error(product) else ("warning", LATER)
    assert physical is not None  # `promises` reports types that are not in the list

    def row_check(predicate: Predicate, problem: str, path: tuple[str, ...] = promise.path) -> PendingCheck:
        condition = violation(path, actual, predicate)
        one = example(path, actual, predicate)
        return PendingCheck(name, path, condition, problem, broken, fix, one)

    target = physical.target
    if not physical.holds(kind.text):
        model = f"Write `cast(… as {target})` in the model. " if target else ""
        if not is_storable(physical):
            model = f"Write the type that the column has: `physicalType: {kind.text.lower()}`. "
        kept = promise.path[0] == partition or any(port.uses.startswith("view@") for port in product.outputs)
        if target and castable(logical, kind, physical) and not kept:
            # Columns that lose nothing are already written with the type: these rows are the reason that this one is not.
            yield row_check(
                lambda here, of: lossy(here, of, target), f"of {kind.text} would not be the same as {target}"
            )
        else:
            beyond = "" if is_storable(physical) else ", which no port can store"
            reason = f"it is {kind.text}, not {target or promise.value}{beyond}"
            yield Check(name, promise.field, broken, reason, f"{model}{fix}".strip())
        return
    fraction = physical.precision if "TIME" in physical.name else None
    if physical.length is not None:
        unit, what = ("length", "characters")
        if kind.kind == "blob" or physical.bytes:
            unit, what = ("octet_length" if kind.kind == "blob" else "strlen", "bytes")
        yield row_check(
            lambda here, of: f"{unit}({here}) > {physical.length}",
            f"with more than {physical.length} {what}",
        )
    elif physical.integers and physical.precision and kind.kind != "decimal":
        limit = 10**physical.precision
        yield row_check(
            lambda here, of: f"{here} >= {limit} or {here} <= -{limit}",
            f"with more than {physical.precision} digits",
        )
    elif fraction is not None and fraction < (9 if kind.kind == "timestamp_ns" else 6):
        digits = (
            f"epoch_ns({{}}) % {10 ** (9 - fraction)}"
            if kind.kind == "timestamp_ns"
            else f"extract(microsecond from {{}}) % {10 ** (6 - fraction)}"
        )
        yield row_check(
            lambda here, of: f"{digits.format(here)} <> 0",
            f"with more than {fraction} digits of a second's fraction",
        )
    elif documents := [*_documents(promise.path, kind, physical)]:
        for path in documents:
            yield row_check(lambda here, of: f"not {is_json(f'{here}::varchar')}", "without JSON in it", path)
    else:
        yield Check(name, promise.field, "passed", "")


def _documents(
    path: tuple[str, ...], kind: Type, physical: physical_types.Physical
) -> Iterator[tuple[str, ...]]:
    """Yield the paths of all JSON documents in a type."""
    if kind.kind == "json" or (kind.kind == "varchar" and physical.name == "JSON"):
        yield path
    if physical.nested:
        for step, below in kind.children.items():
            yield from _documents((*path, step), below, physical)
