"""What an organisation that forks Meshwright may want different, in one place."""

from __future__ import annotations

HOME = "https://meshwright.example.org"
"""Where the documentation lies when a product does not say which template it was made from."""

LEVELS: dict[str, str] = {}
"""Rule id -> `error`, `warning`, `note` or `off`; a rule that is not named here has the level of its page, mostly error.

An attribute whose rule is `off` or a `warning` is no longer mandatory in the schema either.
"""

CLASSIFICATIONS = ("public", "internal", "confidential", "secret")
"""From the least sensitive to the most."""

OPEN_UP_TO = "internal"
"""The most sensitive classification that a product with open access may have."""

TYPES = ("source-oriented", "consumer-oriented")

INDICATORS = {
    # indicator -> units of its objective, direction of its objective, whether it needs a column
    "freshness": (("s", "m", "h", "d"), "<", None),
    "completeness": (("%",), ">", True),
    "volume": (("rows",), ">", False),
    "duration": (("s", "m", "h", "d"), "<", False),
}
"""The service level indicators that a product's pipeline measures."""

FILLERS = r"\b(?:todo|tbd|fixme|xxx+|n/a|na|none|change-?me|lorem|ipsum)\b"
"""What people write into a field for prose when they have nothing to say yet."""
