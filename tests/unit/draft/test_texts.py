"""Texts of a source in YAML: every reader gets them as they are."""

from __future__ import annotations

import pytest
import yaml

from meshwright.core import render  # noqa: F401 - lets yaml.safe_load be libyaml's
from meshwright.draft import texts

TEXTS = (
    *(
        "a?b",
        "mysql://me@example.org/crm?charset=utf8mb4",
        "?",
        "? a",
        "a: b",
        "a:b",
        "a #b",
        "#",
        "[",
        "a]",
        "a, b",
    ),
    *(
        "yes",
        "1",
        "1.0",
        "1e3",
        "~",
        "null",
        "2026-01-01",
        "0x1",
        "1_000",
        "12:30",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
    ),
    *("'", '"', "\\", "a'b", "${A}", " a", "a ", "", "-", "- a", "|", ">", "ä", "<<", "="),
)


@pytest.mark.parametrize("text", TEXTS)
def test_every_reader_gets_the_same_text(text: str) -> None:
    written = texts.yaml({"flow": texts.Flow({"a": text, "b": [text]}), "block": text, text: 1})
    expected = {"flow": {"a": text, "b": [text]}, "block": text, text: 1}
    loaders = [yaml.SafeLoader, *([yaml.CSafeLoader] if hasattr(yaml, "CSafeLoader") else [])]
    values = [yaml.load(written, loader) for loader in loaders]  # noqa: S506 - both are safe
    assert values == [expected] * len(loaders), written
