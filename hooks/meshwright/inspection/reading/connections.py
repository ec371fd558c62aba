# Written by `make reference`: a copy of template/pipeline/connections.py.
"""Explain why a database server cannot be reached or read: cause and fix, by the driver's message."""

from __future__ import annotations

import re

CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        r"password authentication failed|authentication failed|access denied for user .*using password|1698|28P01",
        "the server refuses the login",
        "Check the user in `url`, and the value of the variable that holds the password.",
    ),
    (
        r"no password supplied|fe_sendauth",
        "the server requires a password, but none is set",
        "Set the variable for it in data-product.yaml, or PGPASSWORD, where the pipeline runs.",
    ),
    (
        r"no pg_hba\.conf entry|is not allowed to connect|not allowed to connect to this|no encryption",
        "the server rejects this user from this machine, or requires TLS",
        "Ask its administrator to allow this user and address (pg_hba.conf, or the host of the account);"
        " if TLS is required, add `sslmode=require` to `url`.",
    ),
    (
        r"certificate|(?<![-.\w])(ssl|tls)(?![-.\w])",
        "no trusted TLS connection can be established",
        "Check that the TLS settings in `url` match the server (PostgreSQL: `sslmode`; MySQL: `ssl_ca`), and"
        " that they name the authority that signed its certificate (`sslrootcert`, `ssl_ca`).",
    ),
    (
        r"could not translate host name|failed to resolve|name or service not known|nodename nor servname"
        r"|temporary failure in name resolution|no address associated|unknown .*server host|getaddrinfo",
        "the host name is unknown",
        "Correct the host in `url`, or run where the name can be resolved.",
    ),
    (
        r"connection refused|no such file or directory|can't connect to local",
        "no server listens on that host and port",
        "Correct host and port in `url`, or start the server.",
    ),
    (
        r"due to statement timeout|max_statement_time|maximum statement execution time",
        "the server ended the query, because it took too long",
        "Ask the database's administrator for a higher limit for this account (statement_timeout, max_statement_time or"
        " max_execution_time).",
    ),
    (
        r"timeout|timed out|no route to host|network is unreachable",
        "the server does not answer",
        "Check host and port in `url`, and that no firewall blocks this machine.",
    ),
    (
        r"database .* does not exist|unknown database",
        "the server has no database of that name",
        "Correct the database in `url`.",
    ),
    (
        r"role .* does not exist",
        "the user does not exist on the server",
        "Correct the user in `url`, or ask its administrator to create it.",
    ),
    (
        r"affected by row-level security",
        "a row-level security policy would hide rows from the account",
        "Read as a role that may read all rows (one with `bypassrls`, or the owner of the table); or set"
        " `row_security: apply` among the input's properties, if the rows that the policy shows are all that is meant.",
    ),
    (
        r"show view command denied",
        "the account may not see the columns of the view",
        "Ask the database's administrator for `grant show view` on it, besides `select`.",
    ),
    (
        r"permission denied|command denied|access denied",
        "the account lacks the permission",
        "Ask the database's administrator for the permission in the message: to read an input, `select` on its table"
        " and `usage` on its schema; to publish, the grants that `meshwright access bootstrap` prints.",
    ),
    (
        r"relation .* does not exist|no such table|table .* doesn't exist|undefined table",
        "the table does not exist",
        "Correct `table` or `schema` in data-product.yaml.",
    ),
    (
        r"too many (clients|connections)|remaining connection slots",
        "the server has no connection left",
        "Run again later, or ask its administrator for more connections.",
    ),
    (
        r"unable to open database file",
        "the file does not exist, or cannot be read",
        "Correct the path in `url`: sqlite:///<path from the repository's root>.",
    ),
    (
        r"file is not a database|file is encrypted|malformed",
        "the file is not a complete SQLite database",
        "Replace the file by a good copy, such as one made with `sqlite3 <file> .backup`.",
    ),
    (
        r"database is locked",
        "another program writes to the file",
        "Run again when that program has ended, or read a copy.",
    ),
    (
        r"read-only transaction|READ ONLY",
        "reading it would also write, which a run must not do",
        "Read a table, or a view whose functions do not write.",
    ),
    (
        r"closed the connection|lost connection|connection .*(lost|reset|closed)|terminating connection"
        r"|server has gone away|shutting down|starting up|broken pipe",
        "the connection was lost",
        "Run again when the server is available: nothing is loaded twice.",
    ),
)
"""Regular expression for a driver's message -> cause and fix. The first match counts."""


def explained(message: str) -> tuple[str, str]:
    """Return cause and fix for a driver's message; both empty if it is not in the table."""
    return next(
        ((cause, fix) for pattern, cause, fix in CAUSES if re.search(pattern, message, re.IGNORECASE)),
        ("", ""),
    )
