"""A dbt project that was there before: adopted with the real template, it runs, and updates as any other product."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import duckdb
import pytest
import yaml
from adoption import adopted, repository, state, states
from checkout import git
from click.testing import CliRunner, Result
from copier import run_copy, run_update
from products import BIN, findings, pipeline

from meshwright.cli import main

SHOP = {
    "dbt_project.yml": """\
# The shop's own
name: 'shop'
version: '1.0'
profile: 'warehouse'
model-paths: ["transform"]
macro-paths: ["macros"]
models:
  shop:
    staging: {+materialized: view}
""",
    "profiles.yml": "warehouse:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: ours.duckdb}\n",
    "transform/staging/sources.yml": """\
sources:
  - name: erp
    schema: raw_erp
    meta: {external_location: "extracts/{name}.csv"}
    tables:
      - name: orders
        columns:
          - {name: id, data_type: BIGINT}
          - {name: cents, data_type: BIGINT}
          - {name: email, data_type: VARCHAR}
""",
    "transform/staging/stg_orders.sql": "select id, {{ euros('cents') }} as amount, email from {{ source('erp', 'orders') }}\n",
    "transform/marts/order_values.sql": "select id, amount, email from {{ ref('stg_orders') }}\n",
    "transform/marts/order_values.yml": """\
models:
  - name: order_values
    description: What each order is worth
    config: {meta: {owner: ada@example.org}}
    columns:
      - {name: id, data_type: BIGINT, description: Number of the order, data_tests: [not_null, unique]}
      - {name: amount, data_type: "DECIMAL(18,2)", description: Value in euros}
      - {name: email, data_type: VARCHAR, description: Who ordered}
""",
    "macros/euros.sql": "{% macro euros(column) %}cast({{ column }} / 100.0 as decimal(18,2)){% endmacro %}\n",
    "extracts/orders.csv": "id,cents,email\n1,250,a@example.org\n2,100,b@example.org\n",
    ".github/workflows/ci.yml": "name: Ours\non: {push: {branches: [main]}}\npermissions: {}\njobs: {}\n",
    "CODEOWNERS": "* ops@example.org\n",
}


@pytest.mark.main
def test_an_adopted_dbt_project_runs_and_updates(
    template: Path, tmp_path: Path, product_python: Path
) -> None:
    place = repository(tmp_path / "shop", SHOP)
    plan = adopted(place, template, "--data", "domain=sales", "--data", "owner_name=Ada Example")
    now = states(plan)
    assert now["dbt_project.yml"] == "merged"
    assert now[".github/workflows/ci.yml"] == now[".github/CODEOWNERS"] == "declined"
    assert now["CODEOWNERS"] == "merged"
    assert plan["answers"]["owner_email"] == {
        "value": "ada@example.org",
        "reason": "the model's owner in dbt",
    }
    assert plan["answers"]["classification"]["value"] == "confidential"
    assert [one for one in plan["missing"] if not one.startswith(("CI", "hooks"))] == []
    for path, content in SHOP.items():
        present = (place / path).read_text()
        assert all(line in present for line in content.splitlines() if "macro-paths" not in line), path
    page = (place / "README.md").read_text()
    assert "`transform/marts/order_values.sql`" in page and "`models/" not in page and "--watch" in page
    spec = yaml.safe_load((place / "data-product.yaml").read_text())["spec"]
    assert spec["dataset"]["name"] == "order_values"
    assert [(one["name"], one["uses"], one["from"]) for one in spec["inputs"]] == [
        ("orders", "file@1", "system:erp")
    ]

    # What is open is a person's to say; all else is kept.
    assert {(one.rule, one.file) for one in findings(place)} == {("DecisionOpen", "contract.odcs.yaml")}
    done = pipeline(product_python, place)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = duckdb.sql(f"from '{place}/build/ports/lake/order_values.parquet' order by id").fetchall()
    assert [(row[0], str(row[1])) for row in rows] == [(1, "2.50"), (2, "1.00")]

    git("add", "--all", cwd=place)
    assert git("status", "--porcelain", cwd=place) == ""
    run_update(place, defaults=True, overwrite=True, quiet=True)
    assert git("status", "--porcelain", cwd=place) == ""
    assert adopted(place, template)["adopted"] is True


CRM = """\
create table customers (id integer primary key, name text not null, phone text, joined date);
create table orders (id integer primary key, customer integer references customers (id), cents integer);
"""


def draft_all(place: Path) -> Result:
    return CliRunner().invoke(main, ["draft", str(place), "--from=crm=sqlite:///../crm.db?table=*"])


@pytest.mark.main
def test_a_draft_adds_the_samples_and_types_that_an_adopted_project_lacks(
    template: Path, tmp_path: Path, product_python: Path
) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as database:
        database.executescript(f"{CRM}; create table unused (id integer);")
        for number in range(40):
            database.execute(
                "insert into customers values (?, ?, ?, '2024-01-31')",
                (number, f"Zoe{number} Quill", f"+49 30 {5550000 + number}"),
            )
            database.execute("insert into orders values (?, ?, 250)", (number, number))
    yaml_of_theirs = """\
sources:
  - name: crm   # ours
    tables:
      - name: customers
        columns:
          - name: id
            description: Number of the customer
      - name: orders
        columns:
          - {name: cents, data_type: "DECIMAL(18,2)"}
"""
    files = {
        **{path: SHOP[path] for path in ("dbt_project.yml", "profiles.yml", "macros/euros.sql")},
        "transform/staging/sources.yml": yaml_of_theirs,
        "transform/order_values.sql": (
            "select o.id, c.name, c.joined, o.cents from {{ source('crm', 'orders') }} as o\n"
            "left join {{ source('crm', 'customers') }} as c on c.id = o.customer\n"
        ),
        ".gitignore": "*.csv\n",
    }
    place = repository(tmp_path / "shop", files)
    adopted(place, template, "--data", "domain=sales", "--data", "owner_name=Ada Example")
    before = git("ls-files", "--stage", cwd=place)
    given = [f"--from={name}=sqlite:///../crm.db?table={name}" for name in ("customers", "orders")]

    def draft(*more: str) -> str:
        done = CliRunner().invoke(main, ["draft", str(place), *given, *more])
        assert done.exit_code == 0, done.output
        assert "Zoe" not in done.output
        return done.output

    draft("--dry-run")
    assert git("status", "--porcelain", cwd=place) == ""
    said = draft()
    assert "sample_data/customers.csv" in said and "git add --force" in said and "name VARCHAR" in said
    text = (place / "transform/staging/sources.yml").read_text("utf-8")
    assert "# ours" in text and "Number of the customer" in text
    customers, orders = yaml.safe_load(text)["sources"][0]["tables"]
    assert [one["data_type"] for one in customers["columns"]] == ["BIGINT", "VARCHAR", "VARCHAR", "DATE"]
    assert orders["columns"][0] == {"name": "cents", "data_type": "DECIMAL(18,2)"}
    sample = (place / "sample_data/customers.csv").read_text("utf-8")
    assert sample.startswith("id,name,phone,joined\n") and "Quill" not in sample and "5550" not in sample
    assert git("diff", "--name-only", cwd=place).split() == ["transform/staging/sources.yml"]
    assert git("ls-files", "--stage", cwd=place) == before

    done = pipeline(product_python, place)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = duckdb.sql(f"from '{place}/build/ports/lake/order_values.parquet'").fetchall()
    assert len(rows) == 40 and all(row[1] for row in rows), "the samples keep the keys between them"
    assert "Nothing was written" in draft()
    assert "unused has no rows, and was left out." in draft_all(place).output
    model = place / "transform/order_values.sql"
    model.write_text(model.read_text("utf-8").replace("o.id,", "o.id, o.id as twice,"), "utf-8")
    done = pipeline(product_python, place)
    assert done.returncode == 1 and "remove it from transform/order_values.sql" in done.stdout
    (tmp_path / "x.csv").write_text("id\n1\n")
    other = CliRunner().invoke(main, ["draft", str(place), *given, "--from=x=../x.csv"])
    assert other.exit_code == 2 and "no input x" in other.output


@pytest.mark.parametrize("path", ["README.md", "models/orders.sql", ".github/workflows/own.yml"])
def test_a_copy_onto_files_that_are_there_changes_nothing(path: str, template: Path, tmp_path: Path) -> None:
    place = repository(tmp_path / "shop", {path: "ours\n", "notes.txt": "ours\n"})
    before = state(place)
    with pytest.raises(ValueError, match="meshwright adopt"):
        run_copy(str(template), place, defaults=True, quiet=True)
    assert state(place) == before


def test_workflows_of_a_product_in_a_folder_run_there(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        f"data/shop/{path}": text for path, text in SHOP.items() if not path.startswith((".github", "CODE"))
    }
    place = repository(tmp_path / "mono", files)
    answers = (
        "domain=sales",
        "owner_name=Ada",
        "owner_email=ada@example.org",
        "traits=[schedule, self-update]",
        "infrastructure=aws",
    )
    plan = adopted(place, template, *(part for one in answers for part in ("--data", one)))
    written = sorted((place / ".github/workflows").iterdir())
    assert [one.name for one in written] == [
        "shop-infra.yml",
        "shop-pipeline.yml",
        "shop-schedule.yml",
        "shop.yml",
    ]
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *written]
    subprocess.run(command, check=True, capture_output=True)
    zizmor = [BIN / "zizmor", "--offline", "--no-progress", place / ".github"]
    done = subprocess.run(zizmor, check=False, capture_output=True, text=True)
    assert done.returncode == 0 and "failed to parse" not in done.stderr, done.stdout + done.stderr
    calls = []
    for file in written:
        text = file.read_text("utf-8")
        workflow = yaml.safe_load(text)
        assert workflow["defaults"] == {"run": {"working-directory": "data/shop"}}, file
        for job in workflow["jobs"].values():  # without a checkout there is no such folder
            is_there = "uses" in job or any("checkout" in step.get("uses", "") for step in job["steps"])
            assert is_there or job["defaults"]["run"]["working-directory"] == ".", file
        assert workflow["name"].startswith("shop")
        for kind in {"push", "pull_request"} & workflow[True].keys():
            assert {*workflow[True][kind]["paths"]} >= {f".github/workflows/{file.name}"}
            assert all(one.startswith(("data/shop/", f".github/workflows/{file.name}")) for one in workflow[True][kind]["paths"])  # fmt: skip
        assert workflow.get("concurrency", {"group": "shop-"})["group"].startswith("shop-")
        calls += [job["uses"] for job in workflow["jobs"].values() if "uses" in job]
        steps = [step for job in workflow["jobs"].values() for step in job.get("steps", ())]
        assert {step.get("working-directory") for step in steps} <= {None, "data/shop/infra"}
        kept = [step["with"]["path"] for step in steps if "upload-artifact" in step.get("uses", "")]
        assert all(line.startswith("data/shop/build/") for text in kept for line in text.split())
    assert calls == ["./.github/workflows/shop-pipeline.yml"]
    reasons = [one for one in plan["missing"] if one.startswith("CI: no workflow of")]
    assert [one.split()[4] for one in reasons] == ["access", "update"]

    # The reason that the plan gives; the checks do work there.
    monkeypatch.chdir(place / "data/shop")
    refused = CliRunner().invoke(main, ["access", "plan"])
    assert refused.exit_code == 2 and "top folder of a git repository" in refused.output
    # `check --against`, which ci.yml runs, reads the folder at the other commit.
    contract = place / "data/shop/contract.odcs.yaml"
    contract.write_text(contract.read_text("utf-8").replace("name: amount", "name: sum"), "utf-8")
    for commit, breaks in (("HEAD", True), ("HEAD~1", False)):
        checked = CliRunner().invoke(main, ["check", "--against", commit])
        assert ("amount" in checked.output) == breaks and "git" not in checked.output, checked.output
