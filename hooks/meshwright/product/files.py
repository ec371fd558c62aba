"""Paths in the repository of a data product, each defined once."""

SPEC = "data-product.yaml"
ANSWERS = ".copier-answers.yml"
"""Copier's answers."""

AGREEMENTS = "access/agreements"
APPROVERS = "access/approvers.yaml"
TESTS = "access/tests.yaml"
"""Tests of the access policy."""
TEAM_REGO = "access/rego"
"""Rego of the team's own, beside the policy that the spec names."""

BOOK = "build/addresses.yaml"
"""Where the last run has written where its ports lie."""
