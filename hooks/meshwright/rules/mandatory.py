"""The twelve attributes that every data product has."""

from __future__ import annotations

from meshwright.rules import Mandatory

SPEC = "data-product.yaml"


class NameGiven(Mandatory):
    """The product has a name, unique in its domain."""

    attributes = ("metadata.name",)
    mend = "Give metadata.name, such as `name: departures`."
    broken = {SPEC: {"metadata": {"name": None}}}


class DomainGiven(Mandatory):
    """The product belongs to one business domain."""

    attributes = ("metadata.domain",)
    mend = "Give metadata.domain, such as `domain: airport-operations`."
    broken = {SPEC: {"metadata": {"domain": None}}}


class DescriptionGiven(Mandatory):
    """The product says what it is for, in words that somebody outside the team understands."""

    attributes = ("spec.description", "spec.description.purpose")
    mend = "Write spec.description.purpose: what it is for, in a sentence."
    broken = {SPEC: {"spec": {"description": None}}}


class OwnerAndStewardNamed(Mandatory):
    """The product has an owner, who is its first point of contact and approves access, and a steward."""

    attributes = (
        "spec.owner",
        "spec.owner.name",
        "spec.owner.email",
        "spec.steward",
        "spec.steward.name",
        "spec.steward.email",
    )
    mend = "Name a person and an address, such as `{name: Ada Example, email: ada@example.org}`; one person may be both."
    broken = {SPEC: {"spec": {"owner": None}}}


class AgreementReferenced(Mandatory):
    """The product has a data sharing agreement: the terms that a consumer accepts."""

    attributes = (
        "spec.dataSharingAgreement",
        "spec.dataSharingAgreement.document",
        "spec.dataSharingAgreement.version",
    )
    mend = "Give spec.dataSharingAgreement its document and version."
    broken = {SPEC: {"spec": {"dataSharingAgreement": None}}}


class AccessModeChosen(Mandatory):
    """The product says whether everybody may read it or the owner approves each consumer."""

    attributes = ("spec.access.mode",)
    mend = "Give spec.access.mode: `open` or `approval-required`."
    broken = {SPEC: {"spec": {"access": {"mode": None}}}}


class AccessPolicyPublished(Mandatory):
    """The product publishes its data access policy: who may read it, and who may not."""

    attributes = ("spec.access.policy",)
    mend = "Give spec.access.policy, such as `policy: access/policy.yaml`."
    broken = {SPEC: {"spec": {"access": {"policy": None}}}}


class ClassificationGiven(Mandatory):
    """The product says how sensitive its data set is."""

    attributes = ("spec.classification",)
    mend = "Give spec.classification: public, internal, confidential or secret."
    broken = {SPEC: {"spec": {"classification": None}}}


class DistributionRightsGiven(Mandatory):
    """The product says whether consumers may pass its data to third parties, modified or as it is."""

    attributes = (
        "spec.distributionRights",
        "spec.distributionRights.modified",
        "spec.distributionRights.unmodified",
    )
    mend = "Give spec.distributionRights both `modified` and `unmodified`: allowed or forbidden."
    broken = {SPEC: {"spec": {"distributionRights": {"unmodified": None}}}}


class ServiceLevelsGiven(Mandatory):
    """The product promises at least one service level (SLO), and names the indicator (SLI) that measures it."""

    attributes = ("spec.serviceLevels",)
    mend = (
        'Add one to spec.serviceLevels, such as `{name: fresh, indicator: freshness, objective: "<= 24h"}`.'
    )
    broken = {SPEC: {"spec": {"serviceLevels": []}}}


class PortsGiven(Mandatory):
    """The product has at least one output port: the way in which its data set is delivered."""

    attributes = ("spec.outputs",)
    mend = "Add one to spec.outputs; `meshwright capabilities` lists what there is."
    broken = {SPEC: {"spec": {"outputs": []}}}


class TypeGiven(Mandatory):
    """The product is source-oriented or consumer-oriented, and says so."""

    attributes = ("spec.type",)
    mend = "Give spec.type: source-oriented or consumer-oriented."
    broken = {SPEC: {"spec": {"type": None}}}
