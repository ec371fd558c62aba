"""The address of a directory's server, and the variables that hold what it asks for."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from meshwright.core.hosts import is_local
from meshwright.core.yaml import Document, Keys, Unreadable

USER = "MESHWRIGHT_DIRECTORY_USER"
PASSWORD = "MESHWRIGHT_DIRECTORY_PASSWORD"  # noqa: S105 # pragma: allowlist secret - a name
TOKEN = "MESHWRIGHT_DIRECTORY_TOKEN"  # noqa: S105 - the name of a variable


def server_address(
    document: Document, keys: Keys, secure: str, plain_text: str, encrypted: bool = False
) -> SplitResult:
    """Return the address at `keys`: encrypted, or of this very machine. Raises Unreadable.

    `secure` and `plain_text` are the two schemes; `encrypted`: a connection by the plain one is encrypted later.
    """
    text = document.get(".".join(map(str, keys)))
    place = document.place(keys)
    example = f"Such as {secure}://directory.example.org."
    try:
        address = urlsplit(text if text.isascii() and text.isprintable() and " " not in text else "")
        host, port = address.hostname, address.port
    except ValueError:  # no port, no IPv6 address
        host, port = None, None
    if not host or port == 0 or address.scheme not in (secure, plain_text):
        raise Unreadable(f"It is not an address of the form {secure}://.", example, *place)
    if "@" in address.netloc:
        fix = f"Remove it, and set {USER} and {PASSWORD}, or {TOKEN}, in the environment."
        raise Unreadable("The address contains a user name.", fix, *place)
    if address.query or address.fragment:
        raise Unreadable("The address has a query or a fragment.", example, *place)
    if address.scheme == plain_text and not encrypted and not is_local(host):
        problem = f"{plain_text}:// would give the secret to anybody on the way, and believe their answers."
        raise Unreadable(problem, f"Use {secure}://.", *place)
    return address
