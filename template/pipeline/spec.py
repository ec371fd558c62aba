"""Read data-product.yaml, whenever the pipeline runs."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import yaml

from pipeline import grammar
from pipeline.dbt_folders import folders
from pipeline.errors import UnreadableInput

FILE = "data-product.yaml"
SCHEMA = ".meshwright/data-product.schema.json"

DRAFT = 'uvx --from "$(tail -n 1 .meshwright/requirements.txt)" meshwright draft --from NAME=FILE'
CHECK = "`uvx prek run --all-files meshwright-check`"


@dataclass(frozen=True)
class Capability:
    """A use of a capability: an input, the transform, an output port, the platform or a trait."""

    kind: str
    uses: str
    name: str = ""
    source: str = ""
    """Inputs only: the source of the data, `system:…` or `dp:…`."""
    properties: dict[str, Any] = field(default_factory=dict)
    root: Path = Path()
    """The repository that uses it."""

    @property
    def path(self) -> str:
        """The code of `uses: <name>@<major>`, which comes with the capability's blueprint."""
        return f"pipeline/{self.kind}/{self.uses.partition('@')[0].replace('-', '_')}.py"

    def module(self) -> ModuleType:
        return importlib.import_module(self.path.removesuffix(".py").replace("/", "."))


@dataclass(frozen=True)
class Product:
    """The spec, with every `${VARIABLE:-default}` replaced."""

    root: Path
    name: str
    domain: str
    version: str
    dataset: str
    contract: Path
    inputs: tuple[Capability, ...]
    transform: Capability
    outputs: tuple[Capability, ...]
    service_levels: tuple[Mapping[str, str], ...]
    open: bool = False
    """True if everybody may read it."""
    platform: Capability = Capability("platforms", "duckdb@1")
    """The engine that the models run on."""
    traits: tuple[Capability, ...] = ()
    physical_types: str = "warning"
    """Level of a broken physical type: `error` or `warning`."""
    classification: str = ""
    """The classification of the product as a whole, and of columns without one."""
    target: str = ""
    """The environment, one of spec.environments; empty: none."""

    @property
    def model_file(self) -> str:
        """The file of the data set's model, from the root; where it belongs if there is none."""
        places = folders(self.root) or [self.root / "models"]
        usual = places[0] / f"{self.dataset}.sql"
        found = (
            file for place in places for end in ("sql", "py") for file in place.rglob(f"{self.dataset}.{end}")
        )
        return next(found, usual).relative_to(self.root).as_posix()

    @property
    def build(self) -> Path:
        """The folder for all results of a run."""
        return self.root / "build"

    @property
    def scratch(self) -> Path:
        """The folder for temporary files of one run; the next run starts by removing it."""
        return self.build / "scratch"

    @property
    def state(self) -> Path | None:
        """The folder for data that the next run reuses; None if every run starts from nothing."""
        lasting = any(self.trait(name) is not None for name in ("incremental", "snapshot"))
        if lasting or any("cursor" in source.properties for source in self.inputs):
            return self.build / "state" / (self.target or "default")
        return None

    @property
    def has_targets(self) -> bool:
        """True if a service level has a target over time, so that runs are counted."""
        return any("target" in level for level in self.service_levels)

    @property
    def work(self) -> Path:
        """The folder for the platform's data between inputs and ports: kept as long as `state`, or for one run."""
        return self.state or self.scratch

    def trait(self, name: str) -> dict[str, Any] | None:
        """Return the properties of a trait, or None if the product does not have it."""
        return next((trait.properties for trait in self.traits if trait.uses.partition("@")[0] == name), None)

    def address(self, port: str) -> str:
        return f"dp:{self.domain}/{self.name}#{port}"

    def make_folder(self, path: Path) -> None:
        """Create a port's folder. Unless access is open, other accounts of the machine cannot read it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o777 if self.open else 0o700, exist_ok=True)


class _Loader(yaml.SafeLoader):
    """Keeps dates as texts, as in JSON, in the schema and in `meshwright check`."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(root: Path) -> Any:
    """Return the spec as it is in its file. Raises UnreadableInput."""
    try:
        return yaml.load((root / FILE).read_text("utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise UnreadableInput(
            f"{FILE} cannot be read: {error.strerror or error}", fix=f"Make {FILE} readable."
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnreadableInput(f"{FILE}{yaml_problem(error)}", fix=f"{CHECK} shows details.") from error


def yaml_problem(error: Exception) -> str:
    """Return what follows a file's name: the place of a mistake in YAML and what it is, `:59:3: …`, or any other error."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return f": {error}"
    return f":{mark.line + 1}:{mark.column + 1}: this is not valid YAML: {getattr(error, 'problem', '')}"


def _read_schema(root: Path) -> Any:
    try:
        return json.loads((root / SCHEMA).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableInput(
            f"{SCHEMA} cannot be read: {error}",
            fix=f"Restore it: `git checkout {SCHEMA}`.",
        ) from error


def load(root: Path, environment: Mapping[str, str], target: str = "") -> Product:
    """Read data-product.yaml below `root`, with the changes of the environment `target`.

    Variables come from `environment`. Raises UnreadableInput.
    """
    path, spec, schema = root / FILE, read(root), _read_schema(root)
    try:
        _validate(schema, spec)
        if target:
            spec = grammar.bind(spec, target)
            _validate(schema, spec)
    except grammar.Unknown as error:
        known = f"It has {', '.join(error.known)}." if error.known else "It has none."
        raise UnreadableInput(f"{path.name}: {error}. {known}", fix=error.fix) from error
    except jsonschema.ValidationError as error:
        where = f"{path.name}, as {target}" if target else path.name
        raise UnreadableInput(
            f"{where}: {error.json_path.replace('$.', '')}: {_without_secrets(error)}",
            fix=f"{CHECK} shows details.",
        ) from error

    def capability(kind: str, entry: Mapping[str, Any]) -> Capability:
        return Capability(
            kind=kind,
            uses=entry["uses"],
            name=entry.get("name", ""),
            source=entry.get("from", ""),
            properties=_replace_variables(entry.get("properties", {}), environment),
            root=root,
        )

    body = spec["spec"]
    product = Product(
        root=root,
        name=spec["metadata"]["name"],
        domain=spec["metadata"]["domain"],
        version=spec["metadata"]["version"],
        dataset=body["dataset"]["name"],
        contract=root / body["dataset"]["contract"],
        physical_types=body["dataset"].get("physicalTypes", "warning"),
        classification=str(body.get("classification") or ""),
        inputs=tuple(capability("inputs", entry) for entry in body["inputs"]),
        transform=capability("transforms", body["transform"]),
        outputs=tuple(capability("outputs", entry) for entry in body["outputs"]),
        service_levels=tuple(body["serviceLevels"]),
        open=body["access"]["mode"] == "open",
        platform=capability("platforms", body.get("platform", {"uses": "duckdb@1"})),
        # Only the traits with code in the pipeline matter here; others are read elsewhere.
        traits=tuple(capability("traits", entry) for entry in body.get("traits", [])),
        target=target,
    )
    if not product.inputs:
        raise UnreadableInput(
            "data-product.yaml: spec.inputs is empty: the product has no data yet.",
            fix=f"{DRAFT} writes inputs, model, contract and sample from your data.",
        )
    for kind, ports in (("inputs", product.inputs), ("outputs", product.outputs)):
        names = [port.name for port in ports]
        if twice := {name for name in names if names.count(name) > 1}:
            raise UnreadableInput(
                f"data-product.yaml: spec.{kind} has {', '.join(sorted(twice))} twice.",
                fix="Give each of them a name of its own.",
            )
    for used in (product.platform, *product.inputs, product.transform, *product.outputs):
        if not (root / used.path).is_file():
            raise UnreadableInput(
                f"data-product.yaml: {used.uses} needs {used.path}, which is not in this repository.",
                fix=f"{CHECK} prints the command that adds it.",
            )
    return product


def files_outside(root: Path, environment: Mapping[str, str], target: str) -> list[Path]:
    """Return the local files that inputs name outside of the repository; none if the spec cannot be read."""
    try:
        spec = read(root)
        inputs = (grammar.bind(spec, target) if target else spec)["spec"]["inputs"]
        texts = [
            str(_replace_variables(entry["properties"]["path"], environment))
            for entry in inputs
            if "path" in entry.get("properties", {})
        ]
    except (UnreadableInput, grammar.Unknown, LookupError, TypeError, AttributeError):
        return []
    return [file for file in local_files(root, texts) if not file.is_relative_to(root)]


def local_files(root: Path, paths: Iterable[str]) -> Iterator[Path]:
    """Yield the files that paths, which may be patterns and addresses, name on this machine."""
    for text in paths:
        if "://" not in text:
            yield from map(Path, glob(os.path.normpath(root / text), recursive=True))


_valid: set[bytes] = set()
"""Hashes of schemas with a spec that is valid: a process that runs again reads the same spec again."""


def _validate(schema: Any, spec: Any) -> None:
    """Raise the error that explains best what is wrong with the spec. The schema itself is checked where it is made."""
    known = hashlib.sha256(repr([schema, spec]).encode("utf-8", "surrogatepass")).digest()
    if known in _valid:
        return
    validator = jsonschema.validators.validator_for(schema)(schema)
    if error := jsonschema.exceptions.best_match(validator.iter_errors(spec)):
        raise error
    _valid.add(known)


def _without_secrets(error: jsonschema.ValidationError) -> str:
    """Return what is wrong, without the value if it may be a secret."""
    secret = isinstance(error.schema, dict) and error.schema.get("writeOnly")
    if secret or ("properties" in error.absolute_path and error.validator in ("anyOf", "oneOf")):
        return "it does not fit the schema"
    return error.message


def _replace_variables(value: Any, environment: Mapping[str, str]) -> Any:
    """Replace `${VARIABLE}` and `${VARIABLE:-default}` (Bitol RFC-0050) in every text of `value`."""
    if isinstance(value, dict):
        return {key: _replace_variables(item, environment) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace_variables(item, environment) for item in value]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        found = environment.get(match["name"]) or match["default"]
        if found is None:
            raise UnreadableInput(
                f"data-product.yaml: {match[0]} has no default, and {match['name']} is not set.",
                fix=f"export {match['name']}=…",
            )
        try:
            found.encode("utf-8")
        except UnicodeEncodeError as error:
            raise UnreadableInput(
                f"data-product.yaml: the variable {match['name']} is not UTF-8.",
                fix=f"Set {match['name']} to a text in UTF-8.",
            ) from error
        return found

    return grammar.VARIABLE.sub(variable, value)
