"""Snowflake's data sharing: a share, and a private listing, for each role that programs of other accounts read in.

A program is an account here: what the directory says it is called at `snowflake-account`, as ORGANISATION.ACCOUNT.
Everybody whom that account lets in reads what is shared with it, so people are never recipients.

The share has the role's secure view and nothing else; it is dropped and made anew, so that no account and no object
survives that the policy does not name. A listing names the accounts itself: run the one file or the other.

Tested as far as text goes, like `snowflake.py`; no Snowflake was at hand.
https://docs.snowflake.com/en/sql-reference/sql/create-share
https://docs.snowflake.com/en/sql-reference/sql/grant-privilege-share
https://docs.snowflake.com/en/sql-reference/sql/alter-share
https://docs.snowflake.com/en/sql-reference/sql/create-listing
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from meshwright.access.exports import sql
from meshwright.access.exports.snowflake import made_view, quoted
from meshwright.access.grants import Desired
from meshwright.core.sql import snowflake

ACCOUNT = re.compile(r"[A-Za-z][A-Za-z0-9_]*\.[A-Za-z][A-Za-z0-9_]*")


def files(desired: Desired, table: str) -> dict[str, str]:
    """Return two files of statements, by their names. Raises Refused."""
    desired = sql.of_programs(desired)
    database, schema, name = sql.table_parts(table)
    base = ".".join(map(quoted, (database, schema, name)))
    place = ".".join(map(quoted, (database, sql.readers_schema(schema, name))))
    by_account = sql.accounts(desired, "snowflake-account", ACCOUNT, "ORGANISATION.ACCOUNT")
    shares = [
        _Share(
            view.role,
            f"{place}.{quoted(view.role)}",
            quoted(f"{table}:{view.role}"),
            [account for account, reads in by_account.items() if view.role in {one.role for one in reads}],
        )
        for view in desired.views
    ]
    head = [
        f"What other accounts read of the data product {sql.plain(desired.product, 'product')}.",
        "",
        "Run it as a role that may create shares, owns the schema of the views and may read the table, and stop at",
        "the first error. It drops the shares that it makes: nobody reads until it is done. Shares do not end by",
        "themselves: make and run it again after each change, and not later than",
        f"{sql.next_end(desired) or '(no access has an end)'}.",
        "The queries at its end must show no other object and no other account.",
    ]
    made = [
        *(statement for share in shares for statement in share.withdrawn(desired)),
        f"CREATE SCHEMA IF NOT EXISTS {place} WITH MANAGED ACCESS",
        *(f"DROP SHARE IF EXISTS {share.name}" for share in shares),
        *(
            statement
            for view, share in zip(desired.views, shares, strict=True)
            for statement in made_view(view, share.view, base)
        ),
        *(statement for share in shares for statement in share.filled(quoted(database), place)),
    ]
    checks = [f"SHOW GRANTS {which} SHARE {share.name}" for share in shares for which in ("TO", "OF")]
    added = [
        f"ALTER SHARE {share.name} ADD ACCOUNTS = {', '.join(share.accounts)}"
        for share in shares
        if share.accounts
    ]
    listed = [share.listing(desired) for share in shares if share.accounts]
    return {
        "snowflake-share.sql": sql.statements(head, made, added, checks),
        "snowflake-listing.sql": sql.statements(head, made, listed, checks),
    }


class _Share:
    def __init__(self, role: str, view: str, name: str, accounts: Sequence[str]) -> None:
        self.role, self.view, self.name, self.accounts = role, view, name, accounts

    def filled(self, database: str, place: str) -> list[str]:
        """Return the statements that make the share, for nobody yet."""
        return [
            f"CREATE SHARE {self.name}",
            f"GRANT USAGE ON DATABASE {database} TO SHARE {self.name}",
            f"GRANT USAGE ON SCHEMA {place} TO SHARE {self.name}",
            f"GRANT SELECT ON VIEW {self.view} TO SHARE {self.name}",
        ]

    def listed(self, desired: Desired) -> str:
        """Return the name of the share's listing."""
        return quoted(f"{desired.product}:{self.role}")

    def withdrawn(self, desired: Desired) -> list[str]:
        """Return the statements without which a share with a listing cannot be dropped."""
        name = self.listed(desired)
        return [f"ALTER LISTING IF EXISTS {name} UNPUBLISH", f"DROP LISTING IF EXISTS {name}"]

    def listing(self, desired: Desired) -> str:
        """Return the statement that offers the share to its accounts alone, as a private listing."""
        title = f"{desired.product} as {self.role}"
        manifest = {
            "title": title[:110],
            "description": f"What the role {self.role} sees of the data product {desired.product}.",
            "listing_terms": {"type": "OFFLINE"},
            "targets": {"accounts": list(self.accounts)},
        }
        # YAML takes JSON, and a literal needs no delimiter that a console replaces.
        text = snowflake.literal(json.dumps(manifest, ensure_ascii=True))
        name = self.listed(desired)
        return f"CREATE EXTERNAL LISTING {name} SHARE {self.name} AS {text} PUBLISH = TRUE REVIEW = FALSE"
