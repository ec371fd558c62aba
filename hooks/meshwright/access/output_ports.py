"""The output ports of the spec, with the variables of their properties replaced."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from meshwright.access.grants import Port
from meshwright.core.yaml import Document, Unreadable
from meshwright.product.files import SPEC
from meshwright.product.grammar import VARIABLE

SECRET = re.compile(
    r"^(PG|AWS_|AZURE_|GOOGLE_|MESHWRIGHT_|GITHUB_|GITLAB_|CI_|ACTIONS_)|TOKEN|PASSWORD|SECRET",
    re.IGNORECASE,
)
"""Variables that a spec cannot name: an address could send them elsewhere."""


def variables(environment: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """Return what a spec can name: the environment, and what CI hands over as one variable. Raises Unreadable.

    The environment comes first.
    """
    try:
        from_ci = json.loads(environment.get("PIPELINE_VARIABLES") or "{}")
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            f"PIPELINE_VARIABLES is not a JSON object: {error}.", "Correct it, or unset it."
        ) from error
    if not isinstance(from_ci, dict) or not all(isinstance(value, str) for value in from_ci.values()):
        raise Unreadable(
            "PIPELINE_VARIABLES is not a JSON object whose values are texts.", "Correct it, or unset it."
        )
    return {**from_ci, **environment}


def output_ports(spec: Document, root: Path, environment: Mapping[str, str] | None) -> Iterator[Port]:
    """Yield the ports. `environment`: the variables; None leaves them as they are. Raises Unreadable."""
    usual = {"schema": spec.get("spec.dataset.name")}  # what blueprints say of a property that is left out
    for _, output in spec.items("spec.outputs"):
        declared = {key: _replaced(value, environment) for key, value in output.get("properties", {}).items()}
        yield Port(output["name"], output["uses"], usual | declared, str(root.resolve()))


def _replaced(value: Any, environment: Mapping[str, str] | None) -> Any:
    if environment is None or not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        if SECRET.search(match["name"]):
            raise Unreadable(f"{SPEC}: {match[0]} may be a secret.", "Use a variable with another name.")
        value = environment.get(match["name"]) or match["default"]
        if value is None:
            raise Unreadable(
                f"{SPEC}: {match[0]} has no default, and {match['name']} is not set.",
                f"export {match['name']}=…",
            )
        return value

    return VARIABLE.sub(variable, value)
