"""List the promises that a contract (ODCS) makes about the data, and how each is checked.

A promise counts as unchecked unless this module names its checker. `meshwright check` uses a copy of this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .physical_types import read

Keys = tuple[str | int, ...]

DATACONTRACT_CLI = "datacontract-cli"
OWN = "Meshwright"
NOBODY = "nobody"

KINDS: dict[str, tuple[str, str, str]] = {
    # kind -> promise, checkers, how it is checked or why not
    "presence": ("The column or nested field exists", DATACONTRACT_CLI, ""),
    "logicalType": (
        "`logicalType`, nested types too",
        f"{DATACONTRACT_CLI}, {OWN}",
        "An integer may be stored as another numeric type if every value is whole.",
    ),
    "physicalType": (
        "`physicalType` with length, precision, scale and time zone",
        OWN,
        "The data is written with this type unless values would be lost. A name that is not in the list below is reported, "
        "and so is a length within a nested type: `array<varchar(2)>`.",
    ),
    "structure": ("No nested field that the contract does not describe", OWN, "The run refuses at once."),
    "required": ("`required`", f"{DATACONTRACT_CLI}, {OWN}", "NaN counts as missing."),
    "primaryKey": (
        "`primaryKey`: no missing value, no key twice",
        f"{DATACONTRACT_CLI}, {OWN}",
        "NaN counts as missing. Not checked for nested fields.",
    ),
    "unique": (
        "`unique`",
        DATACONTRACT_CLI,
        "Within one array for the items of an array; not for items of items, keys and values.",
    ),
    "enum": (
        "`enum` (ODCS 3.2)",
        f"{DATACONTRACT_CLI}, {OWN}",
        "A value that the column's type cannot hold exactly matches nothing: 1.5 in a column of integers.",
    ),
    "minLength": ("`minLength`", f"{DATACONTRACT_CLI}, {OWN}", "In characters."),
    "maxLength": ("`maxLength`", f"{DATACONTRACT_CLI}, {OWN}", "In characters."),
    "pattern": (
        "`pattern`",
        f"{DATACONTRACT_CLI}, {OWN}",
        "Matches anywhere in the text, unless it has anchors. RE2 has no look-around, back references, possessive quantifiers "
        "or more than 1000 repetitions: a pattern with them is reported.",
    ),
    "minimum": (
        "`minimum`",
        f"{DATACONTRACT_CLI}, {OWN}",
        "Compared exactly. A time without a zone is in UTC, here and in the data. NaN does not satisfy it.",
    ),
    "maximum": (
        "`maximum`",
        f"{DATACONTRACT_CLI}, {OWN}",
        "Compared exactly. A time without a zone is in UTC, here and in the data. NaN does not satisfy it.",
    ),
    "exclusiveMinimum": ("`exclusiveMinimum`", f"{DATACONTRACT_CLI}, {OWN}", "As for `minimum`."),
    "exclusiveMaximum": ("`exclusiveMaximum`", f"{DATACONTRACT_CLI}, {OWN}", "As for `maximum`."),
    "multipleOf": (
        "`multipleOf`",
        OWN,
        "In exact decimal arithmetic: 0.3 is a multiple of 0.1, and 0.30000000000004 is not.",
    ),
    "format": (
        "`format`",
        OWN,
        "Texts: email, idn-email, uuid, uri, url, hostname, ipv4, ipv6, byte, date, date-time, time. Integers: i8 to u128. "
        "Numbers: f32, f64. Dates and times: every value can be formatted this way without loss. Other formats are reported. "
        "A text of the format date, date-time or time is not from the year 0000, and has no leap second (`23:59:60`).",
    ),
    "timezone": ("`timezone`", OWN, "By the type of the column."),
    "defaultTimezone": (
        "`defaultTimezone`",
        NOBODY,
        "It gives values a meaning that they do not show. UTC with `timezone: true` is ensured by the type.",
    ),
    "minItems": ("`minItems`", f"{DATACONTRACT_CLI}, {OWN}", ""),
    "maxItems": ("`maxItems`", f"{DATACONTRACT_CLI}, {OWN}", ""),
    "uniqueItems": ("`uniqueItems`", f"{DATACONTRACT_CLI}, {OWN}", ""),
    "minProperties": ("`minProperties` of an object", OWN, "Counts fields that have a value."),
    "maxProperties": ("`maxProperties` of an object", OWN, "Counts fields that have a value."),
    "requiredProperties": ("`required` of an object: a list of fields", OWN, ""),
    "dimensions": ("`dimensions` of a vector (ODCS 3.2)", OWN, ""),
    "normalized": ("`normalized` of a vector (ODCS 3.2)", OWN, "To within one millionth."),
    "elementType": ("`elementType` of a vector (ODCS 3.2)", DATACONTRACT_CLI, ""),
    "embeddingModel": ("`embeddingModel`, `embeddingModelVersion`", NOBODY, "The values do not show it."),
    "option": ("Any other `logicalTypeOptions`", NOBODY, "The standard does not define it."),
    "rowCount": ("Quality metric `rowCount`", f"{DATACONTRACT_CLI}, {OWN}", ""),
    "nullValues": (
        "Quality metric `nullValues`",
        f"{DATACONTRACT_CLI}, {OWN}",
        "Rows or percent. NaN counts as missing. A percentage is rounded to six digits after the point, but never to 0 or 100.",
    ),
    "missingValues": (
        "Quality metric `missingValues`",
        f"{DATACONTRACT_CLI}, {OWN}",
        "Rows or percent. NaN counts as missing.",
    ),
    "invalidValues": (
        "Quality metric `invalidValues`",
        f"{DATACONTRACT_CLI}, {OWN}",
        "Rows or percent. Valid values are compared as in `enum`.",
    ),
    "duplicateValues": (
        "Quality metric `duplicateValues`",
        f"{DATACONTRACT_CLI}, {OWN}",
        "Values that occur more than once; in percent: rows beyond the first of each value, of all rows.",
    ),
    "metric": ("Any other quality metric", NOBODY, "The standard has five."),
    "sql": (
        "Quality of `type: sql`",
        f"{DATACONTRACT_CLI}, {OWN}",
        "In DuckDB's dialect, on the data set as published. Numbers are compared exactly: 0.30 is 0.3. If the query "
        "fails, the promise is not kept; a query that returns several rows or columns is reported.",
    ),
    "custom": (
        "Quality of `type: custom`",
        f"{DATACONTRACT_CLI} (its own engine)",
        "Other engines are not supported.",
    ),
    "text": ("Quality of `type: text`", NOBODY, "It is for people."),
    "relationships": (
        "`relationships`",
        DATACONTRACT_CLI,
        "Within the data set. The data of other contracts is not available to the check.",
    ),
    "partitioned": (
        "`partitioned`",
        NOBODY,
        "It describes the storage; each port lays out its files in its own way.",
    ),
    "freshness": (
        "`slaProperties`: freshness of an element",
        f"{DATACONTRACT_CLI}, {OWN}",
        "A value in the future is not fresh, and a text is not a time.",
    ),
    "retention": (
        "`slaProperties`: retention of an element",
        DATACONTRACT_CLI,
        "No value is older. A text is not a time.",
    ),
    "serviceLevel": (
        "Any other of `slaProperties`",
        NOBODY,
        "Move it to `spec.serviceLevels`, which every run measures.",
    ),
}
"""All kinds of promises; the source of docs/reference/promises.md."""

OPTIONS = {
    *("minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("multipleOf", "format", "timezone", "defaultTimezone", "minItems", "maxItems", "uniqueItems"),
    *("minProperties", "maxProperties", "dimensions", "normalized", "elementType", "embeddingModel"),
}
DESCRIPTIVE = {"distanceMetric"}
"""Options that only inform readers, and promise nothing."""

METRICS = ("rowCount", "nullValues", "missingValues", "invalidValues", "duplicateValues")
OF_COLUMNS = METRICS[1:]
"""Metrics that apply to columns."""

OPERATORS = (
    *("mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo"),
    *("mustBeLessThan", "mustBeLessOrEqualTo", "mustBeBetween", "mustNotBeBetween"),
)
PERCENT = ("percent", "percentage", "%")
ROWS = ("rows", "row", "count", "records", "values", "items")

FORMATS = {
    "string": (
        *("email", "idn-email", "uuid", "uri", "url", "hostname", "ipv4", "ipv6", "byte"),
        *("date", "date-time", "time"),
    ),
    "integer": ("i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128"),
    "number": ("f32", "f64"),
}
BEYOND_RE2 = re.compile(
    r"\(\?(?:[=!>]|<[=!A-Za-z_]|'|\()|\\[1-9]|\\[ckuGKRXZhH]"
    r"|(?:(?<!\\)[*+?]|\{\d+(?:,\d*)?\})\+(?![^\[\n]*\])"
    r"|\{(?:\d*,)?(?!1000\})[1-9]\d{3,}\}"
)
"""Syntax of other regular expression engines that DuckDB's does not have."""

LETTERS = {
    **{"yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "DDD": "%j", "HH": "%H", "hh": "%I"},
    **{"mm": "%M", "ss": "%S", "SSS": "%g", "SSSSSS": "%f", "SSSSSSSSS": "%n", "a": "%p"},
    **{"MMM": "%b", "MMMM": "%B", "X": "%z", "XX": "%z", "XXX": "%z", "Z": "%z"},
}
"""Letters of java.time's DateTimeFormatter -> those of DuckDB's strftime."""


@dataclass(frozen=True)
class Promise:
    """A single promise in the contract about the data."""

    kind: str
    """A key of KINDS."""
    keys: Keys
    """Path within the contract."""
    path: tuple[str, ...]
    """The column and the path within it: names of fields, `[]` items, `[key]` and `[value]`; empty: the data set."""
    value: Any
    by_datacontract_cli: bool = True
    """True if datacontract-cli checks it."""
    unchecked: str = ""
    """Why it is not checked; empty if it is."""
    fix: str = ""
    """What to do about that."""

    @property
    def field(self) -> str:
        return dotted(self.path)

    def __str__(self) -> str:
        named = (
            self.value.get("description") or self.value.get("property")
            if isinstance(self.value, dict)
            else ""
        )
        of = self.field or "the data set"
        return f"{self.kind} of {of}" + (f" ({named})" if named else "")


def dotted(path: tuple[str, ...]) -> str:
    """Return a path in the usual spelling: `address.street`, `stops[].place`."""
    text = ""
    for step in path:
        text += step if step in STEPS or not text else f".{step}"
    return text


STEPS = ("[]", "[key]", "[value]")


def promises(contract: Mapping[str, Any], dataset: str) -> Iterator[Promise]:
    """Yield the promises of an ODCS contract (parsed YAML) about the data set; malformed parts are skipped."""
    for index, table in _entries(contract.get("schema")):
        if table.get("name") == dataset:
            keys: Keys = ("schema", index)
            yield from _columns(table, keys, dataset)
            yield from _quality(table, keys, ())
            yield from _relationships(table, keys, (), dataset)
    yield from _service_levels(contract, dataset)


def _entries(node: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for index, item in enumerate(node if isinstance(node, list) else ()):
        if isinstance(item, Mapping):
            yield index, item


def _mapping(node: Any) -> Mapping[str, Any]:
    return node if isinstance(node, Mapping) else {}


def name(column: Mapping[str, Any]) -> str:
    """Return the physical name of a column."""
    return str(column.get("physicalName") or column.get("name"))


def _columns(table: Mapping[str, Any], keys: Keys, dataset: str) -> Iterator[Promise]:
    for index, column in _entries(table.get("properties")):
        yield from _column(column, (*keys, "properties", index), (name(column),), dataset)


def datacontract_cli_reads(path: tuple[str, ...]) -> bool:
    """Return True if datacontract-cli can address the path: it reads dots and brackets as steps."""
    names = [step for step in path if step not in STEPS]
    return not any(re.search(r"[.\[\]]", part) for part in names)


def _deep(path: tuple[str, ...]) -> bool:
    """Return True for places that datacontract-cli does not check: items of items, keys and values of maps."""
    return "[key]" in path or "[value]" in path or "[][]" in "".join(path)


def _column(column: Mapping[str, Any], keys: Keys, path: tuple[str, ...], dataset: str) -> Iterator[Promise]:
    by_datacontract_cli = datacontract_cli_reads(path) and not _deep(path)
    logical = str(column.get("logicalType") or "")

    def promise(
        kind: str,
        *more: str | int,
        value: Any = None,
        by_datacontract_cli: bool = by_datacontract_cli,
        **why: str,
    ) -> Promise:
        return Promise(kind, (*keys, *more), path, value, by_datacontract_cli, **why)

    if path[-1] not in STEPS:
        yield promise("presence", value=path[-1])
    if logical:
        yield promise("logicalType", "logicalType", value=logical)
    if isinstance(physical := column.get("physicalType"), str) and physical.strip():
        why = "" if read(physical) else f"{physical} is not in the list of physical types."
        fix = "Write a type of docs/reference/promises.md." if why else ""
        yield promise(
            "physicalType", "physicalType", value=physical, by_datacontract_cli=False, unchecked=why, fix=fix
        )
        if (known := read(physical)) and known.lengths:
            why = f"{known.lengths} is within a nested type, whose lengths and precisions are not checked."
            fix = "Give the field, or the items, a physicalType of their own."
            yield promise(
                "physicalType",
                "physicalType",
                value=physical,
                by_datacontract_cli=False,
                unchecked=why,
                fix=fix,
            )
    if column.get("required") is True:
        yield promise("required", "required", value=True)
    for kind in ("primaryKey", "unique"):
        if column.get(kind) is True:
            beyond = len(path) > 1 and (kind == "primaryKey" or not by_datacontract_cli)
            why = f"{kind} is not checked here." if beyond else ""
            yield promise(
                kind,
                kind,
                value=True,
                unchecked=why,
                fix="Move it to a top-level column, or write it as a query." if why else "",
            )
    if isinstance(values := column.get("enum"), list):
        allowed = [item.get("value") for item in values if isinstance(item, Mapping)]
        yield promise("enum", "enum", value=allowed)
    if column.get("partitioned") is True:
        yield promise(
            "partitioned",
            "partitioned",
            value=True,
            by_datacontract_cli=False,
            unchecked="It describes the storage; each port lays out its files in its own way.",
            fix="Remove it, or move it to the description.",
        )
    options = _mapping(column.get("logicalTypeOptions"))
    for key, value in options.items():
        if (value is not None and value is not False) or key == "timezone":
            yield from _option(key, value, logical, options, promise)
    yield from _quality(column, keys, path)
    yield from _relationships(column, keys, path, dataset)
    yield from _nested(column, keys, path, dataset)


def _option(
    key: str, value: Any, logical: str, options: Mapping[str, Any], promise: Callable[..., Promise]
) -> Iterator[Promise]:
    place = ("logicalTypeOptions", key)
    if key in DESCRIPTIVE:
        return
    if key == "required" and isinstance(value, list):
        yield promise("requiredProperties", *place, value=value, by_datacontract_cli=False)
    elif key in ("embeddingModel", "embeddingModelVersion"):
        fix = "Keep it as a description."
        yield promise(
            "embeddingModel",
            *place,
            value=value,
            by_datacontract_cli=False,
            unchecked="The values do not show it.",
            fix=fix,
        )
    elif key == "defaultTimezone":
        kept = options.get("timezone") is True and str(value) in ("UTC", "Etc/UTC")
        why = "" if kept else "It says which time zone the values are in, and the values do not show that."
        fix = (
            ""
            if kept
            else "Make it a timestamp with time zone (`timezone: true`, UTC), or move it to the description."
        )
        yield promise(
            "defaultTimezone", *place, value=value, by_datacontract_cli=False, unchecked=why, fix=fix
        )
    elif key == "format":
        yield promise(
            "format", *place, value=value, by_datacontract_cli=False, **_format(str(value), logical)
        )
    elif key == "pattern":
        beyond = BEYOND_RE2.search(str(value))
        why = f"{beyond[0]} is not supported by DuckDB's regular expressions (RE2)." if beyond else ""
        fix = (
            "Write it without look-around and back references, or as a quality rule of type sql."
            if beyond
            else ""
        )
        yield promise("pattern", *place, value=value, unchecked=why, fix=fix)
    elif key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        small = isinstance(value, int | float) and abs(value) < 2**53
        if small and not isinstance(value, bool):
            yield promise(key, *place, value=value)
        else:  # Dates and large numbers: their own type decides how they compare.
            yield promise(key, *place, value=value, by_datacontract_cli=False)
    elif key in ("multipleOf", "timezone", "minProperties", "maxProperties", "dimensions", "normalized"):
        yield promise(key, *place, value=value, by_datacontract_cli=False)
    elif key in OPTIONS:
        yield promise(key, *place, value=value)
    else:
        fix = "Use an option of the standard, or a quality rule of type sql."
        yield promise(
            "option",
            *place,
            value=value,
            by_datacontract_cli=False,
            unchecked=f"The standard has no option {key}.",
            fix=fix,
        )


def _format(value: str, logical: str) -> dict[str, str]:
    """Return why a format is not checked, and the fix; empty if it is checked."""
    if logical in FORMATS and value in FORMATS[logical]:
        return {}
    if logical in ("date", "timestamp", "time") and strftime(value):
        return {}
    known = FORMATS.get(logical) or ("a pattern such as yyyy-MM-dd",)
    fix = f"Write one of {', '.join(known)}, a `pattern`, or a quality rule of type sql."
    return {"unchecked": f"The format {value} is not supported.", "fix": fix}


def strftime(pattern: str) -> str:
    """Translate a pattern of java.time's DateTimeFormatter to DuckDB's strftime; empty if a letter is unknown."""
    made = ""
    for match in re.finditer(r"'((?:[^']|'')*)'|(([A-Za-z])\3*)|([^A-Za-z])", pattern):
        text, letters, _, other = match.groups()
        if letters:
            if letters not in LETTERS:
                return ""
            made += LETTERS[letters]
        else:
            made += (text or other or "'").replace("%", "%%")
    return made


def _nested(column: Mapping[str, Any], keys: Keys, path: tuple[str, ...], dataset: str) -> Iterator[Promise]:
    for index, inner in _entries(column.get("properties")):
        yield from _column(inner, (*keys, "properties", index), (*path, name(inner)), dataset)
    if isinstance(items := column.get("items"), Mapping):
        yield from _column(items, (*keys, "items"), (*path, "[]"), dataset)
    if isinstance(pairs := column.get("map"), Mapping):
        for side in ("key", "value"):
            if isinstance(nested := pairs.get(side), Mapping):
                yield from _column(nested, (*keys, "map", side), (*path, f"[{side}]"), dataset)


def _quality(node: Mapping[str, Any], keys: Keys, path: tuple[str, ...]) -> Iterator[Promise]:
    taken: set[str] = set()
    for index, rule in _entries(node.get("quality")):
        place = (*keys, "quality", index)
        kind = str(rule.get("type") or "library")
        why = fix = ""
        by_datacontract_cli = datacontract_cli_reads(path)
        if kind == "text":
            why, fix = "It is prose.", "Write it as a metric, or as a query (`type: sql`)."
        elif kind == "custom":
            engine_name = rule.get("engine")
            if engine_name != "datacontract-cli":
                why, fix = f"The engine {engine_name} is not supported.", "Write it as a query (`type: sql`)."
        elif kind == "sql":
            if "[]" in path or "[key]" in path or "[value]" in path:
                why, fix = "A query cannot check items of an array.", "Move it to the column."
        else:
            kind, why, fix = _metric(rule, path)
            if kind in METRICS:
                # datacontract-cli checks only one of each kind, and only by the column's name.
                # It rounds a share of one in a billion rows to none.
                by_datacontract_cli = (
                    by_datacontract_cli and kind not in taken and not _deep(path) and not _is_percent(rule)
                )
                taken.add(kind)
        yield Promise(
            kind if kind in KINDS else "metric",
            place,
            path,
            dict(rule),
            by_datacontract_cli and not why,
            why,
            fix,
        )


def _metric(rule: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, str, str]:
    """Return the kind of a library rule, why it is not checked, and the fix."""
    metric = str(rule.get("metric"))
    if metric not in METRICS:
        old = rule.get("rule")
        what = (
            f"The metric is given as `rule: {old}`, the form before ODCS 3.1."
            if old
            else f"The standard has no metric {metric}."
        )
        return "metric", what, f"Write `metric:` and one of {', '.join(METRICS)}."
    if (metric == "rowCount") == bool(path) and not (metric == "duplicateValues" and not path):
        return (
            metric,
            f"{metric} does not apply to {'a column' if path else 'the data set'}.",
            "Move it to where it belongs.",
        )
    arguments = _mapping(rule.get("arguments"))
    if not any(rule.get(operator) is not None for operator in OPERATORS):
        return metric, "It has no operator for the number.", "Add `mustBe: 0`, or another operator."
    if metric == "invalidValues" and not {"validValues", "pattern"} & arguments.keys():
        return (
            metric,
            "It has no valid values.",
            "Add `arguments: {validValues: […]}` or a `pattern`.",
        )
    if metric == "duplicateValues" and not path and not arguments.get("properties"):
        return metric, "It names no columns.", "Add `arguments: {properties: […]}`."
    if metric == "invalidValues" and (beyond := BEYOND_RE2.search(str(arguments.get("pattern") or ""))):
        fix = "Write it without look-around and back references, or as a quality rule of type sql."
        return metric, f"{beyond[0]} is not supported by DuckDB's regular expressions (RE2).", fix
    unit = str(rule.get("unit") or "").strip().lower()
    if metric == "rowCount" and unit in PERCENT:
        return metric, "A number of rows cannot be a percentage.", "Remove `unit`."
    if unit not in ("", *ROWS, *PERCENT):
        return metric, f"{rule.get('unit')} is not a valid unit.", "Write `unit: rows` or `unit: percent`."
    inside = "[]" in path or _deep(path)
    if inside and (metric == "duplicateValues" or _deep(path)):
        return (
            metric,
            "It is not checked within arrays and maps.",
            "Write it as a query (`type: sql`) on the column.",
        )
    return metric, "", ""


def _is_percent(rule: Mapping[str, Any]) -> bool:
    return str(rule.get("unit") or "").strip().lower() in PERCENT


def _relationships(
    node: Mapping[str, Any], keys: Keys, path: tuple[str, ...], dataset: str
) -> Iterator[Promise]:
    for index, relation in _entries(node.get("relationships")):
        if str(relation.get("type") or "foreignKey") != "foreignKey":
            continue
        to = relation.get("to")
        targets = [str(target) for target in (to if isinstance(to, list) else [to])]
        within = len(path) <= 1 and all(
            target.startswith(f"{dataset}.") and "/" not in target for target in targets
        )
        why = "" if within else f"The data of {', '.join(targets)} is not available to the check."
        fix = "" if within else "Check it in the model (a test of type relationships), or remove it."
        yield Promise(
            "relationships", (*keys, "relationships", index), path, dict(relation), within, why, fix
        )


SPANS = {
    "freshness": re.compile(r"d|day|days|h|hr|hour|hours|m|min|minute|minutes"),
    "retention": re.compile(
        r"y|yr|year|years|m|mo|month|months|d|day|days|h|hr|hour|hours|min|minute|minutes|s|sec|second|seconds"
    ),
}
"""Service level of an element -> units that datacontract-cli supports."""
DURATION = re.compile(
    r"P(?=\d|T\d)(\d+(\.\d+)?Y)?(\d+(\.\d+)?M)?(\d+(\.\d+)?W)?(\d+(\.\d+)?D)?"
    r"(T(?=\d)(\d+(\.\d+)?H)?(\d+(\.\d+)?M)?(\d+(\.\d+)?S)?)?",
    re.IGNORECASE,
)


def _is_span(kind: str, level: Mapping[str, Any]) -> bool:
    value, unit = level.get("value"), str(level.get("unit") or "d").lower()
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number or (kind == "freshness" and isinstance(value, str) and value.strip().isdecimal()):
        return SPANS[kind].fullmatch(unit) is not None
    return isinstance(value, str) and DURATION.fullmatch(value) is not None


def _service_levels(contract: Mapping[str, Any], dataset: str) -> Iterator[Promise]:
    known = {
        str(column.get("name"))
        for _, table in _entries(contract.get("schema"))
        if table.get("name") == dataset
        for _, column in _entries(table.get("properties"))
    }
    for index, level in _entries(contract.get("slaProperties")):
        kind = str(level.get("property"))
        table, _, column = str(level.get("element") or "").partition(".")
        readable = table == dataset and column in known and datacontract_cli_reads((column,))
        span = kind in SPANS and _is_span(kind, level)
        if kind in SPANS and readable and span:
            yield Promise(kind, ("slaProperties", index), (column,), dict(level))
            continue
        why = "Nothing measures it."
        if kind in ("freshness", "retention"):
            why = "It is measured on a column, and `element` names no column of the data set."
        fix = "Move it to spec.serviceLevels in data-product.yaml, which every run measures."
        if kind in ("freshness", "retention"):
            fix = f"Write `element: {dataset}.<column>` and a value, or move it to spec.serviceLevels."
            if readable:
                why = f"{level.get('value')} {level.get('unit') or ''}".strip() + " is not a duration."
                fix = "Write a number as `value` and `unit: d` or `unit: h`, or a duration such as `P1D`."
        yield Promise("serviceLevel", ("slaProperties", index), (), dict(level), False, why, fix)
