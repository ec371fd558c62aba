"""Ports behind a web server, in a bucket and in a database, looked at with real ones; and addresses that mean harm."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import postgres_server
import psycopg
import pytest
import yaml
from assessed import PERSONAL, ROWS, Assessed, good, metadata, promise, rows, write
from products import BIN

from meshwright.assess.discovery import functions
from meshwright.assess.storage import Absent, Allowed, Unseen

APART = {"PublishedInCatalog", "NoPromiseWithdrawn", "FreshnessShowsAge"}
"""Functions that read a catalog, or rows only for what this product does not promise."""
PROBES = [one.id for one in functions() if one.probes and one.id not in APART]


@pytest.fixture
def product(tmp_path: Path) -> Assessed:
    made = good(tmp_path)
    made.only("lake")
    return made


def states(product: Assessed, name: str) -> set[str]:
    return {verdict.state for verdict in product.ask(name)}


def said(product: Assessed, name: str) -> str:
    return " ".join(f"{verdict.evidence} {verdict.fix}" for verdict in product.ask(name))


# -- a web server ---------------------------------------------------------------------------------------------------


@dataclass
class Site:
    """What a web server answers, by path."""

    url: str = ""
    answers: dict[str, Callable[[Any], None]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def give(self, path: str, body: bytes, kind: str = "application/octet-stream", status: int = 200) -> None:
        def answer(request: Any) -> None:
            request.send_response(status)
            request.send_header("Content-Type", kind)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)

        self.answers[path] = answer

    def move(self, path: str, to: str) -> None:
        def answer(request: Any) -> None:
            request.send_response(302)
            request.send_header("Location", to)
            request.end_headers()

        self.answers[path] = answer


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.path, dict(self.headers)))
            made.answers.get(self.path, lambda request: request.send_error(404))(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def on_web(product: Assessed, site: Site) -> Assessed:
    """Readable by everybody."""
    site.give("/guests.parquet", product.lake.read_bytes())
    for role in ("reader", "service"):
        site.give(
            f"/roles/{role}/guests.parquet",
            (product.lake.parent / f"roles/{role}/guests.parquet").read_bytes(),
        )
    product.location("lake", f"{site.url}/guests.parquet")
    product.settings = {"hosts": ["127.0.0.1"], "seconds": 5}
    return product


def test_a_web_server_that_gives_the_data_to_everybody_is_seen_and_the_rest_is_looked_at(on_web: Assessed, site: Site) -> None:  # fmt: skip
    assert {name for name in PROBES if states(on_web, name) != {"kept"}} == {"AnonymousReadRefused"}
    assert states(on_web, "AnonymousReadRefused") == {"broken"}
    assert not [headers for _, headers in site.asked if {"Authorization", "Cookie"} & headers.keys()]


DIES = """
import os
from meshwright.assess import Fitness

class Dies(Fitness):
    \"""Dies\"""
    characteristic = "secure"
    severity = "low"

    def check(self, product):
        for port in product.record.outputs:
            product.table(port)
        os._exit(9)
"""


def test_no_data_of_a_port_stays_on_the_machine(on_web: Assessed, site: Site, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (tmp_path / "mesh.jsonl").write_text(json.dumps(on_web.value) + "\n", "utf-8")
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "dies.py").write_text(DIES, "utf-8")
    expected = {"apiVersion": "meshwright/v1", "kind": "Fitness", "folders": ["functions"]}
    settings = {"settings": {"hosts": ["127.0.0.1"]}}
    (tmp_path / "expectations.yaml").write_text(yaml.safe_dump(expected | settings), "utf-8")
    done = subprocess.run(
        [BIN / "meshwright", "assess", "mesh.jsonl", "--expectations", "expectations.yaml"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
    )
    assert "/guests.parquet" in {path for path, _ in site.asked} and "no answer" in done.stdout, done.stderr
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("status", [401, 403])
def test_a_web_server_that_asks_for_credentials_refuses_and_its_data_is_unknown(on_web: Assessed, site: Site, status: int) -> None:  # fmt: skip
    site.give("/guests.parquet", b"no", "text/plain", status)
    assert states(on_web, "AnonymousReadRefused") == {"kept"}
    assert states(on_web, "LocationAnswers") == {"inconclusive"}
    assert states(on_web, "DataMatchesContract") == {"inconclusive"}


def test_a_page_to_log_in_is_no_data(on_web: Assessed, site: Site) -> None:
    site.move("/guests.parquet", "/login")
    site.give("/login", b"<html>Who are you?</html>", "text/html; charset=utf-8")
    assert states(on_web, "AnonymousReadRefused") == {"kept"}
    assert states(on_web, "BytesAreWhatTheyClaim") == {"broken"}


def test_an_address_of_the_web_that_leads_nowhere_is_broken(on_web: Assessed, site: Site) -> None:
    site.answers.clear()
    assert states(on_web, "LocationAnswers") == {"broken"}
    assert states(on_web, "AnonymousReadRefused") == {"inconclusive"}
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        port = closed.getsockname()[1]
    on_web.location("lake", f"http://127.0.0.1:{port}/guests.parquet")
    assert states(on_web, "LocationAnswers") == {"broken"}


def test_private_addresses_are_not_asked_unless_governance_names_them(on_web: Assessed, site: Site) -> None:
    on_web.settings = {}
    assert all(states(on_web, name) == {"inconclusive"} for name in PROBES)
    assert "hosts" in said(on_web, "LocationAnswers") and not site.asked
    for host in (
        "localhost",
        "[::1]",
        "0.0.0.0",  # noqa: S104
        "169.254.169.254",
        "10.0.0.1",
        "[::ffff:127.0.0.1]",
        "2130706433",
    ):
        on_web.location("lake", f"{site.url.replace('127.0.0.1', host)}/guests.parquet")
        assert states(on_web, "LocationAnswers") == {"inconclusive"}, host
    assert not site.asked


def test_a_redirect_leads_to_no_private_address_and_to_no_file(on_web: Assessed, site: Site) -> None:
    on_web.settings = {"hosts": [site.url.removeprefix("http://")], "seconds": 2}
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        for to in (
            f"http://127.0.0.1:{other.getsockname()[1]}/x",
            "file:///etc/hostname",
            "gopher://x",
            "//169.254.169.254/",
        ):
            site.move("/guests.parquet", to)
            assert states(on_web, "LocationAnswers") == {"inconclusive"}, to
            assert states(on_web, "AnonymousReadRefused") == {"inconclusive"}, to
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()


@pytest.mark.parametrize(
    "how", ["never answers", "goes on for ever", "one sign at a time", "a loop", "no HTTP"]
)
def test_a_web_server_that_means_harm_costs_little_time(on_web: Assessed, site: Site, how: str) -> None:
    stop = threading.Event()

    def harm(request: Any) -> None:
        if how == "never answers":
            stop.wait(20)
        elif how == "no HTTP":
            request.wfile.write(b"\0\1\2\3" * 100)
        else:
            request.wfile.write(
                b"HTTP/1.0 200 OK\r\n\r\n" if how == "goes on for ever" else b"HTTP/1.0 200 OK\r\nX: "
            )
            while not stop.is_set():
                request.wfile.write(b"x" * (65536 if how == "goes on for ever" else 1))
                stop.wait(0 if how == "goes on for ever" else 0.1)

    site.answers["/guests.parquet"] = harm
    if how == "a loop":
        site.move("/guests.parquet", "/guests.parquet")
    on_web.settings |= {"seconds": 1, "megabytes": 5}
    began = time.monotonic()
    assert states(on_web, "LocationAnswers") == {"inconclusive"}
    assert time.monotonic() - began < 6
    stop.set()


def test_a_name_that_no_host_has_leads_nowhere() -> None:
    with pytest.raises((Absent, Unseen)):
        Allowed().resolve("nobody.invalid", 443)


# -- a bucket -------------------------------------------------------------------------------------------------------

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
SERVER = """
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(*server.get_host_and_port(), flush=True)
input()
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    pytest.importorskip("flask", reason="moto's server needs flask (moto[server])")
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:  # fmt: skip
        assert server.stdout
        host, port = server.stdout.readline().split()
        yield f"http://{host}:{port}"
        server.kill()


@pytest.fixture
def in_bucket(tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Assessed]:
    import boto3

    for key, value in {**KEYS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(key, value)
    made = good(tmp_path)
    client = boto3.client("s3")
    client.create_bucket(Bucket="hotels")
    for path in made.ports.rglob("*"):
        if path.is_file():
            client.upload_file(str(path), "hotels", f"data/{path.relative_to(made.ports)}")
    made.location("lake", "s3://hotels/data/lake/guests.parquet")
    made.location("tables", "s3://hotels/data/tables/guests")
    made.settings = {"seconds": 10}
    yield made
    for entry in client.list_objects_v2(Bucket="hotels").get("Contents", ()):
        client.delete_object(Bucket="hotels", Key=entry["Key"])
    client.delete_bucket(Bucket="hotels")


def test_a_bucket_that_refuses_strangers_is_good(in_bucket: Assessed) -> None:
    assert {name: states(in_bucket, name) for name in PROBES} == {name: {"kept"} for name in PROBES}


def test_an_object_that_everybody_may_read_is_seen(in_bucket: Assessed) -> None:
    import boto3

    boto3.client("s3").put_object_acl(Bucket="hotels", Key="data/lake/guests.parquet", ACL="public-read")
    broken = [verdict.place for verdict in in_bucket.ask("AnonymousReadRefused") if verdict.state == "broken"]
    assert broken == ["lake"]


def test_what_is_not_in_the_bucket_is_missed_and_what_may_not_be_seen_is_unknown(in_bucket: Assessed, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    in_bucket.location("lake", "s3://hotels/data/lake/gone.parquet")
    in_bucket.location("tables", "s3://no-such-hotel/guests")
    assert states(in_bucket, "LocationAnswers") == {"broken"}
    in_bucket.location("lake", "s3://hotels/data/lake/guests.parquet")
    in_bucket.location("tables", "s3://Not A Bucket/guests")
    in_bucket.settings = {"megabytes": 0.001}
    assert states(in_bucket, "LocationAnswers") == {"inconclusive"}
    for key in KEYS:
        monkeypatch.delenv(key)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert states(in_bucket, "LocationAnswers") == {"inconclusive"}


# -- a database -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[postgres_server.Server]:
    yield from postgres_server.running()


TYPES = {
    "guest_number": "integer", "guest_name": "text", "email": "text", "born": "date", "country": "text",
    "arrived": "timestamp with time zone", "nights": "bigint", "paid": "double precision", "regular": "boolean",
}  # fmt: skip
MASKED = {"guest_name": "'***'", "email": "case when email is null then null else '***' end", "born": "date_trunc('year', born)::date"}  # fmt: skip


@dataclass
class Database:
    """A product in a database of a server on a socket that only its owner reaches."""

    product: Assessed
    url: str

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture
def in_database(
    server: postgres_server.Server, product: Assessed, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    name = server.database()
    made = Database(product, server.url(name))
    columns = ", ".join(f"{name} {type_}" for name, type_ in TYPES.items())
    shown = ", ".join(f"{MASKED.get(name, name)} as {name}" for name in TYPES)
    made.sql(
        "do $$ begin if to_regrole('guests_pipeline') is null then create role guests_pipeline login; create role guests_access login;"
        " create role nosy login; end if; end $$;"
        "create schema guests; create schema guests_private authorization guests_pipeline; create schema guests_audit;"
        f"create table guests_private.guests__1 ({columns}); alter table guests_private.guests__1 owner to guests_pipeline;"
        f"create view guests_private.guests as select * from guests_private.guests__1; alter view guests_private.guests owner to guests_pipeline;"
        f"comment on view guests_private.guests is '{json.dumps(metadata())}';"
        f"create view guests.reader as select {shown} from guests_private.guests;"
        f"create view guests.service as select {', '.join(name for name in TYPES if name not in PERSONAL)} from guests_private.guests;"
    )
    into = "copy guests_private.guests__1 from stdin"
    with psycopg.connect(made.url) as connection, connection.cursor() as cursor, cursor.copy(into) as copy:
        for row in rows().to_pylist():
            copy.write_row([row[name] for name in TYPES])
    spec = product.value["product"]["spec"]
    spec["outputs"] = [
        {"name": "lake", "uses": "postgres@1", "properties": {"url": "${DATABASE}", "schema": "guests"}}
    ]
    socket_ = quote(str(server.folder), safe="")
    product.location("lake", f"postgresql://{socket_}/{name}?options=-csearch_path%3Dguests", "postgres@1")
    product.settings = {"hosts": [str(server.folder)], "seconds": 5}
    monkeypatch.setenv("PGUSER", "postgres")
    yield made


def test_a_database_that_only_its_owner_reaches_is_good(in_database: Database) -> None:
    product = in_database.product
    assert {name: states(product, name) for name in PROBES} == {name: {"kept"} for name in PROBES}


@pytest.mark.parametrize(
    ("name", "statement", "says"),
    [
        ("AnonymousReadRefused", "grant usage on schema guests_private to public; grant select on guests_private.guests to public", "PUBLIC"),
        ("AnonymousReadRefused", "grant usage on schema guests to public; grant select (email) on guests.reader to public", "PUBLIC"),
        ("AnonymousReadRefused", "grant usage on schema guests_private to nosy; grant select on guests_private.guests to nosy", "nosy"),
        ("SensitiveColumnsHidden", "create or replace view guests.reader as select * from guests_private.guests", "guest_name"),
        ("SensitiveColumnsHidden", "create or replace view guests.service as select country as guest_number from guests_private.guests", ""),
        ("DataMatchesContract", "drop view guests.reader, guests.service; drop view guests_private.guests; create view guests_private.guests as select guest_number, email from guests_private.guests__1", "missing"),
        ("LocationAnswers", "drop schema guests_private cascade", "no view or table"),
        ("MeasurementsTrue", "update guests_private.guests__1 set country = null where nights = 1", "country"),
        ("PersonalDataClassified", "update guests_private.guests__1 set country = 'bo.example@example.org'", "e-mail"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_database_is_seen(
    in_database: Database, name: str, statement: str, says: str
) -> None:
    if "as guest_number" in statement:
        statement = statement.replace("create or replace view guests.service", "drop view guests.service; create view guests.service").replace("country as guest_number", "email")  # fmt: skip
    in_database.sql(statement)
    assert "broken" in states(in_database.product, name), in_database.product.ask(name)
    assert says in said(in_database.product, name)


def test_the_rows_of_a_database_are_held_against_the_contract(in_database: Database) -> None:
    promise(in_database.product)
    assert states(in_database.product, "RowsKeepContract") == {"kept"}, in_database.product.ask(
        "RowsKeepContract"
    )
    found = in_database.product.ask("QualityRulesKept")
    assert {verdict.state for verdict in found} == {"kept", "inconclusive"} and "DuckDB's dialect" in found[
        0
    ].evidence


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("insert into {0} select * from {0} where guest_number = 7", "guest_number"),
        ("update {0} set guest_number = null where guest_number = 7", "guest_number"),
        ("update {0} set guest_name = null where guest_number % 2 = 0", "guest_name"),
        ("update {0} set nights = 31 where guest_number = 7", "nights"),
        ("update {0} set nights = 0 where guest_number = 7", "nights"),
        ("update {0} set paid = 'NaN' where guest_number = 7", "paid"),
        ("update {0} set paid = 0.75 where guest_number = 7", "paid"),
        ("update {0} set born = '2031-01-01' where guest_number = 7", "born"),
        ("update {0} set country = 'ch' where guest_number = 7", "country"),
        ("update {0} set country = 'CHE' where guest_number = 7", "country"),
        ("update {0} set guest_name = 'B' where guest_number = 7", "guest_name"),
        ("update {0} set email = 'nowhere@' where guest_number = 7", "email"),
        ("update {0} set email = 'guest8@example.org' where guest_number = 7", "email"),
        ("update {0} set country = 'XX' where guest_number = 7", "country: rule"),
        ("update {0} set email = null", "email: rule"),
        ("delete from {0} where guest_number > 7", "rows: rule"),
    ],
)
def test_each_mutation_of_the_rows_in_a_database_is_seen(
    in_database: Database, change: str, place: str
) -> None:
    promise(in_database.product)
    in_database.sql(change.format("guests_private.guests__1"))
    field, _, rule = place.partition(": ")
    found = in_database.product.ask("QualityRulesKept" if rule else "RowsKeepContract")
    expected = "lake" if field == "rows" else f"lake: {field}"
    assert expected in {one.place for one in found if one.state == "broken"}, found


def test_a_database_and_files_serve_the_same_rows_or_are_told_apart(in_database: Database) -> None:
    product = in_database.product
    product.value["product"]["spec"]["outputs"].append(
        {"name": "tables", "uses": "delta@1", "properties": {}}
    )
    product.settings["paths"] = [str(product.ports)]
    (verdict,) = product.ask("PortsAgree")
    assert verdict.state == "kept" and "the same values in 8 columns" in verdict.evidence, verdict
    in_database.sql("update guests_private.guests__1 set nights = nights + 1 where guest_number = 7")
    (verdict,) = product.ask("PortsAgree")
    assert verdict.state == "broken" and "other values" in verdict.evidence


def test_a_database_that_is_not_named_gets_no_credentials(in_database: Database) -> None:
    in_database.product.settings = {}
    assert states(in_database.product, "LocationAnswers") == {"inconclusive"}
    assert states(in_database.product, "AnonymousReadRefused") == {"inconclusive"}


@dataclass
class Fake:
    """Something that speaks PostgreSQL as far as it must to get a password."""

    port: int
    heard: list[bytes] = field(default_factory=list)


@pytest.fixture
def thief() -> Iterator[Fake]:
    listening = socket.create_server(("127.0.0.1", 0))
    made = Fake(listening.getsockname()[1])

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                try:
                    first = connection.recv(1000)
                    if first[4:8] == b"\x04\xd2\x16\x2f":  # asks for TLS
                        connection.sendall(b"N")
                        first = connection.recv(1000)
                    connection.sendall(b"R\0\0\0\x08\0\0\0\x03")  # the password, in the clear
                    made.heard += [first, connection.recv(1000)]
                except OSError:
                    pass

    threading.Thread(target=serve, daemon=True).start()
    yield made
    listening.close()


@pytest.mark.parametrize("hosts", [[], ["127.0.0.1"]])
def test_no_server_is_told_a_password(product: Assessed, thief: Fake, hosts: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # fmt: skip
    passes = tmp_path / "pgpass"
    passes.write_text("*:*:*:*:sesame-open\n")
    passes.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passes))
    monkeypatch.setenv("PGPASSWORD", "sesame-open")
    product.settings = {"hosts": hosts, "seconds": 3}
    for more in ("", "?passfile=/etc/hostname", "?require_auth=password", "?service=x", "?sslmode=disable"):
        product.location("lake", f"postgresql://127.0.0.1:{thief.port}/x{more}", "postgres@1")
        for name in ("LocationAnswers", "AnonymousReadRefused"):
            assert "sesame" not in said(product, name)
    assert b"sesame" not in b"".join(thief.heard)
    assert bool(thief.heard) == bool(hosts)


# -- files that mean harm -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "what", ["pipe", "device", "kernel", "link", "loop", "huge", "folder", "nul", "long"]
)
def test_a_file_that_means_harm_is_not_read(product: Assessed, tmp_path: Path, what: str) -> None:
    path = product.lake.with_name("x.parquet")
    places = {"device": "/dev/zero", "kernel": "/proc/self/environ", "nul": "a\0b", "long": "/" + "x" * 5000}
    if what == "pipe":
        os.mkfifo(path)
    elif what == "link":
        path.symlink_to("/etc/hostname")
    elif what == "loop":
        path.symlink_to(path)
    elif what == "huge":
        path.write_bytes(product.lake.read_bytes())
        os.truncate(path, 1 << 40)
    elif what == "folder":
        path.mkdir()
    product.location("lake", places.get(what, str(path)))
    if what in ("device", "kernel"):
        product.settings["paths"] = ["/"]
    began = time.monotonic()
    for name in {*PROBES} - {"LocationAnswers", "AnonymousReadRefused", "SensitiveColumnsHidden"}:
        assert "kept" not in states(product, name), name
    assert time.monotonic() - began < 20


def test_a_record_from_elsewhere_names_no_file_of_this_machine(product: Assessed, tmp_path: Path) -> None:
    product.settings = {"paths": [str(tmp_path / "elsewhere")]}
    for location in (str(product.lake), f"file://{product.lake}", "build/ports/lake/guests.parquet", str(tmp_path / "elsewhere/../ports/lake/guests.parquet")):  # fmt: skip
        product.location("lake", location)
        assert all(states(product, name) == {"inconclusive"} for name in PROBES), location


def test_a_delta_table_that_has_been_many_things_is_read_as_it_is_now(tmp_path: Path) -> None:
    import deltalake
    import pyarrow as pa

    made = good(tmp_path)
    made.only("tables")
    for _ in range(3):
        write(made.tables, rows().slice(0, 5))
    deltalake.DeltaTable(str(made.tables)).create_checkpoint()
    write(made.tables, rows())
    table = made.evidence().table(made.record.outputs[0])
    assert table.count() == ROWS and table.metadata["product"] == metadata()["product"]
    deltalake.DeltaTable(str(made.tables)).create_checkpoint()
    for commit in (made.tables / "_delta_log").glob("*.json"):
        if commit.name != "00000000000000000004.json":
            commit.unlink()
    assert made.evidence().table(made.record.outputs[0]).count() == ROWS
    parts = tmp_path / "ports" / "parts" / "guests"
    deltalake.write_deltalake(str(parts), rows(), partition_by=["country", "nights"])
    made.location("tables", str(parts))
    table = made.evidence().table(made.record.outputs[0])
    assert (table.count(), table.filled("country"), set(table.texts("nights", 9))) == (
        ROWS,
        ROWS,
        set("12345"),
    )
    assert states(made, "DataMatchesContract") == {"kept"}
    deltalake.write_deltalake(str(parts), pa.table(rows().slice(0, 0)), mode="overwrite")
    assert made.evidence().table(made.record.outputs[0]).count() == 0
