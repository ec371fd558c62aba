"""Write linked data as JSON-LD and as Turtle. Both are the same graph.

A node is an object of JSON-LD without a context of its own: keys and types are prefixed names of the given context. Texts in it may be
untrusted: they become literals, whatever they contain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from meshwright.core.text import without_forbidden
from meshwright.export import as_json

Node = Mapping[str, Any]
IN_IRI = ":/?#[]@!$&'()*+,;=%-._~"
"""Signs that an IRI may have beside letters and digits."""
LOCAL = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
XSD = "http://www.w3.org/2001/XMLSchema#"


def json_ld(nodes: Sequence[Node], context: Mapping[str, str]) -> str:
    """Return a document of JSON-LD with its context inside, so that no reader has to fetch one."""
    return f"{as_json({'@context': dict(context), '@graph': [_clean(node) for node in nodes]})}\n"


def turtle(nodes: Sequence[Node], context: Mapping[str, str]) -> str:
    """Return the same graph as Turtle."""
    writer = _Turtle(context)
    prefixes = [f"@prefix {name}: <{iri}> ." for name, iri in context.items()]
    for node in nodes:
        writer.add(_clean(node))
    return "\n".join([*prefixes, "", *writer.statements()]) + "\n"


def iri(text: str) -> str:
    """Return an address as an IRI: what no IRI may have is escaped."""
    return quote(text, safe=IN_IRI, errors="replace")


def _clean(value: Any) -> Any:
    """Return a value without characters that a literal may not have, and with identifiers that are IRIs."""
    if isinstance(value, str):
        return without_forbidden(value)
    if isinstance(value, Mapping):
        return {key: iri(one) if key == "@id" else _clean(one) for key, one in value.items()}
    return [_clean(one) for one in value] if isinstance(value, list | tuple) else value


class _Turtle:
    """The statements of a graph, by subject."""

    def __init__(self, context: Mapping[str, str]) -> None:
        self._prefixes = context
        self._subjects: dict[str, list[str]] = {}

    def add(self, node: Node) -> str:
        """Add the statements about a node, and return the term that stands for it."""
        facts = {key: value for key, value in node.items() if key != "@id"}
        if "@id" not in node:
            return f"[ {' ; '.join(self._about(facts))} ]"
        name = self._name(node["@id"])
        if facts:
            known = self._subjects.setdefault(name, [])
            known += [fact for fact in self._about(facts) if fact not in known]
        return name

    def statements(self) -> Iterator[str]:
        """Yield the lines of the document."""
        for subject, facts in self._subjects.items():
            yield subject
            yield from (
                f"    {fact} {';' if number < len(facts) else '.'}" for number, fact in enumerate(facts, 1)
            )
            yield ""

    def _about(self, facts: Node) -> Iterator[str]:
        for key, value in facts.items():
            values = value if isinstance(value, list) else [value]
            if key == "@type":
                yield f"a {', '.join(values)}"
            elif values:
                yield f"{key} {', '.join(map(self._term, values))}"

    def _term(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, Mapping):
            return f"{_literal(value['@value'])}^^{value['@type']}" if "@value" in value else self.add(value)
        return _literal(str(value))

    def _name(self, identifier: str) -> str:
        """Return an IRI as Turtle has it: a prefixed name means the same here as in JSON-LD."""
        prefix, colon, rest = identifier.partition(":")
        if colon and prefix in self._prefixes and LOCAL.fullmatch(rest):
            return identifier
        return f"<{identifier}>"


def _literal(text: str) -> str:
    plain = text.isprintable() and '"' not in text and "\\" not in text
    return f'"{text if plain else "".join(map(_sign, text))}"'


def _sign(sign: str) -> str:
    if sign in ESCAPED:
        return ESCAPED[sign]
    if sign.isprintable():
        return sign
    return f"\\u{ord(sign):04X}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08X}"
