"""The text of a request for access, as `meshwright access request` and the form of the catalog write it.

Both put values into the same lines: `agreement_text` here, `request.js` in the browser, which gets LINES and ESCAPED.
Every text is double-quoted, so that nothing in it is taken for YAML, and a line break in it stays in its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Fields = Mapping[str, str | Sequence[str]]
"""Field of LINES -> its text, or several; a field that is empty or missing has no line."""

LINES = (
    ("# yaml-language-server: $schema=../../.meshwright/access-agreement.schema.json", ""),
    ("apiVersion: v0.9.0", ""),
    ("kind: AccessAgreement", ""),
    ("id: ", "id"),
    ("status: requested", ""),
    ("description:", ""),
    ("  purpose: ", "description"),
    ("  usage: ", "usage"),
    ("  limitations: ", "limitations"),
    ("provider:", ""),
    ("  teamId: ", "providerTeam"),
    ("  dataProductId: ", "product"),
    ("  outputPortId: ", "port"),
    ("consumer:", ""),
    ("  teamId: ", "team"),
    ("  dataProductId: ", "consumer"),
    ("roles:", ""),
    ("  - role: ", "role"),
    ("startTimestamp: ", "start"),
    ("endTimestamp: ", "end"),
    ("customProperties:", ""),
    ("  - property: principal\n    value: ", "principals"),
    ("  - property: requester\n    value: ", "requester"),
    ("  - property: purpose\n    value: ", "purpose"),
    ("  - property: renews\n    value: ", "renews"),
)
"""The text's lines, and the field whose value stands at the end of each; a line without one always stands."""

ESCAPED = (
    r'["\\\u0000-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f'
    r"\u205f-\u206f\u2800\u3000\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff]"
)
"""What is written as `\\uXXXX`, one UTF-16 code unit at a time in JavaScript: quotes, and what is invisible or no text."""
_ESCAPED = re.compile(f"{ESCAPED}|[\U00010000-\U0010ffff]")


def agreement_text(fields: Fields) -> str:
    """Return the text of an agreement that is requested."""
    lines = [
        start + (_value(fields[field]) if field else "")
        for start, field in LINES
        if not field or fields.get(field)
    ]
    return "\n".join([*lines, ""])


def fields_of(agreement: Any) -> dict[str, Any]:
    """Return the fields of an agreement that fits its schema: `agreement_text` of them says the same, and requests it."""
    custom = {item["property"]: item["value"] for item in agreement["customProperties"]}
    fields = {
        "id": agreement["id"],
        "description": agreement["description"]["purpose"],
        "usage": agreement["description"].get("usage"),
        "limitations": agreement["description"].get("limitations"),
        "providerTeam": agreement["provider"].get("teamId"),
        "product": agreement["provider"]["dataProductId"],
        "port": agreement["provider"].get("outputPortId"),
        "team": agreement["consumer"]["teamId"],
        "consumer": agreement["consumer"].get("dataProductId"),
        "role": agreement["roles"][0]["role"],
        "start": agreement["startTimestamp"],
        "end": agreement["endTimestamp"],
        "principals": custom["principal"],
        "requester": custom["requester"],
        "purpose": custom.get("purpose"),
        "renews": custom.get("renews"),
    }
    return {field: value for field, value in fields.items() if value}


def _value(value: str | Sequence[str]) -> str:
    """Return a text, or a list of several."""
    texts = [value] if isinstance(value, str) else value
    return _quoted(texts[0]) if len(texts) == 1 else f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    sign = match[0]
    if sign in '"\\':
        return f"\\{sign}"
    # As UTF-32: YAML joins no two halves of UTF-16.
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"
