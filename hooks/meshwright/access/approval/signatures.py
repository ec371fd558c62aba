"""The signature of a commit, of whatever kind.

It is taken out of the commit here, strictly, and OpenSSH or GnuPG verifies it; git's own verification would read
configuration, and takes the time at which an SSH key was good from the commit itself.
"""

from __future__ import annotations

from meshwright.access.approval.commit_signature import CommitSignature, Unsigned
from meshwright.access.approval.openpgp_signatures import openpgp_signature
from meshwright.access.approval.ssh_signatures import ssh_signature


def of_commit(raw: bytes, sha256: bool) -> CommitSignature:
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
    kept = [line for header in headers if header is not signed[0] for line in header]
    payload = b"\n".join(kept) + blank + message
    if first.startswith(b"-----BEGIN PGP "):
        return openpgp_signature(armoured, payload)
    if b"SIGNED MESSAGE" in first:
        raise Unsigned("is signed with X.509, and approvers have keys of SSH or GPG")
    return ssh_signature(armoured, payload)
