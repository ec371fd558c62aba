"""The product's image, and that every place which runs a product starts it in the same way."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from image import Container, Image
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from products import BUILD, Make, every, uv

ENTRY_POINT = ["python", "-m", "pipeline"]
INSTALLED = """
import json, sysconfig, importlib.metadata as metadata
from packaging.markers import default_environment
folder = sysconfig.get_path("purelib")
versions = {each.metadata["Name"]: each.version for each in metadata.distributions(path=[folder])}
print(json.dumps([versions, default_environment()]))
"""
MAY_WRITE = {"/tmp", "/product/build"}  # noqa: S108
WRITABLE = (
    "find / -xdev -writable -not -type l -not -path '/proc/*' -print; touch /product/build/own /tmp/own"
)


def store(product: Path) -> Path:
    """The folder of an image's layers, kept for as long as what a product needs is the same; the product gets its lock file."""
    key = hashlib.sha256((product / "pyproject.toml").read_bytes()).hexdigest()[:12]
    folder = BUILD / f"image-{key}"
    if not (folder / "uv.lock").exists():
        uv("lock", "--quiet", cwd=product)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(product / "uv.lock", folder)
    shutil.copy(folder / "uv.lock", product)
    return folder


def locked(product: Path, environment: dict[str, str]) -> dict[str, str]:
    """Package -> version that uv.lock has for an environment."""
    options = ["--locked", "--no-dev", "--no-hashes", "--no-header", "--no-annotate", "--no-emit-project"]
    lines = uv("export", "--quiet", *options, cwd=product).stdout.splitlines()
    requirements = [Requirement(line) for line in lines]
    return {
        requirement.name: str(requirement.specifier).removeprefix("==")
        for requirement in requirements
        if not requirement.marker or requirement.marker.evaluate(environment)
    }


def listed(container: Container, environment: dict[str, str]) -> dict[str, str]:
    """Package -> version that the image's list of materials has for an environment."""
    materials = json.loads((container.root / "opt/product/sbom.cdx.json").read_text("utf-8"))
    assert (materials["bomFormat"], materials["specVersion"]) == ("CycloneDX", "1.5")
    found = {}
    for component in materials["components"]:
        properties = {each["name"]: each["value"] for each in component.get("properties", [])}
        marker = properties.get("uv:package:marker")
        if not marker or Marker(marker).evaluate(environment):
            found[component["name"]] = component["version"]
    return found


def test_the_image_has_the_locked_versions_and_runs_read_only(make: Make, tmp_path: Path) -> None:
    product = make("imaged")
    tmp_path.chmod(0o777)  # the user of the image is none of this machine
    with FileLock(BUILD.parent / "image.lock"):
        image = Image(store(product))
        image.make_base()
        image.build(product)
        with image.container() as container:
            assert container.config["Cmd"] == ENTRY_POINT and "Entrypoint" not in container.config
            python = container.run(tmp_path, "python", "-c", INSTALLED)
            assert python.returncode == 0, python.stderr
            versions, environment = json.loads(python.stdout)
            installed = {canonicalize_name(name): version for name, version in versions.items()}
            assert installed == locked(product, environment) == listed(container, environment)
            assert "pytest" not in installed and len(installed) > 80

            for settings in ("etc/pip.conf", "etc/uv/uv.toml"):  # may hold a password
                assert not (container.root / settings).exists()
            assert container.run(tmp_path, "id", "--user").stdout == "10001\n"
            writable = container.run(tmp_path, "sh", "-c", WRITABLE)
            assert (writable.returncode, set(writable.stdout.split())) == (0, MAY_WRITE)
            ended = container.terminate(tmp_path, "ingest")
            assert ended.returncode == 143, ended.stdout
            assert "Terminated. Every port serves" in ended.stdout

            done = container.run(tmp_path)
            assert done.returncode == 0, done.stdout + done.stderr
            report = json.loads((tmp_path / "run.json").read_text("utf-8"))
            assert report["outcome"] == "published" and report["exitCode"] == 0
            assert (tmp_path / "run.json").stat().st_uid == 10001


STARTS = re.compile(r"\bpython3?\b[\s\"',-]+m\b[\s\"',-]+(\w+)")
"""`python -m NAME`, as words, as a list of JSON or HCL, or as lines of YAML."""
ANYWHERE = {"Containerfile", "README.md"}
ON_FORGES = {
    "github": {".github/workflows/ci.yml", ".github/workflows/pipeline.yml"},
    "gitlab": {".gitlab/ci/check.yml", ".gitlab/ci/pipeline.yml"},
}


@pytest.mark.main
@pytest.mark.parametrize("infrastructure", every("infrastructure"))
def test_every_place_starts_a_product_alike(infrastructure: str, make: Make) -> None:
    forge = "gitlab" if infrastructure == "ci" else "github"
    product = make(f"started-{infrastructure}", infrastructure=infrastructure, forge=forge)
    starts: dict[str, set[str]] = {}
    for path in sorted(product.rglob("*")):
        name = path.relative_to(product).as_posix()
        if path.is_file() and not name.startswith((".meshwright/", "pipeline/", "tests/", "sample_data/")):
            starts[name] = set(STARTS.findall(path.read_text("utf-8", "replace")))
    started = {name: modules for name, modules in starts.items() if modules}
    assert started.keys() >= ANYWHERE | ON_FORGES[forge]
    assert infrastructure == "ci" or any(name.startswith("infra/") for name in started)
    assert set().union(*started.values()) == {"pipeline"}
