"""Write metrics as a message of OTLP, OpenTelemetry's protocol: as JSON, or as the same message in protobuf.

https://opentelemetry.io/docs/specs/otlp/ - the SDK and its exporter would be ten packages for one request a run.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.metric_names import METRICS, printable

if TYPE_CHECKING:
    from pipeline.metrics import Sample

SCOPE = "meshwright.pipeline"
UNITS = {"seconds": "s", "ratio": "1"}
"""End of a metric's name -> its unit, as UCUM has it. Prometheus adds no second unit to a name that has one."""

FIELDS: dict[str, dict[str, tuple[int, str]]] = {
    "Request": {"resourceMetrics": (1, "ResourceMetrics")},
    "ResourceMetrics": {"resource": (1, "Resource"), "scopeMetrics": (2, "ScopeMetrics")},
    "Resource": {"attributes": (1, "KeyValue")},
    "ScopeMetrics": {"scope": (1, "Scope"), "metrics": (2, "Metric")},
    "Scope": {"name": (1, "string")},
    "Metric": {
        "name": (1, "string"),
        "description": (2, "string"),
        "unit": (3, "string"),
        "gauge": (5, "Gauge"),
    },
    "Gauge": {"dataPoints": (1, "NumberDataPoint")},
    "NumberDataPoint": {
        "timeUnixNano": (3, "fixed64"),
        "asDouble": (4, "double"),
        "attributes": (7, "KeyValue"),
    },
    "KeyValue": {"key": (1, "string"), "value": (2, "AnyValue")},
    "AnyValue": {"stringValue": (1, "string")},
}
"""Message -> its fields by their name in JSON -> number and type, from the protocol's definitions:
https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/metrics/v1/metrics.proto"""


def message(
    base: Mapping[str, str],
    samples: list[Sample],
    version: str,
    attributes: Mapping[str, str],
    time: int,
) -> dict[str, Any]:
    """Return an ExportMetricsServiceRequest. `attributes`: more of the resource; `time`: nanoseconds since 1970."""
    about = {
        "service.namespace": base["domain"],
        "service.name": base.get("product", ""),
        "service.version": version,
        "deployment.environment.name": base.get("environment", ""),
        **attributes,
    }
    points: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for name, labels, value in samples:
        key = tuple((label, printable(text)) for label, text in {**base, **labels}.items())
        points.setdefault(name, {})[key] = float(value)
    metrics = [
        {
            "name": name,
            "description": METRICS[name].help,
            "unit": UNITS.get(name.rpartition("_")[2], ""),
            "gauge": {
                "dataPoints": [
                    {"timeUnixNano": str(time), "asDouble": value, "attributes": _attributes(dict(labels))}
                    for labels, value in values.items()
                ]
            },
        }
        for name, values in points.items()
    ]
    known = {name: printable(value) for name, value in about.items() if value}
    return {
        "resourceMetrics": [
            {
                "resource": {"attributes": _attributes(known)},
                "scopeMetrics": [{"scope": {"name": SCOPE}, "metrics": metrics}],
            }
        ]
    }


def _attributes(values: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in values.items()]


def as_json(message: Mapping[str, Any]) -> bytes:
    """Return a message in OTLP's form of JSON."""
    return json.dumps(message, separators=(",", ":")).encode()


def as_protobuf(message: Mapping[str, Any], kind: str = "Request") -> bytes:
    """Return a message in protobuf. https://protobuf.dev/programming-guides/encoding/"""
    written = b""
    for name, value in message.items():
        number, type_ = FIELDS[kind][name]
        for one in value if isinstance(value, list) else [value]:
            if type_ == "fixed64":
                written += _varint(number << 3 | 1) + struct.pack("<Q", int(one))
            elif type_ == "double":
                written += _varint(number << 3 | 1) + struct.pack("<d", one)
            else:
                content = one.encode() if type_ == "string" else as_protobuf(one, type_)
                written += _varint(number << 3 | 2) + _varint(len(content)) + content
    return written


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def refused(answer: bytes) -> str:
    """Return what a receiver says that it did not take; empty if it took everything.

    The answer is an ExportMetricsServiceResponse, in JSON or in protobuf.
    """
    try:
        if answer.lstrip().startswith(b"{"):
            partial = json.loads(answer).get("partialSuccess") or {}
            count, why = int(partial.get("rejectedDataPoints") or 0), str(partial.get("errorMessage") or "")
        else:
            partial = dict(_fields(dict(_fields(answer)).get(1, b"")))
            count, why = partial.get(1, 0), partial.get(2, b"").decode("utf-8", "replace")
    except (ValueError, TypeError, AttributeError, IndexError):
        return ""  # not OTLP; the code of HTTP says that it was taken
    return f"{count} data points ({printable(why)})" if count else ""


def _fields(content: bytes) -> Iterator[tuple[int, Any]]:
    """Yield number and value of the fields of a message in protobuf. Raises IndexError or ValueError if it is none."""
    at = 0

    def varint() -> int:
        nonlocal at
        number = shift = 0
        while True:
            byte = content[at]
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    while at < len(content):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        elif tag & 7 == 2:
            size = varint()
            yield tag >> 3, content[at : at + size]
            at += size
        elif tag & 7 in (1, 5):
            at += 8 if tag & 7 == 1 else 4
        else:
            raise ValueError(tag)
