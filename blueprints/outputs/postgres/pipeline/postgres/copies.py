"""Copy rows in bulk, into a table and out of a query, as CSV that DuckDB writes and reads directly."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import duckdb
import psycopg
from psycopg import errors

from pipeline.errors import MAKE_ROOM, UnreadableInput
from pipeline.postgres.columns import Column
from pipeline.postgres.database_layout import whole
from pipeline.postgres.session import server_message
from pipeline.sql import identifier, literal, only_row

BLOCK_BYTES = 1024 * 1024
LONGEST_ROW_BYTES = 64 * 1024 * 1024
CAST = "Cast it in the model, so that PostgreSQL can store it."
CORRECT = "Correct the value in the model (DuckDB, for NUL: `replace(column, chr(0), '')`)."


def fill(connection: psycopg.Connection[Any], table: str, described: list[Column], scan: str) -> int:
    """Create a table with the rows of `scan`, in the open transaction; return the number of rows.

    Raises UnreadableInput for a value that PostgreSQL rejects.
    """
    types = ", ".join(f"{identifier(whole(column.name))} {column.type}" for column in described)
    with connection.cursor() as cursor:
        cursor.execute(f"create table {table} ({types})")
        try:
            # Frozen: older transactions see the rows, too, instead of an empty table.
            with (
                _texts(scan, described) as blocks,
                cursor.copy(f"copy {table} from stdin (format csv, freeze)") as copy,
            ):
                for block in blocks:
                    copy.write(block)
        except psycopg.DataError as error:
            raise UnreadableInput(_refused(error, described, scan), fix=CORRECT) from error
        return cursor.rowcount


def types(connection: psycopg.Connection[Any], relation: str) -> dict[str, str]:
    """Return the columns of a relation, with PostgreSQL's names of their types; empty if it does not exist."""
    return dict(
        connection.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
            [relation],
        ).fetchall()
    )


@contextlib.contextmanager
def fetched(
    connection: psycopg.Connection[Any], query: str, typed: Mapping[str, str]
) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """Yield the rows of a query, as a connection of DuckDB and the SQL that reads them once.

    `typed` has, for each column of the query, DuckDB's expression that parses its text. The rows
    are known to be complete only after the context has ended. Raises UnreadableInput.
    """
    reading, writing = os.pipe()

    def copy() -> None:
        # Quote all values but null: a row with nothing else would be an empty line, which is skipped.
        options = "format csv, null '\\N', force_quote *"
        with (
            open(writing, "wb", BLOCK_BYTES) as pipe,
            connection.cursor().copy(f"copy ({query}) to stdout ({options})") as rows,
        ):
            pipe.writelines(rows)

    texts = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in typed) + "}"
    selected = ", ".join(f"{value} as {identifier(name)}" for name, value in typed.items())
    options = (
        "auto_detect = false, header = false, parallel = false, delim = ',', quote = '\"', escape = '\"',"
        " nullstr = '\\N', allow_quoted_nulls = false, new_line = '\\n',"
        f" max_line_size = {LONGEST_ROW_BYTES}, buffer_size = {2 * LONGEST_ROW_BYTES}"
    )
    with duckdb.connect() as engine, ThreadPoolExecutor(1) as thread:
        engine.execute("set timezone = 'UTC'")
        copied = thread.submit(copy)
        try:
            yield (
                engine,
                f"select {selected} from read_csv('/dev/fd/{reading}', columns = {texts}, {options})",
            )
        except duckdb.Error as error:
            os.close(reading)  # so that the writer gets an error
            reading = -1
            cause = copied.exception()
            if cause is None or isinstance(cause, BrokenPipeError):
                cause = error
            raise _unfit(cause) from error
        finally:
            if reading >= 0:
                os.close(reading)
        if (cause := copied.exception()) is not None:
            raise _unfit(cause)


def _unfit(error: BaseException) -> BaseException:
    """Return the error for rows that could not be fetched, without the failing value."""
    if isinstance(error, (psycopg.DataError, duckdb.ConversionException)):
        return UnreadableInput(
            f"A value cannot be converted to the type of its column ({type(error).__name__}).", fix=CAST
        )
    if isinstance(error, (duckdb.IOException, duckdb.OutOfMemoryException)):
        return UnreadableInput(str(error), fix=MAKE_ROOM)
    return error


@contextlib.contextmanager
def _texts(scan: str, described: list[Column]) -> Iterator[Iterator[bytes]]:
    """Yield the rows as CSV, in blocks, while they are made: a quoted value is text, an empty field is null."""
    reading, writing = os.pipe()
    quoted = ", ".join(identifier(column.name) for column in described if column.type == "text")
    options = "format csv, header false" + (f", force_quote ({quoted})" if quoted else "")
    selected = ", ".join(f"{column.text} as {identifier(column.name)}" for column in described)

    def write() -> None:
        try:
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                # One thread makes text faster than PostgreSQL reads it, and does not fill the memory.
                connection.execute("set threads = 1")
                connection.execute(f"copy (select {selected} from {scan}) to '/dev/fd/{writing}' ({options})")
        finally:
            os.close(writing)

    def blocks(written: Future[None]) -> Iterator[bytes]:
        while block := os.read(reading, BLOCK_BYTES):
            yield block
        try:
            written.result()  # an incomplete stream must not be taken for the end
        except duckdb.InvalidInputException as error:  # the message of `error` in a column's text
            raise UnreadableInput(str(error).partition(": ")[2], fix=CAST) from error

    with ThreadPoolExecutor(1) as thread:
        written = thread.submit(write)
        try:
            yield blocks(written)
        finally:
            os.close(reading)  # so that the writer gets an error


def _refused(error: psycopg.DataError, described: list[Column], scan: str) -> str:
    """Return which column the server rejects, and why; never the value."""
    if isinstance(error, errors.CharacterNotInRepertoire) and (with_nul := _with_nul(described, scan)):
        return f"column {with_nul} contains the character NUL, which text in PostgreSQL cannot contain."
    context = error.diag.context or ""
    named = next((column for column in described if f", column {column.name}: " in context), None)
    where = f"column {named.name} ({named.type})" if named else "a value"
    return f"{where} is rejected by PostgreSQL ({server_message(error)})."


def _with_nul(described: list[Column], scan: str) -> str | None:
    texts = [column for column in described if column.type == "text"]
    with duckdb.connect() as connection:
        has_nul = ", ".join(f"bool_or(contains({column.text}, chr(0)))" for column in texts)
        found = only_row(connection.execute(f"select {has_nul} from {scan}")) if texts else ()
    return next((column.name for column, has in zip(texts, found, strict=True) if has), None)
