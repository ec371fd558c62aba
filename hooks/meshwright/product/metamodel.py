"""The settings that an organisation may change when it forks Meshwright, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

HOME = ""
"""Address of the documentation, if a product's answers do not say which template it comes from; a fork sets it. Empty: nobody has
said where it is, and no finding names a page there."""

LEVELS: dict[str, str] = {}
"""Rule id -> `error`, `warning`, `note` or `off`; other rules have the level on their page, usually error.

An attribute whose rule is `off` or a `warning` is no longer mandatory in the schema either.
"""

CLASSIFICATIONS = ("public", "internal", "confidential", "secret")
"""From least to most sensitive."""

OPEN_UP_TO = "internal"
"""The most sensitive classification that a product with open access may have."""

REVIEW_APPROVES = ("public", "internal")
"""The classifications to which access may be approved by review of a pull request; for others, approvers sign.

Empty: by signature only, whatever a product's access/approvers.yaml says.
"""

TYPES = ("source-oriented", "consumer-oriented")

INDICATORS = {
    # indicator -> units of its objective, direction of its objective (empty: both), whether it needs a column
    "freshness": (("s", "m", "h", "d"), "<", None),
    "completeness": (("%",), ">", True),
    "volume": (("rows",), ">", False),
    "duration": (("s", "m", "h", "d"), "<", False),
    "volume-change": (("%",), "", False),
    "schema-stability": (("changes",), "<", False),
    "availability": (("%",), ">", False),
}
"""The service level indicators that a product's pipeline measures."""

TARGETS = (50, 366)
"""Of a service level over time: the lowest target in per cent, and the longest window in days."""

GOVERNANCE = ("governance@example.org",)
"""Who may approve that a product breaks a rule for a while: addresses, as `approvedBy` of an exception has them."""

LONGEST_EXCEPTION_DAYS = 366
"""An exception ends at the latest so many days from now."""

LONGEST_AGREEMENT_DAYS = 365
"""An agreement lasts so many days at the most, unless its role in access/policy.yaml says `maxDays`."""

LONGEST_AGREEMENT_SINCE = datetime(2026, 11, 30, tzinfo=UTC)
"""Since when there is such a default. An agreement that began before counts its days from then on, so that nothing in force
ends without notice."""

AGREEMENTS_REQUIRED_FROM = ""
"""The day, such as `2027-03-31`, from which a product reads another one that requires approval only under an agreement:
until then a missing agreement is a warning, from then on an error, and the catalog no longer lists where the data sets of
such products themselves are. Empty: no such day is set."""

NEVER_EXCEPTED = {
    "AccessModeChosen", "AccessPolicyPublished", "AccessTestsAboutPolicy", "AgreementAboutProduct",
    "AgreementEnds", "AgreementForRole", "AgreementNamedAsFile", "AgreementNamesReaders", "AgreementReferenced",
    "AgreementVersionNamed", "ApproverForEachCapacity", "ApproversAreDifferentPeople", "BreakGlassEnds", "BreakingChangeIsMajor",
    "ClassificationGiven", "ClassificationKept", "ClearanceInOrder", "ColumnNotAboveProduct", "DecisionOpen",
    "ExceptionValid", "GovernancePlaceholderReplaced", "NamesNotMistaken", "NoPasswordInUrl", "NoSecretCommitted", "OpenAccessFits",
    "OwnerAndStewardNamed", "OwnerReviews", "Readable", "ReadersNotWidened", "RightsNotWidened",
    "RowsOfPromisedColumns", "SecretsByReference", "Shape", "TeamRegoOnlyDenies",
}  # fmt: skip
"""Rules that no exception suspends: on secrets, access, classification and who answers for it, and on what must be
readable for any other rule to be checked."""

FILLERS = r"\b(?:todo|tbd|fixme|xxx+|n/a|na|none|change-?me|lorem|ipsum)\b"
"""Placeholders that people write instead of prose."""


@dataclass(frozen=True)
class Mandatory:
    """Mandatory attributes of the spec."""

    promise: str
    attributes: tuple[str, ...]
    """Dotted paths, each after its parent."""
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
        "The product has a purpose that people outside the team understand.",
        ("spec.description", "spec.description.purpose"),
        "Write spec.description.purpose: what the product is for, in a sentence.",
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
        "The product is open to everybody, or its owner approves each consumer.",
        ("spec.access.mode",),
        "Give spec.access.mode: `open` or `approval-required`.",
    ),
    "AccessPolicyPublished": Mandatory(
        "The product publishes its data access policy: who may read it, and who may not.",
        ("spec.access.policy",),
        "Give spec.access.policy, such as `policy: access/policy.yaml`.",
    ),
    "ClassificationGiven": Mandatory(
        "The product has a classification: how sensitive its data set is.",
        ("spec.classification",),
        "Give spec.classification: public, internal, confidential or secret.",
    ),
    "DistributionRightsGiven": Mandatory(
        "The product states whether consumers may pass its data on to third parties, modified or unmodified.",
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
        "Add one to spec.outputs; `meshwright capabilities` lists the types.",
    ),
    "TypeGiven": Mandatory(
        "The product has a type: source-oriented or consumer-oriented.",
        ("spec.type",),
        "Give spec.type: source-oriented or consumer-oriented.",
    ),
}
"""Rule id -> its attributes: the twelve that every data product must have. The schema and the rules are made from it."""


def agreements_required(today: date) -> bool:
    """Return True from the day on which reading without an agreement is an error."""
    return bool(AGREEMENTS_REQUIRED_FROM) and today >= date.fromisoformat(AGREEMENTS_REQUIRED_FROM)


def level(rule: str, usually: str = "error") -> str:
    """Return the level set by the organisation for a rule, or else its default."""
    return LEVELS.get(rule, usually)
