"""`dbt@1`: `dbt build` in this process, on the product's platform."""
# ruff: noqa: E402 (how dbt's classes are made is set before dbt is imported)

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mashumaro.config import BaseConfig

BaseConfig.lazy_compilation = True  # dbt has hundreds of classes, and a run uses a few

from dbt.adapters.factory import reset_adapters
from dbt.artifacts.schemas.results import NodeStatus
from dbt.cli.main import dbtRunner

from pipeline import dbt_folders, dbt_messages, dbt_packages
from pipeline.column_types import Certainty
from pipeline.errors import MAKE_ROOM, PromiseBroken, UnreadableInput, is_full
from pipeline.ingest import Landed
from pipeline.platforms import INPUTS, Platform
from pipeline.snapshot_checks import history, refuse_doubled, refuse_joined, refuse_other_types
from pipeline.spec import Product
from pipeline.transforms import Transformed

BUILT = {NodeStatus.Success, NodeStatus.Pass, NodeStatus.Warn, NodeStatus.NoOp, NodeStatus.Reused}
"""Good results. Exposures, metrics and saved queries are no-ops: dbt lists them and builds nothing."""
FAILED = {NodeStatus.Error, NodeStatus.Fail, NodeStatus.RuntimeErr, NodeStatus.PartialSuccess}
TEXT = {"bigquery@1": "string", "databricks@1": "string", "spark@1": "string", "trino@1": "varchar"}
"""Platform -> its type for text of any length; on others, `text`."""


def transform(
    product: Product, platform: Platform, landed: Mapping[str, Landed], *, anew: bool
) -> Transformed:
    """Build and test the models; return the results. `anew`: rebuild incremental models, too.

    Raises PromiseBroken if a model or a test fails, UnreadableInput for a project that dbt cannot read.
    """
    _write_snapshots(product, platform, landed)
    profiles = product.build / "dbt"
    profiles.mkdir(parents=True, exist_ok=True)
    connection = platform.profile()
    profile = {"product": {"target": "run", "outputs": {"run": connection}}}
    # JSON is YAML. To call dbt by hand, use `--profiles-dir build/dbt`.
    (profiles / "profiles.yml").write_text(json.dumps(profile, indent=2) + "\n", "utf-8")
    options = {
        "--project-dir": product.root,
        "--profiles-dir": profiles,
        # dbt_project.yml may name the team's own, for dbt by hand.
        "--profile": "product",
        "--log-path": product.build / "logs",
        "--vars": json.dumps(product.transform.properties.get("vars", {})),
        # Quiet, because the run prints its own progress; dbt's output is in build/logs/dbt.log.
        "--log-level": "none",
        "--log-level-file": "info",
    }
    words = [str(word) for option in options.items() for word in option] + ["--no-use-colors"]
    target = ["--target-path", str(profiles)]
    names = dbt_messages.Names(product, frozenset(landed))
    try:
        _install_packages(product, words, names)
        manifest, noticed = _parse([*words, *target], product, names)
        names.files.update((node.name, node.original_file_path) for node in manifest.nodes.values())
        _read_inputs(product, manifest, landed)
        _choose_materialization(product, platform, manifest, connection.get("schema", "main"))
        _keep_digits_of_seeds(product, manifest)
        again = ["--full-refresh"] if anew else []
        invocation = _invoke(["build", *words, *target, *again], manifest)
    finally:
        # dbt caches its connections and its adapter, but the next run in this process needs its own.
        platform.release()
        reset_adapters()
    results = list(getattr(invocation.result, "results", []))
    failed = [result for result in results if result.status in FAILED]
    if any(result.status == NodeStatus.Error and is_full(str(result.message)) for result in failed):
        raise UnreadableInput("\n".join(dbt_messages.failures(names, failed, results)), fix=MAKE_ROOM)
    if failed:
        raise PromiseBroken(
            "\n".join(dbt_messages.failures(names, failed, results)),
            fix="Correct the model or its test; build/logs/dbt.log has dbt's complete output.",
        )
    if not invocation.success:
        # Skipped, although no failure explains it.
        left = [result for result in results if result.status not in BUILT]
        raise dbt_messages.unreadable(invocation.exception, names, left)
    counts = Counter(str(result.node.resource_type).replace("_", " ") for result in results)
    done = ", ".join(f"{count} {_plural(kind) if count > 1 else kind}" for kind, count in counts.items())
    return Transformed(
        done,
        [
            *(
                dbt_messages.warning(product, result)
                for result in results
                if result.status == NodeStatus.Warn
            ),
            *noticed,
            *dbt_messages.misspelled(product.root),
            *dbt_messages.overridden(manifest),
            *(
                dbt_messages.unchecked_freshness(source)
                for source in manifest.sources.values()
                if source.freshness
            ),
        ],
    )


def _parse(words: list[str], product: Product, names: dbt_messages.Names) -> tuple[Any, list[dict[str, Any]]]:
    """Return dbt's manifest, and warnings of what describes nothing. Raises UnreadableInput."""
    stamp = _forget_parsed(product)
    noticed: list[dict[str, Any]] = []

    def notice(event: Any) -> None:
        if found := dbt_messages.unmatched(event):
            noticed.append(found)

    parsed = _invoke(["parse", *words, "--no-write-json"], notice=notice)
    if not parsed.success:
        raise dbt_messages.unreadable(parsed.exception, names)
    if noticed:  # dbt says it only when it reads the file, so the next run reads it again
        stamp.unlink(missing_ok=True)
    return parsed.result, noticed


def _invoke(words: list[str], manifest: Any = None, notice: Callable[[Any], None] | None = None) -> Any:
    """Run a dbt command; return its result.

    `manifest`: the one that an earlier command has parsed. `notice` gets each event.
    """
    invocation = dbtRunner(manifest=manifest, callbacks=[notice] if notice else []).invoke(words)
    if isinstance(invocation.exception, KeyboardInterrupt):
        raise invocation.exception
    return invocation


def _plural(kind: str) -> str:
    return f"{kind[:-1]}ies" if kind.endswith("y") else kind if kind.endswith("s") else f"{kind}s"


def _forget_parsed(product: Product) -> Path:
    """Make dbt parse everything again after a change of a YAML file: otherwise it keeps unit tests that were removed.

    Returns the file with the hash of the YAML files that are parsed.
    """
    places = [folder for kind in dbt_folders.USUAL for folder in dbt_folders.folders(product.root, kind)]
    files = {
        product.root / "dbt_project.yml",
        *(file for folder in places for file in folder.rglob("*.y*ml")),
    }
    known = hashlib.sha256()
    for file in sorted(file for file in files if file.is_file()):
        known.update(file.relative_to(product.root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    parsed, stamp = product.build / "dbt" / "partial_parse.msgpack", product.build / "dbt" / "yaml.sha256"
    if not (stamp.is_file() and stamp.read_text("utf-8") == known.hexdigest()):
        parsed.unlink(missing_ok=True)
        stamp.write_text(known.hexdigest(), "utf-8")
    return stamp


def _install_packages(product: Product, words: list[str], names: dbt_messages.Names) -> None:
    """Install the packages of the repository, unless the right ones are installed."""
    named = [file for file in (product.root / name for name in dbt_packages.FILES) if file.is_file()]
    if not named or dbt_packages.are_committed(product.root):
        return
    installed, stamp = product.build / "dbt_packages", product.build / "dbt" / "packages.sha256"

    def state() -> str:
        files = [file for file in (*named, product.root / "package-lock.yml") if file.is_file()]
        return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()

    # A local package is a link to its folder; on a system without links it is a copy, which may be outdated.
    lasting = os.name == "posix" and installed.is_dir() and stamp.is_file()
    if lasting and stamp.read_text("utf-8") == state():
        return
    with contextlib.chdir(product.root):  # dbt changes it
        invocation = _invoke(["deps", *words])
    if not invocation.success:
        raise dbt_messages.unreadable(invocation.exception, names, installing=True)
    stamp.write_text(state(), "utf-8")


def _read_inputs(product: Product, manifest: Any, landed: Mapping[str, Landed]) -> None:
    """Let a source of another name read an input: if the source `inputs` does not have it, and one other source does.

    A project that was there before the product keeps its sources so, with their schemas for the team's own targets.
    """
    sources = list(manifest.sources.values())
    own = {source.identifier for source in sources if INPUTS in (source.source_name, source.schema)}
    others = Counter(source.name for source in sources if source.identifier not in own)
    databases = [node.database for node in manifest.nodes.values() if node.name == product.dataset]
    for source in sources:
        if source.name in landed and source.name not in own and others[source.name] == 1:
            source.schema, source.identifier = INPUTS, source.name
            source.database = databases[0] if databases else source.database


def _choose_materialization(product: Product, platform: Platform, manifest: Any, schema: str) -> None:
    """Use the platform's own materialization for a plain table of the data set, which writes it only once.

    It supports only what a plain table needs. A model that uses more is built by dbt's own materialization, so that
    all its options work. Raises PromiseBroken for a model that leaves no table where the data set is read.
    """
    name = product.dataset
    disabled = [node for nodes in manifest.disabled.values() for node in nodes if node.name == name]
    nodes = [
        node
        for node in manifest.nodes.values()
        if node.name == name and node.resource_type in ("model", "seed", "snapshot")
    ]
    if not nodes:
        where = f" {disabled[0].original_file_path} is disabled." if disabled else ""
        raise PromiseBroken(
            f"There is no model {name}, which is the data set in data-product.yaml.{where}",
            fix=f"Remove enabled=false from {disabled[0].original_file_path}."
            if disabled
            else f"Add models/{name}.sql, or correct spec.dataset.name.",
        )
    node = nodes[0]
    config, file = node.config, node.original_file_path
    if config.materialized == "ephemeral":
        raise PromiseBroken(
            f"{file} is ephemeral: it creates no table that could be published.",
            fix="Remove materialized='ephemeral' from the model of the data set.",
        )
    if len(nodes) > 1 or node.alias != name or node.schema != schema or config.database:
        relations = ", ".join(
            dict.fromkeys(f"{other.schema}.{other.alias} ({other.original_file_path})" for other in nodes)
        )
        raise PromiseBroken(
            f"The data set is read from {schema}.{name}, but dbt creates it as {relations}.",
            fix="Remove alias, schema, database and versions from the model of the data set; other models may have them.",
        )
    if platform.own_table and is_plain_table(node):
        config.materialized = platform.own_table


_DIGITS_OF_SEEDS = {"BIGINT": 9, "DECIMAL": sys.float_info.dig}
"""Digits that dbt keeps of whole numbers, which it loads as 32-bit integers, and of others, which it loads as doubles."""


def _keep_digits_of_seeds(product: Product, manifest: Any) -> None:
    """Set the types of seed columns whose values dbt would change: `007`, `1e5` and ids of 20 digits keep their text.

    dbt guesses the types of a seed without them. Types that the seed declares (`column_types`) are not changed.
    """
    text = TEXT.get(product.platform.uses, "text")
    for node in manifest.nodes.values():
        if node.resource_type != "seed":
            continue
        file = Path(node.root_path or product.root) / node.original_file_path
        columns: dict[str, Certainty] = {}
        # An invalid file is left to dbt.
        with (
            contextlib.suppress(OSError, UnicodeDecodeError, csv.Error),
            file.open(encoding="utf-8-sig", newline="") as lines,
        ):
            rows = csv.reader(lines, delimiter=node.config.get("delimiter") or ",")
            columns = {name: Certainty() for name in next(rows, [])}
            for row in rows:
                for column, value in zip(columns.values(), row, strict=False):
                    column.add(None if value.lower() in ("", "null") else value)  # as dbt does
        declared = node.config.column_types
        for name, column in columns.items():
            is_text = column.type == "VARCHAR"
            if name not in declared and (is_text or column.digits > _DIGITS_OF_SEEDS.get(column.kind, 0)):
                declared[name] = text if is_text else column.type


def is_plain_table(node: Any) -> bool:
    """Return True if a model uses only options of a plain table."""
    config = node.config
    return (
        node.resource_type == "model"
        and node.language == "sql"
        and config.materialized == "table"
        and not config.contract.enforced
        and not any((config.persist_docs or {}).values())
        and not config.grants
        and not config.pre_hook
        and not config.post_hook
        and not any((config.quoting or {}).values())
        # Other options of adapters: sql_header, indexes, partitions, sort order.
        and not config._extra
    )


def _write_snapshots(product: Product, platform: Platform, landed: Mapping[str, Landed]) -> None:
    """Write the snapshots of `snapshot@1`, in dbt's configuration format. Raises for a doubled key or another type."""
    folder = product.build / "snapshots"
    shutil.rmtree(folder, ignore_errors=True)
    traits = [trait.properties for trait in product.traits if trait.uses.startswith("snapshot@")]
    if unknown := [trait["input"] for trait in traits if trait["input"] not in landed]:
        raise UnreadableInput(
            f"snapshot@1 uses {unknown[0]}, which is not an input.", fix="Fix the trait in data-product.yaml."
        )
    for trait in traits:
        name = trait["input"]
        columns, key = landed[name].columns, trait["key"]
        refuse_doubled(product, platform, name, key, columns)
        refuse_joined(product, platform, name, key, columns, TEXT.get(product.platform.uses, "text"))
        refuse_other_types(product, platform, name, columns)
        snapshot = {
            "name": history(name),
            "relation": f"source('{INPUTS}', '{name}')",
            "config": {
                "unique_key": key,
                "strategy": "check",
                # Without the columns that each load adds, whose values are always new. dbt wants one at least.
                "check_cols": [column for column in columns if column not in key] or key,
                "hard_deletes": "invalidate",
            },
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yml").write_text(json.dumps({"snapshots": [snapshot]}, indent=2) + "\n", "utf-8")
