"""Readers, leavers and strangers who want more than they were given: real logins, on real servers."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace

import psycopg
import pytest
from postgres_product import (  # noqa: F401  fixtures
    FULL,
    MASKED,
    PEOPLE,
    SENTINEL,
    Make,
    Product,
    column,
    the_make,
    the_product,
    the_server,
    view,
)
from psycopg import sql

from meshwright.access.grants import Condition, Refused
from meshwright.access.targets import postgres

HIDDEN = (SENTINEL, "7123456", "12-10", "example.com", "1990")
"""What neither the masked reader nor anybody without a role may ever see a trace of."""

# {s}: the schema; {v}: the view that the attacker has, or would like to have.
ATTACKS = (
    "SELECT * FROM {v}",
    "SELECT v, row_to_json(v), to_jsonb(v), v::text FROM {v} AS v",
    "TABLE {s}.full",
    "SELECT * FROM {s}_private.people",
    "SELECT * FROM {s}_private.people__1",
    "SELECT * FROM ONLY {s}_private.people__1 TABLESAMPLE SYSTEM (100)",
    "SELECT * FROM {s}_audit.record",
    "COPY {v} TO STDOUT",
    "COPY (SELECT * FROM {v}) TO STDOUT",
    "COPY {s}_private.people__1 TO STDOUT",
    "COPY {s}_private.people__1 TO PROGRAM 'cat'",
    "COPY (SELECT 1) TO PROGRAM 'id'",
    "SELECT ctid FROM {v}",
    "SELECT xmin FROM {v}",
    "SELECT tableoid::regclass FROM {v}",
    "SELECT * FROM {v} TABLESAMPLE BERNOULLI (100)",
    "SELECT * FROM {v} FOR UPDATE",
    "SELECT * FROM {v} FOR KEY SHARE",
    "UPDATE {v} SET id = id RETURNING *",
    "DELETE FROM {v} RETURNING *",
    "INSERT INTO {v} (id) VALUES (9) RETURNING *",
    "MERGE INTO {v} v USING (SELECT 1) x ON true WHEN MATCHED THEN DELETE",
    "TRUNCATE {v}",
    "LOCK TABLE {v} IN ACCESS EXCLUSIVE MODE",
    "SELECT 1 / (id - 2) FROM {v}",
    "SELECT * FROM {v} WHERE 1 / (id - 2) > 5",
    "SELECT email::integer FROM {v}",
    "SELECT * FROM {v} WHERE region::integer > 0",
    "SELECT (born::text || 'x')::date FROM {v}",
    "SELECT * FROM {v} WHERE (email || region)::xml IS NOT NULL",
    "SELECT * FROM {v} WHERE salary > 0",
    "SELECT max(id), min(region), string_agg(email, ','), array_agg(salary) FROM {v}",
    "SELECT * FROM {v} v JOIN {v} w ON v.region <= w.region AND v.id < w.id",
    "SELECT * FROM pg_stats WHERE schemaname LIKE '{s}%'",
    "SELECT * FROM pg_statistic",
    "SELECT * FROM pg_stats_ext WHERE schemaname LIKE '{s}%'",
    "SELECT * FROM pg_stats_ext_exprs",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM {v} WHERE email = 'x'",
    "EXPLAIN (VERBOSE) SELECT * FROM {s}.full WHERE salary > 7",
    "SELECT query_to_xml('SELECT * FROM {s}_private.people', true, true, '')",
    "SELECT schema_to_xml('{s}_private', true, true, '')",
    "SELECT table_to_xml('{v}', true, true, '')",
    "SELECT cursor_to_xml('c', 1, true, true, '')",
    "SELECT ts_stat('SELECT to_tsvector(email) FROM {s}_private.people')",
    "SELECT pg_read_file(pg_relation_filepath('{s}_private.people__1'))",
    "SELECT lo_import('/etc/passwd')",
    "SET ROLE {s}_access; TABLE {s}_private.people",
    "SET ROLE {s}_pipeline; TABLE {s}_private.people",
    'SET ROLE "{s}:full"; TABLE {s}.full',
    "SET SESSION AUTHORIZATION {s}_access; TABLE {s}_private.people",
    'GRANT "{s}:full" TO CURRENT_USER; TABLE {s}.full',
    "GRANT SELECT ON {s}.full TO CURRENT_USER; TABLE {s}.full",
    "ALTER VIEW {v} SET (security_barrier = false)",
    "ALTER VIEW {v} OWNER TO CURRENT_USER",
    "CREATE OR REPLACE VIEW {v} AS TABLE {s}_private.people",
    "CREATE TEMP VIEW mine AS TABLE {s}_private.people; TABLE mine",
    "CREATE TEMP VIEW mine AS TABLE {s}.full; TABLE mine",
    "CREATE RULE r AS ON INSERT TO {v} DO INSTEAD SELECT 1",
    "CREATE VIEW {s}.mine AS SELECT 1",
    "CREATE TEMP TABLE copied AS TABLE {v}; TABLE copied",
    "CREATE FUNCTION {s}.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "DO $$ DECLARE r record; BEGIN FOR r IN EXECUTE 'TABLE {s}_private.people' LOOP RAISE NOTICE '%', r; END LOOP; END $$",
    """CREATE FUNCTION pg_temp.leak(anyelement) RETURNS boolean COST 0.0000000001 LANGUAGE plpgsql
       AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'; SELECT * FROM {v} v WHERE pg_temp.leak(v)""",
    """CREATE FUNCTION pg_temp.leak(text) RETURNS boolean COST 0.0000000001 LANGUAGE plpgsql
       AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'; SELECT id FROM {v} WHERE pg_temp.leak(email) AND pg_temp.leak(region)
       AND pg_temp.leak(salary::text) AND pg_temp.leak(born::text) AND pg_temp.leak(id::text)""",
    """CREATE FUNCTION pg_temp.same(text, text) RETURNS boolean COST 0.0000000001 LANGUAGE plpgsql
       AS 'BEGIN RAISE NOTICE ''% %'', $1, $2; RETURN true; END';
       CREATE OPERATOR pg_temp.= (leftarg = text, rightarg = text, function = pg_temp.same, restrict = eqsel);
       SELECT * FROM {v} WHERE email OPERATOR(pg_temp.=) region ORDER BY id""",
    "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LEAKPROOF LANGUAGE sql AS 'SELECT true'",
    "CREATE STATISTICS s ON id, region FROM {s}_private.people__1",
    "SELECT * FROM pg_stat_activity",
    "SELECT * FROM dblink('dbname=postgres', 'TABLE {s}_private.people') AS t (x text)",
)  # fmt: skip


def attempt(product: Product, login: str, statement: str) -> str:
    """All that a login gets to see of a statement: rows, notices, errors with their details."""
    seen: list[str] = []
    try:
        with psycopg.connect(product.server.url(product.database, login)) as connection:
            connection.add_notice_handler(
                lambda notice: seen.append(f"{notice.message_primary} {notice.message_detail}")
            )
            cursor = connection.cursor()
            if statement.startswith("COPY"):
                with cursor.copy(statement.encode()) as copy:
                    seen += [str(row) for row in copy]
            else:
                cursor.execute(statement.encode())
                while True:
                    if cursor.description:
                        seen += [" ".join(map(str, row)) for row in cursor.fetchall()]
                    if not cursor.nextset():
                        break
    except psycopg.Error as error:
        told = error.diag
        seen += [
            str(error),
            *(str(getattr(told, part)) for part in ("message_detail", "message_hint", "context")),
        ]
    return "\n".join(seen)


def test_no_attack_shows_what_is_hidden(product: Product) -> None:
    product.apply(**PEOPLE)
    product.run("ANALYZE")
    for name in ("bob", "eve"):
        for attack in ATTACKS:
            statement = attack.format(s=product.schema, v=f"{product.schema}.masked_eu")
            seen = attempt(product, product.login(name), statement)
            assert not [value for value in HIDDEN if value in seen], (name, statement, seen)
    # The same sentinels are there to be seen: by whom the policy lets see them.
    seen = attempt(product, product.login("ada"), f"TABLE {product.schema}.full")
    assert all(value in seen for value in HIDDEN)
    assert product.verify(**PEOPLE) == []


def test_everybody_reads_exactly_what_the_policy_says(product: Product) -> None:
    product.make("canary")
    product.apply(**PEOPLE)
    relations = [
        row[0]
        for row in product.admin(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v', 'p', 'm') "
            f"AND relnamespace::regnamespace::text LIKE '{product.schema}%'"
        )
    ]
    assert len(relations) == 5
    readable = {
        (name, relation)
        for name in ("ada", "bob", "eve", "canary")
        for relation in relations
        if "permission denied" not in attempt(product, product.login(name), f"SELECT * FROM {relation}")
    }
    assert readable == {("ada", f'{product.schema}."full"'), ("bob", f"{product.schema}.masked_eu")}


@pytest.mark.parametrize("condition", ["id = 77", "id = 2", "region = 'US'", "id BETWEEN 2 AND 77"])
def test_a_plan_does_not_tell_whether_a_hidden_row_fits(product: Product, condition: str) -> None:
    """Neither what it expects, which comes from statistics, nor what it met: hidden rows must not even be tested."""
    product.apply(**PEOPLE)
    product.run(f"""
        INSERT INTO {product.schema}_private.people__1 SELECT 77, 'US' FROM generate_series(1, 900);
        INSERT INTO {product.schema}_private.people__1 SELECT n, 'EU' FROM generate_series(100, 200) AS n;
        CREATE INDEX ON {product.schema}_private.people__1 (id); CREATE INDEX ON {product.schema}_private.people__1 (region);
        ANALYZE {product.schema}_private.people__1""")

    def told(condition: str) -> list[str]:
        asked = f"SELECT id FROM {product.schema}.masked_eu WHERE {condition}"
        options = "SET enable_seqscan = off; EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, BUFFERS OFF)"
        lines = attempt(product, product.login("bob"), f"{options} {asked}").splitlines()
        return [line for line in lines if "rows=" in line or "Removed" in line]

    assert told(condition)
    assert told(condition) == told({"region": "region = 'XX'", "id": "id = -1"}.get(condition.split()[0], "")
                                   if "BETWEEN" not in condition else "id BETWEEN -2 AND -1")  # fmt: skip


def test_who_leaves_reads_no_more_not_even_in_an_open_session(product: Product) -> None:
    product.apply(**PEOPLE)
    statement = f"SELECT * FROM {product.schema}.full".encode()
    url = product.server.url(product.database, product.login("ada"))
    with psycopg.connect(url, autocommit=True) as open_, psycopg.connect(url, autocommit=True) as switched:
        assert len(open_.execute(statement).fetchall()) == 3
        try:
            switched.execute(f'SET ROLE "{product.schema}:full"'.encode())
            assert not product.newest  # where a membership is given without it
        except psycopg.errors.InsufficientPrivilege:
            assert product.newest
        assert len(switched.execute(statement).fetchall()) == 3
        done = product.apply(bob="masked-eu")
        assert [change.action for change in done.changes] == ["revoke"]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            open_.execute(statement)
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
            assert switched.execute(statement).fetchall() == []
    assert product.verify(bob="masked-eu") == []


def test_what_a_leaver_left_behind_reads_nothing(product: Product) -> None:
    """A view that belongs to the role itself would outlive the membership of whoever made it."""
    product.apply(**PEOPLE)
    ada, s = product.login("ada"), product.schema
    product.run(f"CREATE SCHEMA own AUTHORIZATION {ada}")
    planted = f'GRANT ALL ON SCHEMA own TO "{s}:full"; SET ROLE "{s}:full"; CREATE VIEW own.v AS TABLE {s}.full; GRANT SELECT ON own.v TO PUBLIC'
    attempt(product, ada, planted)
    attempt(
        product,
        ada,
        f"GRANT USAGE ON SCHEMA own TO PUBLIC; CREATE VIEW own.w AS TABLE {s}.full; GRANT SELECT ON own.w TO PUBLIC",
    )
    done = product.apply(bob="masked-eu")
    for login in (ada, product.login("eve")):
        for leak in ("own.v", "own.w"):
            assert SENTINEL not in attempt(product, login, f"TABLE {leak}")
    if not product.newest:
        assert any("own.v" in manual_action.sentence for manual_action in done.manual_actions)
    product.run("DROP SCHEMA own CASCADE")


def test_a_view_that_readers_build_on_does_not_keep_them_reading(make: Make) -> None:
    product = make()
    product.make("ada", "bob", "eve")
    product.apply(**PEOPLE)
    ada, s = product.login("ada"), product.schema
    product.run(f"CREATE SCHEMA own AUTHORIZATION {ada}")
    attempt(product, ada, f"CREATE VIEW own.v AS TABLE {s}.full; CREATE TABLE own.t (x {s}.full)")
    assert SENTINEL in attempt(product, ada, "TABLE own.v")
    narrow = view("full", "id", "region")
    product.views = (narrow, MASKED)
    done = product.apply(**PEOPLE)
    assert SENTINEL not in attempt(product, ada, "TABLE own.v")
    assert SENTINEL not in attempt(product, ada, f"TABLE {s}.full")
    assert "1 EU" in attempt(product, ada, f"TABLE {s}.full")
    (manual_action,) = done.manual_actions
    assert "own.t" in manual_action.sentence or "own.v" in manual_action.sentence
    assert product.plan(**PEOPLE).changes == ()
    product.run(manual_action.statement)
    assert product.verify(**PEOPLE) == []
    product.run("DROP SCHEMA own CASCADE")


def test_a_view_that_only_grows_is_replaced_under_what_readers_built_on_it(make: Make) -> None:
    product = make(views=(view("full", "id", "region"), MASKED))
    product.make("ada", "bob")
    product.apply(**PEOPLE)
    ada, s = product.login("ada"), product.schema
    product.run(f"CREATE SCHEMA own AUTHORIZATION {ada}")
    attempt(product, ada, f"CREATE VIEW own.v AS TABLE {s}.full")
    product.views = (FULL, MASKED)
    done = product.apply(**PEOPLE)
    assert [change.action for change in done.changes] == ["replace"]
    assert done.manual_actions == ()
    assert "EU" in attempt(product, ada, "TABLE own.v")
    product.run("DROP SCHEMA own CASCADE")


def test_nothing_that_somebody_created_is_taken_for_a_part_of_postgresql(product: Product) -> None:
    """Functions, operators and types of the same names, found first wherever a search path lets them be."""
    s, eve = product.schema, product.login("eve")
    product.run(f"""
        CREATE FUNCTION public.has_table_privilege(oid, oid, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
        CREATE FUNCTION public.pg_get_viewdef(oid) RETURNS text LANGUAGE sql AS 'SELECT ''same''';
        CREATE FUNCTION public.date_trunc(text, date) RETURNS date LANGUAGE sql AS 'SELECT $2';
        CREATE FUNCTION public.substring(text, text) RETURNS text LANGUAGE sql AS 'SELECT $1';
        CREATE FUNCTION public.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE OPERATOR public.= (leftarg = text, rightarg = text, function = public.same);
        CREATE TABLE public.pg_roles (oid oid, rolname name); CREATE TABLE public.pg_auth_members (roleid oid);
        CREATE TYPE public.text AS ENUM ('x');
        ALTER ROLE {s}_access SET search_path = public, pg_catalog; ALTER ROLE {s}_access SET quote_all_identifiers = on;
        ALTER ROLE {s}_access SET transform_null_equals = on; ALTER ROLE {s}_access SET default_transaction_read_only = on;
        ALTER ROLE {s}_access SET standard_conforming_strings = off; ALTER ROLE {s}_access SET timezone = 'Asia/Tokyo';
        """)  # fmt: skip
    product.apply(**PEOPLE)
    assert product.verify(**PEOPLE) == []
    found = product.read(
        "bob", f"SELECT id, email, born::pg_catalog.text, seen AT TIME ZONE 'UTC' FROM {s}.masked_eu"
    )
    assert [tuple(map(str, row)) for row in found] == [
        (str(1), "example.org", "1815-01-01", "2025-01-01 00:00:00")
    ]
    product.run(f'SET ROLE {s}_access; GRANT "{s}:full" TO {eve}')
    assert product.verify(**PEOPLE) != []


def test_a_row_without_a_value_never_fits(make: Make) -> None:
    for operation, values, ids in (
        ("in", ("EU", "US"), [1, 2]),
        ("notIn", ("EU",), [2]),
        ("atLeast", ("F",), [2]),
        ("atMost", ("F",), [1]),
    ):
        rows = (Condition(column("region"), operation, values),)  # type: ignore[arg-type]
        product = make(views=(replace(MASKED, rows=rows),))
        product.make("bob")
        product.apply(bob="masked-eu")
        found = product.read("bob", f"SELECT id FROM {product.schema}.masked_eu ORDER BY id")
        assert [row[0] for row in found] == ids
        product.run(sql.SQL("DROP ROLE {}").format(sql.Identifier(product.login("bob"))).as_string())


def test_a_value_that_only_a_collation_takes_for_the_same_does_not_fit(make: Make) -> None:
    product = make(views=(replace(MASKED, rows=(Condition(column("region"), "in", ("eu",)),)),))
    try:
        collation = "CREATE COLLATION public.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        product.run(collation)
    except psycopg.errors.FeatureNotSupported:
        return  # A server that was built without ICU has no such collations.
    s = product.schema
    product.run(f"DROP VIEW {s}_private.people; ALTER TABLE {s}_private.people__1 ALTER region TYPE text COLLATE public.any_case, "
                f"ALTER email TYPE text COLLATE public.any_case; SET ROLE {s}_pipeline; "
                f"CREATE VIEW {s}_private.people AS TABLE {s}_private.people__1")  # fmt: skip
    product.make("bob")
    # No pipeline publishes such a column, so nobody reads it.
    assert any("collation" in action.sentence for action in product.apply(bob="masked-eu").manual_actions)
    assert product.admin(f"SELECT count(*) FROM {s}_private.people WHERE region = 'eu'") == [(1,)]
    with pytest.raises(psycopg.errors.UndefinedTable):
        product.read("bob", f"SELECT * FROM {s}.masked_eu")


def test_who_makes_the_readers_act_as_themselves_cannot_stop_a_run(product: Product) -> None:
    """A role that is in the role of readers cannot have it as a member: PostgreSQL would refuse the whole."""
    product.run(f'GRANT {product.login("ada")} TO "{product.schema}:full"')
    done = product.apply(**PEOPLE)
    assert any("cannot become a reader" in manual_action.sentence for manual_action in done.manual_actions)
    assert len(product.read("bob", f"SELECT * FROM {product.schema}.masked_eu")) == 1
    for manual_action in done.manual_actions:
        product.run(manual_action.statement)
    assert product.apply(**PEOPLE).manual_actions == ()
    assert product.verify(**PEOPLE) == []


def test_what_no_manual_action_explains_is_not_committed(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The matrix asks PostgreSQL, and knows nothing of how a plan is made: here the plan overlooks a superuser."""
    difference = sys.modules["meshwright.access.targets.postgres.difference"]
    monkeypatch.setattr(difference, "check_powerful_logins", lambda *_: None)
    product.run(f"ALTER ROLE {product.login('eve')} SUPERUSER")
    with pytest.raises(Refused, match=product.login("eve")):
        product.apply(**PEOPLE)
    assert postgres.audit_records(product.port) == []
    assert any(product.login("eve") in sentence for sentence in product.verify(**PEOPLE))
