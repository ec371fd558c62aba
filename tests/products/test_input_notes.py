"""What a run says of its inputs besides their rows: those that shrink, columns that are gone, connections that fail."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest


def test_what_shrinks_vanishes_or_brings_nothing_is_noted(every_port: Path, tmp_path: Path) -> None:
    from pipeline import evolution, volumes
    from pipeline.ingest import Landed

    product = SimpleNamespace(
        root=tmp_path, build=tmp_path / "build", target="", contract=tmp_path / "none.yaml"
    )
    columns = {"id": "BIGINT"}
    first = {"a": Landed(0, columns), "b": Landed(10, columns, total=10), "c": Landed(5, columns, total=9)}
    assert volumes.notes(product, first) == ["input a: it has no rows"]
    evolution.remember(product, first, {})
    then = {
        "b": Landed(4, columns, total=4, notes=("the cursor at has stayed",)),
        "c": Landed(5, columns, total=5),
    }
    had = "and had 10 when the product was last published"
    assert volumes.notes(product, then) == [
        "input b: the cursor at has stayed",
        f"input b: it has only 4 rows, {had}",
        "input a: it is no longer in data-product.yaml; it had 0 rows",
    ]
    assert volumes.notes(product, {**first, "b": Landed(0, columns)})[1] == f"input b: it has no rows, {had}"
    gone = {
        "b": Landed(4, {"new": "DATE"}, total=9, gone=("id",)),
        "c": Landed(1, columns, total=9, gone=("id",)),
    }
    assert evolution.changes(product, gone) == [
        "input b: id is gone: it stays, and is empty in rows that are read from now on",
        "input b: new (DATE) is new, and is not in the contract",
        "input c: id is in none of the rows that were read, and stays empty in them",
    ]


SAID = {
    'connection failed: connection to server at "db", port 5432 failed: FATAL:  password authentication failed for user "ada"': "the server refuses the login",
    "Access denied for user 'ada'@'localhost' (using password: YES)": "the server refuses the login",
    "connection to server failed: fe_sendauth: no password supplied": "the server requires a password, but none is set",
    'FATAL:  no pg_hba.conf entry for host "192.0.2.1", user "ada", database "x", no encryption': "the server rejects this user from this machine, or requires TLS",
    "failed to resolve host 'db.example.org': [Errno -2] Name or service not known": "the host name is unknown",
    "Can't connect to MySQL server on 'ssl-db' ([Errno 111] Connection refused)": "no server listens on that host and port",
    "Can't connect to MySQL server on 'db' (timed out)": "the server does not answer",
    "server does not support SSL, but SSL was required": "no trusted TLS connection can be established",
    "SSL error: certificate verify failed": "no trusted TLS connection can be established",
    'FATAL:  database "bookings" does not exist': "the server has no database of that name",
    "Unknown database 'bookings'": "the server has no database of that name",
    'FATAL:  role "ada" does not exist': "the user does not exist on the server",
    "permission denied for table bookings": "the account lacks the permission",
    "SELECT command denied to user 'ada'@'localhost' for table 't'": "the account lacks the permission",
    "SHOW VIEW command denied to user 'ada'@'localhost' for table `x`.`v`": "the account may not see the columns of the view",
    'query would be affected by row-level security policy for table "t"': "a row-level security policy would hide rows from the account",
    "canceling statement due to statement timeout": "the server ended the query, because it took too long",
    "Query execution was interrupted (max_statement_time exceeded)": "the server ended the query, because it took too long",
    "Access denied for user 'ada'@'%' to database 'bookings'": "the account lacks the permission",
    'relation "t" does not exist': "the table does not exist",
    "FATAL:  sorry, too many clients already": "the server has no connection left",
    "unable to open database file": "the file does not exist, or cannot be read",
    "file is not a database": "the file is not a complete SQLite database",
    "server closed the connection unexpectedly": "the connection was lost",
    "terminating connection due to administrator command": "the connection was lost",
    "division by zero": "",
}


@pytest.mark.parametrize("said", SAID)
def test_a_connection_that_fails_has_a_cause_and_a_fix(said: str, every_port: Path) -> None:
    from pipeline.connections import explained

    cause, fix = explained(said)
    assert cause == SAID[said] and bool(fix) == bool(cause)
