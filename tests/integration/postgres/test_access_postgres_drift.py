"""What somebody did to a database by hand: found, and healed by one apply, or named with the statement that fixes it."""

from __future__ import annotations

import pytest
from postgres_product import PEOPLE, Product, the_make, the_product, the_server  # noqa: F401  fixtures

# {s}: the product's schema; {ada}, {bob}, {eve}: logins.
HEALED = {
    "a view that shows more": """CREATE OR REPLACE VIEW {s}.masked_eu WITH (security_barrier) AS
        SELECT id, region, email AS email, NULL::date AS born, seen, salary FROM {s}_private.people;""",
    "a view that shows all rows": """DO $$ BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW {s}.masked_eu WITH (security_barrier) AS '
        || replace(pg_get_viewdef('{s}.masked_eu'::regclass), '''EU''', '''EU'', ''US'''); END $$;""",
    "a view that shows a value through a cast that is not seen": """
        CREATE TYPE public.box AS (t text); CREATE FUNCTION public.b(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE CAST (text AS boolean) WITH FUNCTION public.b(text) AS IMPLICIT;
        CREATE OR REPLACE VIEW {s}.full WITH (security_barrier) AS SELECT * FROM {s}_private.people WHERE region;""",
    "a view without its barrier": "ALTER VIEW {s}.masked_eu RESET (security_barrier);",
    "a view that reads as its reader": "ALTER VIEW {s}.full SET (security_invoker = true);",
    "somebody else's view": "GRANT CREATE ON SCHEMA {s} TO {eve}; ALTER VIEW {s}.full OWNER TO {eve};",
    "a rule on a view": "CREATE RULE more AS ON INSERT TO {s}.full DO INSTEAD NOTHING;",
    "a trigger on a view": """CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER t INSTEAD OF UPDATE ON {s}.full FOR EACH ROW EXECUTE FUNCTION public.f();""",
    "a default on a view": "ALTER VIEW {s}.full ALTER COLUMN id SET DEFAULT 7;",
    "a column with another name": "ALTER VIEW {s}.full RENAME COLUMN email TO mail;",
    "a view that is gone": "DROP VIEW {s}.full;",
    "a view more": """CREATE VIEW {s}.more AS SELECT * FROM {s}_private.people; GRANT SELECT ON {s}.more TO PUBLIC;
        ALTER VIEW {s}.more OWNER TO {s}_access;""",
    "somebody else's view more": """GRANT CREATE, USAGE ON SCHEMA {s} TO {eve};
        SET ROLE {eve}; CREATE VIEW {s}.mine AS SELECT 1;""",
    "views on views": """CREATE VIEW {s}.a AS SELECT * FROM {s}.full; CREATE VIEW {s}.b AS SELECT * FROM {s}.a;
        DROP VIEW {s}.masked_eu; CREATE VIEW {s}.masked_eu AS SELECT * FROM {s}.b;""",
    "a function": "CREATE FUNCTION {s}.f(text) RETURNS text LANGUAGE sql AS 'SELECT $1';",
    "a procedure": "CREATE PROCEDURE {s}.p() LANGUAGE sql AS 'SELECT 1';",
    "an operator": """CREATE FUNCTION {s}.e(text, integer) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE OPERATOR {s}.= (leftarg = text, rightarg = integer, function = {s}.e);""",
    "types": "CREATE TYPE {s}.mood AS ENUM ('a'); CREATE DOMAIN {s}.d AS text; CREATE TYPE {s}.c AS (x int);",
    "statistics of columns": """GRANT CREATE ON SCHEMA {s} TO {s}_pipeline; SET ROLE {s}_pipeline;
        CREATE STATISTICS {s}.st ON id, region FROM {s}_private.people__1;""",
    "text search": "CREATE TEXT SEARCH DICTIONARY {s}.d (template = simple); CREATE TEXT SEARCH CONFIGURATION {s}.c (copy = simple);",
    "an aggregate": "CREATE AGGREGATE {s}.a (integer) (sfunc = int4pl, stype = integer);",
    "a collation": 'CREATE COLLATION {s}.c FROM "C";',
    "a type with the name of a view": "DROP VIEW {s}.full; CREATE TYPE {s}.full AS ENUM ('a');",
    "a grant to everybody": "GRANT SELECT ON {s}.full TO PUBLIC; GRANT USAGE ON SCHEMA {s} TO PUBLIC;",
    "a grant of everything": "GRANT ALL ON ALL TABLES IN SCHEMA {s} TO {eve}; GRANT ALL ON SCHEMA {s} TO {eve};",
    "a grant on a column": "GRANT USAGE ON SCHEMA {s} TO {eve}; GRANT SELECT (email) ON {s}.full TO {eve};",
    "a grant of a column to a reader": 'GRANT UPDATE (email) ON {s}.full TO "{s}:full";',
    "more than reading": 'GRANT INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES ON {s}.full TO "{s}:full";',
    "a role that reads another's view": 'GRANT SELECT ON {s}.full TO "{s}:masked-eu";',
    "a chain of grants": """GRANT SELECT ON {s}.full TO "{s}:full" WITH GRANT OPTION;
        SET ROLE "{s}:full"; GRANT SELECT ON {s}.full TO {eve} WITH GRANT OPTION;
        RESET ROLE; GRANT USAGE ON SCHEMA {s} TO {eve};
        SET ROLE {eve}; GRANT SELECT ON {s}.full TO {bob};""",
    "grants that are gone": 'REVOKE SELECT ON {s}.full FROM "{s}:full"; REVOKE USAGE ON SCHEMA {s} FROM "{s}:full";',
    "a grant on the audit": """GRANT USAGE ON SCHEMA {s}_audit TO {eve};
        GRANT SELECT, INSERT ON {s}_audit.record TO {eve};""",
    "a trigger on the audit": """CREATE FUNCTION public.g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER t BEFORE INSERT ON {s}_audit.record FOR EACH ROW EXECUTE FUNCTION public.g();
        CREATE RULE r AS ON DELETE TO {s}_audit.record DO INSTEAD NOTHING;""",
    "row security on the audit": """ALTER TABLE {s}_audit.record ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY p ON {s}_audit.record USING (true) WITH CHECK (true);""",
    "row security that hides the audit": """ALTER TABLE {s}_audit.record ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;""",
    "defaults, constraints and indexes on the audit": """CREATE FUNCTION public.h(json) RETURNS boolean LANGUAGE sql IMMUTABLE
        AS 'SELECT true'; ALTER TABLE {s}_audit.record ALTER content SET DEFAULT '1', ADD CHECK (public.h(content));
        CREATE INDEX ON {s}_audit.record (public.h(content)); CREATE INDEX ON {s}_audit.record (number) WHERE number > 7;""",
    "an audit without its keys": """ALTER TABLE {s}_audit.record DROP CONSTRAINT record_pkey, ALTER content DROP NOT NULL;""",
    "an audit that a crash takes away": "ALTER TABLE {s}_audit.record SET UNLOGGED;",
    "an audit with numbers of its own": "ALTER TABLE {s}_audit.record ALTER number ADD GENERATED BY DEFAULT AS IDENTITY;",
    "an audit of a type": """CREATE TYPE public.ty AS (number bigint, content json); ALTER TABLE {s}_audit.record OF public.ty;""",
    "what the applier creates is open": "ALTER DEFAULT PRIVILEGES FOR ROLE {s}_access GRANT EXECUTE ON FUNCTIONS TO PUBLIC;",
    "a default privilege": """ALTER DEFAULT PRIVILEGES FOR ROLE {s}_access IN SCHEMA {s} GRANT SELECT ON TABLES TO PUBLIC;
        DROP VIEW {s}.full;""",
    "a default privilege everywhere": "ALTER DEFAULT PRIVILEGES FOR ROLE {s}_access GRANT ALL ON TABLES TO {eve};",
    "a rogue member": 'SET ROLE {s}_access; GRANT "{s}:full" TO {eve};',
    "a member who is gone": 'SET ROLE {s}_access; REVOKE "{s}:full" FROM {ada};',
    "a member who may bring others": """SET ROLE {s}_access; GRANT "{s}:full" TO {ada} WITH ADMIN OPTION; RESET ROLE;
        SET SESSION AUTHORIZATION {ada}; GRANT "{s}:full" TO {eve};""",
    "a group in the role": """CREATE ROLE {s}_team; GRANT {s}_team TO {eve};
        SET ROLE {s}_access; GRANT "{s}:full" TO {s}_team;""",
}

OWNED_BY_EVE = "ALTER DATABASE postgres OWNER TO {eve};"

# The statement, and a part of the sentence that names it.
NAMED = {
    "an attribute of a role": ('ALTER ROLE "{s}:full" LOGIN CREATEDB;', "more than a group of readers"),
    "a role that reads everything": ('GRANT pg_read_all_data TO "{s}:full";', "pg_read_all_data"),
    "a role that publishes": ('GRANT {s}_pipeline TO "{s}:full";', "{s}_pipeline"),
    "a superuser": ("ALTER ROLE {eve} SUPERUSER;", "is a superuser"),
    "somebody who bypasses": ("ALTER ROLE {eve} BYPASSRLS;", "bypass"),
    "somebody who replicates": ("ALTER ROLE {eve} REPLICATION;", "replicate"),
    "somebody who reads everything": ("GRANT pg_read_all_data TO {eve};", "pg_read_all_data"),
    "somebody who could read everything": (
        """CREATE ROLE {s}_x; GRANT pg_read_all_data TO {s}_x; CREATE ROLE {s}_y NOINHERIT; GRANT {s}_x TO {s}_y;
        ALTER ROLE {eve} NOINHERIT; GRANT {s}_y TO {eve};""",
        "pg_read_all_data",
    ),
    "somebody who runs programs": ("GRANT pg_execute_server_program TO {eve};", "pg_execute_server_program"),
    "somebody who reads files": ("GRANT pg_read_server_files TO {eve};", "pg_read_server_files"),
    "somebody who can apply": ("GRANT {s}_access TO {eve};", "can act as {s}_access"),
    "somebody who can publish": ("GRANT {s}_pipeline TO {eve};", "can act as {s}_pipeline"),
    "the applier publishes": ("GRANT {s}_pipeline TO {s}_access;", "can act as {s}_pipeline"),
    "the applier can do more": (
        "ALTER ROLE {s}_access CREATEROLE BYPASSRLS;",
        "attributes that it does not need",
    ),
    "somebody who can act as a reader": ("GRANT {ada} TO {eve};", "can act as {ada}"),
    "a grant on the private schema": (
        "GRANT USAGE ON SCHEMA {s}_private TO PUBLIC; GRANT SELECT ON {s}_private.people TO {eve};",
        "cannot revoke",
    ),
    "a grant on a private column": ('GRANT SELECT (email) ON {s}_private."people__1" TO {eve};', "email"),
    "a private default privilege": (
        "ALTER DEFAULT PRIVILEGES FOR ROLE {s}_pipeline GRANT SELECT ON TABLES TO {eve};",
        "will create",
    ),
    "anybody's default privilege here": (
        "ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA {s} GRANT SELECT ON TABLES TO {eve};",
        "will create",
    ),
    "a table": (
        "CREATE TABLE {s}.copy AS TABLE {s}_private.people; GRANT SELECT ON {s}.copy TO PUBLIC;",
        "copy",
    ),
    "a table instead of a view": ("DROP VIEW {s}.full; CREATE TABLE {s}.full (id integer);", "has its name"),
    "a materialized view": (
        "CREATE MATERIALIZED VIEW {s}.m AS SELECT * FROM {s}_private.people;",
        "can hold data",
    ),
    "a private thing of somebody else": (
        "GRANT CREATE, USAGE ON SCHEMA {s}_private TO {eve}; ALTER TABLE {s}_private.people__1 OWNER TO {eve};",
        "{eve}'s",
    ),
    "a view elsewhere": (
        "CREATE VIEW public.leak AS SELECT * FROM {s}_private.people; GRANT SELECT ON public.leak TO PUBLIC;",
        "public.leak",
    ),
    "a view elsewhere on a view": ("CREATE VIEW public.leak AS SELECT * FROM {s}.full;", "public.leak"),
    "a view elsewhere of a group that reads everything": (
        """CREATE ROLE {s}_grp; GRANT pg_read_all_data TO {s}_grp; CREATE VIEW public.leak AS SELECT * FROM {s}.full;
        ALTER VIEW public.leak OWNER TO {s}_grp; GRANT SELECT ON public.leak TO PUBLIC;""",
        "view public.leak reads",
    ),
    "a view elsewhere of a group that can apply": (
        """CREATE ROLE {s}_grp; GRANT {s}_access TO {s}_grp; CREATE VIEW public.leak AS SELECT * FROM {s}.full;
        ALTER VIEW public.leak OWNER TO {s}_grp; GRANT SELECT ON public.leak TO PUBLIC;""",
        "view public.leak reads",
    ),
    "a function elsewhere of a group in one that reads everything": (
        """CREATE ROLE {s}_grp; CREATE ROLE {s}_team; GRANT pg_read_all_data TO {s}_grp; GRANT {s}_grp TO {s}_team;
        CREATE FUNCTION public.leak() RETURNS bigint LANGUAGE sql SECURITY DEFINER
        BEGIN ATOMIC SELECT count(*) FROM {s}.full; END; ALTER FUNCTION public.leak OWNER TO {s}_team;""",
        "function public.leak() reads",
    ),
    "a function elsewhere": (
        """CREATE FUNCTION public.leak() RETURNS bigint LANGUAGE sql SECURITY DEFINER
        BEGIN ATOMIC SELECT count(*) FROM {s}_private.people; END;""",
        "public.leak()",
    ),
    "a parent elsewhere": (
        """CREATE TABLE public.parent (id integer); ALTER TABLE {s}_private.people__1 INHERIT public.parent;""",
        "public.parent",
    ),
    "an owned view elsewhere": (
        "CREATE VIEW public.v AS SELECT 1; ALTER VIEW public.v OWNER TO {s}_access;",
        "public.v",
    ),
    "a role that may more elsewhere": (
        'CREATE TABLE public.other (x int); GRANT SELECT ON public.other TO "{s}:full";',
        "public.other",
    ),
    "an applier that cannot read": (
        "REVOKE SELECT ON {s}_private.people FROM {s}_access;",
        "would show nothing",
    ),
    "a role without its administrator": ('REVOKE "{s}:full" FROM {s}_access CASCADE;', "may not change"),
    "the server's files": (
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO {eve};",
        "pg_read_binary_file",
    ),
    "statistics": ("GRANT SELECT ON pg_catalog.pg_statistic TO {eve};", "pg_statistic"),
    "a column of statistics": (
        "GRANT SELECT (stavalues1) ON pg_catalog.pg_statistic TO {eve};",
        "stavalues1",
    ),
    "the server's large objects as files": (
        "GRANT EXECUTE ON FUNCTION pg_catalog.lo_export(oid, text) TO {eve};",
        "lo_export",
    ),
    "a function that everybody may call": (
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text) TO PUBLIC;",
        "Everybody has EXECUTE",
    ),
    "a parameter of the server": (
        "GRANT ALTER SYSTEM ON PARAMETER archive_command TO {eve};",
        "archive_command",
    ),
    "a parameter by way of a role": (
        "CREATE ROLE {s}_p; GRANT SET ON PARAMETER session_preload_libraries TO {s}_p; GRANT {s}_p TO {eve};",
        "session_preload_libraries",
    ),
    "a publication": (
        """DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {s}_pipeline', current_database()); END $$;
        SET ROLE {s}_pipeline; CREATE PUBLICATION {s}_all FOR TABLE {s}_private.people__1;""",
        "sends what is",
    ),
    "an administrator's function": (
        """CREATE FUNCTION public.leak(query text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS
        'BEGIN RETURN QUERY EXECUTE query; END';""",
        "public.leak(pg_catalog.text), which runs with the rights of postgres",
    ),
    "an administrator's procedure for one login": (
        """CREATE PROCEDURE public.leak(query text) LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE query; END';
        REVOKE ALL ON PROCEDURE public.leak FROM PUBLIC; GRANT EXECUTE ON PROCEDURE public.leak TO {eve};""",
        "{eve} may call the procedure public.leak(pg_catalog.text)",
    ),
    "an administrator's function in an aggregate": (
        """CREATE FUNCTION public.step(text, query text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
        'DECLARE r text; BEGIN EXECUTE query INTO r; RETURN r; END'; REVOKE ALL ON FUNCTION public.step FROM PUBLIC;
        CREATE AGGREGATE public.leak(text) (sfunc = public.step, stype = text);""",
        "Everybody may call the aggregate public.leak(pg_catalog.text)",
    ),
    "a function of who reads everything": (
        """CREATE ROLE {s}_all IN ROLE pg_read_all_data; CREATE ROLE {s}_team; GRANT {s}_team TO {eve};
        CREATE FUNCTION public.leak(query text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
        'DECLARE r text; BEGIN EXECUTE query INTO r; RETURN r; END'; ALTER FUNCTION public.leak OWNER TO {s}_all;
        REVOKE ALL ON FUNCTION public.leak FROM PUBLIC; GRANT EXECUTE ON FUNCTION public.leak TO {s}_team;""",
        "{s}_team may call the function public.leak(pg_catalog.text)",
    ),
    "an event trigger that somebody can change": (
        """CREATE FUNCTION public.notice() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        ALTER FUNCTION public.notice OWNER TO {eve};
        CREATE EVENT TRIGGER {s}_e ON ddl_command_end EXECUTE FUNCTION public.notice();""",
        "{eve} can change what that does",
    ),
    "the database": ("ALTER DATABASE postgres OWNER TO {s}_pipeline;", "outside of its schemas"),
    "a parent that is partitioned": (
        """CREATE TABLE public.parent (LIKE {s}_private.people__1) PARTITION BY LIST (id);
        ALTER TABLE public.parent ATTACH PARTITION {s}_private.people__1 DEFAULT;""",
        "public.parent",
    ),
    "the passwords": ("GRANT SELECT ON pg_catalog.pg_authid TO {eve};", "pg_authid"),
    "the server's files for who owns the database": (
        OWNED_BY_EVE + " GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO pg_database_owner;",
        "pg_read_file",
    ),
    "the passwords for who owns the database": (
        OWNED_BY_EVE + " GRANT SELECT ON pg_catalog.pg_authid TO pg_database_owner;",
        "pg_authid",
    ),
    "an administrator's function for who owns the database": (
        OWNED_BY_EVE
        + """ CREATE FUNCTION public.leak(q text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
        'DECLARE r text; BEGIN EXECUTE q INTO r; RETURN r; END'; REVOKE ALL ON FUNCTION public.leak FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION public.leak TO pg_database_owner;""",
        "pg_database_owner may call the function public.leak(pg_catalog.text)",
    ),
    "the server's files for a group of the database's owner": (
        """CREATE ROLE {s}_dba; GRANT {s}_dba TO {eve}; ALTER DATABASE postgres OWNER TO {s}_dba;
        GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO pg_database_owner;""",
        "pg_read_file",
    ),
    "a reader that owns the database": (
        'ALTER DATABASE postgres OWNER TO "{s}:full";',
        "are also members of pg_database_owner",
    ),
    "the server's files for a group that is empty": (
        "CREATE ROLE {s}_g; GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO {s}_g;",
        "pg_read_file",
    ),
    "an administrator's function for a group that is empty": (
        """CREATE ROLE {s}_g; CREATE FUNCTION public.leak(q text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
        'DECLARE r text; BEGIN EXECUTE q INTO r; RETURN r; END'; REVOKE ALL ON FUNCTION public.leak FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION public.leak TO {s}_g;""",
        "{s}_g may call the function public.leak(pg_catalog.text)",
    ),
    # Kinds of objects that have no schema.
    "a large object of the pipeline's": (
        "SET ROLE {s}_pipeline; SELECT lo_from_bytea(0, 'x');",
        "{s}_pipeline's, and is outside",
    ),
    "a large object for a reader": (
        """SELECT lo_from_bytea(4711, 'x'); GRANT SELECT ON LARGE OBJECT 4711 TO "{s}:full";""",
        "large object 4711",
    ),
    "a schema of the pipeline's": (
        "CREATE SCHEMA {s}_more AUTHORIZATION {s}_pipeline;",
        "schema {s}_more is",
    ),
    "a schema for a reader": (
        'CREATE SCHEMA {s}_more; GRANT USAGE ON SCHEMA {s}_more TO "{s}:full";',
        "privileges on the schema {s}_more",
    ),
    "a foreign server of the pipeline's": (
        """CREATE FOREIGN DATA WRAPPER {s}_w; CREATE SERVER {s}_f FOREIGN DATA WRAPPER {s}_w;
        GRANT USAGE ON FOREIGN DATA WRAPPER {s}_w TO {s}_pipeline; ALTER SERVER {s}_f OWNER TO {s}_pipeline;""",
        "server {s}_f is",
    ),
    "foreign servers for a reader": (
        """CREATE FOREIGN DATA WRAPPER {s}_w; CREATE SERVER {s}_f FOREIGN DATA WRAPPER {s}_w;
        CREATE USER MAPPING FOR "{s}:full" SERVER {s}_f; GRANT USAGE ON FOREIGN SERVER {s}_f TO "{s}:full";
        GRANT USAGE ON FOREIGN DATA WRAPPER {s}_w TO "{s}:full";""",
        "privileges on the user mapping",
    ),
    "a language for a reader": ('GRANT USAGE ON LANGUAGE plpgsql TO "{s}:full";', "the language plpgsql"),
    "a default privilege for a reader": (
        """CREATE SCHEMA {s}_more; ALTER DEFAULT PRIVILEGES IN SCHEMA {s}_more GRANT SELECT ON TABLES TO "{s}:full";
        ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO "{s}:full";""",
        "privileges on the default acl",
    ),
    "a column, a type and routines for a reader": (
        """CREATE TABLE public.other (x int); GRANT SELECT (x) ON public.other TO "{s}:full"; CREATE DOMAIN public.d AS text;
        GRANT USAGE ON TYPE public.d TO "{s}:full"; CREATE AGGREGATE public.agg (integer) (sfunc = int4pl, stype = integer);
        GRANT EXECUTE ON ROUTINE public.agg TO "{s}:full"; CREATE PROCEDURE public.p() LANGUAGE sql AS 'SELECT 1';
        GRANT EXECUTE ON ROUTINE public.p TO "{s}:full"; CREATE SEQUENCE public.sq; GRANT USAGE ON SEQUENCE public.sq TO "{s}:full";""",
        "the aggregate public.agg",
    ),
    "objects of many kinds of the pipeline's": (
        """CREATE TABLE public.t (x int); ALTER TABLE public.t OWNER TO {s}_pipeline;
        CREATE SEQUENCE public.sq; ALTER SEQUENCE public.sq OWNER TO {s}_pipeline;
        CREATE DOMAIN public.d AS text; ALTER DOMAIN public.d OWNER TO {s}_pipeline;
        CREATE TYPE public.c AS (x int); ALTER TYPE public.c OWNER TO {s}_pipeline;
        CREATE TYPE public.m AS ENUM ('a'); ALTER TYPE public.m OWNER TO {s}_pipeline;
        CREATE AGGREGATE public.agg (integer) (sfunc = int4pl, stype = integer); ALTER AGGREGATE public.agg (integer) OWNER TO {s}_pipeline;
        CREATE COLLATION public.co FROM "C"; ALTER COLLATION public.co OWNER TO {s}_pipeline;
        CREATE STATISTICS public.st ON id, region FROM {s}_private.people__1; ALTER STATISTICS public.st OWNER TO {s}_pipeline;
        CREATE TEXT SEARCH CONFIGURATION public.ts (copy = simple); ALTER TEXT SEARCH CONFIGURATION public.ts OWNER TO {s}_pipeline;
        CREATE TEXT SEARCH DICTIONARY public.td (template = simple); ALTER TEXT SEARCH DICTIONARY public.td OWNER TO {s}_pipeline;
        CREATE CONVERSION public.cv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8; ALTER CONVERSION public.cv OWNER TO {s}_pipeline;
        CREATE OPERATOR CLASS public.oc FOR TYPE text USING btree AS STORAGE text; ALTER OPERATOR CLASS public.oc USING btree OWNER TO {s}_pipeline;
        ALTER OPERATOR FAMILY public.oc USING btree OWNER TO {s}_pipeline;
        CREATE OPERATOR public.=== (leftarg = text, rightarg = text, function = texteq); ALTER OPERATOR public.=== (text, text) OWNER TO {s}_pipeline;
        CREATE FOREIGN DATA WRAPPER {s}_w; CREATE SERVER {s}_f FOREIGN DATA WRAPPER {s}_w;
        CREATE FOREIGN TABLE public.ft (x int) SERVER {s}_f; ALTER FOREIGN TABLE public.ft OWNER TO {s}_pipeline;
        CREATE MATERIALIZED VIEW public.mv AS SELECT 1 AS one; ALTER MATERIALIZED VIEW public.mv OWNER TO {s}_pipeline;
        CREATE PROCEDURE public.p() LANGUAGE sql AS 'SELECT 1'; ALTER PROCEDURE public.p OWNER TO {s}_pipeline;""",
        "operator family public.oc USING btree is",
    ),
    # Whatever else depends on the product's relations.
    "a foreign key elsewhere": (
        """ALTER TABLE {s}_private.people__1 ADD UNIQUE (email); GRANT USAGE ON SCHEMA {s}_private TO {eve};
        GRANT REFERENCES ON {s}_private.people__1 TO {eve}; GRANT CREATE ON SCHEMA public TO {eve}; SET ROLE {eve};
        CREATE TABLE public.oracle (email text REFERENCES {s}_private.people__1 (email)); RESET ROLE;
        REVOKE USAGE ON SCHEMA {s}_private FROM {eve}; REVOKE REFERENCES ON {s}_private.people__1 FROM {eve};""",
        "table constraint oracle_email_fkey on public.oracle uses",
    ),
    "a foreign key of a partitioned table elsewhere": (
        """ALTER TABLE {s}_private.people__1 ADD UNIQUE (email);
        CREATE TABLE public.oracle (email text REFERENCES {s}_private.people__1 (email)) PARTITION BY LIST (email);
        CREATE TABLE public.part PARTITION OF public.oracle DEFAULT;""",
        "on public.oracle uses",
    ),
    "a rule elsewhere": (
        """CREATE TABLE public."T t" (x text); CREATE TABLE public.o (x text); CREATE RULE "R r" AS ON INSERT TO public."T t"
        DO ALSO INSERT INTO public.o SELECT email FROM {s}_private.people; GRANT INSERT ON public."T t" TO PUBLIC;""",
        "on public.",
    ),
    "a rule elsewhere on a view": (
        """CREATE TABLE public.o (x text); CREATE VIEW public.v AS SELECT 1 AS x; CREATE RULE r AS ON INSERT TO public.v
        DO INSTEAD INSERT INTO public.o SELECT email FROM {s}_private.people;""",
        "rule r on public.v uses",
    ),
    "a rule elsewhere that reads a role's view": (
        """CREATE TABLE public.t (x text); CREATE TABLE public.o (x text); CREATE RULE r AS ON INSERT TO public.t
        DO ALSO INSERT INTO public.o SELECT email FROM {s}.full;""",
        "rule r on public.t uses",
    ),
    "a policy elsewhere": (
        """CREATE TABLE public.t (x text); CREATE POLICY p ON public.t
        USING (EXISTS (SELECT FROM {s}_private.people WHERE email LIKE x));""",
        "policy p on public.t uses",
    ),
    "a trigger elsewhere": (
        """CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TABLE public.t (x text);
        CREATE CONSTRAINT TRIGGER tr AFTER INSERT ON public.t FROM {s}_private.people__1
        FOR EACH ROW EXECUTE FUNCTION public.f();""",
        "trigger tr on public.t uses",
    ),
    "a default elsewhere": (
        """CREATE SEQUENCE {s}_private.sq; ALTER SEQUENCE {s}_private.sq OWNER TO {s}_pipeline;
        CREATE TABLE public.t (x bigint DEFAULT nextval('{s}_private.sq'));""",
        "default value for public.t.x uses",
    ),
    "a child elsewhere": (
        "CREATE TABLE public.child () INHERITS ({s}_audit.record);",
        "table public.child shows",
    ),
    "statistics elsewhere": (
        """CREATE STATISTICS public.st (mcv) ON region, email FROM {s}_private.people__1;
        ALTER STATISTICS public.st OWNER TO {eve};""",
        "statistics object public.st uses",
    ),
    "a view elsewhere that others build on": (
        "CREATE VIEW public.leak AS SELECT * FROM {s}_private.people; CREATE VIEW public.more AS SELECT * FROM public.leak;",
        "view public.leak reads",
    ),
    "an audit with a column more": (
        """CREATE FUNCTION public.v() RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
        ALTER TABLE {s}_audit.record ADD COLUMN more text DEFAULT public.v();""",
        "has the column more",
    ),
    "an audit with a generated column more": (
        "ALTER TABLE {s}_audit.record ADD COLUMN more text GENERATED ALWAYS AS (content::text) STORED;",
        "has the column more",
    ),
    "an audit that writes numbers anew": (
        "ALTER TABLE {s}_audit.record ALTER content TYPE text;",
        "another type of the column content",
    ),
    "a parent of the audit in its schema": (
        """CREATE TABLE {s}_audit.parent (number bigint, content json);
        ALTER TABLE {s}_audit.record INHERIT {s}_audit.parent;""",
        "parent",
    ),
    "a child of the audit in its schema": (
        "CREATE TABLE {s}_audit.child () INHERITS ({s}_audit.record);",
        "child",
    ),
    "what the pipeline creates is open": (
        "ALTER DEFAULT PRIVILEGES FOR ROLE {s}_pipeline GRANT EXECUTE ON FUNCTIONS TO PUBLIC;",
        "everybody gets EXECUTE on functions",
    ),
    "what the pipeline creates is open to more": (
        """ALTER DEFAULT PRIVILEGES FOR ROLE {s}_pipeline GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
        ALTER DEFAULT PRIVILEGES FOR ROLE {s}_pipeline GRANT EXECUTE ON FUNCTIONS TO {eve};""",
        "everybody gets EXECUTE on functions",
    ),
    "a login that does not say whose it is": ("COMMENT ON ROLE {s}_access IS NULL;", "do not say whose"),
    "a view that belongs to an extension": (
        "ALTER EXTENSION plpgsql ADD VIEW {s}.full;",
        "belongs to an extension",
    ),
    "an extension in the schema": (
        "CREATE EXTENSION citext SCHEMA {s};",
        "extension citext should not exist",
    ),
    "a function that stays because a table uses it": (
        """CREATE FUNCTION {s}.f(text) RETURNS text LANGUAGE sql AS 'SELECT $1'; GRANT EXECUTE ON FUNCTION {s}.f TO {eve};
        CREATE TABLE public.t (x text DEFAULT {s}.f('a'));""",
        "should not exist; it stays",
    ),
    "private routines": (
        """CREATE PROCEDURE {s}_private.p(text) LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION {s}_private.of_a_long_name(character varying, character varying, timestamp with time zone)
        RETURNS text LANGUAGE sql AS 'SELECT $1'; REVOKE ALL ON ALL ROUTINES IN SCHEMA {s}_private FROM PUBLIC;
        GRANT EXECUTE ON ALL ROUTINES IN SCHEMA {s}_private TO {eve};""",
        "cannot revoke",
    ),
    "a schema that belongs to an extension": (
        "ALTER EXTENSION plpgsql ADD SCHEMA {s};",
        "belongs to an extension",
    ),
    "a private table that belongs to an extension": (
        "ALTER EXTENSION plpgsql ADD TABLE {s}_private.people__1;",
        "belongs to an extension",
    ),
    "a drifted view that belongs to an extension": (
        "ALTER VIEW {s}.full RENAME COLUMN email TO mail; ALTER EXTENSION plpgsql ADD VIEW {s}.full;",
        "belongs to an extension",
    ),
    "a function that belongs to an extension": (
        """CREATE FUNCTION {s}.f(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
        ALTER EXTENSION plpgsql ADD FUNCTION {s}.f;""",
        "belongs to an extension",
    ),
    "objects of kinds that hold data": (
        """CREATE SEQUENCE {s}.sq; CREATE TABLE {s}_audit.t (x int); CREATE FOREIGN DATA WRAPPER {s}_w;
        CREATE SERVER {s}_f FOREIGN DATA WRAPPER {s}_w; CREATE FOREIGN TABLE {s}.ft (x int) SERVER {s}_f;
        CREATE TEXT SEARCH TEMPLATE {s}.tt (lexize = dsimple_lexize);
        CREATE TEXT SEARCH PARSER {s}.tp (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
        CREATE TABLE {s}.p (x int) PARTITION BY LIST (x);""",
        "text search parser {s}.tp should not exist",
    ),
    "a publication of the views' schema": (
        "CREATE PUBLICATION {s}_p FOR TABLES IN SCHEMA {s}, {s}_audit;",
        "publication {s}_p sends",
    ),
    "a publication of the private schema": (
        """CREATE PUBLICATION {s}_p FOR TABLES IN SCHEMA {s}_private; ALTER ROLE {eve} SUPERUSER;
        ALTER PUBLICATION {s}_p OWNER TO {eve}; ALTER ROLE {eve} NOSUPERUSER;""",
        "publication {s}_p sends",
    ),
    "a publication of everything": (
        """CREATE PUBLICATION {s}_p FOR ALL TABLES; ALTER ROLE {eve} SUPERUSER;
        ALTER PUBLICATION {s}_p OWNER TO {eve}; ALTER ROLE {eve} NOSUPERUSER;""",
        "publication {s}_p sends",
    ),
}


def drifted(product: Product, statement: str) -> dict[str, str]:
    """A product that was as it should be before somebody ran the statement; returns what the braces stand for."""
    product.apply(**PEOPLE)
    names = {"s": product.schema, **{name: product.login(name) for name in ("ada", "bob", "eve")}}
    product.run(statement.format(**names))
    return names


@pytest.mark.parametrize("drift", HEALED)
def test_one_apply_heals(product: Product, drift: str) -> None:
    drifted(product, HEALED[drift])
    assert product.verify(**PEOPLE) != []
    assert product.apply(**PEOPLE).manual_actions == ()
    assert product.verify(**PEOPLE) == []
    assert len(product.read("ada", f"SELECT * FROM {product.schema}.full")) == 3


@pytest.mark.parametrize("drift", NAMED)
def test_what_only_an_administrator_can_fix_is_named_with_the_statement_that_does(
    product: Product, drift: str
) -> None:
    statement, says = NAMED[drift]
    says = says.format(**drifted(product, statement))
    assert any(says in sentence for sentence in product.verify(**PEOPLE)), product.verify(**PEOPLE)
    done = product.apply(**PEOPLE)
    assert any(says in manual_action.sentence for manual_action in done.manual_actions), done.manual_actions
    for manual_action in done.manual_actions:
        product.run(manual_action.statement)
    assert product.apply(**PEOPLE).manual_actions == ()
    assert product.verify(**PEOPLE) == []
    assert len(product.read("ada", f"SELECT * FROM {product.schema}.full")) == 3


def test_a_view_elsewhere_of_an_administrator_who_reads_everything_is_named(product: Product) -> None:
    product.administrators = ("postgres", product.login("eve"))
    drifted(
        product,
        """GRANT pg_read_all_data TO {eve}; CREATE MATERIALIZED VIEW public.leak AS SELECT * FROM {s}.full;
        ALTER MATERIALIZED VIEW public.leak OWNER TO {eve}; GRANT SELECT ON public.leak TO PUBLIC;""",
    )
    (sentence,) = product.verify(**PEOPLE)
    assert "materialized view public.leak reads" in sentence
    (action,) = product.apply(**PEOPLE).manual_actions
    assert action.statement == "DROP MATERIALIZED VIEW public.leak CASCADE;"
    product.run(action.statement)
    assert product.verify(**PEOPLE) == []


def test_a_readers_own_view_on_the_view_of_their_role_is_no_drift(product: Product) -> None:
    drifted(
        product, "CREATE VIEW public.mine AS SELECT * FROM {s}.full; ALTER VIEW public.mine OWNER TO {ada};"
    )
    assert len(product.read("ada", "SELECT * FROM public.mine")) == 3
    assert product.verify(**PEOPLE) == []
    assert product.apply(**PEOPLE).manual_actions == ()


def test_a_grant_of_what_is_open_to_everybody_opens_nothing(product: Product) -> None:
    drifted(
        product,
        "GRANT SELECT (relname) ON pg_catalog.pg_class TO {eve}; GRANT SELECT ON pg_catalog.pg_class TO {eve};",
    )
    assert product.verify(**PEOPLE) == []
    assert product.apply(**PEOPLE).manual_actions == ()


def test_what_administrators_keep_to_themselves_is_no_drift(product: Product) -> None:
    """Functions with their rights that only they may call, in a schema of their own, or of an extension; their events."""
    drifted(
        product,
        """CREATE FUNCTION public.mine() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT 1::text';
        REVOKE ALL ON FUNCTION public.mine FROM PUBLIC; GRANT EXECUTE ON FUNCTION public.mine TO {s}_access;
        CREATE SCHEMA {s}_tools; CREATE FUNCTION {s}_tools.mine() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT 1::text';
        CREATE FUNCTION public.bobs() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT 1::text';
        ALTER FUNCTION public.bobs OWNER TO {bob};
        CREATE FUNCTION public.plain() RETURNS text LANGUAGE sql AS 'SELECT 1::text';
        CREATE FUNCTION public.event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE EVENT TRIGGER {s}_mine ON ddl_command_end EXECUTE FUNCTION public.event();
        CREATE FUNCTION public.of_extension() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT 1::text';
        ALTER EXTENSION plpgsql ADD FUNCTION public.of_extension();""",
    )
    assert product.verify(**PEOPLE) == []
    assert product.apply(**PEOPLE).manual_actions == ()
    product.run(
        f"ALTER EXTENSION plpgsql DROP FUNCTION public.of_extension(); DROP SCHEMA {product.schema}_tools CASCADE"
    )


def test_a_member_by_somebody_elses_grant_is_revoked_or_named(product: Product) -> None:
    drifted(product, 'GRANT "{s}:full" TO {eve}; GRANT "{s}:full" TO {ada};')
    done = product.apply(**PEOPLE)
    if product.newest:  # From PostgreSQL 16 on a grant is its grantor's.
        assert sorted(manual_action.statement for manual_action in done.manual_actions) == [
            f'REVOKE "{product.schema}:full" FROM "{product.login(name)}" GRANTED BY "postgres" CASCADE;'
            for name in ("ada", "eve")
        ]
        for manual_action in done.manual_actions:
            product.run(manual_action.statement)
    assert product.apply(**PEOPLE).manual_actions == ()
    assert product.verify(**PEOPLE) == []
    assert len(product.read("ada", f"SELECT * FROM {product.schema}.full")) == 3
