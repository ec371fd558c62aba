"""YAML that knows where everything stands, and that no file can hurt.

Read from libyaml's event stream rather than with a loader: a loader gives values without places, follows
aliases into gigabytes and lets the last of two equal keys win without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.resolver import Resolver

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_NODES = 100_000

Keys = tuple[str | int, ...]
"""The path to a node: keys of mappings and indices of lists."""

_RESOLVER = Resolver()


class Unreadable(Exception):
    """The file cannot be read as one YAML document; `line` and `column` count from 1."""

    def __init__(self, problem: str, mend: str, line: int = 1, column: int = 1) -> None:
        super().__init__(problem)
        self.mend, self.line, self.column = mend, line, column


@dataclass
class Document:
    """A YAML file's value, and the place (line and column, from 1) of each node in it."""

    path: Path
    """Relative to the product's root."""
    value: Any = None
    places: dict[Keys, tuple[int, int]] = field(default_factory=dict)

    def place(self, keys: Keys) -> tuple[int, int]:
        """Where the node at `keys` stands, or else the nearest node around it."""
        while keys and keys not in self.places:
            keys = keys[:-1]
        return self.places.get(keys, (1, 1))

    def get(self, dotted: str, default: Any = None) -> Any:
        """The value at a path such as `spec.owner.email`, or `default` where there is none."""
        value = self.value
        for key in dotted.split("."):
            if not isinstance(value, dict) or key not in value:
                return default
            value = value[key]
        return value

    def items(self, dotted: str) -> Iterator[tuple[Keys, dict[str, Any]]]:
        """The mappings in the list at `dotted`, each with its path; whatever else is there is left out."""
        found = self.get(dotted)
        for index, item in enumerate(found if isinstance(found, list) else []):
            if isinstance(item, dict):
                yield (*dotted.split("."), index), item

    def texts(self) -> Iterator[tuple[Keys, str]]:
        """Every text in the document, with its path."""
        for keys in self.places:
            value = self.value
            for key in keys:
                value = value[key]
            if isinstance(value, str):
                yield keys, value


def load(path: Path) -> Any:
    """The value of a YAML file that comes with Meshwright itself."""
    return yaml.load(path.read_text("utf-8"), Loader=Loader)  # noqa: S506 - a safe loader, in C or in Python


def read(root: Path, path: str, *, plain_keys: bool = False) -> Document:
    """Reads the YAML file `path` below `root`. Raises Unreadable, OSError if there is no such file.

    A key such as `on` or `1` is none but a text in quotes, unless `plain_keys` takes every key as a text.
    """
    with (root / path).open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise Unreadable(
            f"It is larger than {MAX_BYTES:,} bytes.", "Move what is not about the product elsewhere."
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Unreadable(
            f"It is not UTF-8: byte {raw[error.start]:#04x}.",
            "Save it as UTF-8.",
            line,
            error.start - raw.rfind(b"\n", 0, error.start),
        ) from error
    document = Document(Path(path))
    try:
        _Builder(document, plain_keys).build(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(
            f"It is not YAML: {error.problem or error.context}.",
            "Mend the syntax here, or just above.",
            *((mark.line + 1, mark.column + 1) if mark else (1, 1)),
        ) from error
    except yaml.YAMLError as error:  # characters that YAML does not allow
        raise Unreadable(
            f"It is not YAML: {str(error).splitlines()[0]}", "Remove the characters that YAML does not allow."
        ) from error
    return document


class _Builder:
    """Builds value and places from events, one document, with a bound on depth and size."""

    def __init__(self, document: Document, plain_keys: bool) -> None:
        self.document = document
        self.plain_keys = plain_keys
        self.nodes = 0
        self.order: list[Keys] = []  # as they were met, so that what lies below a node is a slice
        self.anchors: dict[str, tuple[Any, dict[Keys, tuple[int, int]]]] = {}

    def build(self, text: str) -> None:
        self.events = yaml.parse(text, Loader=Loader)
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _unreadable(
                        event,
                        "It holds more than one document.",
                        "Remove the line `---` and what follows it.",
                    )
                self.document.value = self._node(next(self.events), ())
        if not documents or self.document.value is None:
            raise Unreadable("It is empty.", "Write it, or take it from a fresh product: `copier copy`.")

    def _node(self, event: yaml.Event, keys: Keys) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(keys) > MAX_DEPTH:
            raise _unreadable(
                event, "It is nested too deep, or its aliases unfold to too much.", "Write it out plainly."
            )
        self.document.places[keys] = (event.start_mark.line + 1, event.start_mark.column + 1)
        start = len(self.order)
        self.order.append(keys)
        match event:
            case yaml.AliasEvent():
                return self._alias(event, keys)
            case yaml.ScalarEvent():
                value: Any = _scalar(event)
            case yaml.SequenceStartEvent():
                value = []
                while not isinstance(item := next(self.events), yaml.SequenceEndEvent):
                    value.append(self._node(item, (*keys, len(value))))
            case _:
                value = self._mapping(keys)
        if event.anchor:
            below = {path[len(keys) :]: self.document.places[path] for path in self.order[start:]}
            self.anchors[event.anchor] = (value, below)
        return value

    def _mapping(self, keys: Keys) -> dict[str, Any]:
        value: dict[str, Any] = {}
        while not isinstance(key_event := next(self.events), yaml.MappingEndEvent):
            key = None
            if isinstance(key_event, yaml.ScalarEvent):
                key = key_event.value if self.plain_keys else _scalar(key_event)
            if not isinstance(key, str):
                raise _unreadable(
                    key_event, "A key is not a text.", "Write it as a text, in quotes if need be."
                )
            if key in value:
                raise _unreadable(key_event, f"The key {key} stands here twice.", "Keep one of the two.")
            value[key] = None
            value[key] = self._node(next(self.events), (*keys, key))
            self.document.places[(*keys, key)] = (
                key_event.start_mark.line + 1,
                key_event.start_mark.column + 1,
            )
        return value

    def _alias(self, event: yaml.AliasEvent, keys: Keys) -> Any:
        if event.anchor not in self.anchors:
            raise _unreadable(event, f"There is no anchor &{event.anchor} before it.", "Write the value out.")
        value, below = self.anchors[event.anchor]
        self.nodes += len(below)
        if self.nodes > MAX_NODES:
            raise _unreadable(event, "Its aliases unfold to too much.", "Write it out plainly.")
        for path, place in below.items():
            self.document.places[(*keys, *path)] = place
            self.order.append((*keys, *path))
        return value


def _scalar(event: yaml.ScalarEvent) -> Any:
    """A scalar as YAML 1.1 and so PyYAML reads it; what JSON cannot say (dates, bytes) stays a text."""
    tag = event.tag
    if tag in (None, "!"):
        tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
    match tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return event.value.lower() in ("yes", "true", "on")
        case "int":
            return _integer(event)
        case "float":
            return _float(event)
    return event.value


def _integer(event: yaml.ScalarEvent) -> int | str:
    text = event.value.replace("_", "")
    if ":" in text or len(text) > 400:  # base 60, which nobody means, and numbers that take for ever
        return event.value
    try:
        return int(text, 0) if not re.match(r"[-+]?0[0-9]", text) else int(text, 8)
    except ValueError:
        return event.value


def _float(event: yaml.ScalarEvent) -> float | str:
    try:
        number = float(event.value.replace("_", ""))
    except ValueError:
        return event.value
    # Infinity and not-a-number have no place in JSON, so the schemas could not judge them.
    return number if abs(number) < float("inf") else event.value


def _unreadable(event: yaml.Event, problem: str, mend: str) -> Unreadable:
    return Unreadable(problem, mend, event.start_mark.line + 1, event.start_mark.column + 1)
