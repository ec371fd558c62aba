"""A change of a YAML file touches the lines that it is about, in whatever layout the file is."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
import yaml

from meshwright.core.errors import Error
from meshwright.core.yaml_edit import edited

LAYOUTS = {
    "as it is written here": "a: 1  # one\nlist:\n  - name: x\n    gone: {b: 2}\n\n    # kept\n    kept: 'yes'\n",
    "lists at the margin": "a: 1\nlist:\n- name: x\n  gone:\n    b: 2\n  kept: 'yes'   # wide\n- {name: y}\n",
    "deep lists": 'list:\n      - name: x\n        gone: {b: 2}\n        kept: "yes"\n      - name: y\n',
    "flow": "{a: 1, list: [{name: x, gone: {b: 2}, kept: yes}, {name: y}]}\n",
    "windows": "a: 1\r\nlist:\r\n  - name: x\r\n    gone: 1\r\n    kept: 2\r\n",
    "long text": "text: >-\n  one\n  two\nlist:\n- name: x\n  gone: 1\n  kept: |\n    a\n     b\nnumber: 010\n",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_only_what_is_changed_is_different(text: str) -> None:
    def change(value: Any) -> None:
        del value["list"][0]["gone"]

    result = edited(text, change)
    expected = yaml.safe_load(text)
    change(expected)
    assert yaml.safe_load(result) == expected
    lost = [line[2:] for line in difflib.ndiff(text.splitlines(), result.splitlines()) if line[:1] == "-"]
    assert all("gone" in line or line.strip() == "b: 2" for line in lost)


def test_a_new_value_has_the_indentation_around_it() -> None:
    text = "list:\n- name: x\n  one: 1\n  last: {a: b}   # wide\n"
    result = edited(text, lambda value: value["list"][0].update(one=[1, 2]))
    assert yaml.safe_load(result) == {"list": [{"name": "x", "one": [1, 2], "last": {"a": "b"}}]}


def test_what_is_no_yaml_is_an_error() -> None:
    with pytest.raises(Error):
        edited("a: [", lambda value: None)
