"""Reads the actual state of one product from PostgreSQL's system catalogs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import psycopg

from meshwright.access.targets.postgres.actual import (
    MEMBERSHIP_OPTIONS,
    Actual,
    DefaultPrivilege,
    DefinerFunction,
    EventTrigger,
    Grant,
    Mark,
    Membership,
    Opened,
    OutsideObject,
    Role,
    SchemaObject,
    SchemaRelation,
    Type,
)
from meshwright.access.targets.postgres.names import MARK, Names
from meshwright.access.targets.postgres.outside_query import OUTSIDE
from meshwright.access.targets.postgres.table_shape import AUDIT_DRIFT, FIRST_OWN_OID

# Everything below is read with a search_path of pg_catalog alone: names need no schema, and identities have one.

_ROLES = """
SELECT oid::bigint, rolname, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
FROM pg_roles ORDER BY rolname
"""

# Without those in roles that lead to nothing here, such as the readers of the server's other products.
_MEMBERSHIPS = """
SELECT m.roleid::bigint, m.member::bigint, m.grantor::bigint, m.admin_option, {options}
FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
WHERE r.rolcanlogin OR r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
   OR r.oid < 16384 OR r.oid = ANY(%(leading)s::oid[]) OR starts_with(r.rolname, %(prefix)s)
   OR r.oid IN (SELECT member FROM pg_auth_members)
ORDER BY m.roleid, m.member, m.grantor
"""

_DATABASE_OWNER = """
SELECT r.oid::bigint, d.datdba::bigint, d.datdba::bigint, false, true, true
FROM pg_database d JOIN pg_roles r ON r.rolname = 'pg_database_owner'
WHERE d.datname = current_database()
"""

_SCHEMAS = "SELECT nspname, nspowner::bigint FROM pg_namespace WHERE nspname = ANY(%(schemas)s)"

_RELATIONS = """
SELECT c.oid::bigint, n.nspname, c.relname, c.relkind::text, c.relowner::bigint, coalesce(columns.list, '[]'),
  -- Other private views may be dropped meanwhile, by a publication.
  CASE WHEN c.relkind = 'v' AND (n.nspname = %(schema)s OR c.relname = %(dataset)s OR EXISTS (
      SELECT FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
      JOIN pg_class u ON u.oid = r.ev_class JOIN pg_namespace un ON un.oid = u.relnamespace
      WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND un.nspname = %(schema)s
  )) THEN json_build_object(
    'definition', pg_get_viewdef(c.oid),
    'options', (SELECT array_agg(option ORDER BY option) FROM unnest(c.reloptions) AS option),
    'columns', columns.list,
    'row security', c.relrowsecurity,
    'rules', (SELECT array_agg(ARRAY[rulename::text, ev_type::text, ev_enabled::text, is_instead::text] ORDER BY rulename)
              FROM pg_rewrite WHERE ev_class = c.oid),
    'triggers', (SELECT array_agg(tgname ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid),
    'defaults', (SELECT count(*) FROM pg_attrdef WHERE adrelid = c.oid),
    -- A definition does not show a cast that is taken by itself; what the view depends on does.
    'uses', (SELECT array_agg(DISTINCT ARRAY[d.refclassid::bigint, d.refobjid::bigint, d.refobjsubid])
             FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
             WHERE r.ev_class = c.oid AND NOT (d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid))
  )::text END
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT json_agg(json_build_array(attname, format_type(atttypid, atttypmod), attcollation::bigint)
                  ORDER BY attnum) AS list
  FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
) AS columns
WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S')
  AND starts_with(c.relname, %(start)s)
ORDER BY n.nspname, c.relname
"""

_GRANTS = """
SELECT kind, schema, object, oid::bigint, col, owner::bigint,
       a.grantor::bigint, a.grantee::bigint, a.privilege_type, a.is_grantable
FROM (
  SELECT 'SCHEMA' AS kind, nspname AS schema, nspname::text AS object, oid, '' AS col,
         nspowner AS owner, coalesce(nspacl, acldefault('n', nspowner)) AS acl
  FROM pg_namespace
  UNION ALL
  SELECT 'TABLE', nspname, c.relname, c.oid, '', relowner,
         coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, relowner))
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'v', 'm', 'f', 'p', 'S')
  UNION ALL
  SELECT 'COLUMN', nspname, c.relname, c.oid, attname, relowner, attacl
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute ON attrelid = c.oid
  WHERE attacl IS NOT NULL
  UNION ALL
  SELECT 'FUNCTION', nspname, (pg_identify_object('pg_proc'::regclass, p.oid, 0)).identity, p.oid, '', proowner,
         coalesce(proacl, acldefault('f', proowner))
  FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
  WHERE nspname = ANY(%(schemas)s)
) AS o CROSS JOIN LATERAL aclexplode(o.acl) AS a
WHERE schema = ANY(%(schemas)s) AND a.grantee <> o.owner
ORDER BY kind, schema, object, col, grantee, privilege_type
"""

# What the server or an extension closes when it is installed, such as files, statistics and passwords, is what
# pg_init_privs has; every grant beyond that opens it.
_OPENED = """
WITH closed AS (
  SELECT i.classoid, i.objoid, i.objsubid, i.initprivs FROM pg_init_privs i
  WHERE i.classoid IN ('pg_proc'::regclass, 'pg_class'::regclass)
),
now AS (
  SELECT 'FUNCTION' AS kind, format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS object,
         '' AS col, p.proowner AS owner, coalesce(p.proacl, acldefault('f', p.proowner)) AS acl, c.initprivs
  FROM closed c JOIN pg_proc p ON c.classoid = 'pg_proc'::regclass AND p.oid = c.objoid
  JOIN pg_namespace n ON n.oid = p.pronamespace
  UNION ALL
  SELECT 'TABLE', format('%%I.%%I', n.nspname, r.relname), '', r.relowner,
         coalesce(r.relacl, acldefault(CASE r.relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, r.relowner)), c.initprivs
  FROM closed c JOIN pg_class r ON c.classoid = 'pg_class'::regclass AND r.oid = c.objoid AND c.objsubid = 0
  JOIN pg_namespace n ON n.oid = r.relnamespace
  UNION ALL
  SELECT 'TABLE', format('%%I.%%I', n.nspname, r.relname), quote_ident(t.attname), r.relowner, t.attacl,
         -- What all of the table was open for, its columns are, too.
         (SELECT array_agg(item) FROM closed c CROSS JOIN LATERAL unnest(c.initprivs) AS item
          WHERE c.classoid = 'pg_class'::regclass AND c.objoid = r.oid AND c.objsubid IN (0, t.attnum))
  FROM (SELECT DISTINCT objoid FROM closed WHERE classoid = 'pg_class'::regclass) AS known
  JOIN pg_class r ON r.oid = known.objoid JOIN pg_namespace n ON n.oid = r.relnamespace
  JOIN pg_attribute t ON t.attrelid = r.oid AND t.attacl IS NOT NULL
  {parameters}
)
SELECT kind, object, col, a.grantee::bigint, a.privilege_type
FROM now CROSS JOIN LATERAL aclexplode(now.acl) AS a
WHERE a.grantee <> now.owner AND NOT EXISTS (
  SELECT FROM aclexplode(now.initprivs) AS i
  WHERE i.grantee IN (a.grantee, 0) AND i.privilege_type = a.privilege_type
)
ORDER BY 1, 2, 3, 4, 5
"""

_PARAMETERS = """UNION ALL
  SELECT 'PARAMETER', quote_ident(parname), '', 10, paracl, NULL FROM pg_parameter_acl"""
PARAMETER_PRIVILEGES = 150000
"""The first version of PostgreSQL in which a superuser can let others set a parameter of the server."""

_DEFAULT_PRIVILEGES = """
SELECT d.defaclrole::bigint, coalesce(n.nspname, ''), d.defaclobjtype::text, a.grantee::bigint, a.privilege_type
FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
CROSS JOIN LATERAL aclexplode(d.defaclacl) AS a
WHERE (n.nspname = ANY(%(schemas)s) OR (d.defaclnamespace = 0 AND d.defaclrole::regrole = ANY(
         SELECT oid::regrole FROM pg_roles WHERE rolname = ANY(%(own)s))))
  AND a.grantee <> d.defaclrole
UNION ALL
-- What nobody ever changed is as PostgreSQL has it: everybody may call a function. The bootstrap takes that away.
SELECT r.oid::bigint, '', 'f', a.grantee::bigint, a.privilege_type
FROM pg_roles r CROSS JOIN LATERAL aclexplode(acldefault('f', r.oid)) AS a
WHERE r.rolname = ANY(%(own)s) AND a.grantee <> r.oid AND NOT EXISTS (
  SELECT FROM pg_default_acl d WHERE d.defaclrole = r.oid AND d.defaclnamespace = 0 AND d.defaclobjtype = 'f')
ORDER BY 1, 2, 3, 4, 5
"""

# Every object in a schema depends on the schema, so no kind of object is overlooked.
_OBJECTS = """
SELECT n.nspname, d.classid::regclass::text, d.objid::bigint, o.type, o.identity
FROM pg_depend d
JOIN pg_namespace n ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS o
WHERE n.nspname = ANY(%(schemas)s) AND d.classid <> 'pg_default_acl'::regclass
  AND d.classid::regclass::text <> 'pg_publication_namespace'  -- see OUTSIDE
ORDER BY 1, 2, 5
"""

# A rule, a default, a trigger or a constraint stands for its table or view; a row's type for its view, and an array for
# its type. It begins at the product's own objects: a database can have many more.
_DEPENDENTS = """
WITH own AS MATERIALIZED (
  SELECT d.classid AS class, d.objid AS oid
  FROM pg_depend d JOIN pg_namespace n ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
  WHERE n.nspname = ANY(%(schemas)s)
),
used AS MATERIALIZED (
  SELECT class, oid, class AS ref_class, oid AS ref_oid FROM own
  UNION ALL
  SELECT own.class, own.oid, 'pg_type'::regclass, stands.oid
  FROM own JOIN pg_class c ON own.class = 'pg_class'::regclass AND c.oid = own.oid JOIN pg_type t ON t.oid = c.reltype
  CROSS JOIN LATERAL (VALUES (t.oid), (t.typarray)) AS stands (oid)
  UNION ALL
  SELECT own.class, own.oid, own.class, t.typarray
  FROM own JOIN pg_type t ON own.class = 'pg_type'::regclass AND t.oid = own.oid WHERE t.typarray <> 0
),
users AS (
  SELECT u.class, u.oid, coalesce(r.ev_class, a.adrelid, t.tgrelid, nullif(k.conrelid, 0), d.objid) AS user_oid,
         CASE WHEN coalesce(r.ev_class, a.adrelid, t.tgrelid, nullif(k.conrelid, 0)) IS NULL
              THEN d.classid ELSE 'pg_class'::regclass END AS user_class
  FROM used u JOIN pg_depend d ON d.refclassid = u.ref_class AND d.refobjid = u.ref_oid AND d.deptype = 'n'
  LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
  LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
  LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
)
SELECT class::regclass::text, oid::bigint, user_class::regclass::text, user_oid::bigint,
       (pg_identify_object(user_class, user_oid, 0)).identity
FROM (SELECT DISTINCT class, oid, user_class, user_oid FROM users) AS distinct_users
WHERE NOT (user_class = class AND user_oid = oid)
"""

# Of the server's own and of extensions, those who install them answer. An aggregate calls its functions with the
# rights of its owner, so who may call the aggregate need not be able to call them.
_DEFINERS = """
WITH definer AS (
  SELECT p.oid, p.proowner FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.prosecdef AND p.oid >= 16384 AND NOT n.nspname = ANY(%(schemas)s) AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
),
callable AS (
  SELECT oid, proowner AS owner FROM definer
  UNION
  SELECT g.aggfnoid, d.proowner FROM definer d JOIN pg_aggregate g ON d.oid IN (
    g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggserialfn, g.aggdeserialfn, g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn)
)
SELECT p.oid::bigint, o.type, o.identity, c.owner::bigint,
  ARRAY(SELECT a.grantee::bigint FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a),
  ARRAY(SELECT a.grantee::bigint FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
        WHERE a.privilege_type = 'USAGE')
FROM callable c JOIN pg_proc p ON p.oid = c.oid JOIN pg_namespace n ON n.oid = p.pronamespace
CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) AS o
ORDER BY 3
"""

_EVENT_TRIGGERS = """
SELECT quote_ident(e.evtname), p.oid::regprocedure::text, p.proowner::bigint
FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid WHERE e.evtenabled <> 'D' ORDER BY 1
"""

# Only who may create roles can change a comment on one, and so neither the applier nor the pipeline.
_MARKS = """
SELECT rolname, mark ->> 'product', mark ->> 'database' FROM pg_roles
CROSS JOIN LATERAL (SELECT substring(shobj_description(oid, 'pg_authid') FROM %(mark)s)::json AS mark) AS comment
WHERE rolname = ANY(%(own)s) AND mark IS NOT NULL ORDER BY 1
"""

_TYPES = """
WITH RECURSIVE type AS (
  SELECT a.attnum, a.attname, a.atttypid AS oid, a.atttypmod AS modifier
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = %(private)s AND c.relname = %(dataset)s AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT type.attnum, type.attname, t.typbasetype, t.typtypmod
  FROM type JOIN pg_type t ON t.oid = type.oid AND t.typtype = 'd'
)
SELECT attname, format_type(type.oid, modifier), format_type(type.oid, NULL)
FROM type JOIN pg_type t ON t.oid = type.oid AND t.typtype <> 'd' ORDER BY attnum
"""

_PUBLISHED = """
SELECT has_schema_privilege(n.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(private)s AND c.relname = %(dataset)s AND c.relkind IN ('v', 'r', 'm', 'p', 'f')
"""


def read_actual(connection: psycopg.Connection[Any], names: Names) -> Actual:
    """Return the actual state, as the current role can read it."""
    parameters: dict[str, Any] = {
        "schemas": list(names.schemas),
        "schema": names.schema,
        "private": names.private,
        "audit": names.audit,
        "dataset": names.dataset,
        "own": [names.access, names.pipeline],
        "prefix": names.reader_prefix,
        "mark": MARK,
    }

    def rows(query: str) -> list[Any]:
        return connection.execute(query, parameters).fetchall()

    version = connection.info.server_version
    roles = [Role(*row) for row in connection.execute(_ROLES)]
    published = rows(_PUBLISHED)
    relations = read_relations(connection, names)
    dependents: dict[tuple[str, int], set[tuple[str, int, str]]] = defaultdict(set)
    for catalog, oid, dependent_catalog, dependent, identity in rows(_DEPENDENTS):
        dependents[catalog, oid].add((dependent_catalog, dependent, identity))
    opened = rows(_OPENED.replace("{parameters}", _PARAMETERS if version >= PARAMETER_PRIVILEGES else ""))
    actual = Actual(
        names=names,
        version=version,
        database=rows("SELECT current_database()")[0][0],
        roles={role.oid: role for role in roles},
        memberships=(),
        schemas=dict(rows(_SCHEMAS)),
        relations=relations,
        audit_drift=_audit_drift(connection, names, relations),
        grants=tuple(Grant(*row) for row in rows(_GRANTS)),
        default_privileges=tuple(DefaultPrivilege(*row) for row in rows(_DEFAULT_PRIVILEGES)),
        objects=tuple(SchemaObject(*row) for row in rows(_OBJECTS)),
        dependents={key: frozenset(value) for key, value in dependents.items()},
        outside=tuple(OutsideObject(*row) for row in rows(OUTSIDE)),
        definers=tuple(
            DefinerFunction(oid, kind, identity, owner, tuple(execute), tuple(usage))
            for oid, kind, identity, owner, execute, usage in rows(_DEFINERS)
        ),
        event_triggers=tuple(EventTrigger(*row) for row in rows(_EVENT_TRIGGERS)),
        marks=tuple(Mark(*row) for row in rows(_MARKS)),
        opened=tuple(Opened(*row) for row in opened),
        types={name: Type(full, base) for name, full, base in rows(_TYPES)},
        published=bool(published),
        can_enter=bool(published and published[0][0]),
        can_read=bool(published and published[0][1]),
        by_name={role.name: role for role in roles},
    )
    options = "m.inherit_option, m.set_option" if version >= MEMBERSHIP_OPTIONS else "true, true"
    parameters["leading"] = sorted(_leading(actual))
    memberships = [Membership(*row) for row in rows(_MEMBERSHIPS.format(options=options))]
    # No catalog has this one: it follows from who owns the database.
    memberships += [Membership(*row) for row in rows(_DATABASE_OWNER)]
    return replace(actual, memberships=tuple(memberships))


def _audit_drift(
    connection: psycopg.Connection[Any], names: Names, relations: Mapping[int, SchemaRelation]
) -> tuple[tuple[str, str, str], ...]:
    record = [
        oid for oid, entry in relations.items() if (entry.schema, entry.name) == (names.audit, "record")
    ]
    if not record:
        return ()
    return tuple(connection.execute(AUDIT_DRIFT, {"table": record[0], "own": FIRST_OWN_OID}))


def _leading(actual: Actual) -> set[int]:
    """Return the roles that own something of the product's, or may do something there or with the server."""
    return {
        *actual.schemas.values(),
        *(relation.owner for relation in actual.relations.values()),
        *(role for grant in actual.grants for role in (grant.owner, grant.grantor, grant.grantee)),
        *(role for entry in actual.default_privileges for role in (entry.role, entry.grantee)),
        *(entry.role for entry in actual.outside),
        *(entry.grantee for entry in actual.opened),
        *(role for entry in actual.definers for role in (entry.owner, *entry.execute, *entry.usage)),
        *(entry.owner for entry in actual.event_triggers),
    }


def read_relations(
    connection: psycopg.Connection[Any], names: Names, start: str = ""
) -> dict[int, SchemaRelation]:
    """Return the tables, views and the like in the product's schemas whose names start with `start`, by oid."""
    parameters = {
        "schemas": list(names.schemas),
        "schema": names.schema,
        "dataset": names.dataset,
        "start": start,
    }
    return {
        oid: SchemaRelation(oid, schema, name, kind, owner, tuple(tuple(column) for column in columns), shape)
        for oid, schema, name, kind, owner, columns, shape in connection.execute(_RELATIONS, parameters)
    }
