"""Break-glass access: in an emergency, two approvers let named people read for an hour at the most.

A role of the policy is for emergencies if it says `breakGlass: true`. An agreement for it ends in the storage itself, so
that nobody has to run anything for the end: only ports that can do that have readers in such a role.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from meshwright.core.text import listed
from meshwright.core.yaml import Document, Keys

LONGEST = timedelta(hours=1)
"""How long an agreement lasts at the most, counted from its own start.

Start and end are terms that both approvers sign: no clock of a machine and no date of a commit can make it longer.
"""
ENDS_ITSELF = ("postgres@1",)
"""Capabilities whose storage ends a reader's access by itself."""
NO_END = {
    "parquet@1": "files stay open to whoever was let in until the next `meshwright access apply`",
    "delta@1": "files stay open to whoever was let in until the next `meshwright access apply`",
    "view@1": "it is SQL over other data, and nothing is granted on it",
    "iceberg@1": "nothing is granted on it",
}
"""Capability -> why access on its ports does not end by itself."""


def is_break_glass(role: Mapping[str, Any]) -> bool:
    """Return True if a role of the policy is for emergencies."""
    return role.get("breakGlass") is True


def can_end(uses: str) -> bool:
    """Return True if the storage of a port ends access by itself."""
    return uses in ENDS_ITSELF


def break_glass_issues(
    role: Mapping[str, Any], agreement: Document, ports: Mapping[str, str]
) -> Iterator[tuple[Keys, str, str]]:
    """Yield place, detail and fix of what an agreement for a role that is for emergencies may not have.

    `ports`: name of an output port -> its capability. Nothing for other roles.
    """
    if not is_break_glass(role):
        return
    yield from _too_long(agreement)
    yield from _port_without_end(agreement, ports)
    named = list(_named(agreement))
    if groups := [name for _, name in named if not name.startswith("id:")]:
        detail = f"Break-glass access is for people by name, and {listed(groups)} is no single person."
        yield named[0][0], detail, "Write `id:<id>` for each person, as the directory has it."
    if agreement.get("consumer.dataProductId") is not None:
        detail = "Break-glass access is for people, and no data product reads by it."
        yield ("consumer", "dataProductId"), detail, "Remove it, or ask for a role of `kind: machine`."
    if any(item.get("property") == "renews" for _, item in agreement.items("customProperties")):
        detail = "Break-glass access is not renewed: each hour is asked for and approved on its own."
        yield ("customProperties",), detail, "Remove the property `renews`."


def _too_long(agreement: Document) -> Iterator[tuple[Keys, str, str]]:
    try:
        start, end = (
            datetime.fromisoformat(str(agreement.get(key))) for key in ("startTimestamp", "endTimestamp")
        )
        too_long, latest = end - start > LONGEST, start.astimezone(UTC) + LONGEST
    except (ValueError, TypeError, OverflowError):
        yield ("endTimestamp",), "Its start or end is no time.", "Write a time with its zone."
        return
    if too_long:
        detail = "Break-glass access lasts one hour at the most, counted from its start."
        yield ("endTimestamp",), detail, f"Write an end of {latest:%Y-%m-%dT%H:%M:%SZ} or earlier."


def _port_without_end(agreement: Document, ports: Mapping[str, str]) -> Iterator[tuple[Keys, str, str]]:
    able = [name for name, uses in ports.items() if can_end(uses)]
    fix = (
        f"Choose one of: {listed(able)}."
        if able
        else f"Give the product a port of {listed(ENDS_ITSELF)}, or ask for another role."
    )
    port = agreement.get("provider.outputPortId")
    if port is None:
        detail = (
            "Break-glass access is for one output port whose storage ends it by itself, and it names none."
        )
        yield ("provider",), detail, f"Name one in `outputPortId`. {fix}"
    elif port in ports and not can_end(uses := ports[port]):
        reason = NO_END.get(uses, "nothing there ends access by itself")
        yield (
            ("provider", "outputPortId"),
            f"The port {port} uses {uses}, where break-glass access cannot end: {reason}.",
            fix,
        )


def _named(agreement: Document) -> Iterator[tuple[Keys, str]]:
    """Yield the place and the text of each reader whom an agreement names."""
    for keys, item in agreement.items("customProperties"):
        value = item.get("value")
        if item.get("property") == "principal":
            yield from (
                ((*keys, "value"), str(one)) for one in (value if isinstance(value, list) else [value])
            )
