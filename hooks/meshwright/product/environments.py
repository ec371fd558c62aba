"""What a product is in each of the environments that it runs in."""

from __future__ import annotations

from meshwright.core.yaml import Document, Unreadable
from meshwright.product import grammar


def names(spec: Document) -> tuple[str, ...]:
    """Return the environments that the spec has."""
    environments = spec.get("spec.environments")
    return tuple(environments) if isinstance(environments, dict) else ()


def bind(spec: Document, name: str) -> Document:
    """Return the spec as it is in an environment. Places in it are those of the spec.

    Raises Unreadable for an environment, an input or a port that it does not have. The spec fits its schema.
    """
    try:
        return Document(spec.path, grammar.bind(spec.value, name))
    except grammar.Unknown as error:
        known = ", ".join(error.known) or "none"
        raise Unreadable(f"{spec.path}: {error}; it has {known}.", "Name one that it has.") from error
