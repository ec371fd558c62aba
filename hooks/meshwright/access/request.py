"""Asking for access, and renewing it: files for a pull request. Nothing here grants anything."""

from __future__ import annotations

import shlex
from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from meshwright.access.directory import read as read_directory
from meshwright.access.request_text import check_request, renewal_fields, request_fields, request_text
from meshwright.core import files
from meshwright.core.text import listed
from meshwright.core.yaml import Document, Unreadable, parse, read
from meshwright.product.agreement_text import Fields
from meshwright.product.break_glass import LONGEST, is_break_glass
from meshwright.product.files import AGREEMENTS, APPROVERS, SPEC


def request(
    root: Path,
    agreement: str,
    role: str,
    principals: tuple[str, ...],
    purpose: str,
    code: str | None,
    until: datetime | None,
    start: datetime | None,
    team: str,
    requester: str,
    port: str | None,
    directory: str | None,
    consumer: str | None = None,
    break_glass: bool = False,
) -> str:
    """Write the request; return what to do next. Raises Unreadable, and writes nothing then.

    `break_glass`: the role has to be one for emergencies, and times are instants; without an end, it is an hour after the start.
    """
    begins, ends = _emergency_times(root, role, start, until) if break_glass else days(start, until)
    fields = request_fields(
        agreement, role, principals, purpose, code, ends, begins, team, requester, port, consumer
    )
    return _written(root, fields, directory)


def renew(root: Path, agreement: str, until: datetime, requester: str | None, directory: str | None) -> str:
    """Write a request that continues an agreement; return what to do next. Raises Unreadable, and writes nothing then.

    It begins today, while the other one is in force: who reads by both reads until the later end, without a gap.
    """
    document = read(root, f"{AGREEMENTS}/{agreement}.yaml")
    taken = {file.stem for file in (root / AGREEMENTS).glob("*.yaml")}
    fields = renewal_fields(document, agreement, until, requester, taken)
    return _written(root, fields, directory)


def _written(root: Path, fields: Fields, directory: str | None) -> str:
    prepared = prepare(product_files(root), fields)
    note = check_directory(fields["principals"], directory)
    create(root, prepared)
    return "\n".join(
        [f"wrote {prepared.path}", *pull_request_steps(root, [prepared]), *([note] if note else [])]
    )


class ProductFiles(NamedTuple):
    """What a request is held against."""

    spec: Document
    policy: Document
    approvers: Document
    agreements: Sequence[Document]
    """As far as they can be read, sorted by path."""


def product_files(root: Path) -> ProductFiles:
    """Return what the requests of a product are held against. Raises Unreadable."""
    spec = read(root, SPEC)
    policy = read(root, spec.get("spec.access.policy"))
    names = sorted(file.name for file in (root / AGREEMENTS).glob("*.yaml"))
    agreements = [_readable(root, f"{AGREEMENTS}/{name}") for name in names]
    return ProductFiles(spec, policy, _readable(root, APPROVERS), agreements)


class Prepared(NamedTuple):
    """A request that is right, and not written yet."""

    path: str
    text: str
    document: Document

    @property
    def name(self) -> str:
        """The agreement's id."""
        return str(self.document.get("id"))


def prepare(product: ProductFiles, fields: Fields, before: Sequence[Document] = ()) -> Prepared:
    """Return the file of a request. `before`: those that come with it. Raises Unreadable for one that no approval would help."""
    text = request_text(fields, product.spec)
    path = f"{AGREEMENTS}/{fields['id']}.yaml"
    document = parse(path, text)
    others = [one for one in (*product.agreements, *before) if one.path.name != document.path.name]
    check_request(product.spec, product.policy, product.approvers, others, document)
    return Prepared(path, text, document)


def pull_request_steps(root: Path, requests: Sequence[Prepared]) -> list[str]:
    """Return what to do next with requests that are written, line by line."""
    names, paths = [one.name for one in requests], shlex.join(one.path for one in requests)
    what = names[0] if len(names) == 1 else f"{names[0]}-and-{len(names) - 1}-more"
    message = shlex.quote(f"Ask for {', '.join(names)}")
    return [
        "Next, for a pull request:",
        f"  git switch -c {shlex.quote(f'access/{what}')}",
        f"  git add {paths} && git commit -m {message} && git push -u origin HEAD",
        *_approving(root, names),
    ]


def _approving(root: Path, names: Sequence[str]) -> Sequence[str]:
    """Return what an approver of the product does next, line by line."""
    approvers = _readable(root, APPROVERS)
    if approvers is not None and approvers.get("approvals.by") == "review":
        return ["An approver of the product then approves the pull request, before it is merged."]
    return [
        "An approver of the product then runs, on that branch:",
        f"  meshwright access approve {shlex.join(names)}",
    ]


def check_directory(principals: str | Sequence[str], directory: str | None) -> str:
    """Return a note where nobody can say whether the directory has the readers. Raises Unreadable where it has not."""
    named = [principals] if isinstance(principals, str) else principals
    for reader in unknown_readers(named, directory):
        raise not_in_directory(reader)
    return "" if directory else WITHOUT_DIRECTORY


WITHOUT_DIRECTORY = "Nobody has looked whether the directory has these readers: name one with --directory, or in MESHWRIGHT_DIRECTORY."


def unknown_readers(named: Sequence[str], directory: str | None) -> list[str]:
    """Return which readers, `group:<name>` or `id:<id>`, the directory does not have; none without one. Raises Unreadable."""
    if not directory:
        return []
    names = [(one, *one.partition(":")[::2]) for one in named]
    snapshot = read_directory(
        directory,
        {name for _, kind, name in names if kind == "group"},
        principals={name for _, kind, name in names if kind == "id"},
    )
    known: Mapping[str, Container[str]] = {"group": snapshot.groups, "id": snapshot.principals}
    return [one for one, kind, name in names if name not in known.get(kind, ())]


def not_in_directory(reader: str) -> Unreadable:
    """Return the error about a reader that the directory does not have."""
    kind, _, name = reader.partition(":")
    what = "group" if kind == "group" else "principal"
    return Unreadable(f"The directory has no {what} {name}.", "Write the name as the directory has it.")


def days(start: datetime | None, until: datetime | None) -> tuple[datetime | None, datetime]:
    """Return start and end of a request by days, in UTC. Raises Unreadable."""
    if until is None or any(time.tzinfo for time in (start, until) if time):
        raise Unreadable(
            "A request names days, and only one with --break-glass names times.", "Give a day with --until."
        )
    return start, until


def _emergency_times(
    root: Path, role: str, start: datetime | None, until: datetime | None
) -> tuple[datetime, datetime]:
    """Return start and end of a request for break-glass access, in UTC. Raises Unreadable."""
    roles: Mapping[str, Any] = read(root, read(root, SPEC).get("spec.access.policy")).get("roles")
    able = [name for name, one in roles.items() if is_break_glass(one)]
    if role not in able:
        fix = f"Choose one of: {listed(able)}." if able else "Add one to the policy: `breakGlass: true`."
        raise Unreadable(f"The role {role} is not for emergencies.", fix)
    if any(time.tzinfo is None for time in (start, until) if time):
        raise Unreadable(
            "Break-glass access begins and ends at a time, and a day is none.",
            "Give a time with its zone, such as --until 2026-12-01T15:30Z, or leave --until out: one hour.",
        )
    begins = (start or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    return begins, until.astimezone(UTC) if until else begins + LONGEST


def _readable(root: Path, path: str) -> Document:
    try:
        return read(root, path)
    except Unreadable:
        return Document(Path(path))


def create(root: Path, prepared: Prepared) -> None:
    """Write a request, whole or not at all. Raises Unreadable if there is such a file."""
    if (root / prepared.path).exists():
        raise Unreadable(
            f"{prepared.path} already exists.", "Give the agreement another name, or change that file."
        )
    files.write(root / prepared.path, prepared.text, "Make the folder writable.", parents=True)
