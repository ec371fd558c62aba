"""What a table has that the pipeline, or the bootstrap, does not make: for the published table, and for audit records."""

from __future__ import annotations

FIRST_OWN_OID = 16384
"""The first number of what was not there when the server was made (FirstNormalObjectId in PostgreSQL's source)."""

# What a table can have besides its rows, each with the statement that takes it away; empty where nothing but another
# table helps. Indexes on plain columns, keys and NOT NULL evaluate nothing; an expression is evaluated by the planner.
_EVALUATED = """
SELECT 'row security', CASE WHEN relforcerowsecurity OR relrowsecurity THEN
         format('ALTER TABLE %%s NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;', c.oid::regclass) END
FROM pg_class c WHERE c.oid = %(table)s AND (relrowsecurity OR relforcerowsecurity)
UNION ALL
SELECT 'the policy ' || polname, format('DROP POLICY %%I ON %%s;', polname, polrelid::regclass)
FROM pg_policy WHERE polrelid = %(table)s
UNION ALL
SELECT 'the rule ' || rulename, format('DROP RULE %%I ON %%s;', rulename, ev_class::regclass)
FROM pg_rewrite WHERE ev_class = %(table)s
UNION ALL
SELECT 'the trigger ' || tgname, format('DROP TRIGGER %%I ON %%s;', tgname, tgrelid::regclass)
FROM pg_trigger WHERE tgrelid = %(table)s AND NOT tgisinternal
UNION ALL
SELECT 'the constraint ' || conname, format('ALTER TABLE %%s DROP CONSTRAINT %%I CASCADE;', conrelid::regclass, conname)
FROM pg_constraint WHERE conrelid = %(table)s AND contype NOT IN ('n', 'p', 'u')
UNION ALL
SELECT 'the index ' || c.relname, format('DROP INDEX %%s;', c.oid::regclass)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %(table)s AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL OR c.relam >= %(own)s
      OR EXISTS (SELECT FROM unnest(i.indclass::oid[] || i.indcollation::oid[]) AS used WHERE used >= %(own)s))
UNION ALL
SELECT 'a default of the column ' || attname, format('ALTER TABLE %%s ALTER COLUMN %%I DROP DEFAULT;', attrelid::regclass, attname)
FROM pg_attribute WHERE attrelid = %(table)s AND atthasdef AND attgenerated = ''
"""
ATTACHED = f"""{_EVALUATED}
UNION ALL
SELECT 'the statistics ' || stxname, format('DROP STATISTICS %%I.%%I;', stxnamespace::regnamespace::text, stxname)
FROM pg_statistic_ext WHERE stxrelid = %(table)s AND stxexprs IS NOT NULL
UNION ALL
SELECT 'the child ' || inhrelid::regclass, format('ALTER TABLE %%s NO INHERIT %%s;', inhrelid::regclass, inhparent::regclass)
FROM pg_inherits WHERE inhparent = %(table)s
UNION ALL
SELECT 'a place as a part of ' || inhparent::regclass,
       format('ALTER TABLE %%s DETACH PARTITION %%s;', inhparent::regclass, inhrelid::regclass)
FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhrelid = %(table)s AND c.relispartition
UNION ALL
SELECT 'the generated column ' || attname, '' FROM pg_attribute
WHERE attrelid = %(table)s AND (attgenerated <> '' OR attidentity <> '') AND NOT attisdropped
UNION ALL
SELECT 'the column ' || attname || ' of a type or a collation that is not PostgreSQL''s own', ''
FROM pg_attribute a LEFT JOIN pg_type t ON t.oid = a.atttypid
WHERE attrelid = %(table)s AND attnum > 0 AND NOT attisdropped
  AND (atttypid >= %(own)s OR t.typtype IS DISTINCT FROM 'b' OR attcollation <> t.typcollation)
UNION ALL
SELECT 'a form that an ordinary table does not have', '' FROM pg_class
WHERE oid = %(table)s AND (relkind <> 'r' OR relam <> 2 OR relpersistence <> 'p' OR reloftype <> 0)
ORDER BY 1
"""
"""For a table (`table`; `own` is FIRST_OWN_OID): what it has, and the statement that takes it away."""

# Its children and parents, and statistics, are found as what is elsewhere and depends on it.
AUDIT_DRIFT = f"""
SELECT what, 'removed', statement FROM ({_EVALUATED}) AS evaluated (what, statement)
UNION ALL
SELECT 'an identity of the column ' || attname, 'removed',
       format('ALTER TABLE %%s ALTER COLUMN %%I DROP IDENTITY;', attrelid::regclass, attname)
FROM pg_attribute WHERE attrelid = %(table)s AND attidentity <> '' AND attname IN ('number', 'content')
UNION ALL
SELECT 'the primary key', 'restored', format('ALTER TABLE %%s ADD PRIMARY KEY (number);', c.oid::regclass)
FROM pg_class c WHERE c.oid = %(table)s AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary)
UNION ALL
SELECT 'NOT NULL of the column ' || attname, 'restored',
       format('ALTER TABLE %%s ALTER COLUMN %%I SET NOT NULL;', attrelid::regclass, attname)
FROM pg_attribute WHERE attrelid = %(table)s AND attname IN ('number', 'content') AND NOT attnotnull
  -- A primary key makes its column NOT NULL.
  AND (attname = 'content' OR EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND indisprimary))
UNION ALL
SELECT 'permanence', 'restored', format('ALTER TABLE %%s SET LOGGED;', oid::regclass)
FROM pg_class WHERE oid = %(table)s AND relpersistence <> 'p'
UNION ALL
SELECT 'a type of the table', 'removed', format('ALTER TABLE %%s NOT OF;', oid::regclass)
FROM pg_class WHERE oid = %(table)s AND reloftype <> 0
UNION ALL
SELECT 'an access method that is not heap', 'named', format('ALTER TABLE %%s SET ACCESS METHOD heap;', oid::regclass)
FROM pg_class WHERE oid = %(table)s AND relam <> 2
UNION ALL
SELECT 'the column ' || attname, 'named', format('ALTER TABLE %%s DROP COLUMN %%I CASCADE;', attrelid::regclass, attname)
FROM pg_attribute
WHERE attrelid = %(table)s AND attnum > 0 AND NOT attisdropped AND attname NOT IN ('number', 'content')
UNION ALL
SELECT 'another type of the column ' || attname, 'named',
       format('ALTER TABLE %%s ALTER COLUMN %%I TYPE %%s USING %%I::text::%%s;', attrelid::regclass, attname, type, attname, type)
FROM pg_attribute JOIN (VALUES ('number', 'bigint'), ('content', 'json')) AS right_one (name, type) ON attname = name
WHERE attrelid = %(table)s AND atttypid <> type::regtype AND attgenerated = ''
UNION ALL
SELECT 'the generated column ' || attname, 'named',
       format('ALTER TABLE %%s RENAME TO %%I;', attrelid::regclass, 'record~' || attrelid::bigint)
FROM pg_attribute WHERE attrelid = %(table)s AND attgenerated <> '' AND attname IN ('number', 'content')
ORDER BY 1
"""
"""For the table of audit records: what it has or lacks, whether that is removed, restored or named, and the statement."""
