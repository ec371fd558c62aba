"""The sample rows that a product sends: of a run on its sample, masked by the code of `access`, as short texts."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uvicorn
import yaml
from checkout import git
from click.testing import CliRunner

from meshwright.catalog import CatalogConnection, embedded
from meshwright.catalog.adapters import backstage
from meshwright.catalog.sample import (
    NoSample,
    _served,
    is_sample_run,
    note_of_sending,
    sample_of,
    send,
    shown,
)
from meshwright.cli import main
from meshwright.mesh.sample_rows import LONGEST, ROWS, sample_rows
from meshwright.mesh.sources import of_repository
from meshwright.serve.app import application
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.catalog_store.tokens import PRODUCT
from meshwright.serve.context import Settings

HOSTILE = ["<script>alert(1)</script>", "x" * 5_000, "a\x1b[2Jb\nc\x00", "postgres://u:hidden@h/x", None, "\u202e"]  # fmt: skip


@pytest.fixture(scope="module")
def root(departures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product with a confidential column, a row filter, and rows with hostile values, as a run on the sample left them."""
    root = Path(shutil.copytree(departures, tmp_path_factory.mktemp("sampled") / "repository"))
    spec = yaml.safe_load((root / "data-product.yaml").read_text())
    spec["spec"]["outputs"] = [one for one in spec["spec"]["outputs"] if one["uses"] == "parquet@1"]
    (root / "data-product.yaml").write_text(yaml.safe_dump(spec))
    contract = yaml.safe_load((root / "contract.odcs.yaml").read_text())
    columns = [("carrier", "string", "internal"), ("passenger", "string", "confidential"), ("at", "timestamp", "confidential"), ("load", "number", "internal"), ("tags", "array", "internal"), ("contact", "string", "internal")]  # fmt: skip
    contract["schema"][0]["properties"] = [
        {"name": name, "logicalType": kind, "classification": level} for name, kind, level in columns
    ]
    (root / "contract.odcs.yaml").write_text(yaml.safe_dump(contract))
    policy = yaml.safe_load((root / "access/policy.yaml").read_text())
    policy["roles"]["reader"]["rows"] = [{"column": "carrier", "notIn": ["ZZ"]}]
    policy["roles"]["officer"] = {"kind": "human", "description": "Looks into complaints.", "clearance": ["public", "internal", "confidential"], "above": "deny", "approvals": ["owner"]}  # fmt: skip
    (root / "access/policy.yaml").write_text(yaml.safe_dump(policy))
    git("init", "--quiet", "--initial-branch", "main", "--template=", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message", "As it was made", cwd=root)
    names = [*HOSTILE, *(f"p{number}" for number in range(14))]
    table = pa.table(
        {
            "carrier": ["ZZ", *(["UA"] * 19)],
            "passenger": [f"Zephyr {number}" for number in range(20)],
            "at": pa.array([datetime(2026, 5, 4, 3, 2, tzinfo=UTC)] * 20),
            "load": [math.nan, math.inf, -0.0, 1.5, *([2.0] * 16)],
            "tags": [[name or "none"] for name in names],
            "contact": [f"p{number}@mail.example.org" for number in range(20)],
        }
    )
    file = root / "build/ports/lake/departures.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(table, file)
    ran(root, file)
    return root


def ran(root: Path, file: Path, **changes: Any) -> None:
    """Write the report of a run on the sample."""
    report = {"product": "airport-operations/departures", "version": "1.0.0", "startedAt": "2026-11-22T10:00:00+00:00", "outcome": "published", "ports": {"dp:airport-operations/departures#lake": str(file)}, "sample": {"basis": "x", "ports": _served([file])}, **changes}  # fmt: skip
    (root / "build/run.json").write_text(json.dumps(report))


def test_each_role_of_people_has_what_it_sees(root: Path) -> None:
    sample = sample_of(root, of_repository(root))
    assert sample_rows(sample.value()) == sample
    assert set(sample.roles) == {"reader", "officer"} and not sample.open
    reader, officer = sample.roles["reader"], sample.roles["officer"]
    assert {one.name: one.mask for one in reader.columns} == {"carrier": "clear", "passenger": "redacted", "at": "year", "load": "clear", "tags": "clear", "contact": "clear"}  # fmt: skip
    assert len(reader.rows) == len(officer.rows) == ROWS
    assert "Zephyr" not in str(reader) and "Zephyr 0" in str(officer) and "Zephyr 11" not in str(sample)
    assert {row[0] for row in reader.rows} == {"UA"} and officer.rows[0][0] == "ZZ"
    assert {row[2] for row in reader.rows} == {"2026-01-01 00:00:00+00:00"}
    assert [one.name for one in reader.columns if one.personal] == ["passenger", "contact"]
    assert "hidden" not in str(sample) and "\\x1b" not in repr(sample.value()).replace("\\\\x1b", "")
    assert all(value is None or len(value) <= LONGEST for row in officer.rows for value in row)
    assert [row[3] for row in officer.rows][:3] == ["nan", "inf", "-0.0"]


@contextlib.contextmanager
def listening(folder: Path) -> Iterator[tuple[str, CatalogStore]]:
    """Yield the address of a catalog in a thread of this process, and its store."""
    store = CatalogStore(f"sqlite:///{folder}/catalog.db")
    server = uvicorn.Server(uvicorn.Config(application(store, Settings(log=False)), log_level="critical"))
    with socket.create_server(("127.0.0.1", 0)) as place:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{place.getsockname()[1]}", store
        finally:
            server.should_exit = True
            thread.join()


def test_the_command_sends_the_rows(root: Path, tmp_path: Path) -> None:
    record = of_repository(root, "https://git.example.org/departures.git")
    with listening(tmp_path) as (url, store):
        token = store.tokens.create({PRODUCT + record.id})[0]
        told = {"MESHWRIGHT_CATALOG": url, "MESHWRIGHT_CATALOG_TOKEN": token}
        early = CliRunner(env=told).invoke(main, ["catalog", "sample", str(root)])
        assert (early.exit_code, "Publish it first" in early.output) == (1, True), early.output
        store.products.put(record)
        done = CliRunner(env=told).invoke(main, ["catalog", "sample", str(root)])
        assert done.exit_code == 0, done.output
        assert "10 sample rows as officer, 6 columns" in done.output
        assert store.samples.get(record.id) == sample_of(root, record)
        connection = CatalogConnection(url, token)
        assert note_of_sending(root, record, embedded, connection) == ""
        assert "token that counts" in note_of_sending(
            root, record, embedded, CatalogConnection(url, "mwc_x_y")
        )
    with pytest.raises(NoSample, match="takes no sample rows"):
        send(root, record, backstage, connection)


def test_rows_of_another_run_are_not_taken(root: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    file = copy / "build/ports/lake/departures.parquet"
    for changes in ({"sample": None}, {"outcome": "failed"}, {"environment": "production", "sample": None}):
        ran(copy, file, **changes)
        assert not is_sample_run(copy)
    ran(copy, file)
    assert is_sample_run(copy)
    ran(copy, file, version="0.9.0")
    with pytest.raises(NoSample, match="not one of this version"):
        sample_of(copy, of_repository(copy))
    ran(copy, file)
    pq.write_table(pa.table({"carrier": ["production"]}), file)
    assert not is_sample_run(copy)


def test_an_uncommitted_policy_gives_no_rows(root: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    ran(copy, copy / "build/ports/lake/departures.parquet")
    policy = yaml.safe_load((copy / "access/policy.yaml").read_text())
    policy["roles"]["reader"]["clearance"].append("confidential")
    (copy / "access/policy.yaml").write_text(yaml.safe_dump(policy))
    with pytest.raises(NoSample, match="not the one that approvers have signed"):
        sample_of(copy, of_repository(copy))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\x00\xff", "0x00ff"),
        (True, "true"),
        ({"a": [1, b"\x01"]}, '{"a": [1, "0x01"]}'),
        ("\ud800", "?"),
        (10**400, None),
        ([["x" * 1_000] * 1_000], None),
    ],
)
def test_every_value_is_a_short_text(value: object, text: str | None) -> None:
    assert text is None or shown(value) == text
    assert len(shown(value)) <= LONGEST and shown(value).isprintable()
