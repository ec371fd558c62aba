"""Requests for access as pull requests, which the catalog opens with its own token for people who have signed in.

The token is sent to the forge that the operator names, only, and for repositories below the names that they list: from a
product's record comes no more than which of these repositories it is. Who asks comes from the session, never from a form.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from urllib.parse import urlsplit

from meshwright.access.request_text import check_request, renewal_fields, request_fields, request_text
from meshwright.core.forge import ForgeRepository, OpenedPullRequest, Proposal, forge_repository, proposals
from meshwright.core.git import parts
from meshwright.core.git_url import is_remote
from meshwright.core.http import address, split
from meshwright.core.yaml import Document, Unreadable, parse
from meshwright.product.agreement_text import Fields
from meshwright.product.files import AGREEMENTS, APPROVERS, SPEC
from meshwright.product.record import Record
from meshwright.serve import RequestProblem

PER_PERSON, PER_CATALOG, SECONDS = 10, 200, 3600
"""How many requests one person, and all together, may send in so many seconds."""
AT_ONCE = 4
"""Requests that are worked on at once: each of them waits for the forge."""
LONGEST_FILE = 50_000
"""Bytes of a request."""
SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
EMAIL = re.compile(r"[!-?A-_a-~]+@[!-?A-_a-~]+")
"""An e-mail address, without what ends a code span in Markdown."""
NAME = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Place:
    """The part of a forge that the catalog may open pull requests in."""

    server: str
    """Scheme, host and port, as the operator writes them."""
    names: tuple[str, ...]
    """The owner (GitHub), or the group and its subgroups (GitLab), in small letters."""


@dataclass
class PullRequests:
    """Where the catalog opens pull requests, and how many it has opened."""

    places: Sequence[Place]
    forge: str
    token: str = field(repr=False)
    _attempts: list[tuple[float, str]] = field(default_factory=list, repr=False)
    """When, by a clock that never goes back, and for whom."""
    _busy: dict[str, str] = field(default_factory=dict, repr=False)
    """The branches that are worked on, and for whom: one at a time for each person, so that nobody keeps others waiting."""
    _lock: Lock = field(default_factory=Lock, repr=False)

    def repository(self, record: Record) -> ForgeRepository | None:
        """Return a product's repository if the catalog opens pull requests there; else None."""
        url = record.repository
        found = parts(url) if is_remote(url) else None
        if found is None:
            return None
        host, path = found
        names = path.split("/")
        if any(not NAME.fullmatch(name) or name in (".", "..") for name in names):
            return None
        for place in self.places:
            if not _is_host(place.server, host, url):
                continue
            owner = tuple(name.lower() for name in names[: len(place.names)])
            if owner == place.names and len(names) > len(owner):
                return _repository(f"{place.server}/{'/'.join(names)}", self.forge)
        return None

    def open(self, repository: ForgeRepository, record: Record, request: AccessRequest) -> OpenedRequest:
        """Open the pull request of a request, or return the one that is open. Raises Unreadable, RequestProblem, ForgeUnavailable."""
        requester = hashlib.sha256(request.requester.encode()).hexdigest()[:12]
        with self._counted(
            request.requester, f"{repository.path} {request.name or request.renews} {requester}"
        ):
            forge = proposals(repository, self.token)
            main = forge.main()
            text = _Files(forge.content, main).text(record, request)
            branch = f"access/{text.name}-{requester}"
            body = (
                f"`{request.requester}` asks for access, with the catalog of data products.\n\n"
                f"The file `{text.path}` says what for. The catalog has checked who has signed in there, and nothing else."
            )
            proposal = Proposal(branch, text.path, text.content, f"Ask for {text.name}", body)
            return OpenedRequest(forge.propose(proposal), text)

    @contextmanager
    def _counted(self, requester: str, key: str) -> Iterator[None]:
        """Let one request through at a time, and not too many of anybody's. Raises RequestProblem."""
        now = time.monotonic()
        with self._lock:
            self._attempts[:] = [one for one in self._attempts if one[0] > now - SECONDS]
            own = sum(1 for _, person in self._attempts if person == requester)
            if own >= PER_PERSON or len(self._attempts) >= PER_CATALOG:
                raise RequestProblem(
                    429, "too-many", "Too many requests were sent with the catalog in the last hour.", "Send it later, or use the command."
                )  # fmt: skip
            if requester in self._busy.values() or key in self._busy or len(self._busy) >= AT_ONCE:
                raise RequestProblem(
                    409, "busy", "The catalog is opening a pull request right now.", "Send it again in a moment."
                )  # fmt: skip
            self._attempts.append((now, requester))
            self._busy[key] = requester
        try:
            yield
        finally:
            with self._lock:
                self._busy.pop(key, None)


@dataclass(frozen=True)
class AccessRequest:
    """What somebody asks for, as the form has it."""

    requester: str
    """The verified e-mail address of whoever has signed in."""
    name: str
    renews: str
    role: str
    principals: tuple[str, ...]
    description: str
    purpose: str
    until: datetime
    team: str
    port: str


@dataclass(frozen=True)
class RequestFile:
    """The file of a request."""

    name: str
    path: str
    content: bytes


@dataclass(frozen=True)
class OpenedRequest:
    """A request, and its pull request."""

    pull_request: OpenedPullRequest
    file: RequestFile


def pull_requests_in(places: Sequence[str], forge: str, token: str) -> PullRequests:
    """Return where the catalog opens pull requests. Raises Unreadable."""
    found = []
    for given in places:
        server, path = split(address(given))
        names = tuple(path.strip("/").lower().split("/"))
        if any(not NAME.fullmatch(name) or name in (".", "..") for name in names):
            raise Unreadable(
                f"{given} names no owner of repositories.", "Write the forge with an owner or a group, such as https://github.com/example."
            )  # fmt: skip
        _repository(f"{server}/{'/'.join([*names, 'product'][:2])}", forge)
        found.append(Place(server, names))
    if len({place.server for place in found}) > 1:
        raise Unreadable("The addresses are of several forges.", "Name one forge: a token is for one.")
    return PullRequests(found, forge, token)


def access_request(form: Mapping[str, str], requester: str) -> AccessRequest:
    """Return what a form asks for. Raises Unreadable."""
    name, renews = form.get("name", ""), form.get("renews", "")
    for slug in filter(None, (name, renews)):
        if not SLUG.fullmatch(slug) or len(slug) > 63:
            raise Unreadable(
                "The name of an agreement has small letters, digits and single hyphens, at most 63.", "Write it so."
            )  # fmt: skip
    if not name and not renews:
        raise Unreadable("The request has no name.", "Fill in the name of the agreement.")
    try:
        until = datetime.strptime(form.get("until", ""), "%Y-%m-%d")
    except ValueError as error:
        raise Unreadable("The request has no day for its end.", "Write it as YYYY-MM-DD.") from error
    lines = (line.strip() for line in form.get("principals", "").splitlines())
    return AccessRequest(
        requester=requester,
        name=name,
        renews=renews,
        role=form.get("role", ""),
        principals=tuple(dict.fromkeys(filter(None, lines))),
        description=form.get("description", "").replace("\r\n", "\n").strip(),
        purpose=form.get("purpose", ""),
        until=until,
        team=form.get("team", "").strip(),
        port=form.get("port", ""),
    )


class _Files:
    """The files of a product's repository, at one commit of its main branch."""

    def __init__(self, content: object, commit: str) -> None:
        assert callable(content)
        self._content, self._commit = content, commit

    def text(self, record: Record, request: AccessRequest) -> RequestFile:
        """Return the file that `meshwright access request`, or `renew`, would write in a clone. Raises Unreadable."""
        spec = self._document(SPEC)
        if f"{spec.get('metadata.domain')}/{spec.get('metadata.name')}" != record.id:
            raise Unreadable("The repository has another product.", "Tell the owner of the product.")
        fields = self._fields(request)
        name = str(fields["id"])
        path = f"{AGREEMENTS}/{name}.yaml"
        text = request_text(fields, spec)
        if len(content := text.encode()) > LONGEST_FILE:
            raise Unreadable("The request is too long.", "Write less, or name groups.")
        if self._content(self._commit, path) is not None:
            raise Unreadable(f"{path} already exists.", "Give the agreement another name.")
        try:
            approvers = self._document(APPROVERS)
        except Unreadable:
            approvers = Document(spec.path.with_name("approvers.yaml"))
        if approvers.get("approvals.by") == "review" and not approvers.get("approvals.catalog"):
            # Else a machine user of the catalog's would count as the one who asks.
            raise Unreadable(
                f"The product's approvers review pull requests, and {APPROVERS} does not name the catalog's account.",
                "Use the command, or let an approver of the product add `catalog: LOGIN` to `approvals` there.",
            )
        check_request(
            spec, self._document(str(spec.get("spec.access.policy"))), approvers, (), parse(path, text)
        )
        return RequestFile(name, path, content)

    def _fields(self, request: AccessRequest) -> Fields:
        if not request.renews:
            return request_fields(
                request.name, request.role, request.principals, request.description, request.purpose,
                request.until, None, request.team, request.requester, request.port,
            )  # fmt: skip
        before = self._document(f"{AGREEMENTS}/{request.renews}.yaml")
        taken: set[str] = set()
        while True:
            fields = renewal_fields(before, request.renews, request.until, request.requester, taken)
            name = str(fields["id"])
            if len(taken) > 50 or self._content(self._commit, f"{AGREEMENTS}/{name}.yaml") is None:
                return fields
            taken.add(name)

    def _document(self, path: str) -> Document:
        content = self._content(self._commit, path)
        if content is None:
            raise Unreadable(
                f"The repository has no {path} on its main branch.", "Tell the owner of the product."
            )
        return parse(path, content.decode("utf-8", "replace"))


def _is_host(server: str, host: str, url: str) -> bool:
    """Return True if an address of a repository is on a server: over HTTP with its port, else with its name."""
    allowed = urlsplit(server)
    if host.lower() != (allowed.hostname or ""):
        return False
    if "://" not in url or url.startswith(("ssh://", "git://")):
        return True
    return urlsplit(url).netloc.rpartition("@")[2].lower() == allowed.netloc.lower()


def _repository(page: str, forge: str) -> ForgeRepository:
    return forge_repository(page, forge)
