"""cookiecutter/cookiecutter.json: the questions of copier.yml as Cookiecutter asks them."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml
from checkout import ROOT

SEVERAL = " Several with commas."


def cookiecutter_json() -> str:
    """Return the text of cookiecutter.json. Cookiecutter knows texts, one of several choices, and yes or no."""
    described: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    entries = {name: entry for name, entry in described.items() if not name.startswith("_")}
    questions = {
        name: entry for name, entry in entries.items() if False not in (entry.get("when"), entry.get("ask"))
    }
    computed = {name: entry for name, entry in entries.items() if name not in questions}
    several = [name for name, entry in questions.items() if entry.get("multiselect")]
    return _text(
        {
            **{name: _default(name, entry, questions, computed) for name, entry in questions.items()},
            "_several": several,
            "__prompts__": {
                name: entry["help"] + (SEVERAL if name in several else "")
                for name, entry in questions.items()
            },
        }
    )


def _default(name: str, entry: dict[str, Any], questions: dict[str, Any], computed: dict[str, Any]) -> Any:
    """Return what Cookiecutter proposes: its first choice, or a text in which it knows the answers before."""
    default = entry["default"]
    choices = entry.get("choices")
    if isinstance(choices, dict | list) and not entry.get("multiselect"):
        values = list(choices.values() if isinstance(choices, dict) else choices)
        return [default, *(value for value in values if value != default)]
    if isinstance(choices, str) and not entry.get("multiselect"):
        # One capability of a kind; the first is the default.
        return sorted(path.parent.name for path in ROOT.glob(f"blueprints/{name}/*/blueprint.yaml"))
    if isinstance(default, list):
        return ", ".join(default)
    if not isinstance(default, str):
        return default
    if default.strip("{} ") in computed:  # it comes from Copier's own settings, which Copier reads
        return computed[default.strip("{} ")]["default"]
    if entry.get("multiselect"):
        default = re.sub(r"\[('[^'\]]*')\]", r"\1", default)  # a list of one is a text there
    names = re.compile(rf"(?<![\w'.])({'|'.join(map(re.escape, questions))})(?![\w'])")
    return re.sub(r"\{[{%].*?[%}]\}", lambda found: names.sub(r"cookiecutter.\1", found[0]), default)


def _text(value: dict[str, Any]) -> str:
    """Return the JSON, a line for each question."""
    lines = [f"  {json.dumps(name)}: {json.dumps(item, ensure_ascii=False)}" for name, item in value.items()]
    prompts = json.dumps(value["__prompts__"], indent=2, ensure_ascii=False).replace("\n", "\n  ")
    return "{\n" + ",\n".join([*lines[:-1], f'  "__prompts__": {prompts}']) + "\n}\n"
