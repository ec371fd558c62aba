"""Delta Sharing: what an agreement shows of a file port, with the protocol's own client as the judge."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import delta_sharing
import deltalake
import moto
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from catalog_server import Answer, Catalog, catalog
from click.testing import CliRunner, Result
from starlette.testclient import TestClient

from meshwright.access.grants import (
    AuditRecord,
    Column,
    Desired,
    Member,
    Port,
    Principal,
    Refused,
    View,
    VisibleColumn,
)
from meshwright.access.targets import files
from meshwright.cli import main
from meshwright.serve.app import Settings, application
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.sharing.delta_types import schema_string
from meshwright.serve.sharing.file_links import SECONDS, FileLink, FileLinks
from meshwright.serve.sharing.shared_ports import shared_ports

KINDS = ("parquet@1", "delta@1")
ADDRESS = "airport-operations/staff#lake"
TABLE = "/delta-sharing/shares/airport-operations/schemas/staff/tables/lake"
HIDDEN = "HIDDEN"
"""In every value that the reader must not see."""
END = datetime(2100, 1, 1, tzinfo=UTC)
PEOPLE = {
    name: Principal(name, "human", logins={"aws": f"arn:aws:iam::111122223333:role/{name}"})
    for name in ("ada", "bob")
}


def staff(**more: pa.Array) -> pa.Table:
    return pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int32()),
            "mail": [f"{HIDDEN}1@example.org", None, f"{HIDDEN}3@example.com"],
            "pay": [f"{HIDDEN}-{number}" for number in range(3)],
            "since": pa.array(
                [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3)], pa.timestamp("us", "UTC")
            ),
        }
        | more
    )


def seen(*names: str, **masks: str) -> tuple[VisibleColumn, ...]:
    types = {"id": "integer", "mail": "string", "pay": "string", "since": "timestamp"}
    return tuple(
        VisibleColumn(Column(name, types.get(name, "timestamp"), "internal"), masks.get(name))
        for name in names
    )


def member(name: str, role: str = "reader", agreement: str = "punctuality", until: datetime = END) -> Member:
    return Member(PEOPLE[name], role, (agreement,), until)


@dataclass
class Shared:
    """A port, and the catalog that shares it."""

    port: Port
    folder: Path
    server: Catalog
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / "port"

    def publish(self, table: pa.Table) -> None:
        publish(self.port, self.folder, table)

    def apply(
        self,
        *members: Member,
        columns: Sequence[str] = ("id", "mail", "since"),
        terms: Mapping[str, Any] | None = None,
        commit: str = "c0ffee",
    ) -> None:
        views = (
            View("reader", "human", seen(*columns, mail="domain")),
            View("clear", "human", seen("id", "pay")),
        )
        files.apply(
            self.port,
            Desired("airport-operations/staff", "staff", views, members),
            AuditRecord(
                {
                    "at": "2026-01-01T00:00:00+00:00",
                    "terms": dict(terms or {}),
                    "agreements": {"punctuality": {"commit": commit}},
                }
            ),
        )

    def command(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["catalog", *arguments, "--database", self.server.database])

    def profile(self, agreement: str = "punctuality") -> dict[str, Any]:
        """The profile of an agreement's token; a new one for each test."""
        shares = str(self.folder / "shares.yaml")
        made = self.command(
            "share", "create", ADDRESS, agreement, "--shares", shares, "--url", self.server.url
        )
        assert made.exit_code == 0, made.output
        profile: dict[str, Any] = json.loads(made.stdout)
        return profile

    def ask(self, method: str, path: str, token: str, body: Any = None, **headers: str) -> Answer:
        return self.server.ask(method, path, body, token, **headers)

    def links(self, token: str, **headers: str) -> list[str]:
        """The addresses of files that a query gives."""
        answer = self.ask("POST", f"{TABLE}/query", token, {}, **headers)
        assert answer.status == 200, answer.text
        lines = [json.loads(line) for line in answer.text.splitlines()]
        return [line["file"]["url"].removeprefix(self.server.url) for line in lines if "file" in line]


def publish(port: Port, folder: Path, table: pa.Table) -> None:
    path = folder / port.properties["path"]
    if port.uses == "delta@1":
        deltalake.write_deltalake(str(path / "staff"), table, mode="overwrite", schema_mode="overwrite")
        return
    path.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path / "new")
    os.replace(path / "new", path / "staff.parquet")


@pytest.fixture(scope="module", params=KINDS)
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("shared")
    shares = folder / "shares.yaml"
    shares.write_text(f"dp:{ADDRESS}: {{uses: {request.param}, location: port}}\n")
    port = Port("lake", request.param, {"path": "port"}, str(folder))
    publish(port, folder, staff())
    with catalog(folder / "catalog", None, False, "--shares", str(shares)) as server:
        yield Shared(port, folder, server)


@pytest.fixture
def shared(started: Shared) -> Shared:
    """The port as every test finds it: ada reads as `reader`, bob reads in the clear."""
    started.publish(staff())
    started.apply(member("ada"), member("bob", "clear", "payroll"))
    return started


def load(profile: Mapping[str, Any], folder: Path, **options: Any) -> Any:
    file = folder / "profile.share"
    file.write_text(json.dumps(profile))
    return delta_sharing.load_as_pandas(f"{file}#airport-operations.staff.lake", **options)


@pytest.mark.main
def test_the_protocols_own_client_reads_what_the_role_shows(shared: Shared, tmp_path: Path) -> None:
    rows = load(shared.profile(), tmp_path).to_dict("list")
    assert list(rows) == ["id", "mail", "since"]
    assert rows["id"] == [1, 2, 3] and rows["mail"][::2] == ["example.org", "example.com"]
    assert [day.day for day in rows["since"]] == [1, 2, 3] and rows["since"][0].tz is not None
    client = delta_sharing.SharingClient(str(tmp_path / "profile.share"))
    assert [(one.share, one.schema, one.name) for one in client.list_all_tables()] == [
        ("airport-operations", "staff", "lake")
    ]
    assert [share.name for share in client.list_shares()] == ["airport-operations"]


def test_the_client_does_not_shift_timestamps_without_a_zone(shared: Shared, tmp_path: Path) -> None:
    shared.publish(staff(left=pa.array([datetime(2026, 5, 1, 12)] * 3, pa.timestamp("us"))))
    shared.apply(member("ada"), columns=("id", "left"))
    profile = shared.profile()
    left = load(profile, tmp_path)["left"]
    assert left.dt.tz is None and str(left[0]) == "2026-05-01 12:00:00"
    refused = shared.ask("POST", f"{TABLE}/query", profile["bearerToken"], {})
    assert refused.status == 400 and "responseformat=delta" in refused.json["message"]


def test_no_answer_holds_what_the_role_does_not_show(shared: Shared) -> None:
    token = shared.profile()["bearerToken"]
    answers = [shared.ask("GET", f"{TABLE}/metadata", token), shared.ask("POST", f"{TABLE}/query", token, {})]
    answers += [shared.ask("GET", link, "") for link in shared.links(token)]
    assert all(answer.status == 200 for answer in answers)
    assert not any(HIDDEN.encode() in answer.body for answer in answers)
    sent = pa.BufferReader(answers[-1].body)
    assert pq.read_table(sent).column_names == ["id", "mail", "since"]


@pytest.mark.slow
def test_the_version_rises_with_each_change(shared: Shared) -> None:
    token = shared.profile()["bearerToken"]
    before = int(shared.ask("GET", f"{TABLE}/version", token).headers["Delta-Table-Version"])
    shared.publish(staff().slice(1))
    stale = shared.ask("POST", f"{TABLE}/query", token, {})
    assert stale.status == 200, "the copy is as it was until access is applied"
    shared.apply(member("ada"))
    assert int(shared.ask("GET", f"{TABLE}/version", token).headers["Delta-Table-Version"]) > before


@pytest.mark.slow
@pytest.mark.parametrize("end", ["revoked", "another role's", "ended", "token revoked"])
def test_nothing_is_given_after_the_end_not_even_by_an_earlier_link(shared: Shared, end: str) -> None:
    token = shared.profile()["bearerToken"]
    link = shared.links(token)[0]
    assert shared.ask("GET", link, "").status == 200
    match end:
        case "revoked":
            shared.apply(member("bob", "clear", "payroll"))
        case "another role's":
            shared.apply(member("ada", agreement="another"))
        case "ended":
            shared.apply(member("ada", until=datetime.now(UTC) - timedelta(seconds=1)))
        case _:
            assert shared.command("token", "revoke", token).exit_code == 0
    refused = shared.ask("POST", f"{TABLE}/query", token, {})
    assert refused.status == (401 if end == "token revoked" else 403)
    assert shared.ask("GET", link, "").status == 403
    assert b"PAR1" not in shared.ask("GET", link, "").body


def test_a_link_gives_its_own_file_only(shared: Shared) -> None:
    token = shared.profile()["bearerToken"]
    link = shared.links(token)[0]
    text = parse_qs(urlsplit(link).query)["sp"][0]
    other = "y" if text[0] == "x" else "x"  # a signature can begin with either
    forged = [text[:-4], other + text[1:], text.swapcase(), "", "e30=", "A" * 80]
    answers = [shared.ask("GET", f"/delta-sharing/files?sp={one}", "") for one in forged]
    assert {answer.status for answer in answers} == {403}
    shared.publish(staff().slice(1))
    shared.apply(member("ada"))
    assert shared.ask("GET", link, "").status == 403, "the file was replaced"


def damages(shared: Shared) -> Mapping[str, Any]:
    role = shared.path / "roles" / "reader"

    def outside() -> None:
        """A Delta log that names the clear data, and a Parquet file that is a link to it."""
        if shared.port.uses == "parquet@1":
            (role / "staff.parquet").unlink()
            (role / "staff.parquet").symlink_to(shared.path / "staff.parquet")
            return
        clear = next((shared.path / "staff").glob("*.parquet"))
        log = next((role / "staff" / "_delta_log").glob("*.json"))
        add = {
            "path": str(clear),
            "partitionValues": {},
            "size": 1,
            "modificationTime": 1,
            "dataChange": True,
        }
        (log.parent / f"{int(log.stem) + 1:020}.json").write_text(json.dumps({"add": add}))

    def state(change: str, to: str) -> None:
        file = shared.path / "roles" / "access.json"
        file.write_text(file.read_text().replace(change, to))

    return {
        "another file": lambda: (role / "more.parquet").write_bytes(b"PAR1"),
        "clear data in its place": outside,
        "no file": lambda: [one.unlink() for one in role.rglob("*") if one.is_file()],
        "another owner": lambda: state("airport-operations/staff", "airport-operations/other"),
        "no state": lambda: (shared.path / "roles" / "access.json").unlink(),
        "unreadable state": lambda: (shared.path / "roles" / "access.json").write_text("{"),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    ["another file", "clear data in its place", "no file", "another owner", "no state", "unreadable state"],
)
def test_only_files_that_were_recorded_are_shared(shared: Shared, damage: str) -> None:
    token = shared.profile()["bearerToken"]
    damages(shared)[damage]()
    try:
        refused = shared.ask("POST", f"{TABLE}/query", token, {})
        assert refused.status == 503 and "url" not in refused.text
        assert HIDDEN not in refused.text
    finally:
        for file in sorted((shared.path / "roles").rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    [
        {"version": 0},
        {"timestamp": "2026-01-01T00:00:00Z"},
        {"startingVersion": 0},
        {"startingVersion": 0, "endingVersion": 1},
    ],
    ids=str,
)
def test_what_a_role_saw_before_is_not_shared(shared: Shared, asked: dict[str, Any]) -> None:
    token = shared.profile()["bearerToken"]
    assert shared.ask("POST", f"{TABLE}/query", token, asked).status == 400
    assert shared.ask("GET", f"{TABLE}/changes?startingVersion=0", token).status == 400
    assert shared.ask("GET", f"{TABLE}/version?startingTimestamp=2026-01-01T00:00:00Z", token).status == 400


@pytest.mark.slow
def test_hints_change_nothing_but_what_a_client_leaves_out(shared: Shared, tmp_path: Path) -> None:
    profile = shared.profile()
    assert len(load(profile, tmp_path, limit=2)) == 2
    hints = {"predicateHints": ["id = 'x"], "jsonPredicateHints": "{", "limitHint": 1, "version": None}
    assert shared.ask("POST", f"{TABLE}/query", profile["bearerToken"], hints).status == 200


def test_each_token_is_for_one_thing(shared: Shared) -> None:
    profile = shared.profile()["bearerToken"]
    others = [
        shared.command("token", "create", *scope).stdout.strip()
        for scope in (("--read",), ("--admin",), ("--product", "airport-operations/staff"))
    ]
    assert {shared.ask("POST", f"{TABLE}/query", one, {}).status for one in others} == {403}
    assert {
        shared.ask("POST", f"{TABLE}/query", one, {}).status for one in ("", "mwc_x_y", profile[:-1])
    } == {401}
    assert shared.ask("PUT", "/api/products/airport-operations/staff", profile, {}).status in (401, 403)
    unknown = [
        TABLE.replace("staff", "crew"),
        TABLE.replace("lake", "warehouse"),
        TABLE.replace("airport-operations", "finance"),
    ]
    assert {shared.ask("GET", f"{one}/version", profile).status for one in unknown} == {404}
    assert shared.ask("GET", TABLE.replace("staff", "STAFF") + "/version", profile).status == 200


RANGES = {
    "": (200, slice(None)),
    "bytes=0-3": (206, slice(0, 4)),
    "bytes=4-": (206, slice(4, None)),
    "bytes=-4": (206, slice(-4, None)),
    "bytes=0-999999999": (200, slice(None)),
    "bytes=0-1,4-5": (200, slice(None)),
    "rows=0-1": (200, slice(None)),
    "bytes=a-b": (200, slice(None)),
    "bytes=999999999-": (416, None),
    "bytes=-0": (416, None),
    "bytes=-000": (416, None),
    "bytes=0-0": (206, slice(0, 1)),
}


def test_parts_of_a_file(shared: Shared) -> None:
    link = shared.links(shared.profile()["bearerToken"])[0]
    whole = shared.ask("GET", link, "").body
    for header, (status, part) in RANGES.items():
        answer = shared.ask("GET", link, "", Range=header)
        assert answer.status == status, header
        assert part is None or answer.body == whole[part], header


def test_every_read_is_recorded(shared: Shared) -> None:
    token = shared.profile()["bearerToken"]
    link = shared.links(token)[0]
    for spelling in (link, f"{link}!", link.replace("sp=", "sp=.."), f"{link}===="):
        assert shared.ask("GET", spelling, "", Range="bytes=0-3").status == 206
    lines = [
        json.loads(line)
        for line in shared.command("share", "log", "--agreement", "punctuality").stdout.splitlines()
    ]
    mine = [line for line in lines if line["token"] == token.split("_")[1]]
    assert [(line["request"], line["role"], line["port"], line["files"]) for line in mine] == [
        ("query", "reader", ADDRESS, 1),
        ("file", "reader", ADDRESS, 1),
    ]
    assert token not in shared.server.log and "sp=" not in shared.server.log


def test_a_read_whose_record_failed_is_recorded_with_the_next_one() -> None:
    links, recorded = FileLinks(), []
    link = FileLink("token", "staff.parquet", "stamp", time.time() + 60)

    def fails() -> None:
        raise OSError

    with pytest.raises(OSError):
        links.record_once(link, fails)
    for _ in range(3):
        links.record_once(link, lambda: recorded.append(link))
    assert recorded == [link]


def test_a_token_ends_with_its_agreement(shared: Shared) -> None:
    assert shared.profile()["expirationTime"] == "2100-01-01T00:00:00.000Z"
    shares = str(shared.folder / "shares.yaml")
    unknown = shared.command(
        "share", "create", ADDRESS, "another", "--shares", shares, "--url", shared.server.url
    )
    assert unknown.exit_code == 1 and "not in force" in unknown.output and not unknown.stdout


@pytest.mark.parametrize("change", ["another role", "another approval"])
def test_a_token_is_not_for_another_agreement_of_its_name(shared: Shared, change: str) -> None:
    token = shared.profile()["bearerToken"]
    link = shared.links(token)[0]
    if change == "another role":
        shared.apply(member("bob", "clear"))
    else:
        shared.apply(member("ada"), commit="another")
    assert shared.ask("POST", f"{TABLE}/query", token, {}).status == 403
    assert shared.ask("GET", link, "").status == 403


def test_an_agreement_ends_before_another_one_of_the_same_reader(shared: Shared) -> None:
    token = shared.profile()["bearerToken"]
    both = Member(PEOPLE["ada"], "reader", ("punctuality", "longer"), END)
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    shared.apply(both, terms={"punctuality": {"until": past}, "longer": {"until": END.isoformat()}})
    assert shared.ask("POST", f"{TABLE}/query", token, {}).status == 403
    assert shared.ask("POST", f"{TABLE}/query", shared.profile("longer")["bearerToken"], {}).status == 200


BAD = {
    "dp:ops/a#b: {uses: postgres@1, location: x}": "its rows are in a database",
    "dp:ops/a#b: {uses: view@1, location: x}": "SQL over other data",
    "dp:ops/a#b: {uses: iceberg@1, location: x}": "nothing writes a copy of it for a role",
    "dp:ops/a#b: {uses: csv@1, location: x}": "grants nothing on it",
    "dp:ops/a#b: {uses: parquet@1}": "has no `uses` and `location`",
    "dp:ops/a#b: {uses: parquet@1, location: ../x}": "leaves the repository",
    "dp:ops/a#b: {uses: parquet@1, location: 'https://example.org/x'}": "https:// addresses",
    "ops: {uses: parquet@1, location: x}": "no address",
    "[]": "names no port",
}


@pytest.mark.parametrize("text", BAD)
def test_ports_that_cannot_be_shared_are_refused_with_the_reason(text: str, tmp_path: Path) -> None:
    file = tmp_path / "shares.yaml"
    file.write_text(text)
    done = CliRunner().invoke(
        main, ["catalog", "serve", "--shares", str(file), "--database", str(tmp_path / "catalog.db")]
    )
    assert done.exit_code in (1, 2) and BAD[text] in done.output and "fix:" in done.output


TYPES = {
    pa.string(): "string",
    pa.int8(): "byte",
    pa.int64(): "long",
    pa.float32(): "float",
    pa.bool_(): "boolean",
    pa.binary(): "binary",
    pa.date32(): "date",
    pa.decimal128(38, 9): "decimal(38,9)",
    pa.timestamp("us", "UTC"): "timestamp",
    pa.timestamp("us"): "timestamp_ntz",
    pa.dictionary(pa.int32(), pa.string()): "string",
    pa.uint8(): None,
    pa.uint64(): None,
    pa.float16(): None,
    pa.time64("us"): None,
    pa.duration("us"): None,
    pa.timestamp("ns"): None,
    pa.decimal256(50, 2): None,
    pa.list_(pa.uint16()): None,
    pa.struct([("a", pa.map_(pa.string(), pa.time32("ms")))]): None,
}


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_types_are_deltas_or_refused(kind: pa.DataType) -> None:
    schema = pa.schema([("c", kind)])
    if TYPES[kind] is None:
        with pytest.raises(Refused, match="no type for the column c"):
            schema_string(schema)
        return
    assert json.loads(schema_string(schema))["fields"][0]["type"] == TYPES[kind]
    ours = deltalake.Schema.from_json(schema_string(schema))
    plain = schema.set(0, pa.field("c", kind.value_type)) if pa.types.is_dictionary(kind) else schema
    assert ours == deltalake.Schema.from_arrow(plain)


@pytest.mark.parametrize("kind", [pa.list_(pa.int32()), pa.map_(pa.string(), pa.float64()), pa.struct([("a", pa.date32())])], ids=str)  # fmt: skip
def test_nested_types_are_deltas(kind: pa.DataType) -> None:
    schema = pa.schema([pa.field("c", kind, nullable=False)])
    assert deltalake.Schema.from_json(schema_string(schema)) == deltalake.Schema.from_arrow(schema)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import boto3
    from moto.iam.access_control import PermissionResult

    for key in ("AWS_ACCESS_KEY_ID", "AWS_HIDDEN_ACCESS_KEY"):
        monkeypatch.setenv(key, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # moto applies a bucket policy without its conditions, so that a Deny is for everybody
    monkeypatch.setattr("moto.s3.models.FakeBucket.get_permission", lambda *_: PermissionResult.NEUTRAL)
    with moto.mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="lake")
        yield client


def test_a_bucket_signs_links_to_the_roles_own_objects_only(bucket: Any, tmp_path: Path) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(staff(), sink)
    bucket.put_object(Bucket="lake", Key="ops/staff.parquet", Body=sink.getvalue().to_pybytes())
    shares = tmp_path / "shares.yaml"
    shares.write_text(f"dp:{ADDRESS}: {{uses: parquet@1, location: 's3://lake/ops'}}\n")
    ports = shared_ports(shares)
    shared = Shared(ports[ADDRESS].port, tmp_path, Catalog(tmp_path, ""))
    until = datetime.now(UTC) + timedelta(seconds=100)
    shared.apply(member("ada", until=until), member("bob", "clear", "payroll"))
    store = CatalogStore(str(tmp_path / "catalog.db"))
    token, _ = store.tokens.create({f"share:punctuality:reader:c0ffee:{ADDRESS}"})
    client = TestClient(application(store, Settings(log=False, shares=ports)))
    answer = client.post(f"{TABLE}/query", json={}, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    entries = [json.loads(line)["file"] for line in answer.text.splitlines() if '"file"' in line]
    address = urlsplit(entries[0]["url"])
    asked = parse_qs(address.query)
    assert len(entries) == 1 and address.path.endswith("ops/roles/reader/staff.parquet")
    assert int(asked.get("X-Amz-Expires", ["0"])[0] or asked["Expires"][0]) <= 100 < SECONDS
    assert entries[0]["expirationTimestamp"] <= until.timestamp() * 1000
    store.close()
