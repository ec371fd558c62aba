"""What the columns of a table say about it: times of events, technical columns, personal data."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshwright.inspection.model import Column, Table
from meshwright.survey.names import words

CREATED = {"created", "inserted", "added", "recorded"}
CHANGED = {"updated", "modified", "changed", "edited", "update", "modification"}
LOADED = re.compile(
    r"_(?:loaded_at|fivetran_\w+|airbyte_\w+|dlt_\w+|sdc_\w+|kafka_\w+|ingest\w*|batch\w*|etl\w*)|(?:dw|etl)_\w+|load(?:ed)?_(?:at|ts|date)",
    re.IGNORECASE,
)
"""Columns that a loader adds."""
TECHNICAL = re.compile(
    r"(?:created|updated|modified|changed|deleted|inserted)_?(?:by|at|on|date|time|ts|user)?|last_?(?:updated?|modified|changed)\w*"
    r"|version|row_?version|lock_version|is_?(?:active|deleted|default)|active|deleted|sort_?order|position",
    re.IGNORECASE,
)
"""Columns that say nothing about the subject of the table."""
PERSONAL = {
    "e-mail address": r"e_?mails?(?:_?addr(?:ess)?)?",
    "name of a person": r"(?:first|last|given|family|middle|full|sur|birth|maiden|user|login)_?name|surname|vorname|nachname|prenom|nombre|apellidos?",
    "telephone number": r"(?:tele)?phones?(?:_?(?:no|number))?|mobile(?:_?(?:no|number|phone))?|fax(?:_?number)?|msisdn|telefon\w*",
    "date of birth": r"(?:date_?of_?birth|birth_?(?:date|day)|dob|geburts\w+)",
    "IP address or device": r"ip(?:_?address)?|mac_?address|device_?id|user_?agent|imei",
    "postal address": r"street\w*|address(?:_?(?:line)?_?\d)?|postal_?code|post_?code|zip(?:_?code)?|house_?number|strasse|plz",
    "national identifier": r"ssn|social_?security\w*|national_?(?:id|insurance)\w*|passport\w*|tax_?(?:id|number)|personnummer|nhs_?number",
    "bank account or card": r"iban|bic|(?:card|account)_?(?:no|number|last_?4|last_?four)|credit_?card\w*|cvv|cvc|pan",
    "health": r"diagnos[ei]s\w*|icd_?\w*|blood_?\w*|allerg\w*|medical\w*|mrn|patient\w*|disab\w*|treatment\w*",
    "secret": r"pass_?word\w*|encrypted_?password|password_?\w+|passwd|pin|secret|token|api_?key",
    "location of a person": r"lat(?:itude)?|lon(?:gitude)?|lng|geo_?(?:location|point)",
    "pay": r"salary|wage\w*|income",
}
"""Kind of personal or sensitive data -> names of columns that suggest it."""
_PERSONAL = {kind: re.compile(rf"(?:\w+_)?(?:{names})", re.IGNORECASE) for kind, names in PERSONAL.items()}
_EXACT = {"location of a person", "secret", "bank account or card", "IP address or device"}
"""Kinds whose short words are too common at the end of other names (`shipping`, `relation`)."""


def is_temporal(column: Column) -> bool:
    """Return True for dates and timestamps, and for texts and numbers that are named as such."""
    type = column.type.upper()
    if type.startswith(("DATE", "TIMESTAMP")):
        return True
    last = words(column.name)[-1:] or ("",)
    return type.startswith(("VARCHAR", "TEXT")) and last[0] in ("at", "on", "date", "timestamp", "ts", "time")


def is_loader(column: Column) -> bool:
    """Return True for a column that a loader has added."""
    return bool(LOADED.fullmatch(column.name))


def is_technical(column: Column) -> bool:
    """Return True for a column that says nothing about the subject of its table."""
    return is_loader(column) or bool(TECHNICAL.fullmatch(column.name))


def change_column(table: Table) -> str:
    """Return the column that changes with every change of a row, or the one that says when it was made; else nothing."""
    times = [column for column in table.columns if is_temporal(column)]
    for kinds in (CHANGED, CREATED):
        for column in times:
            if kinds & {*words(column.name)}:
                return column.name
    loaded = [column.name for column in times if is_loader(column)]
    events = event_times(table)
    return (events or loaded or ("",))[0]


def event_times(table: Table) -> tuple[str, ...]:
    """Return the columns that say when something happened, other than when the row was made or changed.

    The creation of a row is the event itself where rows are never changed.
    """
    times = [column for column in table.columns if is_temporal(column) and not is_loader(column)]
    made = [column.name for column in times if CREATED & {*words(column.name)}]
    changed = [column.name for column in times if CHANGED & {*words(column.name)}]
    events = [column.name for column in times if column.name not in (*made, *changed)]
    return tuple(events or ([] if changed else made))


def personal(table: Table) -> Iterator[tuple[str, str]]:
    """Yield the columns whose names suggest personal or sensitive data, and the kind of it."""
    for column in table.columns:
        plain = "_".join(words(column.name))
        for kind, names in _PERSONAL.items():
            match = names.fullmatch(plain)
            if match and (kind not in _EXACT or len(words(column.name)) < 3):
                yield column.name, kind
                break
