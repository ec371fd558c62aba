"""Words in the names of tables and columns, and names for products."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from functools import cache

from meshwright.core.text import latin, singular

LONGEST = 40
"""Characters of a product's name at most."""
RESERVED = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]|null|true|false|yes|no|on|off")
"""Names that Copier's question refuses."""
TECHNICAL = {"tbl", "tb", "t", "fct", "fact", "dim", "v", "vw", "view", "mv", "rpt", "raw", "src", "mart"}
"""First words that say what a table is, not what it is about."""

_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")


@cache
def words(name: str) -> tuple[str, ...]:
    """Return the lower-case words of a name: `OrderLines`, `order_lines` and `ORDER LINES` give the same two."""
    return tuple(part.lower() for part in _PART.findall(name))


@cache
def subject(name: str, prefix: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the words of a table's name in the singular, without technical first words and a prefix of the database."""
    parts = words(name)
    while len(parts) > 1 and parts[0] in TECHNICAL:
        parts = parts[1:]
    if prefix and len(parts) > len(prefix) and parts[: len(prefix)] == prefix:
        parts = parts[len(prefix) :]
    return (*parts[:-1], singular(parts[-1])) if parts else ()


def common_prefix(names: Iterable[str]) -> tuple[str, ...]:
    """Return the first word that most names of a database begin with (`LAB` in LAB_ORDER), or nothing."""
    parts = [words(name) for name in names]
    firsts, total = [one[0] for one in parts if len(one) > 1], len(parts)
    if total < 4 or not firsts:
        return ()
    word, count = Counter(firsts).most_common(1)[0]
    return (word,) if count >= 0.6 * total else ()


def begins_with(name: str, other: str, prefix: tuple[str, ...] = ()) -> bool:
    """Return True if the name of a table begins with the subject of another: `order_lines` with that of `orders`.

    The last word of the other is enough: `ticket_messages` begins with that of `support_tickets`.
    """
    mine, theirs = subject(name, prefix), subject(other, prefix)
    if not theirs or len(mine) < 2:
        return False
    heads = [singular(word) for word in mine]
    whole = [singular(word) for word in theirs]
    if len(heads) > len(whole) and heads[: len(whole)] == whole:
        return True
    return heads[0] == whole[-1] and len(whole) > 1


def product_name(table: str, taken: Collection[str] = ()) -> str:
    """Return a name that Copier's question accepts and that is not taken, from the name of a table."""
    parts = [word for part in words(latin(table)) if (word := re.sub(r"[^a-z0-9]", "", part))]
    while len(parts) > 1 and parts[0] in TECHNICAL:
        parts = parts[1:]
    name = "-".join(parts)
    if not name or not name[0].isalpha() or RESERVED.fullmatch(name):
        name = f"data-{name}".rstrip("-")
    name = name[:LONGEST].rstrip("-")
    number, free = 2, name
    while free in taken:
        end = f"-{number}"
        free, number = name[: LONGEST - len(end)].rstrip("-") + end, number + 1
    return free
