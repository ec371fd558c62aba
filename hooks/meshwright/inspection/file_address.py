"""Write the address of a file as `--from` takes it, and as a shell does."""

from __future__ import annotations

import shlex
from urllib.parse import quote

from meshwright.core.text import printable


def with_options(path: str, **options: str) -> str:
    """Return a path with what the file itself does not tell: `orders.csv?encoding=cp1252`."""
    given = "&".join(f"{name}={quote(value, safe=';,|:')}" for name, value in options.items())
    return f"{path}?{given}" if given else path


def argument(path: str, **options: str) -> str:
    """Return the address for a message: printable, and quoted for a POSIX shell."""
    return shlex.quote(printable(with_options(path, **options)))
