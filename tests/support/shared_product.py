"""A source product whose agreements people sign, and the input of a product that reads it under one."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import yaml
from click.testing import CliRunner
from signed import People, Repository

from meshwright.cli import main

SOURCE, CONSUMER = "airport-operations/departures", "customer-experience/punctuality"
AGREEMENT = "punctuality-reads-departures"
DIRECTORY = {
    "apiVersion": "meshwright/v1",
    "kind": "Directory",
    "principals": {
        "svc-punctuality": {"kind": "machine", "name": "The data product punctuality"},
        "bo@example.org": {"kind": "human", "name": "Bo Example"},
    },
    "groups": {"analysts": {"members": ["bo@example.org"]}, "services": {"members": ["svc-punctuality"]}},
}
KINDS = {"timestamp": "timestamp", "integer": "integer", "boolean": "boolean"}


def day(days: float) -> str:
    """The day in so many days."""
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


class SharedProduct:
    """The repository of a product that was made with the answers of a test; `access apply` writes its registry."""

    def __init__(self, product: Path, people: People) -> None:
        self.root = product
        self.repository = Repository(product, people)
        if (product / ".git").exists():
            return
        self.repository.git("init", "--quiet", "--initial-branch", "main", "--template=")
        (product / "access/directory.yaml").write_text(yaml.safe_dump(DIRECTORY))
        self.repository.commit(
            "As it was made", {"access/approvers.yaml": people.approvers("ada", "sam")}, by="ada"
        )

    def access(self, *arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(
            main,
            ["access", *arguments, "--product", str(self.root)],
            env={"MESHWRIGHT_DIRECTORY": "", "PIPELINE_VARIABLES": ""},
        )
        assert done.exit_code == code, done.output + repr(done.exception)
        return done.stdout or done.stderr

    def agree(self, name: str = AGREEMENT, **changed: str) -> None:
        """Asks for an agreement, and has it approved with a signature."""
        options = {
            "role": "service",
            "principal": "id:svc-punctuality",
            "for": "Punctuality of airlines by day",
            "until": day(90),
            "team": "customer-experience",
            "requester": "bo@example.org",
            "consumer": CONSUMER,
        } | changed
        self.access(
            "request", name, *(part for key, value in options.items() for part in (f"--{key}", value))
        )
        self.repository.commit(f"Ask for {name}", {}, by="bo")
        self.access("approve", name)
        self.repository.commit(f"Approve {name}", {}, signed="ada")

    def hide(self, column: str) -> None:
        """Makes a column confidential; the role `service` then gets a mask of it."""
        changed = {
            "contract.odcs.yaml": (
                f"name: {column}\n        logicalType: string\n        classification: internal",
                f"name: {column}\n        logicalType: string\n        classification: confidential",
            ),
            "data-product.yaml": ("classification: internal", "classification: confidential"),
            "access/policy.yaml": ("above: deny", "above: mask"),
        }
        for path, (old, new) in changed.items():
            text = (self.root / path).read_text()
            assert old in text, path
            (self.root / path).write_text(text.replace(old, new, 1))
        self.repository.commit("More sensitive", {"access/tests.yaml": None}, signed="ada")

    def revoke(self, name: str = AGREEMENT) -> None:
        self.repository.commit(f"Revoke {name}", {f"access/agreements/{name}.yaml": None}, by="ada")

    def apply(self, code: int = 0) -> Mapping[str, Any]:
        """Applies access; returns the registry."""
        first = [] if list(self.root.glob("build/ports/*/roles/audit.jsonl")) else ["--first"]
        self.access("apply", "--directory", str(self.root / "access/directory.yaml"), *first, code=code)
        return self.registry

    @property
    def registry(self) -> Mapping[str, Any]:
        return dict(yaml.safe_load((self.root / "build/addresses.yaml").read_text()))

    @property
    def columns(self) -> list[tuple[str, str]]:
        contract = yaml.safe_load((self.root / "contract.odcs.yaml").read_text())
        return [
            (entry["name"], KINDS.get(entry["logicalType"], "varchar"))
            for entry in contract["schema"][0]["properties"]
        ]

    def publish(self) -> None:
        """What a run of the pipeline leaves on its file ports, one row."""
        values = ", ".join(
            f"'SENTINEL-{name}' as \"{name}\"" if kind == "varchar" else f'null::{kind} as "{name}"'
            for name, kind in self.columns
        )
        rows = duckdb.sql(f"select {values}")
        (self.root / "build/ports/lake").mkdir(parents=True, exist_ok=True)
        rows.write_parquet(str(self.root / "build/ports/lake/departures.parquet"))
        tables = self.root / "build/ports/tables/departures"
        if "delta@1" in (self.root / "data-product.yaml").read_text():
            importlib.import_module("deltalake").write_deltalake(
                str(tables), rows.to_arrow_table(), mode="overwrite"
            )


@dataclass
class Reader:
    """The consumer's side: what `data-product@1` does with a registry. `pipeline` has to be importable (see `every_port`)."""

    root: Path
    addresses: str
    product: str = CONSUMER
    source: str = f"dp:{SOURCE}#lake"

    def _of(self, properties: Mapping[str, str]) -> tuple[Any, Any]:
        spec = importlib.import_module("pipeline.spec")
        domain, _, name = self.product.partition("/")
        given = {"addresses": self.addresses, **properties}
        source = spec.Capability("inputs", "data-product@1", "departures", self.source, given, self.root)
        product = spec.Product(
            self.root, name, domain, "1.0.0", "data", self.root / "c.yaml", (source,),
            spec.Capability("transforms", "dbt@1"), (), (),
        )  # fmt: skip
        return source, product

    def files(self, **properties: str) -> Any:
        """What the input lands."""
        source, product = self._of(properties)
        importlib.import_module("shutil").rmtree(product.scratch, ignore_errors=True)
        return importlib.import_module("pipeline.inputs.data_product").files(source, product)

    def refused(self, **properties: str) -> tuple[str, str]:
        """What the error says when it cannot be read, and the fix."""
        errors = importlib.import_module("pipeline.errors")
        try:
            self.files(**properties)
        except errors.UnreadableInput as problem:
            assert problem.exit_code == 2
            return str(problem), problem.fix
        raise AssertionError("it was read")
