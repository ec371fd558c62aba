"""The SQL that an administrator of the database runs once for a product, and again when the policy gets a role."""

from __future__ import annotations

from collections.abc import Iterable

from meshwright.access.grants import Refused
from meshwright.access.targets.postgres.actual import MEMBERSHIP_OPTIONS, NO_ATTRIBUTES
from meshwright.access.targets.postgres.audit_table import COLUMNS
from meshwright.access.targets.postgres.names import MARK, Names, display_text, is_role_name
from meshwright.core.sql.postgres import identifier, literal


def bootstrap(schema: str, roles: Iterable[str], logins: Iterable[str] = (), product: str = "") -> str:
    """Return idempotent SQL for psql, run by a superuser: schemas, roles and default privileges of one product.

    It ends with an error, and changes nothing, where a schema or a login of these names is something else's.

    `roles`: of the policy. `logins`: of principals, created where they are missing and otherwise left as they are.
    `product`: `<domain>/<name>`, with which its logins are marked; empty: they are not.
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
        _refuse_others_schemas(names),
        _refuse_others_roles(names, readers, product),
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
        *[mark_role(name, product) for name in (names.pipeline, names.access) if product],
        "COMMIT;",
    ]
    return "\n".join(lines) + "\n"


def _do(body: str, declared: str = "") -> str:
    tag = "$do$"
    while tag in body:
        tag = f"${'do' + tag.strip('$')}$"
    return f"DO {tag} {declared}BEGIN {body} END {tag};"


def _refuse_others_schemas(names: Names) -> str:
    expected = ", ".join(
        f"({literal(schema)}, {literal(owner)})"
        for schema, owner in (
            (names.schema, names.access),
            (names.private, names.pipeline),
            (names.audit, names.access),
        )
    )
    return _do(
        f"FOR entry IN SELECT nspname, pg_get_userbyid(nspowner) AS actual, owner FROM pg_namespace "
        f"JOIN (VALUES {expected}) AS expected (schema, owner) ON schema = nspname WHERE pg_get_userbyid(nspowner) <> owner "
        "LOOP RAISE EXCEPTION 'The schema % belongs to %, and not to %; nothing was changed.', "
        "entry.nspname, entry.actual, entry.owner USING HINT = 'If it is something else''s, give the port another `schema` "
        "in data-product.yaml. If it is this product''s, run ' || format('ALTER SCHEMA %I OWNER TO %I;', entry.nspname, "
        "entry.owner) || ' and this again.'; END LOOP;",
        "DECLARE entry record; ",
    )


def _refuse_others_roles(names: Names, readers: list[str], product: str) -> str:
    """Return SQL that ends with an error if a role is marked as another product's, or is used in another database."""
    logins = ", ".join(map(literal, (names.pipeline, names.access)))
    every = ", ".join(map(literal, (names.pipeline, names.access, *readers)))
    hint = (
        "USING HINT = 'A schema is one product''s, in one database of a server: give the port another `schema` in "
        "data-product.yaml."
    )
    marked = (
        f"FOR entry IN SELECT rolname, mark ->> 'product' AS product, mark ->> 'database' AS database FROM pg_roles CROSS JOIN "
        f"LATERAL (SELECT substring(shobj_description(oid, 'pg_authid') FROM {literal(MARK)})::json AS mark) AS comment "
        f"WHERE rolname IN ({logins}) AND (mark ->> 'product' <> {literal(product)} "
        "OR mark ->> 'database' <> current_database()) LOOP "
        "RAISE EXCEPTION 'The role % is the product %''s in the database %; nothing was changed.', entry.rolname, "
        f"entry.product, entry.database {hint} If that was renamed, run ' "
        "|| format('COMMENT ON ROLE %I IS NULL;', entry.rolname) || ' and this again.'; END LOOP; "
    )
    used = (
        "FOR entry IN SELECT DISTINCT r.rolname, d.datname FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid "
        f"JOIN pg_roles r ON s.refclassid = 'pg_authid'::regclass AND r.oid = s.refobjid WHERE r.rolname IN ({every}) "
        "AND d.datname <> current_database() LOOP "
        "RAISE EXCEPTION 'The role % owns or may use something in the database %; nothing was changed.', entry.rolname, "
        f"entry.datname {hint} If the product has moved here, run ' "
        "|| format('DROP OWNED BY %I;', entry.rolname) || ' in that database, and this again.'; END LOOP;"
    )
    superuser = (
        f"FOR entry IN SELECT rolname FROM pg_roles WHERE rolsuper AND rolname IN ({every}) LOOP "
        "RAISE EXCEPTION 'The role % is a superuser, and so no product''s; nothing was changed.', entry.rolname "
        f"{hint} If it is this product''s, run ' || format('ALTER ROLE %I NOSUPERUSER;', entry.rolname) || ' and this again.'; "
        "END LOOP; "
    )
    return _do((marked if product else "") + superuser + used, "DECLARE entry record; ")


def mark_role(role: str, product: str) -> str:
    """Return idempotent SQL that writes on a role whose it is, behind what its comment says already."""
    return _do(
        f"comment := shobj_description({literal(identifier(role))}::regrole, 'pg_authid'); IF comment ~ {literal(MARK)} IS NOT "
        f"TRUE THEN comment := concat_ws(' ', comment, 'meshwright ' || json_build_object('product', {literal(product)}, "
        f"'database', current_database())); EXECUTE format('COMMENT ON ROLE %I IS %L', {literal(role)}, comment); END IF;",
        "DECLARE comment text; ",
    )


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
