"""A survey as JSON (schemas/survey.yaml), and the counts of its delta."""

from __future__ import annotations

import json
from typing import Any

from meshwright.survey.commands import NO_DOMAIN
from meshwright.survey.model import STATES, Candidate, Survey

API_VERSION, KIND = "meshwright/v1", "Survey"


def id_of(candidate: Candidate, domain: str) -> str:
    """Return `<domain>/<name>` of the product that a candidate is or would be."""
    return candidate.product or f"{domain or NO_DOMAIN}/{candidate.name}"


def delta(survey: Survey) -> dict[str, int]:
    """Return state -> number of candidates; products that match no candidate count as there."""
    counts: dict[str, int] = dict.fromkeys(STATES, 0)
    for candidate in survey.candidates:
        counts[candidate.state] += 1
    matched = {candidate.product for candidate in survey.candidates}
    counts["there"] += sum(product.id not in matched for product in survey.products)
    return counts


def as_json(survey: Survey) -> str:
    """Return the survey as JSON; the same estate gives the same text."""
    return json.dumps(document(survey), indent=2, ensure_ascii=False) + "\n"


def document(survey: Survey) -> dict[str, Any]:
    """Return the survey in the shape of schemas/survey.yaml."""
    ids = {candidate.name: id_of(candidate, survey.domain) for candidate in survey.candidates}
    by_product = {candidate.product: candidate.name for candidate in survey.candidates if candidate.product}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "domain": survey.domain,
        "delta": delta(survey),
        "sources": [
            {"name": one.name, "kind": one.kind, "where": one.where, "tables": len(one.tables), "models": len(one.models)}
            for one in survey.sources
        ],
        "candidates": [_candidate(candidate, ids, survey) for candidate in survey.candidates],
        "products": [
            {
                "id": product.id, "title": product.title, "type": product.type, "version": product.version,
                "repository": product.repository, "candidate": by_product.get(product.id, ""),
            }
            for product in sorted(survey.products, key=lambda one: one.id)
        ],
        "needs": [
            {
                "name": need.name, "what": need.what, "instead": need.instead, "origins": list(need.origins),
                "candidates": list(need.candidates),
            }
            for need in survey.needs
        ],
        "leftOut": [{"table": id, "reason": reason} for id, reason in survey.left_out],
        "unread": [{"source": source, "reason": reason} for source, reason in survey.unread],
    }  # fmt: skip


def _candidate(candidate: Candidate, ids: dict[str, str], survey: Survey) -> dict[str, Any]:
    return {
        "id": ids[candidate.name],
        "name": candidate.name,
        "type": candidate.type,
        "state": candidate.state,
        "product": candidate.product,
        "source": candidate.source,
        "tables": [{"id": part.id, "role": part.role, "reason": part.reason} for part in candidate.parts],
        "evidence": candidate.evidence,
        "doubts": candidate.doubts,
        "reads": [ids[name] for name in candidate.reads],
        "attributes": [
            {"rule": one.rule, "state": one.state, "value": one.value, "origin": one.origin}
            for one in candidate.attributes
        ],
        "sensitive": [
            {"table": table, "column": column, "kind": kind} for table, column, kind in candidate.sensitive
        ],
        "needs": candidate.needs,
        "grants": candidate.grants,
        "commands": candidate.commands,
    }
