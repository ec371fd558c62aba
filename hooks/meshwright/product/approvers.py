"""Read access/approvers.yaml, and check that the keys in it are strong enough."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from meshwright.core.text import printable
from meshwright.core.yaml import Document, Keys
from meshwright.product import openpgp
from meshwright.product.lookalikes import skeleton

RSA_BITS = 3072
CURVES = {"nistp256": 65, "nistp384": 97, "nistp521": 133}
"""Curve -> length in bytes of a point, in SSH's encoding."""
PUB = "Copy the line of a .pub file, as written by `ssh-keygen -t ed25519`."
PGP_BLOCK = "PUBLIC KEY BLOCK"
PGP = "-----BEGIN PGP "
EXPORT = "Copy what `gpg --armor --export-options export-minimal --export ada@example.org` writes, indented below `key: |`."


LONGEST_TERM = timedelta(days=31)
"""How long somebody stands in for an approver at the most."""


@dataclass(frozen=True)
class Term:
    """For whom somebody approves agreements, and how long."""

    deputy_for: str
    """The address of the approver."""
    start: datetime
    end: datetime
    """Both with a time zone."""


@dataclass(frozen=True)
class Approver:
    """A person who may approve, with a capacity, and a key or a login."""

    name: str
    email: str
    capacity: str
    key: bytes
    """The public key in SSH's encoding, or as OpenPGP exports it; empty if they sign nothing."""
    fingerprint: str = ""
    """Of a key of OpenPGP: its fingerprint in capital hexadecimal digits."""
    login: str = ""
    """Their login on the forge, in small letters; empty if they review nothing."""
    term: Term | None = None
    """None for an approver in their own right."""

    @property
    def marks(self) -> tuple[bytes | str, ...]:
        """What they are known by: the holder of their key, their login, or both."""
        return tuple(mark for mark in (self.holder, self.login) if mark)

    @property
    def holder(self) -> bytes:
        """What stays the same while the same person holds the key, also if OpenPGP exports it with another end."""
        return self.fingerprint.encode() or self.key

    @property
    def shown_capacity(self) -> str:
        """As what they approve, and for whom."""
        return f"{self.capacity}, for {self.term.deputy_for}" if self.term else self.capacity

    def __str__(self) -> str:
        return f"{self.name} ({self.email}, {self.shown_capacity})"


def person(identity: str) -> str:
    """Return an e-mail address or id in a form that is equal for the same person, and for whatever looks the same."""
    return skeleton(identity)


def named(document: Document) -> tuple[Approver, ...]:
    """Return the approvers of a document that fits its schema and has no `unsound` entry."""
    return tuple(
        Approver(
            entry["name"],
            entry["email"],
            entry["capacity"],
            *(_key(entry["key"]) if "key" in entry else (b"", "")),
            login=entry.get("login", "").lower(),
            term=_term(entry),
        )
        for _, entry in document.items("approvers")
    )


def _term(entry: Mapping[str, Any]) -> Term | None:
    if "deputyFor" not in entry:
        return None
    return Term(entry["deputyFor"], *(datetime.fromisoformat(entry[key]) for key in ("from", "until")))


@dataclass(frozen=True)
class ReviewSettings:
    """That approvers also approve by review, and where."""

    repository: str
    """The repository's page on the forge."""
    forge: str
    """`github` or `gitlab`; empty if the host's name says it."""
    api: str
    """The address of the forge's interface; empty if it is the usual one."""
    catalog: str = ""
    """The login with which the catalog opens pull requests, in small letters; empty if it opens none."""


def review_settings(document: Document) -> ReviewSettings | None:
    """Return where approvers review, from a document that fits its schema; None if they only sign."""
    approvals = document.get("approvals", {})
    if approvals.get("by") != "review":
        return None
    return ReviewSettings(
        approvals["repository"],
        approvals.get("forge", ""),
        approvals.get("api", ""),
        approvals.get("catalog", "").lower(),
    )


def unsound(document: Document) -> Iterator[tuple[Keys, str, str]]:
    """Yield problems with people, their keys and terms (place, what, fix) in a document that fits its schema."""
    yield from _unsound_terms(document)
    people: dict[str, str] = {}
    keys: dict[bytes, str] = {}
    logins: dict[str, str] = {}
    for place, entry in document.items("approvers"):
        email, key = entry.get("email"), entry.get("key")
        if isinstance(email, str):
            if person(email) in people:
                detail = f"{email} is listed twice, but two approvals have to come from two people."
                yield (*place, "email"), detail, "List each person once, with one key and one capacity."
            people[person(email)] = email
        if isinstance(login := entry.get("login"), str):
            if login.lower() in logins:
                detail = f"{email} has the same login as {logins[login.lower()]}, so it is unknown whose review it makes."
                yield (*place, "login"), detail, "Give each person a login of their own."
            logins[login.lower()] = str(email)
        if not isinstance(key, str):
            continue
        if problem := _weakness(key):
            yield (*place, "key"), *problem
        elif (holder := Approver("", "", "", *_key(key)).holder) in keys:
            detail = f"{email} has the same key as {keys[holder]}, so it is unknown whose signature it makes."
            yield (*place, "key"), detail, "Give each person a key of their own."
        else:
            keys[holder] = str(email)


def _unsound_terms(document: Document) -> Iterator[tuple[Keys, str, str]]:
    """Yield what is wrong with the entries of deputies."""
    entries = [entry for _, entry in document.items("approvers")]
    own = {person(str(entry.get("email"))): entry for entry in entries if "deputyFor" not in entry}
    for place, entry in document.items("approvers"):
        if "deputyFor" not in entry:
            continue
        if (approver := own.get(person(str(entry["deputyFor"])))) is None:
            detail = f"{printable(str(entry['deputyFor']))} is no approver in their own right."
            yield (*place, "deputyFor"), detail, "Name the address of an approver who is nobody's deputy."
        elif entry.get("capacity") != approver.get("capacity"):
            detail = (
                f"A deputy approves as {approver.get('capacity')}, as the one whom they stand in for does."
            )
            yield (*place, "capacity"), detail, f"Write `capacity: {approver.get('capacity')}`."
        try:
            start, end = (datetime.fromisoformat(str(entry.get(key))) for key in ("from", "until"))
            fits = start < end <= start + LONGEST_TERM
        except (ValueError, TypeError, OverflowError):  # no day of the calendar
            fits = False
        if not fits:
            detail = "The term of a deputy has to end after it begins, and within 31 days."
            yield (
                (*place, "until"),
                detail,
                "Write an earlier `until`; an approver can sign another term later.",
            )


def ssh_blob(key: str) -> bytes | None:
    """Return a public SSH key in SSH's encoding, from the line of its .pub file; None if it is none that counts."""
    return None if key.startswith(PGP) or _weakness(key) else _key(key)[0]


def _key(key: str) -> tuple[bytes, str]:
    """Return a key that is strong enough in binary form, and its fingerprint if it is one of OpenPGP."""
    if not key.startswith(PGP):
        return base64.b64decode(key.split(" ")[1]), ""
    data = openpgp.unarmoured(key, PGP_BLOCK)
    return data, next(iter(openpgp.keys_of(data)))


def _pgp_weakness(key: str) -> tuple[str, str] | None:
    """Return what is wrong with a public key of OpenPGP, and the fix; None if it is strong enough."""
    if "PRIVATE KEY" in key:
        return (
            "It is a secret key, with which whoever reads it can sign.",
            f"Revoke it, and list another one. {EXPORT}",
        )
    try:
        primary = next(iter(openpgp.keys_of(openpgp.unarmoured(key, PGP_BLOCK)).values()))
    except (ValueError, IndexError) as error:
        return f"The key of OpenPGP cannot be read. {error}", EXPORT
    weakness = openpgp.key_weakness(primary)
    return (
        (weakness, f"Make one with `gpg --quick-generate-key ada@example.org ed25519 sign`. {EXPORT}")
        if weakness
        else None
    )


def _weakness(key: str) -> tuple[str, str] | None:
    """Return what is wrong with a public key, and the fix; None if it is strong enough."""
    if key.startswith(PGP):
        return _pgp_weakness(key)
    words = key.split(" ", 2)
    if len(words) < 2 or not key.isascii() or not key.isprintable():
        return "The key is not one line with the type, the key and an optional comment.", PUB
    kind, encoded = words[:2]
    try:
        blob = base64.b64decode(encoded, validate=True)
        fields = strings(blob)
    except (binascii.Error, ValueError):
        return "The key cannot be read.", PUB
    if base64.b64encode(blob).decode() != encoded:  # the same key in another encoding
        return "The key cannot be read.", PUB
    check = KINDS.get(kind)
    if check is None:
        return f"{kind} is not an accepted type of key.", f"Use one of: {', '.join(KINDS)}. {PUB}"
    if not fields or fields[0] != kind.encode():
        return "The key is of another type than its first word says.", PUB
    return check(kind, fields[1:])


def strings(data: bytes) -> list[bytes]:
    """Return the strings in SSH's encoding, each after its length. Raises ValueError."""
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if at + 4 + size > len(data):
            raise ValueError("It is cut off.")
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def _ed25519(kind: str, fields: list[bytes]) -> tuple[str, str] | None:
    extra = 1 if kind.startswith("sk-") else 0
    fits = len(fields) == 1 + extra and len(fields[0]) == 32 and all(fields)
    return None if fits else ("The key cannot be read.", PUB)


def _ecdsa(kind: str, fields: list[bytes]) -> tuple[str, str] | None:
    extra = 1 if kind.startswith("sk-") else 0
    curve = kind.removesuffix("@openssh.com").rpartition("-")[2]
    fits = len(fields) == 2 + extra and all(fields) and fields[0] == curve.encode()
    fits = fits and fields[1][:1] == b"\4" and len(fields[1]) == CURVES[curve]
    return None if fits else ("The key cannot be read.", PUB)


def _rsa(kind: str, fields: list[bytes]) -> tuple[str, str] | None:
    if len(fields) != 2 or any(not _is_positive(field) for field in fields):
        return "The key cannot be read.", PUB
    exponent, modulus = (int.from_bytes(field, "big") for field in fields)
    if exponent < 3 or exponent % 2 == 0:
        return "The RSA key is invalid: its exponent protects nothing.", PUB
    if modulus.bit_length() < RSA_BITS:
        fix = f"Make one with `ssh-keygen -t ed25519`, or an RSA key of {RSA_BITS} bits or more."
        return f"The RSA key has {modulus.bit_length()} bits, which is too few to be secure.", fix
    return None


def _is_positive(number: bytes) -> bool:
    """Return True for a number above zero in its shortest encoding."""
    return bool(number) and number[0] < 128 and (number[0] != 0 or (len(number) > 1 and number[1] >= 128))


KINDS = {
    "ssh-ed25519": _ed25519,
    "sk-ssh-ed25519@openssh.com": _ed25519,
    "ecdsa-sha2-nistp256": _ecdsa,
    "ecdsa-sha2-nistp384": _ecdsa,
    "ecdsa-sha2-nistp521": _ecdsa,
    "sk-ecdsa-sha2-nistp256@openssh.com": _ecdsa,
    "ssh-rsa": _rsa,
}
