"""Who signed a commit: SSH signatures, as `git commit -S` makes them with `gpg.format` ssh.

The signature is taken out of the commit here, strictly, and OpenSSH verifies it; git's own verification would
read configuration, and takes the time at which a key was good from the commit itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from meshwright.core.git import ALWAYS, GitError, run, text
from meshwright.core.git_history import HistoryError
from meshwright.product.approvers import strings

BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
MAX_SIGNATURE = 20_000
SECONDS = 60.0
NAMESPACE = b"git"
"""What a signature is for; one that was made for files or e-mails with the same key is none for a commit."""
INSTALL = "Install OpenSSH 8.2 or newer: it has ssh-keygen, which verifies signatures."


class Unsigned(Exception):
    """A commit has no signature that could count; the message says why, as the end of a sentence."""


@dataclass(frozen=True)
class Signature:
    """What a commit claims about its signature; `verify` proves it."""

    key: bytes
    """The public key, as SSH writes it."""
    blob: bytes
    payload: bytes
    """The commit without its signature, which is what was signed."""


def of_commit(raw: bytes, sha256: bool) -> Signature:
    """Return the signature of a commit, from its text as git keeps it. Raises Unsigned."""
    head, blank, message = raw.partition(b"\n\n")
    headers: list[list[bytes]] = []
    for line in head.split(b"\n"):
        if line.startswith(b" ") and headers:
            headers[-1].append(line)
        else:
            headers.append([line])
    # Git knows one header for each way to name objects, and takes both out before it verifies.
    ours = b"gpgsig-sha256" if sha256 else b"gpgsig"
    signed = [header for header in headers if header[0].startswith(b"gpgsig")]
    if not signed:
        raise Unsigned("is not signed")
    if len(signed) > 1:
        raise Unsigned("has more than one signature")
    name, _, first = signed[0][0].partition(b" ")
    if name != ours:
        raise Unsigned("has a signature over another form of the commit")
    armoured = b"\n".join([first, *(line[1:] for line in signed[0][1:])])
    key, blob = _opened(armoured)
    kept = [line for header in headers if header is not signed[0] for line in header]
    return Signature(key, blob, b"\n".join(kept) + blank + message)


def _opened(armoured: bytes) -> tuple[bytes, bytes]:
    """Return the key that a signature names, and the signature without its armour."""
    lines = armoured.decode("latin-1").strip("\n").split("\n")
    if "PGP" in lines[0] or "SIGNED MESSAGE" in lines[0]:
        raise Unsigned("is signed with GPG or X.509, and approvers have SSH keys")
    if len(armoured) > MAX_SIGNATURE or lines[0] != BEGIN or lines[-1] != END:
        raise Unsigned("has a signature that cannot be read")
    try:
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
        key, namespace, reserved, _, _ = strings(blob.removeprefix(b"SSHSIG\0\0\0\1"))
    except (binascii.Error, ValueError) as error:
        raise Unsigned("has a signature that cannot be read") from error
    if not blob.startswith(b"SSHSIG\0\0\0\1") or reserved:
        raise Unsigned("has a signature that cannot be read")
    if namespace != NAMESPACE:
        shown = re.sub(r"[^\w.@-]", "�", namespace[:50].decode("latin-1"), flags=re.ASCII)
        raise Unsigned(f"has a signature that was made for something else (namespace {shown!r})")
    return key, blob


def verify(signature: Signature) -> None:
    """Verify that the signature's key signed the commit. Raises Unsigned, HistoryError."""
    kind = strings(signature.key)[0].decode("latin-1")
    lines = re.findall(".{1,70}", base64.b64encode(signature.blob).decode())
    with tempfile.TemporaryDirectory(prefix="meshwright-signature-") as place:
        allowed, armoured = Path(place) / "allowed", Path(place) / "signature"
        key = base64.b64encode(signature.key).decode()
        allowed.write_text(f'signer namespaces="git" {kind} {key}\n')
        armoured.write_text("\n".join([BEGIN, *lines, END, ""]))
        command = (
            *("ssh-keygen", "-Y", "verify", "-f", str(allowed)),
            *("-I", "signer", "-n", "git", "-s", str(armoured)),
        )
        try:
            done = run(command, ALWAYS, signature.payload, ok=(), timeout=SECONDS)
        except FileNotFoundError as error:
            raise HistoryError("There is no ssh-keygen to verify signatures with.", INSTALL) from error
        except GitError as error:
            raise HistoryError(f"ssh-keygen did not end: {error}", INSTALL) from error
    output = text(done.stderr).strip().split("\n")[-1]
    if done.returncode != 0 and ("option" in output or "usage" in output):
        raise HistoryError(f"This ssh-keygen cannot verify signatures: {output}", INSTALL)
    if done.returncode != 0 or not done.stdout.startswith(b'Good "git" signature for signer with '):
        raise Unsigned("has a signature that does not fit it: it was made for another commit, or forged")


def fingerprint(key: bytes) -> str:
    """Return how `ssh-keygen -l` prints a public key."""
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"
