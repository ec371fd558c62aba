"""A directory that is asked by LDAP: RFC 4511, with pages by RFC 2696.

What is a member of a group and cannot be found is a leaver; so is who no longer fits the filter, or lies outside the
bases. A member that the server has and does not show is an error, where the server lets the two be told apart.
"""

from __future__ import annotations

import contextlib
import os
import re
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException

from meshwright.access.directory import (
    PASSWORD,
    USER,
    DirectoryError,
    Snapshot,
    Wanted,
    folded,
    named,
    principal,
    reached,
    shown,
    snapshot,
    url,
)
from meshwright.access.grants import Kind, Principal
from meshwright.core.yaml import Document, Unreadable

CONNECT_SECONDS = 10
SILENCE_SECONDS = 30
"""How long the server may say nothing;"""
READ_SECONDS = 600.0
"""and how long it may take in all."""
PAGE = 500
AT_ONCE = 50
"""How many names one filter asks for."""

DN_MEMBERS = ("member", "uniqueMember")
UID_MEMBERS = "memberUid"
UID = "uid"
"""What memberUid speaks of (RFC 2307)."""
KINDS: tuple[tuple[str, Kind], ...] = (("machines", "machine"), ("people", "human"))
"""Which part of the file makes what; the first that fits counts."""

PAGED = "1.2.840.113556.1.4.319"
NOBODY = ("1.1",)
"""No attributes, as RFC 4511 says it."""
SUCCESS, NO_SUCH_OBJECT, INVALID_CREDENTIALS = 0, 32, 49
FIXES = {
    3: "Make the page smaller with `pageSize`, or allow the reader a longer search.",
    4: "Make the page smaller with `pageSize`, or allow the reader to read as much as there is.",
    10: "Ask a server that holds the entries itself.",
    11: "Make the page smaller with `pageSize`, or allow the reader to read as much as there is.",
    12: "Ask a server that can answer in pages (RFC 2696).",
    NO_SUCH_OBJECT: "Correct the base, or let the reader see it.",
    34: "Write the base as `attribute=value,…`.",
    50: "Let the reader read people, machines and groups.",
}


class Verified(ldap3.Tls):
    """TLS as the standard library does it: ldap3 looks at the name in a certificate with a copy of its own."""

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        context = ssl.create_default_context()
        connection.socket = context.wrap_socket(connection.socket, server_hostname=connection.server.host)


@dataclass(frozen=True)
class Entry:
    """What the server shows of an entry."""

    dn: str
    attributes: Mapping[str, list[bytes]]
    """As the server calls them; with `;range=` behind the name, where it gives but a slice."""

    def values(self, attribute: str) -> list[str]:
        """The values of an attribute. Raises DirectoryError for one that is no text."""
        try:
            return [value.decode() for value in self.attributes.get(attribute) or ()]
        except UnicodeDecodeError as error:
            problem = f"The attribute {attribute} of {_quoted(self.dn)} is no text."
            raise DirectoryError(problem, "Map another attribute.") from error


@dataclass
class Server:
    """One reading of a server."""

    settings: dict[str, Any]
    connection: ldap3.Connection
    end: float
    """When it has taken too long, on the monotonic clock."""
    principals: dict[str, tuple[Principal, list[str]]] = field(default_factory=dict)
    """Normal DN -> who it is, and the values of uid."""
    groups: dict[str, Entry] = field(default_factory=dict)
    """Normal DN -> the group there."""
    met: dict[str, str | None] = field(default_factory=dict)
    """Normal DN of a member, as its group has it -> as the server has it; None for one that does not count."""
    members: dict[str, tuple[set[str], set[str]]] = field(default_factory=dict)
    """Normal DN of a group -> ids of its own members, and the groups in it."""

    def search(
        self, base: str, where: str, attributes: Iterable[str], one: bool = False
    ) -> list[Entry] | None:
        """The entries below `base` that fit, all of them, or (`one`) the entry there itself, if it fits.

        None where `one` is not there at all. Raises DirectoryError.
        """
        found: dict[str, Entry] = {}
        cookie = None
        while True:
            if time.monotonic() > self.end:
                problem = f"The directory has not answered in full within {READ_SECONDS:g} s."
                raise DirectoryError(problem, "Ask for fewer groups, or a server that is nearer.")
            self.connection.search(
                base,
                where,
                ldap3.BASE if one else ldap3.SUBTREE,
                ldap3.DEREF_NEVER,  # an alias could lead out of the base
                [*dict.fromkeys(attributes)],
                paged_size=None if one else self.settings.get("pageSize", PAGE),
                paged_criticality=True,
                paged_cookie=cookie,
            )
            result, response = self.connection.result, self.connection.response
            code = result["result"]
            if one and code == NO_SUCH_OBJECT:
                return None
            if code != SUCCESS:
                problem = f"The directory answers {result['description']} when asked for what is at {_quoted(base)}."
                fix = FIXES.get(code, "Ask whoever runs the directory; its log says more.")
                raise DirectoryError(problem, fix)
            assert response is not None, "a search that succeeded has answers"
            for item in response:
                if item["type"] != "searchResEntry":
                    problem = f"Part of what lies below {_quoted(base)} is on another server."
                    raise DirectoryError(problem, "Give a base that lies on this server as a whole.")
                if (key := normal(item["dn"])) in found:
                    problem = f"The directory shows {_quoted(item['dn'])} twice in one answer."
                    raise DirectoryError(problem, "It may have changed meanwhile: run this again.")
                found[key] = Entry(item["dn"], item["raw_attributes"])
            cookie = result.get("controls", {}).get(PAGED, {}).get("value", {}).get("cookie")
            if not cookie:
                return list(found.values())

    def everybody(self) -> None:
        """Fetches all principals."""
        for part, _ in KINDS:
            if about := self.settings.get(part):
                self._keep(part, self.search(about["base"], about["filter"], self._taken(part)) or ())

    def those(self, attribute: str | None, values: Iterable[str]) -> None:
        """Fetches the principals that have one of the values in an attribute; in that of the id, if None."""
        for part, _ in KINDS:
            if about := self.settings.get(part):
                for where in _each(about["filter"], attribute or about["id"], values):
                    found = self.search(about["base"], where, self._taken(part)) or ()
                    self._keep(
                        part, [entry for entry in found if part == "machines" or not self._is_machine(entry)]
                    )

    def named(self, names: Iterable[str]) -> dict[str, str]:
        """Name -> normal DN, of the groups that are there."""
        about = self.settings["groups"]
        call = about.get("name", "cn")
        there = []
        for where in _each(about["filter"], call, names):
            for entry in self.search(about["base"], where, (call, *DN_MEMBERS, UID_MEMBERS)) or ():
                if len(called := entry.values(call)) != 1:
                    problem = f"The group {_quoted(entry.dn)} has {len(called) or 'no'} names."
                    raise DirectoryError(problem, f"Give it one {call}.")
                if (key := normal(entry.dn)) not in self.groups:
                    self.groups[key] = entry
                    there.append((called[0], key))
        return named(names, there)

    def look(self, group: str) -> tuple[set[str], set[str]]:
        """The ids of a group's own members, and the normal DNs of the groups in it."""
        if group not in self.members:
            entry = self.groups[group]
            ids: set[str] = set()
            groups: set[str] = set()
            for attribute in DN_MEMBERS:
                for dn in self._all(entry, attribute):
                    # The optional identifier of RFC 4517, 3.3.21 tells apart entries that had one name in turn.
                    found = self._member(re.sub(r"#'[01]*'B$", "", dn) if attribute != "member" else dn)
                    if found in self.principals:
                        ids.add(self.principals[found][0].id)
                    elif found:
                        groups.add(found)
            ids.update(self._by_uid(self._all(entry, UID_MEMBERS)))
            self.members[group] = ids, groups
        return self.members[group]

    def _member(self, dn: str) -> str | None:
        """The normal DN of a member that is a principal or a group, now known; None for any other, and for a leaver."""
        key = normal(dn)
        if key in self.principals or key in self.groups:
            return key
        if key not in self.met:
            self.met[key] = self._fetched(dn, key)
        return self.met[key]

    def _fetched(self, dn: str, key: str) -> str | None:
        possible = [
            (part, self.settings[part])
            for part in (*dict(KINDS), "groups")
            if part in self.settings and below(key, normal(self.settings[part]["base"]))
        ]
        for part, about in possible:
            found = self.search(dn, about["filter"], self._taken(part), one=True)
            if found is None:
                return None
            if found and part == "groups":
                self.groups[normal(found[0].dn)] = found[0]
            elif found:
                self._keep(part, found)
            if found:
                return normal(found[0].dn)
        if possible and self.search(dn, "(objectClass=*)", NOBODY, one=True) == []:
            problem = f"The member {_quoted(dn)} is there, but the directory does not show it."
            raise DirectoryError(problem, FIXES[50])
        return None

    def _by_uid(self, uids: Iterable[str]) -> Iterator[str]:
        wanted = set(uids)
        if not wanted:
            return
        self.those(UID, sorted(wanted))  # also of those who are known: somebody else may have it, too
        owners: dict[str, set[str]] = {}
        for who, has in self.principals.values():
            for uid in wanted.intersection(has):
                owners.setdefault(uid, set()).add(who.id)
        for uid, ids in owners.items():
            if len(ids) > 1:
                problem = f"{' and '.join(sorted(ids))} have the same uid {uid!r}, by which a group names one of them."
                raise DirectoryError(problem, "Correct one of them in the directory.")
            yield from ids

    def _is_machine(self, entry: Entry) -> bool:
        about = self.settings.get("machines")
        if not about or not below(normal(entry.dn), normal(about["base"])):
            return False
        return bool(self.search(entry.dn, about["filter"], NOBODY, one=True))

    def _all(self, entry: Entry, attribute: str) -> list[str]:
        """All values of an attribute, also where the server gives but a slice at a time (Active Directory)."""
        name = _slice(entry, attribute)
        if name is None:
            return entry.values(attribute)
        values: list[str] = []
        while name is not None:
            more = entry.values(name)
            first, _, last = name.rpartition("=")[2].partition("-")
            if int(first) != len(values) or not (more or last == "*"):
                break
            values += more
            if last == "*":
                return values
            asked = f"{attribute};range={len(values)}-*"
            [entry] = self.search(entry.dn, "(objectClass=*)", [asked], one=True) or [entry]
            name = _slice(entry, attribute)
        problem = f"The directory shows the members of {_quoted(entry.dn)} only in part."
        raise DirectoryError(problem, FIXES[50])

    def _taken(self, part: str) -> list[str]:
        """The attributes that an entry is asked for."""
        about = self.settings[part]
        if part == "groups":
            return [*DN_MEMBERS, UID_MEMBERS]
        mapped = chain.from_iterable(self.settings.get(key, {}).values() for key in ("attributes", "logins"))
        return [about["id"], *([about["name"]] if "name" in about else []), UID, *mapped]

    def _keep(self, part: str, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if (key := normal(entry.dn)) not in self.principals:
                who = principal(
                    dict(KINDS)[part], _quoted(entry.dn), self.settings[part], entry.values, self.settings
                )
                self.principals[key] = who, entry.values(UID)


def read(document: Document, wanted: Wanted) -> Snapshot:
    """Asks the server that `ldap` in the document describes. Raises Unreadable, DirectoryError."""
    settings = document.value["ldap"]
    _check(document, settings)
    try:
        with _connected(document, settings) as connection:
            server = Server(settings, connection, time.monotonic() + READ_SECONDS)
            if wanted.everybody:
                server.everybody()
            else:
                server.those(None, sorted(wanted.principals))
            found = server.named(sorted(wanted.groups))
            groups = {name: reached(dn, server.look) for name, dn in found.items()}
    except (DirectoryError, Unreadable):
        raise
    # ldap3 takes apart whatever a server sends, and says what it makes of nonsense in many ways.
    except Exception as error:
        raise _failed(error) from error
    return snapshot((who for who, _ in server.principals.values()), groups, complete=wanted.everybody)


@contextlib.contextmanager
def _connected(document: Document, settings: dict[str, Any]) -> Iterator[ldap3.Connection]:
    """A connection that is encrypted, and bound as whom the environment says."""
    start = settings.get("startTLS", False)
    address = url(document, ("ldap", "url"), "ldaps", "ldap", encrypted=start)
    encrypted = address.scheme == "ldaps"
    if encrypted and start:
        problem = "ldaps:// is encrypted from the start."
        raise Unreadable(problem, "Remove startTLS, or write ldap://.", *document.place(("ldap", "startTLS")))
    if address.path not in ("", "/"):
        problem = "The address carries more than where the server is."
        raise Unreadable(
            problem, "Bases and filters have fields of their own.", *document.place(("ldap", "url"))
        )
    assert address.hostname, "url() refuses an address without one"
    user, password = os.environ.get(USER, ""), os.environ.get(PASSWORD, "")
    # A server takes a user without a password for nobody in particular, and says that all is well (RFC 4513, 5.1.2).
    nobody = bool(document.get("ldap.anonymous"))
    missing = [name for name, value in ((USER, user), (PASSWORD, password)) if not value]
    if (missing and not nobody) or len(missing) == 1:  # whom a server does not know, it may show less
        fix = f"Set both {USER} and {PASSWORD}; or neither, and write `anonymous: true`."
        raise DirectoryError(f"{missing[0]} is not set.", fix)
    connection = ldap3.Connection(
        ldap3.Server(
            address.hostname,
            address.port or (636 if encrypted else 389),
            use_ssl=encrypted,
            tls=Verified(),
            get_info=ldap3.NONE,
            connect_timeout=CONNECT_SECONDS,
        ),
        user or None,
        password or None,
        authentication=ldap3.SIMPLE if user else ldap3.ANONYMOUS,
        read_only=True,
        auto_referrals=False,
        auto_range=False,  # ldap3's own takes a slice that does not come for the last
        return_empty_attributes=False,  # it stumbles over slices
        check_names=False,  # it would write names of entries anew, and not always well
        receive_timeout=SILENCE_SECONDS,
    )
    try:
        connection.open(read_server_info=False)
        if start and not connection.start_tls(read_server_info=False):
            raise DirectoryError("The directory does not encrypt the connection.", "Use ldaps://.")
        if not connection.bind(read_server_info=False):
            raise _refused(connection.result)
        yield connection
    finally:
        with contextlib.suppress(LDAPException, OSError):
            connection.unbind()


def _refused(result: Mapping[str, Any]) -> DirectoryError:
    if result["result"] == INVALID_CREDENTIALS:
        problem = "The directory refuses the user, or the password."
        return DirectoryError(problem, f"Check {USER} and {PASSWORD}.")
    problem = f"The directory lets the reader not in: it answers {result['description']}."
    return DirectoryError(problem, f"Set {USER} and {PASSWORD}, or ask whoever runs the directory.")


def _failed(error: Exception) -> DirectoryError:
    """What went wrong on the way, in words that hold nothing of what was sent."""
    said = str(error) if isinstance(error, (LDAPException, OSError)) else type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in said:
        fix = "Have it give a certificate for this very name; name an authority of your own in SSL_CERT_FILE."
        return DirectoryError("The directory's certificate cannot be trusted.", fix)
    fix = "Check `ldap.url`, and whether the server can be reached from here."
    return DirectoryError(f"The directory cannot be read: {shown(said)}.", fix)


def _check(document: Document, settings: dict[str, Any]) -> None:
    """Every filter is one filter: what is written around it later stays around it. Raises Unreadable."""
    for part in (*dict(KINDS), "groups"):
        if part in settings and not _is_one(settings[part]["filter"]):
            place = document.place(("ldap", part, "filter"))
            raise Unreadable(
                "It is not one filter.", "Close each parenthesis; join filters with (&…).", *place
            )


def _is_one(where: str) -> bool:
    depth = 0
    for number, sign in enumerate(where):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth <= 0 and number < len(where) - 1:
            return False
    return depth == 0


def _each(where: str, attribute: str, values: Iterable[str]) -> Iterator[str]:
    """Filters for the entries that fit `where` and have one of the values, some values a filter."""
    parts = [f"({attribute}={escaped(value)})" for value in values]
    for start in range(0, len(parts), AT_ONCE):
        yield f"(&{where}(|{''.join(parts[start : start + AT_ONCE])}))"


def escaped(value: str) -> str:
    """A value as a filter takes it: all but letters and digits by number, so that none can end it or match more."""
    return "".join(
        chr(byte) if byte < 128 and chr(byte).isalnum() else f"\\{byte:02x}"
        for byte in value.encode(errors="surrogateescape")
    )


def normal(dn: str) -> str:
    """The name of an entry, the same however it is written (RFC 4514): case, spaces, escapes, order in a `+`."""
    parts = []
    for rdn in re.findall(r"(?:\\.|[^\\,])+", dn, re.DOTALL):
        pairs = []
        for pair in re.findall(r"(?:\\.|[^\\+])+", rdn, re.DOTALL):
            attribute, _, value = pair.partition("=")
            pairs.append(f"{attribute.strip().lower()}={escaped(folded(_unescaped(value)))}")
        parts.append("+".join(sorted(pairs)))
    return ",".join(parts)


def _unescaped(value: str) -> str:
    raw = re.sub(
        rb"\\([0-9A-Fa-f]{2})|\\(.)",
        lambda found: bytes.fromhex(found[1].decode()) if found[1] else found[2],
        value.encode(),
        flags=re.DOTALL,
    )
    return raw.decode(errors="surrogateescape")


def below(key: str, base: str) -> bool:
    """Whether an entry lies at or below another; both names normal."""
    return key == base or key.endswith(f",{base}")


def _slice(entry: Entry, attribute: str) -> str | None:
    """What the entry calls a slice of an attribute's values, such as `member;range=0-1499`; the last ends in `*`."""
    shape = re.compile(rf"{attribute};range=\d+-(?:\d+|\*)", re.IGNORECASE)
    return next(filter(shape.fullmatch, entry.attributes), None)


def _quoted(dn: str) -> str:
    return repr(dn[:200])
