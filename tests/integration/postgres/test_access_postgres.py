"""Access in PostgreSQL: who can read what of a product, proven on real servers of two versions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_product import (  # noqa: F401  fixtures
    FULL,
    MASKED,
    PEOPLE,
    ROWS,
    SENTINEL,
    TABLE,
    Make,
    Product,
    catalog,
    column,
    the_make,
    the_product,
    the_server,
    view,
)
from postgres_server import Server
from psycopg import sql

from meshwright.access import audit
from meshwright.access.grants import (
    AuditRecord,
    Column,
    Condition,
    Desired,
    Member,
    Port,
    Principal,
    Refused,
    View,
    VisibleColumn,
)
from meshwright.access.orphans import orphans
from meshwright.access.targets import postgres
from meshwright.access.targets.postgres.logins import existing_logins
from meshwright.access.targets.postgres.names import Names


@pytest.mark.main
def test_two_roles_see_what_the_policy_says_and_nobody_else_sees_anything(product: Product) -> None:
    people = PEOPLE
    planned = product.plan(**people)
    assert planned.manual_actions == ()
    assert product.apply(**people).changes == planned.changes
    assert product.plan(**people).changes == ()
    assert product.verify(**people) == []
    assert [row[0] for row in product.read("ada", f"SELECT id FROM {product.schema}.full ORDER BY id")] == [
        1,
        2,
        3,
    ]
    found = product.read("bob", f"SELECT *, born::text FROM {product.schema}.masked_eu")
    assert [str(value) for value in found[0]][:4] == ["1", "EU", "example.org", "1815-01-01"]
    assert len(found) == 1
    for name in ("bob", "eve"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            product.read(name, f"SELECT * FROM {product.schema}.full")


HOSTILE = (
    '"; DROP SCHEMA {s} CASCADE; --',
    "'; DROP TABLE x; --",
    "100% %s {} \\ \\' $1 $$",
    "sélect 名前 ✓",
    "select",
    "new\nline\ttab",
    "x" * 63,
    "é" * 31 + "x",
)


def test_whatever_a_name_or_a_value_holds_it_is_only_a_name_or_a_value(server: Server, make: Make) -> None:
    product = make(views=(), dataset='d"; DROP SCHEMA public; -- %s \\')
    names = [name.replace("{s}", product.schema) for name in HOSTILE]
    columns = [Column(name, "string", "public") for name in names]
    rows = (Condition(columns[0], "in", tuple(names)), Condition(columns[1], "notIn", ("\\", "'", "%s")))
    product.views = (View("all", "human", tuple(VisibleColumn(entry) for entry in columns), rows),)
    product.run(postgres.bootstrap(product.schema, ["all"], names))
    table = sql.Identifier(f"{product.schema}_private", f"{product.dataset}__1")
    script = sql.SQL(
        "SET ROLE {}; CREATE TABLE {} ({}); INSERT INTO {} VALUES ({}); CREATE VIEW {} AS SELECT * FROM {}"
    )
    script = script.format(
        sql.Identifier(f"{product.schema}_pipeline"),
        table,
        sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in names),
        table,
        sql.SQL(", ").join(map(sql.Literal, names)),
        sql.Identifier(f"{product.schema}_private", product.dataset),
        table,
    )
    product.run(script.as_string())
    members = tuple(Member(Principal(name, "human"), "all", (), None) for name in names)
    desired = Desired("test/people", product.dataset, product.views, members)
    done = postgres.apply(product.port, desired, AuditRecord({}))
    assert done.manual_actions == ()
    assert postgres.verify(product.port, desired) == []
    for name in names:
        assert product.as_login(name, f"SELECT * FROM {product.schema}.all") == [tuple(names)]
    for change in done.changes:
        assert change.sentence.isprintable(), change.sentence
    assert product.admin("SELECT count(*) FROM pg_namespace WHERE nspname = 'public'") == [(1,)]
    # The same from psql, as an administrator would run it; and everybody goes again.
    psql = [server.programs / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-q", server.url(product.database)]
    script = postgres.bootstrap(product.schema, ["all"], names)
    told = subprocess.run(psql, input=script, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, ""), told.stderr
    postgres.apply(product.port, replace(desired, members=()), AuditRecord({}))
    assert postgres.verify(product.port, replace(desired, members=())) == []


@pytest.mark.parametrize(
    "login",
    ["public", "PUBLIC", "none", "pg_read_all_data", "current_user", "x" * 64, "", "nobody-yet", "a\0b", "\udc80",
     "{s}_access", "{s}_pipeline", "{s}:full", "{s}_group"],
)  # fmt: skip
def test_who_has_no_login_of_their_own_is_named_and_everything_else_goes_on(
    product: Product, login: str
) -> None:
    login = login.replace("{s}", product.schema)
    product.run(f"CREATE ROLE {product.schema}_group")
    desired = product.desired(ada="full")
    stranger = Member(
        Principal("stranger@example.org", "human", logins={"postgres": login}), "full", (), None
    )
    desired = replace(desired, members=(*desired.members, stranger))
    done = postgres.apply(product.port, desired, AuditRecord({}))
    (manual_action,) = done.manual_actions
    assert "stranger@example.org" in manual_action.sentence
    assert manual_action.sentence.isprintable()
    assert len(product.read("ada", f"SELECT * FROM {product.schema}.full")) == 3
    assert postgres.verify(product.port, desired) == [manual_action.sentence]
    product.run(manual_action.statement)
    if "CREATE ROLE" in manual_action.statement:
        assert postgres.apply(product.port, desired, AuditRecord({})).manual_actions == ()
        assert len(product.as_login(login, f"SELECT * FROM {product.schema}.full")) == 3
    else:
        assert manual_action.statement.startswith("--")


def test_two_people_with_one_login_both_read_nothing(product: Product) -> None:
    desired = product.desired(ada="full")
    other = Member(
        Principal("other@example.org", "human", logins={"postgres": product.login("ada")}),
        "masked-eu",
        (),
        None,
    )
    desired = replace(desired, members=(*desired.members, other))
    done = postgres.apply(product.port, desired, AuditRecord({}))
    assert "same login" in done.manual_actions[0].sentence
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        product.read("ada", f"SELECT * FROM {product.schema}.full")


def test_the_bootstrap_can_be_run_again_and_for_a_new_role(product: Product) -> None:
    product.apply(**PEOPLE)
    before = catalog(product)
    product.run(postgres.bootstrap(product.schema, ["full", "masked-eu"], [product.login("ada")]))
    assert catalog(product) == before
    product.views = (*product.views, view("new", "id"))
    people = {**PEOPLE, "eve": "new"}
    done = product.apply(**people)
    assert [
        "t" in manual_action.sentence and manual_action.statement.startswith("CREATE ROLE")
        for manual_action in done.manual_actions
    ] == [True]
    assert product.plan(**people).changes == ()
    product.run(postgres.bootstrap(product.schema, [view.role for view in product.views]))
    assert product.apply(**people).manual_actions == ()
    assert product.verify(**people) == []
    assert len(product.read("eve", f"SELECT * FROM {product.schema}.new")) == 3


def test_a_role_that_the_policy_no_longer_has_is_emptied(product: Product) -> None:
    product.apply(**PEOPLE)
    product.views = (MASKED,)
    done = product.apply(bob="masked-eu")
    assert done.manual_actions == ()
    assert product.verify(bob="masked-eu") == []
    rights = f"SELECT has_schema_privilege('{product.schema}:full', '{product.schema}', 'USAGE'), to_regclass('{product.schema}.full')"
    assert product.admin(rights) == [(False, None)]


@pytest.mark.parametrize(
    "damage",
    [
        "DROP SCHEMA {s}, {s}_audit CASCADE",
        "ALTER TABLE {s}_audit.record OWNER TO eve_{s}",
        "REVOKE USAGE ON SCHEMA {s}_private FROM {s}_access",
    ],
)
def test_a_database_that_is_not_prepared_is_refused_with_the_script_that_prepares_it(
    product: Product, damage: str
) -> None:
    product.run(damage.format(s=product.schema))
    with pytest.raises(Refused, match="not prepared") as refused:
        product.apply(**PEOPLE)
    product.run(refused.value.fix.partition("\n")[2])
    assert product.apply(**PEOPLE).manual_actions == ()
    assert product.verify(**PEOPLE) == []


def test_nobody_who_may_not_act_as_the_applier_can_apply(product: Product) -> None:
    with pytest.raises(Refused, match="cannot be changed as"):
        postgres.plan(product.port_as(product.login("eve")), product.desired())
    other = Names(f"{product.schema}x")
    with pytest.raises(Refused, match="cannot be changed as"):
        postgres.plan(product.port_as("postgres", schema=other.schema), product.desired())


def test_an_administrator_applies_with_the_appliers_rights_alone(product: Product) -> None:
    """So that a plan never works only because a superuser runs it."""
    port = product.port_as("postgres")
    postgres.apply(port, product.desired(**PEOPLE), AuditRecord({}))
    assert product.verify(**PEOPLE) == []
    product.run(f"CREATE TABLE {product.schema}.mine (x int)")
    assert postgres.apply(port, product.desired(**PEOPLE), AuditRecord({})).manual_actions
    attributes = "rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication"
    assert product.admin(f"SELECT {attributes} FROM pg_roles WHERE rolname = '{product.schema}_access'") == [
        (False,)
    ]


def test_a_plan_and_a_verification_change_nothing(product: Product) -> None:
    before = catalog(product)
    assert product.plan(**PEOPLE).changes
    assert product.verify(**PEOPLE)
    assert catalog(product) == before
    product.apply(**PEOPLE)
    before = catalog(product)
    product.plan(ada="masked-eu")
    assert catalog(product) == before


def test_a_new_column_of_the_data_is_nobodys(product: Product) -> None:
    product.apply(**PEOPLE)
    product.publish(2, TABLE + ", ssn text", [(*row, SENTINEL) for row in ROWS])
    assert product.plan(**PEOPLE).changes == ()
    assert product.verify(**PEOPLE) == []
    assert {len(row) for row in product.read("ada", f"SELECT * FROM {product.schema}.full")} == {6}


def test_a_column_that_changes_its_type_is_followed_at_once(product: Product) -> None:
    """As the pipeline does it: the old view is set aside, and a new one made."""
    product.apply(**PEOPLE)
    s = product.schema
    product.run(f"ALTER VIEW {s}_private.people RENAME TO people__1_view")
    product.publish(2, TABLE.replace("id integer", "id text"), [("one", *ROWS[0][1:])])
    assert len(product.read("ada", f"SELECT id FROM {s}.full")) == 3
    with psycopg.connect(
        server_url := product.server.url(product.database, product.login("ada")), autocommit=True
    ) as reader:
        assert server_url
        assert {change.action for change in product.apply(**PEOPLE).changes} == {"remove", "create", "grant"}
        assert reader.execute(f"SELECT id FROM {s}.full").fetchall() == [("one",)]
    assert product.verify(**PEOPLE) == []
    product.run(f"DROP VIEW {s}_private.people__1_view; DROP TABLE {s}_private.people__1")


@pytest.mark.parametrize(
    ("views", "says"),
    [
        ((view("full", "id", ("region", "year")),), "mask year cannot be used on column region"),
        ((view("full", ("id", "domain")),), "mask domain cannot be used on column id"),
        (
            (view("full", "id", rows=(Condition(column("id"), "in", (1, "x")),)),),
            "Value 2 of the condition on column id",
        ),
        ((view("full", "id", rows=(Condition(column("id"), "in", (2**63,)),)),), "Value 1"),
        ((view("full", "id", rows=(Condition(column("id"), "in", (True,)),)),), "Value 1"),
        ((view("full", "id", rows=(Condition(column("region"), "in", (5,)),)),), "Value 1"),
        ((view("full", "id", rows=(Condition(column("region"), "in", ("a\0b",)),)),), "Value 1"),
        ((view("full", "id", rows=(Condition(column("born"), "atLeast", ("now",)),)),), "Value 1"),
        ((view("full", "id", rows=(Condition(column("seen"), "atLeast", ("2026-01-01",)),)),), "time zone"),
        ((view("full", "id", rows=(Condition(column("salary"), "atMost", (float("nan"),)),)),), "Value 1"),
        (
            (View("full", "human", (VisibleColumn(Column("gone", "string", "public")),)),),
            "does not have: gone",
        ),
        ((view("Full; DROP", "id"),), "cannot have a name"),
    ],
)
def test_what_cannot_be_granted_as_it_is_asked_for_is_refused(
    product: Product, views: tuple[View, ...], says: str
) -> None:
    product.views = views
    before = catalog(product)
    with pytest.raises(Refused, match=says) as refused:
        product.apply()
    assert refused.value.fix
    assert catalog(product) == before


def test_masks_keep_what_they_say_and_no_more(make: Make) -> None:
    """Of every type that they can be used on, and whatever time zone the reader is in."""
    kinds = {
        "email_text": ("text", "domain", "a@b@example.org", "example.org"),
        "email_chars": ("varchar(40)", "domain", "a@b.org", "b.org"),
        "email_none": ("text", "domain", "nothing here", None),
        "email_end": ("char(9)", "domain", "ada@", ""),
        "email_null": ("text", "domain", None, None),
        "red_text": ("varchar(2)", "redacted", "ab", "***"),
        "red_null": ("text", "redacted", None, None),
        "red_uuid": ("uuid", "redacted", "6f4c1b0e-0000-4000-8000-000000000000", "***"),
        "year_date": ("date", "year", "1985-12-31", "1985-01-01"),
        "year_leap": ("date", "year", "2024-12-31", "2024-01-01"),
        "year_bc": ("date", "year", "0044-03-15 BC", "0044-01-01 BC"),
        "year_far": ("date", "year", "500000-03-15", "500000-01-01"),
        "year_never": ("date", "year", "infinity", None),
        "year_time": ("timestamp(3)", "year", "1985-12-31 23:59:59.123", "1985-01-01 00:00:00"),
        "year_zone": ("timestamptz", "year", "2026-01-01 00:30:00+02", "2025-01-01 00:00:00+00"),
        "empty_number": ("numeric(9,2)", "empty", "5.5", None),
        "empty_array": ("integer[]", "empty", "{1}", None),
        "empty_json": ("jsonb", "empty", "{}", None),
    }
    entries = tuple(VisibleColumn(Column(name, "string", "secret"), kind[1]) for name, kind in kinds.items())
    product = make(views=(View("masked", "human", entries),), dataset="kinds")
    s = product.schema
    columns = ", ".join(f"{name} {kind[0]}" for name, kind in kinds.items())
    product.run(f"""SET ROLE {s}_pipeline; CREATE TABLE {s}_private.kinds__1 ({columns});
        CREATE VIEW {s}_private.kinds AS SELECT * FROM {s}_private.kinds__1""")
    marks = ", ".join(f"%s::{kind[0]}" for kind in kinds.values())
    product.admin(f"INSERT INTO {s}_private.kinds__1 VALUES ({marks})", *(kind[2] for kind in kinds.values()))
    product.make("ada")
    product.apply(ada="masked")
    shown = ", ".join(f"{name}::text" for name in kinds)
    for zone in ("UTC", "Asia/Tokyo", "America/Los_Angeles"):
        product.run(f"ALTER ROLE {product.login('ada')} SET timezone = '{zone}'")
        query = f"SELECT {shown.replace('year_zone::text', '''(year_zone AT TIME ZONE 'UTC')::text || '+00' ''')} FROM {s}.masked"
        (found,) = product.read("ada", query)
        assert dict(zip(kinds, found, strict=True)) == {name: kind[3] for name, kind in kinds.items()}
    for name, kind in kinds.items():
        if kind[1] in ("empty", "year"):
            same = f"SELECT pg_typeof({name}) FROM {s}.masked"
            assert product.read("ada", same) == product.admin(f"SELECT '{kind[0]}'::regtype::text")


def test_audit_records_are_a_chain_that_nobody_else_can_read(product: Product) -> None:
    content = {
        "at": "2026-01-01",
        "float": 1e22,
        "one": 1.0,
        "text": "é \udc80 \x00 'x'",
        "none": None,
        "deep": {"b": [1], "a": 2},
    }
    assert postgres.audit_records(product.port) == []
    for people in (PEOPLE, {"ada": "full"}, {"ada": "full"}):
        postgres.apply(product.port, product.desired(**people), AuditRecord(content))
    found = postgres.audit_records(product.port)
    assert [record["number"] for record in found] == [1, 2, 3]
    assert audit.broken(found) == ""
    assert postgres.audit_records(product.port) == found
    assert found[0]["deep"] == {"b": [1], "a": 2}
    assert any("REVOKE" in statement for statement in found[1]["statements"])
    assert found[2]["statements"] == []
    product.run(
        f"UPDATE {product.schema}_audit.record SET content = replace(content::text, 'REVOKE', 'GRANT')::json WHERE number = 2"
    )
    assert "2" in audit.broken(postgres.audit_records(product.port))


def test_two_who_apply_at_once_both_succeed_and_one_has_nothing_to_do(product: Product) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: product.apply(**PEOPLE), range(4)))
    assert sorted(len(plan.changes) > 0 for plan in done) == [False, False, False, True]
    assert audit.broken(postgres.audit_records(product.port)) == ""
    assert product.verify(**PEOPLE) == []


def test_a_run_that_ends_anywhere_leaves_everything_as_it_was(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is ended before each of its statements in turn."""
    before = catalog(product)
    real = psycopg.Connection.execute
    ended = 0
    for last in range(1, 200, 3):
        count = iter(range(1000))

        def execute(
            self: Any, query: Any, *rest: Any, count: Iterator[int] = count, last: int = last, **more: Any
        ) -> Any:
            if self.info.user.endswith("_access") and next(count) == last:
                product.admin("SELECT pg_terminate_backend(%s)", self.info.backend_pid)
            return real(self, query, *rest, **more)

        monkeypatch.setattr(psycopg.Connection, "execute", execute)
        try:
            product.apply(**PEOPLE)
        except Refused as refused:
            ended += 1
            assert "connection was lost" in str(refused)
            monkeypatch.undo()
            assert catalog(product) == before
            continue
        break
    monkeypatch.undo()
    assert ended > 12
    assert product.verify(**PEOPLE) == []


def test_a_change_that_does_not_hold_is_undone(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody grants, in the middle of a run, what it has just looked at."""
    s, real = product.schema, psycopg.Connection.execute
    now = f'CREATE VIEW "{s}"."full"'.encode()

    def execute(self: Any, query: Any, *rest: Any, **more: Any) -> Any:
        if isinstance(query, bytes) and query.startswith(now):
            product.admin(f"GRANT SELECT ON {s}_audit.record TO {product.login('eve')}")
        return real(self, query, *rest, **more)

    monkeypatch.setattr(psycopg.Connection, "execute", execute)
    with pytest.raises(Refused, match="did not hold"):
        product.apply(**PEOPLE)
    monkeypatch.undo()
    assert product.admin(f"SELECT to_regclass('{s}.full')") == [(None,)]
    assert postgres.audit_records(product.port) == []
    product.apply(**PEOPLE)
    assert product.verify(**PEOPLE) == []


def test_a_reader_in_an_endless_transaction_stops_no_run_and_nobodys_revocation(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["meshwright.access.targets.postgres.session"], "LOCK_SECONDS", 1)
    product.apply(**PEOPLE, eve="masked-eu")
    product.views = (view("full", "region"), MASKED)
    with psycopg.connect(product.server.url(product.database, product.login("ada"))) as reader:
        reader.execute(f"SELECT * FROM {product.schema}.full")
        done = product.apply(**PEOPLE)
        assert [(change.action, change.principal) for change in done.changes] == [
            ("revoke", product.login("eve"))
        ]
        (manual_action,) = done.manual_actions
        assert product.login("ada") in manual_action.sentence
        assert postgres.audit_records(product.port)[-1]["manualActions"] == [manual_action.sentence]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            product.read("eve", f"SELECT * FROM {product.schema}.masked_eu")
        with pytest.raises(Refused, match=product.login("ada")):
            product.apply(**PEOPLE)
        # A lock that everybody can take does not even make it wait.
        reader.execute("ROLLBACK; BEGIN; SELECT pg_advisory_lock(n) FROM generate_series(1, 100) AS n")
        product.apply(**PEOPLE)
        reader.execute(f"SELECT * FROM {product.schema}.full")
        product.views = (FULL, MASKED)
        with pytest.raises(Refused) as refused:
            product.apply(**PEOPLE)
        product.run(refused.value.fix)
        product.apply(**PEOPLE)
        assert product.verify(**PEOPLE) == []
        reader.close()


def test_memberships_have_the_options_that_they_should(product: Product) -> None:
    product.apply(**PEOPLE)
    full = f'"{product.schema}:full"'
    for options in ("SET TRUE", "INHERIT FALSE", "ADMIN TRUE") if product.newest else ("ADMIN OPTION",):
        product.run(
            f"SET ROLE {product.schema}_access; GRANT {full} TO {product.login('ada')} WITH {options}"
        )
        assert product.verify(**PEOPLE) != []
        product.apply(**PEOPLE)
        assert product.verify(**PEOPLE) == []


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hush-hush@/x?host=/nowhere",
        "postgresql://u:hush-hush%zz@/x",
        "postgresql://u:hush-hush@hush-hush.invalid/x",
        "postgresql://u@/x?host=/nowhere&password=hush-hush",
        "postgresql://u:hush-hush@127.0.0.1:1/x?connect_timeout=1",
        "host=/nowhere password=hush-hush",
        "mysql://u:hush-hush@/x",
        "nowhere",
    ],
)
def test_no_error_repeats_a_password(tmp_path: Path, url: str) -> None:
    port = Port("warehouse", "postgres@1", {"url": url, "schema": "people"}, str(tmp_path))
    with pytest.raises(Refused) as refused:
        postgres.audit_records(port)
    assert "hush-hush" not in str(refused.value) + refused.value.fix
    assert refused.value.__cause__ is None


def test_an_embedded_server_is_found_by_its_folder(product: Product) -> None:
    folder = product.server.folder / "data"
    port = product.port_as("ignored", url=str(folder))
    assert postgres.apply(port, product.desired(**PEOPLE), AuditRecord({})).manual_actions == ()
    assert product.verify(**PEOPLE) == []
    elsewhere = product.port_as("ignored", url="build/nowhere")
    with pytest.raises(Refused, match="not running") as refused:
        postgres.plan(elsewhere, product.desired())
    assert "uv run python -m pipeline.outputs.postgres" in refused.value.fix


def test_verification_says_once_what_each_can_do_on_how_much(product: Product) -> None:
    product.apply(**PEOPLE)
    s, eve = product.schema, product.login("eve")
    product.run(f"""
        GRANT SELECT (email), UPDATE (born) ON {s}.full TO {eve}; GRANT CREATE ON SCHEMA {s} TO {eve};
        CREATE FUNCTION {s}.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
        DO $$ BEGIN FOR n IN 1..30 LOOP EXECUTE 'CREATE VIEW {s}.v' || n || ' AS SELECT 1 AS x'; END LOOP; END $$;
        GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {s}_audit TO {eve};
        GRANT SELECT ON ALL TABLES IN SCHEMA {s} TO "{s}:masked-eu"; GRANT EXECUTE ON FUNCTION {s}.f() TO {eve};
        """)
    said = [sentence for sentence in product.verify(**PEOPLE) if not sentence.startswith("To be done")]
    for expected in (
        f'{eve} can SELECT on "{s}"."full".email, which nobody granted.',
        f'{eve} can UPDATE on "{s}"."full".born, which nobody granted.',
        f'{eve} can CREATE on "{s}", which nobody granted.',
        f"{eve} can EXECUTE on {s}.f(), which nobody granted.",
        f'{eve} can INSERT, SELECT on "{s}_audit"."record", which nobody granted.',
    ):
        assert expected in said, said
    (many,) = [sentence for sentence in said if sentence.startswith(f"{product.login('bob')} can SELECT on")]
    assert "and 28 more" in many
    product.apply(**PEOPLE)
    assert product.verify(**PEOPLE) == []


def test_a_login_whose_owner_left_is_named_until_it_is_gone(product: Product) -> None:
    bob, eve = product.login("bob"), product.login("eve")
    people = {name: {"logins": {"postgres": login}} for name, login in (("bob@x", bob), ("zed@x", 'no"body'))}
    members = [{"principal": name} for name in ("bob@x", "zed@x", "eve@x")]
    records = [{"at": "2026-11-03T00:00:00+00:00", "members": members, "people": people}, {"at": "2026-11-04", "members": []}]  # fmt: skip
    product.apply(bob="masked-eu")
    left = orphans(product.port, records, {"bob@x", "zed@x"}, existing_logins)
    assert [(one.principal, one.login, one.exists) for one in left] == [
        ("bob@x", bob, True),
        ("zed@x", 'no"body', False),
    ]
    assert left[0].sentence.endswith(f'an administrator ends it: DROP ROLE "{bob}";')
    assert "DROP ROLE" not in left[1].sentence and eve not in left[0].sentence
    product.apply()
    product.run(left[0].sentence.rpartition(": ")[2])
    assert [one.exists for one in orphans(product.port, records, {"bob@x"}, existing_logins)] == [False]
