"""What a question of copier.yml becomes in cookiecutter.json, of every kind that a fork may add."""

from __future__ import annotations

import json
from pathlib import Path

import front_door
import pytest

QUESTIONS = """
team: {type: str, help: "Which team?", default: ""}
loud: {type: bool, help: "Loud?", default: false, validator: ""}
size: {type: str, help: "Which size?", choices: [s, m], default: m}
colour: {type: str, help: "Which colour?", choices: {Red: r, Blue: b}, default: r}
many: {type: str, help: "Which?", multiselect: true, choices: [a, b], default: [a, b]}
first: {type: str, help: "Which?", multiselect: true, choices: [a, b], default: "{{ ['a'] if size == 's' else ['b'] }}"}
slug: {type: str, help: "Slug?", default: "{{ team }}-team"}
mail: {type: str, help: "Mail?", default: "{{ user_mail }}"}
user_mail: {type: str, default: "", when: false}
"""


def test_every_kind_of_question_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "copier.yml").write_text(f"_subdirectory: template\n{QUESTIONS}", "utf-8")
    monkeypatch.setattr(front_door, "ROOT", tmp_path)
    asked = json.loads(front_door.cookiecutter_json())
    assert asked.pop("__prompts__")["many"] == "Which? Several with commas."
    assert asked == {
        "team": "",
        "loud": False,
        "size": ["m", "s"],
        "colour": ["r", "b"],
        "many": "a, b",
        "first": "{{ 'a' if cookiecutter.size == 's' else 'b' }}",
        "slug": "{{ cookiecutter.team }}-team",
        "mail": "",
        "_several": ["many", "first"],
    }
