"""The query for objects outside of a product's schemas that lead to its data, or that its roles own or may use."""

from __future__ import annotations

# Whatever depends on one of the product's relations is a way to it, of whatever kind: views, rules and functions run
# with their owner's rights, and a foreign key says which values there are. What is on a relation (`home`) is where that
# is. It begins at the product's own relations: a database can have many more.
OUTSIDE = """
WITH own AS (SELECT oid, nspname FROM pg_namespace WHERE nspname = ANY(%(schemas)s)),
me AS (SELECT oid FROM pg_database WHERE datname = current_database()),
machinery AS (SELECT oid FROM pg_roles WHERE rolname = ANY(%(own)s)),
readers AS (SELECT oid FROM pg_roles WHERE starts_with(rolname, %(prefix)s)),
dependent AS MATERIALIZED (
  SELECT CASE WHEN r.rulename = '_RETURN' THEN 'pg_class'::regclass ELSE d.classid END AS class,
         CASE WHEN r.rulename = '_RETURN' THEN r.ev_class ELSE d.objid END AS oid,
         bool_and(u.relnamespace IN (SELECT oid FROM own WHERE nspname = %(schema)s)) AS only_views,
         coalesce(r.ev_class, a.adrelid, t.tgrelid, nullif(k.conrelid, 0), p.polrelid,
                  CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid END) AS home,
         coalesce(r.rulename, t.tgname, k.conname, p.polname, (
           SELECT attname FROM pg_attribute WHERE attrelid = a.adrelid AND attnum = a.adnum)) AS name
  FROM pg_class u JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = u.oid
  LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
  LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
  LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
  LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
  WHERE u.relnamespace IN (SELECT oid FROM own) AND d.deptype <> 'i' AND d.classid <> 'pg_publication_rel'::regclass
    AND coalesce(k.conparentid, 0) = 0
  GROUP BY 1, 2, 4, 5
)
SELECT CASE WHEN d.only_views THEN 'reads views' ELSE 'reads' END,
       coalesce(h.relowner, s.refobjid, 10)::bigint, o.type, o.identity,
       CASE d.class
         WHEN 'pg_class'::regclass THEN
           CASE h.relkind WHEN 'S' THEN format('ALTER SEQUENCE %%s OWNED BY NONE;', d.home::regclass) ELSE '' END
         WHEN 'pg_rewrite'::regclass THEN format('DROP RULE %%I ON %%s CASCADE;', d.name, d.home::regclass)
         WHEN 'pg_trigger'::regclass THEN format('DROP TRIGGER %%I ON %%s CASCADE;', d.name, d.home::regclass)
         WHEN 'pg_policy'::regclass THEN format('DROP POLICY %%I ON %%s;', d.name, d.home::regclass)
         WHEN 'pg_constraint'::regclass THEN format('ALTER TABLE %%s DROP CONSTRAINT %%I CASCADE;', d.home::regclass, d.name)
         WHEN 'pg_attrdef'::regclass THEN format('ALTER TABLE %%s ALTER COLUMN %%I DROP DEFAULT;', d.home::regclass, d.name)
         ELSE '' END
FROM dependent d LEFT JOIN pg_class h ON h.oid = d.home
CROSS JOIN LATERAL pg_identify_object(d.class, d.oid, 0) AS o
LEFT JOIN pg_shdepend s ON s.dbid = (SELECT oid FROM me) AND s.classid = d.class AND s.objid = d.oid AND s.deptype = 'o'
WHERE coalesce(h.relnamespace NOT IN (SELECT oid FROM own), true)
  AND coalesce(o.schema <> ALL(%(schemas)s) AND o.schema NOT LIKE 'pg\\_toast%%', true)
  -- Tables depend on tables by inheritance alone, which is below.
  AND NOT (d.class = 'pg_class'::regclass AND h.relkind IN ('r', 'p', 'f'))
UNION
-- Of the tables in the private schema alone, see `published`.
SELECT why, CASE why WHEN 'adds' THEN c.relowner ELSE p.relowner END::bigint, 'table',
       CASE why WHEN 'adds' THEN c.oid ELSE p.oid END::regclass::text,
       CASE p.relkind WHEN 'p' THEN format('ALTER TABLE %%s DETACH PARTITION %%s;', p.oid::regclass, c.oid::regclass)
         ELSE format('ALTER TABLE %%s NO INHERIT %%s;', c.oid::regclass, p.oid::regclass) END
FROM (
  SELECT i.inhparent, i.inhrelid FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
  WHERE c.relnamespace IN (SELECT oid FROM own)
  UNION
  SELECT i.inhparent, i.inhrelid FROM pg_class p JOIN pg_inherits i ON i.inhparent = p.oid
  WHERE p.relnamespace IN (SELECT oid FROM own)
) AS i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
CROSS JOIN LATERAL (
  SELECT CASE WHEN c.relnamespace NOT IN (SELECT oid FROM own) OR p.relname = 'record' AND p.relnamespace IN (
    SELECT oid FROM own WHERE nspname = %(audit)s) THEN 'adds' ELSE 'inherits' END AS why) AS way
WHERE p.relkind IN ('r', 'p', 'f')
  AND NOT (p.relnamespace = c.relnamespace AND p.relnamespace IN (SELECT oid FROM own WHERE nspname = %(private)s))
UNION
SELECT 'sent', p.pubowner::bigint, 'publication', quote_ident(p.pubname), format('DROP PUBLICATION %%I;', p.pubname)
FROM pg_publication p WHERE p.puballtables
UNION
SELECT 'sent', p.pubowner::bigint, 'publication', quote_ident(p.pubname),
       format('ALTER PUBLICATION %%I DROP TABLE %%s;', p.pubname, c.oid::regclass)
FROM pg_class c JOIN pg_publication_rel pr ON pr.prrelid = c.oid JOIN pg_publication p ON p.oid = pr.prpubid
WHERE c.relnamespace IN (SELECT oid FROM own)
UNION
-- What publishes all of a schema (pg_publication_namespace, from PostgreSQL 15 on). Nobody needs that of the views or the audit.
SELECT CASE own.nspname WHEN %(private)s THEN 'sent' ELSE 'sent at all' END,
       p.pubowner::bigint, 'publication', quote_ident(p.pubname),
       format('ALTER PUBLICATION %%I DROP TABLES IN SCHEMA %%I;', p.pubname, own.nspname)
FROM own JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = own.oid
JOIN pg_depend e ON e.classid = d.classid AND e.objid = d.objid AND e.refclassid = 'pg_publication'::regclass
JOIN pg_publication p ON p.oid = e.refobjid
UNION
-- Who drops an extension drops its members. One that is itself in our schemas goes as a whole.
SELECT 'member', e.extowner::bigint, o.type, o.identity,
       CASE WHEN e.extnamespace IN (SELECT oid FROM own) THEN ''
         ELSE format('ALTER EXTENSION %%I DROP %%s %%s;', e.extname, upper(o.type), o.identity) END
FROM (
  SELECT 'pg_namespace'::regclass AS class, oid FROM own
  UNION ALL
  SELECT d.classid, d.objid FROM own JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = own.oid
) AS ours
JOIN pg_depend m ON m.classid = ours.class AND m.objid = ours.oid AND m.deptype = 'e'
JOIN pg_extension e ON m.refclassid = 'pg_extension'::regclass AND e.oid = m.refobjid
CROSS JOIN LATERAL pg_identify_object(ours.class, ours.oid, 0) AS o
UNION
SELECT CASE WHEN s.dbid NOT IN (0, me.oid) THEN 'elsewhere' WHEN s.deptype = 'o' AND u.umid IS NULL THEN 'owned' ELSE 'granted' END,
       s.refobjid::bigint,
       CASE WHEN s.dbid IN (0, me.oid) THEN o.type ELSE 'database' END,
       CASE WHEN s.dbid IN (0, me.oid) THEN o.identity ELSE quote_ident(other.datname) END,
       CASE
         WHEN u.umid IS NOT NULL THEN format('DROP USER MAPPING FOR %%I SERVER %%I;', u.usename, u.srvname)
         WHEN a.oid IS NOT NULL THEN
           format('ALTER DEFAULT PRIVILEGES FOR ROLE %%I%%s REVOKE ALL ON %%s FROM %%I;', pg_get_userbyid(a.defaclrole),
             (SELECT format(' IN SCHEMA %%I', nspname) FROM pg_namespace n WHERE n.oid = a.defaclnamespace),
             CASE a.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
               WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
             pg_get_userbyid(s.refobjid))
         ELSE '' END
FROM pg_shdepend s CROSS JOIN me
LEFT JOIN pg_database other ON other.oid = s.dbid
LEFT JOIN pg_user_mappings u ON s.dbid = me.oid AND s.classid = 'pg_user_mapping'::regclass AND u.umid = s.objid
LEFT JOIN pg_default_acl a ON s.dbid = me.oid AND s.classid = 'pg_default_acl'::regclass AND a.oid = s.objid
LEFT JOIN LATERAL pg_identify_object(s.classid, s.objid, 0) AS o ON s.dbid IN (0, me.oid)
WHERE s.refclassid = 'pg_authid'::regclass
  AND (s.refobjid IN (SELECT oid FROM readers) AND s.deptype IN ('a', 'o')
       OR s.refobjid IN (SELECT oid FROM machinery) AND s.deptype = 'o' AND u.umid IS NULL)
  -- Many kinds of objects have no schema, and so NULL for one.
  AND NOT coalesce(s.dbid = me.oid AND (
        coalesce(o.schema = ANY(%(schemas)s) OR o.schema LIKE 'pg\\_temp\\_%%' OR o.schema LIKE 'pg\\_toast%%', false)
        OR s.classid = 'pg_namespace'::regclass AND s.objid IN (SELECT oid FROM own)
        -- What a role of ours creates is ours; in our schemas and everywhere, it is looked at with the default privileges.
        OR a.oid IS NOT NULL AND (s.deptype = 'o' OR a.defaclrole IN (SELECT oid FROM machinery)
                                  OR a.defaclnamespace IN (SELECT oid FROM own))), false)
  AND s.classid <> 'pg_auth_members'::regclass
ORDER BY 1, 4, 5
"""
