"""This repository's own hooks, workflow, CODEOWNERS and renovate.json, made from those that products get."""

from __future__ import annotations

import json
from typing import Any

import yaml
from answers import JINJA
from checkout import ROOT

from meshwright.product import registry

HOOKS = "template/.pre-commit-config.yaml.jinja"
WORKFLOW = "template/.github/workflows/ci.yml"
REVIEWERS = "template/.{{ forge }}/CODEOWNERS.jinja"
RENOVATE = "template/renovate.json.jinja"

SAMPLES = "^template/sample_data/"
EXCLUDED = {
    # A template that ends with a newline would add it to each file that it includes.
    "end-of-file-fixer": rf"{SAMPLES}|^template/\{{% yield ",
    "trailing-whitespace": SAMPLES,
    # Tests and the rules' examples hold what these hooks refuse.
    "detect-private-key": "^tests/",
    "detect-secrets": rf"{SAMPLES}|^tests/|^docs/reference/rules/NoPasswordInUrl\.md$",
}
"""Hook -> the files that it leaves alone here, instead of those that it leaves alone in a product."""

PINNED = {
    "customType": "regex",
    "description": "The tools that CI and hooks install: what products get, and what is made from it",
    "managerFilePatterns": [
        r"/^(template|blueprints)/(.+\.ya?ml|.+\.jinja|.+\.py|Containerfile)$/",
        r"/^\.pre-commit-config\.yaml$/",
        r"/^\.github/workflows/ci\.yml$/",
    ],
    "matchStrings": [r"(?<depName>[a-z][a-z0-9-]*)(==|@)(?<currentValue>[0-9]+(\.[0-9]+)+)"],
    "datasourceTemplate": "pypi",
}
"""What Renovate would not find by itself. One package is one pull request, in whatever files it is pinned."""


def own_files() -> dict[str, str]:
    """Return each file by its path."""
    return {
        ".pre-commit-config.yaml": hooks(),
        ".github/workflows/ci.yml": workflow(),
        ".github/CODEOWNERS": codeowners(),
        "renovate.json": renovate(),
    }


def hooks() -> str:
    """Return .pre-commit-config.yaml: the hooks of products, without the metamodel's, which reads a product."""
    config = yaml.safe_load(_rendered(HOOKS))
    config["repos"] = [repo for repo in config["repos"] if repo["repo"] == "local"]
    for repo in config["repos"]:
        for hook in repo["hooks"]:
            if hook["id"] in EXCLUDED:
                hook["exclude"] = EXCLUDED[hook["id"]]
    return _note(HOOKS) + yaml.safe_dump(config, sort_keys=False, width=1000)


def workflow() -> str:
    """Return the workflow: that of products up to the hooks, and then this repository's own checks."""
    text = (ROOT / WORKFLOW).read_text("utf-8")
    head, _, checks = text[text.index("# https://") :].partition("jobs:\n  checks:\n")
    checks = checks[: checks.index("      - name: Run the tests\n")]
    checks = _replaced(
        checks,
        {
            "persist-credentials": "fetch-depth: 0 # tests update from each release\n          persist-credentials"
        },
    )
    suite = checks[: checks.index("      - name: Run the checks")]
    name, limit = "Checks, tests and a run on the sample", "timeout-minutes: 15"
    checks = _replaced(checks, {name: "Hooks, checks and main paths", limit: "timeout-minutes: 30"})
    suite = _replaced(suite, {name: "The whole suite, on real servers", limit: "timeout-minutes: 60"})
    return (
        f"{_note(WORKFLOW)}{head}jobs:\n  checks:\n{checks}"
        "      - name: Check lint, types and layers\n        run: make check\n"
        "      - name: Run the main paths\n        run: make test\n"
        f"\n  suite:\n{suite}      - name: Run the demo and all tests\n        run: .ci/run\n"
    )


def codeowners() -> str:
    """Return CODEOWNERS: the platform's team reviews everything, and the owner of a blueprint what is theirs."""
    questions = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    platform = questions["platform_email"]["default"]
    nothing: dict[str, list[str]] = {"template": [], "shared": [], "product": []}
    everything = _rendered(
        REVIEWERS, owner={"email": platform}, platform_email=platform, ownership=nothing
    ).splitlines()
    lines = [everything[0], next(line for line in everything if line.startswith("*"))]
    for entry in registry.capabilities():
        both = dict.fromkeys((entry.owner, platform))
        lines.append(f"/blueprints/{entry.kind}/{entry.name}/ {' '.join(both)}")
    return _note("platform_email in copier.yml and owner in each blueprint.yaml") + "\n".join(lines) + "\n"


def renovate() -> str:
    """Return renovate.json: the presets of products; what the template owns in them is updated here."""
    config = json.loads(_rendered(RENOVATE))
    own = {name: config[name] for name in ("$schema", "extends")} | {"customManagers": [PINNED]}
    return json.dumps(own, indent=2) + "\n"


def _rendered(path: str, **answers: Any) -> str:
    """Return a file of the template as a product on GitHub gets it."""
    known = {
        "forge": "github",
        "template_url": "https://git.example.org/meshwright",
        "_copier_answers": {"_commit": "HEAD"},
        "requirements": [],
        "traits": [],
    }
    return JINJA.from_string((ROOT / path).read_text("utf-8")).render(known | answers)


def _replaced(text: str, replacements: dict[str, str]) -> str:
    for old, new in replacements.items():
        if text.count(old) != 1:
            raise ValueError(
                f"{WORKFLOW} has {old!r} {text.count(old)} times: tools/own_files.py expects one."
            )
        text = text.replace(old, new)
    return text


def _note(source: str) -> str:
    return f"# Written by `make reference` from {source}: change it there.\n"
