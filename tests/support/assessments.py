"""Assessments as `meshwright assess` makes them."""

from __future__ import annotations

from typing import Any

from records import MEASURED_AT

SIX = ["self-describable", "addressable", "discoverable", "secure", "trustworthy", "interoperable"]


def assessment(*products: tuple[str, int | None], at: str = MEASURED_AT, **changes: Any) -> dict[str, Any]:
    """An assessment in which one function was asked."""
    told = [
        {
            "id": id,
            "title": id,
            "domain": id.partition("/")[0],
            "scores": {name: score if name == "secure" else None for name in SIX},
            "score": score,
            "results": [
                {
                    "function": "AnonymousRefused",
                    "state": "kept" if score == 100 else "broken",
                    "verdicts": [{"state": "broken", "evidence": "Anybody reads it.", "fix": "Close it.", "place": "lake"}],
                }
            ],
        }
        for id, score in products
    ]  # fmt: skip
    function = {"id": "AnonymousRefused", "characteristic": "secure", "severity": "high", "question": "Is an anonymous read refused?", "why": ""}  # fmt: skip
    return {
        "apiVersion": "meshwright/v1",
        "kind": "Assessment",
        "at": at,
        "static": False,
        "functions": [function],
        "products": told,
        "scores": dict.fromkeys(SIX) | {"secure": 50},
        "notes": [],
        **changes,
    }
