"""Code that the pipeline's login puts behind the views of the roles: it never runs as who reads them after an apply."""

from __future__ import annotations

import psycopg
import pytest
from postgres_product import PEOPLE, ROWS, TABLE, Make, Product, the_make, the_product, the_server  # noqa: F401  fixtures

from meshwright.access.grants import Refused

TRAP = """
CREATE TABLE public.caught (who text); GRANT INSERT ON public.caught TO PUBLIC;
GRANT CREATE ON SCHEMA public TO {s}_pipeline; GRANT USAGE ON SCHEMA {s}_private TO PUBLIC;
SET ROLE {s}_pipeline;
CREATE FUNCTION {s}_private.catch() RETURNS boolean LANGUAGE plpgsql AS
  'BEGIN INSERT INTO public.caught VALUES (current_user); RETURN true; END';
CREATE FUNCTION {s}_private.one(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
  'BEGIN PERFORM {s}_private.catch(); RETURN 1; END';
"""
VIEW = "CREATE OR REPLACE VIEW {s}_private.people AS SELECT * FROM {s}_private.people__1"
RENAMED = "ALTER VIEW {s}_private.people RENAME TO gone; "

# What the pipeline's login runs, and whether a superuser who reads the view of a role then runs its code.
BEHIND = {
    "a condition": (VIEW + " WHERE {s}_private.catch();", True),
    "a condition with what PostgreSQL brings": (
        VIEW + " WHERE (SELECT count(*) FROM ts_stat('SELECT to_tsvector({s}_private.one(1)::text)')) > 0;",
        True,
    ),
    "a value": (
        "CREATE OR REPLACE VIEW {s}_private.people AS SELECT id + {s}_private.one(1) - 1 AS id, region, email, born, "
        "seen, salary FROM {s}_private.people__1;",
        True,
    ),
    "an order": (VIEW + " ORDER BY {s}_private.catch();", True),
    "a limit": (VIEW + " LIMIT CASE WHEN {s}_private.catch() THEN 9 END;", True),
    "a sample": (VIEW + " TABLESAMPLE BERNOULLI (CASE WHEN {s}_private.catch() THEN 100 END);", True),
    "a union": (VIEW + " UNION ALL SELECT * FROM {s}_private.people__1 WHERE {s}_private.catch();", True),
    "rows of its own": (VIEW + " WHERE id > 1;", False),
    "a view over a view": (
        """CREATE VIEW {s}_private.inner AS SELECT * FROM {s}_private.people__1 WHERE {s}_private.catch();
        CREATE OR REPLACE VIEW {s}_private.people AS SELECT * FROM {s}_private.inner;""",
        True,
    ),
    "an operator": (
        """CREATE FUNCTION {s}_private.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT {s}_private.catch()';
        CREATE OPERATOR {s}_private.= (leftarg = text, rightarg = text, function = {s}_private.same);
        """ + VIEW + " WHERE region OPERATOR({s}_private.=) region;",
        True,
    ),
    "a cast": (
        """CREATE TYPE {s}_private.box AS (t text);
        CREATE FUNCTION {s}_private.unbox({s}_private.box) RETURNS boolean LANGUAGE sql AS 'SELECT {s}_private.catch()';
        CREATE CAST ({s}_private.box AS boolean) WITH FUNCTION {s}_private.unbox({s}_private.box) AS IMPLICIT;
        """ + VIEW + " WHERE ROW('x')::{s}_private.box;",
        True,
    ),
    "a function as a table": (
        """CREATE FUNCTION {s}_private.all_of() RETURNS SETOF {s}_private.people__1 LANGUAGE sql AS
        'SELECT * FROM {s}_private.people__1 WHERE {s}_private.catch()';
        CREATE OR REPLACE VIEW {s}_private.people AS SELECT * FROM {s}_private.all_of();""",
        True,
    ),
    "two tables": (VIEW + " WHERE EXISTS (SELECT FROM pg_catalog.pg_class);", False),
    "the reader's rights": ("ALTER VIEW {s}_private.people SET (security_invoker = true);", False),
    "a barrier": ("ALTER VIEW {s}_private.people SET (security_barrier = true);", False),
    "a rule of the view": (
        "CREATE RULE r AS ON INSERT TO {s}_private.people DO INSTEAD SELECT {s}_private.catch();", False),
    "a default of the view": ("ALTER VIEW {s}_private.people ALTER COLUMN id SET DEFAULT {s}_private.one(1);", False),
    "row security": (
        """ALTER TABLE {s}_private.people__1 FORCE ROW LEVEL SECURITY, ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON {s}_private.people__1 USING ({s}_private.catch());""",
        True,
    ),
    "a policy for later": ("CREATE POLICY p ON {s}_private.people__1 USING ({s}_private.catch());", False),
    "an index on an expression": (
        """CREATE FUNCTION {s}_private.two(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 2';
        CREATE INDEX i ON {s}_private.people__1 ((id + {s}_private.two(1)));
        CREATE OR REPLACE FUNCTION {s}_private.two(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
        'BEGIN PERFORM {s}_private.catch(); RETURN 2; END';""",
        True,
    ),
    "an index on some rows": (
        """CREATE FUNCTION {s}_private.two(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 2';
        CREATE INDEX i ON {s}_private.people__1 (id) WHERE id > {s}_private.two(1);
        CREATE OR REPLACE FUNCTION {s}_private.two(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
        'BEGIN PERFORM {s}_private.catch(); RETURN 2; END';""",
        True,
    ),
    "statistics of an expression": (
        """CREATE FUNCTION {s}_private.two(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 2';
        CREATE STATISTICS {s}_private.st ON (id + {s}_private.two(1)), region FROM {s}_private.people__1;
        ANALYZE {s}_private.people__1;
        CREATE OR REPLACE FUNCTION {s}_private.two(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
        'BEGIN PERFORM {s}_private.catch(); RETURN 2; END';""",
        True,
    ),
    "a constraint": (
        "ALTER TABLE {s}_private.people__1 ADD CONSTRAINT k CHECK (id < 9 + {s}_private.one(1)) NOT VALID;", False),
    "a trigger": (
        """CREATE FUNCTION {s}_private.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM {s}_private.catch(); RETURN NEW; END';
        CREATE TRIGGER t BEFORE INSERT ON {s}_private.people__1 FOR EACH ROW EXECUTE FUNCTION {s}_private.t();""",
        False,
    ),
    "a default": ("ALTER TABLE {s}_private.people__1 ALTER COLUMN id SET DEFAULT {s}_private.one(1);", False),
    "a child": ("CREATE TABLE {s}_private.child () INHERITS ({s}_private.people__1);", False),
    "a partitioned table": (
        RENAMED + """CREATE FUNCTION {s}_private.two(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 2';
        CREATE TABLE {s}_private.people__2 (LIKE {s}_private.people__1) PARTITION BY LIST ((id + {s}_private.two(1)));
        CREATE VIEW {s}_private.people AS SELECT * FROM {s}_private.people__2;""",
        False,
    ),
    "a table of somebody's type": (
        RENAMED + """CREATE DOMAIN {s}_private.number AS integer CHECK ({s}_private.one(VALUE) = 1);
        CREATE TABLE {s}_private.people__2 (id {s}_private.number, region text, email text, born date, seen timestamptz, salary numeric);
        CREATE VIEW {s}_private.people AS SELECT * FROM {s}_private.people__2;""",
        False,
    ),
    "a table of somebody's collation": (
        RENAMED + """CREATE COLLATION {s}_private.c FROM "C";
        CREATE TABLE {s}_private.people__2 (id integer, region text COLLATE {s}_private.c, email text, born date, seen timestamptz, salary numeric);
        CREATE VIEW {s}_private.people AS SELECT * FROM {s}_private.people__2;""",
        False,
    ),
    "a stored generated column": (
        RENAMED + """CREATE TABLE {s}_private.people__2 (id integer, region text, email text, born date, seen timestamptz,
        salary numeric GENERATED ALWAYS AS (id + 1) STORED);
        CREATE VIEW {s}_private.people AS SELECT * FROM {s}_private.people__2;""",
        False,
    ),
    "a materialized view": (
        "ALTER VIEW {s}_private.people RENAME TO gone; "
        "CREATE MATERIALIZED VIEW {s}_private.people AS SELECT * FROM {s}_private.people__1;",
        False,
    ),
    "a table in place of the view": (
        "ALTER VIEW {s}_private.people RENAME TO gone; CREATE TABLE {s}_private.people AS TABLE {s}_private.people__1;",
        False,
    ),
}  # fmt: skip


# The same, where no view of a role can be made anew.
BEHIND_WITHOUT_ANOTHER = {
    "a renamed view": "",
    "a renamed view, and another of another shape": """CREATE TABLE {s}_private.people__2 (x integer);
        CREATE VIEW {s}_private.people AS SELECT x FROM {s}_private.people__2;""",
}


def prepared(product: Product) -> str:
    """A product whose roles have their views, and whose pipeline has code that says as whom it ran."""
    product.apply(**PEOPLE)
    product.run(TRAP.format(s=product.schema))
    product.run(f"REVOKE ALL ON SCHEMA {product.schema}_private FROM PUBLIC; GRANT USAGE ON SCHEMA {product.schema}_private TO {product.schema}_access")  # fmt: skip
    assert product.verify(**PEOPLE) == []
    return product.schema


def caught(product: Product) -> list[str]:
    """Who runs the pipeline's code by reading the views of the roles, as a superuser."""
    product.run("TRUNCATE public.caught")
    for statement in (
        f"SELECT * FROM {product.schema}.full",
        f"SELECT id FROM {product.schema}.masked_eu WHERE id = 1 AND region = 'EU'",
        "SELECT 1",
    ):
        try:
            product.run(f"SET constraint_exclusion = on; {statement}")
        except psycopg.Error:
            continue
    return [who for (who,) in product.admin("SELECT DISTINCT who FROM public.caught")]


def published_again(product: Product) -> None:
    """The pipeline runs again, where what an administrator ran has taken away what was published."""
    s = product.schema
    if product.admin(f"SELECT to_regclass('{s}_private.people')") == [(None,)]:
        product.publish(7)


@pytest.mark.parametrize("how", BEHIND)
def test_what_is_not_the_pipelines_plain_view_is_closed_until_it_is(product: Product, how: str) -> None:
    statement, runs = BEHIND[how]
    s = prepared(product)
    product.run(f"SET ROLE {s}_pipeline; {statement.format(s=s)}")
    assert bool(caught(product)) == runs
    assert product.verify(**PEOPLE) != []
    planned = product.plan(**PEOPLE)
    assert planned.changes
    done = product.apply(**PEOPLE)
    if done.manual_actions:
        assert any("closed" in action.sentence for action in done.manual_actions), done.manual_actions
        assert caught(product) == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            product.read("ada", f"SELECT * FROM {s}.full")
        assert product.apply(**PEOPLE).changes == ()
        assert product.verify(**PEOPLE) == [action.sentence for action in done.manual_actions]
        for action in done.manual_actions:
            product.run(action.statement)
        published_again(product)
        done = product.apply(**PEOPLE)
    assert done.manual_actions == ()
    assert product.verify(**PEOPLE) == []
    assert caught(product) == []
    assert len(product.read("ada", f"SELECT * FROM {s}.full")) == 3


@pytest.mark.parametrize("another", BEHIND_WITHOUT_ANOTHER)
def test_what_the_roles_read_is_closed_where_there_is_nothing_else_to_read(
    product: Product, another: str
) -> None:
    s = prepared(product)
    gone = f"ALTER VIEW {s}_private.people RENAME TO gone; {VIEW.replace('people AS', 'gone AS')} WHERE {s}_private.catch();"
    product.run(f"SET ROLE {s}_pipeline; {(gone + BEHIND_WITHOUT_ANOTHER[another]).format(s=s)}")
    assert caught(product) == ["postgres"]
    assert product.verify(**PEOPLE) != []
    done = product.apply(**PEOPLE)
    assert any("closed" in action.sentence for action in done.manual_actions), done.manual_actions
    assert caught(product) == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        product.read("ada", f"SELECT * FROM {s}.full")
    with pytest.raises(Refused, match="There is no" if another == "a renamed view" else "does not have"):
        product.apply(**PEOPLE)
    for action in done.manual_actions:
        product.run(action.statement)
    product.run(f"DROP VIEW IF EXISTS {s}_private.people")
    published_again(product)
    assert product.apply(**PEOPLE).manual_actions == ()
    assert product.verify(**PEOPLE) == []
    assert len(product.read("ada", f"SELECT * FROM {s}.full")) == 3


HIDDEN = {
    "a way in that is closed": "REVOKE USAGE ON SCHEMA {s}_private FROM {s}_access",
    "a schema with another name": "ALTER SCHEMA {s}_private RENAME TO {s}_gone",
    "a schema of another owner": "CREATE ROLE {s}_other; ALTER SCHEMA {s}_private OWNER TO {s}_other",
}


@pytest.mark.parametrize("how", HIDDEN)
def test_hiding_what_the_roles_read_does_not_keep_them_open(product: Product, how: str) -> None:
    s = prepared(product)
    product.run(f"SET ROLE {s}_pipeline; {BEHIND['a condition'][0].format(s=s)}")
    product.run(HIDDEN[how].format(s=s))
    assert caught(product) == ["postgres"]
    assert product.plan(**PEOPLE).manual_actions and product.verify(**PEOPLE)
    for _ in range(3):
        done = product.apply(**PEOPLE)
        assert caught(product) == []
        if not done.manual_actions:
            break
        closed = [action for action in done.manual_actions if "closed" in action.sentence]
        assert closed, done.manual_actions
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            product.read("ada", f"SELECT * FROM {s}.full")
        for action in closed:
            product.run(action.statement)
        published_again(product)
        product.run(f"DROP SCHEMA IF EXISTS {s}_gone CASCADE")  # by hand, as the plan says
    assert product.verify(**PEOPLE) == []
    assert len(product.read("ada", f"SELECT * FROM {s}.full")) == 3


def test_views_of_readers_outlive_a_time_in_which_they_show_nothing(product: Product) -> None:
    s = prepared(product)
    product.run(
        f"CREATE VIEW public.built AS SELECT id FROM {s}.full; ALTER VIEW public.built OWNER TO {product.login('ada')}"
    )
    product.run(f"SET ROLE {s}_pipeline; {BEHIND['a condition'][0].format(s=s)}")
    (action,) = product.apply(**PEOPLE).manual_actions
    assert action.statement.startswith("CREATE OR REPLACE VIEW")
    product.run(action.statement)
    assert product.apply(**PEOPLE).manual_actions == ()
    assert len(product.read("ada", "SELECT * FROM public.built")) == 3


def test_what_an_administrator_adds_for_speed_is_no_issue(product: Product) -> None:
    """Keys and indexes on plain columns evaluate nothing of anybody's."""
    product.apply(**PEOPLE)
    product.run(f"""ALTER TABLE {product.schema}_private.people__1 ADD PRIMARY KEY (id), ALTER COLUMN id SET NOT NULL,
        ADD UNIQUE (email), SET (fillfactor = 90);
        CREATE INDEX ON {product.schema}_private.people__1 USING brin (seen);
        CREATE INDEX ON {product.schema}_private.people__1 (region DESC NULLS LAST) INCLUDE (salary);
        CREATE STATISTICS {product.schema}_private.plain ON id, region FROM {product.schema}_private.people__1;
        ANALYZE {product.schema}_private.people__1""")
    assert product.verify(**PEOPLE) == []
