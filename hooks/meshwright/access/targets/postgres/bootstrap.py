"""The SQL that an administrator of the database runs once for a product, and again when the policy gets a role."""

from __future__ import annotations

from collections.abc import Iterable

from meshwright.access.grants import Refused
from meshwright.access.targets.postgres.actual import MEMBERSHIP_OPTIONS, NO_ATTRIBUTES
from meshwright.access.targets.postgres.audit_table import COLUMNS
from meshwright.access.targets.postgres.names import Names, display_text, is_role_name
from meshwright.core.sql.postgres import identifier, literal


def bootstrap(schema: str, roles: Iterable[str], logins: Iterable[str] = ()) -> str:
    """Return idempotent SQL for psql, run by a superuser: schemas, roles and default privileges of one product.

    `roles`: of the policy. `logins`: of principals, created where they are missing and otherwise left as they are.
    Raises Refused for a name that PostgreSQL does not take.
    """
    names = Names(schema)
    readers = [names.reader(role) for role in roles]
    people = sorted(set(logins))
    for login in people:
        own = (names.access, names.pipeline)
        if not is_role_name(login) or login in own or login.startswith(names.reader_prefix):
            raise Refused(
                f"Nobody can have the login {display_text(login)}.",
                "Give the principal another one in the directory.",
            )
    access, pipeline = identifier(names.access), identifier(names.pipeline)
    own_schema, private, audit = (identifier(name) for name in names.schemas)
    lines = [
        "-- Run as a superuser, on the product's database; running it again changes nothing that is right.",
        "BEGIN;",
        "SET LOCAL search_path = pg_catalog, pg_temp;",
        *[_role(name, "LOGIN") for name in (names.pipeline, names.access)],
        *[_role(name, "NOLOGIN") for name in readers],
        *[_missing(login) for login in people],
        *[
            _schema(name, owner)
            for name, owner in ((own_schema, access), (private, pipeline), (audit, access))
        ],
        f"GRANT USAGE ON SCHEMA {private} TO {access};",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {private} TO {access};",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {pipeline} IN SCHEMA {private} GRANT SELECT ON TABLES TO {access};",
        # For a schema alone this could not be taken away.
        *[
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {role} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;"
            for role in (pipeline, access)
        ],
        f"CREATE TABLE IF NOT EXISTS {audit}.record {COLUMNS};",
        f"ALTER TABLE {audit}.record OWNER TO {access};",
        f"REVOKE ALL ON TABLE {audit}.record FROM PUBLIC;",
        *[_administered(name, names.access) for name in readers],
        "COMMIT;",
    ]
    return "\n".join(lines) + "\n"


def _do(body: str) -> str:
    tag = "$do$"
    while tag in body:
        tag = f"${'do' + tag.strip('$')}$"
    return f"DO {tag} BEGIN {body} END {tag};"


def _missing(role: str, kind: str = "LOGIN") -> str:
    return _do(
        f"IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {literal(role)}) THEN "
        f"CREATE ROLE {identifier(role)} {kind} {NO_ATTRIBUTES}; END IF;"
    )


def _role(role: str, kind: str) -> str:
    login = "rolcanlogin" if kind == "NOLOGIN" else "NOT rolcanlogin"
    more = f"{login} OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls"
    return (
        _missing(role, kind)
        + "\n"
        + _do(
            f"IF EXISTS (SELECT FROM pg_roles WHERE rolname = {literal(role)} AND ({more})) THEN "
            f"ALTER ROLE {identifier(role)} {kind} {NO_ATTRIBUTES}; END IF;"
        )
    )


def _schema(schema: str, owner: str) -> str:
    return (
        f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner};\n"
        f"ALTER SCHEMA {schema} OWNER TO {owner};\n"
        f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC;"
    )


def _administered(reader: str, access: str) -> str:
    # The applier names who reads; from PostgreSQL 16 on it need not be able to read as they do.
    grant = f"GRANT {identifier(reader)} TO {identifier(access)} WITH"
    exact = literal(f"{grant} ADMIN TRUE, INHERIT FALSE, SET FALSE")
    plain = literal(f"{grant} ADMIN OPTION")
    return _do(
        f"IF current_setting('server_version_num')::integer >= {MEMBERSHIP_OPTIONS} THEN EXECUTE {exact}; "
        f"ELSE EXECUTE {plain}; END IF;"
    )
