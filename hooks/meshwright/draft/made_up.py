"""Make up values of the same form as real ones: same value, same replacement, and no way back without the seed."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import random
import re
import secrets
import string
from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

ATTEMPTS = 200
"""Attempts at a replacement that is nobody else's and no real value."""
_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnpqrstvwxyz"
_WORD = re.compile(r"[^\W\d_]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_BORN = (date(1941, 1, 1).toordinal(), date(2004, 12, 31).toordinal())
_WIDEST = 2**63 - 1


class MadeUp:
    """Made-up values of one draft."""

    def __init__(
        self, avoid: Iterable[str] = (), seed: bytes | None = None, real: Iterable[str] = ()
    ) -> None:
        """`avoid`: real texts, none of which occurs as a replacement, nor any of their words. `real`: further ones,
        which only as a whole are none. `seed`: kept secret, and drawn if not given."""
        self._seed = seed or secrets.token_bytes(32)
        self._real = {text.casefold() for text in real}
        self._avoid = {text.casefold() for text in avoid}
        self._avoid_words = {
            word.casefold() for text in self._avoid for word in _WORD.findall(text) if len(word) > 2
        }
        self._made: dict[tuple[str, type, Any], Any] = {}
        self._taken: dict[tuple[str, type], set[Any]] = {}

    def value(self, maker: str, original: Any, longest: int | None = None) -> Any:
        """Return the replacement of a value: another one for each value, of the same type and form.

        `maker`: a key of MAKERS. `longest`: characters of a text at most.
        """
        if original is None or isinstance(original, bool) or original in ("", b""):
            return original
        if isinstance(original, dict):
            return {key: self.value(maker, item, longest) for key, item in original.items()}
        if isinstance(original, list | tuple):
            return [self.value(maker, item, longest) for item in original]
        key = (maker, type(original), original)
        if key not in self._made:
            self._made[key] = self._new(maker, original, longest)
        return self._made[key]

    def json(self, text: str, keys: Collection[str] = (), maker: str = "text") -> str:
        """Return a JSON text with all texts in it replaced, and numbers where a key says that they are personal.

        `keys`: the keys of objects that are data, and replaced as well. `maker`: if not `text`, it replaces all numbers.
        """
        from meshwright.product.personal_data import KINDS_BY_NAME, kind_of_name

        def replaced(node: Any, maker: str) -> Any:
            if isinstance(node, dict):
                kinds = {key: kind_of_name(str(key), "person") for key in node}
                return {
                    (self.value("text", key) if key in keys else key): replaced(
                        item, KINDS_BY_NAME[kinds[key]][0].maker if kinds[key] else maker
                    )
                    for key, item in node.items()
                }
            if isinstance(node, list):
                return [replaced(item, maker) for item in node]
            if isinstance(node, str) or maker != "text":
                return self.value(maker, node)
            return node

        try:
            return json.dumps(replaced(json.loads(text), maker), ensure_ascii=False)
        except (ValueError, RecursionError):
            return str(self.value("text", text))

    def _new(self, maker: str, original: Any, longest: int | None) -> Any:
        taken = self._taken.setdefault((maker, type(original)), set())
        made = original
        for attempt in range(ATTEMPTS):
            made = _make(self._random(maker, original, attempt), maker, original, longest, attempt)
            if made not in taken and not self._is_real(made):
                break
        else:  # there are fewer values of this form than are needed
            made = _distinct(self._random(maker, original, ATTEMPTS), original, longest, taken)
        taken.add(made)
        return made

    def _random(self, maker: str, original: Any, attempt: int) -> random.Random:
        message = repr((maker, type(original).__name__, original, attempt)).encode("utf-8", "replace")
        seed = hmac.new(self._seed, message, hashlib.sha256).digest()
        return random.Random(seed)  # noqa: S311 - the seed is secret

    def _is_real(self, made: Any) -> bool:
        text = str(made).casefold()
        if text in self._avoid or text in self._real:
            return True
        text = text.removesuffix("@example.org").removeprefix("https://example.org/")
        return any(word in self._avoid_words for word in _WORD.findall(text))


def _make(dice: random.Random, maker: str, original: Any, longest: int | None, attempt: int) -> Any:
    if isinstance(original, str):
        made = MAKERS.get(maker, _same_form)(dice, original)
        if longest is not None and len(made) > longest:
            made = _same_form(dice, original)[:longest]
        if attempt <= ATTEMPTS // 4:
            return made
        # There are few names, and many letters.
        return (
            f"{_letters(dice, 10)}@example.org"
            if maker == "email" and "@" in made
            else _same_form(dice, original)
        )
    if isinstance(original, datetime):
        moment = datetime.combine(
            date.fromordinal(dice.randint(*_BORN)), time(dice.randrange(24), dice.randrange(60))
        )
        return moment.replace(tzinfo=original.tzinfo)
    if isinstance(original, date):
        return date.fromordinal(dice.randint(*_BORN))
    if isinstance(original, time):
        return time(dice.randrange(24), dice.randrange(60), dice.randrange(60), tzinfo=original.tzinfo)
    if isinstance(original, timedelta):
        return timedelta(seconds=dice.randrange(1, 86400))
    if isinstance(original, bytes):
        return dice.randbytes(len(original))
    if isinstance(original, int):
        if maker == "date" and 1900 <= original <= 2100:
            return dice.randint(1941, 2004)
        digits = len(str(abs(original)))
        low, high = (10 ** (digits - 1), min(10**digits - 1, _WIDEST)) if digits > 1 else (0, 9)
        return dice.randint(low, high) * (-1 if original < 0 else 1)
    if isinstance(original, Decimal):
        return Decimal(_digits(dice, format(original, "f"))) if original.is_finite() else original
    if isinstance(original, float):
        mantissa, sign, exponent = repr(original).partition("e")
        return float(_digits(dice, mantissa) + sign + exponent) if math.isfinite(original) else original
    if isinstance(original, UUID):
        return UUID(bytes=dice.randbytes(16))
    return _same_form(dice, str(original))


def _distinct(dice: random.Random, original: Any, longest: int | None, taken: Collection[Any]) -> Any:
    """Return a value that is not taken, of another length if it has to be; the same as another one if nothing helps."""
    made = original
    for length in range(1, 12):
        for _ in range(40):
            if isinstance(original, str):
                made = _letters(dice, max(length, min(len(original), longest or len(original))))[:longest]
            elif isinstance(original, int):
                made = dice.randint(0, 10**length)
            elif isinstance(original, Decimal):
                made = original.copy_abs().scaleb(0) + dice.randint(0, 10**length)
            else:
                return made
            if made not in taken:
                return made
    return made


def _same_form(dice: random.Random, text: str) -> str:
    """Return letters for letters in the same case, and digits for digits; a leading zero stays one."""
    made, is_vowel = [], dice.random() < 0.4
    for place, sign in enumerate(text):
        if sign.isdecimal():
            first = place == 0 or not text[place - 1].isdecimal()
            made.append(
                "0" if first and sign == "0" else dice.choice("123456789" if first else string.digits)
            )
        elif sign.isalpha() or sign.isnumeric() or (ord(sign) > 127 and not sign.isspace()):
            letter = dice.choice(_VOWELS if is_vowel else _CONSONANTS)
            is_vowel = not is_vowel
            made.append(letter.upper() if sign.isupper() else letter)
        else:
            made.append(sign)
    result = "".join(made)
    return result if result != text else _letters(dice, len(text))


def _digits(dice: random.Random, text: str) -> str:
    return _same_form(dice, text) if any(sign.isdecimal() for sign in text) else text


def _letters(dice: random.Random, count: int) -> str:
    return "".join(dice.choice(_VOWELS if place % 2 else _CONSONANTS) for place in range(count))


def _name(dice: random.Random, text: str) -> str:
    """Return a name for each word: first names before the last word, a last name for it."""
    if not _WORD.search(text):
        return _same_form(dice, text)
    first, last = names()
    end = list(_WORD.finditer(text))[-1].start()
    return _digits_of(dice, _WORD.sub(lambda word: _cased(dice.choice(last if word.start() == end else first), word[0]), text))  # fmt: skip


def _first_name(dice: random.Random, text: str) -> str:
    return _words_from(dice, names()[0], text)


def _last_name(dice: random.Random, text: str) -> str:
    return _words_from(dice, names()[1], text)


def _words_from(dice: random.Random, choice: tuple[str, ...], text: str) -> str:
    if not _WORD.search(text):
        return _same_form(dice, text)
    return _digits_of(dice, _WORD.sub(lambda word: _cased(dice.choice(choice), word[0]), text))


def _digits_of(dice: random.Random, text: str) -> str:
    return re.sub(r"\d", lambda _: dice.choice(string.digits), text)


def _cased(word: str, like: str) -> str:
    return word.upper() if like.isupper() and len(like) > 1 else word.lower() if like.islower() else word


def _email(dice: random.Random, text: str) -> str:
    if not _EMAIL.fullmatch(text.strip()):
        return re.sub(r"\S+", lambda part: _email(dice, part[0]) if _EMAIL.fullmatch(part[0]) else _same_form(dice, part[0]), text)  # fmt: skip
    first, last = names()
    made = f"{dice.choice(first)}.{dice.choice(last)}{dice.randrange(10, 1000)}@example.org"
    return re.sub(r"[^\w.@-]", "", made).lower()


def _free_text(dice: random.Random, text: str) -> str:
    """Return words of no meaning, about as long as the text."""
    made = [dice.choice(lorem()) for _ in range(max(1, len(text.split())))]
    result = " ".join(made).capitalize()
    return result[: len(text)].rstrip() or _letters(dice, len(text))


def _url(dice: random.Random, text: str) -> str:
    return f"https://example.org/{_letters(dice, 12)}"


def _uuid(dice: random.Random, text: str) -> str:
    made = "".join(dice.choice("0123456789abcdef") if sign.isalnum() else sign for sign in text)
    return made.upper() if text.isupper() else made


def _ipv4(dice: random.Random, text: str) -> str:
    return ".".join(str(part) for part in (10, *(dice.randrange(256) for _ in range(3))))


def _ipv6(dice: random.Random, text: str) -> str:
    return "2001:db8:" + ":".join(f"{dice.randrange(1, 0x10000):x}" for _ in range(6))


def _iso_date(dice: random.Random, text: str) -> str:
    """Return a date for a text that begins with one, and otherwise digits for digits."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return date.fromordinal(dice.randint(*_BORN)).isoformat()
    return _same_form(dice, text)


def _ip(dice: random.Random, text: str) -> str:
    return _ipv4(dice, text) if re.fullmatch(r"[\d.]+", text) else _ipv6(dice, text) if ":" in text and text.count(":") != 5 else _same_form(dice, text)  # fmt: skip


MAKERS: dict[str, Callable[[random.Random, str], str]] = {
    "text": _same_form,
    "digits": _same_form,
    "name": _name,
    "first name": _first_name,
    "last name": _last_name,
    "email": _email,
    "words": _free_text,
    "url": _url,
    "uuid": _uuid,
    "ip": _ip,
    "date": _iso_date,
}
"""Form of a text -> how it is made up."""


@cache
def names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return first names and last names of nobody."""
    from faker.providers.person.en_US import Provider

    return tuple(sorted(Provider.first_names)), tuple(sorted(Provider.last_names))


@cache
def lorem() -> tuple[str, ...]:
    """Return words without meaning."""
    from faker.providers.lorem.la import Provider

    return tuple(sorted(set(Provider.word_list)))
