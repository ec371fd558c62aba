"""Compare and classify addresses of git repositories and of Copier's templates."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from meshwright.core.git import is_path, parts


def canonical(address: str) -> str:
    """Return one form for all spellings of a repository's address (scheme, user, port, `.git`, slashes, case of the host)."""
    try:
        found = parts(address)
    except ValueError:
        found = None
    host, path = found or ("", address.removeprefix("file://"))
    path = re.sub("/+", "/", path).rstrip("/").removesuffix(".git").rstrip("/")
    return f"{host.lower().rstrip('.')}/{path.lstrip('/')}" if host else path


def is_remote(address: str) -> bool:
    """Return True if another machine can clone from the address: not a path, an option of git or a program."""
    try:
        host, path = ("", "") if is_path(address) else parts(address) or ("", "")
    except ValueError:
        return False
    plain = all(sign.isprintable() and not sign.isspace() for sign in address)
    known = "://" not in address or address.partition("://")[0] in ("https", "http", "ssh", "git")
    return bool(host and path) and plain and known and not address.startswith("-") and "::" not in address


def same_template(one: str, other: str) -> bool:
    """Return True if two addresses of a template name the same: Copier's short forms, `.git` and slashes apart."""
    return long_form(one) == long_form(other)


def long_form(url: str) -> str:
    """Return a template's address without Copier's short forms, `.git` and slashes at the end."""
    url = url.removeprefix("git+").removeprefix("file://")
    for short, long in (("gh:", "https://github.com/"), ("gl:", "https://gitlab.com/")):
        if url.startswith(short):
            url = urljoin(long, url.removeprefix(short).lstrip("/"))
    return url.rstrip("/").removesuffix(".git").rstrip("/")


def copier_address(url: str) -> str:
    """Return a template's address so that Copier takes it for a git repository: with `git+` where nothing else tells."""
    is_marked = url.startswith(("git+", "gh:", "gl:")) or url.endswith(".git")
    forge = re.match(r"(https?://|git@)(github|gitlab)\.com[/:]", url)
    is_remote = "://" in url or re.match(r"[^/]+@[^/]+:", url)
    return f"git+{url}" if is_remote and not is_marked and not forge else url


def cloneable(url: str) -> str:
    """Return a template's address as git knows it."""
    plain = url.removeprefix("git+")
    return long_form(plain) if plain.startswith(("gh:", "gl:")) else plain
