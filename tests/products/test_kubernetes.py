"""`infra/kubernetes/`: what Kustomize makes of it, and whether Kubernetes and those who look at it closely take that.

kubectl, Kubernetes' schemas and checkov come from PyPI. Nothing here is applied: there is no cluster.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT
from children import children_environment
from products import BIN, Make, findings
from tool_environments import KUBECTLS, infra_tools, kubernetes_tools

from meshwright.adopt.at_root import workflows
from meshwright.product.files import KUBERNETES_VALUES
from meshwright.product.kubernetes_values import values_file
from meshwright.product.registry import find

BASE = ROOT / "blueprints/infrastructure/kubernetes/infra/kubernetes/base"
DIGEST = "sha256:" + "5" * 64
OURS = {"CronJob", "ConfigMap", "NetworkPolicy", "PersistentVolumeClaim", "ServiceAccount"}

Tools = dict[str, Path]
Manifests = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def kubernetes() -> Tools:
    return kubernetes_tools()


@pytest.fixture(scope="session")
def product(make: Make) -> Path:
    """A product that runs on Kubernetes, on GitHub. Only to be read."""
    return make("on-kubernetes", infrastructure="kubernetes", traits=["schedule"])


@pytest.fixture(scope="session")
def on_gitlab(make: Make) -> Path:
    """The same on GitLab, with the longest names and without a schedule."""
    long = {"product_name": "a" * 40, "domain": "b" * 40, "owner_email": "o.p+x_1%2@mail-1.example.org"}
    return make("on-kubernetes", infrastructure="kubernetes", forge="gitlab", traits=[], **long)


@pytest.fixture(scope="session")
def waiting(make: Make) -> Path:
    """One that runs when its inputs are ready."""
    return make("waiting", infrastructure="kubernetes", type="consumer-oriented", traits=["trigger"])


def built(kubectl: Path, folder: Path) -> str:
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # a deprecation of a newer version is a warning
    return done.stdout


def manifests(text: str) -> Manifests:
    """Return the manifests by their kind, of which there is one each."""
    every = list(yaml.safe_load_all(text))
    assert len({one["kind"] for one in every}) == len(every)
    return {one["kind"]: one for one in every}


@pytest.fixture(scope="session")
def rendered(kubernetes: Tools, product: Path) -> str:
    return built(kubernetes["newest"], product / "infra/kubernetes")


def test_a_fresh_product_keeps_the_metamodel(product: Path, on_gitlab: Path, waiting: Path) -> None:
    assert findings(product) == findings(on_gitlab) == []
    assert {finding.rule for finding in findings(waiting)} <= {"ReadsUnderAgreement"}


def test_what_is_no_values_file_is_the_same_in_every_product(product: Path) -> None:
    entry = find("infrastructure", "kubernetes@1")
    assert entry
    for path in set(entry.files) - set(entry.templated):
        if path.startswith("infra/"):
            assert (product / path).read_text("utf-8") == (entry.folder / path).read_text("utf-8")


@pytest.mark.parametrize("version", KUBECTLS)
def test_the_oldest_kubectl_builds_what_the_newest_does(
    version: str, kubernetes: Tools, product: Path, on_gitlab: Path, rendered: str
) -> None:
    assert built(kubernetes[version], product / "infra/kubernetes") == rendered
    idle = manifests(built(kubernetes[version], on_gitlab / "infra/kubernetes"))["CronJob"]
    assert idle["spec"]["suspend"] is True and len(idle["metadata"]["name"]) == 52


def test_a_run_is_nobody_in_particular_and_writes_to_two_folders(rendered: str) -> None:
    built_manifests = manifests(rendered)
    assert built_manifests.keys() == OURS
    job = built_manifests["CronJob"]["spec"]
    assert (job["schedule"], job["suspend"], job["timeZone"]) == ("0 5 * * *", False, "Etc/UTC")
    assert job["concurrencyPolicy"] == "Forbid" and job["startingDeadlineSeconds"] == 3600
    pod = job["jobTemplate"]["spec"]["template"]["spec"]
    user = re.search(r"USER (\d+):(\d+)", (ROOT / "template/Containerfile").read_text("utf-8"))
    assert user and [pod["securityContext"][key] for key in ("runAsUser", "fsGroup")] == [
        *map(int, user.groups())
    ]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert built_manifests["ServiceAccount"]["automountServiceAccountToken"] is False
    (run,) = pod["containers"]
    assert run["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in run["volumeMounts"]} == {"/product/build", "/tmp"}  # noqa: S108
    assert run["resources"]["limits"] == run["resources"]["requests"] == {"cpu": "1", "memory": "2Gi"}
    assert run["image"] == f"registry.invalid/product@sha256:{'0' * 64}"
    policy = built_manifests["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"] and policy["ingress"] == []
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 443}
    assert policy["podSelector"]["matchLabels"].items() <= job["jobTemplate"]["spec"]["template"]["metadata"]["labels"].items()  # fmt: skip
    assert "kind: Secret" not in rendered


VALIDATE = """
import sys, yaml, kubernetes_validate
for text in sys.stdin.read().split("\\n# next\\n"):
    for manifest in yaml.safe_load_all(text):
        for version in sys.argv[1:]:
            kubernetes_validate.validate(manifest, version, strict=True)
"""


def assert_valid(kubernetes: Tools, *texts: str) -> None:
    command = [kubernetes["python"], "-c", VALIDATE, "1.27", "1.30", "1.37"]
    done = subprocess.run(command, input="\n# next\n".join(texts), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_checkov_finds_nothing_and_each_skip_has_its_reason(rendered: str, tmp_path: Path) -> None:
    (tmp_path / "rendered.yaml").write_text(rendered, "utf-8")
    command = [infra_tools() / "checkov", "-f", tmp_path / "rendered.yaml", "--framework", "kubernetes", "--skip-download", "-o", "json"]  # fmt: skip
    report = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    assert report["results"]["parsing_errors"] == []
    assert [f"{check['check_id']} {check['resource']}" for check in report["results"]["failed_checks"]] == []
    assert report["summary"]["passed"] > 80
    for check in report["results"]["skipped_checks"]:
        assert len(check["check_result"]["suppress_comment"].split()) > 4, check["check_id"]


# -- values ------------------------------------------------------------------------------------------------------------

VALUES = {
    "name": "the-name",
    "namespace": "the-namespace",
    "product": "the-product",
    "domain": "the-domain",
    "owner": "ada@example.org",
    "schedule": "*/5 1 2 3 4",
    "suspend": "false",
    "arguments": "--if-ready",
    "image": "registry.example.org:5000/the/image",
    "cpu": "7",
    "memory": "7Gi",
    "storage": "77Gi",
}
HOSTILE = [
    {"name": "no--null", "namespace": "null", "product": "null", "domain": "no"},
    {"name": "y--on", "namespace": "1e3", "product": "on", "domain": "y"},
    {"name": "e1--n", "namespace": "0x10", "product": "n", "domain": "e1"},
    {"name": "a" * 52, "namespace": "b" * 63, "product": "c" * 63, "domain": "d" * 63},
    {"owner": "o'hara+%s@example.org", "schedule": "* * * * *", "cpu": "500m", "memory": "1Ti"},
    {"schedule": "0 0 1 jan-jun sun,WED", "suspend": "true", "arguments": "", "image": "a.b/c__d/e--f"},
]


def texts(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict | list):
        for key, below in node.items() if isinstance(node, dict) else enumerate(node):
            yield from texts(below, f"{path}.{key}")
    else:
        yield path, node


def test_each_value_is_wherever_it_has_to_be(kubernetes: Tools, product: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(product / "infra/kubernetes", tmp_path / "kubernetes"))
    (folder / "values.yaml").write_text(values_file(VALUES), "utf-8")
    built_manifests = manifests(built(kubernetes["newest"], folder))
    for kind, manifest in built_manifests.items():
        assert (manifest["metadata"]["name"], manifest["metadata"]["namespace"]) == (
            "the-name",
            "the-namespace",
        ), kind
        for path, text in texts(manifest):
            assert text not in ("product", "owner", "variables", "1Gi", "0 0 1 1 *"), (kind, path)
    leaves = [text for manifest in built_manifests.values() for _, text in texts(manifest)]
    times = {value: leaves.count(value) for value in VALUES.values()}
    assert (
        times
        == {
            "the-name": 9,  # of five manifests, of the account and the claim, and of what a run takes its variables from
            "the-namespace": 5,
            "the-product": 7,
            "the-domain": 7,
            "ada@example.org": 6,
            "*/5 1 2 3 4": 1,
            "false": 0,  # it is no text there
            "--if-ready": 1,
            "registry.example.org:5000/the/image": 0,  # with a digest
            "7": 2,
            "7Gi": 2,
            "77Gi": 1,
        }
    )
    assert f"registry.example.org:5000/the/image@sha256:{'0' * 64}" in leaves


def test_what_yaml_reads_otherwise_stays_a_text(kubernetes: Tools, product: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(product / "infra/kubernetes", tmp_path / "kubernetes"))
    made = []
    for case in HOSTILE:
        changed = VALUES | case
        (folder / "values.yaml").write_text(values_file(changed), "utf-8")
        per_version = {built(kubernetes[version], folder) for version in KUBECTLS}
        assert len(per_version) == 1
        made += per_version
        built_manifests = manifests(made[-1])
        for manifest in built_manifests.values():
            assert manifest["metadata"]["namespace"] == changed["namespace"]
            assert manifest["metadata"]["name"] == changed["name"]
        job = built_manifests["CronJob"]
        labels = {
            "app.kubernetes.io/name": changed["product"],
            "app.kubernetes.io/part-of": changed["domain"],
        }
        assert job["metadata"]["labels"] == labels
        assert job["spec"]["schedule"] == changed["schedule"]
        assert job["spec"]["suspend"] is (changed["suspend"] == "true")
    assert_valid(kubernetes, *made)


def test_a_team_adds_to_it_and_its_values_have_the_last_word(
    kubernetes: Tools, product: Path, tmp_path: Path
) -> None:
    """What the guide says: a policy, a patch, a digest."""
    page = (ROOT / "docs/how-to/run-on-kubernetes.md").read_text("utf-8")
    folder = Path(shutil.copytree(product / "infra/kubernetes", tmp_path / "kubernetes"))
    blocks = dict(re.findall(r"```yaml\n# (\S+?)(?:, at its end)?\n(.*?)```", page, re.DOTALL))
    assert blocks.keys() == {"infra/kubernetes/kustomization.yaml", "infra/kubernetes/database.yaml"}
    kustomization = (folder / "kustomization.yaml").read_text("utf-8").replace("0" * 64, "5" * 64)
    kustomization = kustomization.replace("  - variables.yaml\n", "  - variables.yaml\n  - database.yaml\n")
    patches = blocks["infra/kubernetes/kustomization.yaml"]
    (folder / "kustomization.yaml").write_text(kustomization + patches, "utf-8")
    (folder / "database.yaml").write_text(blocks["infra/kubernetes/database.yaml"], "utf-8")
    for version in KUBECTLS:
        every = list(yaml.safe_load_all(built(kubernetes[version], folder)))
        (job,) = (one for one in every if one["kind"] == "CronJob")
        run = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
        assert run["image"] == f"registry.invalid/product@{DIGEST}"
        assert job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 21600
        (account,) = (one for one in every if one["kind"] == "ServiceAccount")
        assert account["metadata"]["annotations"].keys() == {"meshwright/owner", "eks.amazonaws.com/role-arn"}
        assert {one["metadata"]["name"] for one in every} == {
            "airport-operations--departures",
            "departures-database",
        }
        assert_valid(kubernetes, yaml.safe_dump_all(every))


# -- CI ----------------------------------------------------------------------------------------------------------------

CLIENT = """#!/bin/bash
echo "$(basename "$0") $*" >> "$CALLS"
case "$(basename "$0") $*" in
  "docker image inspect "*) echo "$IMAGE@$DIGEST" ;;
  "docker login "* | "buildah login "*) cat > "$CALLS.password" ;;
  "buildah "*" push "*) echo -n "$DIGEST" > build/image-digest ;;
  "docker run "* | "buildah "*" run "*) echo "{}" ;;
  "kubectl kustomize "*) exec "$REAL" "$@" ;;
  kubectl*) cp "${!#}" "$CALLS.applied" ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path, kubernetes: Tools) -> dict[str, str]:
    """The variables of a machine whose clients of registries and clusters keep what they are called with."""
    (tmp_path / "bin").mkdir()
    for name in ("docker", "buildah", "kubectl", "apt-get"):
        (tmp_path / "bin" / name).write_text(CLIENT)
        (tmp_path / "bin" / name).chmod(0o755)
    variables = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "REAL": str(kubernetes["newest"]),
        "DIGEST": DIGEST,
        "IMAGE": "registry.example.org/b/a",
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_SHA": "abc",
        "CI_COMMIT_SHA": "abc",
        "CI_REGISTRY_USER": "a-job",
        "CI_REGISTRY_PASSWORD": "its token",
        "REGISTRY_USER": "pusher",
        "REGISTRY_PASSWORD": "a 'password'",
        "CONFIG": "a kubeconfig",
        "CONTEXT": "a context",
        "KUBERNETES_CONTEXT": "a context",
    }
    return children_environment(**variables)


def scripts(product: Path) -> list[str]:
    """Return what pushes the image and what applies, of the forge that the product has."""
    github = product / ".github/workflows/kubernetes.yml"
    if github.exists():
        steps = yaml.safe_load(github.read_text("utf-8"))["jobs"]["deploy"]["steps"]
        return [step["run"] for step in steps if "run" in step]
    jobs = yaml.safe_load((product / ".gitlab/ci/kubernetes.yml").read_text("utf-8"))
    return ["\n".join(jobs[name]["script"]) for name in ("push-image", "deploy")]


@pytest.mark.parametrize("forge", ["product", "on_gitlab"])
def test_ci_applies_the_image_that_it_pushed(
    forge: str, machine: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root = Path(shutil.copytree(request.getfixturevalue(forge), tmp_path / "product"))
    if forge == "on_gitlab":  # its machine has no docker
        machine = {**machine, "ENGINE": "buildah --storage-driver vfs"}

    def bash(script: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-e", "-o", "pipefail", "-c", script]
        return subprocess.run(command, cwd=root, env=machine, capture_output=True, text=True)

    push, apply = scripts(root)
    refused = bash(push)  # nobody has said where the image goes
    assert refused.returncode == 1 and "data-product.yaml" in refused.stdout
    assert not (tmp_path / "calls").exists()
    file = root / KUBERNETES_VALUES
    file.write_text(file.read_text("utf-8").replace("registry.invalid/product", machine["IMAGE"]), "utf-8")
    for script in (push, apply):
        done = bash(script)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "calls.password").read_text().strip() == "a 'password'"
    assert "--password-stdin registry.example.org\n" in (tmp_path / "calls").read_text()
    assert (
        "kubectl --context a context apply --server-side --filename build/deploy.yaml\n"
        in (tmp_path / "calls").read_text()
    )
    job = manifests((tmp_path / "calls.applied").read_text())["CronJob"]
    (run,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert run["image"] == f"{machine['IMAGE']}@{DIGEST}"
    assert (root / "build/sbom.cdx.json").read_text("utf-8") == "{}\n"
    if forge == "product":  # what the next step attests
        assert (tmp_path / "output").read_text("utf-8") == f"name={machine['IMAGE']}\ndigest={DIGEST}\n"


def test_no_job_runs_before_somebody_names_a_cluster(product: Path, on_gitlab: Path) -> None:
    jobs = yaml.safe_load((product / ".github/workflows/kubernetes.yml").read_text("utf-8"))["jobs"]
    for job in jobs.values():
        assert re.fullmatch(r"vars\.KUBERNETES_CONTEXT( && .*)?", job["if"]) and "||" not in job["if"]
    jobs = yaml.safe_load((on_gitlab / ".gitlab/ci/kubernetes.yml").read_text("utf-8"))
    for name in ("kubernetes-validate", "push-image", "deploy"):
        for rule in jobs[name]["rules"]:
            assert all(part.startswith("$KUBERNETES_CONTEXT && ") for part in rule["if"].split(" || "))


def test_both_forges_and_zizmor_know_the_workflows(product: Path, on_gitlab: Path) -> None:
    check = [BIN / "check-jsonschema", "--builtin-schema"]
    for command in (
        [*check, "vendor.github-workflows", product / ".github/workflows/kubernetes.yml"],
        [*check, "vendor.gitlab-ci", "--data-transform", "gitlab-ci", on_gitlab / ".gitlab/ci/kubernetes.yml"],
        [BIN / "zizmor", "--offline", "--no-progress", "--persona", "auditor", product / ".github/workflows/kubernetes.yml"],
    ):  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_in_a_folder_of_a_repository_it_applies_what_is_there(product: Path) -> None:
    path = ".github/workflows/kubernetes.yml"
    ((name, text),) = workflows({path: (product / path).read_text("utf-8")}, "shop", "data/shop").items()
    workflow = yaml.safe_load(text)
    assert name == ".github/workflows/shop-kubernetes.yml"
    assert workflow["defaults"]["run"]["working-directory"] == "data/shop"
    paths = workflow[True]["pull_request"]["paths"]  # YAML 1.1 reads `on` so
    assert paths[0] == "data/shop/infra/kubernetes/**" and paths[-1] == name
