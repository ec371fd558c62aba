"""Paths in the repository of a data product, each defined once."""

from __future__ import annotations

from pathlib import Path

SPEC = "data-product.yaml"
CONTRACT = "contract.odcs.yaml"
"""Default path; the spec has the actual one."""
ANSWERS = ".copier-answers.yml"
"""Copier's answers."""
ANSWERS_BESIDE = ".copier-answers.meshwright.yml"
"""The same in a repository whose ANSWERS is another template's."""
MANIFEST = ".meshwright/ownership.yaml"
"""Which files the template owns, and which the product."""

POLICY = "access/policy.yaml"
"""Default path; the spec has the actual one."""
AGREEMENTS = "access/agreements"
REVIEWS = "access/reviews"
"""Confirmations that agreements are still needed, one file each."""
APPROVERS = "access/approvers.yaml"
TESTS = "access/tests.yaml"
"""Tests of the access policy."""
SAMPLE_DIRECTORY = "access/directory.yaml"
"""Example people and groups for trying out the policy."""
TEAM_REGO = "access/rego"
"""The team's own Rego, in addition to the policy."""

TEMPLATE_FILES = ".meshwright/files.yaml"
"""The files that the template has written."""

EXCEPTIONS = ".meshwright/exceptions.yaml"
"""Rules that the product may break for a while."""
SAMPLE_FILES = ".meshwright/sample.yaml"
"""The files that belong to the product and that the template wrote at birth, with the hashes of their content."""

SOURCES = "models/sources.yml"
"""The columns and types of the inputs, for dbt and for the pipeline."""

DRAFT = ".meshwright/draft.yaml"
"""What `meshwright draft` wrote, and from what."""

COMMAND = 'uvx --from "$(tail -n 1 .meshwright/requirements.txt)" meshwright'
"""The command `meshwright` at the version of a product's template, as it is typed in the product's repository."""

HOOKS = ".pre-commit-config.yaml"
KUBERNETES_VALUES = "infra/kubernetes/values.yaml"
KUSTOMIZATION = "infra/kubernetes/kustomization.yaml"
"""What Kustomize needs as literals."""
SCHEDULE = ".github/workflows/schedule.yml"
TRIGGER = ".github/workflows/trigger.yml"
"""The same for trigger@1: when the product asks whether its inputs are ready."""
TIMED = {"schedule": SCHEDULE, "trigger": TRIGGER}
"""Trait with a cron expression -> the workflow that has it too."""
PIPELINE = ".github/workflows/pipeline.yml"
CODEOWNERS = {"github": ".github/CODEOWNERS", "gitlab": ".gitlab/CODEOWNERS"}
"""By the answer `forge`; repositories without that answer are on GitHub."""

ADDRESSES = "build/addresses.yaml"
"""Address registry: where the ports are, as written by the last run."""
RUN = "build/run.json"
"""The result of the last run."""
EVENTS = "build/openlineage.jsonl"
"""OpenLineage's events of the last run, where they are sent nowhere else."""
MEASURED = "build/slis.json"
"""The service level indicators measured by the last run."""


def answers_file(root: Path) -> str:
    """Return the name of Copier's answers file in a product's repository."""
    return ANSWERS_BESIDE if (root / ANSWERS_BESIDE).is_file() else ANSWERS
