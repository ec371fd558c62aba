"""A real SCIM server that is asked who is in which group; and servers that answer as they should not."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from mesh import write
from products import BIN
from servers import certificate, ports, wait_for

from meshwright.access.directory import DirectoryError, Snapshot, read, scim
from meshwright.core.http import retry

SECRET = "correct-horse-battery"  # noqa: S105 - of a server that lives as long as the tests
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER, GROUP = "urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MANY = 23


class Client:
    """Fills the server, as a company would."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def send(self, verb: str, path: str, value: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/scim+json"}
        self.connection.request(verb, path, json.dumps(value) if value else None, headers)
        answer = self.connection.getresponse()
        raw = answer.read()
        assert answer.status < 300, raw
        return json.loads(raw) if raw else {}

    def user(self, name: str, **values: Any) -> str:
        about = {
            "schemas": [USER, ENTERPRISE],
            "userName": name,
            "displayName": name.partition("@")[0].title(),
        }
        return self.send("POST", "/Users", about | values)["id"]

    def group(self, name: str, *members: str, **values: Any) -> str:
        listed = [{"value": member} for member in members]
        return self.send(
            "POST", "/Groups", {"schemas": [GROUP], "displayName": name, "members": listed} | values
        )["id"]


@pytest.fixture(scope="session")
def server() -> Iterator[int]:
    """A server with some people, programs and groups; its port."""
    program = BIN / "scim2-server"
    if not program.exists():
        pytest.skip("needs scim2-server")
    (port,) = ports(1)
    command = [program, "--port", str(port), "--bearer-token", SECRET]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        fill(Client(port))
        yield port
    finally:
        process.terminate()
        process.wait(10)


def fill(client: Client) -> None:
    department = {"department": "Network", "costCenter": "4"}
    ada = client.user(
        "ada@example.org", externalId="ada", emails=[{"value": "a@example.org"}, {"value": "b@example.org"}], **{ENTERPRISE: department}
    )  # fmt: skip
    bob, cyd = client.user("bob@example.org"), client.user("cyd@example.org", active=True)
    left = client.user("left@example.org", active=False)
    gone = client.user("gone@example.org")
    machine = client.user("svc-punctuality", userType="Service")
    zoe = client.user("zoë@example.org")
    many = [client.user(f"p{number}@example.org") for number in range(MANY)]
    marketing = client.group("g-mkt", ada, bob)
    client.group("g-nested", cyd, marketing)
    one = client.group("g-one", members=[{"value": ada, "type": "User"}])
    two = client.group("g-two", members=[{"value": bob}, {"value": one, "type": "Group"}])
    circle = [{"op": "add", "path": "members", "value": [{"value": two}, {"value": one}]}]
    client.send("PATCH", f"/Groups/{one}", {"schemas": [PATCH], "Operations": circle})
    client.group("g-left", ada, left, gone)
    client.send("DELETE", f"/Users/{gone}")
    client.group("g-machines", machine, cyd)
    client.group("g-many", *many)
    client.group("g-nobody")
    client.group("grün", zoe)
    client.group('g "all" \\ (x) eq *', bob)
    client.group("g-twin", ada)
    client.group("G-Twin", bob)


Ask = Callable[..., Snapshot]


@pytest.fixture
def ask(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Asks the server for groups (and `everybody`, `principals`), with settings as its file could have them."""
    monkeypatch.setenv("MESHWRIGHT_DIRECTORY_TOKEN", SECRET)

    def asked(
        *groups: str, everybody: bool = False, principals: tuple[str, ...] = (), **settings: Any
    ) -> Snapshot:
        if "url" not in settings:
            settings["url"] = f"http://127.0.0.1:{request.getfixturevalue('server')}"
        given = {
            "machines": {"attribute": "userType", "values": ["Service"]},
            "attributes": {
                "department": f"{ENTERPRISE}:department",
                "mails": "emails.value",
                "nothing": "title",
            },
            "logins": {"postgres": "externalId"},
            "pageSize": 5,
        }
        document = {"apiVersion": "meshwright/v1", "kind": "Directory", "scim": given | settings}
        write(tmp_path / "directory.yaml", yaml.safe_dump(document, allow_unicode=True))
        return read(str(tmp_path / "directory.yaml"), groups, everybody, principals)

    return asked


def ids(*names: str) -> frozenset[str]:
    return frozenset(f"{name}@example.org" for name in names)


@pytest.mark.main
@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("g-mkt", ids("ada", "bob")),
        ("g-nested", ids("ada", "bob", "cyd")),
        ("g-one", ids("ada", "bob")),
        ("g-left", ids("ada")),
        ("g-machines", ids("cyd") | {"svc-punctuality"}),
        ("g-many", ids(*(f"p{number}" for number in range(MANY)))),
        ("g-nobody", frozenset()),
        ("grün", ids("zoë")),
        ('g "all" \\ (x) eq *', ids("bob")),
    ],
)
def test_a_group_has_the_members_that_the_server_says(ask: Ask, name: str, members: frozenset[str]) -> None:
    found = ask(name)
    assert found.groups == {name: members}
    assert found.principals.keys() == members
    assert not found.complete


def test_a_principal_is_what_its_resource_says(ask: Ask) -> None:
    found = ask("g-mkt", principals=("svc-punctuality", "left@example.org", "*", "nobody")).principals
    ada, machine = found["ada@example.org"], found["svc-punctuality"]
    assert found.keys() == ids("ada", "bob") | {"svc-punctuality"}
    assert (ada.kind, ada.name, ada.login("postgres"), ada.login("trino")) == ("human", "Ada", "ada", ada.id)
    assert ada.attributes == {"department": "Network", "mails": ("a@example.org", "b@example.org")}
    assert (machine.kind, machine.attributes) == ("machine", {})


@pytest.mark.parametrize("page", [1, 5, 500])
def test_everybody_is_read_page_by_page(ask: Ask, page: int) -> None:
    found = ask("g-left", everybody=True, pageSize=page)
    assert found.complete
    assert len(found.principals) == MANY + 5
    assert found.groups == {"g-left": ids("ada")}


@pytest.mark.parametrize(
    "name",
    ["*", '" or displayName pr or displayName eq "', '" or id pr', "\\", '"', "g-mkt\\", "G-MKT", "g-mkt ", "", "\0", unicodedata.normalize("NFD", "grün")],
)  # fmt: skip
def test_a_name_is_nothing_but_a_name(ask: Ask, name: str) -> None:
    found = ask(name, principals=(name,))
    assert (found.groups, found.principals) == ({}, {})


@pytest.mark.parametrize(
    ("groups", "settings", "says"),
    [
        (["g-twin"], {}, "2 groups that are called 'g-twin'"),
        (["g-mkt"], {"id": "emails.value"}, "2 values of emails.value"),
        (["g-nested"], {"id": "externalId"}, "no values of externalId"),
        (["g-mkt"], {"logins": {"postgres": "emails.value"}}, "its login at postgres"),
        (["g-mkt"], {"logins": {"postgres": "meta.resourceType"}}, "the same login 'User' at postgres"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(
    ask: Ask, groups: list[str], settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(DirectoryError) as refused:
        ask(*groups, **settings)
    assert says in str(refused.value)
    assert refused.value.fix


@pytest.mark.parametrize(
    ("token", "says"),
    [("wrong-horse", "401"), (None, "401"), ("", "401"), ("horse\r\nX-Evil: 1", "that no token has"), ("pferd-hörse", "that no token has")],
)  # fmt: skip
def test_who_may_not_read_is_told_so_without_the_token(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, token: str | None, says: str
) -> None:
    monkeypatch.setenv("MESHWRIGHT_DIRECTORY_TOKEN", token or "")
    if token is None:
        monkeypatch.delenv("MESHWRIGHT_DIRECTORY_TOKEN")
    with pytest.raises(DirectoryError) as refused:
        ask("g-mkt")
    assert says in str(refused.value)
    assert "MESHWRIGHT_DIRECTORY_TOKEN" in f"{refused.value} {refused.value.fix}"
    assert "horse" not in f"{refused.value} {refused.value.fix} {refused.value.__context__!r}"


def test_a_wrong_address_is_an_error(ask: Ask, server: int) -> None:
    with pytest.raises(DirectoryError, match="has no Groups"):
        ask("g-mkt", url=f"http://127.0.0.1:{server}/scim/v9")
    with pytest.raises(DirectoryError, match="cannot be read") as refused:
        ask("g-mkt", url=f"http://127.0.0.1:{ports(1)[0]}")
    assert "scim.url" in refused.value.fix


Answer = tuple[int, dict[str, str], Any]
Serve = Callable[[Callable[[str, dict[str, str]], Answer]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that answers what a function makes of path and query (status, headers, content); returns its address."""
    running: list[ThreadingHTTPServer] = []

    def served(answer: Callable[[str, dict[str, str]], Answer]) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                split = urlsplit(self.path)
                query = {key: value[0] for key, value in parse_qs(split.query).items()}
                status, headers, content = answer(split.path, query)
                raw = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for key, value in {"Content-Length": str(len(raw)), **headers}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *arguments: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *arguments: Any) -> None:
                pass  # the other side had enough

        one = Server(("127.0.0.1", 0), Handler)
        running.append(one)
        threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{one.server_port}"

    yield served
    for one in running:
        one.shutdown()
        one.server_close()


def page(*resources: Any, total: Any = None, **more: Any) -> Answer:
    return (
        200,
        {},
        {"totalResults": len(resources) if total is None else total, "Resources": list(resources), **more},
    )


def user(key: Any, **values: Any) -> dict[str, Any]:
    return {"id": key, "userName": f"{key}@example.org", **values}


def slices(pages: list[Answer]) -> Callable[[str, dict[str, str]], Answer]:
    """A server that answers one after the other."""
    waiting = iter(pages)
    return lambda path, query: next(waiting)


@pytest.mark.parametrize(
    ("pages", "says"),
    [
        ([page(user("1"), total=2), page(total=2)], "speaks of 2 Users, and shows 1"),
        ([page(user("1"), total=2), page(user("1"), total=2)], "twice"),
        ([page(user("1"), user("1"))], "twice"),
        ([page(user("1"), total=3), page(user("2"), total=2)], "speaks of 2 Users"),
        ([page(user("1"), user("2"), total=1)], "speaks of 1 Users, and shows 2"),
        ([page(total=-1)], "speaks of -1"),
        ([page(total="1")], "not SCIM"),
        ([page(total=True)], "not SCIM"),
        ([(200, {}, {"Resources": []})], "not SCIM"),
        ([(200, {}, {"totalResults": 1, "Resources": {"id": "1"}})], "not SCIM"),
        ([page("x")], "not SCIM"),
        ([page({"userName": "a"})], "not SCIM"),
        ([page(user(1))], "not SCIM"),
        ([page({"id": "1"})], "no values of userName"),
        ([page(user("1"), user("2", userName="1@EXAMPLE.org"))], "look alike"),
        ([page(user("1", username="b"))], "not SCIM"),
        ([page(user("1", active="maybe"))], "not SCIM"),
        ([page(user("1", active=0))], "not SCIM"),
        ([page(user("1", title="\ud800"))], "half a character"),
        ([page(user("1", userName="a\u202eb"))], "invisible characters"),
        ([(200, {}, b"")], "not SCIM"),
        ([(200, {}, b"<html>")], "not SCIM"),
        ([(200, {}, b"[]")], "not SCIM"),
        ([(200, {}, b"\xff")], "not SCIM"),
        ([(200, {}, b"[" * 100_000)], "not SCIM"),
        (
            [(200, {"Content-Length": "999", "Connection": "close"}, b'{"totalResults": 0')],
            "the connection broke",
        ),
        ([(204, {}, b"")], "answers 204"),
        ([(400, {}, b"")], "answers 400"),
        ([(301, {"Location": "https://evil.example.org/Users"}, b"")], "redirects to another address"),
        ([(307, {"Location": "/Users/"}, b"")], "redirects to another address"),
        ([(403, {}, b"")], "refuses"),
        ([(503, {"Retry-After": "3600"}, b"")], "answers 503"),
        ([(429, {"Retry-After": "0"}, b"")] * scim.TRIES, "answers 429"),
    ],
)
def test_an_answer_that_is_not_whole_is_not_used(
    ask: Ask, serve: Serve, monkeypatch: pytest.MonkeyPatch, pages: list[Answer], says: str
) -> None:
    monkeypatch.setattr(scim, "SILENCE_SECONDS", 1)
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.01)
    address = serve(slices(pages))
    with pytest.raises(DirectoryError) as refused:
        ask(everybody=True, url=address, attributes={"title": "title"}, pageSize=500)
    assert says in str(refused.value)
    assert refused.value.fix
    assert SECRET not in f"{refused.value} {refused.value.fix}"


@pytest.mark.parametrize("told", ["0", "0.1", "now", "nonsense", None])
def test_a_busy_server_is_asked_again(
    ask: Ask, serve: Serve, monkeypatch: pytest.MonkeyPatch, told: str | None
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    told = formatdate(time.time() + 2, usegmt=True) if told == "now" else told
    busy = {"Retry-After": told} if told else {}
    found = ask(everybody=True, url=serve(slices([(429, busy, b""), (503, busy, b""), page(user("1"))])))
    assert found.principals.keys() == {"1@example.org"}
    assert len(waited) == 2
    assert all(0 <= wait <= 2.5 for wait in waited)


def test_a_connection_that_was_closed_is_opened_again(ask: Ask, serve: Serve) -> None:
    closing = {"Connection": "close"}
    answers = [(200, closing, page(user("1"), total=2)[2]), (200, closing, page(user("2"), total=2)[2])]
    assert len(ask(everybody=True, url=serve(slices(answers))).principals) == 2


@pytest.mark.parametrize(
    ("member", "says"),
    [
        ({"value": "2"}, "refuses"),
        ({"value": "3"}, "not SCIM"),
        ({"value": ".."}, "not SCIM"),
        ({"value": ""}, "not SCIM"),
        ({"display": "x"}, "not SCIM"),
        ("1", "not SCIM"),
    ],
)
def test_a_member_that_cannot_be_read_is_no_leaver(ask: Ask, serve: Serve, member: Any, says: str) -> None:
    others = {"/Users/2": (403, {}, b""), "/Users/3": (200, {}, user("1"))}

    def answer(path: str, query: dict[str, str]) -> Answer:
        if path == "/Groups":
            return page({"id": "9", "displayName": "g", "members": [member]})
        return others.get(path, (404, {}, b""))

    with pytest.raises(DirectoryError, match=says):
        ask("g", url=serve(answer))


def test_a_member_cannot_lead_to_another_place(ask: Ask, serve: Serve) -> None:
    asked: list[str] = []
    members = [
        {"value": "../Secrets?x#y"},
        {"value": "a/b", "$ref": "https://evil.example.org/Users/a"},
        {"value": "d", "type": "Device"},
    ]

    def answer(path: str, query: dict[str, str]) -> Answer:
        asked.append(path)
        return (
            page({"id": "9", "displayName": "g", "members": members}) if path == "/Groups" else (404, {}, b"")
        )

    assert ask("g", url=serve(answer)).groups == {"g": frozenset()}
    assert asked == ["/Groups", "/Users/..%2FSecrets%3Fx%23y", "/Groups/..%2FSecrets%3Fx%23y", "/Users/a%2Fb"]


def test_a_server_that_ignores_the_filter_changes_nothing(ask: Ask, serve: Serve) -> None:
    groups = [
        {"id": str(number), "displayName": f"g{number}", "members": [{"value": "1"}]} for number in range(3)
    ]

    def answer(path: str, query: dict[str, str]) -> Answer:
        return page(*groups) if path == "/Groups" else (200, {}, user("1"))

    assert ask("g1", url=serve(answer)).groups == {"g1": ids("1")}


def test_a_server_cannot_write_on_our_terminal(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scim, "TRIES", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"\x1b[2J\x1b]0;owned\x07 all is well\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(DirectoryError) as refused:
            ask("g", url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    assert str(refused.value).isprintable()


def test_an_answer_is_not_read_without_end(ask: Ask, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scim, "MAX_ANSWER", 10_000)
    with pytest.raises(DirectoryError, match="more than 10,000 bytes"):
        ask(everybody=True, url=serve(slices([(200, {}, b" " * 100_000)])))


def test_pages_without_end_are_not_read(ask: Ask, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scim, "READ_SECONDS", 0.3)
    endless = serve(lambda path, query: page(user(query["startIndex"]), total=1_000_000))
    with pytest.raises(DirectoryError, match=r"within 0.3 s"):
        ask(everybody=True, url=endless)


def test_a_server_that_says_nothing_is_not_waited_for(
    ask: Ask, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scim, "SILENCE_SECONDS", 0.3)

    def silent(path: str, query: dict[str, str]) -> Answer:
        time.sleep(1)
        return page()

    with pytest.raises(DirectoryError, match="no answer within the time"):
        ask(everybody=True, url=serve(silent))


def test_a_certificate_is_for_one_name_and_from_an_authority_that_is_trusted(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    own = certificate(tmp_path, "IP:127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"totalResults": 0}')

        def log_message(self, *arguments: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, tmp_path / "server.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            with pytest.raises(DirectoryError, match="certificate cannot be trusted"):
                ask(everybody=True, url=f"https://127.0.0.1:{server.server_port}")
            monkeypatch.setenv("SSL_CERT_FILE", str(own))
            assert ask(everybody=True, url=f"https://127.0.0.1:{server.server_port}").principals == {}
            with pytest.raises(DirectoryError, match="certificate cannot be trusted"):
                ask(everybody=True, url=f"https://localhost:{server.server_port}")
        finally:
            server.shutdown()
