"""Why a server of a database cannot be reached or read: the cause and the fix, by what its driver says."""

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
        "the server asks for a password, and there is none",
        "Set the variable that data-product.yaml names for it, or PGPASSWORD, where the pipeline runs.",
    ),
    (
        r"no pg_hba\.conf entry|is not allowed to connect|not allowed to connect to this|no encryption",
        "the server does not let this user in from this machine, or not without TLS",
        "Ask its administrator to allow this user and address (pg_hba.conf, or the host of the account);"
        " if TLS is required, add `sslmode=require` to `url`.",
    ),
    (
        r"certificate|(?<![-.\w])(ssl|tls)(?![-.\w])",
        "no trusted TLS connection comes about",
        "Check that the TLS settings in `url` are what the server offers (PostgreSQL: `sslmode`; MySQL: `ssl_ca`), and"
        " that they name the authority that signed its certificate (`sslrootcert`, `ssl_ca`).",
    ),
    (
        r"could not translate host name|failed to resolve|name or service not known|nodename nor servname"
        r"|temporary failure in name resolution|no address associated|unknown .*server host|getaddrinfo",
        "no machine of that name is known",
        "Correct the host in `url`, or run where its name can be resolved.",
    ),
    (
        r"connection refused|no such file or directory|can't connect to local",
        "nothing listens at that host and port",
        "Correct host and port in `url`, or start the server.",
    ),
    (
        r"timeout|timed out|no route to host|network is unreachable",
        "the server does not answer",
        "Check host and port in `url`, and that a firewall lets this machine through.",
    ),
    (
        r"database .* does not exist|unknown database",
        "the server has no database of that name",
        "Correct the database in `url`.",
    ),
    (
        r"role .* does not exist",
        "the server knows no such user",
        "Correct the user in `url`, or ask its administrator to make it.",
    ),
    (
        r"permission denied|command denied|access denied",
        "the account may not do that",
        "Ask the database's administrator for the right that it names: whoever reads an input needs `select` on its table"
        " and `usage` on its schema; whoever publishes, what `meshwright access bootstrap` prints.",
    ),
    (
        r"relation .* does not exist|no such table|table .* doesn't exist|undefined table",
        "there is no such table",
        "Correct `table` or `schema` in data-product.yaml.",
    ),
    (
        r"too many (clients|connections)|remaining connection slots",
        "the server has no connection left",
        "Run again later, or ask its administrator for more connections.",
    ),
    (
        r"unable to open database file",
        "there is no such file, or it may not be read",
        "Correct the path in `url`: sqlite:///<path from the repository's root>.",
    ),
    (
        r"file is not a database|file is encrypted|malformed",
        "the file is no whole SQLite database",
        "Replace the file by a good copy, such as one made with `sqlite3 <file> .backup`.",
    ),
    (
        r"database is locked",
        "another program writes to the file",
        "Run again when it has ended, or read a copy.",
    ),
    (
        r"read-only transaction|READ ONLY",
        "reading it would write something, which a run must not do",
        "Read a table, or a view whose functions write nothing.",
    ),
    (
        r"closed the connection|lost connection|connection .*(lost|reset|closed)|terminating connection"
        r"|server has gone away|shutting down|starting up|broken pipe",
        "the connection was lost",
        "Run again when the server answers: nothing is loaded twice.",
    ),
)
"""What drivers say, as a regular expression -> the cause, and the fix. The first that matches counts."""


def explained(said: str) -> tuple[str, str]:
    """Return the cause and the fix for what a driver says; both empty where the table does not know it."""
    return next(
        ((cause, fix) for pattern, cause, fix in CAUSES if re.search(pattern, said, re.IGNORECASE)), ("", "")
    )
