"""The values that Kustomize needs as literals (`kubernetes@1`), as they follow from a spec."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from typing import Any

import jsonschema_rs

from meshwright.core.yaml import Document
from meshwright.product import registry
from meshwright.product.cron import as_kubernetes_reads
from meshwright.product.files import KUBERNETES_VALUES

CAPABILITY = "kubernetes@1"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
EMAIL = re.compile(r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+")
LONGEST = 52
"""Characters of a CronJob's name: a job's name adds 11 to it, and is a label of its pods."""
NEVER = "0 0 1 1 *"
"""The schedule of a suspended CronJob, which has to have one."""


def on_kubernetes(spec: Document) -> bool:
    """Return True if the product runs on Kubernetes, by this capability."""
    uses = spec.get("spec.infrastructure.uses")
    return uses == CAPABILITY and registry.find("infrastructure", CAPABILITY) is not None


@cache
def _capability() -> registry.Capability:
    entry = registry.find("infrastructure", CAPABILITY)
    assert entry, "the registry and this module are of one version"
    return entry


@cache
def _properties() -> Any:
    return jsonschema_rs.validator_for(_capability().properties)


def values(spec: Document) -> dict[str, str] | None:
    """Return the values of a product; None if what they follow from is not valid, which other rules report."""
    given = spec.get("spec.infrastructure.properties")
    name, domain, email = (spec.get(at) for at in ("metadata.name", "metadata.domain", "spec.owner.email"))
    if not _properties().is_valid(given):
        return None
    if not all(isinstance(text, str) and NAME.fullmatch(text) and len(text) <= 63 for text in (name, domain)):
        return None
    if not (isinstance(email, str) and EMAIL.fullmatch(email)):
        return None
    asking = schedules(spec, "trigger")
    try:
        crons = [as_kubernetes_reads(cron) for cron in (*schedules(spec), *asking)]
    except ValueError:
        return None
    return {
        "name": shortened(f"{domain}--{name}"),
        "namespace": given.get("namespace", namespace(domain)),
        "product": name,
        "domain": domain,
        "owner": email,
        "schedule": crons[0] if crons else NEVER,
        "suspend": "false" if crons else "true",
        "arguments": "--if-ready" if asking else "",
        **{key: str(given[key]) for key in ("image", "cpu", "memory", "storage")},
    }


def schedules(spec: Document, trait: str = "schedule") -> list[str]:
    """Return the cron expressions of the traits of this name, in their order; none where an orchestrator starts the runs."""
    uses = [str(item.get("uses")) for _, item in spec.items("spec.traits")]
    if any(entry and entry.replaces for entry in (registry.find("traits", one) for one in uses)):
        return []
    crons: list[Any] = [
        item["properties"].get("cron")
        for _, item in spec.items("spec.traits")
        if str(item.get("uses")).startswith(f"{trait}@") and isinstance(item.get("properties"), dict)
    ]
    return [cron for cron in crons if isinstance(cron, str)]


def shortened(name: str) -> str:
    """Return a name that fits; a hash replaces the end of a longer one, so that two stay two."""
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 9].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def namespace(domain: str) -> str:
    """Return the namespace of a domain, which is never one of the cluster's own."""
    return f"data-{domain}" if domain == "default" or domain.startswith("kube-") else domain


def values_file(named: dict[str, str]) -> str:
    """Return the text of the values file."""
    head, data, _ = (_capability().folder / KUBERNETES_VALUES).read_text("utf-8").partition("\ndata:\n")
    return head + data + "".join(f"  {key}: {json.dumps(value)}\n" for key, value in named.items())
