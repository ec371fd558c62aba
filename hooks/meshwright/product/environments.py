"""Return a product's spec as it is in one of its environments."""

from __future__ import annotations

from meshwright.core.yaml import Document, Unreadable
from meshwright.product import grammar


def names(spec: Document) -> tuple[str, ...]:
    """Return the environments that the spec has."""
    environments = spec.get("spec.environments")
    return tuple(environments) if isinstance(environments, dict) else ()


def bind(spec: Document, name: str) -> Document:
    """Return the spec as it is in an environment. Positions in it are those of the spec.

    Raises Unreadable if the environment, or an input or port in it, is not in the spec. The spec must fit its schema.
    """
    try:
        return Document(spec.path, grammar.bind(spec.value, name))
    except grammar.Unknown as error:
        known = ", ".join(error.known) or "none"
        raise Unreadable(f"{spec.path}: {error}; it has {known}.", error.fix) from error
