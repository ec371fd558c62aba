# Written by `make reference`: a copy of template/pipeline/column_names.py.
"""The names that the columns of an input land with. `meshwright draft` uses a copy of this module."""

from __future__ import annotations

import re


def column_name(name: str) -> str:
    """Return the name that a column lands with, so that SQL needs no quotes: `Flight No.` becomes `flight_no`."""
    return re.sub(r"\W+", "_", name).strip("_").lower() or "unnamed"
