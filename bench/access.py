"""`make bench-access`: access as code, against what one would use instead, in one run.

1. A mesh in one database: plan, apply, plan again and verify, for every product one after the other.
2. pgbedrock (https://pgbedrock.readthedocs.io) on the same database: how long its check takes. Who finds which of
   ten things that somebody does by hand, is asked in a smaller mesh: it does not depend on how many products there are.
3. Decisions a second: regopy, which is the one that decides, and Open Policy Agent with the same policy.
4. Publishing rows and masking them, against a bare COPY; reading through a mask, against reading the table.

The server is a throw-away one (tests/support/postgres_server.py), which does not wait for its disk. What differs from a
healthy state is undone after each look, and that it is healthy again is asserted. Sizes, by environment variables:

    PRODUCTS=300  COLUMNS=25  PRINCIPALS=40    the mesh: products, columns of each, people who read of each
    AMONG=10  DRIFTS=10                        products of the smaller mesh; how many of the ten are done
    AGREEMENTS=10000                           decisions to take, each about one agreement with one subject
    ROWS=10000000  RUNS=3                      rows to publish; how often each is read (the median counts)
"""

from __future__ import annotations

import importlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from checkout import ROOT
from opa import opa_bindings
from postgres_server import Server

from meshwright.access.grants import (
    AuditRecord,
    Column,
    Condition,
    Desired,
    Member,
    Port,
    Principal,
    View,
    VisibleColumn,
)
from meshwright.access.rego_evaluation import POLICY, PolicyEngine, decoded, encoded
from meshwright.access.targets import postgres
from meshwright.access.targets.postgres.names import Names
from meshwright.core.sql.postgres import identifier, literal

PRODUCTS, COLUMNS, PRINCIPALS, AMONG, DRIFTS, AGREEMENTS, ROWS, RUNS = (
    int(os.environ.get(name, size))
    for name, size in {
        "PRODUCTS": "300",
        "COLUMNS": "25",
        "PRINCIPALS": "40",
        "AMONG": "10",
        "DRIFTS": "10",
        "AGREEMENTS": "10000",
        "ROWS": "10000000",
        "RUNS": "3",
    }.items()
)
UV = shutil.which("uv") or str(ROOT / "build" / "uv" / "bin" / "uv")
# Without their own demands: psycopg2-binary is psycopg2 that needs no compiler.
PGBEDROCK = (
    "pgbedrock==0.4.2 psycopg2-binary>=2.9 cerberus>=1.3 click>=8.1 jinja2>=3.1 markupsafe>=2 pyyaml>=6"
)


def seconds(work: Callable[[], object]) -> float:
    clock = time.perf_counter()
    work()
    return time.perf_counter() - clock


def _fetch(connection: psycopg.Connection[Any], query: bytes) -> list[Any]:
    return connection.execute(query).fetchall()


def line(name: str, taken: float, of: int = 0, unit: str = "", more: str = "") -> None:
    each = f"  {taken / of * 1000:9.2f} ms {unit:<11}" if of else ""
    print(f"  {name:<46} {taken:8.2f} s{each}{more}".rstrip(), flush=True)


def ratio(value: float, name: str = "ratio") -> None:
    print(f"  {name:<46} {value:8.2f}", flush=True)


# --- 1. a mesh in one database ---------------------------------------------------------------------------------------

KINDS = (
    ("integer", "integer", "public"),
    ("text", "string", "internal"),
    ("text", "string", "confidential"),
    ("date", "date", "confidential"),
    ("numeric(12,2)", "number", "secret"),
)
"""Type in PostgreSQL, in the contract, classification: the columns of a product are these, again and again."""
MASKS = {"confidential": {"string": "domain", "date": "year"}, "secret": {}}
"""Classification -> type -> mask; `empty` where there is none."""


def columns(count: int) -> list[Column]:
    return [Column(f"column_{number}", *KINDS[number % len(KINDS)][1:]) for number in range(count)]


def views(described: Iterable[Column], rows: tuple[Condition, ...] = ()) -> tuple[View, ...]:
    """One role that sees all as it is, and one that sees masks."""
    listed = list(described)
    masked = [
        VisibleColumn(
            column,
            MASKS[column.classification].get(column.logical_type, "empty")
            if column.classification in MASKS
            else None,
        )
        for column in listed
    ]
    full = View("full", "human", tuple(VisibleColumn(column) for column in listed))
    return full, View("masked", "human", tuple(masked), rows)


@dataclass(frozen=True)
class Product:
    schema: str
    desired: Desired
    port: Port


def product(server: Server, database: str, schema: str, logins: list[str], seen: tuple[View, ...]) -> Product:
    members = [
        Member(Principal(login, "human"), seen[number % len(seen)].role, ("a1",), None)
        for number, login in enumerate(logins)
    ]
    members.sort(key=lambda member: (member.role, member.principal.id))
    url = server.url(database, f"{schema}_access")
    return Product(
        schema,
        Desired(f"bench/{schema}", "data", seen, tuple(members)),
        Port("warehouse", "postgres@1", {"url": url, "schema": schema}, str(ROOT)),
    )


def prepared(server: Server, database: str, products: list[Product], logins: list[str]) -> None:
    """What an administrator does once, and a first publication of each product."""
    types = ", ".join(f"column_{number} {KINDS[number % len(KINDS)][0]}" for number in range(COLUMNS))
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        for made in products:
            script = postgres.bootstrap(made.schema, [view.role for view in made.desired.views], logins)
            table = identifier(f"{made.schema}_private", "data__1")
            connection.execute(
                f"{script} SET ROLE {identifier(made.schema + '_pipeline')}; CREATE TABLE {table} ({types});"
                f"CREATE VIEW {identifier(made.schema + '_private', 'data')} AS SELECT * FROM {table}; RESET ROLE;".encode()
            )


def mesh(products: list[Product], prepared_in: float) -> float:
    """Seconds to find that nothing has changed."""
    print(
        f"\n{len(products)} products with {COLUMNS} columns, 2 roles and {PRINCIPALS} logins each, in one database"
    )
    changes = 0

    def planned(expected: Callable[[int], bool]) -> None:
        nonlocal changes
        changes = 0
        for made in products:
            plan = postgres.plan(made.port, made.desired)
            assert not plan.manual_actions, plan.manual_actions
            assert expected(len(plan.changes)), plan.changes[0]
            changes += len(plan.changes)

    def applied() -> None:
        for made in products:
            postgres.apply(made.port, made.desired, AuditRecord({"at": "now"}))

    def verified() -> None:
        for made in products:
            assert not (off := postgres.verify(made.port, made.desired)), off

    count = len(products)
    line("bootstrap, by an administrator", prepared_in, count, "each")
    first = seconds(lambda: planned(lambda found: found > 0))
    line("plan", first, count, "each", f"{changes} changes")
    line("apply, which proves itself", seconds(applied), count, "each")
    again = seconds(lambda: planned(lambda found: found == 0))
    line("plan again", again, count, "each", f"{changes} changes")
    line("verify", seconds(verified), count, "each")
    return again


# --- 2. pgbedrock ----------------------------------------------------------------------------------------------------

BY_HAND = {
    "everybody may read a view": 'GRANT SELECT ON "{s}"."full" TO PUBLIC',
    "a stranger may read a column": 'GRANT SELECT (column_2) ON "{s}"."full" TO stranger',
    "a stranger may read a view": 'GRANT SELECT ON "{s}"."full" TO stranger',
    "readers may let others read": 'GRANT SELECT ON "{s}"."full" TO "{s}:full" WITH GRANT OPTION',
    "a stranger will read what is created": (
        'ALTER DEFAULT PRIVILEGES FOR ROLE "{s}_access" IN SCHEMA "{s}" GRANT SELECT ON TABLES TO stranger'
    ),
    "a view without one of its masks": """DO $do$ BEGIN EXECUTE
        'CREATE OR REPLACE VIEW "{s}"."masked" WITH (security_barrier) AS '
        || replace(pg_get_viewdef('"{s}"."masked"'::regclass), 'NULL::numeric(12,2)', 'column_4'); END $do$""",
    "a view without its barrier": 'ALTER VIEW "{s}"."masked" RESET (security_barrier)',
    "a stranger among the readers": 'SET ROLE "{s}_access"; GRANT "{s}:full" TO stranger; RESET ROLE',
    "readers who read the whole database": 'GRANT pg_read_all_data TO "{s}:masked"',
    "a new login that bypasses row security": "CREATE ROLE intruder LOGIN BYPASSRLS",
}
"""{s}: the schema of a product."""


class Bedrock:
    """pgbedrock in an environment of its own, asked about one database."""

    def __init__(self, server: Server, database: str, folder: Path) -> None:
        self.environment = ROOT / "build" / "pgbedrock"
        self.address = ["-h", str(server.folder), "-U", "postgres", "-d", database]
        self.spec = folder / "pgbedrock.yaml"

    def install(self) -> str:
        """Why it cannot be had here; empty: it can."""
        if (self.environment / "ready").is_file():
            return ""
        python = str(self.environment / "bin" / "python")
        for command in (
            [UV, "venv", "--quiet", "--clear", "--python", sys.executable, str(self.environment)],
            [UV, "pip", "install", "--quiet", "--no-deps", "--python", python, *PGBEDROCK.split()],
        ):
            try:
                subprocess.run(command, check=True, capture_output=True, text=True)
            except FileNotFoundError:
                return "there is no uv"
            except subprocess.CalledProcessError as error:
                return str(error.stderr).strip()[-300:]
        (self.environment / "ready").touch()
        return ""

    def run(self, *arguments: str) -> tuple[int, str]:
        command = [str(self.environment / "bin" / "pgbedrock"), arguments[0], *self.address, *arguments[1:]]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def generate(self) -> None:
        status, output = self.run("generate")
        assert status == 0, output[-2000:]
        self.spec.write_text(output)

    def check(self) -> str:
        """What it would change, or why it cannot say."""
        _, output = self.run("configure", "--check", str(self.spec))
        return output

    def healthy(self) -> str:
        """The same, where nothing has happened: it looks at everything, and does not stop at what it dislikes."""
        output = self.check()
        assert "SQL EXECUTED (CHECK MODE)" in output, output[-2000:]
        return output


def seen_by_us(made: Product) -> bool:
    """Whether verify and plan, which have to agree, see that something is not as it should be."""
    plan = postgres.plan(made.port, made.desired)
    found = postgres.verify(made.port, made.desired)
    assert bool(found) == bool(plan.changes or plan.manual_actions), (found, plan)
    return bool(found)


def healed(connection: psycopg.Connection[Any], made: Product) -> str:
    """Heals a product, and asserts that it is as it was; returns who had to."""
    done = postgres.apply(made.port, made.desired, AuditRecord({"at": "now"}))
    for manual_action in done.manual_actions:
        connection.execute(manual_action.statement.encode())
    connection.execute("DROP ROLE IF EXISTS intruder")
    postgres.apply(made.port, made.desired, AuditRecord({"at": "now"}))
    assert not postgres.plan(made.port, made.desired).changes
    assert not (off := postgres.verify(made.port, made.desired)), off
    return "an administrator" if done.manual_actions else "apply"


def alongside(peer: Bedrock, products: list[Product], again: float) -> None:
    print("\npgbedrock on the same database, all of it in one look")
    line("generate, once", seconds(peer.generate), len(products), "a product")
    taken = seconds(peer.healthy)
    line("configure --check", taken, len(products), "a product")
    ratio(again / taken, "to plan again, to that")


def drifts(server: Server, database: str, products: list[Product], peer: Bedrock | None) -> None:
    made = products[0]
    for each in products:
        postgres.apply(each.port, each.desired, AuditRecord({"at": "now"}))
    if peer:
        peer.generate()
    healthy = peer.healthy() if peer else None
    print(
        f"\n  {f'By hand, to one of {len(products)} products':<46} {'meshwright':<12} {'pgbedrock':<12} fixed by"
    )
    counts = [0, 0]
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        for name, statement in list(BY_HAND.items())[:DRIFTS]:
            connection.execute(statement.format(s=made.schema).encode())
            found = [seen_by_us(made), peer is not None and peer.check() != healthy]
            by = healed(connection, made)
            counts = [count + answer for count, answer in zip(counts, found, strict=True)]
            cells = ["found" if answer else "-" for answer in found]
            print(f"  {name:<46} {cells[0]:<12} {cells[1] if peer else '':<12} {by}", flush=True)
    print(f"  {f'found, of {DRIFTS}':<46} {counts[0]:<12} {counts[1] if peer else '':<12}".rstrip())
    assert counts[0] == DRIFTS
    assert not peer or peer.check() == healthy, "pgbedrock sees something left of it"


# --- 3. decisions ----------------------------------------------------------------------------------------------------

NOW = 1_800_000_000
DAY = 86400
PRODUCT = {"id": "bench/product", "mode": "approval-required", "open": ["public"]}
ROLE = {"kind": "human", "clearance": ["public", "internal"], "above": "mask", "maxDays": 365}
TEAM = """package product.access

import rego.v1

deny contains "Operations only." if input.agreement.consumer != "operations"

deny_subject[id] contains "Not from abroad." if {
	some id in object.keys(input.subjects)
	not "CH" in object.get(input.subjects[id].attributes, "country", [])
}
"""
"""What a team may add: who asks, and where people are."""


def agreements(count: int) -> list[tuple[dict[str, Any], Principal]]:
    """Agreements with their subjects: some that count, and some for each of several reasons that do not."""
    return [
        (
            {
                "id": f"agreement-{number}",
                "status": "requested" if number % 7 == 0 else "approved",
                "approved": True,
                "product": PRODUCT["id"],
                "consumer": "marketing" if number % 5 == 0 else "operations",
                "description": "Why flights are late",
                "requester": "bo@example.org",
                "purpose": "",
                "start": NOW - 30 * DAY,
                "end": NOW + (number % 11 - 1) * DAY,
            },
            Principal(
                f"person-{number}@example.org",
                "machine" if number % 13 == 0 else "human",
                attributes={"country": "CH" if number % 3 else "FR", "department": "operations"},
            ),
        )
        for number in range(count)
    ]


Decide = Callable[[dict[str, Any], Principal], dict[str, Any]]


def with_regopy(team: dict[str, str]) -> Decide:
    engine = PolicyEngine(team)
    return lambda agreement, subject: engine.agreement(NOW, PRODUCT, ROLE, agreement, [subject])


def with_opa(team: dict[str, str]) -> Decide:
    engine = opa_bindings().OpaEngine()
    for name, text in {"decision.rego": POLICY.read_text("utf-8"), **team}.items():
        engine.add_policy(name, text)

    def decide(agreement: dict[str, Any], subject: Principal) -> dict[str, Any]:
        attributes = {name: [value] for name, value in subject.attributes.items()}
        question = {
            "now": NOW,
            "product": PRODUCT,
            "role": ROLE,
            "agreement": agreement,
            "subjects": {subject.id: {"kind": subject.kind, "attributes": attributes}},
        }
        answer: dict[str, Any] = decoded(
            engine.eval_document("meshwright.access.agreement", encoded(question))
        )
        return answer

    return decide


ENGINES = {"regopy": with_regopy, "Open Policy Agent": with_opa}
TURN = 250
"""Decisions that an engine takes before it is the other's turn, so that a slow moment meets both."""


def decisions() -> None:
    cases = agreements(AGREEMENTS)
    print(f"\n{len(cases):,} decisions, each about one agreement with one subject")
    for policy, team in {"the platform's policy": {}, "the same, and a team's": {"team.rego": TEAM}}.items():
        engines: dict[str, Decide] = {}
        for name, make in ENGINES.items():
            try:
                engines[name] = make(team)
                engines[name](*cases[0])  # compiles
            except pytest.skip.Exception as reason:
                print(f"  {name} is left out: {reason}")
        taken = dict.fromkeys(engines, 0.0)
        decided: dict[str, list[dict[str, Any]]] = {name: [] for name in engines}
        for start in range(0, len(cases), TURN):
            for name, decide in engines.items():
                clock = time.perf_counter()
                decided[name] += [decide(*case) for case in cases[start : start + TURN]]
                taken[name] += time.perf_counter() - clock
        for name in engines:
            members = sum(len(answer["members"]) for answer in decided[name])
            more = f"{len(cases) / taken[name]:,.0f} a second; {members:,} are let in"
            line(f"{name}: {policy}", taken[name], len(cases), "each", more)
        if len(engines) == len(ENGINES):
            answers = [[ordered(answer) for answer in each] for each in decided.values()]
            assert answers[0] == answers[1]
            ratio(taken["regopy"] / taken["Open Policy Agent"])


def ordered(answer: dict[str, Any]) -> dict[str, Any]:
    """Sets are lists in any order."""
    unfit = {subject: sorted(reasons) for subject, reasons in answer["unfit"].items()}
    return {"refused": sorted(answer["refused"]), "unfit": unfit, "members": sorted(answer["members"])}


# --- 4. publishing and reading ---------------------------------------------------------------------------------------

ROW = {
    "column_0": "range::integer",
    "column_1": "'region ' || range % 5",
    "column_2": "'person' || range || '@example' || range % 97 || '.org'",
    "column_3": "date '1950-01-01' + (range % 20000)::integer",
    "column_4": "(range % 1000000 / 7)::decimal(12, 2)",
    "column_5": "(range * 7919 % 1000003)::integer",
    "column_6": "'note ' || range * 31 % 1000003",
}
"""Column (as in `KINDS`) -> DuckDB's expression."""
READS = {
    "integer, as it is": ("column_0", "full"),
    "integer, as it is, some rows hidden": ("column_0", "some-rows"),
    "text, only what follows the @": ("column_2", "masked"),
    "date, only its year": ("column_3", "masked"),
    "number, empty": ("column_4", "masked"),
}
"""What is read -> column, and the role that reads it."""


def module(folder: Path) -> ModuleType:
    """The pipeline's own module, placed as Copier places it."""
    shutil.copytree(ROOT / "template/pipeline", folder / "pipeline")
    shutil.copytree(ROOT / "blueprints/outputs/postgres/pipeline", folder / "pipeline", dirs_exist_ok=True)
    sys.path.insert(0, str(folder))
    return importlib.import_module("pipeline.outputs.postgres")


def loaded(server: Server, database: str, csv: Path, types: str) -> None:
    """What one would do without Meshwright, with a file that is there already."""
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS bare; CREATE TABLE bare ({types})".encode())
        with connection.cursor().copy("COPY bare FROM STDIN (FORMAT csv)") as copy, csv.open("rb") as file:
            while block := file.read(1024 * 1024):
                copy.write(block)


def publishing(server: Server, folder: Path) -> None:
    database, schema = server.database(), "flights"
    described = columns(len(ROW))
    full, masked = views(described)
    some = View(
        "some-rows", "human", full.columns, (Condition(described[1], "in", ("region 1", "region 2")),)
    )
    made = product(server, database, schema, ["one", "two", "three"], (full, masked, some))
    readers = {member.role: member.principal.id for member in made.desired.members}
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        connection.execute(postgres.bootstrap(schema, readers, readers.values()).encode())
    parquet, csv = folder / "data.parquet", folder / "data.csv"
    selected = ", ".join(f"{expression} AS {name}" for name, expression in ROW.items())
    with duckdb.connect() as generator:
        generator.execute(
            f"COPY (SELECT {selected} FROM range({ROWS})) TO {literal(str(parquet))} (compression zstd)"
        )
        to_csv = f"COPY (SELECT * FROM read_parquet({literal(str(parquet))})) TO {literal(str(csv))} (header false)"
        wrote = seconds(lambda: generator.execute(to_csv))
    types = ", ".join(f"{name} {KINDS[number % len(KINDS)][0]}" for number, name in enumerate(ROW))
    print(f"\n{ROWS:,} rows of {len(ROW)} columns, {csv.stat().st_size / 1e6:,.0f} MB as CSV")

    published = module(folder)
    from pipeline.dataset import Dataset
    from pipeline.spec import Capability
    from pipeline.spec import Product as Spec

    port = Capability(
        "outputs",
        "postgres@1",
        "warehouse",
        "",
        {"url": server.url(database, f"{schema}_pipeline"), "schema": schema},
    )
    spec = Spec(folder, schema, "bench", "1.0.0", "data", folder, (), port, (port,), ())
    dataset = Dataset((parquet,), ROWS, {"product": f"bench/{schema}"})
    before = seconds(lambda: loaded(server, database, csv, types))
    whole = seconds(lambda: list(published.publish(port, spec, dataset)))
    applied = seconds(lambda: postgres.apply(made.port, made.desired, AuditRecord({"at": "now"})))
    after = seconds(lambda: loaded(server, database, csv, types))
    bare = (before + after) / 2
    line("bare COPY of a CSV file that is there", bare, more=f"  {before:.2f} before, {after:.2f} after")
    line("to write that file from Parquet", wrote)
    line("publish from Parquet, readers undisturbed", whole)
    line("apply, so that there are masked views", applied)
    ratio((whole + applied) / bare, "publish and apply, to bare COPY")
    ratio((whole + applied) / (wrote + bare), "publish and apply, to writing CSV and bare COPY")
    assert not postgres.verify(made.port, made.desired)
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        connection.execute("DROP TABLE bare")
    reading(server, database, schema, readers)


def reading(server: Server, database: str, schema: str, readers: dict[str, str]) -> None:
    table = published_table(server, database, schema)
    print(f"\n  {'select count(*), max(column)':<46} {'table':>10} {'view':>10} {'ratio':>8}")
    with psycopg.connect(server.url(database), autocommit=True) as owner:
        # What the first to read writes, neither contestant has to.
        owner.execute(f"VACUUM ANALYZE {table}".encode())
        for name, (column, role) in READS.items():
            view = identifier(schema, Names(schema).view(role))
            with psycopg.connect(server.url(database, readers[role]), autocommit=True) as reader:
                contestants = {"table": (owner, table), "view": (reader, view)}
                taken: dict[str, list[float]] = {who: [] for who in contestants}
                for _ in range(RUNS + 1):
                    for who, (connection, source) in contestants.items():
                        query = f"SELECT count(*), max({column}) FROM {source}".encode()
                        taken[who].append(seconds(partial(_fetch, connection, query)))
            base, seen = (statistics.median(times[1:]) for times in taken.values())  # the first is to warm up
            print(f"  {name:<46} {base:8.3f} s {seen:8.3f} s {seen / base:8.2f}", flush=True)


def published_table(server: Server, database: str, schema: str) -> str:
    with psycopg.connect(server.url(database)) as connection:
        found = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s", [f"{schema}_private"]
        ).fetchall()
    ((name,),) = found
    return identifier(f"{schema}_private", name)


@contextmanager
def throw_away() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.remove()


def meshed(server: Server, count: int) -> tuple[str, list[Product], float]:
    """A database with so many products, prepared for all of their logins, and the seconds that this took."""
    database = server.database()
    logins = [f"person_{number}" for number in range(PRINCIPALS)]
    seen = views(columns(COLUMNS))
    products = [product(server, database, f"p{number}", logins, seen) for number in range(count)]
    return database, products, seconds(lambda: prepared(server, database, products, [*logins, "stranger"]))


def main() -> None:
    (ROOT / "build").mkdir(exist_ok=True)
    clock = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "build") as temporary:
        folder = Path(temporary)
        with throw_away() as server:
            with psycopg.connect(server.url()) as connection:
                version = connection.info.server_version // 10000
            print(f"PostgreSQL {version}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
            database, products, taken = meshed(server, PRODUCTS)
            again = mesh(products, taken)
            peer = Bedrock(server, database, folder)
            if why_not := peer.install():
                print(f"\npgbedrock is left out, because it cannot be installed: {why_not}")
            else:
                alongside(peer, products, again)
        with throw_away() as server:
            database, products, _ = meshed(server, AMONG)
            drifts(server, database, products, None if why_not else Bedrock(server, database, folder))
        decisions()
        with throw_away() as server:
            publishing(server, folder)
    print(f"\nin all {time.perf_counter() - clock:.0f} s; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    try:
        main()
    except pytest.skip.Exception as reason:
        sys.exit(str(reason))
