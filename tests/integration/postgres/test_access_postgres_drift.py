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
    assert action.statement == "DROP MATERIALIZED VIEW public.leak;"
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
