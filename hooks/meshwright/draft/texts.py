"""Write YAML as the template's own files are written, from values that may come from a hostile source."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml as plain_yaml

_NEEDS_QUOTES = re.compile(r"[ ]$|[ ][#]|:([ ]|$)|^[^\w(/+]")
_FLOW_SIGNS = re.compile(r"[,\[\]{}]")


def yaml(value: Any) -> str:
    """Return a YAML document: mappings and lists in block style, a `Flow` on one line."""
    from ruamel.yaml import YAML

    writer = YAML()
    writer.width = 4096
    writer.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    writer.dump(ruamel(value), stream)
    return stream.getvalue()


class Flow(dict[str, Any]):
    """A mapping that is written on one line."""


def ruamel(value: Any, in_flow: bool = False) -> Any:
    """Return a value as ruamel.yaml writes it in this repository's style."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if isinstance(value, Mapping):
        flow = in_flow or isinstance(value, Flow)
        mapping = CommentedMap({ruamel(key, flow): ruamel(item, flow) for key, item in value.items()})
        if flow:
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        flow = in_flow or not any(isinstance(item, Mapping | list | tuple) for item in value)
        sequence = CommentedSeq(ruamel(item, flow) for item in value)
        if flow:
            sequence.fa.set_flow_style()
        return sequence
    return _text(value, in_flow) if isinstance(value, str) else value


def _text(text: str, in_flow: bool) -> Any:
    """Return a text with quotes where a reader of YAML 1.1 or 1.2 would take it for something else without."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    text = "".join(sign if sign.isprintable() or sign == " " else " " for sign in text)
    try:
        # libyaml, which core.render lets `safe_load` use, reads `[a?b]`; PyYAML, which the pipeline may have alone, does not.
        read = plain_yaml.load(f"[{text}]" if in_flow else text, plain_yaml.SafeLoader)
        is_same = read == ([text] if in_flow else text)
    except plain_yaml.YAMLError:
        is_same = False
    special = _NEEDS_QUOTES.search(text) or (in_flow and _FLOW_SIGNS.search(text)) or "$" in text
    unsure = not re.fullmatch(r"\d+\.\d+\.\d+", text) and re.fullmatch(
        r"[\d._:eE+-]+|y|n|0[ox].*|\.?(nan|inf)|~", text, re.IGNORECASE
    )
    return text if is_same and not special and not unsure else DoubleQuotedScalarString(text)


def enumerated(names: Sequence[str]) -> str:
    """Return names for a sentence: `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def sentence(text: str) -> str:
    """Return a text of one line that begins with a capital and ends with a period."""
    text = " ".join(text.split())
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")
