"""Names that people take for one another: the same name in another form, letters of other scripts, and invisible characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that Unicode counts as printable, but that are invisible."""

LOOKS_LIKE = {
    "a": "аɑα⍺", "b": "ьƅᖯЬ", "c": "сϲᴄⲥ", "d": "ԁᏧⅾ", "e": "еҽ℮", "f": "ғẝꞙ", "g": "ɡցƍ", "h": "һհᏂ", "i": "іıɩιӏꙇ", "j": "јϳ",
    "k": "кκⲕᴋ", "l": "ӏⅼǀɭ", "m": "мⅿᴍ", "n": "пոռᴎ", "o": "оοօσ०੦๐໐ಂഠ௦ഠⲟ", "p": "рρⲣᴘ", "q": "ԛգզ", "r": "гᴦⲅꭇ", "s": "ѕꜱƽ",
    "t": "тτᴛ", "u": "υսʋꭎᴜ", "v": "ѵνᴠⅴ", "w": "ѡԝաᴡ", "x": "хχⅹ", "y": "уγүʏყ", "z": "ᴢʐ", "-": "‐‑‒–—−﹣－ー", ".": "․。．｡ꓸ",
    "_": "ߺ", "@": "﹫＠", "'": "’‘ʼʹ´", "/": "⁄∕", ":": "：ː։",
}  # fmt: skip
"""ASCII -> what looks like it in common fonts. The letters are those that scripts of Europe's neighbourhood and IPA have."""

_ASCII = {ord(sign): plain for plain, signs in LOOKS_LIKE.items() for sign in signs}
_ALIKE_IN_ASCII = (("rn", "m"), ("vv", "w"), ("1", "l"), ("0", "o"))
_EAST_ASIAN = frozenset(
    {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "KATAKANA-HIRAGANA"}
)


def skeleton(text: str) -> str:
    """Return the same for texts that differ only in case, width, spaces, Unicode's normalisation, invisible characters,
    letters of another script with the same shape, or a dot at the end of a part."""
    if text.isascii():  # as almost every name is, in directories of a hundred thousand
        return _ends(" ".join(text.lower().split()))
    twice = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    visible = INVISIBLE.sub("", "".join(sign for sign in twice if unicodedata.category(sign) != "Cf"))
    ascii_letters = unicodedata.normalize("NFKC", visible.translate(_ASCII))
    return _ends(" ".join(ascii_letters.split()))


def _ends(text: str) -> str:
    """Return a name without the dots at the end of its parts."""
    return re.sub(r"\.+(?=@|$)", "", text) if "." in text else text


def rough_skeleton(text: str) -> str:
    """Return the same for texts that also differ only in ASCII that looks alike, such as `1` and `l`, or `rn` and `m`."""
    rough = skeleton(text)
    for sign, other in _ALIKE_IN_ASCII:
        rough = rough.replace(sign, other)
    return rough


def deceptive(text: str) -> str:
    """Return what in a name could deceive people, as a sentence; empty if nothing does."""
    hidden = next((sign for sign in text if not sign.isprintable() or INVISIBLE.match(sign)), None)
    if hidden is not None:
        return f"It contains an invisible character, U+{ord(hidden):04X}."
    if text != text.strip():
        return "It has white space at an end."
    for word in re.split(r"[\W_]+", unicodedata.normalize("NFKC", text)):
        scripts = sorted({script for sign in word if (script := _script(sign))})
        if len(scripts) > 1 and not set(scripts) <= _EAST_ASIAN | {"LATIN"}:
            return f"It mixes letters of several scripts in one word: {', '.join(scripts).title()}."
    return ""


def alike(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each pair of different names that people could take for one another, the earlier one first."""
    known: dict[str, str] = {}
    for name in names:
        if (other := known.setdefault(rough_skeleton(name), name)) != name:
            yield other, name


def _script(sign: str) -> str:
    """Return the script of a letter, as Unicode's names begin with it; empty for digits, marks and punctuation."""
    if not sign.isalpha():
        return ""
    return unicodedata.name(sign, "UNKNOWN").split(" ")[0]
