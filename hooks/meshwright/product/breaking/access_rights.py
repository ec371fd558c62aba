"""Compare the rights of consumers, and what each role sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meshwright.core.yaml import Document, Keys
from meshwright.product.agreement_length import longest_days
from meshwright.product.breaking.contract_paths import mapping
from meshwright.product.breaking.kinds_of_change import PromiseChange


def of_rights(was: Document, now: Document) -> Iterator[PromiseChange]:
    """Return changes of what consumers may do: read without asking, and pass on."""
    before, after = (document.get("spec.access.mode") for document in (was, now))
    if before == "open" and after != "open":
        detail = "Everybody could read it; now it takes an approval."
        yield PromiseChange(now, ("spec", "access", "mode"), detail, "access-mode")
    for right in ("modified", "unmodified"):
        place = f"spec.distributionRights.{right}"
        if was.get(place) == "allowed" and now.get(place) != "allowed":
            detail = f"Passing it on ({right}) was allowed, and is not any more."
            yield PromiseChange(now, tuple(place.split(".")), detail, "rights")
    versions = [str(document.get("spec.dataSharingAgreement.version")) for document in (was, now)]
    if versions[0] != versions[1] and versions[0].partition(".")[0] != versions[1].partition(".")[0]:
        detail = f"The data sharing agreement was of version {versions[0]}; now it is {versions[1]}."
        yield PromiseChange(now, ("spec", "dataSharingAgreement", "version"), detail, "agreement")


def of_roles(was: Document, now: Document) -> Iterator[PromiseChange]:
    """Return changes of what each role of the access policy sees."""
    before, after = (mapping(document.get("roles")) for document in (was, now))
    for name, role in before.items():
        place: Keys = ("roles", name)
        old, new = mapping(role), mapping(after.get(name))
        if name not in after:
            yield PromiseChange(now, place[:-1], f"The role {name} is gone.", "role")
            continue
        if old.get("kind") != new.get("kind"):
            yield PromiseChange(
                now, (*place, "kind"), f"The role {name} was for others ({old.get('kind')}).", "role"
            )
        if lost := [
            level for level in old.get("clearance") or [] if level not in (new.get("clearance") or [])
        ]:
            detail = f"The role {name} no longer sees columns that are {', '.join(map(str, lost))}."
            yield PromiseChange(now, (*place, "clearance"), detail, "role")
        if old.get("above") == "mask" and new.get("above") != "mask":
            detail = f"The role {name} got masks of the columns above its clearance; now it gets nothing."
            yield PromiseChange(now, (*place, "above"), detail, "role")
        for key, of in (("purposes", "purpose"), ("requires", "attribute")):
            if new.get(key) and _narrower(old.get(key), new[key]):
                detail = f"The role {name} is for fewer readers: another {of} is asked for."
                yield PromiseChange(now, (*place, key), detail, "role")
        if longest_days(new) < longest_days(old):
            detail = f"An agreement for the role {name} lasts for {longest_days(new)} days at most."
            yield PromiseChange(now, (*place, "maxDays"), detail, "role")
        rows, fewer = old.get("rows") or [], new.get("rows") or []
        if rows != fewer and isinstance(rows, list) and isinstance(fewer, list):
            added = [one for one in fewer if one not in rows]
            if added and all(one in fewer for one in rows):
                detail = f"The role {name} sees fewer rows: a condition more."
                yield PromiseChange(now, (*place, "rows"), detail, "role")
            elif added:
                yield PromiseChange(
                    now, (*place, "rows"), f"The role {name} sees other rows.", "role-unclear"
                )
    if was.get("masks") != now.get("masks"):
        yield PromiseChange(now, ("masks",), "The masks have changed.", "role-unclear")


def _narrower(before: Any, after: Any) -> bool:
    """Return True if a list, or one of a mapping's, leaves out what was in it; no list leaves out nothing."""
    if isinstance(after, list):
        return not before or not all(one in after for one in before)
    if isinstance(after, dict):
        known = before if isinstance(before, dict) else {}
        return any(_narrower(known.get(key), values) for key, values in after.items())
    return False
