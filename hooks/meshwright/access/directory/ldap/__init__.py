"""Reads a directory by LDAP: RFC 4511, with pages by RFC 2696.

A member of a group that does not exist is a leaver; so is one that no longer matches the filter, or is outside of the
bases. A member that the server has and does not show is an error, where the server lets the two be told apart.
"""

from __future__ import annotations

from typing import Any

from meshwright.access.directory.groups import members_of
from meshwright.access.directory.ldap.entry_names import is_one_filter
from meshwright.access.directory.ldap.ldap_connection import connected, failure
from meshwright.access.directory.ldap.server import KINDS, LdapServer
from meshwright.access.directory.snapshot import DirectoryError, DirectoryQuery, Snapshot, checked_snapshot
from meshwright.core.yaml import Document, Unreadable


def read(document: Document, query: DirectoryQuery) -> Snapshot:
    """Return the answer of the server that `ldap` in the document describes. Raises Unreadable, DirectoryError."""
    settings = document.value["ldap"]
    _check_filters(document, settings)
    try:
        with connected(document, settings) as connection:
            server = LdapServer(settings, connection)
            if query.everybody:
                server.fetch_all_principals()
            else:
                server.fetch_principals_by(None, sorted(query.principals))
            names = server.find_groups(sorted(query.groups))
            groups = {name: members_of(dn, server.direct_members) for name, dn in names.items()}
    except (DirectoryError, Unreadable):
        raise
    # ldap3 takes apart whatever a server sends, and raises many kinds of errors for nonsense.
    except Exception as error:
        raise failure(error) from error
    return checked_snapshot((who for who, _ in server.principals.values()), groups, complete=query.everybody)


def _check_filters(document: Document, settings: dict[str, Any]) -> None:
    """Raise Unreadable for a text that is not one filter."""
    for part in (*dict(KINDS), "groups"):
        if part in settings and not is_one_filter(settings[part]["filter"]):
            place = document.place(("ldap", part, "filter"))
            raise Unreadable(
                "It is not one filter.", "Close each parenthesis; join filters with (&…).", *place
            )
