"""Names of entries and filters of LDAP, written so that a value can neither end them nor match more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from meshwright.access.directory.identifiers import folded

AT_ONCE = 50
"""How many values one filter asks for."""


def is_one_filter(text: str) -> bool:
    """Return True if a text is one filter: what is written around it later stays around it."""
    depth = 0
    for number, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth <= 0 and number < len(text) - 1:
            return False
    return depth == 0


def filters(where: str, attribute: str, values: Iterable[str]) -> Iterator[str]:
    """Yield filters for the entries that match `where` and have one of the values, some values a filter."""
    parts = [f"({attribute}={escaped(value)})" for value in values]
    for start in range(0, len(parts), AT_ONCE):
        yield f"(&{where}(|{''.join(parts[start : start + AT_ONCE])}))"


def escaped(value: str) -> str:
    """Return a value as a filter takes it: all but ASCII letters and digits by number."""
    return "".join(
        chr(byte) if byte < 128 and chr(byte).isalnum() else f"\\{byte:02x}"
        for byte in value.encode(errors="surrogateescape")
    )


def normal(dn: str) -> str:
    """Return an entry's name in one form, whatever its case, spaces, escapes and order in a `+` (RFC 4514)."""
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
        lambda match: bytes.fromhex(match[1].decode()) if match[1] else match[2],
        value.encode(),
        flags=re.DOTALL,
    )
    return raw.decode(errors="surrogateescape")


def below(key: str, base: str) -> bool:
    """Return True if an entry is at or below another; both names normal."""
    return key == base or key.endswith(f",{base}")


def quoted(dn: str) -> str:
    """Return an entry's name for a sentence."""
    return repr(dn[:200])
