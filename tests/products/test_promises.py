"""Every kind of promise: kept, broken, or reported as unchecked; a table of contracts and data."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT
from filelock import FileLock
from products import SUPPORT

from meshwright.product import promises

PIPELINE = ROOT / "template"


@dataclass
class Case:
    """A column `a` (or several), the rows that it has, and what comes of them."""

    columns: list[dict[str, Any]]
    sql: str | list[str]
    result: str
    """`passed`, or what the result of one of the checks is: `failed`, `unchecked`, `warning`, `refused`."""
    says: str = ""
    """What is said of it."""
    more: dict[str, Any] = field(default_factory=dict)
    stored: str = ""
    """The type of the column in the end."""


def a(name: str = "a", **column: Any) -> list[dict[str, Any]]:
    return [{"name": name, **column}]


def option(logical: str, **options: Any) -> list[dict[str, Any]]:
    return a(logicalType=logical, logicalTypeOptions=options)


def physical(kind: str, logical: str | None = None) -> list[dict[str, Any]]:
    return a(physicalType=kind, **({"logicalType": logical} if logical else {}))


def metric(name: str, **rule: Any) -> list[dict[str, Any]]:
    return a(logicalType="string", quality=[{"type": "library", "metric": name, **rule}])


def table(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"table": {"quality": list(rules)}}


def of(parent: str, *properties: dict[str, Any]) -> list[dict[str, Any]]:
    if parent == "object":
        return a(logicalType="object", properties=list(properties))
    return a(logicalType="array", items={"logicalType": "object", "properties": list(properties)})


NAN = "select 'nan'::double a"
TEXT = {"name": "s", "logicalType": "string"}

CASES = {
    # logical types
    "an integer that is none": Case(a(logicalType="integer"), "select 3.5::double a", "failed", "such as '3.5'"),
    "an integer in a decimal that is none": Case(a(logicalType="integer"), "select 3.5 a", "failed", "whole"),
    "an integer that is infinite": Case(a(logicalType="integer"), "select 'inf'::double a", "failed", "inf"),
    "an integer in a double": Case(a(logicalType="integer"), "select 3::double a", "passed"),
    "an integer inside of an object": Case(of("object", {"name": "n", "logicalType": "integer"}), "select {'n': 1.5} a", "failed", "a.n"),
    "an integer inside of an array": Case(a(logicalType="array", items={"logicalType": "integer"}), "select [1.0, 2.5] a", "failed", "a[]"),
    "a text that is a number": Case(a(logicalType="string"), "select 1 a", "failed", "integer"),
    "a date with a time": Case(a(logicalType="date"), "select timestamp '2025-01-01 10:00:00' a", "failed", "timestamp"),
    "bytes": Case(a(logicalType="string", physicalType="bytea"), "select 'a'::blob a", "passed", stored="BLOB"),
    "bytes that nobody calls bytes": Case(a(logicalType="string"), "select 'a'::blob a", "failed", "BLOB"),
    "JSON that is called an object": Case(of("object", TEXT), """select '{"s": 1}'::json a""", "failed", "JSON text"),
    "a text that is called an object": Case(of("object", TEXT), """select '{"s": 1}' a""", "failed", "'object'"),
    # physical types
    "a length": Case(physical("varchar(2)"), "select 'abc' a", "failed", "such as 'abc'"),
    "a length that is kept": Case(physical("VARCHAR2(3 CHAR)"), "select 'abc' a", "passed"),
    "a decimal that fits": Case(physical("decimal(10,2)", "number"), "select 1.25::double a", "passed", stored="DECIMAL(10,2)"),
    "a decimal with too few digits": Case(physical("numeric(10, 2)", "number"), "select 1.005::double a", "failed", "such as '1.005'"),
    "a decimal of NaN": Case(physical("decimal(10,2)"), NAN, "failed", "nan"),
    "a decimal too large": Case(physical("decimal(3,0)"), "select 1000 a", "failed", "DECIMAL(3,0)"),
    "a smaller integer": Case(physical("smallint", "integer"), "select 7::bigint a", "passed", stored="SMALLINT"),
    "an integer too large": Case(physical("int", "integer"), "select 3000000000 a", "failed", "3000000000"),
    "an integer called number(10,0)": Case(physical("NUMBER(10,0)", "integer"), "select 5 a", "passed", stored="INTEGER"),
    "an integer with more digits": Case(physical("number(2)", "integer"), "select 500 a", "failed", "2 digits"),
    "an integer out of a text": Case(physical("integer", "integer"), "select '12' a", "passed", stored="INTEGER"),
    "an integer out of a text with a zero before it": Case(physical("integer", "integer"), "select '007' a", "failed", "007"),
    "a text against the logical type": Case(physical("varchar", "integer"), "select 1 a", "failed", "VARCHAR", stored="INTEGER"),
    "a date out of a text": Case(physical("date", "date"), "select '2024-01-31' a", "passed", stored="DATE"),
    "a date out of another text": Case(physical("date", "date"), "select '31/01/2024' a", "failed", "31/01/2024"),
    "a zone that is not there": Case(physical("timestamptz"), "select timestamp '2024-01-01' a", "failed", "TIMESTAMP", stored="TIMESTAMP"),
    "a zone that nobody promised": Case(physical("timestamp without time zone"), "select timestamptz '2024-01-01 00:00:00Z' a", "failed", "TIME ZONE"),
    "a fraction of a second": Case(physical("timestamp(3)", "timestamp"), "select timestamp '2024-01-01 00:00:00.123456' a", "failed", "3 digits"),
    "a fraction that is kept": Case(physical("datetime2(3)", "timestamp"), "select timestamp '2024-01-01 00:00:00.123' a", "passed"),
    "either kind of float": Case(physical("float", "number"), "select 0.1::double a", "passed", stored="DOUBLE"),
    "a float too small for it": Case(physical("real", "number"), "select 0.1::double a", "failed", "FLOAT"),
    "a UUID in capitals": Case(physical("uuid"), "select 'BBD05AE7-0000-4000-8000-000000000000' a", "failed", "BBD05AE7", stored="VARCHAR"),
    "a UUID in small letters": Case(physical("uuid"), "select 'bbd05ae7-0000-4000-8000-000000000000' a", "passed", stored="UUID"),
    "an interval, which nothing stores": Case(physical("interval"), "select '00:00:00.123456' a", "failed", "it is VARCHAR, not INTERVAL, which no port can store", stored="VARCHAR"),
    "a time with a zone, which nothing stores": Case(physical("time with time zone"), "select '10:00:00+02' a", "failed", "it is VARCHAR, not TIME WITH TIME ZONE, which no port can store", stored="VARCHAR"),
    "a field that nothing stores": Case(of("object", {"name": "n", "physicalType": "timetz"}), "select {'n': '10:00:00+02'} a", "failed", "no port can store", stored="STRUCT(n VARCHAR)"),
    "JSON of Python": Case(physical("json"), """select '{"a":NaN}' a""", "failed", "NaN"),
    "JSON with a comma too many": Case(physical("json", "string"), "select '[1,]'::json a", "failed", "[1,]"),
    "JSON of Python in an array": Case(a(logicalType="array", physicalType="array<json>"), "select ['[1]', '[1,]'] a", "failed", "'[1,]'"),
    "a time beyond what is stored": Case(physical("time"), "select '24:00:00' a", "failed", "24:00:00", stored="VARCHAR"),
    "a moment beyond what is stored": Case(physical("timestamp"), "select 'infinity' a", "failed", "infinity", stored="VARCHAR"),
    "JSON of many kinds": Case(physical("json"), """select unnest(['{"nan": [1, -0.5e3, "inf,]", null]}', '"x"', ' 1 ']) a""", "passed"),
    "JSON in a text": Case(physical("jsonb", "string"), "select '{' a", "failed", "JSON"),
    "an integer of 128 bits": Case(physical("hugeint", "integer"), "select 9007199254740993 a", "passed", stored="BIGINT"),
    "an integer of 128 bits in a number": Case(physical("int128", "number"), "select 5.0::double a", "passed", stored="BIGINT"),
    "a type inside of an object": Case(of("object", {"name": "n", "physicalType": "decimal(6,2)"}), "select {'n': 1.5::double} a", "passed", stored="STRUCT(n DECIMAL(6,2))"),
    "a type in no list": Case(physical("money", "number"), "select 1 a", "unchecked", "money"),
    "a type beyond what there is": Case(physical("decimal(50,2)", "number"), "select 1 a", "unchecked", "decimal(50,2)"),
    "a type that loses, in an older product": Case(physical("decimal(10,2)"), "select 1.005::double a", "warning", "1.005", {"physicalTypes": "warning"}, stored="DOUBLE"),
    "a type that loses personal values, which readers have had": Case([{"name": "a", "physicalType": "decimal(10,2)", "classification": "confidential"}], "select 1.005::double a", "refused", "1 values would lose", {"physicalTypes": "warning", "before": {"a": "DECIMAL(10,2)"}}),
    "a type that loses, which readers have had": Case(physical("decimal(10,2)"), "select 1.005::double a", "refused", "1 values, such as 1.005", {"physicalTypes": "warning", "before": {"a": "DECIMAL(10,2)"}}),
    "a type that loses, and always has": Case(physical("decimal(10,2)"), "select 1.005::double a", "warning", "1.005", {"physicalTypes": "warning", "before": {"a": "DOUBLE"}}, stored="DOUBLE"),
    "a logical type in an older product": Case(a(logicalType="integer"), "select 3.5 a", "failed", "", {"physicalTypes": "warning"}),
    "a type that a view cannot give": Case(physical("decimal(10,2)"), "select 1.25::double a", "failed", "DOUBLE", {"port": "view"}, stored="DOUBLE"),
    "a type that the rows before have": Case(physical("decimal(10,2)"), ["select 1 k, 1.25::decimal(10,2) a", "select 2 k, 1.5::double a"], "passed", "", {"changed": ["k", "2"]}, stored="DECIMAL(10,2)"),
    "a type that only the rows before have": Case(physical("decimal(10,2)"), ["select 1 k, 1.25::decimal(10,2) a", "select 2 k, 1.005::double a"], "refused", "1.005", {"changed": ["k", "2"]}),
    "as many digits as there are": Case(physical("NUMBER(*,0)", "number"), "select 1.5 a", "failed", "1.5"),
    "a length in bytes": Case(physical("VARCHAR2(3 BYTE)", "string"), "select 'éé' a", "failed", "more than 3 bytes"),
    "a string of bits": Case(physical("bit(8)", "boolean"), "select true a", "unchecked", "bit(8)"),
    "nanoseconds": Case(physical("timestamp(6)", "timestamp"), "select '2024-01-01 00:00:00.123456789'::timestamp_ns a", "failed", "6 digits"),
    "a length inside of an array": Case(a(logicalType="array", physicalType="ARRAY<VARCHAR(2)>", items={"logicalType": "string"}), "select ['abc'] a", "unchecked", "VARCHAR(2)", stored="VARCHAR[]"),
    "a length of the items of an array": Case(a(logicalType="array", items={"logicalType": "string", "physicalType": "varchar(2)"}), "select ['ab', 'abc'] a", "failed", "such as 'abc'"),
    # options
    "an e-mail address": Case(option("string", format="email"), "select 'ada at example.org' a", "failed", "ada at example.org"),
    "an e-mail address that is one": Case(option("string", format="email"), "select 'ada@example.org' a", "passed"),
    "a UUID": Case(option("string", format="uuid"), "select 'x' a", "failed"),
    "an address": Case(option("string", format="uri"), "select 'example.org/x' a", "failed"),
    "IPv4": Case(option("string", format="ipv4"), "select '256.1.1.1' a", "failed"),
    "IPv6": Case(option("string", format="ipv6"), "select unnest(['::1', '2001:db8::8a2e:370:7334', 'fe80::', '::ffff:10.0.0.1']) a", "passed"),
    "IPv6 that is none": Case(option("string", format="ipv6"), "select '1::2::3' a", "failed"),
    **{
        f"{kind} {text}": Case(option("string", format=kind), f"select '{text}' a", result)
        for result, kind, texts in (
            ("passed", "ipv6", ("::", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2::5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5::1.2.3.4")),
            ("failed", "ipv6", ("1:2:3:4:5:6::7:8:9:a:b:c", "1:2:3:4::5:6:7:8", "::1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6::1.2.3.4", ":1", "1:", "1:2:3:4:5:6:7:1.2.3.4")),
            ("passed", "hostname", ("a.example", f"{'a' * 63}.example")),
            ("failed", "hostname", (f"{'a' * 64}.example", "a." * 127 + "a")),
            ("failed", "email", (f"a@{'a.' * 125}example",)),
            ("failed", "email", (".a@x", "a..b@x", "a.@x")),
            ("passed", "email", ("a.b+c@x.example",)),
            ("passed", "uri", ("https://a.example/b?c=%C3%A9#d", "urn:x:y")),
            ("failed", "uri", ("https://a.example/%zz", "https://a.example/#b#c")),
            ("failed", "url", ("https://a.example/%z", "urn:x:y", "https://#")),
            ("passed", "time", ("23:59:59.5", "10:00:00Z", "10:00:00-23:59")),
            ("failed", "time", ("24:00:00", "10:60:00", "10:00:00+25:00", "10:00:00+01:60", "23:59:60")),
            ("passed", "date-time", ("2024-02-29T10:00:00.1234567890Z", "2024-01-01t00:00:00z", "0001-01-01T00:00:00+23:59")),
            ("failed", "date-time", ("2024-01-01T24:00:00Z", "2024-01-01T10:00:00+99:99", "2023-02-29T10:00:00Z", "0000-01-01T00:00:00Z", "2016-12-31T23:59:60Z")),
            ("passed", "date", ("0001-01-01", "9999-12-31")),
            ("failed", "date", ("0000-01-01", "2024-00-01")),
        )
        for text in texts
    },
    "a day that is in no calendar": Case(option("string", format="date"), "select '2023-02-29' a", "failed"),
    "eight bits": Case(option("integer", format="u8"), "select 256 a", "failed"),
    "sixty-four bits": Case(option("integer", format="i64"), "select -9223372036854775808 a", "passed"),
    "a hundred and twenty-eight bits": Case(option("integer", format="i128"), "select 1e39::double a", "failed"),
    "a hundred and twenty-eight bits that are enough": Case(option("integer", format="u128"), "select 1e38::double a", "passed"),
    "a single float": Case(option("number", format="f32"), "select 0.1::double a", "failed"),
    "a number that a double does not hold": Case(option("number", format="f64"), "select 12345678901234567.89::decimal(20,2) a", "failed", "67.89'"),
    "a date without a time": Case(option("timestamp", format="yyyy-MM-dd"), "select timestamp '2024-01-01 01:00:00' a", "failed"),
    "a date as dates are": Case(option("date", format="yyyy-MM-dd"), "select date '2024-01-01' a", "passed"),
    "a format of one's own": Case(option("string", format="vin"), "select 'x' a", "unchecked", "vin"),
    "multiples": Case(option("integer", multipleOf=2), "select 3 a", "failed", "'3'"),
    "multiples of a tenth": Case(option("number", multipleOf=0.1), "select 0.3::double a", "passed"),
    "multiples of a ten-millionth": Case(a(logicalTypeOptions={"multipleOf": 0.0000001}), "select 0.00000015 a", "failed"),
    "a multiple that is almost one": Case(option("number", multipleOf=1), "select 3.0000000000001::double a", "failed", "3.0000000000001"),
    "a multiple of a tenth that is almost one": Case(option("number", multipleOf=0.1), "select 0.30000000000004::double a", "failed", "0.30000000000004"),
    "multiples in any notation": Case(option("number", multipleOf=1e-7), "select unnest([1e22, 3e-7, -0.5, 123456789.01, 0]) a", "passed"),
    "a multiple beyond its notation": Case(option("number", multipleOf=3), "select 1e22::double a", "failed", "1e+22"),
    "multiples with 38 digits": Case(option("number", multipleOf="0.00000000000000000003"), "select 999999999999999999.99999999999999999999::decimal(38,20) a", "passed"),
    "a multiple with 38 digits": Case(option("number", multipleOf=1e-19), "select 0.00000000000000000003::decimal(38,20) a", "failed"),
    "multiples of nothing": Case(a(logicalTypeOptions={"multipleOf": 0}), "select 3 a", "error"),
    "a length that is no number": Case(a(logicalTypeOptions={"maxLength": "short"}), "select 'x' a", "failed", "cannot be checked"),
    "a number that is none": Case(metric("duplicateValues", mustBe="few", unit="percent"), "select 'x' a", "error"),
    "a zone": Case(option("timestamp", timezone=True), "select timestamp '2025-01-01' a", "failed", "TIMESTAMP"),
    "no zone": Case(option("timestamp", timezone=False), "select timestamptz '2025-01-01 00:00:00Z' a", "failed", "ZONE"),
    "what a time means": Case(option("timestamp", defaultTimezone="Europe/Paris"), "select timestamp '2025-01-01' a", "unchecked", "time zone"),
    "a first day": Case(option("date", minimum="2024-01-01"), "select date '2023-12-31' a", "failed", "2023-12-31"),
    "a first day that is no day": Case(option("date", minimum="soon"), "select date '2023-12-31' a", "error"),
    "a bound of twenty digits": Case(option("number", maximum=12345678901234567890), "select 12345678901234567891::decimal(20,0) a", "failed"),
    "a last moment with an offset": Case(option("timestamp", maximum="2019-01-01T12:30:00+02:00"), "select timestamp '2019-01-01 12:00:00' a", "failed", "12:00:00"),
    "a last moment with an offset that is kept": Case(option("timestamp", maximum="2019-01-01T12:30:00+02:00"), "select timestamp '2019-01-01 10:30:00' a", "passed"),
    "a last moment of a day": Case(option("date", exclusiveMaximum="2019-01-01T01:00:00+02:00"), "select date '2019-01-01' a", "failed"),
    "a first moment of a day": Case(option("date", minimum="2019-01-01 10:00"), "select date '2019-01-01' a", "failed"),
    "a first nanosecond": Case(option("timestamp", minimum="2019-01-01T00:00:00.000000002Z"), "select '2019-01-01 00:00:00.000000001'::timestamp_ns a", "failed"),
    "a last time": Case(option("time", maximum=36000), "select time '10:00:01' a", "failed", "10:00:01"),
    "a last time with an offset": Case(option("time", maximum="10:00:00+02:00"), "select time '10:00:00' a", "error", "a TIME has no zone"),
    "a number as the bound of a text": Case(option("string", minimum=3), "select '5' a", "error", "is a number"),
    "a bound that a decimal rounds": Case(option("number", minimum=0.05), "select 0::decimal(3,1) a", "failed"),
    "a bound near a long decimal": Case(option("number", maximum=0.1), "select 0.10000000000000000001::decimal(38,20) a", "failed"),
    "a bound beyond a decimal": Case(option("number", maximum=1e39, minimum="-1e400"), "select 99.9::decimal(3,1) a", "passed"),
    "a bound of a float": Case(option("number", maximum=0.1, minimum=0.1), "select 0.1::float a", "passed"),
    "a bound that a double rounds": Case(option("number", minimum=9007199254740993), "select 9007199254740992::double a", "failed"),
    "an exclusive bound": Case(option("integer", exclusiveMinimum=3), "select 3 a", "failed"),
    "a pattern beyond the engine": Case(option("string", pattern="^(?=a)a"), "select 'a' a", "unchecked", "(?="),
    "a possessive pattern": Case(option("string", pattern="^a++$"), "select 'a' a", "unchecked", "++"),
    "a pattern with a class of signs": Case(option("string", pattern=r"^[+*?]+\+{1,1000}\p{L}+$"), "select '++ä' a", "passed"),
    "a pattern of a number": Case(option("integer", pattern="^[0-9]{2}$"), "select 1 a", "failed"),
    "items": Case(option("array", minItems=2), "select [1] a", "failed"),
    "items that are unique": Case(option("array", uniqueItems=True), "select [1, 1] a", "failed"),
    "items of items": Case(a(logicalType="array", items={"logicalType": "array", "items": {"logicalType": "string", "logicalTypeOptions": {"maxLength": 1}}}), "select [['aa']] a", "failed", "a[][]"),
    "items of no array": Case(option("string", minItems=2), "select 'a' a", "error"),
    "a map": Case(a(logicalType="map", map={"key": {"logicalType": "string"}, "value": {"logicalType": "integer", "logicalTypeOptions": {"maximum": 1}}}), "select map {'a': 2} a", "failed", "a[value]"),
    "fields of an object": Case([{**of("object", TEXT)[0], "logicalTypeOptions": {"minProperties": 1, "required": ["s"]}}], "select {'s': null::varchar} a", "failed", "requiredProperties"),
    "a shortest length": Case(option("string", minLength=2), "select 'é' a", "failed"),
    "an exclusive bound from above": Case(option("number", exclusiveMaximum=3.1), "select 3.1 a", "failed"),
    "too many items": Case(option("array", maxItems=1), "select [1, 2] a", "failed"),
    "fewer fields than one and a half": Case([{**of("object", TEXT)[0], "logicalTypeOptions": {"minProperties": 1.5}}], "select {'s': 'x'} a", "failed"),
    "too many fields": Case([{**of("object", TEXT)[0], "logicalTypeOptions": {"maxProperties": 0}}], "select {'s': 'x'} a", "failed"),
    "a vector": Case(option("vector", dimensions=2, elementType="float32", normalized=True), "select [0.6::float, 0.8] a", "passed"),
    "a vector of another length": Case(option("vector", normalized=True), "select [3::float, 4] a", "failed", "normalized"),
    "a vector without numbers": Case(option("vector", normalized=True), "select []::float[] a", "failed", "normalized"),
    "a vector without one of its numbers": Case(option("vector", normalized=True), "select [1::float, null] a", "failed", "normalized"),
    "a vector of other numbers": Case(option("vector", elementType="float32"), "select [3::double, 4] a", "failed"),
    "a model": Case(option("vector", embeddingModel="x"), "select [3::float, 4] a", "unchecked"),
    "dimensions": Case(option("vector", dimensions=3), "select [1::float, 2] a", "failed"),
    "an option of one's own": Case(option("string", colour="blue"), "select 'x' a", "unchecked", "colour"),
    "an enumeration": Case(a(logicalType="string", enum=[{"value": "x"}]), "select 'y' a", "failed"),
    "an enumeration in a map": Case(a(logicalType="map", map={"key": {"logicalType": "string", "enum": [{"value": "x"}]}, "value": TEXT}), "select map {'y': 'z'} a", "failed", "a[key]"),
    **{
        f"{value} among {members}, as {rule}": Case(a(**promised), f"select {value} a", result)
        for value, members, result in (
            ("0.1::decimal(3,1)", ["0.05"], "failed"),
            ("0.1::decimal(3,1)", ["0.10", 5], "passed"),
            ("0.10000000000000000001::decimal(38,20)", [0.1], "failed"),
            ("2", ["1.5"], "failed"),
            ("2", [1.5, 2.5], "failed"),
            ("2", ["2.0"], "passed"),
            ("9007199254740993", [9007199254740992.0], "failed"),
            ("0.1::float", [0.1], "passed"),
            ("16777216::float", [16777217], "failed"),
            ("true", [2], "failed"),
            ("date '2024-01-01'", ["2024-01-01 10:00"], "failed"),
            ("date '2024-01-01'", ["2024-01-01T00:00:00Z"], "passed"),
            ("timestamp '2024-01-01 08:00:00'", ["2024-01-01T10:00:00+02:00"], "passed"),
            ("timestamp '2024-01-01 10:00:00'", ["2024-01-01T10:00:00+02:00", "2024-01-01T10:00:00.0000001Z"], "failed"),
            ("time '10:00:00'", ["10:00:00+02:00"], "failed"),
        )
        for rule, promised in (
            ("an enumeration", {"enum": [{"value": one} for one in members]}),
            ("valid values", {"quality": [{"metric": "invalidValues", "arguments": {"validValues": members}, "mustBe": 0}]}),
        )
    },
    "a missing value that a decimal rounds": Case(a(quality=[{"metric": "missingValues", "arguments": {"missingValues": ["0.05"]}, "mustBe": 0}]), "select 0.1::decimal(3,1) a", "passed"),
    # missing values and keys
    "NaN that is required": Case(a(logicalType="number", required=True), NAN, "failed", "NaN"),
    "NaN at least": Case(option("number", minimum=0), NAN, "failed", "NaN"),
    "NaN at most": Case(option("number", maximum=0), NAN, "failed"),
    "NaN as a key": Case(a(logicalType="number", primaryKey=True), NAN, "failed", "NaN"),
    "NaN that may be": Case(a(logicalType="number"), NAN, "passed"),
    "a key of two": Case([*a(logicalType="integer", primaryKey=True), *a("b.c", logicalType="integer", primaryKey=True)], 'select 1 a, 2 as "b.c" from range(2)', "failed", "more than once"),
    "a key of two that is one": Case([*a(logicalType="integer", primaryKey=True), *a("b.c", logicalType="integer", primaryKey=True)], 'select 1 a, range as "b.c" from range(2)', "passed"),
    "a nested key": Case(of("array", {**TEXT, "primaryKey": True}), "select [{'s': 'x'}] a", "unchecked", "primaryKey"),
    # names
    "a dot in a name": Case(a("a.b", logicalType="integer", required=True, unique=True), 'select 1 as "a.b"', "passed"),
    "a dot in the name of a missing value": Case(a("Flight No.", logicalType="integer", required=True), 'select null::int as "Flight No."', "failed", "Flight No."),
    "a dot in the name of a missing column": Case([*a("Flight No.", logicalType="integer"), *a()], "select 1 a", "failed", "Flight No."),
    "a dot and a type": Case(a("a.b", logicalType="integer"), """select 'x' as "a.b" """, "failed", "VARCHAR"),
    "brackets in a name": Case(a("a[]", logicalType="integer", logicalTypeOptions={"minimum": 2}), 'select 1 as "a[]"', "failed", "minimum"),
    "a space in a name": Case(a("Flight No", logicalType="integer", required=True), 'select 1 as "Flight No"', "passed"),
    "a dot and a query": Case(a("a.b", quality=[{"type": "sql", "query": "select count(*) from ${object} where ${property} > 0", "mustBe": 0}]), 'select 1 as "a.b"', "failed", "1"),
    "duplicates by a name with a dot": Case(a("a.b"), 'select 1 as "a.b" from range(2)', "failed", "duplicateValues", table({"metric": "duplicateValues", "arguments": {"properties": ["a.b"]}, "mustBe": 0})),
    # metrics
    "no nulls": Case(metric("nullValues", mustBe=0), "select null::varchar a", "failed"),
    "a share of nulls": Case(metric("nullValues", mustBeLessThan=10, unit="percent"), "select unnest(['x', null]) a", "failed", "50"),
    "NaN that is null": Case(metric("nullValues", mustBe=0) and a(logicalType="number", quality=[{"metric": "nullValues", "mustBe": 0}]), NAN, "failed"),
    "missing values": Case(metric("missingValues", arguments={"missingValues": [None, "", "N/A"]}, mustBe=0), "select 'N/A' a", "failed"),
    "missing values of another type": Case(a(logicalType="integer", quality=[{"metric": "missingValues", "arguments": {"missingValues": ["", "N/A", -1]}, "mustBe": 0}]), "select -1 a", "failed", "missingValues is 1"),
    "two rules of a kind": Case(a(logicalType="string", quality=[{"metric": "invalidValues", "arguments": {"validValues": [v]}, "mustBe": 0} for v in "xy"]), "select 'x' a", "failed", "invalidValues is 1"),
    "two bounds for the rows": Case(a(), "select 1 a", "failed", "rowCount is 1", table({"metric": "rowCount", "mustBeGreaterThan": 0}, {"metric": "rowCount", "mustBeGreaterThan": 1})),
    "rows between": Case(a(), "select 1 a", "passed", "", table({"metric": "rowCount", "mustBeBetween": [1, 2]})),
    "rows not between": Case(a(), "select 1 a", "failed", "", table({"metric": "rowCount", "mustNotBeBetween": [1, 2]})),
    "invalid dates": Case(a(logicalType="date", quality=[{"metric": "invalidValues", "arguments": {"validValues": ["2024-01-01"]}, "mustBe": 0}]), "select date '2024-01-02' a", "failed", "invalidValues is 1"),
    "a share of duplicates": Case(metric("duplicateValues", mustBeLessThan=10, unit="percent"), "select unnest(['x', 'x']) a", "failed", "50%"),
    "a metric that only warns": Case(a(quality=[{"metric": "missingValues", "arguments": {"missingValues": ["1"]}, "mustBe": 0, "severity": "info"}]), "select 1 a", "warning", "missingValues"),
    "a metric in no unit": Case(metric("nullValues", mustBeLessThan=10, unit="ratio"), "select null::varchar a", "unchecked", "ratio"),
    "a metric without a number": Case(metric("nullValues"), "select 'x' a", "unchecked", "operator"),
    "a metric as it was called before": Case(a(logicalType="string", quality=[{"rule": "nullCheck", "mustBe": 0}]), "select 'x' a", "unchecked", "nullCheck"),
    "a metric of the wrong thing": Case(metric("rowCount", mustBe=1), "select 'x' a", "unchecked", "rowCount"),
    # rules
    "a query": Case(a(), "select 1 a", "failed", "1", table({"type": "sql", "query": "select count(*) from t", "mustBe": 2})),
    **{
        f"a query of {value} that {operator} {expected}": Case(a(), "select 1 a", result, "", table({"type": "sql", "query": f"select {value}", operator: expected}))
        for value, operator, expected, result in (
            ("0.30", "mustBe", 0.3, "passed"),
            ("0.30", "mustNotBe", 0.3, "failed"),
            ("0.30", "mustBeLessOrEqualTo", 0.3, "passed"),
            ("0.30", "mustBeLessThan", 0.3, "failed"),
            ("0.1", "mustBeLessThan", 0.1, "failed"),
            ("0.70", "mustBeGreaterOrEqualTo", 0.7, "passed"),
            ("0.70", "mustBeGreaterThan", 0.7, "failed"),
            ("0.30", "mustBeBetween", [0.1, 0.3], "passed"),
            ("0.30", "mustNotBeBetween", [0.3, 0.5], "failed"),
            ("0.1::float", "mustBe", 0.1, "passed"),
            ("0.1::double + 0.2", "mustBe", 0.3, "failed"),
            ("sum(9007199254740993)", "mustBe", 9007199254740992, "failed"),
            ("sum(9007199254740993)", "mustBe", 9007199254740993, "passed"),
            ("'nan'::double", "mustBeGreaterThan", 1, "failed"),
            ("null::decimal(3,1)", "mustBeLessThan", 1, "failed"),
            ("'x'", "mustBe", "x", "passed"),
            ("date '2024-01-01'", "mustBe", "2024-01-01", "passed"),
            ("timestamp '2024-01-01 10:00:00'", "mustBe", "2024-01-01T12:00:00+02:00", "passed"),
            ("timestamp '2024-01-01 10:00:00'", "mustNotBe", "2024-01-01", "passed"),
        )
    },
    "a query of a decimal that only warns": Case(a(), "select 1 a", "warning", "was 0.1, expected < 0.1", table({"type": "sql", "query": "select 0.1", "mustBeLessThan": 0.1, "severity": "info"})),
    "a query with two rows": Case(a(), "select unnest([0, 9]) a", "unchecked", "more than one row", table({"type": "sql", "query": "select a from t order by a -- all", "mustBe": 0})),
    "a query with two columns": Case(a(), "select 1 a", "unchecked", "2 columns", table({"type": "sql", "query": "select 0, 99;", "mustBe": 0})),
    "a query of what is not there": Case(a(), "select 1 a", "failed", 'cannot be run: Binder Error: Referenced column "b" not found in FROM clause! Candidate bindings: "a"', table({"type": "sql", "query": "select count(b) from t", "mustBe": 0})),
    "a query of another dialect": Case(a(), "select 1 a", "failed", "nvl2", table({"type": "sql", "query": "select nvl2(a, 1, 2) from t", "mustBe": 1})),
    "a query that only warns": Case(a(), "select 1 a", "warning", "1", table({"type": "sql", "query": "select 1", "mustBe": 2, "severity": "warning"})),
    "a text": Case(a(quality=[{"type": "text", "description": "Nice."}]), "select 1 a", "unchecked", "prose"),
    "another engine": Case(a(quality=[{"type": "custom", "engine": "greatExpectations", "implementation": "x"}]), "select 1 a", "unchecked", "greatExpectations"),
    "another data set": Case(a(relationships=[{"to": "other.id"}]), "select 1 a", "unchecked", "other.id"),
    "its own data set": Case([*a(relationships=[{"to": "t.b"}]), *a("b")], "select 1 a, 2 b", "failed", "1"),
    "partitions": Case(a(partitioned=True), "select 1 a", "unchecked", "storage"),
    "freshness from the future": Case(a(logicalType="timestamp"), "select timestamp '2099-01-01' a", "failed", "future", {"contract": {"slaProperties": [{"property": "freshness", "element": "t.a", "value": 1, "unit": "d"}]}}),
    "availability": Case(a(), "select 1 a", "unchecked", "measures", {"contract": {"slaProperties": [{"property": "availability", "value": 99}]}}),
    "freshness of nothing": Case(a(), "select 1 a", "unchecked", "element", {"contract": {"slaProperties": [{"property": "freshness", "value": 1}]}}),
    "retention in no unit": Case(a(logicalType="timestamp"), "select timestamp '2024-01-01' a", "unchecked", "1 fortnight is not a duration", {"contract": {"slaProperties": [{"property": "retention", "element": "t.a", "value": 1, "unit": "fortnight"}]}}),
    "freshness in words": Case(a(logicalType="timestamp"), "select now()::timestamp a", "unchecked", "24h is not a duration", {"contract": {"slaProperties": [{"property": "freshness", "element": "t.a", "value": "24h"}]}}),
    "freshness of a text": Case(a(logicalType="string"), "select '2099-01-01' a", "failed", "VARCHAR", {"contract": {"slaProperties": [{"property": "freshness", "element": "t.a", "value": "P1D"}]}}),
    "retention of a text": Case(a(logicalType="string"), "select '01/02/2099' a", "failed", "VARCHAR", {"contract": {"slaProperties": [{"property": "retention", "element": "t.a", "value": 1, "unit": "y"}]}}),
    "retention in months": Case(a(logicalType="date"), "select current_date - 61 a", "failed", "Retention", {"contract": {"slaProperties": [{"property": "retention", "element": "t.a", "value": 2, "unit": "m"}]}}),
    # structure
    "a nested field that nobody promised": Case(of("object", TEXT), "select {'s': 'x', 'ssn': 1} a", "refused", "a.ssn"),
    "a map that nobody promised": Case(of("object", TEXT), "select {'s': 'x', 'm': map {'k': [1]}} a", "refused", "a.m"),
    "one in an array": Case(of("array", TEXT), "select [{'s': 'x', 'ssn': 1}] a", "refused", "a[].ssn"),
    "one in a map": Case(a(logicalType="map", map={"key": TEXT, "value": {"logicalType": "object", "properties": [TEXT]}}), "select map {'k': {'s': 'x', 'ssn': 1}} a", "refused", "a[value].ssn"),
    "one in an object in an object": Case(of("object", {"name": "o", "logicalType": "object", "properties": [TEXT]}), "select {'o': {'s': 'x', 'ssn': 1}} a", "refused", "a.o.ssn"),
    "an object without fields": Case(a(logicalType="object"), "select {'s': 'x'} a", "refused", "none of its fields"),
    "an array of anything": Case(a(logicalType="array"), "select [{'s': 'x'}] a", "refused", "a[]"),
    "an array of texts": Case(a(logicalType="array"), "select ['x'] a", "passed"),
    "all fields": Case(of("array", TEXT), "select [{'s': 'x'}] a", "passed"),
    "a field that is not there": Case(of("object", TEXT, {"name": "u", "logicalType": "string"}), "select {'s': 'x'} a", "failed", "a.u"),
}  # fmt: skip


FRESH = {"indicator": "freshness", "objective": "<= 24h", "column": "a"}
FULL = {"indicator": "completeness", "objective": ">= 50%", "column": "a"}
LEVELS = {
    # what is measured -> the column's values, the service level, whether it is kept, what is said
    "an hour ago": ("now()::timestamp - interval 1 hour", FRESH, True, ""),
    "a year that is to come": ("timestamp '2099-01-01'", FRESH, False, "in the future"),
    "a minute ahead": ("now() + interval 1 minute", FRESH, True, ""),
    "an hour ahead, with its zone": ("now() + interval 1 hour", FRESH, False, "1.0 h in the future"),
    "an hour ahead, in a zone that nobody says": ("now()::timestamp + interval 1 hour", FRESH, True, ""),
    "the day after tomorrow": ("current_date + 2", FRESH, False, "in the future"),
    "infinity": ("timestamp 'infinity'", FRESH, False, "infinity"),
    "a day as a text": ("'2099-01-01'", FRESH, False, "VARCHAR"),
    "a number": ("1", FRESH, False, "INTEGER"),
    "no value": ("null::timestamp", FRESH, False, "no row has a a"),
    "no rows": ("unnest([]::timestamp[])", FRESH, False, "no rows"),
    "a share of no rows": ("unnest([]::integer[])", FULL, False, "no rows"),
    "NaN": ("'nan'::double", FULL, False, ""),
    "one of two": ("unnest([1.5::double, 'nan'::double])", FULL, True, ""),
}
RETENTION = {
    # the values -> what is kept of them on the evening of 2024-03-31 in New York, where a day is kept
    "unnest([date '2024-03-30', date '2024-03-31'])": ["2024-03-31"],
    "unnest([timestamptz '2024-03-31 01:00:00+02', timestamptz '2024-03-30 19:00:00-05', null])": ["2024-03-31 00:00:00+00", None],
    "unnest([timestamp '2024-03-30 23:59:59', timestamp '2024-03-31 00:00:00'])": ["2024-03-31 00:00:00"],
    "'31/03/2024'": "VARCHAR",
    "20240331": "INTEGER",
}  # fmt: skip
MEASURED = {
    **{name: {"sql": f"select {values} a", "levels": [level]} for name, (values, level, *_) in LEVELS.items()},
    **{
        values: {"sql": f"select {values} a", "retention": {"column": "a", "keep": "1d"}, "now": "2024-03-31T22:00:00-04:00"}
        for values in RETENTION
    },
    "a column that is not there": {"sql": "select 1 a", "levels": [{**FRESH, "column": "b"}]},
    "a share of what is not there": {"sql": "select 1 a", "levels": [{**FULL, "column": "b"}]},
}  # fmt: skip


@pytest.fixture(scope="session")
def outcomes(
    product_python: Path, every_port: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What one process with a product's environment finds of all cases; for all workers of pytest, because it is slow."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "promise-outcomes.json"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            found = _outcomes(product_python, every_port, tmp_path_factory.mktemp("cases"))
            shared.write_text(json.dumps(found), "utf-8")
    outcomes: dict[str, Any] = json.loads(shared.read_text("utf-8"))
    return outcomes


def _outcomes(product_python: Path, product: Path, folder: Path) -> dict[str, Any]:
    script = SUPPORT / "promise_cases.py"
    asked = [{"columns": case.columns, "sql": case.sql, **case.more} for case in CASES.values()]
    asked += [{"columns": a(), **case} for case in MEASURED.values()]
    asked += [{"columns": columns, "sql": sql} for columns, sql, _ in EXAMPLES.values()]
    done = subprocess.run(
        [product_python, script, product, folder],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    names = [*CASES, *MEASURED, *(f"an example of {name}" for name in EXAMPLES)]
    return dict(zip(names, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_a_promise_is_kept_broken_or_unchecked(name: str, outcomes: dict[str, Any]) -> None:
    case, outcome = CASES[name], outcomes[name]
    if case.result == "refused":
        assert case.says in outcome["refused"] and outcome["code"] == 1 and outcome["fix"], outcome
        return
    others = [check for check in outcome["checks"] if check["result"] != "passed"]
    if case.result == "passed":
        assert not others, others
    else:
        found = [check for check in others if check["result"] == case.result]
        assert any(case.says in f"{check['field']} {check['name']} {check['reason']}" for check in found), (
            others
        )
        assert ("broken" in outcome) == any(check["result"] in ("failed", "error") for check in others)
    if case.stored:
        assert outcome["stored"][case.columns[0]["name"]] == case.stored


@pytest.mark.parametrize("name", LEVELS)
def test_an_indicator_that_cannot_be_true_is_not_kept(name: str, outcomes: dict[str, Any]) -> None:
    _, _, kept, says = LEVELS[name]
    (level,) = outcomes[name]["levels"]
    assert level["kept"] == kept and says in level["reason"], level
    assert level["value"] is None or level["value"] >= 0


@pytest.mark.parametrize("values", RETENTION)
def test_retention_looks_at_days_and_refuses_what_is_none(values: str, outcomes: dict[str, Any]) -> None:
    kept, outcome = RETENTION[values], outcomes[values]
    if isinstance(kept, str):
        assert outcome["code"] == 2 and kept in outcome["refused"] and "cast(a as date)" in outcome["fix"]
    else:
        assert outcome["kept"] == kept


SSN = {"name": "ssn", "logicalType": "string", "classification": "secret"}
EXAMPLES = {
    # what is promised, and the value that is not so -> the example; empty: it may not be shown
    "a pattern": (option("string", pattern="^x$"), "select unnest(['x', 'bad']) a", "'bad'"),
    "a key": (a(logicalType="integer", primaryKey=True), "select unnest([7, 7]) a", "'7'"),
    "a key of two columns": ([*a(primaryKey=True), *a("b", primaryKey=True)], "select 7 a, 8 b from range(2)", "'7, 8'"),
    "a bound": (option("number", exclusiveMaximum=3), "select 4 a", "'4'"),
    "a list of values": (metric("invalidValues", arguments={"validValues": ["x"]}, mustBe=0), "select 'bad' a", "'bad'"),
    "an item": (of("array", {**TEXT, "logicalTypeOptions": {"format": "uuid"}}), "select [{'s': 'bad'}] a", "'bad'"),
    "an item, for datacontract-cli": (of("array", {**TEXT, "enum": [{"value": "x"}]}), "select [{'s': 'x'}, {'s': 'bad'}] a", "'bad'"),
    "a secret item": (of("array", {**SSN, "logicalTypeOptions": {"format": "uuid"}}), "select [{'ssn': 'bad'}] a", ""),
    "a secret field": (of("object", {**SSN, "logicalTypeOptions": {"maxLength": 1}}), "select {'ssn': 'bad'} a", ""),
    "a secret column": (a(classification="secret", logicalTypeOptions={"pattern": "^x$"}), "select 'bad' a", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_shown_of_what_may_be_seen(name: str, outcomes: dict[str, Any]) -> None:
    shown = EXAMPLES[name][2]
    broken = outcomes[f"an example of {name}"]["broken"]
    assert f"such as {shown}" in broken if shown else "bad" not in broken


def test_a_service_level_of_a_column_that_is_not_there(outcomes: dict[str, Any]) -> None:
    for name in ("a column that is not there", "a share of what is not there"):
        assert outcomes[name]["code"] == 2 and "the column b" in outcomes[name]["refused"]
        assert "It has a." in outcomes[name]["refused"] and "spec.serviceLevels" in outcomes[name]["fix"]


def test_what_describes_an_object_can_be_pasted(outcomes: dict[str, Any]) -> None:
    assert (
        "  properties:\n    - name: s\n      logicalType: string"
        in outcomes["an object without fields"]["fix"]
    )
    of_map = outcomes["a map that nobody promised"]["fix"].partition("Below `properties` of a:\n")[2]
    entry = {
        "key": {"logicalType": "string"},
        "value": {"logicalType": "array", "items": {"logicalType": "integer"}},
    }
    assert yaml.safe_load(of_map) == [{"name": "m", "logicalType": "map", "map": entry}]


def test_a_type_that_nothing_stores_has_a_fix(outcomes: dict[str, Any]) -> None:
    assert "physicalType: varchar" in outcomes["an interval, which nothing stores"]["fix"]


def test_a_share_is_none_only_of_no_rows(product_python: Path, every_port: Path) -> None:
    script = """
import duckdb
from pipeline.conformance import _share
shares = [_share(f"count(*) filter (range {rows})") for rows in ("= 0", "> 0")]
duckdb.execute("set enable_progress_bar = false")
print(duckdb.execute(f"select {', '.join(shares)} from range(300_000_000)").fetchone())
"""
    shares = subprocess.run(
        [product_python, "-c", script], cwd=every_port, capture_output=True, text=True, check=True
    )
    assert shares.stdout == "(1e-06, 99.999999)\n"


def test_every_kind_has_somebody_or_is_told_why_not() -> None:
    for kind, (what, who, note) in promises.KINDS.items():
        assert what and (
            promises.DATACONTRACT_CLI in who or promises.OWN in who or (who == promises.NOBODY and note)
        ), kind
    page = (ROOT / "docs" / "reference" / "promises.md").read_text("utf-8")
    assert all(f"| {what} | {who} | {note} |" in page for what, who, note in promises.KINDS.values())


def test_every_case_is_of_a_kind() -> None:
    """The table has a case of every kind of promise, and each says of itself whether somebody checks it."""
    seen = set()
    for case in CASES.values():
        contract = {"schema": [{"name": "t", "properties": case.columns, **case.more.get("table", {})}]}
        found = list(promises.promises({**contract, **case.more.get("contract", {})}, "t"))
        seen |= {promise.kind for promise in found}
        assert all(promise.fix for promise in found if promise.unchecked), case
    assert seen == promises.KINDS.keys() - {"structure"}
