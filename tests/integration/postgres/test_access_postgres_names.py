"""Two products whose names meet in one server: none gets what is another's, and neither loses anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from postgres_product import PEOPLE, Make, Product, the_make, the_product, the_server  # noqa: F401  fixtures
from postgres_server import Server
from psycopg import sql

from meshwright.access.grants import AuditRecord, Refused
from meshwright.access.targets import postgres
from meshwright.access.targets.postgres.names import Names

OWN = "test/people"


def rights(product: Product) -> list[object]:
    """What another product or program could lose: owners, grants, members, comments."""
    return [
        product.admin(query)
        for query in (
            "SELECT nspname, nspowner::regrole::text, nspacl::text FROM pg_namespace ORDER BY 1",
            "SELECT oid::regclass::text, relowner::regrole::text, relacl::text FROM pg_class WHERE oid >= 16384 ORDER BY 1",
            "SELECT rolname, rolcanlogin, rolsuper, shobj_description(oid, 'pg_authid') FROM pg_roles ORDER BY 1",
            "SELECT roleid::regrole::text, member::regrole::text, admin_option FROM pg_auth_members ORDER BY 1, 2",
            "SELECT defaclrole::regrole::text, defaclacl::text FROM pg_default_acl ORDER BY 1, 2",
        )
    ]


@pytest.mark.parametrize(
    "schema", ["departures_private", "departures_audit", "departures_private_audit", "_private"]
)
def test_no_schema_ends_as_the_private_ones_of_another_product(schema: str) -> None:
    with pytest.raises(Refused) as refused:
        Names(schema)
    assert "schema" in refused.value.fix or "letter first" in refused.value.fix
    for name in Names("departures").schemas[1:]:
        with pytest.raises(Refused, match="another product's"):
            postgres.bootstrap(name, ["reader"], product="a/b")


def test_names_of_two_schemas_never_meet() -> None:
    """Whatever follows from one schema follows from no other: a short one, its neighbours, and the longest."""
    schemas = ["a", "a_", "a_p", "a_private_", "a_access", "a_pipeline", "a_privat", "aa", "x" * 40, "x" * 39]
    made = [
        {(kind, name) for kind, names in (("schema", n.schemas), ("role", (n.access, n.pipeline, n.reader("r")))) for name in names}
        for n in map(Names, schemas)
    ]  # fmt: skip
    assert len(set().union(*made)) == sum(map(len, made))
    assert max(len(name.encode()) for names in made for _, name in names) <= 63
    assert len({Names("s").view(role) for role in ("a-b", "ab", "a-b-c", "abc")}) == 4


TAKEN = {
    "a schema": "CREATE SCHEMA {s}x AUTHORIZATION {eve}",
    "a private schema": "CREATE SCHEMA {s}x_private AUTHORIZATION {eve}",
    "a schema for audit records": "CREATE SCHEMA {s}x_audit AUTHORIZATION postgres",
    "a superuser's login": "CREATE ROLE {s}x_pipeline LOGIN SUPERUSER",
    "logins of another product": """CREATE ROLE {s}x_access LOGIN;
        COMMENT ON ROLE {s}x_access IS 'meshwright {{"product" : "other/product", "database" : "postgres"}}'""",
    "logins of the same product in another database": """CREATE ROLE {s}x_pipeline LOGIN;
        COMMENT ON ROLE {s}x_pipeline IS 'Theirs. meshwright {{"product" : "test/people", "database" : "elsewhere"}}'""",
}


@pytest.mark.parametrize("what", TAKEN)
def test_the_bootstrap_takes_nothing_that_is_somebody_elses(product: Product, what: str) -> None:
    s = product.schema
    product.run(TAKEN[what].format(s=s, eve=product.login("eve")))
    before = rights(product)
    script = postgres.bootstrap(f"{s}x", ["reader"], product=OWN)
    with pytest.raises(psycopg.errors.RaiseException, match="nothing was changed") as stopped:
        product.run(script)
    assert "schema" in (stopped.value.diag.message_hint or "")
    product.run("ROLLBACK")
    assert rights(product) == before
    product.run(f"DROP SCHEMA IF EXISTS {s}x, {s}x_private, {s}x_audit")
    product.run(f"DROP ROLE IF EXISTS {s}x_access; DROP ROLE IF EXISTS {s}x_pipeline")
    product.run(script)
    product.run(script)
    product.run(f"DROP SCHEMA {s}x, {s}x_private, {s}x_audit CASCADE")


def test_the_bootstrap_of_another_product_with_the_same_schema_stops(product: Product) -> None:
    product.apply(**PEOPLE)
    before = rights(product)
    with pytest.raises(psycopg.errors.RaiseException, match="test/people"):
        product.run(postgres.bootstrap(product.schema, ["full"], product="test/other"))
    assert rights(product) == before
    assert len(product.read("ada", f"SELECT * FROM {product.schema}.full")) == 3


def test_another_product_with_the_same_schema_is_refused_before_anything_changes(product: Product) -> None:
    product.apply(**PEOPLE)
    before = rights(product)
    other = replace(product.desired(eve="full"), product="test/other")
    for verb in (
        lambda: postgres.plan(product.port, other),
        lambda: postgres.apply(product.port, other, AuditRecord({})),
        lambda: postgres.verify(product.port, other),
    ):
        with pytest.raises(Refused, match="is taken") as refused:
            verb()
        assert "test/people" in str(refused.value)
    assert rights(product) == before
    # It was renamed: as it is printed.
    product.run(refused.value.fix.partition("\n")[2])
    product.run(postgres.bootstrap(product.schema, ["full", "masked-eu"], product="test/other"))
    assert postgres.apply(product.port, other, AuditRecord({})).manual_actions == ()
    with pytest.raises(Refused, match="is taken"):
        product.plan(**PEOPLE)


@pytest.fixture
def elsewhere(server: Server) -> Iterator[str]:
    """Another database of the same server."""
    name = server.database()
    yield name
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.mark.parametrize("marked", ["marked", "as before marks"])
def test_the_same_schema_in_two_databases_stops_in_the_second(
    product: Product, elsewhere: str, marked: str
) -> None:
    product.apply(**PEOPLE)
    s = product.schema
    if marked != "marked":
        product.run(f"COMMENT ON ROLE {s}_access IS NULL; COMMENT ON ROLE {s}_pipeline IS NULL")
    second = replace(product, database=elsewhere)
    with pytest.raises(psycopg.errors.RaiseException, match="database postgres"):
        second.run(postgres.bootstrap(s, ["full", "masked-eu"], product=OWN))
    # An administrator who makes it anyway.
    second.run(f"""CREATE SCHEMA {s} AUTHORIZATION {s}_access; CREATE SCHEMA {s}_private AUTHORIZATION {s}_pipeline;
        CREATE SCHEMA {s}_audit AUTHORIZATION {s}_access; GRANT USAGE ON SCHEMA {s}_private TO {s}_access;
        ALTER DEFAULT PRIVILEGES FOR ROLE {s}_pipeline IN SCHEMA {s}_private GRANT SELECT ON TABLES TO {s}_access""")
    second.publish()
    if marked == "marked":
        with pytest.raises(Refused, match=f"in the database {second.database}|in {second.database}"):
            second.apply(**PEOPLE)
    else:
        assert any("database" in action.sentence for action in second.apply(**PEOPLE).manual_actions)
    assert any("in the database" in sentence for sentence in product.verify(**PEOPLE))
    second.run(f"DROP OWNED BY {s}_access, {s}_pipeline CASCADE")


def test_logins_without_a_mark_are_advice_that_ends_with_the_statement(product: Product) -> None:
    s = product.schema
    product.run(f"COMMENT ON ROLE {s}_access IS 'The applier.'; COMMENT ON ROLE {s}_pipeline IS NULL")
    done = product.apply(**PEOPLE)
    assert done.manual_actions == () and product.verify(**PEOPLE) == []
    (advice,) = done.advice
    assert f"{s}_pipeline and {s}_access" in advice.sentence
    product.run(advice.statement)
    product.run(advice.statement)
    assert product.plan(**PEOPLE).advice == ()
    assert product.admin(f"SELECT shobj_description('{s}_access'::regrole, 'pg_authid')") == [
        ('The applier. meshwright {"product" : "test/people", "database" : "postgres"}',)
    ]


@pytest.mark.parametrize("login", ["{s}_access", "{s}_pipeline", "eve_{s}"])
def test_nobody_but_who_makes_roles_changes_a_mark(product: Product, login: str) -> None:
    s = product.schema
    product.run(f'GRANT "{s}:full" TO eve_{s} WITH ADMIN OPTION; ALTER DATABASE postgres OWNER TO eve_{s}')
    for role in (f"{s}_access", f"{s}_pipeline", f'"{s}:full"'):
        for words in ("NULL", '\'meshwright {"product": "x/y"}\''):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                product.as_login(login.format(s=s), f"COMMENT ON ROLE {role} IS {words}")
    product.run("ALTER DATABASE postgres OWNER TO postgres")


@pytest.mark.parametrize("schema", ["", "_private", "_audit"])
def test_a_schema_that_is_somebody_elses_is_named_with_what_to_do(product: Product, schema: str) -> None:
    product.run(f"ALTER SCHEMA {product.schema}{schema} OWNER TO {product.login('eve')}")
    with pytest.raises(Refused, match=f"belongs to {product.login('eve')}") as refused:
        product.apply(**PEOPLE)
    product.run(refused.value.fix.partition("\n")[2])
    assert product.apply(**PEOPLE).manual_actions == ()
    assert product.verify(**PEOPLE) == []
