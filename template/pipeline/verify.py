"""Stage 3: verify the data set against its contract, before anybody can read it.

datacontract-cli checks the promises that it supports; `conformance` and `physical_type_casts` check others. A promise
that none of them has checked is reported as unchecked: see docs/reference/promises.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from pipeline import conformance, datacontract_cli, disclosure, physical_type_casts
from pipeline.comparisons import INTEGERS, Type, is_kept
from pipeline.conformance import Check, NoSuchPath, PendingCheck, example, such_as, type_at, violation
from pipeline.datacontract_cli import Answer
from pipeline.dataset import Dataset
from pipeline.errors import MAKE_ROOM, PromiseBroken, UnreadableInput, is_full
from pipeline.promises import METRICS, Keys, Promise, datacontract_cli_reads, dotted, promises
from pipeline.promises import name as promised_name
from pipeline.spec import Product
from pipeline.sql import identifier, only_row, scan

OF_ROWS = {
    *("required", "enum", "minLength", "maxLength", "pattern", "minimum", "maximum"),
    *("exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems", "uniqueItems"),
}
"""Kinds that datacontract-cli checks row by row, and that this module checks where it does not."""

KEYS = {
    "presence": ("field_is_present",),
    "logicalType": ("field_type",),
    "required": ("field_required",),
    "primaryKey": ("field_required", "field_primary_key_required"),
    "unique": ("field_unique",),
    "enum": ("field_enum",),
    "minLength": ("field_min_length",),
    "maxLength": ("field_max_length",),
    "pattern": ("field_regex",),
    "minimum": ("field_minimum",),
    "maximum": ("field_maximum",),
    "exclusiveMinimum": ("field_not_equal",),
    "exclusiveMaximum": ("field_not_equal",),
    "minItems": ("field_min_items",),
    "maxItems": ("field_max_items",),
    "uniqueItems": ("field_unique_items",),
    "elementType": ("field_type",),
    "nullValues": ("field_null_values",),
    "missingValues": ("field_missing_values",),
    "invalidValues": ("field_invalid_values",),
    "duplicateValues": ("field_duplicate_values",),
    "freshness": ("servicelevel_freshness",),
    "retention": ("servicelevel_retention",),
}
"""Kind of promise -> datacontract-cli's name of the check; without that check, the promise is unchecked."""


def read_contract(product: Product) -> dict[str, Any]:
    """Read the contract; unknown keys are refused, because a misspelled promise would never be checked."""
    contract, wrong = datacontract_cli.read(product.contract)
    if wrong:
        raise UnreadableInput(
            f"{product.contract.name}: {'; '.join(wrong)}",
            fix="`uvx prek run --all-files meshwright-check` shows where.",
        )
    return contract


def described(product: Product, contract: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the contract's columns as in its YAML, in its order."""
    for table in contract.get("schema") or []:
        if table.get("name") == product.dataset:
            columns: list[dict[str, Any]] = table.get("properties") or []
            return columns
    raise UnreadableInput(
        f"{product.contract.name} does not describe {product.dataset}, the data set in data-product.yaml.",
        fix=f"Name the contract's schema {product.dataset}.",
    )


def promised_columns(product: Product, contract: Mapping[str, Any]) -> list[str]:
    """Return the names of the contract's columns in its order."""
    return [str(column.get("physicalName") or column["name"]) for column in described(product, contract)]


def written(product: Product, contract: Mapping[str, Any], dataset: Dataset) -> Dataset:
    """Return the data set with the contract's physical types, except where values would be lost.

    Raises PromiseBroken for a nested field that the contract does not describe: it has no meaning and no
    classification.
    """
    columns = described(product, contract)
    if dataset.parts:
        with duckdb.connect() as connection:
            actual = conformance.types(connection, scan(dataset.parts[-1:]))
        if beyond := list(conformance.undescribed(columns, actual)):
            raise PromiseBroken(
                "\n".join(_not_described(one) for one in beyond), fix=_how_to_describe(product, beyond)
            )
    return physical_type_casts.cast_to_physical_types(product, columns, dataset)


def _not_described(one: conformance.Undescribed) -> str:
    if one.whole:
        return f"{dotted(one.path)} is an object, but the contract describes none of its fields"
    return f"{dotted(one.path)} ({one.type.text}) is in the data, but not in the contract"


def _how_to_describe(product: Product, beyond: list[conformance.Undescribed]) -> str:
    fixes = [f"Describe it in {product.contract.name}, or remove it from the model."]
    for one in beyond:
        of = dotted(one.path)
        if one.whole:
            fixes.append(
                f"For {of}, with a description of each field:\n{conformance.as_yaml(one.type, '  ')}"
            )
        else:
            parent = dotted(one.path[:-1])
            kind = conformance.logical(one.type)
            below = f"\n{conformance.as_yaml(one.type, '    ')}" if one.type.children else ""
            fixes.append(
                f"Below `properties` of {parent}:\n  - name: {one.path[-1]}\n    logicalType: {kind}{below}"
            )
    return "\n".join(fixes)


@dataclass
class _Verification:
    """The state of the verification of a data set."""

    product: Product
    contract: Mapping[str, Any]
    dataset: Dataset
    connection: duckdb.DuckDBPyConnection
    actual: Mapping[str, Type]
    pending: list[PendingCheck] = field(default_factory=list)
    """Checks of each row that changed."""
    checks: list[Check] = field(default_factory=list)
    for_datacontract_cli: list[Promise] = field(default_factory=list)
    """Promises for datacontract-cli to check."""

    @property
    def name(self) -> str:
        return self.product.dataset

    def may_show(self, path: tuple[str, ...]) -> bool:
        """Return True if values at the path may be printed: nothing in them is classified above `internal`."""
        columns = [
            column
            for table in self.contract.get("schema") or []
            if table.get("name") == self.name
            for column in table.get("properties") or []
            if promised_name(column).lower() == path[0].lower()
        ]
        return all(disclosure.is_open(column, path[1:], self.product.classification) for column in columns)


def verify(product: Product, contract: Mapping[str, Any], dataset: Dataset) -> list[Check]:
    """Check every promise of the contract on the files that are published next; return also the unchecked ones.

    Promises about single rows are checked only on rows that changed, because unchanged rows kept them before.
    Promises about the whole data set are checked on all rows.
    """
    # A database with one view over those files: unlike with bare Parquet, types are checked, too.
    database = product.scratch / "verify.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"create or replace view {identifier(product.dataset)} as from {dataset.scan}")
        state = _Verification(
            product, contract, dataset, connection, conformance.types(connection, dataset.scan)
        )
        everything = list(promises(contract, product.dataset))
        for promise in everything:
            _assign(state, promise)
        _keys(state, everything)
        changed = dataset.scan
        if dataset.changes is not None:
            changed = scan(dataset.changed) if dataset.changed else f"(from {changed} limit 0)"
        own = [
            *state.checks,
            *conformance.run_row_checks(connection, changed, state.pending, state.may_show),
        ]
    found = _run_datacontract_cli(state, database)
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        library_checks = [_check(state, connection, changed, check) for check in found]
    missing = [
        Check(f"Check {promise}", promise.field, "unchecked", "datacontract-cli did not look at it.")
        for promise in state.for_datacontract_cli
        if not _answered(promise, state.name, found)
    ]
    checks = library_checks + own + missing
    if all(check.result == "unchecked" for check in checks):
        raise UnreadableInput(
            f"{product.contract.name} contains no promise that can be checked.",
            fix="Give a column its logicalType, `required` or `unique`, or a rule of `quality`.",
        )
    return checks


# -- choosing the checker -------------------------------------------------------------------------------------


def _assign(state: _Verification, promise: Promise) -> None:
    """Assign a promise to its checker; record at once the results that are known already."""
    if promise.unchecked:
        state.checks.append(
            Check(f"Check {promise}", promise.field, "unchecked", promise.unchecked, promise.fix)
        )
        return
    try:
        _assign_by_kind(state, promise)
    except NoSuchPath:
        # Its presence or type is broken, which is reported.
        state.checks.append(
            Check(f"Check {promise}", promise.field, "unchecked", "The data has no such place.")
        )
    except (ValueError, TypeError, KeyError, ArithmeticError, duckdb.Error) as error:
        reason = f"The contract's value cannot be checked: {str(error).partition(chr(10))[0]}"
        state.checks.append(Check(f"Check {promise}", promise.field, "error", reason))


def _assign_by_kind(state: _Verification, promise: Promise) -> None:
    """Assign a promise by its kind: to a checker of this module, to datacontract-cli, or to a check of each row."""
    kind = promise.kind
    if check := _CHECKERS.get(kind):
        check(state, promise)
    elif promise.by_datacontract_cli and _datacontract_cli_compares(state, promise):
        state.for_datacontract_cli.append(promise)
        if kind in ("required", "minimum", "exclusiveMinimum"):
            _no_nan(state, promise)
    elif kind in conformance.PREDICATES:
        _check_rows(state, promise)
    elif kind == "sql" and not promise.by_datacontract_cli:
        state.for_datacontract_cli.append(promise)  # with the column's name in the query: see `_without`
    else:
        reason = "datacontract-cli cannot name its column."
        state.checks.append(Check(f"Check {promise}", promise.field, "unchecked", reason))


def _physical_type(state: _Verification, promise: Promise) -> None:
    logical = str(_node(state.contract, promise.keys).get("logicalType") or "")
    for one in physical_type_casts.row_checks(
        state.product, promise, state.actual, logical, state.dataset.partition
    ):
        if isinstance(one, PendingCheck):
            state.pending.append(one)
        else:
            state.checks.append(one)


def _metric(state: _Verification, promise: Promise) -> None:
    if _datacontract_cli_measures(state, promise):
        state.for_datacontract_cli.append(promise)
    else:
        state.checks.append(conformance.metric(state.connection, state.dataset.scan, promise, state.actual))


def _key(state: _Verification, promise: Promise) -> None:
    if promise.by_datacontract_cli:
        state.for_datacontract_cli.append(promise)
    # Other keys are checked by `_keys`.
    if promise.kind == "primaryKey":
        _no_nan(state, promise)


def _passed(state: _Verification, promise: Promise) -> None:
    state.checks.append(Check(f"Check {promise}", promise.field, "passed", ""))


def _node(contract: Mapping[str, Any], keys: Keys) -> Mapping[str, Any]:
    """Return the column that a promise is about."""
    node: Any = contract
    for key in keys[:-1]:
        node = node[key]
    column: Mapping[str, Any] = node
    return column


def _type_of(state: _Verification, promise: Promise) -> Type:
    return type_at(promise.path, state.actual)


def _presence(state: _Verification, promise: Promise) -> None:
    if promise.by_datacontract_cli:
        state.for_datacontract_cli.append(promise)
        return
    name = f"Check that field '{promise.field}' is present"
    try:
        _type_of(state, promise)
        state.checks.append(Check(name, promise.field, "passed", ""))
    except NoSuchPath:
        state.checks.append(Check(name, promise.field, "failed", "It is missing."))


def _logical_type(state: _Verification, promise: Promise) -> None:
    kind, logical = _type_of(state, promise), str(promise.value)
    name = f"Check that field {promise.field} has type {logical}"
    if kind.kind in conformance.UNTYPED:
        physical = _node(state.contract, promise.keys).get("physicalType")
        as_text = logical == "string" and (physical or kind.kind == "json")
        reason = "" if as_text else f"it is {kind.text}, which has no logical type"
        fix = "" if as_text else f"Write `logicalType: string` and `physicalType: {kind.text.lower()}`."
        if kind.kind == "json" and logical in ("object", "array", "map"):
            reason = f"it is JSON text, not an {logical}"
            fix = "Convert it in the model (DuckDB: `from_json`), or write `logicalType: string`, `physicalType: json`."
        state.checks.append(Check(name, promise.field, "passed" if as_text else "failed", reason, fix))
        return
    if promise.by_datacontract_cli:
        state.for_datacontract_cli.append(promise)
    else:
        kinds = conformance.STORED_AS["number" if logical == "integer" else logical]
        right = kind.kind in kinds
        reason = "" if right else f"it is {kind.text}"
        state.checks.append(Check(name, promise.field, "passed" if right else "failed", reason))
    if logical == "integer" and (kind.is_float or (kind.kind == "decimal" and not kind.text.endswith(",0)"))):
        _check_rows(state, replace(promise, kind="whole"), "has whole numbers only", "with a number that is not whole")  # fmt: skip


def _time_zone(state: _Verification, promise: Promise) -> None:
    kind = _type_of(state, promise)
    there = "with time zone" in kind.kind
    right = there == bool(promise.value) and (there or kind.kind in conformance.STORED_AS["timestamp"] + conformance.STORED_AS["time"])  # fmt: skip
    expected = "with a time zone" if promise.value else "without a time zone"
    name = f"Check that field {promise.field} is {expected}"
    fix = "Cast it in the model, such as `… at time zone 'Europe/Paris'`, or change the contract."
    reason = "" if right else f"it is {kind.text}"
    state.checks.append(
        Check(name, promise.field, "passed" if right else "failed", reason, "" if right else fix)
    )


def _moments(state: _Verification, promise: Promise) -> None:
    kind = _type_of(state, promise)
    if kind.kind not in (*conformance.STORED_AS["timestamp"], *conformance.STORED_AS["date"]):
        fix = f"Make {promise.field} a date or a timestamp in the model, or use another `element`."
        reason = f"{promise.field} is {kind.text}, not a date or timestamp"
        state.checks.append(Check(f"Check {promise}", promise.field, "failed", reason, fix))
        return
    state.for_datacontract_cli.append(promise)
    if promise.kind == "retention":
        return
    column = identifier(promise.path[0])
    state.pending.append(
        PendingCheck(
            f"Check that {promise.field} is not from the future",
            promise.path,
            f"{column}::timestamptz > now() + interval 1 day",
            "with a time that is more than a day ahead",
        )
    )


def _no_nan(state: _Verification, promise: Promise) -> None:
    if _type_of(state, promise).is_float:
        problem = (
            "with NaN"
            if promise.kind in ("minimum", "exclusiveMinimum")
            else "with NaN, which counts as missing"
        )
        _check_rows(state, replace(promise, kind="nan"), "has no NaN", problem)


_CHECKERS: Mapping[str, Callable[[_Verification, Promise], None]] = {
    "presence": _presence,
    "logicalType": _logical_type,
    "physicalType": _physical_type,
    "timezone": _time_zone,
    "freshness": _moments,
    "retention": _moments,
    "primaryKey": _key,
    "unique": _key,
    "defaultTimezone": _passed,
    **dict.fromkeys(METRICS, _metric),
}
"""Kind of promise -> what is done about it, whoever checks it."""


def _check_rows(state: _Verification, promise: Promise, name: str = "", problem: str = "") -> None:
    """Add a check of each row for a promise; record a failure at once if its kind does not apply to the type."""
    makers = {**conformance.PREDICATES, "nan": conformance._nan, "whole": conformance.not_whole}
    kind = _type_of(state, promise)
    fits = conformance.FITS.get(promise.kind)
    name = f"Check that field {promise.field} {name or f'has {promise.kind} {_brief(promise.value)}'}"
    if fits and kind.kind not in fits:
        reason = f"it is {kind.text}, to which that does not apply"
        state.checks.append(Check(name, promise.field, "failed", reason))
        return
    predicate = makers[promise.kind](promise.value)
    state.pending.append(
        PendingCheck(
            name,
            promise.path,
            violation(promise.path, state.actual, predicate),
            problem or f"without {promise.kind} {_brief(promise.value)}",
            example=example(promise.path, state.actual, predicate),
        )
    )


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _datacontract_cli_compares(state: _Verification, promise: Promise) -> bool:
    """Return True if datacontract-cli compares the values with the contract's value as the contract means it."""
    if promise.kind == "enum":
        return _datacontract_cli_compares_values(promise.value, _type_of(state, promise).kind)
    if promise.kind in ("pattern", "minLength", "maxLength"):
        return _type_of(state, promise).kind in conformance.STORED_AS["string"]
    if promise.kind in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        return _type_of(state, promise).kind in (*INTEGERS, "double")  # it rounds others to a DOUBLE
    return True


def _datacontract_cli_compares_values(values: Iterable[Any], kind: str) -> bool:
    """Return True if datacontract-cli compares a column with these values exactly: all texts, or all numbers, as the column is."""
    given = [value for value in values if value is not None]
    if kind in ("varchar", "enum"):
        return all(isinstance(value, str) for value in given)
    if kind not in (*INTEGERS, "double"):
        return False
    numbers = int if kind in INTEGERS else int | float
    return all(
        isinstance(value, numbers) and not isinstance(value, bool) and abs(value) < 2**53 for value in given
    )


def _datacontract_cli_measures(state: _Verification, promise: Promise) -> bool:
    arguments = promise.value.get("arguments") or {}
    if not promise.by_datacontract_cli:
        return False
    if promise.kind == "duplicateValues" and not promise.path:
        return all(datacontract_cli_reads((str(name),)) for name in arguments["properties"])
    if promise.kind == "rowCount":
        return True
    kind = _type_of(state, promise)
    if promise.kind in ("nullValues", "missingValues") and kind.is_float:
        return False
    values = arguments.get("missingValues" if promise.kind == "missingValues" else "validValues")
    return not isinstance(values, list) or _datacontract_cli_compares_values(values, kind.kind)


def _keys(state: _Verification, everything: list[Promise]) -> None:
    """Check the keys whose columns datacontract-cli cannot name."""
    key = [promise for promise in everything if promise.kind == "primaryKey" and len(promise.path) == 1]
    keys = [[p] for p in everything if p.kind == "unique" and not p.by_datacontract_cli and not p.unchecked]
    if any(not promise.by_datacontract_cli for promise in key):
        state.for_datacontract_cli[:] = [
            promise for promise in state.for_datacontract_cli if promise not in key
        ]
        keys.append(key)
        for promise in key:
            _assign(state, replace(promise, kind="required", by_datacontract_cli=False))
    changes = state.dataset.changes
    for members in keys:
        names = ", ".join(promise.field for promise in members)
        try:
            count, _ = conformance.duplicates(
                [promise.path for promise in members],
                state.actual,
                state.dataset.scan,
                changes.rows if changes else "",
            )
        except NoSuchPath:
            continue
        (repeated,) = only_row(state.connection.execute(f"select {count}"))
        reason = f"{repeated:,} values occur more than once" if repeated else ""
        name = f"Check that {names} names one row"
        state.checks.append(Check(name, names, "failed" if repeated else "passed", reason))


# -- datacontract-cli -----------------------------------------------------------------------------------------


def _run_datacontract_cli(state: _Verification, database: Path) -> list[Answer]:
    """Return datacontract-cli's results for the promises that are left to it."""
    if not state.for_datacontract_cli:
        return []
    reduced = _without(state)
    if state.dataset.changes is None:
        return datacontract_cli.test(reduced, database, {})
    whole = datacontract_cli.test(_without_rows(reduced), database, {})
    answered = {check.key for check in whole if check.key}
    rows = datacontract_cli.test(reduced, database, {state.name: state.dataset.changes.rows}, ["schema"])
    return whole + [check for check in rows if check.key not in answered]


def _without(state: _Verification) -> dict[str, Any]:
    """Return the contract without the promises that datacontract-cli does not check."""
    keys = {promise.keys for promise in state.for_datacontract_cli}
    columns = {promise.keys: promise for promise in state.for_datacontract_cli if promise.kind == "presence"}

    def pruned(node: dict[str, Any], here: tuple[str | int, ...], path: tuple[str, ...]) -> dict[str, Any]:
        kept = {key: value for key, value in node.items() if key not in DECIDED}
        for key in ("logicalType", "required", "unique", "primaryKey", "enum"):
            if (*here, key) in keys:
                kept[key] = node[key]
        options = node.get("logicalTypeOptions") or {}
        left = {key: value for key, value in options.items() if (*here, "logicalTypeOptions", key) in keys}
        if kept.get("logicalType") == "vector":
            left = {**options, **left}
        if left:
            kept["logicalTypeOptions"] = left
        for key in ("quality", "relationships"):
            rules = [rule for index, rule in enumerate(node.get(key) or []) if (*here, key, index) in keys]
            if rules and (datacontract_cli_reads(path) or not path):
                kept[key] = rules
        below = []
        for index, inner in enumerate(node.get("properties") or []):
            place = (*here, "properties", index)
            if place in columns:
                below.append(
                    pruned(inner, place, (*path, str(inner.get("physicalName") or inner.get("name"))))
                )
        if below:
            kept["properties"] = below
        if isinstance(node.get("items"), dict):
            kept["items"] = pruned(node["items"], (*here, "items"), (*path, "[]"))
        if isinstance(node.get("map"), dict):
            kept["map"] = {
                side: pruned(inner, (*here, "map", side), (*path, f"[{side}]"))
                for side, inner in node["map"].items()
            }
        return kept

    reduced = {key: value for key, value in state.contract.items() if key not in ("schema", "slaProperties")}
    reduced["schema"] = [
        pruned(table, ("schema", index), ()) | {"physicalName": state.name}
        for index, table in enumerate(state.contract["schema"])
        if table.get("name") == state.name
    ]
    reduced["schema"][0].setdefault("quality", []).extend(_queries(state))
    levels = [
        level
        for index, level in enumerate(state.contract.get("slaProperties") or [])
        if ("slaProperties", index) in keys
    ]
    return reduced | ({"slaProperties": levels} if levels else {})


DECIDED = {
    *("physicalType", "logicalType", "logicalTypeOptions", "required", "unique", "primaryKey", "enum"),
    *("quality", "relationships", "properties", "items", "map"),
}
"""Keys of a column that are passed to datacontract-cli only if it has to check them."""

PLACEHOLDER = re.compile(r"[\"'`]?\$?\{(?:field|column|property)\}[\"'`]?")


def _queries(state: _Verification) -> Iterator[dict[str, Any]]:
    """Yield queries about columns that datacontract-cli cannot name as queries about the data set."""
    for promise in state.for_datacontract_cli:
        if promise.kind == "sql" and promise.path and not datacontract_cli_reads(promise.path):
            query = PLACEHOLDER.sub(lambda _: identifier(promise.path[0]), str(promise.value.get("query")))  # noqa: B023
            yield {**promise.value, "query": query}


def _without_rows(contract: dict[str, Any]) -> dict[str, Any]:
    """Return the contract without its promises about single rows, which unchanged rows still keep."""
    of_rows = ("required", "logicalTypeOptions", "enum")
    return contract | {
        "schema": [
            table
            | {
                "properties": [
                    {key: value for key, value in column.items() if key not in of_rows}
                    for column in table.get("properties") or []
                ]
            }
            for table in contract["schema"]
        ]
    }


def _check(state: _Verification, connection: duckdb.DuckDBPyConnection, changed: str, check: Answer) -> Check:
    """Return the result of a check of datacontract-cli, with a value that breaks it."""
    result = check.result
    # Without DuckDB's marking of the position in the query.
    reason = " ".join(check.reason.partition("\n\nLINE ")[0].split())
    fix = ""
    if result == "warning" and not reason.startswith("Actual "):
        result = "unchecked"  # The message says why it was not checked.
    elif reason.startswith(FAILED_QUERY):
        if "quality_sql" in check.type:
            reason = f"The query cannot be run: {reason.removeprefix(FAILED_QUERY)}"
            fix = f"Write the query in DuckDB's SQL, about the table {state.name} and the columns of the contract."
        else:
            reason = f"It cannot be checked: {reason.removeprefix(FAILED_QUERY)}"
    elif (
        result == "passed"
        and "quality_sql" in check.type
        and (many := _answers(connection, check.implementation))
    ):
        result, reason = "unchecked", f"The query returns {many}, but a rule compares one value."
        fix = "Make the query return one row with one column, such as `select count(*) …`."
    elif "quality_sql" in check.type or "quality_custom" in check.type:
        result, reason = _compared(connection, check, result, reason)
    elif result in ("failed", "warning"):
        reason += _such_as(state, connection, changed, check)
    return Check(check.name, check.field, result, reason, fix)


BOUNDS = {"exclusiveMinimum": ("field_minimum",), "exclusiveMaximum": ("field_maximum",)}
"""Kind -> datacontract-cli's name of the other half of its check."""
FAILED_QUERY = "Error evaluating check: "


def _answers(connection: duckdb.DuckDBPyConnection, query: Any) -> str:
    """Return how many rows or columns a query returns, if not one of each; otherwise empty."""
    try:
        found = connection.execute(f"from (\n{str(query).rstrip().rstrip(';')}\n) limit 2")
        columns, rows = len(found.description or ()), len(found.fetchall())
    except duckdb.Error:
        return ""  # datacontract-cli translated it
    if columns > 1:
        return f"{columns} columns"
    return "more than one row" if rows > 1 else ""


def _compared(connection: duckdb.DuckDBPyConnection, check: Any, result: str, reason: str) -> tuple[str, str]:
    """Return the result and the reason of a query whose number is compared with the rule's.

    datacontract-cli compares decimals with floating-point numbers, which makes 0.30 and 0.3 differ.
    """
    diagnostics = check.diagnostics
    if result not in ("passed", "failed", "warning") or "threshold" not in diagnostics:
        return result, reason
    rows = f"(\n{str(check.implementation).rstrip().rstrip(';')}\n)"
    try:
        ((column, kind),) = conformance.types(connection, rows).items()
        kept = is_kept(identifier(column), kind, str(diagnostics["threshold"]))
        answer = connection.execute(f"select {kept}, {identifier(column)}::varchar from {rows}").fetchone()
    except (duckdb.Error, ValueError, ArithmeticError):
        return result, reason  # no number, or no query of DuckDB's
    if answer is None or answer[0] is None:
        return result, reason
    if answer[0]:
        return "passed", ""
    harmless = str(diagnostics.get("severity") or "").strip().lower() in conformance.HARMLESS
    reason = f"Actual value was {answer[1]}, expected {diagnostics['threshold']}"
    return "warning" if harmless else "failed", reason


def _such_as(state: _Verification, connection: duckdb.DuckDBPyConnection, changed: str, check: Answer) -> str:
    """Return an example of a value that breaks a check of datacontract-cli, if it may be printed."""
    kind, _, promise = next(
        (
            (kind, key, promise)
            for promise in state.for_datacontract_cli
            for kind in [promise.kind]
            for key in (*KEYS.get(kind, ()), *BOUNDS.get(kind, ()))
            if promise.path and check.key == f"{state.name}__{promise.field}__{key}"
        ),
        ("", "", None),
    )
    try:
        if check.key.endswith(("unique", "duplicate_values")):
            members = [promise.path] if promise else _key_columns(state)
            if not all(state.may_show(path) for path in members):
                return ""
            row = connection.execute(f"from (\n{check.implementation}\n) limit 1").fetchone()
            values = [str(value) for value in (row or ())[:-1]]
            return such_as(", ".join(values)) if len(values) == len(members) else ""
        if promise is None or not state.may_show(promise.path):
            return ""
        predicate = (
            conformance.counted(promise) if kind in METRICS else conformance.PREDICATES[kind](promise.value)
        )
        condition = violation(promise.path, state.actual, predicate)
        one = example(promise.path, state.actual, predicate)
        scanned = changed if kind in OF_ROWS else state.dataset.scan
        found = connection.execute(f"select first({one}) from {scanned} where {condition}").fetchone()
        return such_as(found[0] if found else None)
    except (duckdb.Error, NoSuchPath, KeyError, ValueError, TypeError, ArithmeticError):
        return ""  # an example is optional


def _key_columns(state: _Verification) -> list[tuple[str, ...]]:
    """Return the columns of the primary key."""
    return [promise.path for promise in state.for_datacontract_cli if promise.kind == "primaryKey"]


def _answered(promise: Promise, dataset: str, found: list[Answer]) -> bool:
    """Return True if datacontract-cli has a check for a promise."""
    keys = {check.key for check in found}
    if promise.kind in KEYS and promise.path:
        of = f"{dataset}__{promise.field}__"
        return any(f"{of}{name}" in keys for name in KEYS[promise.kind])
    # These checks carry no name of the promise.
    types = {
        "sql": ("quality_sql",),
        "custom": ("quality_custom",),
        "rowCount": ("row_count",),
        "duplicateValues": ("duplicate_values",),
        "relationships": ("relationships",),
    }[promise.kind]
    return any(name in check.type for name in types for check in found)


def refuse_broken(product: Product, checks: list[Check]) -> None:
    """Raise PromiseBroken if any check failed or could not run; warnings and unchecked promises are only reported."""
    broken = [check for check in checks if check.result not in ("passed", "warning", "unchecked")]
    if any(check.result == "error" and is_full(check.reason) for check in broken):
        raise UnreadableInput("\n".join(map(str, broken)), fix=MAKE_ROOM)
    if broken:
        fixes = dict.fromkeys(check.fix for check in broken if check.fix)
        fixes[
            f"Fix the data, or change {product.contract.name} "
            "(with a new major version, if it affects consumers)."
        ] = None
        raise PromiseBroken("\n".join(str(check) for check in broken), fix="\n".join(fixes))
