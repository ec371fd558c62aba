"""Make untrusted names and texts safe and short enough for a terminal or a sentence."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from meshwright.core.git import without_credentials

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document, and no literal of linked data, can have."""


def without_forbidden(text: str) -> str:
    """Return untrusted text for XML or linked data: characters that neither can have are replaced."""
    return FORBIDDEN.sub("\ufffd", text)


def printable(words: str, lines: bool = False) -> str:
    """Return untrusted text without control characters and line breaks.

    With `lines`, line breaks stay, as in files; otherwise credentials are removed, too.
    """
    allowed = "\n\t" if lines else ""
    return "".join(
        sign if sign in allowed or sign.isprintable() else f"\\x{ord(sign):02x}"
        for sign in (words if lines else without_credentials(words))
    )


def listed(names: Iterable[Any]) -> str:
    """Join names for a sentence; a long list is cut."""
    names = [str(name) for name in names]
    more = [f"… ({len(names)} in all)"] if len(names) > 12 else []
    return ", ".join([*names[:12], *more]) or "none"


def singular(name: str) -> str:
    """Return a name with its last word in the singular, if that is a regular English plural: `order_items`, `statuses`."""
    if len(name) <= 3 or name.endswith(("ss", "us", "is", "as")):
        return name
    if name.endswith("ies"):
        return name[:-3] + "y"
    if name.endswith(("sses", "xes", "ches", "shes", "zzes")):
        return name[:-2]
    if name.endswith("uses") and not name.endswith(("ouses", "auses")):
        return name[:-2]
    return name.removesuffix("s")


_NO_DECOMPOSITION = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T", "ŋ": "n", "Ŋ": "N", "ı": "i"}
)  # fmt: skip
"""Latin letters that Unicode does not take apart -> how they are written in ASCII."""


def latin(text: str) -> str:
    """Return a text with Latin letters in ASCII: `Größe` becomes `Grosse`. Other scripts stay."""
    apart = unicodedata.normalize("NFKD", text.translate(_NO_DECOMPOSITION))
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not unicodedata.combining(sign)))


def identifier(name: str) -> str:
    """Return a name as inputs and data sets have it: small letters, digits and single underscores, with a letter first.

    What dbt writes as `stg_shop__orders` becomes `stg_shop_orders`.
    """
    words = re.sub(r"[^a-z0-9]+", "_", latin(name).lower()).strip("_")
    return words if words[:1].isalpha() else f"t_{words}".rstrip("_")


def short(name: str) -> str:
    """Return a name for a sentence, cut if it is very long."""
    return name if len(name) <= 200 else f"{name[:150]} … {name[-40:]}"
