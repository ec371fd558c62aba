"""`meshwright export`: a product in the formats that others exchange. Each tells what it has a place for, and no more."""

from __future__ import annotations

import json
from typing import Any


def as_json(value: Any, indent: int | None = 2) -> str:
    """JSON that people can read, and that steers no terminal."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return "".join(
        sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1]  # only ever within a text
        for sign in text
    )
