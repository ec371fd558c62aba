"""The spec and the contract of an adopted product, as far as its dbt project tells."""

from __future__ import annotations

from collections.abc import Mapping

from meshwright.adopt.dbt_files import DbtProject


def own_product(texts: Mapping[str, str], project: DbtProject | None) -> tuple[dict[str, str], list[str]]:
    """Return the changed texts of the new spec and contract, and what is missing for a run."""
    return {}, []
