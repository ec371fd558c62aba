"""GPG signatures, as `git commit -S` makes them with `gpg.format` openpgp. They are read here, strictly, and GnuPG verifies them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from meshwright.access.approval.commit_signature import CommitSignature, Unsigned
from meshwright.core.git import ALWAYS, GitError, run, text
from meshwright.core.git_history import HistoryError
from meshwright.product import openpgp
from meshwright.product.approvers import Approver

MAX_SIGNATURE = 20_000
SECONDS = 60.0
INSTALL = "Install GnuPG 2.2 or newer: it has gpg, which verifies signatures."
QUIET = (
    *("--no-options", "--batch", "--no-tty", "--trust-model", "always", "--no-auto-check-trustdb"),
    *("--no-autostart", "--disable-dirmngr", "--no-auto-key-retrieve", "--no-auto-key-locate"),
)
"""No configuration, no agent, no key server."""
ENDS = {
    "EXPKEYSIG": "is signed with a key that had expired",
    "REVKEYSIG": "is signed with a key that was revoked",
    "EXPSIG": "has a signature that has expired",
    "ERRSIG": "has a signature that gpg cannot verify",
}
"""What gpg reports of a signature that does not count -> what it means."""
FORGED = "has a signature that does not fit it: it was made for another commit, or forged"


@dataclass(frozen=True)
class OpenPgpSignature(CommitSignature):
    """A signature with a key of OpenPGP."""

    packet: openpgp.SignaturePacket

    @property
    def key_name(self) -> str:
        return f"{self.packet.issuer or 'unknown'} of GPG"

    def names(self, approver: Approver) -> bool:
        issuer = self.packet.issuer
        keys = openpgp.keys_of(approver.key) if approver.fingerprint and len(issuer) in (16, 40) else ()
        return any(fingerprint.endswith(issuer) for fingerprint in keys)

    def verify(self, approver: Approver) -> None:
        """Verify it in a home of its own, which has just the approver's key, as of the time at which it was made."""
        reports = _reports(self, approver)
        kinds = [report[0] for report in reports]
        for kind, meaning in ENDS.items():
            if kind in kinds:
                raise Unsigned(meaning)
        valid = [report for report in reports if report[0] == "VALIDSIG"]
        if [kinds.count(kind) for kind in ("NEWSIG", "GOODSIG", "VALIDSIG")] != [1, 1, 1] or len(
            valid[0]
        ) < 11:
            raise Unsigned(FORGED)
        key, hashed, primary = valid[0][1], valid[0][8], valid[0][10]
        if primary != approver.fingerprint or not hashed.isdigit() or int(hashed) != self.packet.hash:
            raise Unsigned(FORGED)
        if weakness := openpgp.key_weakness(openpgp.keys_of(approver.key)[key]):
            raise Unsigned(f"is signed with a key that is too weak. {weakness.removesuffix('.')}")


def openpgp_signature(armoured: bytes, payload: bytes) -> OpenPgpSignature:
    """Return the signature in an armoured text of OpenPGP. Raises Unsigned."""
    try:
        if len(armoured) > MAX_SIGNATURE:
            raise ValueError("It is too long.")
        blob = openpgp.unarmoured(armoured.decode("ascii").strip("\n") + "\n", "SIGNATURE")
        packet = openpgp.signature_packet(blob)
    except (ValueError, IndexError) as error:
        raise Unsigned("has a signature that cannot be read") from error
    if packet.hash not in openpgp.HASHES:
        raise Unsigned(f"has a signature over a weak hash; {', '.join(openpgp.HASHES.values())} count")
    return OpenPgpSignature(blob, payload, packet)


def _reports(signature: OpenPgpSignature, approver: Approver) -> list[list[str]]:
    """Return what gpg reports of a signature: the words of each line of its status. Raises HistoryError."""
    with tempfile.TemporaryDirectory(prefix="meshwright-gpg-") as home:
        key, detached = Path(home) / "key", Path(home) / "signature"
        (Path(home) / "common.conf").write_text("")  # without it, gpg 2.4 may start a daemon for its keys
        key.write_bytes(approver.key)
        detached.write_bytes(signature.blob)
        command = ("gpg", "--homedir", home, *QUIET)
        try:
            run([*command, "--import", str(key)], ALWAYS, ok=(), timeout=SECONDS)
            then = ("--faked-system-time", f"{signature.packet.created}!", "--status-fd", "1")
            done = run(
                [*command, *then, "--verify", str(detached), "-"],
                ALWAYS, signature.payload, ok=(), timeout=SECONDS,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise HistoryError("There is no gpg to verify signatures with.", INSTALL) from error
        except GitError as error:
            raise HistoryError(f"gpg did not end: {error}", INSTALL) from error
    lines = text(done.stdout).splitlines()
    return [line.split()[1:] for line in lines if line.startswith("[GNUPG:] ") and len(line.split()) > 1]
