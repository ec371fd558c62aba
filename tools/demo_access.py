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
  - name: Ada Example
    email: ada@example.org
    capacity: owner
    key: {key}
"""
HIDDEN = "tail_number"


def share(product: Path, keys: Path, meshwright: Callable[..., None], say: Callable[[str], None]) -> bool:
    """Bo asks, Ada signs, and the analysts' variant of the data set is written. False without ssh-keygen."""
    if not shutil.which("ssh-keygen"):
        say("meshwright access: ssh-keygen is not here, so nobody can sign an approval")
        return False
    keys.mkdir()
    call = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada@example.org", "-f", str(keys / "ada")]
    subprocess.run(call, check=True)
    approvers = APPROVERS.format(key=(keys / "ada.pub").read_text("utf-8").strip())
    (product / "access" / "approvers.yaml").write_text(approvers, "utf-8")
    contract = product / "contract.odcs.yaml"
    text = contract.read_text("utf-8")  # one column that not everybody may see as it is
    before, after = text.split(f"- name: {HIDDEN}\n", 1)
    contract.write_text(
        f"{before}- name: {HIDDEN}\n{after.replace('classification: internal', 'classification: confidential', 1)}",
        "utf-8",
    )
    spec = product / "data-product.yaml"
    spec.write_text(
        spec.read_text("utf-8").replace("classification: internal", "classification: confidential"), "utf-8"
    )
    commit(product, "Ada approves; the aircraft's registration is confidential")
    say("meshwright access request delay-analysis --role reader --principal group:analysts …")
    until = f"{datetime.now(UTC) + timedelta(days=180):%Y-%m-%d}"
    meshwright(
        *("access", "request", "delay-analysis", "--role", "reader", "--principal", "group:analysts"),
        *("--for", "Why flights are late, by airline and hour", "--until", until),
        *("--team", "operations-control", "--requester", "bo@example.org"),
    )
    commit(product, "Ask to read")
    say("meshwright access approve delay-analysis && git commit -S")
    meshwright("access", "approve", "delay-analysis")
    commit(product, "Approve delay-analysis", "-S", key=keys / "ada.pub")
    say("meshwright access apply")
    meshwright("access", "apply", "--directory", "access/directory.yaml")
    say(f"meshwright access explain bo@example.org {HIDDEN}")
    meshwright("access", "explain", "bo@example.org", HIDDEN)
    return True


def commit(product: Path, message: str, *options: str, key: Path | None = None) -> None:
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}") if key else ()
    git("add", "--all", cwd=product)
    git(*signing, "commit", "--quiet", *options, "--message", message, cwd=product)
