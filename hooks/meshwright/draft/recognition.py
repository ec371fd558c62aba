"""Recognize the kind of personal data that the values of a column may be, whatever its name says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from meshwright.core.text import singular
from meshwright.draft.people_names import (
    are_diagnoses,
    are_formal_names,
    are_full_names,
    are_names_in_other_scripts,
    are_people,
    kind_of_words,
)
from meshwright.inspection.model import ColumnProfile
from meshwright.product.column_types import ColumnType
from meshwright.product.national_ids import are_national_ids, are_national_numbers, begin_with_births
from meshwright.product.personal_data import (
    KINDS_BY_NAME,
    are_cards,
    kind_of_name,
    kind_of_values,
    words,
)
from meshwright.product.personal_values import kinds_inside

CODE_NAMES = frozenset(
    "country currency language locale iso unit timezone status type category code state class kind level".split()  # noqa: SIM905
)
"""Words in the names of columns whose values may be short codes."""
THINGS = CODE_NAMES | frozenset({
    "segment", "department", "region", "city", "town", "province", "product", "item", "brand", "model",
    "title", "island", "species", "team", "company", "organisation", "organization", "school", "club",
    "genre", "subject", "course", "topic", "label", "group", "family", "color", "colour", "material",
    "style", "religion", "place", "location", "area", "district", "street", "airport", "station", "event",
    "campaign", "channel", "airline", "carrier", "manufacturer", "supplier", "vendor", "shipper", "plan",
    "service", "project", "tag", "source", "medium", "industry", "sector",
})  # fmt: skip
"""Words in the names of columns whose values are things, even if they are written like names of people."""
_THINGS_IN_OTHER_SCRIPTS = re.compile(
    "城市|国家|國家|地区|地區|省|产品|產品|商品|类|類|状态|狀態|部门|部門|公司|品牌|颜色|都市|製品|種|状態|会社|色"
    "|도시|국가|지역|제품|상품|종류|상태|부서|회사|город|стран|регион|област|товар|продукт|статус|категор|тип|отдел|компан"
    "|бренд|цвет|вид|πόλη|χώρα|περιοχή|προϊόν|κατηγορ|κατάσταση|τύπος|εταιρ|مدين|دول|منطق|منتج|فئ|حال|نوع|شرك|עיר|מוצר|סטטוס"
)
"""The same for names in other scripts than the Latin one, in which words are not always apart."""
_SHOWN = frozenset(
    "product item title species genus brand course topic subject event campaign department".split()  # noqa: SIM905
)
"""Words in the names of columns in which medical words are no diagnoses."""
FORMS = {
    "email": "email", "iban": "bank account", "card": "card", "ipv4": "network address", "ipv6": "network address",
    "mac": "network address", "phone": "phone",
}  # fmt: skip
"""Form of all texts of a column -> the kind of personal data that it is."""
OLD = "1970"
"""A table of people with dates before this year is likely to hold dates of birth."""
_NO_NUMBERS = frozenset("id key sk pk fk hash version ts at epoch time timestamp size bytes seq".split())  # noqa: SIM905
"""Last words of names of large numbers that are no phone numbers."""
_HAPPENED = frozenset({
    "founded", "established", "opened", "built", "released", "release", "published", "start", "started",
    "begin", "valid", "order", "ordered", "created", "updated", "changed", "paid", "sent", "delivered",
    "hired", "joined", "closed", "ended",
})  # fmt: skip
"""Words in the names of dates that are of an event other than a birth."""
_ICD = re.compile(r"[A-TV-Z]\d[0-9A-Z]\.\d[0-9A-Z]{0,3}")
_NAMED = frozenset({"name", "email", "phone", "national id"})


def shows_people(kind: str) -> bool:
    """Return True if values of this kind make the rows of a table people."""
    return kind in _NAMED


def kind_of_texts(texts: Sequence[str], name: str, of_people: bool = False) -> str:
    """Return the kind of personal data that texts look like.

    `name`: of their column or field. `of_people`: the table's rows are people.
    """
    several = words(name)
    kind = kind_of_values(texts)
    if kind in ("", "phone", "network address", "address") and are_national_ids(texts, several):
        return "national id"
    if kind or (kind := kind_of_words(texts)):
        return kind
    if not _SHOWN.intersection(several) and are_diagnoses(texts):
        return "health or belief"
    if of_people and texts:
        if begin_with_births(texts):
            return "national id"
        if all(map(_ICD.fullmatch, texts)):
            return "health or belief"
    if any(" " in text for text in texts) and any(kinds_inside(texts)):
        return "free text"
    if THINGS.intersection(several) or _THINGS_IN_OTHER_SCRIPTS.search(name.lower()):
        return ""
    are_names = (are_full_names, are_people, are_formal_names, are_names_in_other_scripts)
    return "name" if any(are(texts) for are in are_names) else ""


def kind_of_fields(seen: Sequence[Any], column: str) -> str:
    """Return the most sensitive kind of personal data that a field within JSON or a nested type may be.

    Each is judged as a column of a table with the name of the object that it is in: `customer: {name: …}`.
    """
    texts: dict[tuple[str, str], set[str]] = {}
    numbers: dict[str, set[int]] = {}
    waiting = [(column, column, value) for value in seen]
    while waiting:
        owner, name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(name, str(key), item) for key, item in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(owner, name, item) for item in value]
        elif isinstance(value, str) and name != column:
            texts.setdefault((owner, name), set()).add(value)
        elif (number := _whole(value)) is not None:
            numbers.setdefault(name, set()).add(number)
    kinds = {
        kind_of_name(name, singular(owner)) or kind_of_texts(sorted(found), name)
        for (owner, name), found in texts.items()
    }
    kinds |= {_kind_of_checked(sorted(found), words(name)) for name, found in numbers.items()}
    return max(
        sorted(kinds - {""}), key=lambda kind: KINDS_BY_NAME[kind][0].classification == "secret", default=""
    )


def kind_of_numbers(
    type_: ColumnType, profile: ColumnProfile, seen: Iterable[Any], name: str, of_people: bool
) -> str:
    """Return the kind that numbers and dates may be, where the name says nothing."""
    several = words(name)
    whole = [number for value in seen if (number := _whole(value)) is not None]
    if kind := _kind_of_checked(whole, several):
        return kind
    lowest = profile.minimum or (str(min(whole)) if whole else "")
    if not of_people or not lowest:
        return ""
    if (
        type_.name.startswith(("DATE", "TIMESTAMP"))
        and lowest[:4] < OLD
        and not _HAPPENED.intersection(several)
    ):
        return "birth"
    if whole and lowest.isdecimal() and not _NO_NUMBERS.intersection(several[-1:]):
        return "phone" if 9 <= len(lowest) <= 15 else ""
    return ""


def _kind_of_checked(numbers: Sequence[int], name: Sequence[str]) -> str:
    """Return the kind of numbers whose check digits show it; `name`: the words of their column's or field's name."""
    if are_cards(map(str, dict.fromkeys(numbers))):
        return "card"
    return "national id" if are_national_numbers(numbers, name) else ""


def _whole(value: Any) -> int | None:
    """Return a number without decimals as an integer: a column of them with missing values may be one of floats."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        return int(value) if value == int(value) else None
    except (ValueError, OverflowError):  # NaN and infinity
        return None
