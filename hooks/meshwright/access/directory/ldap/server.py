"""The entries of a server of LDAP: people, machines, groups and their members."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import ldap3

from meshwright.access.directory.groups import by_name
from meshwright.access.directory.ldap.entry_names import below, filters, normal, quoted
from meshwright.access.directory.principals import principal
from meshwright.access.directory.snapshot import DirectoryError
from meshwright.access.grants import Kind, Principal

READ_SECONDS = 600.0
"""Timeout for reading the whole directory."""
PAGE = 500

DN_MEMBERS = ("member", "uniqueMember")
UID_MEMBERS = "memberUid"
UID = "uid"
"""The attribute that memberUid refers to (RFC 2307)."""
KINDS: tuple[tuple[str, Kind], ...] = (("machines", "machine"), ("people", "human"))
"""Part of the file -> kind of its principals; the first that matches counts."""

PAGED = "1.2.840.113556.1.4.319"
NOBODY = ("1.1",)
"""No attributes, as RFC 4511 writes it."""
SUCCESS, NO_SUCH_OBJECT = 0, 32
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


@dataclass(frozen=True)
class Entry:
    """An entry, as far as the server shows it."""

    dn: str
    attributes: Mapping[str, list[bytes]]
    """As the server calls them; with `;range=` behind the name, where it gives only a slice."""

    def values(self, attribute: str) -> list[str]:
        """Return the values of an attribute. Raises DirectoryError for one that is no text."""
        try:
            return [value.decode() for value in self.attributes.get(attribute) or ()]
        except UnicodeDecodeError as error:
            problem = f"The attribute {attribute} of {quoted(self.dn)} is no text."
            raise DirectoryError(problem, "Map another attribute.") from error


@dataclass
class LdapServer:
    """One reading of a server: its principals, its groups and their members."""

    settings: dict[str, Any]
    connection: ldap3.Connection
    end: float = field(default_factory=lambda: time.monotonic() + READ_SECONDS)
    """When it has taken too long, on the monotonic clock."""
    principals: dict[str, tuple[Principal, list[str]]] = field(default_factory=dict)
    """Normal DN -> who it is, and the values of uid."""
    groups: dict[str, Entry] = field(default_factory=dict)
    """Normal DN -> the group there."""
    resolved_members: dict[str, str | None] = field(default_factory=dict)
    """Normal DN of a member, as its group has it -> as the server has it; None for one that does not count."""
    members: dict[str, tuple[set[str], set[str]]] = field(default_factory=dict)
    """Normal DN of a group -> ids of its own members, and the groups in it."""

    def search(
        self, base: str, where: str, attributes: Iterable[str], one: bool = False
    ) -> list[Entry] | None:
        """Return all entries below `base` that match, or (`one`) the entry there itself, if it matches.

        None where `one` does not exist. Raises DirectoryError.
        """
        entries: dict[str, Entry] = {}
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
                problem = (
                    f"The directory answers {result['description']} when asked for what is at {quoted(base)}."
                )
                fix = FIXES.get(code, "Ask the operator of the directory; its log has details.")
                raise DirectoryError(problem, fix)
            assert response is not None, "a search that succeeded has answers"
            for item in response:
                if item["type"] != "searchResEntry":
                    problem = f"Part of what is below {quoted(base)} is on another server."
                    raise DirectoryError(problem, "Give a base that is on this server as a whole.")
                if (key := normal(item["dn"])) in entries:
                    problem = f"The directory shows {quoted(item['dn'])} twice in one answer."
                    raise DirectoryError(problem, "It may have changed meanwhile: run this again.")
                entries[key] = Entry(item["dn"], item["raw_attributes"])
            cookie = result.get("controls", {}).get(PAGED, {}).get("value", {}).get("cookie")
            if not cookie:
                return list(entries.values())

    def fetch_all_principals(self) -> None:
        """Fetch all principals."""
        for part, _ in KINDS:
            if about := self.settings.get(part):
                self._keep(
                    part, self.search(about["base"], about["filter"], self._requested_attributes(part)) or ()
                )

    def fetch_principals_by(self, attribute: str | None, values: Iterable[str]) -> None:
        """Fetch the principals that have one of the values in an attribute; in that of the id, if None."""
        for part, _ in KINDS:
            if about := self.settings.get(part):
                for where in filters(about["filter"], attribute or about["id"], values):
                    entries = self.search(about["base"], where, self._requested_attributes(part)) or ()
                    self._keep(
                        part,
                        [entry for entry in entries if part == "machines" or not self._is_machine(entry)],
                    )

    def find_groups(self, names: Iterable[str]) -> dict[str, str]:
        """Return name -> normal DN, of the groups that exist."""
        about = self.settings["groups"]
        call = about.get("name", "cn")
        groups = []
        for where in filters(about["filter"], call, names):
            for entry in self.search(about["base"], where, (call, *DN_MEMBERS, UID_MEMBERS)) or ():
                if len(called := entry.values(call)) != 1:
                    problem = f"The group {quoted(entry.dn)} has {len(called) or 'no'} names."
                    raise DirectoryError(problem, f"Give it one {call}.")
                if (key := normal(entry.dn)) not in self.groups:
                    self.groups[key] = entry
                    groups.append((called[0], key))
        return by_name(names, groups)

    def direct_members(self, group: str) -> tuple[set[str], set[str]]:
        """Return the ids of a group's own members, and the normal DNs of the groups in it."""
        if group not in self.members:
            entry = self.groups[group]
            ids: set[str] = set()
            groups: set[str] = set()
            for attribute in DN_MEMBERS:
                for dn in self._all_values(entry, attribute):
                    # The optional identifier of RFC 4517, 3.3.21 tells apart entries that had one name in turn.
                    member = self._member(re.sub(r"#'[01]*'B$", "", dn) if attribute != "member" else dn)
                    if member in self.principals:
                        ids.add(self.principals[member][0].id)
                    elif member:
                        groups.add(member)
            ids.update(self._ids_by_uid(self._all_values(entry, UID_MEMBERS)))
            self.members[group] = ids, groups
        return self.members[group]

    def _member(self, dn: str) -> str | None:
        """Return the normal DN of a member that is a principal or a group, which is kept; None for any other, and a leaver."""
        key = normal(dn)
        if key in self.principals or key in self.groups:
            return key
        if key not in self.resolved_members:
            self.resolved_members[key] = self._fetch_member(dn, key)
        return self.resolved_members[key]

    def _fetch_member(self, dn: str, key: str) -> str | None:
        possible = [
            (part, self.settings[part])
            for part in (*dict(KINDS), "groups")
            if part in self.settings and below(key, normal(self.settings[part]["base"]))
        ]
        for part, about in possible:
            entries = self.search(dn, about["filter"], self._requested_attributes(part), one=True)
            if entries is None:
                return None
            if entries and part == "groups":
                self.groups[normal(entries[0].dn)] = entries[0]
            elif entries:
                self._keep(part, entries)
            if entries:
                return normal(entries[0].dn)
        if possible and self.search(dn, "(objectClass=*)", NOBODY, one=True) == []:
            problem = f"The member {quoted(dn)} is there, but the directory does not show it."
            raise DirectoryError(problem, FIXES[50])
        return None

    def _ids_by_uid(self, uids: Iterable[str]) -> Iterator[str]:
        listed = set(uids)
        if not listed:
            return
        self.fetch_principals_by(
            UID, sorted(listed)
        )  # also of those who were fetched: somebody else may have it, too
        owners: dict[str, set[str]] = {}
        for who, has in self.principals.values():
            for uid in listed.intersection(has):
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

    def _all_values(self, entry: Entry, attribute: str) -> list[str]:
        """Return all values of an attribute, also where the server gives but a slice at a time (Active Directory)."""
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
            next_slice = f"{attribute};range={len(values)}-*"
            [entry] = self.search(entry.dn, "(objectClass=*)", [next_slice], one=True) or [entry]
            name = _slice(entry, attribute)
        problem = f"The directory shows the members of {quoted(entry.dn)} only in part."
        raise DirectoryError(problem, FIXES[50])

    def _requested_attributes(self, part: str) -> list[str]:
        """Return the attributes that an entry is asked for."""
        about = self.settings[part]
        if part == "groups":
            return [*DN_MEMBERS, UID_MEMBERS]
        mapped = chain.from_iterable(self.settings.get(key, {}).values() for key in ("attributes", "logins"))
        return [about["id"], *([about["name"]] if "name" in about else []), UID, *mapped]

    def _keep(self, part: str, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if (key := normal(entry.dn)) not in self.principals:
                who = principal(
                    dict(KINDS)[part], quoted(entry.dn), self.settings[part], entry.values, self.settings
                )
                self.principals[key] = who, entry.values(UID)


def _slice(entry: Entry, attribute: str) -> str | None:
    """Return what the entry calls a slice of an attribute's values, such as `member;range=0-1499`; the last ends in `*`."""
    shape = re.compile(rf"{attribute};range=\d+-(?:\d+|\*)", re.IGNORECASE)
    return next(filter(shape.fullmatch, entry.attributes), None)
