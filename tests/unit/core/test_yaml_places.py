"""What is wrong in a YAML file is named with the file and the line, whoever reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshwright.core.yaml import Unreadable, read
from meshwright.core.yaml_edit import edited

BROKEN = {
    "a: 1\nb: 2\na: 3\n": 3,
    "models: [\n  - name: m\n": 2,
    "a:\n\tb: 1\n": 2,
    "a: &a {b: 1}\nc:\n  <<: *a\n": 3,
    "a: 1\n---\nb: 1\n": 2,
    "a: 1\nb: *nowhere\n": 2,
    "a: 1\nb: !!python/none x\n": 2,
    "a: 'never closed\n": 2,
    "": 1,
    "a: \0\n": 1,
}


@pytest.mark.parametrize(("text", "line"), BROKEN.items())
def test_each_error_has_its_file_and_line(text: str, line: int, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/schema.yml").write_text(text, "utf-8")
    with pytest.raises(Unreadable) as error:
        read(tmp_path, "models/schema.yml")
    assert error.value.sentence.startswith(f"models/schema.yml:{line}:") and error.value.fix


@pytest.mark.parametrize("path", ["missing.yml", "models", "latin.yml"])
def test_a_file_that_cannot_be_read_is_named(path: str, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "latin.yml").write_bytes("a: 1\nb: ä\n".encode("latin-1"))
    with pytest.raises(Unreadable) as error:
        read(tmp_path, path)
    assert error.value.sentence.startswith(f"{path}:")


def test_an_edit_names_the_file_and_the_line() -> None:
    from meshwright.core.errors import Error

    with pytest.raises(Error) as error:
        edited("a: 1\nb: [\n", lambda value: None, "contract.odcs.yaml")
    assert error.value.sentence.startswith("contract.odcs.yaml:3:")
