"""A connection to a server of LDAP: encrypted, and bound as the user that the environment names."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult

import ldap3
from ldap3.core.exceptions import LDAPException

from meshwright.access.directory.address import PASSWORD, USER, server_address
from meshwright.access.directory.identifiers import display_text
from meshwright.access.directory.snapshot import DirectoryError
from meshwright.core.yaml import Document, Unreadable

CONNECT_SECONDS = 10
SILENCE_SECONDS = 30
"""How long the server may send nothing."""
INVALID_CREDENTIALS = 49


class Verified(ldap3.Tls):
    """TLS as the standard library does it: ldap3 compares the name in a certificate with code of its own."""

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        context = ssl.create_default_context()
        connection.socket = context.wrap_socket(connection.socket, server_hostname=connection.server.host)


@contextlib.contextmanager
def connected(document: Document, settings: dict[str, Any]) -> Iterator[ldap3.Connection]:
    """Yield a connection, until the block ends. Raises Unreadable, DirectoryError."""
    start_tls = settings.get("startTLS", False)
    address = _address(document, start_tls)
    connection = _connection(address, *_credentials(document))
    try:
        connection.open(read_server_info=False)
        if start_tls and not connection.start_tls(read_server_info=False):
            raise DirectoryError("The directory does not encrypt the connection.", "Use ldaps://.")
        if not connection.bind(read_server_info=False):
            raise _refused(connection.result)
        yield connection
    finally:
        with contextlib.suppress(LDAPException, OSError):
            connection.unbind()


def _address(document: Document, start_tls: bool) -> SplitResult:
    address = server_address(document, ("ldap", "url"), "ldaps", "ldap", encrypted=start_tls)
    if address.scheme == "ldaps" and start_tls:
        problem = "ldaps:// is encrypted from the start."
        raise Unreadable(problem, "Remove startTLS, or write ldap://.", *document.place(("ldap", "startTLS")))
    if address.path not in ("", "/"):
        problem = "The address has a path."
        raise Unreadable(
            problem, "Bases and filters have fields of their own.", *document.place(("ldap", "url"))
        )
    return address


def _credentials(document: Document) -> tuple[str, str]:
    """Return user and password of the environment; both empty where the directory is asked anonymously."""
    user, password = os.environ.get(USER, ""), os.environ.get(PASSWORD, "")
    # A server takes a user without a password for an anonymous one, and reports success (RFC 4513, 5.1.2).
    anonymous = bool(document.get("ldap.anonymous"))
    missing = [name for name, value in ((USER, user), (PASSWORD, password)) if not value]
    if (missing and not anonymous) or len(missing) == 1:  # to an anonymous user a server may show less
        fix = f"Set both {USER} and {PASSWORD}; or neither, and write `anonymous: true`."
        raise DirectoryError(f"{missing[0]} is not set.", fix)
    return user, password


def _connection(address: SplitResult, user: str, password: str) -> ldap3.Connection:
    assert address.hostname, "server_address() refuses an address without one"
    encrypted = address.scheme == "ldaps"
    return ldap3.Connection(
        ldap3.Server(
            address.hostname,
            address.port or (636 if encrypted else 389),
            use_ssl=encrypted,
            tls=Verified(),
            get_info=ldap3.NONE,
            connect_timeout=CONNECT_SECONDS,
        ),
        user or None,
        password or None,
        authentication=ldap3.SIMPLE if user else ldap3.ANONYMOUS,
        read_only=True,
        auto_referrals=False,
        auto_range=False,  # ldap3's own takes a slice that does not come for the last
        return_empty_attributes=False,  # ldap3's handling of them fails on slices
        check_names=False,  # it would write names of entries anew, and not always well
        receive_timeout=SILENCE_SECONDS,
    )


def _refused(result: Mapping[str, Any]) -> DirectoryError:
    if result["result"] == INVALID_CREDENTIALS:
        problem = "The directory refuses the user, or the password."
        return DirectoryError(problem, f"Check {USER} and {PASSWORD}.")
    problem = f"The directory does not let the reader in: it answers {result['description']}."
    return DirectoryError(problem, f"Set {USER} and {PASSWORD}, or ask the operator of the directory.")


def failure(error: Exception) -> DirectoryError:
    """Return the error for whatever went wrong, without anything that was sent."""
    reason = str(error) if isinstance(error, (LDAPException, OSError)) else type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        fix = "Have it give a certificate for this very name; name an authority of your own in SSL_CERT_FILE."
        return DirectoryError("The directory's certificate cannot be trusted.", fix)
    fix = "Check `ldap.url`, and whether the server can be reached from here."
    return DirectoryError(f"The directory cannot be read: {display_text(reason)}.", fix)
