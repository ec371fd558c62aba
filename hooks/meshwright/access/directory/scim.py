"""Reads a directory by SCIM 2.0: RFC 7643 and RFC 7644.

Names of attributes have no case in SCIM; they are read in small letters. Who is missing, or not active, is a
leaver. Redirections are not followed, because the token would go along; nor is a proxy of the environment used.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from meshwright.access.directory.address import TOKEN, server_address
from meshwright.access.directory.groups import by_name, members_of
from meshwright.access.directory.identifiers import display_text
from meshwright.access.directory.principals import principal
from meshwright.access.directory.snapshot import DirectoryError, DirectoryQuery, Snapshot, checked_snapshot
from meshwright.access.grants import Kind, Principal
from meshwright.core.http import Http, NoAnswer
from meshwright.core.http.retry import TEMPORARY
from meshwright.core.yaml import Document, Unreadable

SILENCE_SECONDS = 30.0
"""How long the server may send nothing."""
READ_SECONDS = 600.0
"""Timeout for reading the whole directory, with failed tries and the waits after them."""
TRIES = 6
"""Maximum attempts of a request."""
FINAL = frozenset(range(100, 600)) - TEMPORARY
MAX_ANSWER = 64_000_000
PAGE = 500

Resource = dict[str, Any]
"""A user or a group, as the server has it; keys in small letters."""


@dataclass
class ScimServer:
    """One reading of a server."""

    settings: dict[str, Any]
    http: Http
    end: float
    """When it has taken too long, on the monotonic clock."""
    users: dict[str, Principal | None] = field(default_factory=dict)
    """SCIM's own id -> who it is; None for a leaver."""
    groups: dict[str, Resource | None] = field(default_factory=dict)
    """SCIM's own id -> the group; None for one that is gone."""

    def fetch_all_principals(self) -> None:
        """Fetch all users."""
        for resource in self.list_resources("Users"):
            self._keep(resource)

    def fetch_principals(self, ids: Iterable[str]) -> None:
        """Fetch the principals with these ids, as agreements write them."""
        for one in ids:
            for resource in self.list_resources("Users", f"{self._id} eq {_literal(one)}"):
                self._keep(resource)

    def find_groups(self, names: Iterable[str]) -> dict[str, str]:
        """Return name -> SCIM's id, of the groups that exist."""
        by_id: dict[str, str] = {}
        for name in names:
            for group in self.list_resources("Groups", f"displayName eq {_literal(name)}", GROUP):
                self.groups[group["id"]] = group
                by_id[group["id"]] = next(iter(_texts(group, "displayname")), "")
        return by_name(names, ((name, key) for key, name in by_id.items()))

    def direct_members(self, group: str) -> tuple[set[str], set[str]]:
        """Return the ids of a group's own members, and the groups in it by SCIM's id."""
        resource = self.groups[group]
        ids: set[str] = set()
        groups: set[str] = set()
        members = resource.get("members") if resource else None
        if not isinstance(members or [], list):
            raise _nonsense(f"the members of the group {group!r}")
        for member in members or ():
            key = member.get("value") if isinstance(member, dict) else None
            if not isinstance(key, str) or key in ("", ".", ".."):
                raise _nonsense(f"a member of the group {group!r}")
            kinds = _kinds(member)
            if "Users" in kinds and (who := self._user(key)):
                ids.add(who.id)
            elif "Groups" in kinds and self._group(key):
                groups.add(key)
        return ids, groups

    def _user(self, key: str) -> Principal | None:
        if key not in self.users and (resource := self._fetch_one("Users", key)):
            self._keep(resource)
        return self.users.setdefault(key, None)

    def _group(self, key: str) -> Resource | None:
        if key not in self.groups:
            self.groups[key] = self._fetch_one("Groups", key, attributes=GROUP)
        return self.groups[key]

    def _keep(self, resource: Resource) -> None:
        active = resource.get("active")
        if isinstance(active, str):  # some servers write it as a text
            active = {"true": True, "false": False}.get(active.lower(), active)
        if active is not None and not isinstance(active, bool):
            raise _nonsense(f"whether the user {resource['id']!r} is active")
        self.users[resource["id"]] = None if active is False else self._principal(resource)

    def _principal(self, resource: Resource) -> Principal:
        machines = self.settings.get("machines")
        is_machine = machines and not set(machines["values"]).isdisjoint(
            _texts(resource, machines["attribute"])
        )
        attributes = {"id": self._id, "name": self.settings.get("name", "displayName")}
        about = f"The user {resource['id'][:200]!r}"
        kind: Kind = "machine" if is_machine else "human"
        return principal(kind, about, attributes, lambda path: _texts(resource, path), self.settings)

    @property
    def _id(self) -> str:
        return str(self.settings.get("id", "userName"))

    def list_resources(self, what: str, where: str = "", attributes: str = "") -> list[Resource]:
        """Return all resources of a kind that match, page by page. Raises DirectoryError where one is missing or comes twice."""
        by_id: dict[str, Resource] = {}
        given = {"filter": where, "attributes": attributes}
        given = {key: value for key, value in given.items() if value}
        total = None
        while True:
            page = self.get(
                what, startIndex=len(by_id) + 1, count=self.settings.get("pageSize", PAGE), **given
            )
            if page is None:
                raise DirectoryError(f"The server has no {what}.", "Correct `scim.url`.")
            resources, count = page.get("resources") or [], page.get("totalresults")
            if type(count) is not int or not isinstance(resources, list):
                raise _nonsense(f"a page of {what}")
            total = count if total is None else total
            for resource in resources:
                if not isinstance(resource, dict) or not isinstance(resource.get("id"), str):
                    raise _nonsense(f"one of its {what}")
                if resource["id"] in by_id:
                    raise _changed(f"shows one of its {what} twice")
                by_id[resource["id"]] = resource
            if count != total or len(by_id) > total or (not resources and len(by_id) < total):
                raise _changed(f"speaks of {count} {what}, and shows {len(by_id)}")
            if len(by_id) == total:
                return list(by_id.values())

    def _fetch_one(self, what: str, key: str, **query: str) -> Resource | None:
        """Return the resource with SCIM's own id `key`; None if it is gone."""
        resource = self.get(f"{what}/{quote(key, safe='')}", **query)
        if resource is not None and resource.get("id") != key:
            raise _nonsense(f"what it has under {key!r}")
        return resource

    def get(self, path: str, **query: str | int) -> Resource | None:
        """Return the resource at a path below the server's address; None if there is none. Raises DirectoryError."""
        if time.monotonic() > self.end:
            problem = f"The directory has not answered in full within {READ_SECONDS:g} s."
            raise DirectoryError(problem, "Ask for fewer groups, or a server that is nearer.")
        target = f"/{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        try:
            answer = self.http.request("GET", target, ok=FINAL)
        except NoAnswer as error:
            raise _failed(error, path) from error
        match answer.status:
            case 404:
                return None
            case 401 | 403:
                problem = f"The directory refuses the request ({answer.status})."
                raise DirectoryError(problem, f"Check {TOKEN}, and what it may read.")
            case 200:
                return _decoded(answer.body)
        if 300 <= answer.status < 400:
            raise DirectoryError(
                "The directory redirects to another address.", "Give the address itself in `scim.url`."
            )
        raise _status(answer.status, path, "Check the settings below `scim` in the directory file.")


GROUP = "id,displayName,members"
"""Asked for by name, because some servers show members only then."""


def read(document: Document, query: DirectoryQuery) -> Snapshot:
    """Return the answer of the server that `scim` in the document describes. Raises Unreadable, DirectoryError."""
    settings = document.value["scim"]
    address = server_address(document, ("scim", "url"), "https", "http")
    token = os.environ.get(TOKEN, "")
    end = time.monotonic() + READ_SECONDS
    try:
        http = Http(
            address.geturl(),
            token,
            {"Accept": "application/scim+json, application/json"},
            server="directory",
            patience=READ_SECONDS,
            tries=TRIES,
            timeout=SILENCE_SECONDS,
            total=READ_SECONDS,
            until=end,
            most=MAX_ANSWER,
            proxy=False,  # the secret is for the directory alone
        )
    except Unreadable as error:
        raise DirectoryError(f"{TOKEN}: {error}", error.fix) from error
    server = ScimServer(settings, http, end)
    if query.everybody:
        server.fetch_all_principals()
    else:
        server.fetch_principals(sorted(query.principals))
    names = server.find_groups(sorted(query.groups))
    groups = {name: members_of(key, server.direct_members) for name, key in names.items()}
    return checked_snapshot(filter(None, server.users.values()), groups, complete=query.everybody)


def _failed(error: NoAnswer, path: str) -> DirectoryError:
    match error.reason:
        case "tls":
            fix = "Have it give a certificate for this very name; name an authority of your own in SSL_CERT_FILE."
            return DirectoryError("The directory's certificate cannot be trusted, or TLS failed.", fix)
        case "size":
            problem = f"The directory answers with more than {MAX_ANSWER:,} bytes."
            return DirectoryError(problem, "Lower `scim.pageSize`.")
        case "status":
            return _status(error.status, path, "It is busy: run this again later.")
    fix = "Check `scim.url`, and whether the server can be reached from here."
    return DirectoryError(f"The directory cannot be read: {display_text(str(error))}", fix)


def _status(status: int, path: str, fix: str) -> DirectoryError:
    return DirectoryError(f"The directory answers {status} when asked for {path.partition('/')[0]}.", fix)


def _changed(what: str) -> DirectoryError:
    fix = "It may have changed meanwhile: run this again. If that does not help, change `pageSize`."
    return DirectoryError(f"The directory {what}.", fix)


def _nonsense(what: str) -> DirectoryError:
    problem = f"The directory's answer is not SCIM 2.0 for {what[:300]}."
    return DirectoryError(problem, "Check `scim.url`, and what runs there.")


def _decoded(raw: bytes) -> Resource:
    try:
        value = json.loads(raw, object_pairs_hook=_folded)
    except (ValueError, RecursionError) as error:
        raise _nonsense("what it was asked") from error
    if not isinstance(value, dict):
        raise _nonsense("what it was asked")
    return value


def _folded(pairs: list[tuple[str, Any]]) -> Resource:
    resource = {key.lower(): value for key, value in pairs}
    if len(resource) != len(pairs):
        raise ValueError  # which of the two is meant?
    return resource


def _kinds(member: Resource) -> tuple[str, ...]:
    """Return where to look for a member, by its own type or by its address; in both places if neither says so."""
    kind = str(member.get("type") or "").lower()
    reference = str(member.get("$ref") or "").lower()
    if kind == "user" or (not kind and "/users/" in reference):
        return ("Users",)
    if kind == "group" or (not kind and "/groups/" in reference):
        return ("Groups",)
    return () if kind else ("Users", "Groups")


def _texts(resource: Resource, path: str) -> list[str]:
    """Return all values at a path such as `emails.value`, or one that begins with the name of an extension's schema."""
    prefix, colon, rest = path.lower().rpartition(":")
    nodes: list[Any] = [resource.get(prefix) if colon else resource]
    for key in rest.split("."):
        nodes = [node.get(key) for node in _flat(nodes) if isinstance(node, dict)]
    return [_text(node) for node in _flat(nodes) if node not in (None, "") and not isinstance(node, dict)]


def _flat(nodes: list[Any]) -> list[Any]:
    return [one for node in nodes for one in (node if isinstance(node, list) else [node])]


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise _nonsense("an attribute: half a character")
    return text


def _literal(text: str) -> str:
    """Return a text as a filter takes it: as JSON writes it (RFC 7644, 3.4.2.2)."""
    return json.dumps(text, ensure_ascii=False)
