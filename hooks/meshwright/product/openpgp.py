"""Read OpenPGP public keys and signatures as far as needed to name their keys and to refuse weak ones (RFC 4880).

Nothing is verified here: gpg does that.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

SIGNATURE, PUBLIC_KEY, PUBLIC_SUBKEY = 2, 6, 14
SECRET = (5, 7)
"""Tags of packets with secret keys."""
RSA, ECDSA, EDDSA = (1, 3), 19, 22
RSA_BITS = 3072
CURVES = {
    ECDSA: {"2a8648ce3d030107": "NIST P-256", "2b81040022": "NIST P-384", "2b81040023": "NIST P-521"},
    EDDSA: {"2b06010401da470f01": "Ed25519", "2b6571": "Ed448"},
}
"""Algorithm -> identifier of a curve -> its name."""
HASHES = {8: "SHA-256", 9: "SHA-384", 10: "SHA-512", 11: "SHA-224"}
"""Number of a hash that counts -> its name."""
ISSUER, ISSUER_FINGERPRINT, CREATED = 16, 33, 2
BLOCK = re.compile(
    r"-----BEGIN PGP ([A-Z ]+)-----\n((?:[!-9;-~]+: [ -~]*\n)*)\n((?:[A-Za-z0-9+/=]+\n)+)-----END PGP \1-----\n?"
)


class Packet(NamedTuple):
    """One part of an OpenPGP message."""

    tag: int
    body: bytes


class SignaturePacket(NamedTuple):
    """What a signature says of itself."""

    issuer: str
    """The fingerprint of the key that made it, or the end of that, in capital hexadecimal digits."""
    created: int
    """Seconds since 1970."""
    hash: int


def unarmoured(text: str, kind: str) -> bytes:
    """Return the content of one armoured block, such as a PUBLIC KEY BLOCK. Raises ValueError."""
    block = BLOCK.fullmatch(text.replace("\r\n", "\n"))
    if not block or block[1] != kind:
        raise ValueError("It is no such block.")
    lines = block[3].split("\n")[:-1]
    checksum = lines.pop() if lines[-1].startswith("=") else ""
    try:
        data = base64.b64decode("".join(lines), validate=True)
        if checksum and int.from_bytes(base64.b64decode(checksum[1:], validate=True)) != _crc24(data):
            raise ValueError("Its checksum is wrong.")
    except binascii.Error as error:
        raise ValueError("It is damaged.") from error
    return data


def _crc24(data: bytes) -> int:
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc = (crc << 1) ^ (0x1864CFB if crc & 0x800000 else 0)
    return crc & 0xFFFFFF


def packets(data: bytes) -> list[Packet]:
    """Return the packets of a message. Raises ValueError."""
    result, at = [], 0
    while at < len(data):
        head = data[at]
        if not head & 0x80:
            raise ValueError("It is no OpenPGP.")
        tag, size, at = _new_header(data, at) if head & 0x40 else _old_header(data, at)
        if at + size > len(data):
            raise ValueError("It is cut off.")
        result.append(Packet(tag, data[at : at + size]))
        at += size
    return result


def _new_header(data: bytes, at: int) -> tuple[int, int, int]:
    """Return a packet's tag, the size of its body, and where that begins."""
    size, at_body = _size(data, at + 1)
    return data[at] & 0x3F, size, at_body


def _size(data: bytes, at: int) -> tuple[int, int]:
    first = data[at : at + 1]
    if not first or 224 <= first[0] < 255:
        raise ValueError("It is cut off, or in parts.")
    if first[0] < 192:
        return first[0], at + 1
    if first[0] < 224:
        return ((first[0] - 192) << 8) + data[at + 1 : at + 2][0] + 192, at + 2
    return int.from_bytes(data[at + 1 : at + 5]), at + 5


def _old_header(data: bytes, at: int) -> tuple[int, int, int]:
    """Return a packet's tag, the size of its body, and where that begins."""
    kind = data[at] & 3
    if kind == 3:
        raise ValueError("It has no length.")
    length = 1 << kind
    return data[at] >> 2 & 0xF, int.from_bytes(data[at + 1 : at + 1 + length]), at + 1 + length


def key_fingerprint(key: bytes) -> str:
    """Return the fingerprint of a key's packet. Raises ValueError."""
    if key[:1] != b"\4":
        raise ValueError("It is not of version 4.")
    # The fingerprint is a name: gpg prints it.
    digest = hashlib.sha1(b"\x99" + len(key).to_bytes(2) + key, usedforsecurity=False).hexdigest()
    return digest.upper()


def key_weakness(key: bytes) -> str:
    """Return why a key's signatures cannot count, as a sentence; empty if they can."""
    algorithm = key[5] if len(key) > 5 else 0
    if algorithm in RSA:
        bits = int.from_bytes(key[6:8])
        return "" if bits >= RSA_BITS else f"The RSA key has {bits} bits, which is too few to be secure."
    curves = CURVES.get(algorithm, {})
    if len(key) > 6 and key[7 : 7 + key[6]].hex() in curves:
        return ""
    names = ", ".join(name for curves in CURVES.values() for name in curves.values())
    return f"The key is neither of RSA nor on one of the curves {names}."


def keys_of(data: bytes) -> dict[str, bytes]:
    """Return fingerprint -> packet of a public key and its subkeys, the primary one first. Raises ValueError."""
    parts = packets(data)
    if any(part.tag in SECRET for part in parts):
        raise ValueError("It is a secret key.")
    if not parts or parts[0].tag != PUBLIC_KEY or [part.tag for part in parts].count(PUBLIC_KEY) != 1:
        raise ValueError("It is not one public key.")
    keys = (part.body for part in parts if part.tag in (PUBLIC_KEY, PUBLIC_SUBKEY))
    return {key_fingerprint(key): key for key in keys}


def signature_packet(data: bytes) -> SignaturePacket:
    """Return what a message says that is one detached signature over bytes. Raises ValueError."""
    parts = packets(data)
    if len(parts) != 1 or parts[0].tag != SIGNATURE:
        raise ValueError("It is not one signature.")
    body = parts[0].body
    if body[:2] != b"\4\0" or len(body) < 8:
        raise ValueError("It is not a signature of version 4 over bytes.")
    end = 6 + int.from_bytes(body[4:6])
    hashed = list(_subpackets(body[6:end]))
    free = list(_subpackets(body[end + 2 : end + 2 + int.from_bytes(body[end : end + 2])]))
    issuer = _first(hashed + free, ISSUER_FINGERPRINT)[1:] or _first(hashed + free, ISSUER)
    return SignaturePacket(issuer.hex().upper(), int.from_bytes(_first(hashed, CREATED)), body[3])


def _subpackets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        size, at = _size(data, at)
        if not size or at + size > len(data):
            raise ValueError("It is cut off.")
        yield data[at] & 0x7F, data[at + 1 : at + size]
        at += size


def _first(parts: Sequence[tuple[int, bytes]], kind: int) -> bytes:
    return next((body for one, body in parts if one == kind), b"")
