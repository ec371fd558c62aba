"""The mesh file for `meshwright rollout`: the repositories of the active products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from meshwright.core.git_url import canonical, is_remote
from meshwright.product.record import API_VERSION
from meshwright.serve import RequestProblem


def document(sources: Iterable[Mapping[str, Any]], template: str | None = None) -> dict[str, Any]:
    """schemas/mesh.yaml; addresses that no other machine could clone are left out. Raises RequestProblem.

    `sources`: `source` of each record. `template`: overrides the template in the records.
    """
    repositories: dict[str, str] = {}
    templates: Counter[str] = Counter()
    for source in sources:
        repository, made_from = source.get("repository"), source.get("template")
        if isinstance(repository, str) and is_remote(repository):
            repositories.setdefault(canonical(repository), repository)
        if isinstance(made_from, str) and is_remote(made_from):
            templates[made_from] += 1
    template = template or next(iter(sorted(templates, key=lambda one: (-templates[one], one))), None)
    if template is None:
        raise RequestProblem(
            404,
            "no-template",
            "No product has the address of a template that others can reach.",
            "Serve the catalog with --template URL.",
        )
    return {
        "apiVersion": API_VERSION,
        "kind": "Mesh",
        "template": template,
        "repositories": [repositories[one] for one in sorted(repositories)],
    }
