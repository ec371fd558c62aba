"""Read YAML with the position of every node, safely for untrusted files.

Read from libyaml's event stream rather than with a loader: a loader drops positions, expands
aliases to gigabytes, and silently takes the last of two equal keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from yaml.resolver import Resolver

from meshwright.core.errors import Error

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_NODES = 50_000
MAX_DIGITS = 1000
"""Maximum digits of a number. Python reads longer hexadecimal numbers than it can write as decimals."""

Keys = tuple[str | int, ...]
"""The path to a node: keys of mappings and indices of lists."""

CORE = "tag:yaml.org,2002:"
BOOLEANS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_RESOLVER = Resolver()


class Unreadable(Error):
    """The file cannot be read as one YAML document."""


@dataclass
class Document:
    """A YAML file's value, and the place (line and column, from 1) of each node in it."""

    path: Path
    """Relative to the product's root."""
    value: Any = None
    places: dict[Keys, tuple[int, int]] = field(default_factory=dict)

    def place(self, keys: Keys) -> tuple[int, int]:
        """Return the position of the node at `keys`, or of the nearest node around it."""
        while keys and keys not in self.places:
            keys = keys[:-1]
        return self.places.get(keys, (1, 1))

    def get(self, dotted: str, default: Any = None) -> Any:
        """Return the value at a path such as `spec.owner.email`, or `default`."""
        value = self.value
        for key in dotted.split("."):
            if not isinstance(value, dict) or key not in value:
                return default
            value = value[key]
        return value

    def items(self, dotted: str) -> Iterator[tuple[Keys, dict[str, Any]]]:
        """Yield the mappings in the list at `dotted`, each with its path; other values are skipped."""
        found = self.get(dotted)
        for index, item in enumerate(found if isinstance(found, list) else []):
            if isinstance(item, dict):
                yield (*dotted.split("."), index), item

    def has(self, keys: Keys) -> bool:
        """Return True if there is a node at `keys`."""
        value = self.value
        for key in keys:
            there = (
                value.keys()
                if isinstance(value, dict)
                else range(len(value))
                if isinstance(value, list)
                else ()
            )
            if key not in there:
                return False
            value = value[key]
        return True

    def texts(self) -> Iterator[tuple[Keys, str]]:
        """Yield every text in the document with its path, in order."""
        waiting: list[tuple[Keys, Any]] = [((), self.value)]
        while waiting:
            keys, node = waiting.pop()
            if isinstance(node, str):
                yield keys, node
            elif isinstance(node, dict | list):
                pairs = node.items() if isinstance(node, dict) else enumerate(node)
                waiting += [
                    ((*keys, key), below) for key, below in pairs if isinstance(below, str | dict | list)
                ][::-1]


def strict_json(text: str) -> Any:
    """Parse JSON strictly: without NaN and lone surrogates, which Python accepts and other programs do not.
    Raises ValueError."""
    try:
        value = json.loads(text, parse_constant=_no_number)
        if re.search(r"\\u[dD][89a-fA-F]", text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # UnicodeEncodeError is a ValueError
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return value


def _no_number(constant: str) -> float:
    raise ValueError(f"{constant} is not a number in JSON")


def valued(path: str, value: Any) -> Document:
    """Return a document for a value that was not read from YAML, such as a part of a catalog's record; it has no positions.
    Raises Unreadable if it is nested too deeply, too long, or not JSON."""
    try:
        _sound(value)
    except UnicodeEncodeError as error:
        raise Unreadable("It contains a lone surrogate (half a character).", "Remove it.") from error
    return Document(Path(path), value)


def _sound(value: Any) -> None:
    nodes, depth, layer = 1, 0, [value]
    while layer:
        below: list[Any] = []
        for node in layer:
            if type(node) is dict:
                nodes += len(node)
                "".join(node).encode("utf-8")
                below += node.values()
            elif type(node) is list:
                nodes += len(node)
                below += node
            elif type(node) is str:
                if not node.isascii():
                    node.encode("utf-8")
            elif type(node) is float and not isfinite(node):
                raise Unreadable("It contains a number that JSON cannot represent.", "Remove it.")
        depth += bool(below)
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise Unreadable(
                f"It has more than {MAX_NODES:,} values, or is nested more than {MAX_DEPTH} levels deep.",
                "Shorten or flatten it.",
            )
        layer = below


def load(path: Path) -> Any:
    """Return the value of a YAML file that is part of Meshwright."""
    return load_text(path.read_text("utf-8"))


def load_text(text: str) -> Any:
    """Return the value of YAML that is part of Meshwright."""
    return yaml.load(text, Loader=Loader)  # noqa: S506 - a safe loader, in C or in Python


def inside(root: Path, path: str) -> bool:
    """Return True if `path` is a regular file within the repository: not outside it, not a pipe or device."""
    try:
        file = (root / path).resolve()
        return file.is_relative_to(root.resolve()) and file.is_file()
    except (OSError, ValueError, RuntimeError):  # invalid file names, circular links
        return False


def read_text(root: Path, path: str) -> str:
    """Return the content of a regular file of the repository. Raises Unreadable."""
    if not inside(root, path):
        raise Unreadable(
            "There is no such file in the repository.", "Write it, or run in a product's repository."
        )
    try:
        with (root / path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"It cannot be read: {error.strerror}.", "Fix its permissions.") from error
    return decode(raw)


def decode(raw: bytes) -> str:
    """Decode a file's content. Raises Unreadable."""
    if len(raw) > MAX_BYTES:
        raise Unreadable(
            f"It is larger than {MAX_BYTES:,} bytes.", "Move what does not belong to the product elsewhere."
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        problem = f"It is not UTF-8: byte {raw[error.start]:#04x}."
        raise Unreadable(problem, "Save it as UTF-8.", line, column) from error


def read(root: Path, path: str) -> Document:
    """Read a YAML file of the repository. Raises Unreadable, which names the file."""
    try:
        text = read_text(root, path)
    except Unreadable as error:
        raise error.of(path) from error
    return parse(path, text)


def parse(path: str, text: str) -> Document:
    """Parse YAML that came from `path`. Raises Unreadable, which names the file."""
    document = Document(Path(path))
    try:
        _Builder(document).build(text)
    except Unreadable as error:
        raise error.of(path) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = f"It is not YAML: {error.problem or error.context}."
        raise Unreadable(problem, "Fix the syntax here, or just above.", *place).of(path) from error
    except yaml.YAMLError as error:  # characters that YAML does not allow
        problem = f"It is not YAML: {str(error).splitlines()[0]}"
        raise Unreadable(problem, "Remove the characters that YAML does not allow.").of(path) from error
    return document


class _Builder:
    """Builds the value and the positions of one document from events, with limits on depth and size."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.nodes = 0
        self.order: list[Keys] = []  # in document order, so that the nodes below a node are a slice
        self.anchors: dict[str, tuple[Any, dict[Keys, tuple[int, int]]]] = {}

    def build(self, text: str) -> None:
        self.events = yaml.parse(text, Loader=Loader)
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    fix = "Remove the line `---` and what follows it."
                    raise _unreadable(event, "It holds more than one document.", fix)
                self.document.value = self._node(next(self.events), ())
        if not documents or self.document.value is None:
            raise Unreadable(
                "The file is empty.",
                "Write it, or take it from a product that `copier copy` has just created.",
            )

    def _node(self, event: yaml.Event, keys: Keys) -> Any:
        self._count(event, 1, len(keys))
        self.document.places[keys] = _start(event)
        start = len(self.order)
        self.order.append(keys)
        match event:
            case yaml.AliasEvent():
                return self._alias(event, keys)
            case yaml.ScalarEvent():
                value: Any = _scalar(event)
            case yaml.SequenceStartEvent():
                _refuse_tag(event, "seq")
                value = []
                while not isinstance(item := next(self.events), yaml.SequenceEndEvent):
                    value.append(self._node(item, (*keys, len(value))))
            case yaml.MappingStartEvent():
                _refuse_tag(event, "map")
                value = self._mapping(keys)
            case _:
                raise AssertionError(f"A parser does not emit {event} at the start of a node.")
        if event.anchor:
            below = {path[len(keys) :]: self.document.places[path] for path in self.order[start:]}
            self.anchors[event.anchor] = (value, below)
        return value

    def _mapping(self, keys: Keys) -> dict[str, Any]:
        value: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise _unreadable(event, "A key is not a text.", "Write it as a text.")
            # A key is always read as text, even if YAML 1.1 reads it otherwise (`on`, `2024`).
            key = event.value
            if key == "<<" and not event.style:
                raise _unreadable(event, "Merge keys (<<) are not supported.", "Write the fields out.")
            if key in value:
                raise _unreadable(event, f"The key {key} appears here twice.", "Keep one of the two.")
            value[key] = None
            value[key] = self._node(next(self.events), (*keys, key))
            self.document.places[(*keys, key)] = _start(event)
        return value

    def _alias(self, event: yaml.AliasEvent, keys: Keys) -> Any:
        if event.anchor not in self.anchors:
            raise _unreadable(event, f"There is no anchor &{event.anchor} above it.", "Write the value out.")
        value, below = self.anchors[event.anchor]
        self._count(event, len(below), len(keys) + max(map(len, below)))
        for path, place in below.items():
            self.document.places[(*keys, *path)] = place
            self.order.append((*keys, *path))
        return value

    def _count(self, event: yaml.Event, nodes: int, depth: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            problem = "It is nested too deeply, or its aliases expand to too much."
            raise _unreadable(event, problem, "Write the value out, or make it simpler.")


def _scalar(event: yaml.ScalarEvent) -> Any:
    """Return a scalar as the pipeline and datacontract-cli read it: YAML 1.1, with dates as text.

    Values that PyYAML would misread (12:30 as 750, a binary) are refused.
    """
    tag = event.tag
    if tag in (None, "!"):
        tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == f"{CORE}timestamp":
            return event.value
    text = event.value.replace("_", "").lower()
    try:
        match tag.removeprefix(CORE):
            case "str":
                return event.value
            case "null":
                return None
            case "bool":
                return BOOLEANS[text]
            case "int" if len(text) <= MAX_DIGITS:
                return int(text, 8) if re.match(r"[-+]?0[0-7]", text) else int(text, 0)
            case "float" if abs(number := float(text)) < float("inf"):  # JSON has no infinity
                return number
    except (ValueError, KeyError):
        pass
    problem = f"YAML reads {event.value[:50]!r} as something other than a text or a plain number."
    raise _unreadable(event, problem, "Put it in quotes, without a tag.")


def _refuse_tag(event: yaml.CollectionStartEvent, kind: str) -> None:
    if event.tag not in (None, "!", CORE + kind):
        raise _unreadable(event, f"The tag {event.tag} is not supported.", "Remove it.")


def _unreadable(event: yaml.Event, problem: str, fix: str) -> Unreadable:
    return Unreadable(problem, fix, *_start(event))


def _start(event: yaml.Event) -> tuple[int, int]:
    """Return the line and the column where the event begins."""
    assert event.start_mark is not None, "a parser marks every event"
    return event.start_mark.line + 1, event.start_mark.column + 1
