"""Decide for each column of an input what it means for the product: personal or not, kept or made up, its form."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from meshwright.draft.people_names import are_of_names, first_names
from meshwright.draft.recognition import CODE_NAMES, FORMS, kind_of_fields, kind_of_numbers, kind_of_texts
from meshwright.inspection.model import Column, ColumnProfile
from meshwright.product.column_types import ColumnType, UnknownType, parse
from meshwright.product.personal_columns import is_about_organisations, is_contradicted, is_of_things
from meshwright.product.personal_data import KINDS_BY_NAME, is_person, kind_of_name, kind_of_values, words

LONGEST_LIST = 20
"""Values of a list of allowed values at most."""
TEXTS = frozenset({"VARCHAR", "JSON", "UUID"})
NUMBERS = frozenset(
    ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"]
)

_CODE = re.compile(r"(?=.*\d)[A-Za-z0-9._/:#-]{1,40}|[A-Z0-9_]{1,6}|[a-z]{1,4}")
_LIKE_A_NAME = re.compile(r"[A-Za-z]?[a-z]{3,}\d{0,4}|[A-Z]{5,}\d{0,4}|[a-z]+[._][a-z]{2,}\d{0,4}", re.ASCII)
"""Texts that name a person rather than a thing, although they may have digits: `ada.lovelace1`."""
_SHORT_CODE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?")
_ISO = re.compile(
    r"\d{4}-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?|\d\d:\d\d(:\d\d)?"
)
BY_VALUES = "Its values look like it."
"""Why a column is proposed as personal whose name does not say it."""
_ALWAYS_TEXT = frozenset({"name", "first name", "last name", "email", "user name"})
"""Kinds of which no number is one."""
MOST_KEYS = 30
"""Different keys of JSON in a column, above which rare ones are data."""
_KEY = re.compile(r"(?!.*\d{5})[^\W\d][\w $.:/-]{0,60}|[$@]\w+|\d{1,4}")
_HARMLESS = frozenset({"country", "currency", "date", "datetime", "time", "color"})
_FORMATS = {"email": "email", "uuid": "uuid", "url": "url", "uri": "uri", "ipv4": "ipv4", "ipv6": "ipv6"}
"""Form of a column's texts -> the contract's `format`."""


@dataclass(frozen=True)
class Field:
    """A column of an input, and how the draft treats it."""

    column: Column
    profile: ColumnProfile
    type: ColumnType
    landed: str
    """Its name after loading."""
    kind: str = ""
    """The kind of personal data that it is proposed to hold: a key of KINDS_BY_NAME; empty if none."""
    why: str = ""
    """Why it is that."""
    maker: str = ""
    """How its values in the sample are made up; empty if the real ones are kept."""
    values: tuple[str, ...] = ()
    """The values that the contract allows."""
    format: str = ""
    """The contract's `format` of its texts."""
    is_code: bool = False
    """True if its texts are codes of a recognized harmless form."""

    @property
    def is_text(self) -> bool:
        return self.type.name in TEXTS

    @property
    def is_nested(self) -> bool:
        return self.type.name in ("STRUCT", "LIST", "MAP")

    def made_up(self, maker: str, kind: str = "", why: str = "") -> Field:
        """Return the field with values that are made up, which the contract does not list."""
        return replace(self, maker=maker, kind=kind or self.kind, why=why or self.why, values=())


NO_KEYS = frozenset(
    {"first name", "last name", "name", "birth", "address", "age", "pay", "free text", "health or belief"}
)
"""Kinds of personal data that identify nobody for certain, even where all values differ."""


def is_about_people(table: str, columns: Sequence[str]) -> bool:
    """Return True if a table's name, or the plain name of one of its columns, says that its rows are people."""
    contacts = () if is_about_organisations(table) else ("email", "phone")
    plain = (*contacts, "first name", "last name", "birth", "national id", "age")
    return is_person(table) or any(
        kind_of_name(column, "people") in plain and len(words(column)) <= 2 and column.lower() != "mail"
        for column in columns
    )


def examine(
    table: str,
    column: Column,
    profile: ColumnProfile,
    landed: str,
    seen: Sequence[Any],
    rows: int,
    of_people: bool = False,
) -> Field:
    """Return how a column is treated, from its name, its statistics and some of its values.

    `of_people`: another column's values show that the rows are people.
    """
    try:
        type_ = parse(column.type)
    except UnknownType:
        type_ = parse("VARCHAR")
    if type_.name == "BLOB":
        return Field(column, profile, type_, landed, maker="bytes")
    is_json = type_.name == "JSON" or (type_.name == "VARCHAR" and _are_json(seen))
    seen = [parsed(value) for value in seen] if is_json else seen
    texts = sorted(
        {leaf for value in seen for leaf in leaves(value) if isinstance(leaf, str)} | {*data_keys(seen)}
    )
    field = Field(column, profile, type_, landed)
    kind, why = _kind(field, table, seen, texts, of_people)
    if is_personal_text(column.description) or (
        kind and any(len(text) > 3 and text in column.description for text in texts)
    ):
        field = replace(field, column=replace(column, description=""))
    if (
        kind not in ("", "email", "birth")
        and field.is_text
        and not is_json
        and texts
        and all(map(_ISO.fullmatch, texts))
    ):
        kind = ""  # a time of day or a date
    if kind:
        form = "email" if kind == "email" and profile.form == "email" else ""
        maker = "nested" if field.is_nested else KINDS_BY_NAME[kind][0].maker
        if kind == "network address" and field.is_text:
            maker, form = "ip", "" if any("/" in text for text in texts) else _FORMATS.get(profile.form, "")
        return replace(
            field, kind=kind, why=why, maker="json" if is_json else maker, format="" if is_json else form
        )
    if field.is_nested:
        return replace(field, maker="nested" if texts else "")
    if not field.is_text:
        return field
    if is_json:
        return replace(field, maker="json")
    values = column.values or _list_of(profile, rows)
    if values:
        return replace(field, values=values)
    if profile.form in _HARMLESS or (texts and all(map(_ISO.fullmatch, texts))):
        return replace(field, is_code=True)
    last = re.split(r"[\W_]+", landed)
    if texts and CODE_NAMES.intersection(last) and all(map(_SHORT_CODE.fullmatch, texts)):
        return replace(field, is_code=True)
    form = profile.form if profile.form in ("uuid", "url", "uri") else "uuid" if type_.name == "UUID" else ""
    return replace(
        field,
        maker={"uuid": "uuid", "url": "url", "uri": "url"}.get(form, "text"),
        format=_FORMATS.get(form, ""),
        is_code=bool(texts) and (form == "uuid" or _are_codes(texts)),
    )


def _kind(
    field: Field, table: str, seen: Sequence[Any], texts: Sequence[str], of_people: bool
) -> tuple[str, str]:
    """Return the kind of personal data that a column may be, and why; empty if none."""
    name, has_texts = field.column.name, field.is_text or field.is_nested
    kind = kind_of_name(name, table)
    if (kind == "age" and field.is_text) or field.type.name == "BOOLEAN":
        kind = ""
    if not has_texts and kind in _ALWAYS_TEXT:
        kind = ""  # a number is the key of a person's row
    shown = texts if has_texts else [str(value) for value in seen if value is not None]
    if kind and not field.is_nested and shown and _is_no(kind, name, table, shown):
        kind = ""  # a `pan` of cast iron, a `mobile` that is `yes`
    if kind:
        return kind, f"The column is called {name}."
    of_people = of_people or is_person(table)
    if not has_texts:
        return kind_of_numbers(field.type, field.profile, seen, name, of_people), BY_VALUES
    by_values = FORMS.get(field.profile.form) or kind_of_texts(texts, name, of_people)
    if by_values and by_values == kind_of_values(texts) and is_of_things(by_values, name, table, texts):
        by_values = ""
    kind = (
        _kind_of_parts(field.type, table)
        or _kind_of_keys(seen, table)
        or kind_of_fields(seen, name)
        or by_values
    )
    return kind, "Its texts are long, or name people." if kind == "free text" else BY_VALUES


def _is_no(kind: str, name: str, table: str, texts: Sequence[str]) -> bool:
    """Return True if the texts are not what a column's name says, or are of things or offices."""
    return is_contradicted(kind, texts) or is_of_things(kind, name, table, texts)


def user_names(fields: Mapping[str, Field], seen: Mapping[str, Sequence[Any]]) -> dict[str, Field]:
    """Return the columns whose texts are made of the names of people in the same rows, as user names are."""
    of_names = [
        name
        for name, field in fields.items()
        if field.is_text and field.kind in ("name", "last name", "first name")
    ]
    rows = list(zip(*(seen[name] for name in of_names), strict=True))
    names = [" ".join(part for part in row if isinstance(part, str)) for row in rows]
    return {
        name: field.made_up("text", "user name", "Its texts are made of the names in the same rows.")
        for name, field in fields.items()
        if names
        and field.is_text
        and not field.kind
        and are_of_names([part if isinstance(part, str) else "" for part in seen[name]], names)
    }


def _are_json(values: Sequence[Any]) -> bool:
    """Return True if all texts are JSON objects or arrays."""
    texts = [value for value in values if isinstance(value, str) and value.strip()]
    return bool(texts) and all(
        text.lstrip()[0] in "[{" and isinstance(parsed(text), dict | list) for text in texts
    )


def is_personal_text(text: str) -> bool:
    """Return True if a text, such as a comment or a key, holds an e-mail address or looks like a phone number."""
    return any(
        kind_of_values([part]) not in ("", "address", "network address") for part in (text, *text.split())
    )


def data_keys(seen: Iterable[Any]) -> set[str]:
    """Return the keys within JSON that are data: that look personal, or are no names, or differ from row to row."""
    count: Counter[str] = Counter()
    number = 0
    for value in seen:
        keys = {*_keys(value)}
        number += bool(keys)
        count.update(keys)
    rare = len(count) > MOST_KEYS
    first = first_names() if count else frozenset()
    return {
        key
        for key, times in count.items()
        if not _KEY.fullmatch(key)
        or is_personal_text(key)
        or (key[0].isupper() and key.split()[0].lower() in first)
        or (rare and times < max(2, number / 10))
    }


def _kind_of_parts(type_: ColumnType, table: str) -> str:
    """Return the most sensitive kind of personal data that the names of the fields in a nested type say."""
    kinds = [
        kind
        for name, part in type_.parts
        if (kind := (kind_of_name(name, table) if name else "") or _kind_of_parts(part, table))
    ]
    return max(kinds, key=lambda kind: KINDS_BY_NAME[kind][0].classification == "secret", default="")


def _kind_of_keys(seen: Sequence[Any], table: str) -> str:
    """Return the most sensitive kind of personal data that keys within JSON or maps say."""
    kinds = {kind for value in seen for key in _keys(value) if (kind := kind_of_name(key, table))}
    return max(sorted(kinds), key=lambda kind: KINDS_BY_NAME[kind][0].classification == "secret", default="")


def _keys(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        yield from map(str, value)
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _keys(item)


def parsed(text: Any) -> Any:
    """Return what a JSON text holds; the text itself if it is none."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return text


def _are_codes(texts: Sequence[str]) -> bool:
    return all(map(_CODE.fullmatch, texts)) and not any(
        any(sign.isdigit() or sign in "._" for sign in text) and _LIKE_A_NAME.fullmatch(text)
        for text in texts
    )


def kept_as_key(field: Field) -> Field:
    """Return a column that is part of a key with its real values, if they are codes; else with those made up."""
    if field.kind or not field.is_text:
        return field
    if field.is_code or field.values:
        return replace(field, maker="", values=())
    return field


def _list_of(profile: ColumnProfile, rows: int) -> tuple[str, ...]:
    """Return the values of a column as a list of allowed ones, if they repeat enough to be one."""
    values = profile.values
    few = 1 < len(values) <= LONGEST_LIST and rows >= 20 and rows >= 5 * len(values)
    return values if few and all(0 < len(value) <= 40 for value in values) else ()


def leaves(value: Any) -> Iterable[Any]:
    """Yield the values within a value, however it is nested; missing ones are left out."""
    if isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    elif value is not None:
        yield value
