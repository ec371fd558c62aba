"""A real LDAP server that is asked who is in which group; and servers that are none, or mean harm."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from mesh import write
from servers import certificate, ports, wait_for

from meshwright.access.directory import DirectoryError, Snapshot, read
from meshwright.access.directory.ldap import ldap_connection, server
from meshwright.access.directory.ldap.entry_names import below, escaped, normal

SLAPD, SLAPADD = "/usr/sbin/slapd", "/usr/sbin/slapadd"
ROOT = "dc=example,dc=org"
READER, SECRET = f"cn=reader,{ROOT}", "correct horse battery"
NFC, NFD = "zoë", unicodedata.normalize("NFD", "zoë")
MANY = 45
CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {folder}/server.crt
TLSCertificateKeyFile {folder}/server.key
database mdb
maxsize 50000000
directory {folder}/db
suffix "dc=example,dc=org"
limits dn.exact="cn=small,dc=example,dc=org" size.soft=5 size.hard=5 size.prtotal=10
access to attrs=userPassword by anonymous auth by * none
access to dn.sub="ou=refused,dc=example,dc=org" by * disclose
access to dn.sub="ou=veiled,dc=example,dc=org" by * search
access to dn.sub="ou=hidden,dc=example,dc=org" by * none
access to * by users read by * none
database mdb
maxsize 5000000
directory {folder}/split
suffix "dc=split"
"""
SPLIT = """dn: dc=split
objectClass: dcObject
objectClass: organization
o: split
dc: split

dn: dc=elsewhere,dc=split
objectClass: referral
objectClass: extensibleObject
dc: elsewhere
ref: ldap://other.example.org/dc=other
"""
"""A part of this directory is on another server."""


def entry(dn: str, *classes: str, **values: str | list[str]) -> str:
    """An entry of the directory, as slapadd reads it."""
    lines = [f"dn: {dn},{ROOT}" if dn else f"dn: {ROOT}", *(f"objectClass: {one}" for one in classes)]
    for name, given in values.items():
        lines += [f"{name}: {one}" for one in ([given] if isinstance(given, str) else given)]
    return "\n".join(lines) + "\n"


def person(uid: str, unit: str = "people", **values: str | list[str]) -> str:
    given = {"uid": uid, "cn": uid.title(), "sn": "Example", "mail": f"{uid}@example.org"} | values
    return entry(f"uid={uid},ou={unit}", "inetOrgPerson", **given)


def group(name: str, *members: str, unit: str = "groups", cn: str = "") -> str:
    full = [f"{member},{ROOT}" for member in members]
    return entry(f"cn={name},ou={unit}", "groupOfNames", cn=cn or name, member=full)


def who(*uids: str) -> list[str]:
    return [f"uid={uid},ou=people" for uid in uids]


ENTRIES = [
    entry("", "dcObject", "organization", o="Example", dc="example"),
    *(
        entry(f"ou={unit}", "organizationalUnit", ou=unit)
        for unit in ("people", "services", "groups", "refused", "veiled", "hidden", "more", "odd")
    ),
    *(
        entry(f"cn={name}", "organizationalRole", "simpleSecurityObject", cn=name, userPassword=SECRET)
        for name in ("reader", "small")
    ),
    person("ada", departmentNumber="7", ou=["one", "two"]),
    person("bob"),
    person("cyd"),
    person("left", employeeType="left"),
    person(NFC, mail="zoe@example.org"),
    entry(
        r"cn=Doe\, Jane \+ \#1+uid=jane,ou=people", "inetOrgPerson", cn="Doe, Jane + #1", sn="Doe", uid="jane", mail="jane@example.org"
    ),
    *(person(f"p{number}") for number in range(MANY)),
    person("ada", "more", mail="ada.other@example.org"),
    entry("uid=alias,ou=people", "alias", "extensibleObject", uid="alias", aliasedObjectName=f"uid=ada,ou=more,{ROOT}"),
    person("away", "refused"),
    person("veiled", "veiled"),
    person("hidden", "hidden"),
    entry("uid=svc-punctuality,ou=services", "account", uid="svc-punctuality"),
    person("svc-mail", "services", mail="svc-mail@example.org"),
    group("g-mkt", *who("ada", "bob")),
    group("g-nested", "CN=G-MKT , ou=Groups", *who("cyd")),
    group("g-one", "cn=g-two,ou=groups", *who("ada")),
    group("g-two", "cn=g-three,ou=groups", *who("bob")),
    group("g-three", "cn=g-one,ou=groups", "cn=g-three,ou=groups", *who("cyd")),
    group("g-left", *who("ada", "left", "never-was")),
    group("g-many", *who(*(f"p{number}" for number in range(MANY)))),
    group("g-machines", "uid=svc-punctuality,ou=services", "uid=svc-mail,ou=services", *who("ada")),
    group("g-strange", r"uid=jane+cn=doe\2C jane \2B \231,ou=people", f"uid={NFD},ou=people", "cn=reader"),
    group("g-refused", "uid=away,ou=refused"),
    group("g-veiled", "uid=veiled,ou=veiled"),
    group("g-hidden", "uid=hidden,ou=hidden", *who("ada")),
    group("g-unhidden", "uid=hidden,ou=hidden"),
    group("g-twin", *who("ada")),
    group("G-Twin", *who("bob"), unit="more"),
    group(r"g \28all\29 \2A\5C\5C", *who("bob"), cn="g (all) *\\\\"),
    group("grün", *who("ada")),
    entry("cn=g-unix,ou=groups", "posixGroup", cn="g-unix", gidNumber="7", memberUid=["ada", "svc-punctuality", "ghost", "BOB"]),
    entry("cn=g-unique,ou=groups", "groupOfUniqueNames", cn="g-unique", uniqueMember=[f"uid=ada,ou=people,{ROOT}#'01'B", f"uid=bob,ou=people,{ROOT}"]),
    entry("cn=g-alias,ou=groups", "groupOfNames", cn=["g-alias", "g-other"], member=f"uid=ada,ou=people,{ROOT}"),
    person("ada2", "odd", mail=["two@example.org", "three@example.org"]),
    person("none", "odd", mail=[]),
    person("Ada3", "odd", mail="ADA@example.org"),
]  # fmt: skip


@dataclass
class Slapd:
    port: int
    tls_port: int
    certificate: Path


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A server with the entries above; its certificate is for 127.0.0.1 and not for localhost."""
    if not Path(SLAPD).exists() or not shutil.which("openssl"):
        pytest.skip("needs slapd and openssl")
    folder = tmp_path_factory.mktemp("slapd")
    found = Slapd(*ports(2), certificate(folder, "IP:127.0.0.1"))
    conf = ["-f", str(folder / "slapd.conf")]
    write(folder / "slapd.conf", CONF.format(folder=folder))
    for name in ("db", "split"):
        (folder / name).mkdir()
    for suffix, entries in ((ROOT, "\n".join(ENTRIES)), ("dc=split", SPLIT)):
        command = [SLAPADD, *conf, "-b", suffix]
        done = subprocess.run(command, input=entries, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    addresses = f"ldap://127.0.0.1:{found.port} ldaps://127.0.0.1:{found.tls_port}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([SLAPD, *conf, "-h", addresses, "-d", "0"], stdout=log, stderr=log)
    try:
        for port in (found.port, found.tls_port):
            wait_for(port)
        yield found
    finally:
        process.terminate()
        process.wait(10)


Ask = Callable[..., Snapshot]


@pytest.fixture
def ask(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Asks the server for groups (and `everybody`, `principals`), with settings as its file could have them."""
    monkeypatch.setenv("MESHWRIGHT_DIRECTORY_USER", READER)
    monkeypatch.setenv("MESHWRIGHT_DIRECTORY_PASSWORD", SECRET)

    def asked(
        *groups: str, everybody: bool = False, principals: tuple[str, ...] = (), **settings: Any
    ) -> Snapshot:
        if "url" not in settings:
            settings["url"] = f"ldap://127.0.0.1:{request.getfixturevalue('slapd').port}"
        given = {
            "people": {"base": f"ou=people,{ROOT}", "filter": "(&(objectClass=person)(!(employeeType=left)))", "id": "mail", "name": "cn"},
            "machines": {"base": f"ou=services,{ROOT}", "filter": "(uid=svc-*)", "id": "uid"},
            "groups": {"base": f"ou=groups,{ROOT}", "filter": "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"},
            "attributes": {"department": "departmentNumber", "units": "ou", "nothing": "telephoneNumber"},
            "logins": {"postgres": "uid"},
            "pageSize": 7,
        } | settings  # fmt: skip
        document = {"apiVersion": "meshwright/v1", "kind": "Directory", "ldap": given}
        write(tmp_path / "directory.yaml", yaml.safe_dump(document, allow_unicode=True))
        return read(str(tmp_path / "directory.yaml"), groups, everybody, principals)

    return asked


def ids(*uids: str) -> frozenset[str]:
    return frozenset(f"{uid}@example.org" for uid in uids)


@pytest.mark.main
@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("g-mkt", ids("ada", "bob")),
        ("g-nested", ids("ada", "bob", "cyd")),
        ("g-one", ids("ada", "bob", "cyd")),
        ("g-left", ids("ada")),
        ("g-many", ids(*(f"p{number}" for number in range(MANY)))),
        ("g-machines", ids("ada") | {"svc-punctuality", "svc-mail"}),
        ("g-strange", ids("jane", "zoe")),
        ("g-hidden", ids("ada")),
        ("g-unhidden", frozenset()),
        ("g (all) *\\\\", ids("bob")),
        ("grün", ids("ada")),
        ("g-unix", ids("ada") | {"svc-punctuality"}),
        ("g-unique", ids("ada", "bob")),
    ],
)
def test_a_group_has_the_members_that_the_server_says(ask: Ask, name: str, members: frozenset[str]) -> None:
    found = ask(name)
    assert found.groups == {name: members}
    assert found.principals.keys() >= members
    assert not found.complete


def test_only_what_is_asked_for_is_fetched(ask: Ask) -> None:
    found = ask("g-mkt", principals=("svc-punctuality", "cyd@example.org", "*", "nobody@example.org"))
    assert found.principals.keys() == ids("ada", "bob", "cyd") | {"svc-punctuality"}
    assert found.groups.keys() == {"g-mkt"}


def test_a_principal_is_what_its_entry_says(ask: Ask) -> None:
    found = ask("g-machines").principals
    ada, machine = found["ada@example.org"], found["svc-punctuality"]
    assert (ada.kind, ada.name, ada.login("postgres"), ada.login("trino")) == ("human", "Ada", "ada", ada.id)
    assert ada.attributes == {"department": "7", "units": ("one", "two")}
    assert (machine.kind, machine.name, machine.attributes) == ("machine", "", {})


def test_everybody_is_read_page_by_page(ask: Ask) -> None:
    found = ask("g-left", everybody=True)
    assert found.complete
    assert len(found.principals) == MANY + 5 + 2
    assert found.groups == {"g-left": ids("ada")}
    assert {one.id for one in found.principals.values() if one.kind == "machine"} == {
        "svc-punctuality",
        "svc-mail",
    }


EVERYWHERE = {"base": ROOT, "filter": "(&(objectClass=person)(!(|(ou:dn:=odd)(ou:dn:=more))))", "id": "mail"}


@pytest.mark.parametrize("everybody", [True, False])
def test_a_machine_among_the_people_is_a_machine(ask: Ask, everybody: bool) -> None:
    found = ask("g-machines", everybody=everybody, principals=("svc-mail@example.org",), people=EVERYWHERE)
    assert "svc-mail@example.org" not in found.principals
    assert found.principals["svc-mail"].kind == "machine"
    assert found.principals["ada@example.org"].kind == "human"


@pytest.mark.parametrize(
    "name",
    ["*", "g-*", "*)(uid=*", "g-mkt)(|(cn=*", "g-mkt)(cn=*))(|(cn=g-many", "\\2a", "G-MKT", "g-mkt ", " g-mkt", "g  mkt", "", "\0", "g_mkt"],
)  # fmt: skip
def test_a_name_is_nothing_but_a_name(ask: Ask, name: str) -> None:
    found = ask(name, principals=(name,))
    assert (found.groups, found.principals) == ({}, {})


def test_a_name_is_looked_up_in_its_own_normalisation(ask: Ask) -> None:
    assert ask(unicodedata.normalize("NFD", "grün")).groups == {}


@pytest.mark.parametrize(
    ("groups", "settings", "says"),
    [
        (["g-refused"], {"people": {"base": ROOT, "filter": "(mail=*)", "id": "mail"}}, "insufficientAccessRights"),
        (["g-veiled"], {"people": {"base": ROOT, "filter": "(mail=*)", "id": "mail"}}, "does not show it"),
        (["g-twin"], {"groups": {"base": ROOT, "filter": "(objectClass=groupOfNames)"}}, "2 groups that are called 'g-twin'"),
        (["g-alias"], {}, "has 2 names"),
        (["g-mkt"], {"groups": {"base": f"ou=missing,{ROOT}", "filter": "(cn=*)"}}, "noSuchObject"),
        (["g-mkt"], {"groups": {"base": "no name", "filter": "(cn=*)"}}, "invalidDNSyntax"),
        (["g-mkt"], {"groups": {"base": "dc=split", "filter": "(cn=*)"}}, "on another server"),
        (["g-mkt"], {"groups": {"base": "dc=elsewhere,dc=split", "filter": "(cn=*)"}}, "referral"),
        (["g-mkt"], {"groups": {"base": ROOT, "filter": "(&cn=*)"}}, "cannot be read"),
        (["g-unix"], {"people": {"base": ROOT, "filter": "(|(ou:dn:=people)(ou:dn:=more))", "id": "mail"}}, "have the same uid 'ada'"),
        (["g-mkt"], {"people": {"base": ROOT, "filter": "(uid=*)", "id": "ou"}}, "2 values of ou"),
        (["g-mkt"], {"logins": {"postgres": "ou"}}, "its login at postgres"),
        (["g-mkt"], {"logins": {"postgres": "sn"}}, "the same login 'Example' at postgres"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_whole_is_not_read(
    ask: Ask, groups: list[str], settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(DirectoryError) as refused:
        ask(*groups, **settings)
    assert says in str(refused.value)
    assert refused.value.fix


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("(uid=ada2)", "2 values of mail"),
        ("(uid=none)", "no values of mail"),
        ("(|(uid=ada)(uid=ada3))", "look alike"),
    ],
)
def test_an_id_that_is_not_one_is_refused(ask: Ask, where: str, says: str) -> None:
    with pytest.raises(DirectoryError, match=says):
        ask(everybody=True, people={"base": ROOT, "filter": f"(&(objectClass=person){where})", "id": "mail"})


@pytest.mark.parametrize("page", [3, 500])
def test_a_server_that_cuts_the_answer_is_no_directory(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setenv("MESHWRIGHT_DIRECTORY_USER", f"cn=small,{ROOT}")
    with pytest.raises(DirectoryError, match="sizeLimitExceeded"):
        ask(everybody=True, pageSize=page)


@pytest.mark.parametrize(
    ("user", "password", "says"),
    [
        (READER, "wrong horse", "refuses the user, or the password"),
        (f"cn=nobody,{ROOT}", SECRET, "refuses the user, or the password"),
        ("no name", SECRET, "invalidDNSyntax"),
        (READER, None, "PASSWORD is not set"),
        (READER, "", "PASSWORD is not set"),
        (None, SECRET, "USER is not set"),
        (None, None, "USER is not set"),
    ],
)
def test_who_may_not_read_is_told_so_without_the_password(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, user: str | None, password: str | None, says: str
) -> None:
    for name, value in (("USER", user), ("PASSWORD", password)):
        if value is None:
            monkeypatch.delenv(f"MESHWRIGHT_DIRECTORY_{name}")
        else:
            monkeypatch.setenv(f"MESHWRIGHT_DIRECTORY_{name}", value)
    with pytest.raises(DirectoryError) as refused:
        ask("g-mkt")
    assert says in str(refused.value)
    assert (
        "horse"
        not in f"{refused.value} {refused.value.fix} {refused.value.__cause__!r} {refused.value.__context__!r}"
    )


@pytest.mark.parametrize("start", [True, False])
def test_a_certificate_of_nobodys_is_refused(ask: Ask, slapd: Slapd, start: bool) -> None:
    url = f"ldap://127.0.0.1:{slapd.port}" if start else f"ldaps://127.0.0.1:{slapd.tls_port}"
    with pytest.raises(DirectoryError, match="certificate cannot be trusted"):
        ask("g-mkt", url=url, startTLS=start)


@pytest.mark.parametrize("start", [True, False])
def test_a_certificate_of_our_own_authority_is_taken_for_its_name_only(
    ask: Ask, slapd: Slapd, monkeypatch: pytest.MonkeyPatch, start: bool
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(slapd.certificate))
    port = slapd.port if start else slapd.tls_port
    scheme = "ldap" if start else "ldaps"
    assert ask("g-mkt", url=f"{scheme}://127.0.0.1:{port}", startTLS=start).groups["g-mkt"] == ids(
        "ada", "bob"
    )
    with pytest.raises(DirectoryError, match="certificate cannot be trusted"):
        ask("g-mkt", url=f"{scheme}://localhost:{port}", startTLS=start)


@pytest.mark.parametrize("url", ["ldap://127.0.0.1:{}", "ldaps://127.0.0.1:{}", "ldap://[::1]:{}"])
def test_a_server_that_is_not_there_is_an_error(ask: Ask, url: str) -> None:
    with pytest.raises(DirectoryError) as refused:
        ask("g-mkt", url=url.format(*ports(1)))
    assert "cannot be read" in str(refused.value)
    assert "ldap.url" in refused.value.fix


Serve = Callable[[Callable[[socket.socket], None]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server on this machine that does with each connection what it is told; returns its address."""
    listening: list[socket.socket] = []

    def served(what: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listening.append(listener)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):  # the other side had enough
                    what(connection)

        threading.Thread(target=accept, daemon=True).start()
        return f"ldap://127.0.0.1:{listener.getsockname()[1]}"

    yield served
    for one in listening:
        one.close()


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 64, b"\xff" * 64, b"0\x84\xff\xff\xff\xff", b"0\x05\x02\x01\x01\x78\x00", b"0\x80"],
)  # fmt: skip
def test_a_server_that_speaks_something_else_is_an_error(
    ask: Ask, serve: Serve, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(ldap_connection, "SILENCE_SECONDS", 1)

    def nonsense(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(answer)

    with pytest.raises(DirectoryError) as refused:
        ask("g-mkt", url=serve(nonsense))
    assert SECRET not in str(refused.value)


def test_a_server_that_says_nothing_is_not_waited_for(
    ask: Ask, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ldap_connection, "SILENCE_SECONDS", 1)
    start = time.monotonic()
    with pytest.raises(DirectoryError):
        ask("g-mkt", url=serve(lambda connection: time.sleep(3)))
    assert time.monotonic() - start < 3


def tlv(tag: int, *parts: bytes) -> bytes:
    """An element as LDAP encodes it (X.690)."""
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + size + body


def elements(raw: bytes) -> list[tuple[int, bytes]]:
    """The elements that follow one another: tag and content of each."""
    found = []
    while raw:
        long = raw[1] & 0x7F if raw[1] >= 0x80 else 0
        size = int.from_bytes(raw[2 : 2 + long], "big") if long else raw[1]
        found.append((raw[0], raw[2 + long : 2 + long + size]))
        raw = raw[2 + long + size :]
    return found


def shown(dn: str, **attributes: list[str]) -> bytes:
    """An entry that a search finds."""
    pairs = [
        tlv(
            0x30,
            tlv(4, name.replace("__", ";range=").replace("_", "-").replace("-ALL", "-*").encode()),
            tlv(0x31, *(tlv(4, one.encode()) for one in values)),
        )
        for name, values in attributes.items()
    ]
    return tlv(0x64, tlv(4, dn.encode()), tlv(0x30, *pairs))


def cookie(value: bytes) -> bytes:
    """The control that says whether there are more pages."""
    return tlv(
        0xA0, tlv(0x30, tlv(4, server.PAGED.encode()), tlv(4, tlv(0x30, tlv(2, b"\0"), tlv(4, value))))
    )


BIND, SEARCH = 0x60, 0x63
Search = Callable[[str, list[str]], tuple[list[bytes], bytes]]


def speaking(search: Search) -> Callable[[socket.socket], None]:
    """What a server does that lets everybody in, and answers a search (base, attributes) with entries and a cookie."""

    def speak(connection: socket.socket) -> None:
        while message := connection.recv(100_000):
            (_, body), *_ = elements(message)
            (_, number), (kind, request), *_ = elements(body)
            done = (tlv(10, b"\0"), tlv(4), tlv(4))
            if kind == SEARCH:
                (_, base), *_, (_, attributes) = elements(request)
                entries, more = search(base.decode(), [name.decode() for _, name in elements(attributes)])
                for one in entries:
                    connection.sendall(tlv(0x30, tlv(2, number), one))
                connection.sendall(tlv(0x30, tlv(2, number), tlv(0x65, *done), cookie(more)))
            elif kind == BIND:
                connection.sendall(tlv(0x30, tlv(2, number), tlv(0x61, *done)))

    return speak


def test_a_server_that_does_not_encrypt_learns_no_password(ask: Ask, serve: Serve) -> None:
    heard = bytearray()

    def refuse(connection: socket.socket) -> None:
        while message := connection.recv(100_000):
            heard.extend(message)
            (_, number), *_ = elements(elements(message)[0][1])
            answer = tlv(0x78, tlv(10, b"\x02"), tlv(4), tlv(4))
            connection.sendall(tlv(0x30, tlv(2, number), answer))

    with pytest.raises(DirectoryError, match="startTLS failed"):
        ask("g-mkt", url=serve(refuse), startTLS=True)
    assert b"1.3.6.1.4.1.1466.20037" in heard
    assert SECRET.encode() not in heard


MEMBERS = [f"uid=m{number},ou=people,{ROOT}" for number in range(5)]


@pytest.mark.parametrize(
    ("slices", "says"),
    [
        ({"member;range=2-*": {"member__2_3": MEMBERS[2:4]}, "member;range=4-*": {"member__4_ALL": MEMBERS[4:]}}, ""),
        ({"member;range=2-*": {"member__2_ALL": MEMBERS[2:]}}, ""),
        ({"member;range=2-*": {}}, "only in part"),
        ({"member;range=2-*": {"member__3_ALL": MEMBERS[3:]}}, "only in part"),
        ({"member;range=2-*": {"member__2_2": []}}, "only in part"),
    ],
)  # fmt: skip
def test_members_that_come_in_slices_come_all(
    ask: Ask, serve: Serve, slices: dict[str, dict[str, list[str]]], says: str
) -> None:
    """As Active Directory gives the members of a large group."""

    def search(base: str, attributes: list[str]) -> tuple[list[bytes], bytes]:
        name = base.partition(",")[0].removeprefix("uid=")
        if name.startswith("m"):
            return [shown(base, mail=[f"{name}@example.org"])], b""
        given = (
            slices[attributes[0]]
            if attributes[0] in slices
            else {"cn": ["g"], "member": [], "member__0_1": MEMBERS[:2]}
        )
        return [shown(f"cn=g,ou=groups,{ROOT}", **given)], b""

    address = serve(speaking(search))
    if not says:
        assert ask("g", url=address).groups == {"g": ids(*(f"m{number}" for number in range(5)))}
        return
    with pytest.raises(DirectoryError, match=says):
        ask("g", url=address)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([shown(f"uid=ada,{ROOT}", mail=["ada@example.org"])], "twice"),
        ([], "within 0.3 s"),
    ],
)
def test_pages_without_end_are_not_read(
    ask: Ask, serve: Serve, monkeypatch: pytest.MonkeyPatch, entries: list[bytes], says: str
) -> None:
    monkeypatch.setattr(server, "READ_SECONDS", 0.3)
    with pytest.raises(DirectoryError, match=says):
        ask(everybody=True, url=serve(speaking(lambda base, attributes: (entries, b"more"))))


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"a\0b"])
def test_a_value_that_is_no_text_is_refused(ask: Ask, serve: Serve, raw: bytes) -> None:
    attribute = tlv(0x30, tlv(4, b"mail"), tlv(0x31, tlv(4, raw)))
    found = tlv(0x64, tlv(4, f"uid=ada,{ROOT}".encode()), tlv(0x30, attribute))
    with pytest.raises(DirectoryError, match=r"is no text|invisible characters"):
        ask(everybody=True, url=serve(speaking(lambda base, attributes: ([found] * ("people" in base), b""))))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("UID=Ada , OU=People", "uid=ada,ou=people"),
        (r"cn=Doe\, Jane", r"cn=doe\2C jane"),
        ("a=1+b=2,c=3", "b=2+a=1,c=3"),
        (f"cn={NFC}", f"cn={NFD}"),
        (r"cn=zo\C3\AB", f"cn={NFC}"),
    ],
)
def test_the_name_of_an_entry_is_the_same_however_it_is_written(one: str, other: str) -> None:
    assert normal(one) == normal(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(r"cn=a\,ou=people", "cn=a,ou=people"), (r"cn=a\\,ou=b", r"cn=a\,ou=b"), ("cn=a,cn=b", "cn=b,cn=a"), (r"cn=a\ff", r"cn=a\fe")],
)  # fmt: skip
def test_names_of_different_entries_stay_apart(one: str, other: str) -> None:
    assert normal(one) != normal(other)


def test_an_entry_lies_below_its_base_and_no_other() -> None:
    base = normal(f"ou=people,{ROOT}")
    assert below(normal(f"uid=ada,OU=People, {ROOT}"), base)
    assert not below(normal(rf"uid=x\,ou=people,{ROOT}"), base)
    assert not below(normal(f"uid=ada,ou=notpeople,{ROOT}"), base)
    assert not below(normal(f"uid=ada,ou=people,{ROOT},dc=evil"), base)


def test_a_value_ends_no_filter() -> None:
    assert escaped("*)(uid=é\0\\") == r"\2a\29\28uid\3d\c3\a9\00\5c"


def test_without_a_user_it_is_asked_only_where_the_file_says_so(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("USER", "PASSWORD"):
        monkeypatch.delenv(f"MESHWRIGHT_DIRECTORY_{name}")
    with pytest.raises(DirectoryError, match="USER is not set"):
        ask("g-mkt")
    with pytest.raises(DirectoryError, match="noSuchObject"):  # this server shows strangers nothing
        ask("g-mkt", anonymous=True)
