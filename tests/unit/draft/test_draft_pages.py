"""The pages about drafting print commands that work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from checkout import ROOT
from click.testing import CliRunner
from products import Make, findings

from meshwright.cli import main

PENGUINS = "species,island,bill_length_mm,sex,year\n" + "".join(
    f"{('Adelie', 'Gentoo')[number % 2]},{('Dream', 'Biscoe')[number % 2]},{30 + number / 10},{('male', 'female', 'NA')[number % 3]},{2007 + number % 3}\n"
    for number in range(60)
)


def commands(page: str) -> list[list[str]]:
    """Return the arguments of each `meshwright draft` on a page, without those that only show where IDs go."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    lines = [
        line.partition("meshwright draft")[2]
        for block in re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
        if "meshwright draft" in line
    ]
    return [shlex.split(line, comments=True) for line in lines]


def drafted(product: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(product)
    done = CliRunner().invoke(main, ["draft", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_tutorial_drafts_penguins_and_accepts_all(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    product = make("penguins", start_with="own-data", product_name="penguins", domain="research")
    (product.parent / "penguins.csv").write_text(PENGUINS, "utf-8")
    draft, accept = commands("tutorials/first-data-product.md")
    drafted(product, draft, monkeypatch)
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}
    assert "No decision is open." in drafted(product, accept, monkeypatch)
    assert not findings(product)


def test_the_page_drafts_accepts_and_applies(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    product = make("orders", start_with="own-data", product_name="orders", domain="sales")
    data = product.parent / "data"
    data.mkdir()
    states = ["new", "paid"]

    def write(rows: int) -> None:
        lines = [f"{number},{1 + number % 40},{states[number % len(states)]}" for number in range(rows)]
        (data / "orders.csv").write_text("id,customer_id,status\n" + "\n".join(lines) + "\n", "utf-8")

    write(80)
    customers = "id,name\n" + "".join(f"{number},Bo Example{number}\n" for number in range(1, 41))
    (data / "customers.csv").write_text(customers, "utf-8")
    page = commands("how-to/replace-the-sample.md")
    first = [one.replace("customers.parquet", "customers.csv") for one in page[0]]
    drafted(product, first, monkeypatch)
    for arguments in page[1:]:
        if "--apply" in arguments and "all" not in arguments:
            states.append(f"state{len(states)}")
            write(120)
        if "--accept" in arguments or "--apply" in arguments or not arguments:
            drafted(product, arguments, monkeypatch)
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}
