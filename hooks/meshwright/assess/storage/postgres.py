"""Views and tables in PostgreSQL.

Credentials (PGUSER, PGPASSWORD, ~/.pgpass) go to hosts that governance has named, and to them only by SCRAM, which does
not tell them the password. Whatever else an address says (a service, a file, another host) is not followed.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql

from meshwright.assess.storage import (
    SPREAD,
    Absent,
    Allowed,
    Corrupt,
    Field,
    Moments,
    Refusal,
    TooSlow,
    Unseen,
)
from meshwright.assess.storage.duck import moment
from meshwright.core.sql import postgres
from meshwright.product.store.folder import closed_by

NOWHERE = "/nonexistent/meshwright"
"""For files that libpq would look for in the home of whoever runs this."""
SCHEMES = ("postgresql://", "postgres://")
SEARCH_PATH = re.compile(r"search_path=([a-z][a-z0-9_]{0,39})(?![a-z0-9_,])")
ENCRYPTED = ("require", "verify-ca", "verify-full")
DECODED = 1_000


@dataclass(frozen=True)
class Database:
    """A product in a database."""

    address: Mapping[str, Any]
    """libpq's parameters, without a login."""
    schema: str
    dataset: str
    allowed: Allowed
    named: bool
    """Whether governance lets credentials go there."""
    user: str = ""
    """An embedded server's login; empty: the login of whoever runs this."""

    @property
    def display_name(self) -> str:
        return f"PostgreSQL at {self.address['host']}"

    @contextlib.contextmanager
    def connected(self) -> Iterator[psycopg.Connection[Any]]:
        """With the credentials of whoever runs this. Raises Absent, Unseen."""
        if not self.named:
            raise Unseen(
                f"{self.display_name} is not asked with credentials.",
                "Governance names the host in `hosts` of fitness.yaml, and gives the assessment a login (PGUSER, PGPASSWORD).",
            )
        methods = "scram-sha-256,none" if self.address["host"].startswith("/") else "scram-sha-256"
        with self._connected(user=self.user or os.environ.get("PGUSER") or getpass.getuser(), require_auth=methods) as connection:  # fmt: skip
            yield connection

    def lets_in(self, login: str) -> str:
        """Whether somebody who has no credentials at all is let in: `yes`, `no`, or `no such login` where only the name
        was wrong. Raises Absent, Unseen."""
        try:
            with self._connected(user=login, password="", passfile=NOWHERE):
                return "yes"
        except _Refused as refused:
            return "no such login" if re.search(r'role ".*" does not exist', refused.message) else "no"

    @contextlib.contextmanager
    def _connected(self, **login: Any) -> Iterator[psycopg.Connection[Any]]:
        seconds = self.allowed.seconds
        settings = f"-c statement_timeout={int(seconds * 1000)} -c default_transaction_read_only=on -c search_path=pg_catalog"
        try:
            connection = psycopg.connect(
                **self.address,
                **login,
                options=settings,
                connect_timeout=max(2, int(min(seconds, 10))),
                application_name="meshwright assess",
                client_encoding="utf8",
                gssencmode="disable",
                sslcert=NOWHERE,
                sslkey=NOWHERE,
                target_session_attrs="any",
                prepare_threshold=None,
            )
        except (psycopg.Error, UnicodeError) as error:
            raise self._unreached(error) from None
        watch = threading.Timer(seconds * 3, _shut, [connection.fileno()])
        watch.daemon = True
        watch.start()
        try:
            with contextlib.closing(connection):
                yield connection
        except errors.InsufficientPrivilege:
            raise Unseen(
                f"The login of the assessment may not read it in {self.display_name}.",
                "Grant it to the assessment's login, or leave it: it stays unknown.",
            ) from None
        except errors.QueryCanceled:
            raise TooSlow(f"Reading it took longer than {self.allowed.seconds:g} s.") from None
        except psycopg.Error as error:
            kind = type(error).__name__
            raise Unseen(f"{self.display_name} does not answer as it should ({kind}).") from None
        finally:
            watch.cancel()

    def _unreached(self, error: Exception) -> Exception:
        message = str(error)
        if "connection refused" in message.lower() or "No such file or directory" in message:
            return Absent(
                f"No server answers: {self.display_name}.", "Start the server, or fix the port's url."
            )
        if re.search(r'database ".*" does not exist', message):
            return Absent(f"{self.display_name} has no such database.", "Fix the port's url.")
        if "timeout" in message or "could not receive" in message:
            return Unseen(f"{self.display_name} does not answer.")
        return _Refused(self, message)


class _Refused(Unseen):
    """The server does not let a login in."""

    def __init__(self, database: Database, message: str) -> None:
        fix = "Give the assessment a login there (PGUSER, PGPASSWORD), or leave it: it stays unknown."
        super().__init__(f"{database.display_name} refuses the login of the assessment.", fix)
        self.message = message
        """The server's words, which go no further."""


def database(location: str, dataset: str, schema: str, allowed: Allowed) -> Database:
    """From a port's address. Raises Absent, Unseen.

    `schema`: the port's own property, for a folder of an embedded server, whose address does not say it.
    """
    if not location.startswith(SCHEMES):
        return _embedded(Path(location), dataset, schema, allowed)
    try:
        parts = {key: str(value) for key, value in psycopg.conninfo.conninfo_to_dict(location).items()}
    except (psycopg.Error, UnicodeError):
        raise Unseen("The address is not valid for PostgreSQL's clients.", "Fix the port's url.") from None
    host, port = parts.get("host", ""), parts.get("port", "5432")
    if (
        not host
        or "," in host
        or parts.keys() & {"hostaddr", "service", "passfile", "password"}
        or not port.isdigit()
    ):
        raise Unseen("The address does not name one host and no more than that.", "Fix the port's url.")
    found = SEARCH_PATH.search(parts.get("options", ""))
    address = {"host": host, "port": port, "dbname": parts.get("dbname", "")}
    named = allowed.host(host, int(port))
    if host.startswith("/"):
        if not named and not allowed.permits(Path(host)):
            raise Unseen(f"{host} is a socket of a machine, and which one is not known here.")
        named = True
    elif host.startswith("@"):
        raise Unseen("The address names an abstract socket, which is not asked.")
    else:
        address["hostaddr"] = allowed.resolve(host, int(port))
        address["sslmode"] = parts["sslmode"] if parts.get("sslmode") in ENCRYPTED else "prefer"
    return Database(address, found[1] if found else schema or dataset, dataset, allowed, named)


def _embedded(folder: Path, dataset: str, schema: str, allowed: Allowed) -> Database:
    if not allowed.permits(folder):
        raise Unseen(f"{folder} is a path of a machine, and which one is not known here.")
    if not (folder / "PG_VERSION").is_file():
        raise Absent(f"There is no database in {folder}.", "Run the pipeline, which makes it.")
    try:
        lines = (folder / "postmaster.pid").read_text("utf-8").splitlines()
        port, host = str(int(lines[3])), lines[4]
    except (OSError, ValueError, IndexError):
        raise Unseen(
            f"The embedded server in {folder} is not running.",
            "`uv run python -m pipeline.outputs.postgres` keeps it up while it is looked at.",
        ) from None
    schema = schema or dataset
    address = {"host": host, "port": port, "dbname": "postgres"}
    return Database(address, schema, dataset, allowed, True, f"{schema}_access")


def _shut(descriptor: int) -> None:
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as plain:
        plain.shutdown(socket.SHUT_RDWR)


class Relation:
    """The rows of a view or a table."""

    reader = "PostgreSQL's own protocol, with psycopg"

    def __init__(self, database: Database, schemas: Sequence[str], name: str) -> None:
        """`schemas`: in which it is looked for, in this order. Raises Absent, Unseen."""
        self.database = database
        with database.connected() as connection:
            found = connection.execute(
                "select c.oid, n.nspname, c.relname, obj_description(c.oid, 'pg_class'), ("
                "  select coalesce(json_agg(json_build_array(attname, format_type(atttypid, null), typtype) order by attnum), '[]')"
                "  from pg_attribute join pg_type t on t.oid = atttypid"
                "  where attrelid = c.oid and attnum > 0 and not attisdropped)"
                " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
                " where n.nspname = any(%s) and c.relname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f')"
                " order by array_position(%s::text[], n.nspname::text) limit 1",
                [list(schemas), name, list(schemas)],
            ).fetchone()
        if found is None:
            raise Absent(
                f"{database.display_name} has no view or table {name} in {' or '.join(schemas)}.",
                "Run the pipeline, which makes it.",
            )
        self.oid, self.schema, self.name, comment, columns = found
        self.fields = tuple(
            Field(column, type_, postgres.kinds(type_, kind)) for column, type_, kind in columns
        )
        self.metadata = _comment(comment)

    @property
    def _from(self) -> sql.Composed:
        return sql.SQL(" from {}").format(sql.Identifier(self.schema, self.name))

    @property
    def qualified(self) -> str:
        """The table, as SQL names it."""
        return postgres.identifier(self.schema, self.name)

    def aggregates(self, expressions: Sequence[str], source: str = "") -> Sequence[Any]:
        """Return the values of aggregate expressions over all rows, or over those of another source. Raises Unseen."""
        query = f"select {', '.join(expressions)} from {source or self.qualified}"
        return tuple(self._ask(query.encode())[0])

    def _ask(self, query: sql.Composed | bytes) -> list[Any]:
        with self.database.connected() as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(query).fetchall()

    @cached_property
    def _rows(self) -> int:
        return int(self._ask(sql.SQL("select count(*)") + self._from)[0][0])

    def count(self) -> int:
        return self._rows

    def filled(self, column: str) -> int:
        return int(self._ask(sql.SQL("select count({})").format(sql.Identifier(column)) + self._from)[0][0])

    def newest(self, column: str) -> datetime | None:
        types = {field.name: field.logical for field in self.fields}
        if not types.get(column, frozenset()) & {"date", "timestamp"}:
            raise Unseen(f"The column {column} has no moments in time.")
        query = sql.SQL("select extract(epoch from max({0}))::float8{1} where isfinite({0})")
        found = self._ask(query.format(sql.Identifier(column), self._from))
        return None if found[0][0] is None else moment(found[0][0])

    def moments(self, column: str, since: datetime) -> Moments:
        types = {field.name: field.logical for field in self.fields}
        if not types.get(column, frozenset()) & {"date", "timestamp"}:
            raise Unseen(f"The column {column} has no moments in time.")
        name = postgres.identifier(column)
        finite = f"case when isfinite({name}) then extract(epoch from {name})::float8 end"
        return Moments(*self.aggregates([SPREAD.format(f"({finite})", f"{since.timestamp():.3f}")]))

    def unlike(self, column: str, pattern: str) -> int:
        condition = f"{postgres.identifier(column)}::text !~ {postgres.literal(f'^({pattern})$')}"
        return int(self.aggregates([f"count(*) filter (where {condition})"])[0])

    def texts(self, column: str, limit: int) -> Sequence[str]:
        name = sql.Identifier(column)
        query = sql.SQL("select distinct {0}::text{1} where {0} is not null limit {2}").format(
            name, self._from, sql.Literal(int(limit))
        )
        return [text for (text,) in self._ask(query)]

    def decoded(self) -> int:
        query = sql.SQL("select x::text") + sql.SQL(" from (select *{} limit {}) x").format(
            self._from, sql.Literal(DECODED)
        )
        return len(self._ask(query))

    def fingerprint(self, columns: Sequence[str]) -> int:
        logical = {field.name: field.logical for field in self.fields}
        texts = (
            f"coalesce('=' || {_spelled(postgres.identifier(name), logical[name])}, '-')" for name in columns
        )
        row = f"md5(concat_ws(chr(31), {', '.join(texts)}))"
        return int(self.aggregates([f"coalesce(sum(('x' || left({row}, 13))::bit(52)::bigint), 0)"])[0])


def _spelled(value: str, logical: frozenset[str]) -> str:
    """Return SQL for the text of a value, the same in each storage."""
    if "timestamp" in logical:
        moment = f"(extract(epoch from {value}) * 1000000)::bigint::text"
        return f"case when isfinite({value}) then {moment} else {value}::text end"
    if "date" in logical:
        return f"case when isfinite({value}) then ({value} - date '1970-01-01')::text else {value}::text end"
    return f"{value}::text"


def _comment(comment: Any) -> Mapping[str, str]:
    try:
        content = json.loads(comment or "{}")
    except (ValueError, RecursionError):
        return {}
    return {key: str(value)[:200] for key, value in content.items()} if isinstance(content, dict) else {}


def opened(database: Database) -> Relation:
    """What the pipeline publishes: `<schema>_private.<data set>`, or the plain table of other platforms."""
    schemas = (f"{database.schema}_private", database.schema, "public")
    return Relation(database, schemas, database.dataset)


def variant(database: Database, role: str) -> Relation:
    """What a role of the policy sees."""
    return Relation(database, (database.schema,), role.replace("-", "_"))


def without_credentials(database: Database) -> Refusal:
    """Whether the server lets in somebody who has none. Raises Absent, Unseen."""
    host = database.address["host"]
    if host.startswith("/"):
        try:
            closed = closed_by(Path(host))
        except OSError:
            raise Absent(f"There is no socket in {host}.", "Start the server.") from None
        if closed is not None:
            return Refusal(False, f"Other accounts of this machine cannot reach the server: {closed} is closed to them.")  # fmt: skip
    logins = (f"{database.schema}_access", f"{database.schema}_pipeline", "postgres", "anonymous")
    answers = {login: database.lets_in(login) for login in logins}
    inside = next((login for login, answer in answers.items() if answer == "yes"), None)
    fix = "Let pg_hba.conf ask for scram-sha-256 (or a certificate) on every line that can be reached."
    if inside is not None:
        return Refusal(
            True, f"{database.display_name} lets in whoever says to be {inside}, without credentials.", fix
        )
    if set(answers.values()) == {"no such login"}:
        return Refusal(True, f"{database.display_name} asks nobody for credentials: who knows a login's name is let in.", fix)  # fmt: skip
    return Refusal(
        False, f"{database.display_name} refuses logins without credentials ({', '.join(logins)})."
    )


READABLE = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any(%s) and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and (has_table_privilege('public', c.oid, 'select') or has_any_column_privilege('public', c.oid, 'select'))
  and has_schema_privilege('public', n.oid, 'usage')
order by 1, 2
"""
BEYOND = """
select r.rolname from pg_roles r, pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = %s and r.rolcanlogin and not r.rolsuper
  and has_table_privilege(r.oid, c.oid, 'select') and has_schema_privilege(r.oid, n.oid, 'usage')
  and not r.rolname = any(%s)
  and not exists (select from pg_roles own where own.rolname = any(%s) and pg_has_role(r.oid, own.oid, 'member'))
order by 1
"""


def let_in_by_grants(database: Database, known: Sequence[str]) -> Refusal:
    """Whether every login may read it, or one may read the whole that is neither the pipeline's nor an administrator's.

    `known`: administrators' logins. Raises Absent, Unseen.
    """
    own = [f"{database.schema}_access", f"{database.schema}_pipeline", "pg_read_all_data"]
    schemas = [database.schema, f"{database.schema}_private", f"{database.schema}_audit"]
    with database.connected() as connection:
        public = connection.execute(READABLE, [schemas]).fetchall()
        private = (f"{database.schema}_private", database.dataset)
        others = connection.execute(BEYOND, [*private, [*known, *own], own]).fetchall()
    if public:
        schema, name = public[0]
        more = f" and {len(public) - 1} more" if len(public) > 1 else ""
        return Refusal(
            True,
            f"Every login of {database.display_name} may read {schema}.{name}{more}: PUBLIC has SELECT there.",
            f"revoke select on {schema}.{name} from public;",
        )
    if others:
        names = ", ".join(name for (name,) in others[:3])
        return Refusal(
            True,
            f"{len(others)} logins of {database.display_name} may read the whole data set past its roles: {names}.",
            f"revoke select on {private[0]}.{private[1]} from them; `meshwright access verify` tells more.",
        )
    return Refusal(
        False, f"Neither PUBLIC nor a login besides the product's own may read {'.'.join(private)}."
    )


__all__ = [
    "Corrupt",
    "Database",
    "Relation",
    "database",
    "let_in_by_grants",
    "opened",
    "variant",
    "without_credentials",
]
