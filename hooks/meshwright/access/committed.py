"""Documents of a product's repository at a commit, held against their schemas."""

from __future__ import annotations

from typing import Any

from meshwright.core.git_history import History
from meshwright.core.yaml import Document, Unreadable, parse
from meshwright.product.validate import misshapen


def committed(history: History, path: Any, shape: Any) -> Document:
    """Return the document that the commit has at a path. Raises Unreadable."""
    text = history.read(path) if isinstance(path, str) else None
    if text is None:
        raise Unreadable(f"{path}: There is no such file in the commit {history.commit[:9]}.", "Commit it.")
    return checked(path, text, shape)


def checked(path: str, text: str, shape: Any) -> Document:
    """Return a text as a document that fits its schema. Raises Unreadable, with the place."""
    try:
        document = parse(path, text)
    except Unreadable as error:
        raise Unreadable(f"{path}:{error.line}:{error.column}: {error}", error.fix) from error
    for problem in misshapen(document, shape):
        line, column = document.place(problem.keys)
        raise Unreadable(f"{path}:{line}:{column}: {problem.detail}", problem.fix)
    return document
