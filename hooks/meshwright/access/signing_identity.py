"""As which approver git would sign a commit, by its configuration, and the commands that sign it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from meshwright.access.approval.ssh_signatures import fingerprint
from meshwright.core.git import ALWAYS, GitError, run, text
from meshwright.product.approvers import Approver, person, ssh_blob
from meshwright.product.files import APPROVERS

SECONDS = 20.0
OF_SSH = "git config gpg.format ssh && git config user.signingKey ~/.ssh/id_ed25519.pub"
OF_GPG = "git config gpg.format openpgp && git config user.signingKey ada@example.org"
SET_UP = f"Set up the key that {APPROVERS} has of you, once. Of SSH: {OF_SSH}. Of GPG: {OF_GPG}."
"""How git gets to know the key, on one line, as the fix of an error is printed."""

MERGE = "Merge with a merge commit: squash and rebase drop your approval."


@dataclass(frozen=True)
class SigningIdentity:
    """As whom git would sign."""

    approver: Approver | None
    """None if that is unknown, or no approver."""
    email: str
    """The address that git writes as the author's, from the environment or its configuration; empty without one."""
    problem: str = ""
    """Why git's key is no approver's, as a sentence; empty if it is one, or if git has none."""
    set_by: str = "user.email"
    """Which setting decides on that address: of git's configuration, or a variable of the environment."""
    has_key: bool = True
    """Whether git is configured with a key; without one, the approver is known by the address alone."""


def signing_identity(root: Path, approvers: Iterable[Approver]) -> SigningIdentity:
    """Return which of some approvers git would sign as in a repository, by the user's own configuration."""
    identity = _key_identity(root, list(approvers))
    set_by = "author.email" if _config(root, "author.email") else "user.email"
    if os.environ.get("GIT_AUTHOR_EMAIL"):
        set_by = "GIT_AUTHOR_EMAIL"
    return replace(identity, set_by=set_by)


def _key_identity(root: Path, known: list[Approver]) -> SigningIdentity:
    form, key = _config(root, "gpg.format"), _config(root, "user.signingKey")
    email = _address(root, "AUTHOR")
    if form == "x509":
        return SigningIdentity(None, email, "Git signs with X.509, and approvers have keys of SSH or GPG.")
    if form == "ssh" and key:
        blob, name = _ssh_key(root, key), key.removeprefix("key::")[:100]
        approver = next((one for one in known if blob and one.key == blob), None)
        name = fingerprint(blob) if blob else name
    elif form in ("", "openpgp") and (key or any(one.fingerprint for one in known)):
        name = key or _address(root, "COMMITTER")
        fingerprints = _gpg_keys(name) if name else set()
        approver = next((one for one in known if one.fingerprint in fingerprints), None)
        if approver is None and not key:
            return _by_address(known, email)
    else:
        return _by_address(known, email)
    if approver is None:
        who = "; ".join(map(str, known)) or "nobody"
        return SigningIdentity(
            None, email, f"Git signs with the key {name}, which {APPROVERS} does not have. It names {who}."
        )
    return SigningIdentity(approver, email)


def _by_address(known: Iterable[Approver], email: str) -> SigningIdentity:
    approver = next((one for one in known if person(one.email) == person(email)), None)
    return SigningIdentity(approver, email, has_key=False)


def is_author(identity: SigningIdentity, addresses: Iterable[str]) -> bool:
    """Return True if git writes one of some addresses as the author."""
    return person(identity.email) in {person(address) for address in addresses}


def how_to_sign(identity: SigningIdentity, message: str, paths: Sequence[str], first: str = "") -> list[str]:
    """Return the lines that say how to sign a commit of some files. `first`: a command before it."""
    approver = identity.approver
    git = "git"
    if approver is not None and not is_author(identity, [approver.email]):
        address = shlex.quote(f"{identity.set_by}={approver.email}")
        git = f"{address} git" if identity.set_by.isupper() else f"git -c {address}"
    command = f"{git} commit -S -m {shlex.quote(message)} -- {shlex.join(paths)}"
    command = f"{first} && {command}" if first else command
    who = f" as {approver}" if approver else ""
    lines = [f"It counts once you sign it{who}, in a commit of your own:"]
    if not identity.has_key:
        lines += [f"Set up the key that {APPROVERS} has of you, once: of SSH", f"  {OF_SSH}"]
        lines += ["or of GPG", f"  {OF_GPG}", "and then:"]
    return [*lines, f"  {command}", MERGE]


def _address(root: Path, role: str) -> str:
    """Return the address that git would write as an AUTHOR's or COMMITTER's; empty without one."""
    try:
        done = run(["git", "var", f"GIT_{role}_IDENT"], ALWAYS, ok=(), timeout=SECONDS, cwd=root)
    except (GitError, OSError):
        return ""
    address = re.search(r"<([^<>]*)>", text(done.stdout))
    return address[1] if address and done.returncode == 0 else ""


def _config(root: Path, name: str) -> str:
    """Return a value of git's configuration, as git itself would use it; empty without one."""
    try:
        done = run(["git", "config", "--get", name], ALWAYS, ok=(), timeout=SECONDS, cwd=root)
    except (GitError, OSError):
        return ""
    return text(done.stdout).strip("\n") if done.returncode == 0 else ""


def _ssh_key(root: Path, key: str) -> bytes | None:
    """Return the public key that `user.signingKey` means: its text, or a file with it or with the private one."""
    if key.startswith(("key::", "ssh-")):
        return ssh_blob(key.removeprefix("key::"))
    file = root / Path(key).expanduser()
    for candidate in (file, Path(f"{file}.pub")):
        try:
            if blob := ssh_blob(candidate.read_text("utf-8").strip()):
                return blob
        except (OSError, UnicodeDecodeError):
            continue
    return None


def _gpg_keys(name: str) -> set[str]:
    """Return the fingerprints of the secret keys that gpg takes a name for, and of their subkeys."""
    command = ["gpg", "--batch", "--no-tty", "--with-colons", "--list-secret-keys", "--", name.rstrip("!")]
    try:
        done = run(command, ALWAYS, ok=(), timeout=SECONDS)
    except (GitError, OSError):
        return set()
    return set(re.findall(r"^fpr:+([0-9A-F]{40}):", text(done.stdout), re.MULTILINE))
