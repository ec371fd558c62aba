"""What an organisation that forks Meshwright may want different, in one place."""

from __future__ import annotations

from dataclasses import dataclass

HOME = "https://meshwright.example.org"
"""Where the documentation lies when a product does not say which template it was made from."""

LEVELS: dict[str, str] = {}
"""Rule id -> `error`, `warning`, `note` or `off`; a rule that is not named here has the level of its page, mostly error.

An attribute whose rule is `off` or a `warning` is no longer mandatory in the schema either.
"""

CLASSIFICATIONS = ("public", "internal", "confidential", "secret")
"""From the least sensitive to the most."""

OPEN_UP_TO = "internal"
"""The most sensitive classification that a product with open access may have."""

TYPES = ("source-oriented", "consumer-oriented")

INDICATORS = {
    # indicator -> units of its objective, direction of its objective, whether it needs a column
    "freshness": (("s", "m", "h", "d"), "<", None),
    "completeness": (("%",), ">", True),
    "volume": (("rows",), ">", False),
    "duration": (("s", "m", "h", "d"), "<", False),
}
"""The service level indicators that a product's pipeline measures."""

FILLERS = r"\b(?:todo|tbd|fixme|xxx+|n/a|na|none|change-?me|lorem|ipsum)\b"
"""What people write into a field for prose when they have nothing to say yet."""


@dataclass(frozen=True)
class Mandatory:
    """Attributes of the spec that every data product gives."""

    promise: str
    attributes: tuple[str, ...]
    """Dotted, each after the one that it lies in."""
    fix: str


MANDATORY = {
    "NameGiven": Mandatory(
        "The product has a name, unique in its domain.",
        ("metadata.name",),
        "Give metadata.name, such as `name: departures`.",
    ),
    "DomainGiven": Mandatory(
        "The product belongs to one business domain.",
        ("metadata.domain",),
        "Give metadata.domain, such as `domain: airport-operations`.",
    ),
    "DescriptionGiven": Mandatory(
        "The product says what it is for, in words that somebody outside the team understands.",
        ("spec.description", "spec.description.purpose"),
        "Write spec.description.purpose: what it is for, in a sentence.",
    ),
    "OwnerAndStewardNamed": Mandatory(
        "The product has an owner, who is its first point of contact and approves access, and a steward.",
        (
            "spec.owner",
            "spec.owner.name",
            "spec.owner.email",
            "spec.steward",
            "spec.steward.name",
            "spec.steward.email",
        ),
        "Name a person and an address, such as `{name: Ada Example, email: ada@example.org}`; one person may be both.",
    ),
    "AgreementReferenced": Mandatory(
        "The product has a data sharing agreement: the terms that a consumer accepts.",
        (
            "spec.dataSharingAgreement",
            "spec.dataSharingAgreement.document",
            "spec.dataSharingAgreement.version",
        ),
        "Give spec.dataSharingAgreement its document and version.",
    ),
    "AccessModeChosen": Mandatory(
        "The product says whether everybody may read it or the owner approves each consumer.",
        ("spec.access.mode",),
        "Give spec.access.mode: `open` or `approval-required`.",
    ),
    "AccessPolicyPublished": Mandatory(
        "The product publishes its data access policy: who may read it, and who may not.",
        ("spec.access.policy",),
        "Give spec.access.policy, such as `policy: access/policy.yaml`.",
    ),
    "ClassificationGiven": Mandatory(
        "The product says how sensitive its data set is.",
        ("spec.classification",),
        "Give spec.classification: public, internal, confidential or secret.",
    ),
    "DistributionRightsGiven": Mandatory(
        "The product says whether consumers may pass its data to third parties, modified or as it is.",
        ("spec.distributionRights", "spec.distributionRights.modified", "spec.distributionRights.unmodified"),
        "Give spec.distributionRights both `modified` and `unmodified`: allowed or forbidden.",
    ),
    "ServiceLevelsGiven": Mandatory(
        "The product promises at least one service level (SLO), and names the indicator (SLI) that measures it.",
        ("spec.serviceLevels",),
        'Add one to spec.serviceLevels, such as `{name: fresh, indicator: freshness, objective: "<= 24h"}`.',
    ),
    "PortsGiven": Mandatory(
        "The product has at least one output port: the way in which its data set is delivered.",
        ("spec.outputs",),
        "Add one to spec.outputs; `meshwright capabilities` lists what there is.",
    ),
    "TypeGiven": Mandatory(
        "The product is source-oriented or consumer-oriented, and says so.",
        ("spec.type",),
        "Give spec.type: source-oriented or consumer-oriented.",
    ),
}
"""Rule id -> what it demands: the twelve attributes that every data product has. Schema and rules are made from it."""


def level(rule: str, usually: str = "error") -> str:
    """Return the level that the organisation gives a rule, or else the one that it usually has."""
    return LEVELS.get(rule, usually)
