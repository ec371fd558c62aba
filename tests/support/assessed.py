"""A small product with real ports, for tests of fitness functions: good until a test changes it."""

from __future__ import annotations

import atexit
import copy
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import records

from meshwright.assess import Fitness, Verdict
from meshwright.assess.discovery import functions
from meshwright.assess.evidence import Evidence, gather
from meshwright.mesh.lineage import Lineage
from meshwright.product.record import Record

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
INGESTED = NOW - timedelta(hours=1)
MEASURED = INGESTED + timedelta(minutes=3)
ID = "guest-relations/guests"
ROWS = 40

COLUMNS: list[dict[str, Any]] = [
    {"name": "guest_number", "logicalType": "integer", "classification": "public", "required": True, "description": "Number under which a guest is known at the desk.", "examples": [17]},
    {"name": "guest_name", "logicalType": "string", "classification": "confidential", "description": "How the guest wants to be called."},
    {"name": "email", "logicalType": "string", "classification": "confidential", "description": "Where the guest gets the invoice. Empty for whoever pays at once."},
    {"name": "born", "logicalType": "date", "classification": "confidential", "description": "Birthday, as the passport has it."},
    {"name": "country", "logicalType": "string", "classification": "public", "description": "Where the guest lives, two letters (ISO 3166)."},
    {"name": "arrived", "logicalType": "timestamp", "classification": "internal", "description": "When the key was handed out, in UTC."},
    {"name": "nights", "logicalType": "integer", "classification": "internal", "description": "Nights that were booked."},
    {"name": "paid", "logicalType": "number", "classification": "internal", "description": "What was paid in all, in euros."},
    {"name": "regular", "logicalType": "boolean", "classification": "internal", "description": "Whether the guest has been here before."},
]  # fmt: skip
LEVELS = [
    {"name": "fresh", "indicator": "freshness", "objective": "<= 24h"},
    {"name": "country-known", "indicator": "completeness", "column": "country", "objective": ">= 99.5%"},
    {"name": "enough", "indicator": "volume", "objective": ">= 10 rows"},
]
PERSONAL = {"guest_name": "redacted", "email": "redacted", "born": "year"}
"""As the policy of a fresh product masks it for `reader`."""


def rows(**changed: Any) -> pa.Table:
    """The data set. `changed`: column -> its array; None leaves it out."""
    numbers = range(ROWS)
    table: dict[str, Any] = {
        "guest_number": pa.array(numbers, pa.int32()),
        "guest_name": [f"Guest {n}" for n in numbers],
        "email": [f"guest{n}@example.org" if n % 3 else None for n in numbers],
        "born": pa.array([datetime(1950 + n, 5, 17).date() for n in numbers]),
        "country": [("CH", "DE", "IT")[n % 3] for n in numbers],
        "arrived": pa.array([INGESTED - timedelta(hours=n) for n in numbers], pa.timestamp("us", "UTC")),
        "nights": pa.array([1 + n % 5 for n in numbers], pa.int64()),
        "paid": [100.5 * (1 + n % 5) for n in numbers],
        "regular": [n % 2 == 0 for n in numbers],
    }
    table |= changed
    return pa.table({name: column for name, column in table.items() if column is not None})


def masked(role: str, table: pa.Table) -> pa.Table:
    """What a role sees, made by hand: `reader` masked, `service` without."""
    if role == "service":
        return table.drop_columns(list(PERSONAL))
    some = {
        "guest_name": ["***"] * len(table),
        "email": [value and "***" for value in table["email"].to_pylist()],
        "born": pa.array([value.replace(month=1, day=1) for value in table["born"].to_pylist()]),
    }
    for name, column in some.items():
        table = table.set_column(table.schema.get_field_index(name), name, [column])
    return table


def metadata(**changed: str) -> dict[str, str]:
    return {"product": ID, "productVersion": "1.0.0", "ingestedAt": INGESTED.isoformat()} | changed


def write(path: Path, table: pa.Table, told: Mapping[str, str] | None = None) -> None:
    """A Parquet file, or (without an ending) a Delta table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = metadata() if told is None else told
    if path.suffix:
        pq.write_table(table.replace_schema_metadata(dict(told)), path)
    else:
        deltalake.write_deltalake(
            str(path), table, mode="overwrite", schema_mode="overwrite",
            commit_properties=deltalake.CommitProperties(custom_metadata=dict(told)),
        )  # fmt: skip


@dataclass
class Assessed:
    """The product. A test changes `value` or the files below `ports`, and asks."""

    ports: Path
    value: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    others: list[Record] = field(default_factory=list)
    catalog: Any = None
    static: bool = False
    now: datetime = NOW

    @property
    def lake(self) -> Path:
        return self.ports / "lake" / "guests.parquet"

    @property
    def tables(self) -> Path:
        return self.ports / "tables" / "guests"

    @property
    def record(self) -> Record:
        return Record(self.value)

    def location(self, port: str, location: str, uses: str | None = None) -> None:
        entry = self.value["addresses"][f"dp:{ID}#{port}"]
        entry["location"] = location
        if uses:
            entry["uses"] = uses
            self.output(port)["uses"] = uses

    def output(self, port: str) -> dict[str, Any]:
        return next(one for one in self.value["product"]["spec"]["outputs"] if one["name"] == port)

    def column(self, name: str) -> dict[str, Any]:
        return next(one for one in self.value["contract"]["schema"][0]["properties"] if one["name"] == name)

    def change(self, dotted: str, said: Any) -> None:
        records._set(self.value, dotted.split("."), said)

    def only(self, port: str) -> None:
        """Without its other ports."""
        spec = self.value["product"]["spec"]
        spec["outputs"] = [one for one in spec["outputs"] if one["name"] == port]
        for case in spec["useCases"]:
            case["outputs"] = [port]

    def evidence(self) -> Evidence:
        record = self.record
        return gather(
            record, Lineage([record, *self.others]), self.now, self.static, self.catalog, self.settings
        )

    def ask(self, name: str) -> list[Verdict]:
        return list(function(name).check(self.evidence()))


@cache
def function(name: str) -> Fitness:
    return next(one for one in functions() if one.id == name)


@cache
def _value() -> dict[str, Any]:
    made = records.value(ID)
    spec = made["product"]["spec"]
    made["product"]["metadata"]["title"] = "Hotel guests"
    spec["description"] = {
        "purpose": "Who stayed in our hotels, from where, and for how many nights.",
        "usage": "Join on guest_number. A guest who comes twice has two rows.",
        "limitations": "Since 2020 only. Guests of partner hotels are not in it.",
    }
    spec["classification"] = "confidential"
    spec["dataset"]["name"] = "guests"
    spec["serviceLevels"] = copy.deepcopy(LEVELS)
    spec["outputs"] = [
        {"name": "lake", "uses": "parquet@1", "properties": {"path": "${LAKE:-build/ports/lake}"}},
        {"name": "tables", "uses": "delta@1", "properties": {"path": "${TABLES:-build/ports/tables}"}},
    ]
    spec["useCases"] = [
        {"name": "Occupancy", "users": ["Front desk"], "action": "Plan the season", "outputs": ["lake"]}
    ]
    contract = made["contract"]
    contract["description"] = {
        "purpose": "Guests of our hotels.",
        "usage": "One row a stay.",
        "limitations": "None before 2020.",
    }
    contract["name"] = "Hotel guests"
    contract["schema"] = [
        {
            "name": "guests",
            "physicalType": "table",
            "description": "One row for each stay of a guest.",
            "quality": [
                {
                    "type": "library",
                    "metric": "rowCount",
                    "mustBeGreaterThan": 0,
                    "description": "There is data.",
                }
            ],
            "properties": copy.deepcopy(COLUMNS),
        }
    ]
    values = {"fresh": (0.05, "h"), "country-known": (100.0, "%"), "enough": (float(ROWS), "rows")}
    made["measurement"] = {
        "product": ID,
        "version": "1.0.0",
        "measuredAt": MEASURED.isoformat(),
        "serviceLevels": [
            {
                **{key: level[key] for key in ("name", "indicator", "objective")},
                "value": values[level["name"]][0],
                "unit": values[level["name"]][1],
                "kept": True,
            }
            for level in LEVELS
        ],
    }
    made["quality"] = {
        "startedAt": INGESTED.isoformat(),
        "outcome": "published",
        "contract": "1.0.0",
        "rows": ROWS,
        "checks": 30,
        "failed": [],
    }
    made["readers"] = [
        {
            "agreement": "occupancy",
            "role": "reader",
            "principals": ["group:front-desk"],
            "until": "2027-06-30T00:00:00Z",
        }
    ]
    made["agreement"] = (
        "# Data sharing agreement\n\nVersion 1.0.0\n\nGuests' data is used for planning, and never sold to anybody.\n"
    )
    return made


@cache
def _ports() -> Path:
    """Good ports, made once."""
    folder = Path(tempfile.mkdtemp(prefix="assessed-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for path in (folder / "lake/guests.parquet", folder / "tables/guests"):
        write(path, rows())
        for role in ("reader", "service"):
            write(path.parent / "roles" / role / path.name, masked(role, rows()))
    return folder


def good(folder: Path) -> Assessed:
    """A product that keeps every promise: two ports, and what both roles of the policy see of each."""
    value = copy.deepcopy(_value())
    made = Assessed(folder / "ports", value, {"paths": [str(folder)], "seconds": 10})
    shutil.copytree(_ports(), made.ports)
    made.ports.chmod(0o700)
    value["addresses"] = {
        f"dp:{ID}#{port}": {"uses": uses, "location": str(path), "version": "1.0.0"}
        for port, uses, path in (("lake", "parquet@1", made.lake), ("tables", "delta@1", made.tables))
    }
    return made


RULES: list[dict[str, Any]] = [
    {"type": "library", "metric": "rowCount", "mustBeGreaterOrEqualTo": 30},
    {"type": "library", "metric": "duplicateValues", "arguments": {"properties": ["guest_number", "arrived"]}, "mustBe": 0},
    {"type": "sql", "query": "select count(*) from guests where nights > 5 and not regular", "mustBe": 0},
    {"type": "library", "metric": "rowCount", "mustBeGreaterThan": 1_000_000, "severity": "warning"},
]  # fmt: skip
PROMISED: dict[str, dict[str, Any]] = {
    "guest_number": {"primaryKey": True, "primaryKeyPosition": 1, "logicalTypeOptions": {"minimum": 0}},
    "guest_name": {"required": True, "logicalTypeOptions": {"minLength": 2, "maxLength": 40}},
    "email": {
        "unique": True,
        "logicalTypeOptions": {"format": "email"},
        "quality": [
            {"type": "library", "metric": "nullValues", "mustBeLessThan": 50, "unit": "percent"},
            {"type": "library", "metric": "missingValues", "arguments": {"missingValues": ["n/a"]}, "mustBeLessThan": 20},
        ],
    },
    "born": {"required": True, "logicalTypeOptions": {"minimum": "1900-01-01", "maximum": "2020-12-31"}},
    "country": {
        "required": True,
        "physicalType": "varchar(2)",
        "logicalTypeOptions": {"pattern": "^[A-Z]{2}$"},
        "quality": [{"type": "library", "metric": "invalidValues", "arguments": {"validValues": ["CH", "DE", "IT", "FR"]}, "mustBe": 0}],
    },
    "nights": {"required": True, "logicalTypeOptions": {"minimum": 1, "maximum": 30}},
    "paid": {"required": True, "logicalTypeOptions": {"minimum": 0, "multipleOf": 0.5}},
}  # fmt: skip


def promising(folder: Path) -> Assessed:
    """A good product with every kind of promise on its columns."""
    product = good(folder)
    promise(product)
    return product


def promise(product: Assessed) -> None:
    """Every kind of promise on the columns and rows of the product."""
    for name, promised in PROMISED.items():
        product.column(name).update(copy.deepcopy(promised))
    product.value["contract"]["schema"][0]["quality"] = copy.deepcopy(RULES)
