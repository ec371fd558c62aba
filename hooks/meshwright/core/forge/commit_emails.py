"""The people whom a commit's message names as its authors."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CO_AUTHOR = re.compile(r"(?im)^co-authored-by:[^\n<]*<([^\n<>]+)>")


def co_authors(message: str) -> Iterator[str]:
    """Yield the e-mail addresses of a message's `Co-authored-by` lines."""
    yield from _CO_AUTHOR.findall(message)
