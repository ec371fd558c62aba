"""Which agreement continues which: only one for the same reader, role and port takes over another one's name."""

from __future__ import annotations

from collections.abc import Hashable

from meshwright.access.access_decisions import AccessDecisions
from meshwright.access.agreement import Agreement
from meshwright.access.committed import checked
from meshwright.access.product_access import ProductAccess
from meshwright.core.yaml import Unreadable
from meshwright.product import schema
from meshwright.product.files import AGREEMENTS


def renewals(product: ProductAccess) -> dict[str, str]:
    """Return agreement -> the agreement that it continues, without those that only claim to. Raises HistoryError."""
    return {
        agreement.id: name
        for agreement in product.agreements
        if (name := _claimed(agreement)) and _reader(agreement) == _reader(_named(product, name))
    }


def false_renewals(decisions: AccessDecisions) -> list[str]:
    """Return a sentence, with the fix, for each agreement in force that claims to continue one for somebody else."""
    counting = renewals(decisions.product)
    return [
        f"Agreement {verdict.id} is no renewal of {name}, which is not for the same consumer, role, port and principals, and"
        f" does not take over its name. Fix: remove `renews` from {verdict.agreement.path}, or make them the same."
        for verdict in decisions.verdicts
        if verdict.agreement and not verdict.refused
        if (name := _claimed(verdict.agreement)) and verdict.id not in counting
    ]


def _claimed(agreement: Agreement) -> str:
    name = agreement.custom("renews")
    return name if isinstance(name, str) and "/" not in name else ""


def _named(product: ProductAccess, name: str) -> Agreement | None:
    """Return an agreement; one that was removed, as it was last committed. None if there is none to read."""
    if present := next((one for one in product.agreements if one.id == name), None):
        return present
    path, history = f"{AGREEMENTS}/{name}.yaml", product.history
    for commit in sorted(history.touched(path), key=history.position, reverse=True):
        if entry := history.entry(commit, path):
            try:
                return Agreement(path, checked(path, history.text(path, entry), schema.access_agreement))
            except Unreadable:
                return None
    return None


def _reader(agreement: Agreement | None) -> Hashable:
    """Return whom an agreement is for, and what for; of none, nothing that equals another one's."""
    if agreement is None:
        return None
    consumer = (agreement.document.get(f"consumer.{key}") for key in ("teamId", "dataProductId"))
    principals = frozenset(map(str, agreement.principals))
    return (*map(str, consumer), agreement.role, str(agreement.port), principals)
