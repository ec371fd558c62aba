"""The front door for Cookiecutter: it asks what Copier asks, and what it makes is what Copier makes."""

from __future__ import annotations

import filecmp
import json
import subprocess
from pathlib import Path

import pytest
import yaml
from checkout import ROOT
from children import children_environment
from products import BIN, OWNER, Make
from pytest_cookies.plugin import Cookies
from questions import QUESTIONS

FRONT_DOOR = json.loads((ROOT / "cookiecutter" / "cookiecutter.json").read_text("utf-8"))
ASKED = [name for name in FRONT_DOOR if not name.startswith("_")]


def test_it_asks_the_same_questions_in_the_same_order() -> None:
    assert list(QUESTIONS) == ASKED
    for name, question in QUESTIONS.items():
        several = " Several with commas." if question.get("multiselect") else ""
        assert FRONT_DOOR["__prompts__"][name] == question["help"] + several
        assert (name in FRONT_DOOR["_several"]) is bool(several)
        if isinstance(question.get("choices"), dict):
            assert set(FRONT_DOOR[name]) == set(question["choices"].values())
            assert FRONT_DOOR[name][0] == question["default"]


def same(one: Path, other: Path) -> None:
    compared = filecmp.dircmp(one, other, ignore=[])
    differing = [*compared.left_only, *compared.right_only, *compared.diff_files, *compared.funny_files]
    assert not differing, differing
    for name in compared.common_dirs:
        same(one / name, other / name)


def front_door(template: Path, target: Path, *answers: str) -> subprocess.CompletedProcess[str]:
    command = [
        BIN / "cookiecutter",
        template,
        "--directory",
        "cookiecutter",
        "--no-input",
        "--output-dir",
        target,
    ]
    return subprocess.run(
        [*command, *answers],
        capture_output=True,
        text=True,
        env=children_environment(PATH=f"{BIN}:/usr/bin:/bin"),
    )


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"type": "consumer-oriented"},
        {"product_name": "x-1", "outputs": ["parquet", "delta"], "traits": [], "classification": "secret"},
        {"owner_name": "Zoë \"Ops\" O'''Brien \\ {1} </script> 🙂", "inputs": ["file", "data-product"]},
    ],
    ids=["defaults", "consumer", "choices", "quotes"],
)
def test_the_result_is_copiers(answers: dict, template: Path, make: Make, cookies: Cookies) -> None:
    given = {**OWNER, **answers}
    typed = {key: ", ".join(value) if isinstance(value, list) else value for key, value in given.items()}
    baked = cookies.bake(template=str(template / "cookiecutter"), extra_context=typed)
    assert (baked.exit_code, baked.exception) == (0, None)
    same(make("by-copier", **given), baked.project_path)


def test_what_it_makes_can_be_updated_with_copier(template: Path, tmp_path: Path) -> None:
    assert front_door(template, tmp_path, *(f"{key}={value}" for key, value in OWNER.items())).returncode == 0
    answers = yaml.safe_load((tmp_path / "departures" / ".copier-answers.yml").read_text())
    assert (answers["_src_path"], answers["_commit"]) == (str(template), "v1.0.0")


def test_a_wrong_answer_leaves_nothing_behind(template: Path, tmp_path: Path) -> None:
    done = front_door(template, tmp_path, "domain=Not A Domain")
    assert done.returncode != 0
    assert "small letters" in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
