"""`${NAME:-default}`, as specs have it: the default runs on the sample, deployment sets the variable."""

from __future__ import annotations

import re

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^${}]*))?\}")


def default(text: str) -> str:
    """What a text is where no variable is set."""
    return VARIABLE.sub(lambda match: match[2] or "", text)
