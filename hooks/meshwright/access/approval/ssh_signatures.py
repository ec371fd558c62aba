"""SSH signatures, as `git commit -S` makes them with `gpg.format` ssh. They are read here, strictly, and OpenSSH verifies them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from meshwright.access.approval.commit_signature import CommitSignature, Unsigned
from meshwright.core.git import ALWAYS, GitError, run, text
from meshwright.core.git_history import HistoryError
from meshwright.product.approvers import Approver, strings

BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
MAX_SIGNATURE = 20_000
SECONDS = 60.0
NAMESPACE = b"git"
"""What a signature is for; one that was made for files or e-mails with the same key is none for a commit."""
INSTALL = "Install OpenSSH 8.2 or newer: it has ssh-keygen, which verifies signatures."


@dataclass(frozen=True)
class SshSignature(CommitSignature):
    """A signature with an SSH key."""

    key: bytes
    """The public key, as SSH writes it."""

    @property
    def key_name(self) -> str:
        return fingerprint(self.key)

    def names(self, approver: Approver) -> bool:
        return self.key != b"" and approver.key == self.key

    def verify(self, approver: Approver) -> None:
        _verify(self)


def ssh_signature(armoured: bytes, payload: bytes) -> SshSignature:
    """Return the signature in an armoured text of SSH. Raises Unsigned."""
    key, blob = _opened(armoured)
    return SshSignature(blob, payload, key)


def _opened(armoured: bytes) -> tuple[bytes, bytes]:
    """Return the key that a signature names, and the signature without its armour."""
    lines = armoured.decode("latin-1").strip("\n").split("\n")
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


def _verify(signature: SshSignature) -> None:
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
