"""A product on one kind of storage, and what the storage's owner can do to its audit records."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import duckdb
import yaml
from click.testing import CliRunner
from postgres_product import Product as Database
from signed import People, Repository

from meshwright.cli import main

SOON = f"{datetime.now(UTC) + timedelta(days=60):%Y-%m-%d}"
BO = "bo@example.org"
ARN = "arn:aws:iam::123456789012:user/bo"
Records = list[dict[str, Any]]


class Keeper(Protocol):
    """The owner of a port's storage."""

    output: str
    """The port, as the spec has it."""
    variables: Mapping[str, str]

    def publish(self, columns: Mapping[str, str]) -> None:
        """As the pipeline does."""

    def read(self) -> Records: ...

    def write(self, records: Records) -> None: ...

    def drop(self) -> None:
        """What has the records is gone."""

    def readers(self) -> set[str]:
        """Who may read as the role reader."""


class InFolder:
    """The owner of a folder."""

    def __init__(self, folder: Path, path: str = "") -> None:
        self._folder = folder
        self.output = f"{{name: lake, uses: parquet@1, properties: {{path: {path or folder}}}}}"
        self.variables: Mapping[str, str] = {}

    def publish(self, columns: Mapping[str, str]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        duckdb.sql(in_sql(columns)).write_parquet(str(self._folder / "departures.parquet"))

    @property
    def _file(self) -> Path:
        return self._folder / "roles/audit.jsonl"

    def read(self) -> Records:
        return [json.loads(line) for line in self._file.read_text().splitlines()]

    def write(self, records: Records) -> None:
        self._file.write_text("".join(json.dumps(record) + "\n" for record in records))

    def drop(self) -> None:
        self._file.unlink()

    def readers(self) -> set[str]:
        members = json.loads((self._folder / "roles/access.json").read_text())["members"]
        return {member["principal"] for member in members}


class InBucket:
    """The owner of a bucket."""

    def __init__(self, scratch: Path) -> None:
        import boto3

        self._scratch, self._client = scratch, boto3.client("s3")
        self._client.create_bucket(Bucket="lake")
        self.output = "{name: lake, uses: parquet@1, properties: {path: s3://lake/ops}}"
        self.variables: Mapping[str, str] = {}

    def publish(self, columns: Mapping[str, str]) -> None:
        duckdb.sql(in_sql(columns)).write_parquet(str(self._scratch / "clear"))
        self._put("departures.parquet", (self._scratch / "clear").read_bytes())

    def _put(self, name: str, content: bytes) -> None:
        self._client.put_object(Bucket="lake", Key=f"ops/{name}", Body=content)

    def read(self) -> Records:
        body = self._client.get_object(Bucket="lake", Key="ops/roles/audit.jsonl")["Body"].read()
        return [json.loads(line) for line in body.splitlines()]

    def write(self, records: Records) -> None:
        self._put("roles/audit.jsonl", "".join(json.dumps(record) + "\n" for record in records).encode())

    def drop(self) -> None:
        self._client.delete_object(Bucket="lake", Key="ops/roles/audit.jsonl")

    def readers(self) -> set[str]:
        policy = self._client.get_bucket_policy(Bucket="lake")["Policy"]
        return {BO} if ARN in policy else set()


class InDatabase:
    """A superuser of a database."""

    def __init__(self, database: Database) -> None:
        self.database, self.schema = database, database.schema
        properties = f"{{url: '${{WAREHOUSE}}', schema: {self.schema}, administrators: [postgres]}}"
        self.output = f"{{name: warehouse, uses: postgres@1, properties: {properties}}}"
        self.variables: Mapping[str, str] = {
            "WAREHOUSE": database.server.url("postgres", f"{self.schema}_access")
        }

    def publish(self, columns: Mapping[str, str]) -> None:
        table = f'{self.schema}_private."departures__1"'
        made = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        self.database.run(
            f'SET ROLE "{self.schema}_pipeline"; CREATE TABLE {table} ({made}); '
            f"INSERT INTO {table} DEFAULT VALUES; "
            f"CREATE OR REPLACE VIEW {self.schema}_private.departures AS SELECT * FROM {table};"
        )

    def read(self) -> Records:
        rows = self.database.admin(f"SELECT content::text FROM {self.schema}_audit.record ORDER BY number")
        return [json.loads(row[0]) for row in rows]

    def write(self, records: Records) -> None:
        self.database.admin(f"DELETE FROM {self.schema}_audit.record")
        for record in records:
            self.database.admin(
                f"INSERT INTO {self.schema}_audit.record VALUES (%s, %s)",
                record["number"],
                json.dumps(record),
            )

    def drop(self) -> None:
        self.database.admin(f"DROP TABLE {self.schema}_audit.record")

    def readers(self) -> set[str]:
        rows = self.database.admin(
            "SELECT m.rolname FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid "
            "JOIN pg_roles m ON m.oid = a.member WHERE r.rolname = %s",
            f"{self.schema}:reader",
        )
        return {row[0] for row in rows} - {f"{self.schema}_access"}


def in_sql(columns: Mapping[str, str]) -> str:
    return "select " + ", ".join(f'null::{kind} as "{name}"' for name, kind in columns.items())


class ChainCase:
    """A product in a repository that people sign, with one port; analysts read it by one agreement."""

    def __init__(self, root: Path, people: People, keeper: Keeper) -> None:
        self.root, self.keeper = root, keeper
        spec = root / "data-product.yaml"
        document = yaml.safe_load(spec.read_text())
        document["spec"]["outputs"] = [yaml.safe_load(keeper.output)]
        document["spec"]["useCases"] = []
        spec.write_text(yaml.safe_dump(document, sort_keys=False))
        self.repository = Repository(root, people)
        self.repository.git("init", "--quiet", "--initial-branch", "main", "--template=")
        directory = yaml.safe_load((root / "access/directory.yaml").read_text())
        directory["principals"][BO]["logins"] = {"aws": ARN}
        directory["groups"]["analysts"]["members"] = [BO]
        self.directory = root.parent / "directory.yaml"
        self.directory.write_text(yaml.safe_dump(directory))
        approvers = {"access/approvers.yaml": people.approvers("ada", "sam")}
        self.repository.commit("As it was made", approvers, by="ada")
        if isinstance(keeper, InDatabase):
            keeper.database.run(self("bootstrap", **keeper.variables))
            keeper.database.run(f'CREATE ROLE "{BO}" LOGIN')
        keeper.publish(self.columns())

    def columns(self) -> dict[str, str]:
        contract = yaml.safe_load((self.root / "contract.odcs.yaml").read_text())
        kinds = {"timestamp": "timestamp", "integer": "integer", "boolean": "boolean"}
        columns = contract["schema"][0]["properties"]
        return {column["name"]: kinds.get(column["logicalType"], "varchar") for column in columns}

    def add_origin(self) -> Path:
        """Adds the remote that the product is pushed to; returns its folder."""
        origin = self.root.parent / "origin.git"
        self.repository.git("init", "--quiet", "--bare", "--template=", str(origin))
        self.repository.git("remote", "add", "origin", str(origin))
        self.repository.git("push", "--quiet", "origin", "main")
        return origin

    def share(self) -> None:
        """Bo's group asks, Ada signs."""
        self(
            *("request", "delays", "--role", "reader", "--principal", "group:analysts"),
            *("--for", "Why flights are late", "--until", SOON, "--team", "ops", "--requester", BO),
        )
        self.repository.commit("Ask", {}, by="bo")
        self("approve", "delays")
        self.repository.commit("Approve", {}, signed="ada")

    def __call__(self, *arguments: str, code: int = 0, **environment: str) -> str:
        with_directory = arguments[0] in ("apply", "verify", "plan")
        directory = {"MESHWRIGHT_DIRECTORY": str(self.directory)} if with_directory else {}
        clear = {"PIPELINE_VARIABLES": "", "GIT_CONFIG_GLOBAL": "/dev/null", **self.keeper.variables}
        done = CliRunner().invoke(
            main, ["access", *arguments, "--product", str(self.root)], env=clear | directory | environment
        )
        assert done.exit_code == code, done.output + repr(done.exception)
        return done.stdout or done.stderr

    def environment(self) -> dict[str, str]:
        """For a run in a process of its own."""
        return {
            **os.environ,
            "PIPELINE_VARIABLES": "",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            **self.keeper.variables,
        }

    def port(self, verb: str, *options: str, code: int = 0) -> dict[str, Any]:
        """Runs a verb; returns what it says of the port."""
        (port,) = json.loads(self(verb, *options, "--format", "json", code=code))["ports"]
        return dict(port)

    def refusal(self) -> str:
        """What `apply` refuses, with its fix; nothing is granted and nothing is recorded."""
        before = self.keeper.readers()
        port = self.port("apply", code=1)
        assert port["refused"] and not port["changes"] and self.keeper.readers() == before
        return f"{port['refused']['problem']} {port['refused']['fix']}"

    def run_as_printed(self, text: str, code: int = 0) -> str:
        """Runs the last command that a text names."""
        name, verb, *options = shlex.split("access apply" + text.rpartition("access apply")[2])
        assert name == "access"
        place = options.index("--product")
        assert options[place : place + 2] == ["--product", str(self.root)]
        return self(verb, *options[:place], *options[place + 2 :], code=code)


def chained(contents: Sequence[Mapping[str, Any]]) -> Records:
    """Records with these contents that follow one another, as anybody can write them."""
    records: Records = []
    for number, content in enumerate(contents, 1):
        kept = {key: value for key, value in content.items() if key != "hash"}
        record = {**kept, "number": number, "previous": records[-1]["hash"] if records else None}
        text = json.dumps(record, sort_keys=True, separators=(",", ":"))
        records.append({**record, "hash": hashlib.sha256(text.encode()).hexdigest()})
    return records
