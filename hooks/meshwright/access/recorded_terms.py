"""What an audit record says of the agreements and roles by which people read, so that it explains itself without the repository."""

from __future__ import annotations

from typing import Any

from meshwright.access.access_decisions import AccessDecisions
from meshwright.access.grants import Port
from meshwright.access.renewals import renewals
from meshwright.access.requested import rows
from meshwright.product.break_glass import is_break_glass


def recorded_terms(decisions: AccessDecisions, port: Port) -> dict[str, Any]:
    """Return `terms` (of each agreement on the port), `roles` (what each sees) and `people` (names), as plain JSON."""
    members, renewed = decisions.desired(port).members, renewals(decisions.product)
    return {
        "terms": {
            verdict.id: {
                "status": str(agreement.document.get("status")),
                "counts": not verdict.refused,
                "role": verdict.role,
                "purpose": str(agreement.document.get("description.purpose") or ""),
                "requester": str(agreement.custom("requester") or ""),
                "team": str(agreement.document.get("consumer.teamId") or ""),
                "decision": str(agreement.custom("decision") or ""),
                "renews": renewed.get(verdict.id, ""),
                "start": str(agreement.document.get("startTimestamp") or ""),
                "breakGlass": is_break_glass(decisions.product.roles.get(verdict.role, {})),
                "principals": agreement.principals,
                "until": verdict.until.isoformat() if verdict.until else None,
            }
            for verdict in decisions.verdicts
            if (agreement := verdict.agreement) and agreement.port in (None, port.name)
        },
        "roles": {
            view.role: {
                "clear": [visible.column.name for visible in view.columns if not visible.mask],
                "masked": {visible.column.name: visible.mask for visible in view.columns if visible.mask},
                "rows": list(rows(view)),
            }
            for view in decisions.views
        },
        "people": {
            member.principal.id: {
                "name": member.principal.name,
                "kind": member.principal.kind,
                "logins": dict(member.principal.logins),
            }
            for member in members
        },
    }
