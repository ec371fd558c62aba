"""Recognize names of people among texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from meshwright.draft.made_up import names
from meshwright.product.personal_words import fold

LONG_TEXT = 60
"""Characters from which a text counts as free text, which may name people."""

_CAPITALISED = re.compile(r"[A-ZÀ-Þ][\w'’.-]*")
_HONORIFICS = frozenset(["mr", "mrs", "ms", "miss", "dr", "prof", "herr", "frau", "mme", "mlle", "sr", "sra"])
_PARTICLES = frozenset(
    "van von vom zu zur de del della der den di da do dos du la le ter ten al el bin ibn af av".split()  # noqa: SIM905
)
"""Words of a surname in small letters."""
_BEFORE = rf"(?:(?:{'|'.join(sorted(_PARTICLES))}) |[dDO]['’])*"
_SURNAME = rf"{_BEFORE}[A-ZÀ-Þ][^\W\d_'’]+(?:['’-][^\W\d_]+)*"
_INITIALS = r"(?:[A-ZÀ-Þ]\.[ -]?){1,3}"
_FORMAL = re.compile(
    rf"{_INITIALS}{_SURNAME}(?: {_SURNAME})?|{_SURNAME}(?: {_SURNAME})?,? {_INITIALS}|{_SURNAME}(?: {_SURNAME})?, [A-ZÀ-Þ]"
    rf"|{_SURNAME}, {_SURNAME}(?: {_SURNAME}| [A-ZÀ-Þ]\.?)?"
)
"""`I. Surname`, `Surname, I.`, `Surname, Given`."""
_SCRIPTS_WITH_SPACES = frozenset(
    "CYRILLIC GREEK ARABIC HEBREW ARMENIAN GEORGIAN DEVANAGARI BENGALI TAMIL TELUGU THAI".split()  # noqa: SIM905
)
_SCRIPTS_WITHOUT = frozenset("CJK HANGUL HIRAGANA KATAKANA KATAKANA-HIRAGANA".split())  # noqa: SIM905
_MEDICAL = re.compile(
    r"(itis|itiden|(thromb|s[kc]ler|psych|neur|fibr|tuber[kc]ul|[zc]irrh|endometri|opor|arthr|scoli|skoli|sten|ne[ck]r|dermat|spondyl)o(se|sis)"
    r"|(an|leuk|isch|septic|septik|gly[ck]|ur)(ae|ä|e|é|è)mi[ae]?|(neur|nephr|neph?r|retin|cardiomy|kardiomy|my|encephal)opath(y|ies|ie|ia)"
    r"|algi[ae]|plegi[ae]?|carcinoma?|karzinom|lymphoma?|melanoma?|sar[ck]oma?|myeloma?|tumou?r|cancer|cáncer|krebs"
    r"|diabetes|diabète|diabetic|asthma|asma|epileps(y|ie|ia)|dementia|demenz|alzheimer|parkinson|hypertension|hypertonie|hipertensión"
    r"|depression|depressive|dépression|depresión|schi[zs]ophren(ia|ie)|bipolar|anxiety|angststörung|adhd|adhs|autism(us)?|hiv|aids|hepatitis|covid|pneumonia"
    r"|influenza|malaria|sepsis|infar[ck]t(ion)?|infarto|stroke|schlaganfall|emboli[ae]?|frac?k?tur(e|a)?|arrhythmia|fibrillation"
    r"|migr[aä]ne|migraine|migraña|obesity|adipositas|obesidad|pregnan(t|cy)|schwanger(schaft)?|copd|apnoe?a|psoriasis|ek?czema|ekzem)\b",
    re.IGNORECASE,
)
"""Words for diseases, and endings of such words."""
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
    """Return True if nearly all texts are two to four words of letters with a capital each, as names of people are."""
    likely = sum(_is_full_name(text.split()) for text in texts)
    return likely > 2 and likely >= 0.9 * len(texts)


def _is_full_name(parts: Sequence[str]) -> bool:
    several = [part for part in parts if part not in _PARTICLES]
    return (
        2 <= len(several) <= 4
        and not any(sign.isdecimal() for part in parts for sign in part)
        and all(map(_CAPITALISED.fullmatch, several))
        and parts[-1] == several[-1]
    )


def are_formal_names(texts: Sequence[str]) -> bool:
    """Return True if most texts are a surname with initials, or a surname and a given name after a comma."""
    formal = sum(len(text) <= LONG_TEXT and _FORMAL.fullmatch(text.strip()) is not None for text in texts)
    return formal >= 2 and formal >= 0.6 * len(texts)


def are_names_in_other_scripts(texts: Sequence[str]) -> bool:
    """Return True if most texts may be names in scripts other than the Latin one.

    They are two to four words, or in Chinese, Japanese and Korean, which do not set names apart, two to four signs.
    """
    likely = sum(_may_be_name(text.strip()) for text in texts)
    return likely >= 2 and likely >= 0.6 * len(texts)


def _may_be_name(text: str) -> bool:
    scripts = {unicodedata.name(sign, "").partition(" ")[0] for sign in text if sign.isalpha()}
    if not scripts or any(sign.isdigit() for sign in text):
        return False
    parts = re.split(r"[\s·・,]+", text)
    if scripts <= _SCRIPTS_WITHOUT:
        return len(parts) <= 4 and 2 <= sum(map(len, parts)) <= (4 if len(parts) == 1 else 16)
    return scripts <= _SCRIPTS_WITH_SPACES and 2 <= len(parts) <= 4 and len(text) <= LONG_TEXT


def are_diagnoses(texts: Sequence[str]) -> bool:
    """Return True if many texts name diseases."""
    diseases = sum(_MEDICAL.search(text) is not None for text in texts)
    return diseases >= 2 and diseases >= 0.3 * len(texts)


def are_of_names(texts: Sequence[str], names: Sequence[str]) -> bool:
    """Return True if most texts are made of the name beside them, as user names are: `tokwuosa` of Thyrza Okwuosa."""
    pairs = {(text, name) for text, name in zip(texts, names, strict=True) if text and name and text != name}
    likely = sum(_is_of_name(fold(text), fold(name)) for text, name in pairs)
    return likely >= 2 and likely >= 0.5 * len(pairs)


def _is_of_name(text: str, name: str) -> bool:
    parts = [part for part in re.findall(r"[^\W\d_]+", name) if len(part) > 1]
    letters = "".join(re.findall(r"[^\W\d_]+", text))
    if len(letters) < 3 or not parts:
        return False
    initials = {part[0] for part in parts}
    return any(
        (len(part) >= 4 and part in letters)
        or (letters[0] in initials and len(letters) >= 4 and part.startswith(letters[1:]))
        or (len(letters) >= 4 and letters[:-1] == part[: len(letters) - 1] and letters[-1] in initials)
        for part in parts
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
