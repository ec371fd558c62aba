"""`meshwright access`: who may read a data product, decided from its repository and granted on real storage."""

AGREEMENTS = "access/agreements"
APPROVERS = "access/approvers.yaml"
TESTS = "access/tests.yaml"
TEAM_REGO = "access/rego"
"""Where a product says so, besides the policy that its spec names."""
