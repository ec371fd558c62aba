"""`meshwright export`: a product in formats for interchange. Each contains what the format has a field for."""

from __future__ import annotations

import json
from typing import Any


def as_json(value: Any, indent: int | None = 2) -> str:
    """Return readable JSON without control characters."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return "".join(
        sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1]  # only ever within a text
        for sign in text
    )
