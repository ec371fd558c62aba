"""The agreements of the demo's mesh: each product that reads another asks, the owner signs, and it reads in its role."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from demo_access import approvers, commit
from demo_mesh import MESH, Product

from meshwright.access import approve, request

REQUESTER = "bo@example.org"
"""Who asks for the consumers; nobody approves what they have asked for themselves."""


class Agreements:
    """What lets the demo's products read each other. Without ssh-keygen nobody can sign, and they read without."""

    def __init__(self, folder: Path, meshwright: Callable[..., None], say: Callable[[str], None]) -> None:
        self.folder, self.meshwright, self.say = folder, meshwright, say
        self.keys = folder / "keys"
        self.keys.mkdir()
        self.directory = folder / "directory.yaml"
        readers = [product for product in MESH if product.reads]
        principals = {
            f"svc-{product.name}": {"kind": "machine", "name": f"The data product {product.name}"}
            for product in readers
        }
        people = {REQUESTER: {"kind": "human", "name": "Bo Example"}}
        document = {"apiVersion": "meshwright/v1", "kind": "Directory", "principals": principals | people}
        self.directory.write_text(yaml.safe_dump(document | {"groups": {}}), "utf-8")

    def __call__(self, source: Product) -> None:
        """Let everybody in the mesh who reads a product read it, once it has run."""
        readers = [product for product in MESH if source.name in product.reads]
        if not readers or not shutil.which("ssh-keygen"):
            return
        root = self.folder / source.name
        key = self._owners_key(source)
        (root / "access" / "approvers.yaml").write_text(
            approvers(source.answers["owner_name"], source.answers["owner_email"], key), "utf-8"
        )
        commit(root, "The owner approves")
        names = [f"{reader.name}-reads-{source.name}" for reader in readers]
        for reader, name in zip(readers, names, strict=True):
            self._ask(root, reader, name)
        commit(root, "Ask to read")
        for name in names:
            approve.approve(root, [name])
        owner = (source.answers["owner_name"], source.answers["owner_email"])
        commit(root, f"Approve {', '.join(names)}", "-S", key=key.with_suffix(".pub"), by=owner)
        self.say(f"{source.name}: {', '.join(names)}")
        apply = ("access", "apply", "--first", "--directory", self.directory)
        self.meshwright(*apply, cwd=root, stdout=subprocess.DEVNULL)
        for reader, name in zip(readers, names, strict=True):
            self._name(reader, source, name)

    def _owners_key(self, source: Product) -> Path:
        """Return the private key of the product's owner, made when it is needed first."""
        key = self.keys / source.answers["owner_email"].partition("@")[0]
        if not key.exists():
            call = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key.name, "-f", str(key)]
            subprocess.run(call, check=True)
        return key

    def _ask(self, root: Path, reader: Product, name: str) -> None:
        request.request(
            root,
            name,
            "service",
            (f"id:svc-{reader.name}",),
            f"What the data product {reader.name} is made of",
            None,
            datetime.now(UTC).replace(hour=0, minute=0, second=0, tzinfo=None) + timedelta(days=180),
            None,
            reader.domain,
            REQUESTER,
            None,
            str(self.directory),
            f"{reader.domain}/{reader.name}",
        )

    def _name(self, reader: Product, source: Product, name: str) -> None:
        """The consumer's team writes the agreement into its spec."""
        root = self.folder / reader.name
        spec = root / "data-product.yaml"
        before, after = spec.read_text("utf-8").split(f"from: {source.address}\n", 1)
        after = after.replace("properties: {", f"properties: {{agreement: {name}, ", 1)
        spec.write_text(f"{before}from: {source.address}\n{after}", "utf-8")
        commit(root, f"Read {source.name} under an agreement")
