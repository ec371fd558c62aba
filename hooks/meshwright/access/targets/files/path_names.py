"""Names of roles, data sets and people on a file port: which ones fit into paths, and how a sentence shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from meshwright.access.grants import Desired, Member, Port, Refused

ROLE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
DATASET = re.compile(r"\w[^/\\\x00-\x1f\x7f]*")
IN_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
NAMED = 5
"""More columns than these are only counted."""


def refuse_names(port: Port, desired: Desired, in_bucket: bool) -> None:
    """Raise Refused for a name that could be more than a name in a path or a policy, and for an unknown role."""
    dataset = desired.dataset
    fits = (IN_BUCKET if in_bucket else DATASET).fullmatch(dataset)
    if not fits or len(dataset.encode()) > 200 or (port.uses == "delta@1" and dataset.casefold() == "roles"):
        raise Refused(
            f"{json.dumps(dataset)} cannot be the name of a data set at {port.name}.",
            "Use small letters, digits and single underscores; `roles` is taken.",
        )
    for view in desired.views:
        if not ROLE.fullmatch(view.role):
            raise Refused(
                f"{json.dumps(view.role)} cannot be the name of a role.",
                "Use lower-case letters, digits and single hyphens.",
            )
    roles = {view.role for view in desired.views}
    if strangers := sorted({member.role for member in desired.members} - roles):
        raise Refused(f"There is no role {display_text(strangers[0])}.", "Fix the agreement.")


def display_text(text: str) -> str:
    """Return a name for a sentence: it can neither begin a line of its own nor control a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def display_list(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(display_text, names[:NAMED])) + more


def display_member(member: Member) -> str:
    principal = member.principal
    return display_text(f"{principal.name} ({principal.id})" if principal.name else principal.id)
