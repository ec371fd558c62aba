"""Runs in a product's environment and folder: what `pipeline.lineage` makes of the cases of standard input, as JSON."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, os.getcwd())

from openlineage.client.serde import Serde

from pipeline import errors, spec
from pipeline.lineage import columns, dataset_names, events, sending

INPUTS = "inputs"


def name(case: dict[str, Any]) -> list[str]:
    return list(dataset_names.place_name(*case["place"]))


def read(case: dict[str, Any]) -> list[str] | None:
    """The name of what an input reads."""
    product = spec.load(Path.cwd(), {})
    source = spec.Capability("inputs", "x@1", "x", case["from"], case.get("properties", {}))
    named = dataset_names.input_name(source, product, case.get("location", ""))
    return list(named) if named else None


def text(case: dict[str, Any]) -> str:
    return events.without_secrets(case["text"], case.get("environment", {}))


def event(case: dict[str, Any]) -> Any:
    """The event of an end, as the client would send it. `spec`: changes of inputs' properties."""
    product = spec.load(Path.cwd(), {})
    kind, *words = case.get("error") or [""]
    error = {"": None, "broken": errors.PromiseBroken, "other": RuntimeError}[kind]
    raised = None if error is None else error(*words, **({"fix": "x"} if kind == "broken" else {}))
    run = events.Run(product, case.get("environment", {}), case["run"], datetime.now(UTC))
    made = run.end(case["report"], raised) if "report" in case else run.start()
    return json.loads(Serde.to_json(sending._event(made)))


def sql(case: dict[str, Any]) -> Any:
    """What the last of some models is made of: column -> inputs, columns and subtypes."""
    adapter = case.get("dialect", "duckdb")
    sources = {
        f"source.p.inputs.{one}": {"name": one, "identifier": one, "relation_name": f"w.inputs.{one}"}
        for one in case["inputs"]
    }
    nodes: dict[str, Any] = {}
    for model, query in case["models"].items():
        nodes[f"model.p.{model}"] = {
            "name": model,
            "relation_name": f"w.main.{model}",
            "compiled_code": query,
            "language": "python" if query.startswith("def ") else "sql",
            "depends_on": {"nodes": [*sources, *list(nodes)]},
        }
    manifest = {"metadata": {"adapter_type": adapter}, "sources": sources, "nodes": nodes}
    made = columns.traced(manifest, list(case["models"])[-1], case["inputs"])
    fields = {
        column: sorted(
            f"{one.input}.{one.column} {one.subtype}{' masked' if one.masking else ''}" for one in origins
        )
        for column, origins in made.fields.items()
    }
    return {
        "fields": fields,
        "rows": sorted({f"{one.input}.{one.column} {one.subtype}" for one in made.rows}),
    }


KINDS = {"names": name, "inputs": read, "texts": text, "events": event, "queries": sql}

if __name__ == "__main__":
    cases = json.load(sys.stdin)
    print(json.dumps({kind: [KINDS[kind](case) for case in some] for kind, some in cases.items()}))
