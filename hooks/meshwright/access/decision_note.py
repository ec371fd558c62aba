"""Why an agreement was approved or rejected, kept in the agreement itself."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from meshwright.access.approval.agreement_versions import DECISION
from meshwright.core import files
from meshwright.core.git_history import History
from meshwright.core.yaml import Unreadable, parse, read_text
from meshwright.core.yaml_edit import edited
from meshwright.product import schema
from meshwright.product.files import AGREEMENTS
from meshwright.product.validate import misshapen

LONGEST = 300
"""How many characters a note has at the most, as any custom property."""


def write_note(agreement: Any, note: str) -> None:
    """Set an agreement's decision note; without a text, remove it."""
    custom = agreement["customProperties"]
    custom[:] = [item for item in custom if item["property"] != DECISION]
    if note:
        custom.append({"property": DECISION, "value": note})


def checked_note(note: str) -> str:
    """Return a note that fits an agreement. Raises Unreadable."""
    note = " ".join(note.split())
    if len(note) > LONGEST or not note.isprintable():
        raise Unreadable(
            f"The note has more than {LONGEST} characters, or one that is invisible.", "Shorten it."
        )
    return note


def add_note(root: Path, path: str, note: str) -> str:
    """Give an agreement that was approved in the work tree its note; return what to tell. Raises Unreadable.

    Without a note, one that the request still has from an earlier decision is removed.
    """
    text = read_text(root, path)
    if parse(path, text).get("status") != "approved":
        return "The note was not written: nothing is approved yet." if note else ""
    committed = History(root).read(path)
    is_first = committed is not None and parse(path, committed).get("status") == "requested"
    if note or is_first:
        changed = edited(text, lambda value: write_note(value, note), path)
        files.write(root / path, changed, "Make the file writable.")
    return ""


def reject(root: Path, agreement: str, note: str) -> str:
    """Set an agreement's status to `rejected`, with the reason; return how to commit it. Raises Unreadable."""
    path = f"{AGREEMENTS}/{agreement}.yaml"
    text = read_text(root, path)
    for problem in misshapen(parse(path, text), schema.access_agreement):
        raise Unreadable(f"{path}: {problem.detail}", problem.fix)

    def change(value: Any) -> None:
        value["status"] = "rejected"
        write_note(value, note)

    files.write(root / path, edited(text, change, path), "Make the file writable.")
    message = shlex.quote(f"Reject {agreement}")
    return "\n".join(
        [
            f"{path} now has `status: rejected`. Whoever reads by it reads until this is merged and applied:",
            f"  git commit -m {message} -- {shlex.quote(path)}",
        ]
    )
