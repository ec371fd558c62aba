"""Parse the address of a database or of one of its tables, and connect to it for reading only."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import sqlalchemy as sa

from meshwright.core.errors import Error
from meshwright.core.text import latin, printable
from meshwright.inspection.reading.connections import explained
from meshwright.inspection.reading.database_sessions import read_only_engine
from meshwright.product.grammar import VARIABLE

SCHEMES = ("postgresql", "postgres", "mysql", "mariadb", "sqlite")
"""Beginnings of the URLs, before a driver (`postgresql+psycopg`) and `://`."""
ANY = "*"
"""Instead of a table: all of the schema's."""

_FORM = (
    "Write it as postgresql://user@host/database.schema.table, mysql://user@host/database.table or"
    " 'sqlite:///file.db?table=name'."
)

_SECRET = re.compile("passw|pwd|secret|token", re.IGNORECASE)
"""Names of options of drivers that hold a secret."""

FIXES = (
    (
        "Set the variable for it in data-product.yaml, or PGPASSWORD, where the pipeline runs.",
        "Write the address as 'postgresql://user:${SHOP_PASSWORD}@host/database' and set the variable, or PGPASSWORD.",
    ),
    (" in data-product.yaml", " of the address"),
    ("`url`", "the address"),
)
"""Words of a fix for a run of the pipeline -> what a person does who gave the address to a command."""


def is_database(where: str) -> bool:
    """Return True for the URL of a database."""
    return where.partition("://")[0].partition("+")[0].lower() in SCHEMES and "://" in where


@dataclass(frozen=True)
class DatabaseAddress:
    """A database, and perhaps a table of it."""

    url: str
    """As `database@1` takes it: without the password and the table, with variables as written."""
    schema: str = ""
    table: str = ""
    """Empty if none was given; ANY for all of them."""
    variable: str = ""
    """The variable that holds the password; empty if none was given."""
    password: str = ""
    root: Path = Path()
    """Folder that the path of a SQLite file starts at."""

    def __repr__(self) -> str:
        return f"DatabaseAddress({self.shown!r})"

    @property
    def shown(self) -> str:
        """The address for messages: without user, password and options."""
        place = re.sub(r"//[^/]*@", "//", self.url).partition("?")[0]
        return " ".join(filter(None, (place, ".".join(filter(None, (self.schema, self.table))))))

    @property
    def properties(self) -> dict[str, Any]:
        """The properties of an input that reads the table."""
        given = {"url": self.url, "schema": self.schema, "table": self.table}
        if self.variable:
            given["password"] = "${" + self.variable + "}"
        return {key: value for key, value in given.items() if value}

    def engine(self) -> sa.Engine:
        """Return connections that only read. Raises Error for an address that is not one of a database."""
        try:
            url = sa.make_url(replaced(self.url, os.environ))
            if self.password:
                url = url.set(password=self.password)
            elif self.variable:
                url = url.set(password=replaced("${" + self.variable + "}", os.environ))
            return read_only_engine(url, self.root)
        except (sa.exc.ArgumentError, ValueError) as error:
            raise Error(f"{self.shown}: this is no address of a database.", _FORM) from error


def replaced(text: str, environment: Mapping[str, str]) -> str:
    """Return the text with the values of its variables. Raises Error for one that is not set."""

    def value(match: re.Match[str]) -> str:
        found = environment.get(match["name"]) or match["default"]
        if found is None:
            raise Error(f"{match[0]}: the variable {match['name']} is not set.", f"export {match['name']}=…")
        return found

    return VARIABLE.sub(value, text)


def parse(where: str, root: Path) -> DatabaseAddress:
    """Return the address that a text names.

    - `postgresql://user@host/database.table`, or `….schema.table`; `mysql` and `mariadb` have no schemas.
    - `sqlite:///path/file.db?table=name`, or `sqlite:///path/file.db.name`; the path is from `root`.
    - `*` instead of a table means all of them. A dot within a name is written as `%2E`. `?table=` and `?schema=` are
      accepted for all databases.
    - A password is a variable, `postgresql://user:${CRM_PASSWORD}@host/…`, or is left to the driver's own places, such
      as PGPASSWORD and ~/.pgpass.

    Raises Error.
    """
    scheme, _, rest = where.partition("://")
    place, _, query = rest.partition("?")
    options = [option for option in query.split("&") if option]
    given = {key: unquote(value) for key, _, value in (option.partition("=") for option in options)}
    options = [option for option in options if option.partition("=")[0] not in ("table", "schema")]
    for option in options:
        name, _, value = option.partition("=")
        if _SECRET.search(name) and not VARIABLE.fullmatch(unquote(value)):
            raise Error(
                f"{printable(_bare(where).partition('?')[0])}: its option {printable(name)} would be written to a file.",
                "Give a variable instead, before the @: postgresql://user:${CRM_PASSWORD}@host/…",
            )
    authority, slash, path = place.partition("/")
    account, variable, password = _account(authority)
    schema, table = given.get("schema", ""), given.get("table", "")
    if scheme.partition("+")[0].lower() == "sqlite":
        database = path
        if not table:
            database, table = _file_and_table(path, root)
        if not database:
            raise Error(f"{printable(where)}: it names no file.", _FORM)
    else:
        database, *names = path.split(".")
        names = [unquote(part) for part in names]
        if len(names) > 2 or (names and table):
            raise Error(f"{printable(_bare(where))}: it names more than a schema and a table.", _FORM)
        if names:
            table, schema = names[-1], (names[0] if len(names) == 2 else schema)
        elif table.count(".") == 1 and not schema:
            schema, table = table.split(".")
    url = f"{scheme.lower()}://{account}{slash}{database}{'?' * bool(options)}{'&'.join(options)}"
    return DatabaseAddress(url, schema, table, variable, password, root)


def _account(authority: str) -> tuple[str, str, str]:
    """Return `user@host`, the variable of the password, and the password itself if the address has it."""
    user, at, host = authority.rpartition("@")
    user, _, password = user.partition(":")
    account = f"{user}{at}{host}"
    if match := VARIABLE.fullmatch(password):
        return account, match["name"], ""
    # A password is kept for this process; a product reads it from a variable.
    return account, password_variable(account) if password else "", unquote(password)


def storable(where: str) -> tuple[str, str]:
    """Return the address as a file may hold it, and the variable that takes the place of its password.

    The variable is the one from which a product reads the password; empty if the address has no password.
    """
    scheme, _, rest = where.partition("://")
    place, mark, query = rest.partition("?")
    authority, slash, path = place.partition("/")
    account, variable, password = _account(authority)
    if variable:
        user, _, host = account.rpartition("@")
        account = f"{user}:${{{variable}}}@{host}"
    return f"{scheme}://{account}{slash}{path}{mark}{query}", variable if password else ""


def password_variable(account: str) -> str:
    """Return a name for the variable of the password of an account or of a named database, the same for all of its tables."""
    name = re.sub(r"[^A-Z0-9]+", "_", latin(unquote(account)).upper()).strip("_")
    return f"{'' if name[:1].isalpha() else 'DATABASE_'}{name}_PASSWORD"


def _file_and_table(path: str, root: Path) -> tuple[str, str]:
    """Split `file.db.table` where the file exists; the table is empty if the whole path is a file, or none is."""
    if (root / unquote(path)).is_file():
        return path, ""
    head = path
    while "." in head:
        head, _, _ = head.rpartition(".")
        if (root / unquote(head)).is_file():
            return head, unquote(path[len(head) + 1 :])
    return path, ""


def _bare(where: str) -> str:
    return re.sub(r"//[^/]*@", "//", where)


@contextlib.contextmanager
def readable(address: DatabaseAddress, what: str = "") -> Iterator[None]:
    """Convert errors of the database or its driver to Error, without passwords. `what`: what was read."""
    try:
        yield
    except sa.exc.NoSuchTableError as error:
        raise Error(
            f"{address.shown}: the table {printable(str(error))} does not exist, or this account cannot see it.",
            "Correct the name of the table or its schema, or allow the account to read it.",
        ) from error
    except sa.exc.NoSuchModuleError as error:
        raise Error(f"{address.shown}: SQLAlchemy does not know this kind of database.", _FORM) from error
    except UnicodeDecodeError as error:
        raise Error(
            f"{address.shown}{what}: a text is not {error.encoding}.",
            "Correct it in the database, or read a view that casts its column to bytes.",
        ) from error
    except Exception as error:
        if not _of_driver(error):
            raise
        cause, fix = explained(message_of(error, address))
        for of_a_run, of_a_command in FIXES:
            fix = fix.replace(of_a_run, of_a_command)
        raise Error(
            f"{address.shown}{what} cannot be read{f': {cause}' if cause else ''}: {message_of(error, address)}",
            fix or "Correct the cause, and run again.",
        ) from error


def _of_driver(error: Exception) -> bool:
    """Return True for an error of SQLAlchemy or of a driver, whose errors are all of a class `Error` (PEP 249)."""
    return not isinstance(error, Error) and (
        isinstance(error, sa.exc.SQLAlchemyError)
        or any(kind.__name__ == "Error" for kind in type(error).__mro__)
    )


def message_of(error: Exception, address: DatabaseAddress) -> str:
    """Return the database's message on one line, without the password."""
    reason = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
    message = " ".join(str(reason.args[-1] if reason.args else reason).split()) or type(reason).__name__
    secrets = {address.password, os.environ.get(address.variable, "") if address.variable else ""}
    for secret in secrets - {""}:
        message = message.replace(secret, "…").replace(quote(secret), "…")
    return printable(message)
