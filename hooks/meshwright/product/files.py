"""Paths in the repository of a data product, each defined once."""

SPEC = "data-product.yaml"
CONTRACT = "contract.odcs.yaml"
"""Where the template puts it; the spec names it."""
ANSWERS = ".copier-answers.yml"
"""Copier's answers."""
MANIFEST = ".meshwright/ownership.yaml"
"""Which files the template owns, and which the product."""

POLICY = "access/policy.yaml"
"""Where the template puts it; the spec names it."""
AGREEMENTS = "access/agreements"
APPROVERS = "access/approvers.yaml"
TESTS = "access/tests.yaml"
"""Tests of the access policy."""
SAMPLE_DIRECTORY = "access/directory.yaml"
"""People and groups to try the policy out with."""
TEAM_REGO = "access/rego"
"""Rego of the team's own, beside the policy that the spec names."""

TEMPLATE_FILES = ".meshwright/files.yaml"
"""What the template has brought."""

SOURCES = "models/sources.yml"
"""The columns and types of the inputs, for dbt and for the pipeline."""

HOOKS = ".pre-commit-config.yaml"
SCHEDULE = ".github/workflows/schedule.yml"
PIPELINE = ".github/workflows/pipeline.yml"
CODEOWNERS = {"github": ".github/CODEOWNERS", "gitlab": ".gitlab/CODEOWNERS"}
"""By the answer `forge`; repositories that were made before it was asked are on GitHub."""

ADDRESSES = "build/addresses.yaml"
"""Where the last run has written where its ports lie."""
RUN = "build/run.json"
"""What the last run did."""
MEASURED = "build/slis.json"
"""The service level indicators that the last run measured."""
