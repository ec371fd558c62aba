"""Grants on file ports: what lies below a role's prefix is what the role may read, in every byte of it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from products import SUPPORT

from meshwright.access import audit
from meshwright.access.grants import (
    AuditRecord,
    Column,
    Condition,
    Desired,
    Member,
    Port,
    PortPlan,
    Principal,
    Refused,
    View,
    VisibleColumn,
)
from meshwright.access.targets import files
from meshwright.access.targets.files import bucket_policy
from meshwright.access.targets.files.storage import Bucket, Folder
from meshwright.product.store import Absent, Changed, Unseen

deltalake = pytest.importorskip("deltalake")

SAID = {"product": "ops/people", "productVersion": "1.0.0", "ingestedAt": "2026-01-31T00:00:00+00:00"}
TYPES = {
    "id": "integer",
    "email": "string",
    "name": "string",
    "born": "date",
    "seen": "timestamp",
    "pay": "number",
    "region": "string",
    "ok": "boolean",
}
COLUMNS = {name: Column(name, kind, "internal") for name, kind in TYPES.items()}
SENTINELS = ("SENTINEL-name", "SENTINEL-mail", "SENTINEL-row")
KINDS = ("parquet@1", "delta@1")
GONE = (deltalake.exceptions.DeltaError, OSError)
"""What delta-rs says of a version whose log or files are no more."""


def people(rows: int = 6) -> pa.Table:
    """Personal data that must not get out; the region of every third row is the one that a filter hides."""
    numbers = range(rows)
    return pa.table(
        {
            "id": pa.array(numbers, pa.int32()),
            "email": [f"SENTINEL-mail-{n}@example{n % 2}.org" if n % 5 else None for n in numbers],
            "name": [f"SENTINEL-name-{n}" if n % 4 else None for n in numbers],
            "born": pa.array([date(1950 + n % 50, 5, 17) for n in numbers]),
            "seen": pa.array(
                [datetime(2026, 3, 1, n % 24, tzinfo=UTC) for n in numbers], pa.timestamp("us", "UTC")
            ),
            "pay": pa.array([f"{n}.50" for n in numbers]).cast(pa.decimal128(10, 2)),
            "region": [("EU", "CH", "SENTINEL-row", None)[n % 4] for n in numbers],
            "ok": [n % 2 == 0 for n in numbers],
        }
    )


def visible(*names: str, **masks: str) -> tuple[VisibleColumn, ...]:
    return tuple(VisibleColumn(COLUMNS[name], masks.get(name)) for name in names)


IN_EUROPE = Condition(COLUMNS["region"], "in", ("EU", "CH"))
READER = View(
    "reader", "human", visible("id", "email", "born", "ok", email="domain", born="year"), (IN_EUROPE,)
)
PROGRAM = View("the-program", "machine", visible("id", "pay", "seen"))
ADA = Principal(
    "ada@example.org", "human", "Ada Example", logins={"aws": "arn:aws:iam::111122223333:role/ada"}
)
BOT = Principal("svc-bot", "machine", logins={"aws": "arn:aws:iam::111122223333:user/bots/bot"})
END = datetime(2027, 6, 30, tzinfo=UTC)


def desired(*views: View, members: Sequence[Member] | None = None) -> Desired:
    views = views or (READER, PROGRAM)
    if members is None:
        known = {view.role for view in views}
        all_ = (
            Member(ADA, "reader", ("a-1",), END),
            Member(BOT, "reader", ("a-2",), END),
            Member(BOT, "the-program", ("a-3",), None),
        )
        members = [member for member in all_ if member.role in known]
    return Desired("ops/people", "people", tuple(views), tuple(members))


@dataclass(frozen=True)
class Place:
    """A port, and the pipeline that publishes to it."""

    port: Port

    @property
    def path(self) -> Path:
        return Path(self.port.root, self.port.properties["path"])

    def publish(self, table: pa.Table, dataset: str = "people") -> None:
        where = str(self.port.properties["path"])
        where = where if "://" in where else str(self.path)
        if self.port.uses == "delta@1":
            deltalake.write_deltalake(
                f"{where}/{dataset}",
                table,
                mode="overwrite",
                schema_mode="overwrite",
                commit_properties=deltalake.CommitProperties(custom_metadata=SAID),
            )
            return
        sink = pa.BufferOutputStream()
        pq.write_table(table.replace_schema_metadata(SAID | {"SENTINEL-row": "SENTINEL-name"}), sink)
        content = sink.getvalue().to_pybytes()
        if "://" in where:
            import boto3

            boto3.client("s3").put_object(Bucket="lake", Key=f"ops/{dataset}.parquet", Body=content)
            return
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / f".{dataset}.partial").write_bytes(content)
        os.replace(self.path / f".{dataset}.partial", self.path / f"{dataset}.parquet")

    def read(self, role: str, version: int | None = None, dataset: str = "people") -> pa.Table:
        where = str(self.path / "roles" / role / dataset)
        if self.port.uses == "delta@1":
            return deltalake.DeltaTable(where, version=version).to_pyarrow_table()
        return pq.read_table(f"{where}.parquet")

    def plan(self, wanted: Desired) -> list[str]:
        return [f"{change.action}: {change.sentence}" for change in files.plan(self.port, wanted).changes]

    def apply(self, wanted: Desired) -> PortPlan:
        return files.apply(self.port, wanted, AuditRecord({"at": "2026-02-01T00:00:00+00:00", "commit": "c"}))

    def verify(self, wanted: Desired) -> Sequence[str]:
        return files.verify(self.port, wanted)

    def standing(self) -> dict[str, tuple[int, int, int]]:
        """All files of the variants, with what changes when one is written."""
        found = {path: path.lstat() for path in (self.path / "roles").glob("*/**/*") if path.is_file()}
        return {str(path): (it.st_ino, it.st_mtime_ns, it.st_size) for path, it in found.items()}


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A port in a folder, with the data set published."""
    found = Place(Port("lake", request.param, {"path": "build/lake"}, str(tmp_path)))
    found.publish(people())
    return found


@pytest.fixture
def parquet(tmp_path: Path) -> Place:
    found = Place(Port("lake", "parquet@1", {"path": "build/lake"}, str(tmp_path)))
    found.publish(people())
    return found


@pytest.fixture
def delta(tmp_path: Path) -> Place:
    found = Place(Port("lake", "delta@1", {"path": "build/lake"}, str(tmp_path)))
    found.publish(people())
    return found


def every_byte(folder: Path) -> bytes:
    """What lies in all files below a folder, also what is compressed in them."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        found += [str(path.relative_to(folder)).encode(), content]
        if path.suffix == ".parquet":
            about = pq.read_metadata(path)
            groups = [about.row_group(n) for n in range(about.num_row_groups)]
            chunks = [group.column(n) for group in groups for n in range(group.num_columns)]
            found += [repr((about.metadata, [chunk.to_dict() for chunk in chunks])).encode()]
            found += [repr(pq.read_table(path).to_pylist()).encode()]
        start = content.find(b"\x28\xb5\x2f\xfd")
        while start >= 0:  # pages that zstd has compressed, dictionaries too
            with contextlib.suppress(OSError):
                found.append(
                    pa.CompressedInputStream(pa.BufferReader(content[start:]), "zstd").read(1_000_000)
                )
            start = content.find(b"\x28\xb5\x2f\xfd", start + 4)
    return b"\0".join(found)


def in_sql(query: str, table: pa.Table) -> list[dict[str, Any]]:
    """What DuckDB says of the clear data set: it shares no line with what is tested."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("people", table)
        return connection.sql(query).to_arrow_table().to_pylist()


def test_each_role_gets_its_own_view_and_a_second_plan_is_empty(place: Place) -> None:
    wanted = desired()
    assert place.plan(wanted) == [
        "create: reader gets people without name, seen, pay, region; masked: email (domain), born (year); rows by region",
        "create: the-program gets people without email, name, born, region, ok",
        "grant: Ada Example (ada@example.org) may read as reader, until 2027-06-30",
        "grant: svc-bot may read as reader, until 2027-06-30",
        "grant: svc-bot may read as the-program",
    ]
    assert not (place.path / "roles").exists()
    assert place.verify(wanted) != []
    done = place.apply(wanted)
    assert [change.sentence for change in done.changes] == [
        sentence.partition(": ")[2] for sentence in _first_plan(place)
    ]
    assert not done.manual_actions
    assert place.plan(wanted) == []
    assert place.verify(wanted) == []
    view = (
        "select id, regexp_extract(email, '@([^@]*)$', 1) as email, date_trunc('year', born)::date as born, ok"
        " from people where region in ('EU', 'CH') order by id"
    )
    assert place.read("reader").to_pylist() == in_sql(view, people())
    clear = people().select(["id", "pay", "seen"])
    assert place.read("the-program").cast(clear.schema).equals(clear)
    assert place.read("reader").schema.types == [pa.int32(), pa.string(), pa.date32(), pa.bool_()]


def _first_plan(place: Place) -> list[str]:
    changes = files.audit_records(place.port)[-1]["changes"]
    return ["x: " + change["sentence"] for change in changes]


def test_nothing_is_written_where_nothing_changed(place: Place) -> None:
    place.apply(desired())
    before = place.standing()
    place.apply(desired())
    assert place.standing() == before
    assert files.audit_records(place.port)[-1]["number"] == 2


def test_only_the_role_that_changes_is_written(place: Place) -> None:
    place.apply(desired())
    before = place.standing()
    place.apply(desired(replace(READER, rows=()), PROGRAM))
    after = place.standing()
    same = {path for path in before if before[path] == after.get(path)}
    assert same == {path for path in before if "/the-program/" in path}


def test_the_metadata_of_the_data_set_travels_and_no_other(place: Place) -> None:
    place.apply(desired())
    if place.port.uses == "parquet@1":
        found = pq.read_metadata(place.path / "roles/reader/people.parquet").metadata
        assert {
            key.decode(): value.decode() for key, value in found.items() if key != b"ARROW:schema"
        } == SAID
    else:
        said = deltalake.DeltaTable(str(place.path / "roles/reader/people")).history(1)[0]
        assert {key: said[key] for key in SAID} == SAID


@pytest.mark.parametrize(("kind", "encoded"), [("parquet@1", False), ("parquet@1", True), ("delta@1", False)])
def test_no_byte_below_a_role_is_of_what_it_does_not_see(tmp_path: Path, kind: str, encoded: bool) -> None:
    table = people(400)
    if encoded:  # an array keeps its whole dictionary, and would be written with it
        table = table.set_column(6, "region", table["region"].dictionary_encode())
        nested = pa.array([{"deep": [value]} for value in people(400)["region"].to_pylist()])
        inside = pa.struct([("deep", pa.list_(pa.dictionary(pa.int32(), pa.string())))])
        table = table.append_column("nested", nested.cast(inside))
        deep = Column("nested", "object", "internal")
    place = Place(Port("lake", kind, {"path": "lake"}, str(tmp_path)))
    place.publish(table)
    views = (
        View("filtered", "human", visible("id", "region"), (IN_EUROPE,)),
        View("masked", "human", visible("id", "email", "name", email="redacted", name="empty")),
        View("hidden", "human", visible("id", "pay")),
    )
    if encoded:
        views += (View("nested", "human", (VisibleColumn(deep),), (IN_EUROPE,)),)
    place.apply(desired(*views))
    assert place.verify(desired(*views)) == []
    clear = every_byte(place.path / ("people" if kind == "delta@1" else "."))
    assert b"SENTINEL-row" in clear
    for view in views:
        found = every_byte(place.path / "roles" / view.role)
        assert found
        for sentinel in SENTINELS:
            assert sentinel.encode() not in found, (view.role, sentinel)


def test_statistics_are_of_the_rows_that_are_shown(parquet: Place) -> None:
    few = Condition(COLUMNS["id"], "atMost", (2,))
    parquet.apply(desired(View("reader", "human", visible("id"), (few,))))
    about = pq.read_metadata(parquet.path / "roles/reader/people.parquet").row_group(0).column(0).statistics
    assert (about.min, about.max) == (0, 2)


@pytest.mark.parametrize(
    "narrower",
    [
        replace(READER, columns=READER.columns[:1]),
        replace(READER, rows=(IN_EUROPE, Condition(COLUMNS["id"], "atMost", (0,)))),
        replace(READER, columns=visible("id", "email", "born", "ok", email="empty", born="year", ok="empty")),
    ],
    ids=["columns", "rows", "masks"],
)
def test_what_a_narrower_view_takes_away_is_in_no_earlier_version(delta: Place, narrower: View) -> None:
    wide = View("reader", "human", visible(*COLUMNS))
    delta.apply(desired(wide))
    table = delta.path / "roles/reader/people"
    assert b"SENTINEL-name" in every_byte(table)
    delta.apply(desired(narrower))
    assert delta.verify(desired(narrower)) == []
    found = every_byte(table)
    assert not [sentinel for sentinel in SENTINELS if sentinel.encode() in found]
    assert (
        b"region" not in found
    )  # the log has schemas, and the lowest and highest values, of earlier versions
    for version in range(deltalake.DeltaTable(str(table)).version()):
        with pytest.raises(GONE):
            deltalake.DeltaTable(str(table), version=version).to_pyarrow_table()


def test_earlier_versions_stay_where_only_the_data_changed_and_go_with_the_next_narrowing(
    delta: Place,
) -> None:
    delta.apply(desired(PROGRAM))
    delta.publish(people(4))
    assert delta.plan(desired(PROGRAM)) == [
        "replace: the-program gets people without email, name, born, region, ok (the data set was published anew)"
    ]
    delta.apply(desired(PROGRAM))
    assert delta.plan(desired(PROGRAM)) == []
    version = deltalake.DeltaTable(str(delta.path / "roles/the-program/people")).version()
    assert delta.read("the-program").num_rows == 4
    assert delta.read("the-program", version - 1).num_rows == 6
    narrow = replace(PROGRAM, columns=PROGRAM.columns[:1])
    delta.apply(desired(narrow))
    assert delta.verify(desired(narrow)) == []
    assert len(list((delta.path / "roles/the-program/people").glob("*.parquet"))) == 1
    with pytest.raises(GONE):
        delta.read("the-program", version)


def test_a_role_that_goes_takes_its_files_with_it(place: Place) -> None:
    place.apply(desired())
    assert place.plan(desired(PROGRAM)) == [
        "revoke: ada@example.org may no longer read as reader",
        "revoke: svc-bot may no longer read as reader",
        "remove: roles/reader is removed: no role asks for it",
    ]
    place.apply(desired(PROGRAM))
    assert not (place.path / "roles/reader").exists()
    assert place.verify(desired(PROGRAM)) == []


def test_members_come_go_and_stay_longer(place: Place) -> None:
    place.apply(desired())
    longer = Member(ADA, "reader", ("a-1", "a-9"), datetime(2028, 1, 1, tzinfo=UTC))
    wanted = desired(members=[longer])
    assert place.plan(wanted) == [
        "revoke: svc-bot may no longer read as reader",
        "revoke: svc-bot may no longer read as the-program",
        "grant: Ada Example (ada@example.org) may read as reader, until 2028-01-01",
    ]
    done = place.apply(wanted)
    assert [(change.principal, change.role, change.agreements) for change in done.changes] == [
        ("svc-bot", "reader", ()),
        ("svc-bot", "the-program", ()),
        ("ada@example.org", "reader", ("a-1", "a-9")),
    ]
    assert place.plan(wanted) == []
    told = json.loads((place.path / "roles/access.json").read_text())["members"]
    assert [(each["principal"], each["until"]) for each in told] == [
        ("ada@example.org", "2028-01-01T00:00:00+00:00")
    ]


def _edit(place: Place) -> None:
    path = next((place.path / "roles/reader").rglob("*.parquet"))
    path.write_bytes(path.read_bytes() + b" ")


def _delete(place: Place) -> None:
    next((place.path / "roles/reader").rglob("*.parquet")).unlink()


def _clear(place: Place) -> None:
    pq.write_table(people(), place.path / "roles/reader/more.parquet")


def _beside(place: Place) -> None:
    pq.write_table(people(), place.path / "roles/clear.parquet")
    (place.path / "roles/of-old").mkdir()
    (place.path / "roles/of-old/people.parquet").write_bytes(b"x")


def _linked(place: Place) -> None:
    outside = place.path.parent / "outside"
    (place.path / "roles/reader").rename(outside)
    (place.path / "roles/reader").symlink_to(outside)


def _linked_file(place: Place) -> None:
    (place.path / "roles/reader/clear").symlink_to(place.path)


def _hard_linked(place: Place) -> None:
    os.link(
        next(place.path.glob("people*/*.parquet"), place.path / "people.parquet"),
        place.path / "roles/reader/x",
    )


def _pipe(place: Place) -> None:
    os.mkfifo(place.path / "roles/reader/pipe")


def _state_gone(place: Place) -> None:
    (place.path / "roles/access.json").unlink()


def _state_garbled(place: Place) -> None:
    (place.path / "roles/access.json").write_text('{"variants": {"../..": 1}, "members": 7')


def _state_hostile(place: Place) -> None:
    path = place.path / "roles/access.json"
    told = json.loads(path.read_text())
    told["variants"]["../../../outside"] = {"view": "x", "source": "y", "files": {"../../../outside/x": "z"}}
    path.write_text(json.dumps(told))


def _replaced(place: Place) -> None:
    """Another table in its place, with a setting that refuses what we do."""
    if place.port.uses == "parquet@1":
        pq.write_table(people(), place.path / "roles/reader/people.parquet")
        return
    where = str(place.path / "roles/reader/people")
    deltalake.write_deltalake(where, people(), mode="overwrite", schema_mode="overwrite", partition_by=None)
    deltalake.DeltaTable(where).alter.set_table_properties({"delta.appendOnly": "true"})


@pytest.mark.parametrize(
    "drift",
    [
        _edit,
        _delete,
        _clear,
        _beside,
        _linked,
        _linked_file,
        _hard_linked,
        _pipe,
        _state_gone,
        _state_garbled,
        _state_hostile,
        _replaced,
    ],
)
def test_what_somebody_else_did_is_found_and_fixed(place: Place, drift: Any) -> None:
    place.apply(desired())
    outside = place.path.parent / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"not ours")
    if drift is _linked:
        (outside / "x").unlink()
        outside.rmdir()
    drift(place)
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    assert place.plan(desired())
    assert place.verify(desired())
    place.apply(desired())
    assert place.plan(desired()) == []
    assert place.verify(desired()) == []
    assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before
    clear = every_byte(place.path / "roles/reader")
    assert not [sentinel for sentinel in SENTINELS if sentinel.encode() in clear]
    entries = {path.name for path in (place.path / "roles").iterdir()}
    assert entries == {"reader", "the-program", "access.json", "audit.jsonl"}
    assert not any(path.is_symlink() for path in place.path.rglob("*"))


def test_a_variant_that_was_changed_with_its_state_does_not_equal_the_data_set(place: Place) -> None:
    place.apply(desired())
    where, path = place.path / "roles/the-program/people", place.path / "roles/access.json"
    other = place.read("the-program").slice(1)
    if place.port.uses == "delta@1":
        deltalake.write_deltalake(str(where), other, mode="overwrite")
    else:
        pq.write_table(other.replace_schema_metadata(SAID), f"{where}.parquet")
    told = json.loads(path.read_text())
    found = Folder(place.path).identities("roles/the-program/")
    told["variants"]["the-program"]["files"] = found
    path.write_text(json.dumps(told))
    assert place.plan(desired()) == []
    said = place.verify(desired())
    assert (
        "The copy for the role the-program is not what its view gives: 5 rows instead of 6, 1 of them missing."
        in said
    )


QUERIES = {
    "in": ("in", "in"),
    "notIn": ("notIn", "not in"),
    "atLeast": ("atLeast", ">="),
    "atMost": ("atMost", "<="),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("column", "operation", "values", "sql"),
    [
        ("region", "in", ("EU", "nobody"), "region in ('EU', 'nobody')"),
        ("region", "notIn", ("EU",), "region not in ('EU')"),
        ("region", "atLeast", ("D",), "region >= 'D'"),
        ("region", "in", ("' or 1=1 --", '"', "EU'; drop table people; --"), "false"),
        ("region", "notIn", ("' or 1=1 --", "\u202e", "%"), "region is not null"),
        ("id", "in", (1, 3.0), "id in (1, 3)"),
        ("id", "atLeast", (4,), "id >= 4"),
        ("pay", "atMost", (2.5,), "pay <= 2.5"),
        ("pay", "notIn", (1.5, 3.5), "pay not in (1.5, 3.5)"),
        ("born", "atLeast", ("1953-05-17",), "born >= date '1953-05-17'"),
        ("seen", "atMost", ("2026-03-01T02:00:00Z",), "seen <= timestamptz '2026-03-01 02:00:00+00'"),
        ("seen", "atMost", ("2026-03-01 02:00",), "seen <= timestamptz '2026-03-01 02:00:00+00'"),
        ("ok", "in", (True,), "ok"),
        ("ok", "notIn", (True, False), "false"),
        ("email", "notIn", ("x",), "email is not null"),
    ],
)
def test_rows_are_those_that_sql_finds_and_null_never_fits(
    tmp_path: Path, kind: str, column: str, operation: Any, values: Any, sql: str
) -> None:
    place = Place(Port("lake", kind, {"path": "lake"}, str(tmp_path)))
    place.publish(people(12))
    view = View("reader", "human", visible("id"), (Condition(COLUMNS[column], operation, values),))
    place.apply(desired(view))
    assert place.read("reader").to_pylist() == in_sql(
        f"select id from people where {sql} order by id", people(12)
    )


@pytest.mark.parametrize(
    ("column", "operation", "values"),
    [
        ("id", "in", ("1",)),
        ("id", "in", (True,)),
        ("id", "atLeast", (1.5,)),
        ("id", "in", (2**40,)),
        ("pay", "in", (float("nan"),)),
        ("pay", "atMost", (float("inf"),)),
        ("born", "in", ("17.5.1950",)),
        ("born", "in", ("1950-05-17' or true --",)),
        ("seen", "in", ("yesterday",)),
        ("ok", "in", ("true",)),
        ("ok", "in", (1,)),
        ("region", "in", (1,)),
        ("region", "in", ()),
        ("region", "atLeast", ("a", "b")),
    ],
)
def test_a_value_that_the_column_cannot_have_is_refused(
    parquet: Place, column: str, operation: Any, values: Any
) -> None:
    view = View("reader", "human", visible("id"), (Condition(COLUMNS[column], operation, values),))
    with pytest.raises(Refused, match="reader") as refused:
        parquet.apply(desired(view))
    assert refused.value.fix
    assert not (parquet.path / "roles").exists()


@pytest.mark.parametrize(
    ("value", "domain"),
    [
        ("ada@example.org", "example.org"),
        ('"a@b"@example.org', "example.org"),
        ("no address", None),
        ("ada@", ""),
        ("ada\n@example.org", "example.org"),
        ("", None),
        (None, None),
    ],
)
def test_of_an_address_the_domain_is_left(parquet: Place, value: str | None, domain: str | None) -> None:
    parquet.publish(pa.table({"email": pa.array([value], pa.string()), "name": [value or ""]}))
    parquet.apply(desired(View("reader", "human", visible("email", "name", email="domain", name="redacted"))))
    assert parquet.read("reader").to_pylist() == [{"email": domain, "name": "***"}]


def test_an_address_that_is_no_text_shows_no_more_than_others(parquet: Place) -> None:
    raw = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\x0b\0\0\0"), pa.py_buffer(b"SENTI\xff@e.org")]
    )
    parquet.publish(pa.table({"email": raw}))
    parquet.apply(desired(View("reader", "human", visible("email", email="domain"))))
    assert b"SENTI" not in every_byte(parquet.path / "roles/reader")


def test_every_type_of_the_engine_survives_clear_and_masked(parquet: Place) -> None:
    """DuckDB writes the data set in a real product."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(
            f"""copy (select 1::utinyint u, uuid() id, '{{"a":1}}'::json j, 'x' v, time '10:00' t,
            timestamp '2024-03-01 10:00' ts, timestamptz '2024-03-01 10:00+00' tz, timestamp_ns '2024-03-01' tn,
            1.5::decimal(38,2) d, 3::bigint b, [1, 2] l, {{'a': 1, 'b': [{{'c': 2}}]}} s, map {{'k': 1}} m,
            date '2024-05-05' dt, 'ab'::blob bl, 1::float f, true o)
            to '{parquet.path}/people.parquet' (format parquet)"""
        )
        names = [
            row[0] for row in connection.execute(f"describe from '{parquet.path}/people.parquet'").fetchall()
        ]
        columns = {name: Column(name, "object", "internal") for name in names}
        clear = View("clear", "human", tuple(VisibleColumn(column) for column in columns.values()))
        empty = View("empty", "human", tuple(VisibleColumn(column, "empty") for column in columns.values()))
        years = View(
            "years", "human", tuple(VisibleColumn(columns[name], "year") for name in ("ts", "tz", "tn", "dt"))
        )
        parquet.apply(desired(clear, empty, years))
        assert parquet.verify(desired(clear, empty, years)) == []

        def described(path: str) -> dict[str, str]:
            rows = connection.execute(f"describe from '{parquet.path}/{path}'").fetchall()
            return {row[0]: row[1] for row in rows}

        def content(path: str) -> list[Any]:
            return connection.sql(f"from '{parquet.path}/{path}'").to_arrow_table().to_pylist()

        there = described("people.parquet")
        assert described("roles/clear/people.parquet") == there
        assert content("roles/clear/people.parquet") == content("people.parquet")
        assert described("roles/empty/people.parquet") == there
        assert content("roles/empty/people.parquet") == [dict.fromkeys(there)]
        assert described("roles/years/people.parquet") == {
            name: there[name] for name in ("ts", "tz", "tn", "dt")
        }
        assert {str(value)[:10] for value in content("roles/years/people.parquet")[0].values()} == {
            "2024-01-01"
        }


def test_a_type_that_would_be_lost_is_refused(parquet: Place) -> None:
    duckdb.sql(f"copy (select interval 1 day as id) to '{parquet.path}/people.parquet' (format parquet)")
    with pytest.raises(Refused, match="interval"):
        parquet.plan(desired(View("reader", "human", visible("id"))))


@pytest.mark.parametrize(
    ("column", "mask"),
    [("id", "redacted"), ("name", "year"), ("born", "domain"), ("name", "of-old"), ("born", "redacted")],
)
def test_a_mask_that_does_not_go_with_the_type_is_refused(parquet: Place, column: str, mask: str) -> None:
    with pytest.raises(Refused, match=mask):
        parquet.plan(desired(View("reader", "human", visible(column, **{column: mask}))))


HOSTILE = [
    'q"uote',
    "it's",
    "select",
    "Größe",
    "日本語",
    "a.b",
    "a",
    "NAME",
    "name",
    "c0",
    "x" * 63,
    "; drop",
    " ",
    "\n",
]


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_of_columns_are_only_names(tmp_path: Path, kind: str) -> None:
    names = (
        HOSTILE
        if kind == "parquet@1"
        else [name for name in HOSTILE if name not in ("NAME", "; drop", " ", "\n")]
    )
    table = pa.table({name: [f"{number}-1", f"{number}-2"] for number, name in enumerate(names)})
    place = Place(Port("lake", kind, {"path": "lake"}, str(tmp_path)))
    place.publish(table)
    columns = [Column(name, "string", "internal") for name in names]
    for number, column in enumerate(columns):
        rows = (Condition(column, "in", (f"{number}-2",)),)
        wanted = desired(View("reader", "human", (VisibleColumn(column),), rows))
        place.apply(wanted)
        assert place.read("reader").to_pylist() == [{names[number]: f"{number}-2"}]
        assert place.verify(wanted) == []
        assert not any("\n" in sentence for sentence in place.plan(desired(PROGRAM_OF(column))))


def PROGRAM_OF(column: Column) -> View:
    return View("other", "machine", (VisibleColumn(column, "redacted"),))


@pytest.mark.parametrize(
    "role",
    ["..", "../reader", "reader/x", "Reader", "", "a--b", "-a", "*", "a?", "${aws:username}", "a\n", ".lock"],
)
def test_a_role_that_is_more_than_a_name_is_refused(place: Place, role: str) -> None:
    with pytest.raises(Refused, match="cannot be the name of a role"):
        place.apply(desired(replace(READER, role=role), members=[]))
    assert not (place.path / "roles").exists()


@pytest.mark.parametrize(
    "name", ["..", "../people", "a/b", "", ".people", "a\x00", "a\\b", "x" * 300, "a\nb"]
)
def test_a_data_set_that_is_more_than_a_name_is_refused(place: Place, name: str) -> None:
    with pytest.raises(Refused, match="cannot be the name of a data set"):
        place.plan(replace(desired(), dataset=name))


@pytest.mark.parametrize("name", ["select", "it's", 'q"uote', "Größe", "a b", "x*", "x" * 63, "a#b?c=d"])
def test_a_data_set_with_an_odd_name_is_served_like_others(place: Place, name: str) -> None:
    place.publish(people(), name)
    place.publish(people(3), "x" + name if "*" in name else "other")
    wanted = replace(desired(), dataset=name)
    place.apply(wanted)
    assert place.verify(wanted) == []
    assert place.read("the-program", dataset=name).num_rows == 6


@pytest.mark.parametrize("name", ["a%20b", "a[b]"])
def test_a_name_that_delta_reads_as_another_is_refused(delta: Place, name: str) -> None:
    with pytest.raises(Refused, match="would read another folder"):
        delta.plan(replace(desired(), dataset=name))


def test_a_table_called_roles_would_lie_where_the_variants_do(delta: Place) -> None:
    with pytest.raises(Refused, match="name of a data set"):
        delta.plan(replace(desired(), dataset="Roles"))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("../outside", "leaves the repository"),
        ("build/../../outside", "leaves the repository"),
        ("link/outside", "leaves the repository"),
        ("gs://lake/ops", "cannot grant access to"),
        ("file:///srv/x", "cannot grant access to"),
        ("s3://lake/ops/../x", "not a plain"),
        ("s3://key:secret@lake/ops", "not a plain"),
        ("s3://lake/ops?endpoint_override=evil", "not a plain"),
        ("s3://lake/${aws:username}", "not a plain"),
        ("s3://lake/*", "not a plain"),
        ("s3://lake/a%2Fb", "not a plain"),
        ("s3://", "not a plain"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str, says: str) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    (tmp_path / "outside").mkdir()
    with pytest.raises(Refused, match=says) as refused:
        files.plan(Port("lake", "parquet@1", {"path": path}, str(root)), desired())
    assert "secret" not in str(refused.value)


def test_links_in_place_of_what_is_read_or_written_are_refused(parquet: Place, tmp_path: Path) -> None:
    secret = tmp_path / "secret.parquet"
    (parquet.path / "people.parquet").rename(secret)
    (parquet.path / "people.parquet").symlink_to(secret)
    with pytest.raises(Refused, match="no regular file"):
        parquet.apply(desired())
    (parquet.path / "people.parquet").unlink()
    secret.rename(parquet.path / "people.parquet")
    (tmp_path / "elsewhere").mkdir()
    (parquet.path / "roles").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="symbolic link"):
        parquet.apply(desired())
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_table_with_files_outside_of_it_is_refused(delta: Place, tmp_path: Path) -> None:
    log = delta.path / "people/_delta_log/00000000000000000000.json"
    file = next((delta.path / "people").glob("*.parquet"))
    file.rename(tmp_path / file.name)
    log.write_text(log.read_text().replace(file.name, f"../../../{file.name}"))
    with pytest.raises(Refused, match=r"outside of its folder"):
        delta.plan(desired())


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda place: (place.path / "people.parquet").unlink(), "Nothing is published"),
        (lambda place: (place.path / "people.parquet").write_bytes(b"no parquet"), "cannot be read"),
        (lambda place: place.publish(people().drop_columns(["pay"])), "no such column"),
    ],
)
def test_without_a_data_set_that_fits_nothing_is_changed(parquet: Place, spoil: Any, says: str) -> None:
    parquet.apply(desired())
    before, state = parquet.standing(), (parquet.path / "roles/access.json").read_bytes()
    spoil(parquet)
    with pytest.raises(Refused, match=says) as refused:
        parquet.apply(desired())
    assert "SENTINEL" not in str(refused.value)
    assert parquet.standing() == before
    assert (parquet.path / "roles/access.json").read_bytes() == state


def test_a_folder_that_is_somebody_elses_is_left_alone(parquet: Place) -> None:
    (parquet.path / "roles").mkdir()
    (parquet.path / "roles/mine.txt").write_text("mine")
    with pytest.raises(Refused, match=r"no access\.json"):
        parquet.apply(desired())
    assert (parquet.path / "roles/mine.txt").read_text() == "mine"


def test_two_products_do_not_share_a_path(parquet: Place) -> None:
    parquet.apply(desired())
    with pytest.raises(Refused, match="belongs to ops/people parquet@1"):
        parquet.apply(replace(desired(), product="ops/others"))


@pytest.mark.parametrize("stops_at", ["reader", "the-program"])
def test_a_run_that_ends_early_leaves_less_to_read_and_the_next_one_does_the_rest(
    place: Place, monkeypatch: pytest.MonkeyPatch, stops_at: str
) -> None:
    gone = View("gone", "human", visible("name"))
    place.apply(desired(replace(READER, columns=visible("id", "email", "ok")), PROGRAM, gone))
    narrower = desired(READER, replace(PROGRAM, columns=PROGRAM.columns[:1]))
    real = files.TABLES[place.port.uses].write

    def dies(storage: Any, path: str, *others: Any) -> None:
        if f"/{stops_at}/" in path:
            raise KeyboardInterrupt
        real(storage, path, *others)

    with monkeypatch.context() as patched:
        patched.setattr(files.TABLES[place.port.uses], "write", dies)
        with pytest.raises(KeyboardInterrupt):
            place.apply(narrower)
    assert not (place.path / "roles/gone").exists()
    assert place.plan(narrower) != []
    place.apply(narrower)
    assert place.verify(narrower) == []
    said = " ".join(change["sentence"] for change in files.audit_records(place.port)[-1]["changes"])
    assert "roles/gone is removed" in said
    assert stops_at in said
    assert b"SENTINEL" not in every_byte(place.path / "roles/reader")
    assert not list(place.path.glob(".roles.work*"))


def test_a_data_set_that_is_published_meanwhile_is_not_mixed_with_the_old_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = files.TABLES[place.port.uses].write

    def slow(storage: Any, path: str, *others: Any) -> None:
        real(storage, path, *others)
        if "/reader/" in path:
            place.publish(people(2))

    with monkeypatch.context() as patched:
        patched.setattr(files.TABLES[place.port.uses], "write", slow)
        with pytest.raises(Refused, match=r"replaced while it was read|changed the port meanwhile"):
            place.apply(desired())
    place.apply(desired())
    assert place.verify(desired()) == []
    assert place.read("the-program").num_rows == 2


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (Changed("s3://lake/a was replaced while it was read.", "Run again."), "Run again."),
        (
            Unseen("boto3, which reads and writes s3://, is not installed.", "Install boto3."),
            "Install boto3.",
        ),
        (Absent("There is no bucket lake."), files.FIX_STORAGE),
        (PermissionError(13, "Permission denied"), files.FIX_STORAGE),
    ],
)
def test_what_a_store_says_and_its_fix_reach_the_refusal(parquet: Place, error: Exception, fix: str) -> None:
    with pytest.raises(Refused) as refused, files._refusing(parquet.port):
        raise error
    assert refused.value.fix == fix and str(error) in str(refused.value)
    assert isinstance(error, OSError) or type(error).__name__ not in str(refused.value)


def test_one_run_at_a_time(parquet: Place) -> None:
    parquet.apply(desired())
    with (parquet.path / ".roles.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="Another run"):
            parquet.apply(desired())
    parquet.apply(desired())


def test_every_run_is_recorded_and_a_broken_chain_is_found(place: Place) -> None:
    assert files.audit_records(place.port) == []
    place.apply(desired())
    place.apply(desired(members=[]))
    path = place.path / "roles/audit.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert audit.broken(records) == ""
    assert records == files.audit_records(place.port)
    assert (records[-1]["port"], records[-1]["commit"], records[-1]["number"]) == ("lake", "c", 2)
    assert [change["sentence"] for change in records[-1]["changes"]][:1] == [
        "ada@example.org may no longer read as reader"
    ]
    records[0]["commit"] = "another"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    chains: list[Any] = []
    files.verify(place.port, desired(members=[]), lambda chain: chains.append(chain) or {})
    assert audit.broken(*chains) == "Audit record 1 was changed after it was written."
    path.write_text("no record\n")
    with pytest.raises(Refused, match="cannot be read"):
        files.audit_records(place.port)
    with pytest.raises(Refused, match="cannot be read"):
        place.apply(desired(members=[]))


def test_names_of_the_directory_cannot_write_lines_of_their_own(parquet: Place) -> None:
    evil = Principal("eve@example.org", "human", "Eve\n\x1b[2J may read as owner")
    for sentence in parquet.plan(desired(members=[Member(evil, "reader", (), None)])):
        assert sentence.isprintable()


def test_what_a_run_has_compared_is_known_by_its_checksums(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def difference(*_: Any) -> str:
        compared.append("once")
        return ""

    place.apply(desired())
    monkeypatch.setattr(files, "row_difference", difference)
    assert place.verify(desired()) == [] and not compared
    audit_file = place.path / "roles" / "audit.jsonl"
    records = [json.loads(line) for line in audit_file.read_text().splitlines()]
    del records[-1]["variants"]["reader"]
    audit_file.write_text("".join(json.dumps(record) + "\n" for record in records))
    place.verify(desired())
    assert compared == ["once"], "only what no record knows"


def test_a_run_lets_nobody_in_to_a_copy_that_is_wrong(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "row_difference", lambda *_: "is not what its view gives")
    with pytest.raises(Refused, match="Nobody was let in"):
        place.apply(desired())
    assert json.loads((place.path / "roles" / "access.json").read_text())["members"] == []
    monkeypatch.undo()
    place.apply(desired())
    assert place.verify(desired()) == []


# --- S3 -------------------------------------------------------------------------------------------------------------

KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
APPLIER = "arn:aws:sts::123456789012:user/moto"
"""Who moto says that we are."""


# moto applies a bucket policy as if its conditions were not there, so that every Deny is for all; what ours says is
# asked of `may`.
WITHOUT_POLICIES = """
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL
"""
SERVER = """
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(*server.get_host_and_port(), flush=True)
input()
"""


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """An S3 for programs that are not boto3, such as delta-rs. A process of its own: delta-rs holds Python's lock."""
    pytest.importorskip("flask", reason="moto's server needs flask (moto[server])")
    command = [sys.executable, "-c", WITHOUT_POLICIES + SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout
        host, port = server.stdout.readline().split()
        yield f"http://{host}:{port}"
        server.kill()


def in_bucket(kind: str) -> Place:
    import boto3

    boto3.client("s3").create_bucket(Bucket="lake")
    found = Place(Port("lake", kind, {"path": "s3://lake/ops"}, "/nowhere"))
    found.publish(people())
    return found


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    moto = pytest.importorskip("moto")
    from moto.iam.access_control import PermissionResult

    for key, value in KEYS.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr("moto.s3.models.FakeBucket.get_permission", lambda *_: PermissionResult.NEUTRAL)
    with moto.mock_aws():
        yield


@pytest.fixture
def lake(aws: None) -> Place:
    """A port with a Parquet file in a bucket."""
    return in_bucket("parquet@1")


@pytest.fixture
def delta_lake(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    for key, value in {**KEYS, "AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true"}.items():
        monkeypatch.setenv(key, value)
    return in_bucket("delta@1")


def client() -> Any:
    import boto3

    return boto3.client("s3")


def keys(prefix: str = "") -> list[str]:
    found = client().list_objects_v2(Bucket="lake", Prefix=prefix)
    return sorted(entry["Key"] for entry in found.get("Contents", ()))


def body(key: str) -> bytes:
    return client().get_object(Bucket="lake", Key=key)["Body"].read()


def policy() -> dict[str, Any]:
    return json.loads(client().get_bucket_policy(Bucket="lake")["Policy"])


def put_policy(changed: dict[str, Any]) -> None:
    client().put_bucket_policy(Bucket="lake", Policy=json.dumps(changed))


def may(
    arn: str, action: str, resource: str, tls: bool = True, own_account: bool = False, prefix: str = ""
) -> bool:
    """What IAM would say, for the few things that our policies use. `own_account`: its own policies allow all."""
    import fnmatch

    def fits(pattern: str | list[str], value: str) -> bool:
        patterns = [pattern] if isinstance(pattern, str) else pattern
        return any(fnmatch.fnmatchcase(value, each.replace("[", "[[]")) for each in patterns)

    def applies(statement: dict[str, Any]) -> bool:
        who = statement["Principal"]
        holds = who == "*" or arn in who["AWS"]
        holds &= fits(statement["Action"], action) and fits(statement["Resource"], f"arn:aws:s3:::{resource}")
        for operator, asked in statement.get("Condition", {}).items():
            (key, value), *_ = asked.items()
            holds &= {
                "Bool": lambda value=value: value == str(tls).lower(),
                "StringNotLike": lambda value=value: not fits(value, arn),
                "StringLike": lambda value=value: fits(value, prefix),
            }[operator]()
            assert key in ("aws:SecureTransport", "aws:PrincipalArn", "s3:prefix")
        return holds

    found = [statement["Effect"] for statement in policy()["Statement"] if applies(statement)]
    return "Deny" not in found and (own_account or "Allow" in found)


def test_on_s3_each_role_gets_its_prefix_and_nobody_else_does(lake: Place) -> None:
    wanted = desired()
    lake.apply(wanted)
    assert lake.plan(wanted) == []
    assert lake.verify(wanted) == []
    assert keys("ops/roles/") == [
        "ops/roles/access.json",
        "ops/roles/audit.jsonl",
        "ops/roles/bucket-policy.json",
        "ops/roles/reader/people.parquet",
        "ops/roles/the-program/people.parquet",
    ]
    found = pq.read_table(pa.BufferReader(body("ops/roles/reader/people.parquet")))
    assert found.column_names == ["id", "email", "born", "ok"]
    assert json.loads(body("ops/roles/bucket-policy.json")) == policy()

    ada, bot = ADA.logins["aws"], BOT.logins["aws"]
    stranger = "arn:aws:iam::111122223333:role/mallory"
    reader, program = "lake/ops/roles/reader/people.parquet", "lake/ops/roles/the-program/people.parquet"
    reads = {
        (who, what)
        for who in (ada, bot, stranger)
        for what in (reader, program, "lake/ops/people.parquet", "lake/ops/roles/access.json")
        if may(who, "s3:GetObject", what)
    }
    assert reads == {(ada, reader), (bot, reader), (bot, program)}
    # A policy of the account that allows everything opens no role, and shows no earlier version to anybody.
    assert not may(stranger, "s3:GetObject", reader, own_account=True)
    assert not may(ada, "s3:GetObject", program, own_account=True)
    assert not may(ada, "s3:GetObject", "lake/ops/roles/audit.jsonl", own_account=True)
    assert not may(ada, "s3:GetObjectVersion", reader, own_account=True)
    assert may(APPLIER, "s3:GetObject", program, own_account=True)
    assert not may(ada, "s3:GetObject", reader, tls=False)
    assert may(ada, "s3:ListBucket", "lake", prefix="ops/roles/reader/")
    assert not may(ada, "s3:ListBucket", "lake", prefix="ops/roles/reader-2/")
    assert not may(ada, "s3:ListBucket", "lake", prefix="ops/roles/")
    assert not may(ada, "s3:ListBucket", "lake", prefix="")


def test_on_s3_a_revoked_member_and_role_are_gone(lake: Place) -> None:
    lake.apply(desired())
    lake.apply(desired(PROGRAM, members=[]))
    reader, program = "ops/roles/reader/people.parquet", "ops/roles/the-program/people.parquet"
    assert reader not in keys()
    assert not may(BOT.logins["aws"], "s3:GetObject", f"lake/{program}", own_account=True)
    assert lake.verify(desired(PROGRAM, members=[])) == []


def test_statements_of_others_stay_and_those_that_open_our_path_are_told(lake: Place) -> None:
    elsewhere = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::444455556666:role/other"},
        "Action": ["s3:GetObject"],
        "Resource": "arn:aws:s3:::lake/other/*",
    }
    opened = {**elsewhere, "Sid": "Wide", "Action": "s3:Get*", "Resource": "arn:aws:s3:::lake/o*"}
    inverse = {
        "Effect": "Allow",
        "Principal": "*",
        "NotAction": "s3:PutObject",
        "NotResource": "arn:aws:s3:::lake/x",
    }
    writer = {**elsewhere, "Sid": "Write", "Action": "s3:PutObject", "Resource": "*"}
    put_policy({"Version": "2012-10-17", "Id": "theirs", "Statement": [elsewhere, opened, inverse, writer]})
    done = lake.apply(desired())
    assert [manual_action.sentence for manual_action in done.manual_actions] == [
        "The statement Wide of the policy of the bucket lake lets arn:aws:iam::444455556666:role/other read below"
        " s3://lake/ops/.",
        "The statement number 3 of the policy of the bucket lake lets everybody read below s3://lake/ops/.",
    ]
    assert policy()["Statement"][:4] == [elsewhere, opened, inverse, writer]
    assert policy()["Id"] == "theirs"
    assert len(lake.verify(desired())) == 2
    assert lake.plan(desired()) == []


def test_two_ports_share_a_bucket(lake: Place) -> None:
    lake.apply(desired())
    other = Place(replace(lake.port, properties={"path": "s3://lake/ops-2"}))
    client().put_object(Bucket="lake", Key="ops-2/people.parquet", Body=body("ops/people.parquet"))
    other.apply(desired(PROGRAM))
    assert lake.verify(desired()) == []
    assert other.verify(desired(PROGRAM)) == []


@pytest.mark.parametrize(
    "drift",
    [
        lambda found: found["Statement"].pop(0),
        lambda found: found["Statement"][-1].update(Principal="*"),
        lambda found: found["Statement"].append(
            {**found["Statement"][-1], "Sid": found["Statement"][0]["Sid"] + "x"}
        ),
        lambda found: [
            each["Principal"]["AWS"].append("arn:aws:iam::111122223333:role/mallory")
            for each in found["Statement"]
            if each["Effect"] == "Allow" and isinstance(each["Principal"]["AWS"], list)
        ],
        lambda found: found["Statement"].clear(),
    ],
    ids=["a statement gone", "open to all", "a statement of our name", "a rogue member", "all gone"],
)
def test_drift_of_the_bucket_policy_is_found_and_fixed(lake: Place, drift: Any) -> None:
    lake.apply(desired())
    good, changed = policy(), policy()
    drift(changed)
    put_policy(changed)
    assert lake.plan(desired())
    assert lake.verify(desired())
    lake.apply(desired())
    assert policy() == good
    assert lake.plan(desired()) == []


def test_a_rogue_member_is_revoked_by_name(lake: Place) -> None:
    lake.apply(desired())
    changed = policy()
    rogue = "arn:aws:iam::111122223333:role/mallory"
    allow = next(
        each
        for each in changed["Statement"]
        if each["Action"] == "s3:GetObject" and each["Effect"] == "Allow"
    )
    allow["Principal"]["AWS"].append(rogue)
    put_policy(changed)
    assert f"revoke: {rogue} may no longer read as reader" in lake.plan(desired())


@pytest.mark.parametrize(
    "login",
    [
        "ada@example.org",
        "*",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::111122223333:user/${aws:username}",
        "arn:aws:iam::111122223333:role/a?",
        'arn:aws:iam::111122223333:role/a"b',
        "arn:aws:iam::111122223333:role/a\n",
        "111122223333",
    ],
)
def test_who_has_no_aws_identity_of_his_own_is_not_let_in(lake: Place, login: str) -> None:
    eve = Principal("eve@example.org", "human", "Eve Example", logins={"aws": login})
    done = lake.apply(desired(members=[Member(eve, "reader", ("a-1",), END)]))
    assert [manual_action.sentence for manual_action in done.manual_actions] == [
        "Eve Example (eve@example.org) has no AWS identity in the directory and cannot be let in as reader."
    ]
    assert [statement for statement in policy()["Statement"] if statement["Effect"] == "Allow"] == []
    assert not any(change.action == "grant" for change in done.changes)


def test_a_policy_that_is_too_long_is_refused_before_anything_is_changed(lake: Place) -> None:
    lake.apply(desired())
    before, there = policy(), keys()
    crowd = [
        Member(
            Principal(
                f"p{n}@example.org", "human", logins={"aws": f"arn:aws:iam::111122223333:role/someone-{n:04}"}
            ),
            "reader",
            (),
            None,
        )
        for n in range(200)
    ]
    with pytest.raises(Refused, match="AWS takes 20480") as refused:
        lake.apply(desired(PROGRAM, READER, members=crowd))
    assert "share a role" in refused.value.fix
    assert (policy(), keys()) == (before, there)


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (
            "arn:aws:sts::111122223333:assumed-role/applier/session@1",
            ["arn:aws:iam::111122223333:role/applier", "arn:aws:iam::111122223333:role/*/applier"],
        ),
        ("arn:aws-cn:iam::111122223333:user/ci/applier", ["arn:aws-cn:iam::111122223333:user/ci/applier"]),
        ("arn:aws:iam::111122223333:root", ["arn:aws:iam::111122223333:root"]),
        ("arn:aws:iam::111122223333:user/*", None),
        ("", None),
    ],
)
def test_the_one_who_applies_stays_let_in(
    lake: Place, monkeypatch: pytest.MonkeyPatch, caller: str, expected: list[str] | None
) -> None:
    import boto3

    class Sts:
        def get_caller_identity(self) -> dict[str, str]:
            return {"Arn": caller}

    bucket = Bucket("lake", "ops/")
    monkeypatch.setattr(boto3, "client", lambda name: Sts())
    if expected is None:
        with pytest.raises(Refused):
            bucket_policy.applier(bucket)
    else:
        assert bucket_policy.applier(bucket) == expected


def test_on_s3_what_somebody_else_did_is_found_and_fixed(lake: Place) -> None:
    lake.apply(desired())
    client().put_object(Bucket="lake", Key="ops/roles/reader/people.parquet", Body=body("ops/people.parquet"))
    client().put_object(Bucket="lake", Key="ops/roles/reader/clear.parquet", Body=b"x")
    client().put_object(Bucket="lake", Key="ops/roles-of-others/x", Body=b"x")
    assert lake.verify(desired())
    lake.apply(desired())
    assert lake.verify(desired()) == []
    assert "ops/roles/reader/clear.parquet" not in keys()
    assert "ops/roles-of-others/x" in keys()


def test_on_s3_the_second_of_two_runs_gives_way(lake: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.apply(desired())
    real = files.TABLES["parquet@1"].write

    def meanwhile(*arguments: Any) -> None:
        monkeypatch.setattr(files.TABLES["parquet@1"], "write", real)
        lake.apply(desired(members=[]))
        real(*arguments)

    monkeypatch.setattr(files.TABLES["parquet@1"], "write", meanwhile)
    with pytest.raises(Refused, match="Another run"):
        lake.apply(desired(replace(READER, rows=()), PROGRAM))
    lake.apply(desired())
    assert lake.verify(desired()) == []


def test_a_delta_table_in_a_bucket_keeps_nothing_of_what_was_taken_away(delta_lake: Place) -> None:
    wide = View("reader", "human", visible(*COLUMNS))
    delta_lake.apply(desired(wide, PROGRAM))
    assert delta_lake.verify(desired(wide, PROGRAM)) == []
    assert any(b"SENTINEL-name" in body(key) for key in keys("ops/roles/reader/"))
    delta_lake.apply(desired())
    assert delta_lake.verify(desired()) == []
    assert delta_lake.plan(desired()) == []
    found = b"\0".join(body(key) for key in keys("ops/roles/reader/"))
    assert not [sentinel for sentinel in SENTINELS if sentinel.encode() in found]
    table = deltalake.DeltaTable("s3://lake/ops/roles/reader/people").to_pyarrow_table()
    assert sorted(table["id"].to_pylist()) == [0, 1, 4, 5]
    delta_lake.publish(people(3))
    delta_lake.apply(desired())
    assert delta_lake.verify(desired()) == []
    delta_lake.apply(desired(PROGRAM))
    assert keys("ops/roles/reader/") == []


def test_a_role_that_goes_is_closed_to_all_until_its_files_are_gone(
    lake: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.apply(desired())
    stranger, file = "arn:aws:iam::111122223333:role/mallory", "ops/roles/reader/people.parquet"
    real = Bucket.remove

    def looks(self: Bucket, names: Any) -> None:
        names = list(names)
        if file in {f"ops/{name}" for name in names}:
            assert not may(stranger, "s3:GetObject", f"lake/{file}", own_account=True)
            assert not may(ADA.logins["aws"], "s3:GetObject", f"lake/{file}", own_account=True)
            looked.append(file)
        real(self, names)

    looked: list[str] = []
    monkeypatch.setattr(Bucket, "remove", looks)
    lake.apply(desired(PROGRAM))
    assert looked == [file]


def test_audit_records_are_not_read_or_written_through_a_link(place: Place) -> None:
    place.apply(desired())
    (place.path / "roles/audit.jsonl").unlink()
    (place.path / "roles/audit.jsonl").symlink_to("/dev/null")
    assert files.audit_records(place.port) == []
    place.apply(desired())
    assert [record["number"] for record in files.audit_records(place.port)] == [1]


def test_memory_does_not_grow_with_the_data_set(tmp_path: Path) -> None:
    """Twenty times the rows, and about as much memory."""
    peaks = []
    for rows in (100_000, 2_000_000):
        folder = tmp_path / str(rows)
        folder.mkdir()
        with duckdb.connect() as connection:
            connection.execute(
                f"copy (select i::int as id, 'a'||i||'@example.org' as email, (case i % 2 when 0 then 'EU' end) as region"
                f" from range({rows}) t(i)) to '{folder}/people.parquet' (format parquet)"
            )
        code = (
            "import resource, test_access_files as t\n"
            f"place = t.Place(t.Port('lake', 'parquet@1', {{'path': '.'}}, {str(folder)!r}))\n"
            "view = t.View('reader', 'human', t.visible('id', 'email', email='domain'), (t.IN_EUROPE,))\n"
            "place.apply(t.desired(view))\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        )
        paths = os.pathsep.join([str(SUPPORT), *sys.path])
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    assert peaks[1] < 1.8 * peaks[0], peaks
