"""Tables that are nobody's data product, each with the reason: frameworks, backups, queues, partitions, copies."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from meshwright.inspection.model import Table
from meshwright.survey.columns import is_loader
from meshwright.survey.names import words

FRAMEWORKS = {
    "Alembic": r"alembic_version",
    "ASP.NET": r"aspnet\w+|__ef\w+|__migrationhistory",
    "Access": r"switchboard(?: ?items)?|paste ?errors|msys\w+|name ?autocorrect\w*",
    "Airbyte": r"_airbyte_\w+",
    "Celery": r"celery_\w+|django_celery_\w+|kombu_\w+",
    "Django": r"django_\w+|auth_(?:group|permission|user)(?:_\w+)?|authtoken_\w+|account_email(?:address|confirmation)|socialaccount_\w+",
    "dbt": r"\w+__dbt_(?:tmp|backup|temp)|dbt_\w*_?(?:results|artifacts)|elementary_\w+",
    "dlt": r"_dlt_\w+",
    "Fivetran": r"fivetran_\w+",
    "Flyway": r"flyway_schema_history|schema_version",
    "Hangfire": r"hangfire\w*",
    "Hibernate": r"hibernate_sequences?|hte_\w+|revinfo|\w+_aud",
    "Knex": r"knex_migrations\w*",
    "Laravel": r"migrations|activity_log|failed_jobs|job_batches|password_resets?|password_reset_tokens|personal_access_tokens|telescope_\w+",
    "Liquibase": r"databasechangelog(?:lock)?",
    "PostGIS": r"spatial_ref_sys|geometry_columns|geography_columns|raster_\w+|topology",
    "Prisma": r"_prisma_migrations",
    "Quartz": r"qrtz_\w+",
    "Rails": r"schema_migrations|ar_internal_metadata|active_storage_\w+|action_text_\w+|action_mailbox_\w+|delayed_jobs|good_jobs?\w*|solid_(?:queue|cache)_\w+|friendly_id_slugs|ahoy_\w+",
    "Sequelize": r"sequelizemeta",
    "SQLite": r"sqlite_\w+",
    "Singer": r"_sdc_\w+",
    "WordPress": r"wp_options|wp_usermeta|wp_actionscheduler_\w+",
    "PostgreSQL": r"pg_stat_statements\w*",
}
"""Framework -> the tables that it keeps for itself."""
_FRAMEWORKS = {name: re.compile(tables, re.IGNORECASE) for name, tables in FRAMEWORKS.items()}

BACKUP = {"bak", "backup", "bkp", "deprecated", "zzz"}
COPY = {"old", "copy", "archive", "archived", "save", "saved", "orig", "prev"}
"""Words of copies, if the table that they were made of exists or they have no key."""
SCRATCH = {"tmp", "temp", "scratch", "sandbox", "playground", "dummy", "foo", "todelete", "wrk"}
FIRST_SCRATCH, LAST_SCRATCH = {"test", "import", "delete"}, {"import"}
STAGING = {"stg", "staging"}
"""First words of tables, and schemas, that others are computed from."""
MODEL_STAGING = STAGING | {"base", "int", "intermediate", "stage", "prep"}
"""The same for models and folders of a dbt project."""
PROGRAM = {"level", "message", "msg", "severity", "path", "url", "payload", "query", "action", "ip", "request", "response", "operation", "text", "body", "old", "new", "whodunnit", "changed"}  # fmt: skip
QUEUED = {"attempts", "attempt", "payload", "handler", "queue", "error", "status", "state", "locked", "run", "retries", "message", "processed", "started"}  # fmt: skip
COUNTED, HANDLED = (
    {"attempts", "retries"},
    {"sent", "queued", "locked", "processed", "failed", "error", "next"},
)
BOOKMARKS, MOST_OF_A_BOOKMARK = {"cursor", "watermark", "checkpoint", "offset"}, 6
EXPIRES = {"expires", "expired", "expiry", "expire"}
SECRET = {"token", "expires", "expired", "expiry", "expire", "sess", "key", "data", "payload"}
HEADS: Mapping[str, tuple[set[str], set[str]]] = {
    "a log of a program": ({"log", "logs", "logging", "trace", "traces", "debug"}, PROGRAM),
    "an audit trail": ({"audit", "audits", "auditing", "changelog"}, set()),
    "a queue": ({"queue", "queues", "outbox", "inbox"}, set()),
    "jobs of a program": ({"job", "jobs", "task", "tasks", "worker", "workers", "runs"}, QUEUED - {"status", "state"}),
    "settings of an application": ({"setting", "settings", "config", "configs", "configuration", "configurations", "parameter", "parameters", "param", "params", "flag", "flags", "preferences"}, set()),
    "sessions or tokens": ({"session", "sessions", "token", "tokens", "cache", "nonce", "otp"}, SECRET),
    "migrations of a schema": ({"migration", "migrations"}, {"version", "name", "batch", "applied", "script"}),
    "the history of changes of another table": ({"history", "hist", "versions", "revisions"}, {"operation", "whodunnit", "changed", "event", "object", "valid", "revision"}),
}  # fmt: skip
"""Reason -> last words of the table's name, and words of which one has to be in a column's name (if there are any)."""
RIGHTS = {"role", "roles", "permission", "permissions", "privilege", "privileges", "grant", "grants", "acl", "users", "user", "group", "groups"}  # fmt: skip
APPLICATION = {"app", "sys", "system", "auth", "security", "admin", "adm", "application"}
"""Words before those."""
PASSWORD = re.compile(r"(?:\w*_)?pass(?:word|wd)?(?:_?(?:hash|digest|salt))?|encrypted_password|pwd", re.IGNORECASE)  # fmt: skip
SCHEMAS = {
    "audit": "an audit trail",
    "log": "a log of a program",
    "logs": "a log of a program",
    "tmp": "temporary, by the name of its schema",
    "temp": "temporary, by the name of its schema",
    "scratch": "temporary, by the name of its schema",
    "sandbox": "temporary, by the name of its schema",
    "backup": "a backup, by the name of its schema",
    "archive": "a backup, by the name of its schema",
    "hangfire": "of Hangfire",
    "tiger": "of PostGIS",
    "topology": "of PostGIS",
    "partman": "of pg_partman",
    "cron": "of pg_cron",
}
_PERIOD = re.compile(r"(.+?)_?(?:p|y)?_?(\d{4}(?:[_q]?\d{1,2}){0,2}(?:w\d{1,2})?|\d{6,8}|default|p?\d{1,4})", re.IGNORECASE)  # fmt: skip


def left_out(tables: Sequence[Table]) -> dict[str, str]:
    """Return qualified name -> why the table is no data product, of the tables of one database."""
    by_name = {table.qualified.lower(): table for table in tables}
    by_columns: dict[tuple[str, ...], list[Table]] = {}
    for table in tables:
        if not table.is_view and len(table.columns) > 1:
            by_columns.setdefault(tuple(column.name.lower() for column in table.columns), []).append(table)
    names = {words(table.name) for table in tables}
    reasons = {
        table.qualified: reason for table in tables if (reason := _reason(table, by_name, by_columns, names))
    }
    return {**reasons, **_accounts(tables, reasons)}


def _reason(
    table: Table,
    by_name: Mapping[str, Table],
    by_columns: Mapping[tuple[str, ...], Sequence[Table]],
    names: Collection[tuple[str, ...]],
) -> str:
    parts = words(table.name)
    schema = words(table.schema)
    for framework, pattern in _FRAMEWORKS.items():
        if pattern.fullmatch(table.name):
            return f"a table of {framework}"
    if table.schema.lower() in SCHEMAS:
        return SCHEMAS[table.schema.lower()]
    if not parts:
        return ""
    if original := _period_of(table, by_name):
        return f"a partition or a copy of {original}, for one period"
    if copied := _copied(table, parts, names):
        return copied
    bare = [word for word in parts if not word.isdigit()] or list(parts)
    if {*parts} & SCRATCH or parts[0] in FIRST_SCRATCH or (len(bare) > 1 and bare[-1] in LAST_SCRATCH):
        return "temporary, by its name"
    if parts[0] in STAGING or bare[-1] in STAGING or {*schema} & STAGING:
        return "an intermediate step: others are computed from it"
    columns = {word for column in table.columns for word in words(column.name)}
    for reason, (heads, needed) in HEADS.items():
        head = parts[-1] in heads or (
            len(parts) > 1 and parts[0] in heads and parts[0] in ("audit", "log", "job")
        )
        if head and (not needed or needed & columns):
            return reason
    if shape := _of_a_program(table):
        return shape
    if copied := _same_columns(table, by_columns):
        return f"a copy of {copied}: it has the same columns and no key"
    data = [column for column in table.columns if not is_loader(column)]
    if table.columns and len(data) <= 1 and not table.primary_key and not table.is_view:
        return "only one column, and no key"
    return ""


def _of_a_program(table: Table) -> str:
    """Return why the columns of a table are those that a program keeps for itself, whatever its name is."""
    if table.foreign_keys or table.is_view:
        return ""
    names = {words(column.name) for column in table.columns}
    each = {word for name in names for word in name}
    if each & COUNTED and each & HANDLED:
        return "a queue: its columns count the attempts of a program"
    if any(name[0] in ("lock", "locked") and name[-1] in ("by", "until", "owner") for name in names if name):
        return "locks of a program, by its columns"
    if any(name[-1] in BOOKMARKS for name in names if name) and len(names) <= MOST_OF_A_BOOKMARK:
        return "how far a program has read, by its columns"
    if each & EXPIRES and any(
        name[0] == "session" and name[-1] in ("id", "key", "token") for name in names if name
    ):
        return "state of sessions, which expires"
    if ("table", "name") in names:
        return "about the rows of other tables, by its columns"
    return ""


def _period_of(table: Table, by_name: Mapping[str, Table]) -> str:
    """Return the table that this one is a partition or yearly copy of: the same name without the period, and its columns."""
    match = _PERIOD.fullmatch(table.name)
    base = match and by_name.get(f"{table.schema}.{match[1]}".lower() if table.schema else match[1].lower())
    if not base or base is table:
        return ""
    mine = {column.name.lower() for column in table.columns}
    return base.qualified if {column.name.lower() for column in base.columns} <= mine else ""


def _copied(table: Table, parts: tuple[str, ...], names: Collection[tuple[str, ...]]) -> str:
    """Return why a table is a backup or a copy, by its name and what else there is."""
    if {*parts} & BACKUP:
        return f"a backup, by its name ({', '.join(sorted({*parts} & BACKUP))})"
    if not {*parts} & COPY:
        return ""
    rest = tuple(word for word in parts if word not in COPY and not word.isdigit())
    if rest in names or not (table.primary_key or table.is_view):
        return f"a copy, by its name ({', '.join(sorted({*parts} & COPY))})"
    return ""


def _same_columns(table: Table, by_columns: Mapping[tuple[str, ...], Sequence[Table]]) -> str:
    twins = by_columns.get(tuple(column.name.lower() for column in table.columns), ())
    if table.is_view or table.primary_key or len(table.columns) < 3:
        return ""
    return next((twin.qualified for twin in twins if twin.primary_key), "")


def _accounts(tables: Sequence[Table], reasons: Mapping[str, str]) -> Mapping[str, str]:
    """Return the tables of accounts and rights to which no table of the business refers."""
    rights = {
        table.qualified: table
        for table in tables
        if table.qualified not in reasons
        and ({*words(table.name)} - APPLICATION <= RIGHTS or _has_password(table))
    }  # fmt: skip
    named = {table.name.lower() for table in rights.values()}
    referred = {
        key.table.lower().rpartition(".")[2]
        for table in tables
        if table.qualified not in reasons and table.qualified not in rights
        for key in table.foreign_keys
    }
    referred |= {
        name
        for table in tables
        if table.qualified not in reasons and table.qualified not in rights
        for column in table.columns
        for name in _meant(column.name)
    }
    return {
        id: "accounts and rights of an application: no other table refers to it"
        for id, table in rights.items()
        if table.name.lower() in named - referred
    }


def _meant(column: str) -> tuple[str, ...]:
    """Return the names of tables that a column such as `user_id` may refer to without declaring it."""
    parts = words(column)
    if len(parts) < 2 or parts[-1] not in ("id", "no", "key", "uuid"):
        return ()
    return (parts[-2], f"{parts[-2]}s", "_".join(parts[:-1]), f"{'_'.join(parts[:-1])}s")


def _has_password(table: Table) -> bool:
    return any(PASSWORD.fullmatch(column.name) for column in table.columns)


def is_intermediate(name: str, folder: str = "") -> bool:
    """Return True for a model of a dbt project that others are computed from, by its name or its folder."""
    parts = words(name)
    return bool(parts and parts[0] in MODEL_STAGING) or bool({*words(folder)} & MODEL_STAGING)
