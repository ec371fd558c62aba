"""Rules on the manifests of `kubernetes@1`, which have literal values of the spec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.check.rules.repository import is_declined
from meshwright.core.yaml import Document, inside, parse, read_text
from meshwright.product.files import COMMAND, KUBERNETES_VALUES, KUSTOMIZATION, SPEC
from meshwright.product.kubernetes_values import on_kubernetes, schedules, values, values_file
from meshwright.product.problem import Problem

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class KubernetesValuesAgree(Rule):
    """The values that Kustomize takes are those of the spec.

    Kustomize reads no other files than manifests, so the product's name, domain, owner, schedule, image and sizes have to be
    in `infra/kubernetes/values.yaml` too. A command writes it.
    """

    broken = {
        SPEC: {
            "spec": {
                "infrastructure": {
                    "uses": "kubernetes@1",
                    "properties": {
                        "region": None,
                        "image": "registry.example.org/departures",
                        "cpu": "1",
                        "memory": "2Gi",
                        "storage": "10Gi",
                    },
                }
            }
        },
        KUBERNETES_VALUES: "apiVersion: v1\nkind: ConfigMap\n",
    }

    def check(self, root: Path, spec: Document, answers: dict[str, Any]) -> Iterator[Problem]:
        named = values(spec) if on_kubernetes(spec) else None
        if named is None or not inside(root, KUBERNETES_VALUES) or is_declined(KUBERNETES_VALUES, answers):
            return  # left to the schema, to ScheduleValid, to CapabilityInstalled, and to the team
        actual = read_text(root, KUBERNETES_VALUES).replace("\r\n", "\n").split("\n")
        desired = values_file(named).split("\n")
        command = f"run `{COMMAND} export kubernetes --output {KUBERNETES_VALUES}`."
        if len(actual) == len(desired):
            for number, (line, other) in enumerate(zip(actual, desired, strict=True), 1):
                if line != other:
                    detail = f"It says `{line.strip()}`, but {SPEC} says `{other.strip()}`."
                    fix = f"Write `{other.strip()}` here, or {command}"
                    yield Problem(KUBERNETES_VALUES, (), detail, fix, number)
        else:
            pairs = enumerate(zip(actual, desired, strict=False), 1)
            first = next((number for number, (line, other) in pairs if line != other), len(actual) or 1)
            yield Problem(
                KUBERNETES_VALUES, (), "It is not what follows from the spec.", f"R{command[1:]}", first
            )


class KubernetesImagePinned(Rule):
    """The image that runs in the cluster is named by its digest.

    The spec says which image it is, and Kustomize takes its digest alone: a tag or another name in `images` is dropped in
    silence, and what runs then is the newest image that there is.
    """

    broken = {
        SPEC: KubernetesValuesAgree.broken[SPEC],
        KUSTOMIZATION: "resources: [base]\nimages:\n  - {name: product, newTag: v1}\n",
    }

    def check(self, root: Path, spec: Document, answers: dict[str, Any]) -> Iterator[Problem]:
        if not on_kubernetes(spec) or not inside(root, KUSTOMIZATION) or is_declined(KUSTOMIZATION, answers):
            return
        kustomization = parse(KUSTOMIZATION, read_text(root, KUSTOMIZATION))
        for keys, image in kustomization.items("images"):
            if image.get("name") == spec.get("spec.infrastructure.properties.image"):
                detail = f"An image is called product here, so that this entry of {image.get('name')} has no effect."
                yield Problem(kustomization, (*keys, "name"), detail, "Write `name: product`.")
            if image.get("name") != "product":
                continue
            for key in image.keys() & {"newTag", "newName", "tagSuffix"}:
                detail = f"{key} of the image has no effect."
                fix = "Remove it, and write the `digest` of the image; its name is in spec.infrastructure.properties.image."
                yield Problem(kustomization, (*keys, key), detail, fix)
            digest = image.get("digest")
            if not (isinstance(digest, str) and DIGEST.fullmatch(digest)):
                detail = "The image has no digest, so that the newest one would run, or none."
                fix = "Write `digest: sha256:…`, as `docker buildx imagetools inspect` prints it, or as CI has pushed it."
                yield Problem(kustomization, keys, detail, fix)


class KubernetesRunsOneSchedule(Rule):
    """A product that runs on Kubernetes has at most one schedule.

    A CronJob has one cron expression; a second schedule would start no run there.
    """

    broken = {
        SPEC: {
            "spec": {
                "infrastructure": KubernetesValuesAgree.broken[SPEC]["spec"]["infrastructure"],
                "traits": [
                    {"uses": "schedule@1", "properties": {"cron": "0 5 * * *"}},
                    {"uses": "schedule@1", "properties": {"cron": "0 17 * * *"}},
                ],
            }
        }
    }

    def check(self, spec: Document) -> Iterator[Problem]:
        crons = schedules(spec)
        if on_kubernetes(spec) and len(crons) > 1:
            _, second, *_ = (
                keys
                for keys, item in spec.items("spec.traits")
                if str(item.get("uses")).startswith("schedule@")
            )
            detail = f"The CronJob starts at {crons[0]!r} only; the spec has {len(crons)} schedules."
            fix = 'Keep one schedule, with all times in its cron (such as "0 5,17 * * *").'
            yield Problem(spec, second, detail, fix)
