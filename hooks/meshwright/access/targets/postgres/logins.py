"""Which names are logins of a port's cluster."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import IsolationLevel

from meshwright.access.grants import Port
from meshwright.access.targets.postgres import names as naming
from meshwright.access.targets.postgres.session import session


def existing_logins(port: Port, names: Sequence[str]) -> set[str]:
    """Return those of the names that are roles with LOGIN. Raises Refused."""
    query = (
        "SELECT rolname::pg_catalog.text FROM pg_catalog.pg_roles "
        "WHERE rolcanlogin AND rolname OPERATOR(pg_catalog.=) ANY (%s::pg_catalog.name[])"
    )
    with session(port, naming.of(port.properties, ""), IsolationLevel.READ_COMMITTED) as connection:
        return {row[0] for row in connection.execute(query, [list(names)])}
