"""Make the events of a run from what is known of it: the spec, the contract, dbt's manifest and build/run.json.

https://openlineage.io/docs/spec/ describes the format. An event has no value of the data, no login and no password. Of an
error, it has the first line of a message of the pipeline's own; of any other error, only its kind.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import yaml

from pipeline import spec
from pipeline.declared_columns import recorded
from pipeline.errors import UnreadableInput
from pipeline.lineage.dataset_names import DatasetName, input_name, output_name, port_symlink
from pipeline.lineage.facets import EVENT_SCHEMA, PRODUCER, facet
from pipeline.promises import name as promised_name
from pipeline.spec import Product

NAMESPACE = "meshwright"
SOURCE = "MESHWRIGHT"
ENGINES = {"duckdb": "duckdb", "spark": "pyspark"}
"""Platform -> the Python package that is its engine; of others, dbt's adapter is named."""
LONGEST = 500
"""Characters of an error's message."""
SECRETS = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL|KEY|PWD", re.IGNORECASE)
"""Names of variables whose values no message has."""
ASSERTIONS = (
    (r"no missing values|missing_count", "not_null"),
    (r"no duplicate|duplicate_count|is unique|uniqueness", "unique"),
    (r"row_count", "row_count"),
    (r" is present", "column_exists"),
    (r" has type | physical type", "column_type"),
    (r"regex pattern", "matches_pattern"),
    (r"minimum|maximum", "range"),
    (r"allowed values|enum", "accepted_values"),
    (r"freshness", "freshness"),
)
"""Words in the name of a check -> OpenLineage's classification; of others, `contract`."""


@dataclass(frozen=True)
class Run:
    """One run of a product, as its events have it."""

    product: Product
    environment: Mapping[str, str]
    id: str
    started: datetime

    def start(self) -> dict[str, Any]:
        """Return the event of the beginning."""
        return self._event("START", self.started, {}, inputs=self._inputs({}), outputs=self._outputs({}, {}))

    def end(self, report: Mapping[str, Any], error: BaseException | None) -> dict[str, Any]:
        """Return the event of the end. `report`: the content of build/run.json; `error`: what ended the run early."""
        kind = _kind(report)
        facets = {} if kind == "COMPLETE" else self._error(error)
        record = self._record() if report.get("outcome") == "published" else {}
        inputs = self._inputs(report, record)
        outputs = self._outputs(report, record)
        return self._event(kind, datetime.now(UTC), facets, inputs, outputs)

    def _event(
        self,
        kind: str,
        at: datetime,
        facets: dict[str, Any],
        inputs: list[dict[str, Any]],
        outputs: list[dict[str, Any]],
    ) -> dict[str, Any]:
        trait = self.product.trait("lineage") or {}
        namespace = self.environment.get("OPENLINEAGE_NAMESPACE") or trait.get("namespace") or NAMESPACE
        return {
            "eventTime": at.isoformat(timespec="milliseconds"),
            "eventType": kind,
            "producer": PRODUCER,
            "schemaURL": EVENT_SCHEMA,
            "run": {"runId": self.id, "facets": {**self._run_facets(), **facets}},
            "job": {
                "namespace": namespace,
                "name": f"{self.product.domain}.{self.product.name}",
                "facets": self._job_facets(),
            },
            "inputs": inputs,
            "outputs": outputs,
        }

    # -- run and job ------------------------------------------------------------------------------------

    def _run_facets(self) -> dict[str, Any]:
        facts = {
            "product": f"{self.product.domain}/{self.product.name}",
            "productVersion": self.product.version,
            "environment": self.product.target,
        }
        tags = [{"key": key, "value": value, "source": SOURCE} for key, value in facts.items() if value]
        return {**self._engine(), **parents(self.environment), **facet("tags", tags=tags)}

    def _engine(self) -> dict[str, Any]:
        platform = self.product.platform.uses.partition("@")[0]
        for name in filter(None, (ENGINES.get(platform), f"dbt-{platform}", "dbt-core")):
            try:
                return facet("processing_engine", name=name, version=version(name))
            except PackageNotFoundError:
                continue
        return {}

    def _job_facets(self) -> dict[str, Any]:
        purpose = _mapping(self._spec().get("description")).get("purpose")
        return {
            **facet("jobType", processingType="BATCH", integration=SOURCE, jobType="JOB"),
            **(facet("documentation", "job", description=str(purpose)) if purpose else {}),
            **self._ownership("job"),
            **self._source_code(),
        }

    def _spec(self) -> dict[str, Any]:
        return _mapping(_mapping(spec.read(self.product.root)).get("spec"))

    def _ownership(self, of: str) -> dict[str, Any]:
        """Return the owning team; the owner's e-mail address only where no team is named."""
        owner = _mapping(self._spec().get("owner"))
        team, email = owner.get("team"), owner.get("email")
        name = f"team:{team}" if team else f"user:{email}" if email else ""
        return facet("ownership", of, owners=[{"name": name, "type": "OWNER"}]) if name else {}

    def _source_code(self) -> dict[str, Any]:
        get = self.environment.get
        repository, commit, branch = "", get("GITHUB_SHA") or get("CI_COMMIT_SHA", ""), ""
        if get("GITHUB_SERVER_URL") and get("GITHUB_REPOSITORY"):
            repository, branch = (
                f"{get('GITHUB_SERVER_URL')}/{get('GITHUB_REPOSITORY')}",
                get("GITHUB_REF_NAME", ""),
            )
        elif get("CI_PROJECT_URL"):
            repository, branch = get("CI_PROJECT_URL", ""), get("CI_COMMIT_REF_NAME", "")
        elif (self.product.root / ".git").exists():
            repository, commit = (
                self._git("config", "--get", "remote.origin.url"),
                self._git("rev-parse", "HEAD"),
            )
        address = web_address(repository)
        if not address:
            return {}
        tree = "/-/tree/" if get("CI_PROJECT_URL") else "/tree/"
        facts = {"repoUrl": address, "path": spec.FILE, "version": commit, "branch": branch}
        url = f"{address}{tree}{commit}" if commit else address
        return facet(
            "sourceCodeLocation", type="git", url=url, **{key: one for key, one in facts.items() if one}
        )

    def _git(self, *words: str) -> str:
        command = ["git", "-C", str(self.product.root), *words]
        try:
            done = subprocess.run(  # noqa: S603, RUF100 - git
                command, capture_output=True, text=True, timeout=5, check=False
            )
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    def _error(self, error: BaseException | None) -> dict[str, Any]:
        known = str(error).splitlines() if isinstance(error, UnreadableInput) else []
        text = next(filter(None, known), "") or (type(error).__name__ if error else "The run has not ended.")
        message = without_secrets(text, self.environment)
        return facet("errorMessage", message=message[:LONGEST], programmingLanguage="PYTHON")

    # -- data sets --------------------------------------------------------------------------------------

    def _inputs(
        self, report: Mapping[str, Any], record: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        columns = _mapping((record or {}).get("inputs"))
        found = []
        for source, named in self._named_inputs(report):
            rows = _mapping(report.get("rowsIn")).get(source.name)
            facets: dict[str, Any] = {}
            if source.source.startswith("dp:"):
                facets |= facet("symlinks", identifiers=[port_symlink(source.source)])
            if types := _mapping(columns.get(source.name)):
                fields = [{"name": name, "type": str(kind)} for name, kind in types.items()]
                facets |= facet("schema", fields=fields)
            read = facet("inputStatistics", rowCount=rows) if isinstance(rows, int) else {}
            found.append({**named._asdict(), "facets": facets, "inputFacets": read})
        return found

    def _named_inputs(self, report: Mapping[str, Any]) -> list[tuple[spec.Capability, DatasetName]]:
        """Return the inputs whose data sets are known: of another product's port, once the run has found where it is."""
        locations = _mapping(report.get("inputLocations"))
        names = (
            (source, input_name(source, self.product, str(locations.get(source.name, ""))))
            for source in self.product.inputs
        )
        return [(source, name) for source, name in names if name]

    def _outputs(self, report: Mapping[str, Any], record: Mapping[str, Any]) -> list[dict[str, Any]]:
        contract = self._contract()
        facets = {**self._dataset_facets(contract, record), **_quality(report)}
        if record:
            facets |= self._column_lineage(report, record)
        rows = report.get("rowsOut") if report.get("outcome") == "published" else None
        written = facet("outputStatistics", rowCount=rows) if isinstance(rows, int) else {}
        published = _mapping(report.get("ports"))
        found = []
        for port in self.product.outputs:
            address = self.product.address(port.name)
            location = str(published.get(address) or port.module().location(port, self.product))
            named = output_name(port, self.product, location)
            symlinks = facet("symlinks", identifiers=[port_symlink(address)])
            found.append({**named._asdict(), "facets": {**facets, **symlinks}, "outputFacets": written})
        return found

    def _contract(self) -> dict[str, Any]:
        try:
            return _mapping(yaml.safe_load(self.product.contract.read_text("utf-8")))
        except (OSError, ValueError, yaml.YAMLError):
            return {}

    def _dataset_facets(self, contract: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
        types = _mapping(record.get("dataset"))
        tables = [table for table in contract.get("schema") or () if isinstance(table, dict)]
        fields = []
        for column in (
            one for table in tables for one in table.get("properties") or () if isinstance(one, dict)
        ):
            name = promised_name(column)
            kind, text = types.get(name) or column.get("logicalType"), column.get("description")
            fields.append(
                {
                    "name": name,
                    **({"type": str(kind)} if kind else {}),
                    **({"description": str(text)} if text else {}),
                }
            )
        text = next((table["description"] for table in tables if table.get("description")), "")
        return {
            **(facet("schema", fields=fields) if fields else {}),
            **(facet("documentation", "dataset", description=str(text)) if text else {}),
            **self._ownership("dataset"),
        }

    def _column_lineage(self, report: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
        from pipeline.lineage.columns import DIRECT, INDIRECT, Origin, traced

        manifest = json.loads((self.product.build / "dbt" / "manifest.json").read_text("utf-8"))
        columns = traced(manifest, self.product.dataset, _mapping(record.get("inputs")))
        names = {source.name: name for source, name in self._named_inputs(report)}

        def fields(origins: frozenset[Origin], kind: str) -> list[dict[str, Any]]:
            grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
            for one in sorted(origins):
                if one.input in names:
                    way = {"type": kind, "subtype": one.subtype, "masking": one.masking}
                    grouped.setdefault((one.input, one.column), []).append(way)
            return [
                {**names[input]._asdict(), "field": column, "transformations": ways}
                for (input, column), ways in grouped.items()
            ]

        made = {name: fields(origins, DIRECT) for name, origins in columns.fields.items()}
        made = {name: origins for name, origins in made.items() if origins}
        rows = fields(columns.rows, INDIRECT)
        if not made and not rows:
            return {}
        inputs = {name: {"inputFields": origins} for name, origins in made.items()}
        return facet("columnLineage", fields=inputs, **({"dataset": rows} if rows else {}))

    def _record(self) -> dict[str, Any]:
        """Return the columns of inputs and data set, as the run has recorded them."""
        try:
            return _mapping(json.loads(recorded(self.product).read_text("utf-8")))
        except (OSError, ValueError):
            return {}


def _kind(report: Mapping[str, Any]) -> str:
    """Return how a run ended. One that has published and missed a service level is complete."""
    if report.get("exitCode", 0) > 128:
        return "ABORT"
    return "COMPLETE" if report.get("exitCode") == 0 or "missed" in report else "FAIL"


def _quality(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was measured of the data set: its checks, without those that were not looked at, and its service levels."""
    checks = [
        one for key in ("checks", "doubts") for one in report.get(key) or () if one["result"] != "unchecked"
    ]
    assertions = [
        {
            "assertion": next(
                (kind for words, kind in ASSERTIONS if re.search(words, one["name"])), "contract"
            ),
            "name": one["name"],
            "success": one["result"] == "passed",
            "severity": "warn" if one["result"] == "warning" else "error",
            **({"column": one["field"]} if one.get("field") else {}),
        }
        for one in checks
    ]
    assertions += [
        {
            "assertion": level["indicator"],
            "name": level["name"],
            "success": bool(level["kept"]),
            "severity": "warn",
            "expected": str(level["objective"]),
            **({} if level["value"] is None else {"actual": f"{level['value']:g} {level['unit']}".strip()}),
        }
        for level in report.get("serviceLevels") or ()
    ]
    full = {
        one["column"]: {"nullCount": 0}
        for one in assertions
        if one["assertion"] == "not_null" and one["success"] and "column" in one
    }
    rows = report.get("rowsOut")
    metrics = facet("dataQualityMetrics", rowCount=rows, columnMetrics=full) if isinstance(rows, int) else {}
    return {**metrics, **(facet("dataQualityAssertions", assertions=assertions) if assertions else {})}


def parents(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the facet of the run that started this one, by OPENLINEAGE_PARENT_ID (`<namespace>/<job>/<run>`), or nothing.

    OPENLINEAGE_ROOT_PARENT_ID names the run at the top in the same way, such as that of a whole DAG.
    """
    parent = _parent(environment.get("OPENLINEAGE_PARENT_ID", ""))
    if parent is None:
        return {}
    root = _parent(environment.get("OPENLINEAGE_ROOT_PARENT_ID", "")) or parent
    return facet("parent", **parent, root=root)


def _parent(text: str) -> dict[str, Any] | None:
    rest, _, run = text.strip().rpartition("/")
    namespace, _, job = rest.rpartition("/")
    try:
        run = str(UUID(run))
    except ValueError:
        return None
    return (
        {"run": {"runId": run}, "job": {"namespace": namespace, "name": job}} if namespace and job else None
    )


def web_address(repository: str) -> str:
    """Return the address of a repository for a browser, without a login; empty if it has none."""
    repository = re.sub(r"^(?:ssh://)?git@([^/:]+)(?::\d+/|[:/])", r"https://\1/", repository)
    try:
        parts = urlsplit(repository)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/').removesuffix('.git')}"


def without_secrets(text: str, environment: Mapping[str, str]) -> str:
    """Return a message without logins, queries of addresses, e-mail addresses, and values of variables that are secrets."""
    for name, value in (*environment.items(), *os.environ.items()):
        if SECRETS.search(name) and len(value) > 3:
            text = text.replace(value, "…")
    text = re.sub(r"(\w+://)[^\s/]*(?:[^\s]*@)", r"\1…@", text)
    text = re.sub(r"(\w+://[^\s?#]*)[?#][^\s]*", r"\1", text)
    text = re.sub(r"(?i)((?:pass(?:word|wd)?|pwd|secret|token|api[_-]?key|access[_-]?key|authorization)\w*\s*[=:]\s*)(?:bearer\s+)?[^\s,;]+", r"\1…", text)  # fmt: skip
    return re.sub(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "…", text)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
