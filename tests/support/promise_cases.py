"""Verifies small data sets in this process, which has a product's environment: reads cases as JSON, and writes what came of them.

Started by a product's Python with the folder that holds `pipeline` and a scratch folder.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, sys.argv[1])

import duckdb
from open_data_contract_standard.model import OpenDataContractStandard

from pipeline import incremental, service_levels, verify
from pipeline.dataset import Changes, Dataset, count
from pipeline.declared_columns import recorded
from pipeline.errors import UnreadableInput
from pipeline.spec import Capability, Product


def product(root: Path, case: dict[str, Any]) -> Product:
    return Product(
        *(root, "product", "domain", "1.0.0", "t", root / "contract.odcs.yaml", ()),
        transform=Capability("transforms", "dbt@1"),
        outputs=(Capability("outputs", f"{case.get('port', 'parquet')}@1", "lake"),),
        service_levels=tuple({"name": "level", **level} for level in case.get("levels", [])),
        traits=(Capability("traits", "retention@1", properties=case.get("retention", {})),),
        physical_types=case.get("physicalTypes", "error"),
    )


def staged(root: Path, case: dict[str, Any]) -> Dataset:
    parts = []
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for number, query in enumerate([case["sql"]] if isinstance(case["sql"], str) else case["sql"]):
            part = root / "build" / "scratch" / f"{number}.parquet"
            connection.execute(f"copy ({query}) to '{part}' (format parquet, kv_metadata {{product: 'a/b'}})")
            parts.append(part)
    if len(parts) == 1:
        return Dataset(tuple(parts), count(parts), {}, changed=tuple(parts))
    # The first part was published before; the others have changed.
    column, *values = case["changed"]
    return Dataset(
        tuple(parts), count(parts), {}, Changes(column, frozenset(values), "x"), column, tuple(parts[1:])
    )


def outcome(root: Path, case: dict[str, Any]) -> dict[str, Any]:
    (root / "build" / "scratch").mkdir(parents=True)
    document = {
        **{"apiVersion": "v3.2.0", "kind": "DataContract", "id": "x", "version": "1.0.0", "status": "active"},
        "schema": [{"name": "t", "properties": case["columns"], **case.get("table", {})}],
        **case.get("contract", {}),
    }
    contract = OpenDataContractStandard.model_validate(document).model_dump(by_alias=True, exclude_none=True)
    made = product(root, case)
    if "before" in case:  # the types of the data set that was published last
        recorded(made).parent.mkdir(parents=True)
        recorded(made).write_text(json.dumps({"version": 2, "inputs": {}, "dataset": case["before"]}))
    try:
        dataset = verify.written(made, contract, staged(root, case))
        checks = verify.verify(made, contract, dataset)
    except UnreadableInput as problem:
        return {"refused": str(problem), "fix": problem.fix, "code": problem.exit_code}
    told = {"checks": [vars(check) for check in checks], "stored": {}}
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        relation = connection.sql(f"from {dataset.scan}")
        told["stored"] = dict(zip(relation.columns, map(str, relation.types), strict=True))
        told["rows"] = [list(map(str, row)) for row in relation.fetchall()]
    now = datetime.now(UTC)
    dataset.metadata["ingestedAt"] = now.isoformat()
    try:
        told["levels"] = [vars(level) for level in service_levels.measure(made, dataset, now)]
    except UnreadableInput as problem:
        return {"refused": str(problem), "fix": problem.fix, "code": problem.exit_code}
    if "retention" in case:
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            try:
                kept = incremental.kept(made, datetime.fromisoformat(case["now"]), told["stored"])
                rows = connection.execute(f"select a::varchar from {dataset.scan} where {kept} order by all")
                told["kept"] = [row for (row,) in rows.fetchall()]
            except UnreadableInput as problem:
                return {"refused": str(problem), "fix": problem.fix, "code": problem.exit_code}
    try:
        verify.refuse_broken(made, checks)
    except UnreadableInput as problem:
        told |= {"broken": str(problem), "fix": problem.fix}
    return told


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    json.dump(
        [outcome(Path(sys.argv[2]) / str(number), case) for number, case in enumerate(cases)], sys.stdout
    )
