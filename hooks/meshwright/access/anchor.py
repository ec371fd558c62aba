"""The anchors of audit chains: the newest record of each port, kept in the product's repository.

Whoever owns a port's storage can take its audit records back to an older state, or write others that follow each other
just as well. So the number and the hash of the newest one are kept where the storage's owner does not write: on the
branch `meshwright/access` of the remote `origin`. Without such a remote, and for a port that is inside of the clone
itself, the ref `refs/meshwright/access` of the clone has them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from meshwright.access.grants import Address, Refused
from meshwright.core.git import GitError, without_credentials
from meshwright.core.ref_files import RefFiles, remote_address
from meshwright.core.text import printable

BRANCH = "meshwright/access"
IN_CLONE = "refs/meshwright/access"
SEEN = "refs/meshwright/origin-access"
"""What the remote's branch was when this clone last looked."""


class Unreadable(Exception):
    """What the ref has of a port is no anchor; the message says of what kind it is."""


@dataclass(frozen=True)
class Anchor:
    """The newest audit record of one port at one address, as the run that wrote it left it."""

    product: str
    port: str
    address: str
    number: int
    hash: str
    at: str
    commit: str
    trust: str | None
    skipped: int = 0
    """How many records, the first ones, do not count any more: somebody confirmed an alarm about them."""
    first: int = 1
    """The number of the record after those."""


class Anchors:
    """The anchors of a product's ports. Each of the two places is read once, when it is needed first."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._places: dict[bool, RefFiles] = {}

    def read(self, port: str, address: Address) -> Anchor | None:
        """Return the anchor of a port; None if there is none. Raises Refused, Unreadable."""
        place = self._place(address)
        try:
            content = place.file(_file(port, address))
        except GitError as error:
            raise Unreadable(str(error)) from error
        return None if content is None else _parsed(content)

    def again(self, port: str, address: Address) -> Anchor | None:
        """Return the same as it is now. Raises Refused, Unreadable."""
        with _Refusing(self._place(address)) as place:
            place.read()
        return self.read(port, address)

    def tip(self, address: Address) -> str | None:
        """Return the commit that has the anchors; None if there is none. Raises Refused."""
        return self._place(address).tip

    def rewound(self, address: Address) -> str:
        """Return a commit that had the anchors and is gone, as far as this clone remembers. Raises Refused."""
        return self._place(address).rewound

    def includes(self, address: Address, commit: str) -> bool:
        """Return True if a commit has the anchors, or had them before. Raises Refused."""
        return self._place(address).has(commit)

    def elsewhere(self, port: str, address: Address) -> list[Anchor]:
        """Return the anchors of a port at other addresses. Raises Refused."""
        place, own = self._place(address), _file(port, address)
        others = []
        for name in place.names():
            if name != own and name.startswith(f"{port}@"):
                try:
                    others.append(_parsed(place.file(name) or b""))
                except (GitError, Unreadable):
                    continue
        return others

    def write(self, anchor: Anchor, address: Address, examined: Anchor | None) -> None:
        """Keep the newest record of a port, unless another run has kept a later one since. Raises GitError.

        `examined`: the anchor that this run held the records against; if an alarm about it was confirmed, it may be of
        a higher number.
        """
        place = self._place(address)

        def content(before: bytes | None) -> bytes | None:
            try:
                kept = _parsed(before) if before is not None else None
            except Unreadable:
                kept = None
            if kept and kept != examined and kept.number > anchor.number:
                return None
            return (json.dumps(asdict(anchor), indent=1, sort_keys=True) + "\n").encode()

        subject = f"{anchor.port}: audit record {anchor.number}, {anchor.hash[:16]}"
        place.write(_file(anchor.port, address), content, f"{subject}\n\n{anchor.address}\n")

    def where(self, address: Address) -> str:
        """Return where the anchor of a port is, for a sentence."""
        return f"the branch {BRANCH} of origin" if self._is_remote(address) else IN_CLONE

    def _is_remote(self, address: Address) -> bool:
        return bool(self._place(address).remote)

    def _place(self, address: Address) -> RefFiles:
        if address.in_clone not in self._places:
            self._places[address.in_clone] = self._opened(address)
        return self._places[address.in_clone]

    def _opened(self, address: Address) -> RefFiles:
        try:
            remote = "" if address.in_clone else remote_address(self._root)
            if not remote:
                return RefFiles(self._root, IN_CLONE)
            place = RefFiles(self._root, f"refs/heads/{BRANCH}", SEEN, remote)
            blocking = place.in_the_way().removeprefix("refs/heads/")
        except GitError as error:
            raise _unreadable(str(error)) from error
        if blocking:
            renamed = f"{blocking.replace('/', '-')}-renamed"
            raise Refused(
                f"The branch {printable(blocking)} of origin is in the way of the branch {BRANCH}, which says what each run "
                "recorded: git cannot have both. So nothing is granted or revoked.",
                f"Rename it: `git fetch origin {quote(blocking)} && git push origin FETCH_HEAD:refs/heads/{quote(renamed)} && "
                f"git push origin --delete {quote(blocking)}`",
            )
        return place


class _Refusing:
    """Turns an error of git into Refused."""

    def __init__(self, place: RefFiles) -> None:
        self._place = place

    def __enter__(self) -> RefFiles:
        return self._place

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, GitError):
            raise _unreadable(str(error)) from error


def _unreadable(reason: str) -> Refused:
    return Refused(
        f"The branch {BRANCH} of origin, which says what the last run recorded, cannot be read: "
        f"{printable(without_credentials(reason))}",
        f"Run where `git ls-remote origin {BRANCH}` works.",
    )


def _file(port: str, address: Address) -> str:
    return f"{port}@{hashlib.sha256(address.text.encode()).hexdigest()[:16]}.json"


_KINDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("product", "port", "address", "hash", "at", "commit"), lambda value: isinstance(value, str)),
    **dict.fromkeys(("number", "skipped", "first"), lambda value: type(value) is int and value >= 0),
    "trust": lambda value: value is None or isinstance(value, str),
}  # fmt: skip


def _parsed(content: bytes) -> Anchor:
    """Return the anchor in a file. Raises Unreadable."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unreadable("it is not JSON") from error
    if not isinstance(document, dict) or not all(
        key in document and fits(document[key]) for key, fits in _KINDS.items()
    ):
        raise Unreadable("a field is missing, or is of another kind")
    return Anchor(**{key: document[key] for key in _KINDS})
