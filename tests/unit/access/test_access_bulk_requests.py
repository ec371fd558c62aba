"""Many requests at once, from a CSV file."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from products import Make

from meshwright.cli import main

HEAD = "agreement,role,principals,for,until,team,requester"
SOON = f"{datetime.now(UTC) + timedelta(days=60):%Y-%m-%d}"


def row(name: str = "delays", role: str = "reader", who: str = "group:analysts", end: str = SOON) -> str:
    return f"{name},{role},{who},Why flights are late,{end},operations,bo@example.org"


@pytest.fixture(scope="module")
def fresh(make: Make) -> Path:
    return make("departures")


@pytest.fixture
def product(fresh: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fresh, tmp_path / "departures"))


def asks(product: Path, content: str | bytes, code: int = 0) -> str:
    file = product.parent / "requests.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    directory = str(product / "access/directory.yaml")
    done = CliRunner().invoke(
        main, ["access", "request-all", str(file), "--product", str(product), "--directory", directory]
    )
    assert done.exit_code == code, done.output + repr(done.exception)
    return done.stdout or done.stderr


def written(product: Path) -> list[str]:
    return sorted(path.stem for path in (product / "access/agreements").glob("*.yaml"))


TWO = "\n".join([HEAD, row(), row("service-delays", "service", "id:svc-punctuality"), ""])


@pytest.mark.parametrize(
    "content",
    [
        TWO,
        "\ufeff" + TWO.replace("\n", "\r\n"),
        TWO.replace(",", ";"),
        TWO.replace("Why flights are late", '"Why flights, at last,\nare late"'),
    ],
    ids=["plain", "of a spreadsheet", "semicolons", "quoted"],
)
def test_each_row_is_a_request_of_one_pull_request(product: Path, content: str) -> None:
    printed = asks(product, content)
    assert written(product) == ["delays", "service-delays"]
    assert "git switch -c access/delays-and-1-more" in printed
    assert "meshwright access approve delays service-delays" in printed


def test_the_files_are_those_of_the_command_for_one(product: Path, fresh: Path, tmp_path: Path) -> None:
    asks(product, TWO)
    other = Path(shutil.copytree(fresh, tmp_path / "other"))
    options = {"role": "reader", "principal": "group:analysts", "for": "Why flights are late", "until": SOON, "team": "operations", "requester": "bo@example.org"}  # fmt: skip
    parts = [part for key, value in options.items() for part in (f"--{key}", value)]
    done = CliRunner().invoke(main, ["access", "request", "delays", *parts, "--product", str(other)])
    assert done.exit_code == 0, done.output
    path = "access/agreements/delays.yaml"
    assert (product / path).read_bytes() == (other / path).read_bytes()


def test_a_repeat_writes_what_is_missing_and_nothing_else(product: Path) -> None:
    asks(product, TWO)
    file = product / "access/agreements/delays.yaml"
    before = file.stat().st_mtime_ns
    (product / "access/agreements/service-delays.yaml").unlink()
    assert "1 of them were there already." in asks(product, TWO)
    assert written(product) == ["delays", "service-delays"]
    assert file.stat().st_mtime_ns == before
    later = file.read_text().replace("status: requested", "status: approved")
    file.write_text(re.sub(r"(startTimestamp: \S?)\d{4}", r"\g<1>2025", later))
    assert "2 of them were there already." in asks(product, TWO)  # on another day, and after the approval
    assert "asks for something else" in asks(product, TWO.replace("flights are", "planes are"), code=2)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "requests.csv:1: The first line has no column agreement"),
        (HEAD + "\n", "has 0 rows"),
        (HEAD + ",colour\n" + row() + ",red\n", "a column colour that is unknown"),
        (HEAD + ",role\n" + row() + ",reader\n", "there twice"),
        (HEAD + "\n" + row() + ",more\n", "requests.csv:2: The row has more or fewer cells"),
        (HEAD + "\n" + "delays\n", "requests.csv:2: The row has more or fewer cells"),
        ("\n".join([HEAD, *(row(f"delays-x{n}") for n in range(201)), ""]), "has 201 rows"),
        (TWO.encode("utf-16"), "Save it as CSV in UTF-8"),
        ("\n".join([HEAD, row(), row()]), "line 3: Another row is delays"),
        ("\n".join([HEAD, row(), row("x", role="nobody")]), "line 3: "),
        ("\n".join([HEAD, row(), row("y", end="tomorrow")]), "`until` is tomorrow, and no day"),
        ("\n".join([HEAD, row(), row("z", end="2020-01-01")]), "line 3: "),
        ("\n".join([HEAD, row(), row("z", who="group:nobody")]), "line 3: The directory has no group nobody"),
        ("\n".join([HEAD, row(), row("../../x")]), "line 3: "),
        ("\n".join([HEAD, row(who="=cmd()")]), "line 2: "),
        ("\n".join([HEAD, row("a\x00b")]), "line 2: "),
        ("\n".join([HEAD, row(""), "," * 6]), "line 2: It has no `agreement`"),
    ],
)
def test_one_wrong_row_and_nothing_is_written(product: Path, content: str | bytes, says: str) -> None:
    printed = asks(product, content, code=2)
    assert says in printed
    assert "fix:" in printed
    assert written(product) == []
    assert not (product.parent / "x.yaml").exists()


def test_all_wrong_rows_are_named(product: Path) -> None:
    quoted = row("fine").replace("Why flights are late", '"Why flights\nare late"')
    content = "\n".join([HEAD, row(end="never"), quoted, row("good"), row("bad", role="nobody"), "," * 6])
    printed = asks(product, content, code=2)
    assert "2 of 4 rows cannot be asked for, and nothing was written. line 2: " in printed
    assert "line 6: " in printed
