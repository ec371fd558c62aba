"""The part of `make demo` about access: a request, a signature, a grant, and a look at what the reader gets."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from checkout import git

APPROVERS = """apiVersion: meshwright/v1
kind: Approvers
approvers:
  - name: {name}
    email: {email}
    capacity: owner
    key: {key}
"""
HIDDEN = "tail_number"
"""A confidential column, which the analysts' role sees masked."""


def share(product: Path, keys: Path, meshwright: Callable[..., None], say: Callable[[str], None]) -> bool:
    """Bo asks, Dee signs, and the analysts' variant of the data set is written. False without ssh-keygen."""
    if not shutil.which("ssh-keygen"):
        say("meshwright access: ssh-keygen is not here, so nobody can sign an approval")
        return False
    key = keys / "dee"
    if not key.exists():
        call = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "dee@example.org", "-f", str(key)]
        subprocess.run(call, check=True)
    text = approvers("Dee Example", "dee@example.org", key)
    (product / "access" / "approvers.yaml").write_text(text, "utf-8")
    commit(product, "Dee approves")
    say("meshwright access request cabin-planning --role reader --principal group:analysts …")
    until = f"{datetime.now(UTC) + timedelta(days=180):%Y-%m-%d}"
    meshwright(
        *("access", "request", "cabin-planning", "--role", "reader", "--principal", "group:analysts"),
        *("--for", "How many seats were offered, by model and day", "--until", until),
        *("--team", "cabin-planning", "--requester", "bo@example.org"),
    )
    commit(product, "Ask to read")
    say("meshwright access approve cabin-planning && git commit -S")
    meshwright("access", "approve", "cabin-planning")
    commit(product, "Approve cabin-planning", "-S", key=keys / "dee.pub")
    say("meshwright access apply --first")
    meshwright("access", "apply", "--first", "--directory", "access/directory.yaml")
    say(f"meshwright access explain bo@example.org {HIDDEN}")
    meshwright("access", "explain", "bo@example.org", HIDDEN)
    return True


def approvers(name: str, email: str, key: Path) -> str:
    """Return access/approvers.yaml with the product's owner; `key` is the private one."""
    return APPROVERS.format(name=name, email=email, key=key.with_suffix(".pub").read_text("utf-8").strip())


def commit(
    product: Path,
    message: str,
    *options: str,
    key: Path | None = None,
    by: tuple[str, str] = ("Dee Example", "dee@example.org"),
) -> None:
    """Commit what is in the work tree; with a key (the public one) as somebody who signs: name and address."""
    identity = ("gpg.format=ssh", f"user.signingKey={key}", f"user.name={by[0]}", f"user.email={by[1]}")
    signing = [part for setting in identity for part in ("-c", setting)] if key else []
    git("add", "--all", cwd=product)
    git(*signing, "commit", "--quiet", *options, "--message", message, cwd=product)
