"""A draft after a draft: from a wildcard, from a source of another kind, and with a file that is gone."""

from __future__ import annotations

import shlex
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from drawn_sources import TableSource
from products import Make, findings

from meshwright.cli import main
from meshwright.draft.atomic import recover, replace_all
from meshwright.draft.run import unignored


def draft(product: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["draft", str(product), *arguments])


@pytest.fixture
def product(make: Make) -> Path:
    """A product beside a database with two tables, one of them empty, and the same data as CSV."""
    root = make(
        "again", inputs=["file", "database"], start_with="own-data", product_name="stock", domain="shop"
    )
    with sqlite3.connect(root.parent / "shop.db") as database:
        database.execute("create table Stock (Id integer primary key, Status text)")
        database.executemany(
            "insert into Stock values (?, ?)", [(number, "ab"[number % 2]) for number in range(40)]
        )
        database.execute("create table unused (id integer primary key)")
    lines = [f"{number},{'ab'[number % 2]}" for number in range(40)]
    (root.parent / "stock.csv").write_text("\n".join(["Id,Status", *lines, ""]), "utf-8")
    return root


def spec_inputs(product: Path) -> dict[str, str]:
    inputs = yaml.safe_load((product / "data-product.yaml").read_text("utf-8"))["spec"]["inputs"]
    return {item["name"]: item["uses"] for item in inputs}


def test_an_empty_table_of_a_wildcard_is_left_out_each_time(product: Path) -> None:
    done = draft(product, "--from", "shop=sqlite:///../shop.db?table=*")
    assert done.exit_code == 0 and "unused has no rows" in done.output
    assert spec_inputs(product) == {"stock": "database@1"}
    again = draft(product)
    assert again.exit_code == 0 and "Nothing that the draft knows has changed" in again.output, again.output


def test_an_empty_table_that_is_named_is_drafted_from_its_columns(product: Path) -> None:
    done = draft(product, "--from", "unused=sqlite:///../shop.db?table=unused")
    assert done.exit_code == 0 and "no rows" in done.output, done.output
    assert spec_inputs(product) == {"unused": "database@1"}


def test_a_source_of_another_kind_is_a_new_draft(product: Path) -> None:
    assert draft(product, "--from", "stock=../stock.csv", "--sample-rows", "2").exit_code == 0
    assert len((product / "sample_data/stock.csv").read_text("utf-8").splitlines()) == 3
    before = (product / "data-product.yaml").read_bytes()
    other = ("--from", "stock=sqlite:///../shop.db?table=Stock")
    refused = draft(product, *other, "--apply", "all")
    assert refused.exit_code == 2 and "another kind" in refused.output
    assert (product / "data-product.yaml").read_bytes() == before
    assert draft(product, *other).exit_code == 0
    assert (
        spec_inputs(product) == {"stock": "database@1"} and not (product / "sample_data/stock.csv").exists()
    )
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}


def test_a_source_that_has_moved_is_where_the_next_draft_reads(product: Path) -> None:
    assert draft(product, "--from", "stock=../stock.csv").exit_code == 0
    accepted = draft(product, "--accept", "*")
    assert accepted.exit_code == 0
    moved = (product.parent / "stock.csv").rename(product.parent / "moved.csv")
    assert draft(product, "--dry-run", "--from", f"stock={moved}").exit_code == 0
    assert draft(product).exit_code == 2
    assert "moved   stock" in draft(product, "--from", "stock=../moved.csv").output
    again = draft(product)
    assert again.exit_code == 0 and "moved " not in again.output, again.output


def test_a_draft_that_would_lose_accepted_decisions_prints_a_fix_that_works(product: Path) -> None:
    assert draft(product, "--from", "stock=../stock.csv").exit_code == 0
    assert draft(product, "--accept", "*").exit_code == 0
    refused = draft(product, "--from", "goods=../stock.csv")
    assert refused.exit_code == 2 and "accepted decisions" in refused.output
    moved = shlex.split(" ".join(refused.output.split()).partition("&& mv ")[2])[:-1]
    assert moved == ["contract.odcs.yaml"]
    (product / "contract.odcs.yaml").rename(product.parent / "contract.odcs.yaml")
    compared = draft(product)
    assert "contract.odcs.yaml" in compared.output and "gone" in compared.output
    assert draft(product, "--apply", "missing").exit_code == 0
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}
    assert "Nothing that the draft knows" in draft(product).output


@pytest.mark.parametrize("id_", ["stock.Status.values", "stock.status.values"])
def test_a_change_has_the_name_at_the_source_and_that_in_the_contract(product: Path, id_: str) -> None:
    assert draft(product, "--from", "stock=../stock.csv").exit_code == 0
    with (product.parent / "stock.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"{number},c\n" for number in range(40, 60))
    done = draft(product, "--apply", id_)
    assert done.exit_code == 0, done.output
    assert "validValues: [a, b, c]" in (product / "contract.odcs.yaml").read_text("utf-8")
    assert "data-product.yaml" not in done.output


@pytest.mark.parametrize(
    ("path", "line", "is_named"),
    [("data/stock.csv", "", True), ("data/stock.csv", "/data/", False), ("data/stock.csv", "*.csv", False), ("../stock.csv", "", False), ("in.csv", "", True), ("data/*.csv", "", True)],
)  # fmt: skip
def test_real_data_that_git_would_commit_is_named(
    tmp_path: Path, path: str, line: str, is_named: bool
) -> None:
    root = tmp_path / "product"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / ".gitignore").write_text(f"{line}\n", "utf-8")
    file = root / path.replace("*", "stock")
    file.parent.mkdir(exist_ok=True)
    file.write_text("id\n1\n", "utf-8")
    notes = unignored(root, {"stock": (path, TableSource("stock", {"id": "BIGINT"}, [(1,)], properties={"path": path}))})  # fmt: skip
    assert bool(notes) == is_named
    for note in notes:
        subprocess.run(["sh", "-c", note.partition(".gitignore: ")[2]], cwd=root, check=True)
        assert not unignored(root, {"stock": (path, TableSource("stock", {}, [], properties={"path": path}))})


@pytest.mark.parametrize("steps", range(4))
def test_a_draft_that_was_killed_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """A kill leaves the folder as it is after some of the files: here it is copied at that moment."""
    root = tmp_path / "product"
    (root / "models").mkdir(parents=True)
    for path in ("a", "models/b"):
        (root / path).write_text("before", "utf-8")
    original, count = Path.replace, iter(range(100))

    def killed(self: Path, target: Path) -> Path:
        if "new" in self.parts and next(count) == steps:
            shutil.copytree(root, tmp_path / "killed")
        return original(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    replace_all(root, {"a": b"after", "models/b": b"after", "models/c": b"after", "d": b"after"})
    monkeypatch.undo()
    left = tmp_path / "killed"
    assert recover(left) and not recover(left)
    assert {path.relative_to(left).as_posix() for path in left.rglob("*") if path.is_file()} == {
        "a",
        "models/b",
    }
    assert {(left / path).read_text("utf-8") for path in ("a", "models/b")} == {"before"}


def test_an_apply_says_what_it_applied_what_is_left_and_what_is_next(
    product: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(product)
    assert draft(product, "--from", "stock=../stock.csv").exit_code == 0
    with (product.parent / "stock.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"{number},{'c' if number % 2 else ''}\n" for number in range(40, 60))
    done = draft(product, "--apply", "required")
    assert done.exit_code == 0, done.output
    state = {line.split()[1]: line.split()[0] for line in done.output.splitlines() if " stock." in line}
    assert state == {"stock.Status.required": "applied", "stock.Status.values": "left"}
    assert "status: no longer required" in done.output and "new major version" in done.output
    assert "Next:" in done.output and "  uv run python -m pipeline" in done.output


def test_all_changes_of_a_column_are_chosen_by_its_name(product: Path) -> None:
    assert draft(product, "--from", "stock=../stock.csv").exit_code == 0
    with (product.parent / "stock.csv").open("w", encoding="utf-8") as file:
        file.writelines(
            [
                "Id,Status,Mail\n",
                *(f"{number},{'ab'[number % 2]},zq{number}@example.com\n" for number in range(40)),
            ]
        )
    assert "stock.Mail.new " in draft(product).output
    assert draft(product, "--apply", "stock.mail").exit_code == 0
    assert "Nothing that the draft knows" in draft(product).output


def test_what_a_person_has_to_know_of_a_draft_is_printed(make: Make) -> None:
    """A conclusion on personal data; a trait of the answers; tables without columns; joins that no row verifies."""
    product = make(
        "notes", inputs=["file", "database"], traits=["incremental"], product_name="shop", domain="shop"
    )
    models = product.parent / "shop-dbt" / "models"
    models.mkdir(parents=True)
    (models.parent / "dbt_project.yml").write_text("name: shop\n", "utf-8")
    tables = [
        {"name": "sales", "columns": [{"name": "sale_id", "tests": ["unique", "not_null"]}]},
        {"name": "refunds", "columns": [{"name": "refund_id"}, {"name": "sale_id"}, {"name": "kommentar"}]},
        {"name": "events"},
    ]  # fmt: skip
    (models / "raw.yml").write_text(yaml.safe_dump({"sources": [{"name": "raw", "tables": tables}]}), "utf-8")
    (product.parent / "rates.csv").write_text(
        "code,rate\n" + "".join(f"C{n},{n}\n" for n in range(40)), "utf-8"
    )
    done = draft(product, "--from", "shop=../shop-dbt", "--from", "rates=../rates.csv")
    assert done.exit_code == 0, done.output
    for sentence in (
        "kommentar: free text, which may name people; made up in the sample, proposed as confidential. The column is called kommentar.",
        "there are no rows to verify sale_id on.",
        "incremental@1 was removed from spec.traits",
        "events has no columns in shop-dbt, and was left out.",
    ):
        assert sentence in done.output, done.output
    spec = yaml.safe_load((product / "data-product.yaml").read_text("utf-8"))["spec"]
    bound = spec["environments"]["production"]["inputs"]
    assert bound["rates"] == {"properties": {"path": "${RATES}"}}, "no run may read the sample for it"
    readme = (product / "sample_data" / "README.md").read_text("utf-8")
    assert (
        "SOURCE=postgresql://user@host/database RATES=/path/to/rates.csv uv run python -m pipeline --environment production"
        in readme
    )
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}
