"""What a role sees of a data set, batch by batch: its columns and rows, masked, every type as it was.

Arrow computes on columns that are picked by position, so that no name and no value of a policy is ever part of a
language. A hidden column is not even read, unless a condition looks at it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from meshwright.access.grants import Condition, Refused, View, VisibleColumn

BATCH = 65_536
"""Rows that are held at once."""
SCAN: dict[str, Any] = {
    "batch_size": BATCH,
    "batch_readahead": 2,
    "fragment_readahead": 1,
    "use_threads": False,
    "fragment_scan_options": ds.ParquetFragmentScanOptions(pre_buffer=False, arrow_extensions_enabled=True),
}
"""How files are read. Arrow's own settings are faster, and hold more the larger a file is."""
WRITTEN_AS = 1
"""Counts up when variants are to be written anew because this code writes them differently."""

RowFilter = Callable[[pa.Array], pa.Array]
Mask = Callable[[pa.Array], pa.Array]


@dataclass(frozen=True)
class Projection:
    """How a role's rows are made of the data set's."""

    schema: pa.Schema
    """Of what comes out."""
    source_columns: dict[str, pc.Expression]
    """Our own name of a column -> the column. Everything that has to be read."""
    columns: tuple[tuple[str | None, pa.DataType, Mask | None], ...]
    """Our own name (None: nothing of it is read), the type, and the mask of each column that comes out."""
    row_filters: tuple[tuple[str, pa.DataType, RowFilter], ...]
    """Our own name, the type, and the condition of each column that chooses rows."""


def fingerprint(view: View) -> str:
    """Return a text that changes with whatever a role sees."""
    content = [
        WRITTEN_AS,
        [[visible.column.name, visible.mask] for visible in view.columns],
        [[rows.column.name, rows.operation, list(rows.values)] for rows in view.rows],
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def project(view: View, source: pa.Schema) -> Projection:
    """Return how a role's rows are made. Raises Refused where the data set or a value does not fit the view."""
    source_columns: dict[str, pc.Expression] = {}
    names: dict[str, str] = {}

    def column(name: str) -> tuple[str, pa.Field]:
        if len(source.get_all_field_indices(name)) != 1:
            reason = "has it twice" if name in source.names else "has no such column"
            raise Refused(
                f"The role {view.role} uses the column {_quoted(name)}, and the data set {reason}.",
                "Run the pipeline after changing the contract, then apply again.",
            )
        own = names.setdefault(name, f"c{len(names)}")
        return own, source.field(name)

    if len({visible.column.name for visible in view.columns}) != len(view.columns) or not view.columns:
        raise Refused(f"The role {view.role} has a column twice, or none.", "Fix the contract.")
    fields, columns = [], []
    for each in view.columns:
        own, field = column(each.column.name)
        kind = plain(field.type)
        mask = _mask(view, each, kind)
        hidden = each.mask == "empty"
        if not hidden:
            source_columns[own] = pc.field(each.column.name)
        columns.append((None if hidden else own, kind, mask))
        fields.append(pa.field(each.column.name, kind, nullable=field.nullable or each.mask is not None))
    row_filters = []
    for condition in view.rows:
        own, field = column(condition.column.name)
        source_columns[own] = pc.field(condition.column.name)
        row_filters.append((own, plain(field.type), _row_filter(view, condition, plain(field.type))))
    if not source_columns:  # How many rows there are is still to be known.
        own, _ = column(view.columns[0].column.name)
        source_columns[own] = pc.field(view.columns[0].column.name)
    return Projection(pa.schema(fields), source_columns, tuple(columns), tuple(row_filters))


def rows(projection: Projection, source: ds.Dataset) -> pa.RecordBatchReader:
    """Return what the role sees, in the data set's order."""
    return pa.RecordBatchReader.from_batches(projection.schema, _batches(projection, source))


def _batches(projection: Projection, source: ds.Dataset) -> Iterator[pa.RecordBatch]:
    for batch in source.scanner(columns=projection.source_columns, **SCAN).to_batches():
        keep = None
        for name, kind, row_filter in projection.row_filters:
            fitting = row_filter(_plain(batch.column(name), kind))
            keep = fitting if keep is None else pc.and_(keep, fitting)
        if keep is not None:
            batch = batch.filter(keep)
        columns = []
        for read, kind, mask in projection.columns:
            if read is None:
                columns.append(pa.nulls(batch.num_rows, kind))
                continue
            column = _plain(batch.column(read), kind)
            columns.append(mask(column).cast(kind) if mask else column)
        yield pa.RecordBatch.from_arrays(columns, schema=projection.schema)


def plain(kind: pa.DataType) -> pa.DataType:
    """Return a type without dictionaries: a dictionary also has the values of rows that are left out."""
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return plain(kind.value_type)
    if pa.types.is_struct(kind):
        return pa.struct([_inner(field) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_inner(kind.key_field), _inner(kind.item_field))
    if pa.types.is_large_list(kind):
        return pa.large_list(_inner(kind.value_field))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_inner(kind.value_field), kind.list_size)
    if pa.types.is_list(kind):
        return pa.list_(_inner(kind.value_field))
    return kind


def _inner(field: pa.Field) -> pa.Field:
    return field.with_type(plain(field.type)).remove_metadata()


def _plain(column: pa.Array, kind: pa.DataType) -> pa.Array:
    return column if column.type == kind else column.cast(kind)


def _mask(view: View, visible: VisibleColumn, kind: pa.DataType) -> Mask | None:
    if visible.mask is None or visible.mask == "empty":
        return None
    mask, fitting = MASKS.get(visible.mask, (None, None))
    if mask is None or not fitting or not fitting(kind):
        raise Refused(
            f"The role {view.role} sees the column {_quoted(visible.column.name)} through the mask {visible.mask},"
            f" which does not fit its type {kind}.",
            "Choose the mask `empty`, or one for the type.",
        )
    return mask


def _redacted(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_valid(column), pa.scalar("***", column.type), pa.scalar(None, column.type))


def _domain(column: pa.Array) -> pa.Array:
    # No pattern here: one that does not match, such as on bytes that are no text, would show the whole value.
    has = pc.fill_null(pc.match_substring(column, "@"), False)
    split = pc.split_pattern(
        pc.if_else(has, column, pa.scalar("@", column.type)), "@", max_splits=1, reverse=True
    )
    return pc.if_else(has, pc.list_element(split, 1), pa.scalar(None, column.type))


def _year(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type) and column.type.tz:
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
    return pc.floor_temporal(column, unit="year")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_day(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


MASKS: dict[str, tuple[Mask, Callable[[pa.DataType], bool]]] = {
    "redacted": (_redacted, _is_text),
    "domain": (_domain, _is_text),
    "year": (_year, _is_day),
}
"""Mask (see `grants.MASKS`) -> what it does, and on which types; `empty` needs neither."""


def _row_filter(view: View, condition: Condition, kind: pa.DataType) -> RowFilter:
    try:
        values = pa.array([_typed(value, kind) for value in condition.values], kind)
    except (ValueError, TypeError, OverflowError, InvalidOperation, pa.ArrowException) as error:
        raise Refused(
            f"The role {view.role} compares the column {_quoted(condition.column.name)} ({kind}) with something"
            " that is none.",
            "Write its values in `rows` as the column has them: text in quotes, numbers without, days as 2026-01-31.",
        ) from error
    if not len(values) or (condition.operation in ("atLeast", "atMost") and len(values) != 1):
        raise Refused(f"The role {view.role} has a condition without its value.", "Fix its `rows`.")
    return lambda column: pc.fill_null(OPERATIONS[condition.operation](column, values), False)


OPERATIONS: dict[str, Callable[[pa.Array, pa.Array], pa.Array]] = {
    "in": lambda column, values: pc.is_in(column, value_set=values),
    "notIn": lambda column, values: pc.and_(
        pc.is_valid(column), pc.invert(pc.is_in(column, value_set=values))
    ),
    "atLeast": lambda column, values: pc.greater_equal(column, values[0]),
    "atMost": lambda column, values: pc.less_equal(column, values[0]),
}


def _typed(value: Any, kind: pa.DataType) -> Any:
    """Return a value of a policy in the column's type, exactly. Raises ValueError, TypeError or the like where it does not fit."""
    for fitting, python, made in LITERALS:
        if fitting(kind):
            if not isinstance(value, python) or isinstance(value, bool) is not (python is bool):
                raise TypeError
            return made(value, kind)
    raise TypeError


def _number(value: float, kind: pa.DataType) -> Any:
    if not math.isfinite(value):
        raise ValueError
    if pa.types.is_decimal(kind):
        return Decimal(str(value))
    if pa.types.is_integer(kind) and value != int(value):
        raise ValueError
    return int(value) if pa.types.is_integer(kind) else float(value)


def _moment(value: str, kind: pa.DataType) -> datetime:
    """A moment without a zone is meant in UTC, as the pipeline computes."""
    moment = datetime.fromisoformat(value)
    if kind.tz:
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment.tzinfo:
        raise ValueError
    return moment


LITERALS: tuple[tuple[Callable[[pa.DataType], bool], Any, Callable[[Any, pa.DataType], Any]], ...] = (
    (_is_text, str, lambda value, kind: value),
    (pa.types.is_boolean, bool, lambda value, kind: value),
    (pa.types.is_integer, (int, float), _number),
    (pa.types.is_floating, (int, float), _number),
    (pa.types.is_decimal, (int, float), _number),
    (pa.types.is_date, str, lambda value, kind: date.fromisoformat(value)),
    (pa.types.is_timestamp, str, _moment),
    (pa.types.is_time, str, lambda value, kind: time.fromisoformat(value)),
)
"""Types that rows can be chosen by, what a policy writes for them, and how it becomes a value of the column."""


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)
