"""The questions of copier.yml."""

from __future__ import annotations

import yaml
from checkout import ROOT

COPIER = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))


QUESTIONS = {
    name: question
    for name, question in COPIER.items()
    if not name.startswith("_") and False not in (question.get("when"), question.get("ask"))
}
