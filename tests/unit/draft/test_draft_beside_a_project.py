"""A draft in a repository that has a dbt project of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from checkout import git
from drawn_sources import TableSource
from mesh import write as lay
from products import findings

from meshwright.core.errors import Error
from meshwright.draft.run import apply, compare, prepare, write
from meshwright.inspection.model import Source

Copy = Callable[[Path], Path]
CRM = "sources:\n  - {name: crm, tables: [{name: goods}, {name: people}]}\n"


@pytest.fixture(scope="module")
def product(make: Callable[..., Path]) -> Path:
    return make("beside", start_with="own-data", product_name="stock")


def goods(**more: str) -> dict[str, tuple[str, Source]]:
    columns = {"id": "BIGINT", "sort": "VARCHAR", **more}
    rows = [(1, "tin", *("x" for _ in more)), (2, "jar", *("x" for _ in more))]
    return {"goods": ("data/goods.csv", TableSource("goods", columns, rows, properties={"path": "data/goods.csv"}))}  # fmt: skip


@pytest.mark.parametrize(
    ("files", "sources"),
    [
        ({}, "models/sources.yml"),
        ({"models/sources.yml": CRM}, "models/product_inputs.yml"),
        ({"dbt_project.yml": "name: stock\nmodel-paths: [transform]\n"}, "transform/sources.yml"),
    ],
)
def test_models_and_sources_go_where_dbt_reads_them_and_nothing_is(
    files: dict[str, str], sources: str, product: Path, copy_of: Copy
) -> None:
    root = copy_of(product)
    for path, text in files.items():
        lay(root / path, text)
    write(root, prepare(root, goods()))
    assert all((root / path).read_text("utf-8") == text for path, text in files.items())
    (source,) = yaml.safe_load((root / sources).read_text("utf-8"))["sources"]
    assert source["name"] == "inputs" and (root / sources).with_name("stock.sql").is_file()
    assert {one.rule for one in findings(root)} <= {"DecisionOpen", "PlaceholderReplaced"}

    # What is applied later goes to the same files.
    written, _ = apply(root, compare(root, goods(shelf="VARCHAR")), ["all"])
    assert sources in written and "shelf" in (root / sources).read_text("utf-8")


@pytest.mark.parametrize(
    ("files", "refused"),
    [
        ({"models/marts/stock.sql": "select 1 as one\n"}, "models/marts/stock.sql is the model stock"),
        (
            {"models/stg_people.sql": "select * from {{ source('crm', 'people') }}\n", "models/crm.yml": CRM},
            "models/stg_people.sql reads the source crm.people",
        ),
        (
            {"models/own.yml": "sources:\n  - {name: raw, schema: inputs, tables: [{name: old}]}\n"},
            "models/own.yml has the source inputs",
        ),
    ],
)
def test_a_draft_that_would_break_the_teams_models_changes_nothing(
    files: dict[str, str], refused: str, product: Path, copy_of: Copy
) -> None:
    root = copy_of(product)
    for path, text in files.items():
        lay(root / path, text)
    with pytest.raises(Error, match=refused) as error:
        prepare(root, goods())
    assert error.value.fix


def test_models_that_read_files_themselves_go_on(product: Path, copy_of: Copy) -> None:
    root = copy_of(product)
    lay(root / "models/people.sql", "select * from {{ source('crm', 'people') }}\n")
    text = "sources:\n  - {name: crm, meta: {external_location: 'x/{name}.csv'}, tables: [{name: people}]}\n"
    lay(root / "models/crm.yml", text)
    write(root, prepare(root, goods()))


def test_a_product_in_a_folder_is_judged_with_the_repository_around_it(
    product: Path, copy_of: Copy, tmp_path: Path
) -> None:
    """What a forge reads at the root only, such as CODEOWNERS, is not in the folder."""
    folder = tmp_path / "mono" / "products" / "stock"
    folder.parent.mkdir(parents=True)
    copy_of(product).rename(folder)
    lay(tmp_path / "mono/CODEOWNERS", (folder / ".github/CODEOWNERS").read_text("utf-8"))
    (folder / ".github/CODEOWNERS").unlink()
    git("init", "--quiet", cwd=tmp_path / "mono")
    write(folder, prepare(folder, goods()))
