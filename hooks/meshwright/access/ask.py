"""Approving a request: the change that an approver signs. Nothing here grants anything."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from meshwright.core import files
from meshwright.core.yaml import Unreadable, parse, read_text
from meshwright.product import schema
from meshwright.product.files import AGREEMENTS
from meshwright.product.validate import misshapen

STATUS = re.compile(
    r"^status:[ \t]*[\"']?(requested|approved|rejected)[\"']?(?=[ \t]*(?:#|\r?$))", re.MULTILINE
)


def approve(root: Path, agreement: str) -> str:
    """Set the status to approved; return how to sign. Raises Unreadable."""
    path = f"{AGREEMENTS}/{agreement}.yaml"
    text = read_text(root, path)
    document = parse(path, text)
    for problem in misshapen(document, schema.access_agreement):
        raise Unreadable(f"{path}: {problem.detail}", problem.fix)
    changed, count = STATUS.subn("status: approved", text)
    if count != 1:
        raise Unreadable(f"{path} has no status on a line of its own.", "Write `status: approved` yourself.")
    if changed == text:  # somebody else has approved it, and a signature needs a change to sign
        changed = f"{text.rstrip()}\n# approved once more\n"
    files.write(root / path, changed, "Make the file writable.")
    role = document.get("roles")[0]["role"]
    whom = next(
        item["value"] for _, item in document.items("customProperties") if item["property"] == "principal"
    )
    return "\n".join(
        [
            f"{path} now has `status: approved`: {whom if isinstance(whom, str) else ', '.join(whom)} "
            f"as {role} until {document.get('endTimestamp')}.",
            "It counts once you sign it, with the key that access/approvers.yaml has of you (git signs with it after",
            "`git config gpg.format ssh && git config user.signingKey ~/.ssh/id_ed25519.pub`):",
            f"  git commit -S -m {shlex.quote(f'Approve {agreement}')} -- {path}",
            "Merge with a merge commit: squash and rebase drop signatures.",
        ]
    )
