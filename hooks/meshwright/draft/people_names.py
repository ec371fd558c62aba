"""Recognize names of people among texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from meshwright.draft.made_up import names

LONG_TEXT = 60
"""Characters from which a text counts as free text, which may name people."""

_CAPITALISED = re.compile(r"[A-ZÀ-Þ][\w'’.-]*")
_HONORIFICS = frozenset(["mr", "mrs", "ms", "miss", "dr", "prof", "herr", "frau", "mme", "mlle", "sr", "sra"])
_USER = re.compile(r"[a-z]{1,2}\.[a-z]{3,20}\d{0,3}")


def kind_of_words(texts: Sequence[str]) -> str:
    """Return `name` if most texts look like names of people, `free text` if they are long, else an empty text."""
    if not texts:
        return ""
    first = first_names()
    people = sum(_is_name(text, first) for text in texts)
    if people >= 2 and people >= 0.4 * len(texts):
        return "name"
    long = sum(len(text) > LONG_TEXT or text.count(" ") > 7 for text in texts)
    return "free text" if long and long >= 0.2 * len(texts) else ""


def are_people(texts: Sequence[str]) -> bool:
    """Return True if texts look like user names (`j.okw`), names in lower case, or last names."""
    first, last = first_names(), _last_names()
    likely = 0
    for text in texts:
        parts = re.split(r"[\s,]+", text.strip())
        likely += bool(
            (len(parts) == 1 and _USER.fullmatch(text))
            or (
                2 <= len(parts) <= 4
                and text.islower()
                and {*parts[:3]} & first
                and all(map(str.isalpha, parts))
            )
            or (len(parts) == 1 and len(text) > 3 and text[0].isupper() and text.lower() in last)
        )
    return likely >= 2 and likely >= 0.6 * len(texts)


def _is_name(text: str, first: frozenset[str]) -> bool:
    parts = [word for word in re.split(r"[\s,]+", text) if word]
    return (
        1 <= len(parts) <= 5
        and len(text) <= LONG_TEXT
        and all(_CAPITALISED.fullmatch(word) for word in parts)
        and any(word.strip(".").lower() in first | _HONORIFICS for word in parts[:3])
        and (len(parts) > 1 or len(text) > 2)
    )


def are_full_names(texts: Sequence[str]) -> bool:
    """Return True if all texts are two to four words of letters with a capital each, as names of people are."""
    forms = [[_CAPITALISED.fullmatch(word) for word in text.split()] for text in texts]
    return len(texts) > 2 and all(
        2 <= len(form) <= 4 and all(form) and not re.search(r"\d", text)
        for form, text in zip(forms, texts, strict=True)
    )


@cache
def first_names() -> frozenset[str]:
    """Return first names in several languages, in lower case."""
    from faker.providers.person.de_DE import Provider as German
    from faker.providers.person.en_GB import Provider as British
    from faker.providers.person.es_ES import Provider as Spanish
    from faker.providers.person.fr_FR import Provider as French
    from faker.providers.person.it_IT import Provider as Italian

    several = [*names()[0]]
    for provider in (British, German, Spanish, French, Italian):
        for attribute in ("first_names", "first_names_male", "first_names_female"):
            several += getattr(provider, attribute, ())
    return frozenset(name.lower() for name in several if len(name) > 2)


@cache
def _last_names() -> frozenset[str]:
    from faker.providers.person.de_DE import Provider as German
    from faker.providers.person.es_ES import Provider as Spanish
    from faker.providers.person.fr_FR import Provider as French
    from faker.providers.person.it_IT import Provider as Italian

    several = [*names()[1]]
    for provider in (German, Spanish, French, Italian):
        several += provider.last_names
    return frozenset(name.lower() for name in several if len(name) > 3)
