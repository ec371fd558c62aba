"""The commands that a survey prints make a product of its candidate."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import yaml
from click.testing import CliRunner

from meshwright.cli import main

DATABASE = """
create table "Kassen Bons" (bon_id integer primary key, kunde_email text, betrag numeric, verkauft_am timestamp);
create table bon_zeilen (bon_id integer references "Kassen Bons", zeile integer, artikel text, primary key (bon_id, zeile));
insert into "Kassen Bons" values (1, 'ada@example.org', 9.5, '2026-01-01 10:00:00'), (2, 'bo@example.org', 3, '2026-01-02 11:00:00');
insert into bon_zeilen values (1, 1, 'Zelt'), (1, 2, 'Seil'), (2, 1, 'Topf');
"""


def test_the_commands_work_as_printed(template: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "kasse's.sqlite") as connection:
        connection.executescript(DATABASE)
    source = f"kasse=sqlite:///{tmp_path / chr(39).join(('kasse', 's.sqlite'))}"
    result = CliRunner().invoke(main, ["survey", source, "--domain", "retail", "--template", str(template), "--format", "json"])  # fmt: skip
    (candidate,) = json.loads(result.stdout)["candidates"]
    place = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command in candidate["commands"]:
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env={**os.environ, **place}, capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
    spec = yaml.safe_load((tmp_path / candidate["name"] / "data-product.yaml").read_text("utf-8"))
    assert spec["metadata"]["domain"] == "retail"
    assert spec["spec"]["type"] == "source-oriented"
    assert [one["name"] for one in spec["spec"]["inputs"]] == ["kassen_bons", "bon_zeilen"]
