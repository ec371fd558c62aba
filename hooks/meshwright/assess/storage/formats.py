"""Which format a port claims to serve, and whether its bytes are that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from meshwright.assess.storage import Allowed, Corrupt, Unseen, delta
from meshwright.assess.storage.duck import Files
from meshwright.core.sql.duckdb import literal
from meshwright.product.store import Store

PARQUET = b"PAR1"
TEXT_HEAD = 4096


def _parquet(store: Store, name: str, allowed: Allowed) -> Files:
    path = store.local(name)
    with path.open("rb") as file:
        head = file.read(4)
        size = file.seek(0, 2)
        file.seek(max(0, size - 4))
        tail = file.read(4)
    if head != PARQUET or tail != PARQUET or size < 12:
        what = "is empty" if not size else f"begins {_seems(path)}"
        raise Corrupt(
            f"It should be Parquet, but {what}: it does not begin and end like Parquet.",
            "Publish it with a writer of Parquet, or name the capability that it is.",
        )
    return Files(
        f"select * from read_parquet({literal(str(path))}, hive_partitioning = false)", [path], allowed
    )


def _csv(store: Store, name: str, allowed: Allowed) -> Files:
    path = store.local(name)
    _text(path)
    return Files(f"select * from read_csv({literal(str(path))})", [path], allowed, {}, typed=False)


def _json(store: Store, name: str, allowed: Allowed) -> Files:
    path = store.local(name)
    _text(path)
    return Files(f"select * from read_json({literal(str(path))})", [path], allowed, {}, typed=False)


def _text(path: Path) -> None:
    with path.open("rb") as file:
        if b"\0" in file.read(TEXT_HEAD):
            raise Corrupt("It should be text, but is not.", "Publish it in the format that it claims.")


def _seems(path: Path) -> str:
    """What the bytes look like, without telling them."""
    with path.open("rb") as file:
        head = file.read(TEXT_HEAD)
    for magic, what in ((b"PK\x03\x04", "as a ZIP file does"), (b"\x1f\x8b", "as gzip does"), (b"PAR1", "as Parquet does and is cut off"), (b"Obj\x01", "as Avro does"), (b"ORC", "as ORC does")):  # fmt: skip
        if head.startswith(magic):
            return what
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return "with other bytes"
        text = head[: error.start].decode("utf-8")
    if text.lstrip().startswith(("{", "[")):
        return "as JSON does"
    if text.lstrip().lower().startswith(("<!doctype", "<html", "<?xml")):
        return "as a page does"
    first = text.partition("\n")[0]
    return "as CSV does" if text.isprintable() or any(sign in first for sign in ",;\t") else "as text does"


READERS: Mapping[str, Callable[[Store, str, Allowed], Files]] = {
    "parquet": _parquet,
    "delta": delta.opened,
    "csv": _csv,
    "json": _json,
}
OPEN = frozenset({"parquet", "delta", "iceberg", "csv", "json", "avro", "orc", "arrow", "postgres", "postgresql", "jdbc", "sql", "flight"})  # fmt: skip
"""Formats and protocols whose specification is open, and for which there are readers of several makers."""
ENDINGS = {"parquet": "parquet", "csv": "csv", "json": "json", "jsonl": "json", "ndjson": "json"}


def of(uses: str, location: str) -> str:
    """The format that a port's capability stands for; by the ending of its location, if the capability says nothing."""
    name = uses.partition("@")[0].lower()
    if name in OPEN:
        return name
    return ENDINGS.get(location.rpartition(".")[2].lower(), name)


def opened(format_: str, store: Store, name: str, allowed: Allowed) -> Files:
    """The rows of a file or a table. Raises Absent, Corrupt, Unseen."""
    if format_ not in READERS:
        store.local(sample(format_, store, name))
        raise Unseen(f"There is nothing here that reads {format_ or 'it'}.")
    return READERS[format_](store, name, allowed)


def sample(format_: str, store: Store, name: str) -> str:
    """The name of one file that holds data of the port."""
    if format_ == "delta":
        return delta.first_commit(store, name)
    # What says, in the folder of an Iceberg table, which of its metadata is the newest.
    return f"{name}/metadata/version-hint.text" if format_ == "iceberg" else name
