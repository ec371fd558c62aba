"""Delta tables, read from their transaction log with nothing but JSON and DuckDB: not with the library that wrote them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from meshwright.assess.storage import Absent, Allowed, Corrupt, Unseen
from meshwright.assess.storage.duck import Files
from meshwright.core.sql.duckdb import identifier, literal
from meshwright.product.store import Store

LOG = "_delta_log"
COMMIT = re.compile(r"(\d{20})\.json")
CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet")
UNDERSTOOD = {"timestampNtz", "vacuumProtocolCheck", "v2Checkpoint"}
"""Features of readers that change nothing of what is read here, or are seen to."""
MOST = 1_000
"""Files of a table, or commits after a checkpoint, that are read."""
TYPES = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "integer": "INTEGER",
    "short": "SMALLINT",
    "byte": "TINYINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "binary": "BLOB",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "timestamp_ntz": "TIMESTAMP",
}
"""Delta's types without parts -> DuckDB's."""
FIX = "Publish the table anew with a writer that keeps to the Delta protocol."


@dataclass
class _State:
    """What the log says so far."""

    files: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    schema: list[Mapping[str, Any]] = field(default_factory=list)
    partitions: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    """What the newest commit that says something says of itself."""

    def take(self, action: Mapping[str, Any]) -> None:
        kind, content = next(
            ((kind, content) for kind, content in action.items() if isinstance(content, dict)), ("", {})
        )
        if kind == "add":
            if content.get("deletionVector"):
                raise Unseen("The assessment cannot read this Delta table, because it has deletion vectors.")
            self.files[_within(content.get("path"))] = content.get("partitionValues") or {}
        elif kind == "remove":
            self.files.pop(_within(content.get("path")), None)
        elif kind == "metaData":
            self._describe(content)
        elif kind == "protocol":
            _understand(content)
        elif kind == "commitInfo" and "product" in content:
            self.metadata = {key: str(content[key])[:200] for key in ("product", "productVersion", "ingestedAt") if key in content}  # fmt: skip

    def _describe(self, content: Mapping[str, Any]) -> None:
        try:
            fields = json.loads(content["schemaString"])["fields"]
            self.schema = [{"name": str(one["name"]), "type": one["type"]} for one in fields]
        except (KeyError, TypeError, ValueError, RecursionError):
            raise Corrupt("The Delta table's log describes no columns.", FIX) from None
        self.partitions = [str(name) for name in content.get("partitionColumns") or ()]
        settings = content.get("configuration") or {}
        if isinstance(settings, dict) and settings.get("delta.columnMapping.mode", "none") != "none":
            raise Unseen("The assessment cannot read this Delta table, because it maps its columns' names.")


def first_commit(store: Store, name: str) -> str:
    """A file of the table's log, as a sample of what can be read there. Raises Absent, Unseen."""
    try:
        commits = [entry for entry in store.names(f"{name}/{LOG}") if COMMIT.fullmatch(entry)]
    except Unseen:  # the web lists nothing
        return f"{name}/{LOG}/{0:020}.json"
    if not commits:
        raise _absent(name)
    return f"{name}/{LOG}/{commits[-1]}"


def opened(store: Store, name: str, allowed: Allowed) -> Files:
    """The newest version of the table at `name`. Raises Absent, Corrupt, Unseen."""
    state = _State()
    entries = store.names(f"{name}/{LOG}")
    commits = {int(found[1]): entry for entry in entries if (found := COMMIT.fullmatch(entry))}
    checkpoint, parts = _checkpoint(entries)
    if not commits and not parts:
        if store.names(name):
            raise Corrupt(
                f"There is no transaction log ({LOG}) with a commit in it, so it is no Delta table.", FIX
            )
        raise _absent(name)
    versions = [version for version in sorted(commits) if version > checkpoint]
    if versions != list(range(checkpoint + 1, checkpoint + 1 + len(versions))):
        raise Corrupt("Commits are missing from the Delta table's log.", FIX)
    if len(versions) > MOST:
        raise Unseen(f"The Delta table has more than {MOST} commits since its last checkpoint.")
    for action in _checkpointed([store.local(f"{name}/{LOG}/{part}") for part in parts], allowed):
        state.take(action)
    for version in versions:
        for action in _committed(store.local(f"{name}/{LOG}/{commits[version]}"), allowed):
            state.take(action)
    if not state.metadata and checkpoint in commits:
        for action in _committed(store.local(f"{name}/{LOG}/{commits[checkpoint]}"), allowed):
            if "commitInfo" in action:
                state.take(action)
    return _rows(state, store, name, allowed)


def _rows(state: _State, store: Store, name: str, allowed: Allowed) -> Files:
    if not state.schema:
        raise Corrupt("The Delta table's log describes no columns.", FIX)
    if len(state.files) > MOST:
        raise Unseen(f"The Delta table has more than {MOST} files.")
    try:
        there = {path: store.local(f"{name}/{path}") for path in state.files}
    except Absent as problem:
        raise Corrupt("The Delta table's log names a file that is not there.", FIX) from problem
    if not there:
        empty = ", ".join(f"null::{_type(one['type'])} as {identifier(one['name'])}" for one in state.schema)
        return Files(f"select {empty} where false", (), allowed, state.metadata)
    plain = [one for one in state.schema if one["name"] not in state.partitions]
    names = ", ".join(identifier(one["name"]) for one in plain)
    if not state.partitions:
        listed = ", ".join(literal(str(path)) for path in there.values())
        query = (
            f"select {names} from read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
        )
        return Files(query, list(there.values()), allowed, state.metadata)
    types = {one["name"]: _type(one["type"]) for one in state.schema}
    each = []
    for path, file in there.items():
        values = state.files[path]
        fixed = ", ".join(
            f"{'null' if values.get(key) is None else literal(str(values[key]))}::{types.get(key, 'VARCHAR')} as {identifier(key)}"
            for key in state.partitions
        )
        read = f"read_parquet({literal(str(file))}, hive_partitioning = false)"
        each.append(f"select {', '.join(filter(None, (names, fixed)))} from {read}")
    return Files(" union all by name ".join(each), list(there.values()), allowed, state.metadata)


def _checkpoint(entries: Any) -> tuple[int, list[str]]:
    """The newest checkpoint whose parts are all there: its version and its files; -1 if there is none."""
    found: dict[int, list[str]] = {}
    for entry in entries:
        if match := CHECKPOINT.fullmatch(entry):
            found.setdefault(int(match[1]), []).append(entry)
    for version in sorted(found, reverse=True):
        single = [entry for entry in found[version] if entry.count(".") == 2]
        if single:
            return version, single
        if len(found[version]) == int(found[version][0].split(".")[3]):
            return version, sorted(found[version])
    return -1, []


def _checkpointed(paths: list[Path], allowed: Allowed) -> Iterator[Mapping[str, Any]]:
    if not paths:
        return
    listed = ", ".join(literal(str(path)) for path in paths)
    table = Files(f"select * from read_parquet([{listed}], union_by_name = true)", paths, allowed, {})
    for kind in ("protocol", "metaData", "add"):
        if kind in {one.name for one in table.fields}:
            for (content,) in table.ask(f"select {kind} from ({table.query}) where {kind} is not null"):
                yield {kind: _plain(content)}


def _plain(structure: Mapping[str, Any]) -> dict[str, Any]:
    """A structure of DuckDB's as the same in JSON: a map may come as two lists."""
    found = dict(structure)
    for key in ("partitionValues", "configuration"):
        value = found.get(key)
        if isinstance(value, dict) and set(value) == {"key", "value"} and isinstance(value["key"], list):
            found[key] = dict(zip(value["key"], value["value"], strict=False))
    return found


def _committed(path: Path, allowed: Allowed) -> Iterator[Mapping[str, Any]]:
    if path.stat().st_size > allowed.bytes:
        raise Unseen("A commit of the Delta table is too large to be looked at.")
    with path.open("rb") as lines:
        for line in lines:
            try:
                action = json.loads(line) if line.strip() else {}
            except (ValueError, RecursionError):
                raise Corrupt("A commit of the Delta table is not JSON.", FIX) from None
            if not isinstance(action, dict):
                raise Corrupt("A commit of the Delta table is not made of actions.", FIX)
            yield action


def _understand(protocol: Mapping[str, Any]) -> None:
    version, features = protocol.get("minReaderVersion"), protocol.get("readerFeatures") or ()
    unknown = sorted(map(str, set(map(str, features)) - UNDERSTOOD))
    if not isinstance(version, int) or version > 3 or unknown:
        names = ", ".join(unknown)[:100] or f"protocol version {version}"
        raise Unseen(f"The assessment cannot read this Delta table, because it uses {names}.")


def _within(path: Any) -> str:
    """The path of a file below the table. Raises Corrupt for any other."""
    plain = unquote(path) if isinstance(path, str) else ""
    if not plain or "://" in plain or plain.startswith("/") or ".." in plain.split("/") or "\0" in plain:
        raise Corrupt(
            "The Delta table's log names a file outside of the table's folder.",
            "Publish it anew, as a table that shares no files with another.",
        )
    return plain


def _type(delta: Any) -> str:
    if isinstance(delta, str):
        if match := re.fullmatch(r"decimal\((\d{1,2}),(\d{1,2})\)", delta):
            return f"DECIMAL({match[1]},{match[2]})"
        return TYPES.get(delta, "VARCHAR")
    if isinstance(delta, dict):
        return {"struct": "JSON", "map": "JSON", "array": "VARCHAR[]"}.get(str(delta.get("type")), "VARCHAR")
    return "VARCHAR"


def _absent(name: str) -> Absent:
    return Absent(f"There is no Delta table {name}.", "Run the pipeline, which writes it.")
