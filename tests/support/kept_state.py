"""A product with a state and nothing else, whose folder is on one machine or another, and places where the state is kept."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import moto
from checkout import ROOT, git
from git_http import git_server

BUCKET = "s3://lake/states"
TOKEN = "one-time"  # noqa: S105 - of a server that lives as long as a test


@contextlib.contextmanager
def pipeline_importable() -> Iterator[None]:
    """Let `pipeline` be the template's own, as long as the context lasts."""
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "pipeline"}
    sys.path.insert(0, str(ROOT / "template"))
    try:
        yield
    finally:
        sys.path.remove(str(ROOT / "template"))
        for name in [name for name in sys.modules if name.split(".")[0] == "pipeline"]:
            del sys.modules[name]
        sys.modules.update(before)


def product_in(folder: Path, *, name: str = "readings", target: str = "", **changes: Any) -> Any:
    """Return a product with incremental@1 in a folder, which a run has made ready."""
    from pipeline.spec import Capability, Product

    (folder / "build" / "scratch").mkdir(parents=True, exist_ok=True)
    (folder / "contract.odcs.yaml").write_text("schema: [{name: readings, properties: [{name: id}]}]\n")
    known: dict[str, Any] = {
        "root": folder,
        "name": name,
        "domain": "utilities",
        "version": "1.0.0",
        "dataset": "readings",
        "contract": folder / "contract.odcs.yaml",
        "inputs": (),
        "transform": Capability("transforms", "dbt@1"),
        "outputs": (),
        "service_levels": (),
        "traits": (Capability("traits", "incremental@1", properties={"partition": "month"}),),
        "classification": "internal",
        "target": target,
    }
    return Product(**{**known, **changes})


def leave(product: Any, text: str, *, is_published: bool = True) -> None:
    """Leave in build/ what a run leaves; `text` is the content of all files."""
    state, build = product.state, product.build
    for file in (state / "warehouse.duckdb", state / "parts" / f"part={text}" / "0.parquet", build / "inputs" / "default.json"):  # fmt: skip
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (state / "metastore" / "tmp").mkdir(parents=True, exist_ok=True)
    with (build / "state" / "history.jsonl").open("a") as history:
        history.write(f"{text}\n")
    record = state / "published.json"
    if is_published:
        record.write_text(json.dumps({"publication": text}))
    else:
        record.unlink(missing_ok=True)


def there(product: Any) -> dict[str, str]:
    """Return what is in the product's state: path below build/ -> text; folders end with `/`."""
    build = product.build
    found = [path for place in ("state", "inputs") for path in sorted((build / place).rglob("*"))]
    return {
        path.relative_to(build).as_posix() + ("/" if path.is_dir() else ""): path.read_text()
        if path.is_file()
        else ""
        for path in found
        if not path.name.startswith(".home-")
    }


@dataclass
class Home:
    """A place for states, and how to get at what is stored there behind the pipeline's back."""

    place: str
    folder: Path

    def clone(self, folder: Path) -> Path:
        """Return a folder of a fresh machine, made ready for a product."""
        folder.mkdir()
        if self.place.startswith("git:"):
            git("init", "--quiet", cwd=folder)
            git("remote", "add", "origin", f"{self._server}/readings.git", cwd=folder)
        return folder

    _server = ""

    def files(self) -> dict[str, bytes]:
        """Return path -> content of all that is stored for the product; numbers of versions are left out."""
        if self.place.startswith("s3:"):
            client = boto3.client("s3")
            keys = [one["Key"] for one in client.list_objects_v2(Bucket="lake", Prefix="states/")["Contents"]]
            return {
                key.split("/", 4)[4]: client.get_object(Bucket="lake", Key=key)["Body"].read() for key in keys
            }
        if self.place.startswith("git:"):
            branch = ("--git-dir", str(self.folder / "readings.git"))
            names = git(*branch, "ls-tree", "-r", "--name-only", "meshwright/state", cwd=self.folder).split()
            return {
                name: git(*branch, "show", f"meshwright/state:{name}", cwd=self.folder).encode()
                for name in names
            }
        base = self.folder / "utilities" / "readings" / "default"
        found = (path for path in base.rglob("*") if path.is_file())
        return {
            path.relative_to(base).as_posix().split(".json.")[0]
            + (".json" if path.name == "content" else ""): path.read_bytes()
            for path in found
        }

    def put(self, name: str, content: bytes | None) -> None:
        """Replace a stored file, or remove it."""
        if self.place.startswith("s3:"):
            client, key = boto3.client("s3"), f"states/utilities/readings/default/{name}"
            client.delete_object(Bucket="lake", Key=key)
            if content is not None:
                client.put_object(Bucket="lake", Key=key, Body=content)
        elif self.place.startswith("git:"):
            work = self.folder / "work"
            if not work.exists():
                git("clone", "--quiet", "--branch", "meshwright/state", str(self.folder / "readings.git"), str(work), cwd=self.folder)  # fmt: skip
            git("fetch", "--quiet", "origin", "meshwright/state", cwd=work)
            git("reset", "--quiet", "--hard", "FETCH_HEAD", cwd=work)
            if content is None:
                (work / name).unlink()
            else:
                (work / name).write_bytes(content)
            git("add", "--all", cwd=work)
            git("commit", "--quiet", "--message", "Change", cwd=work)
            git("push", "--quiet", "origin", "HEAD:meshwright/state", cwd=work)
        else:
            base = self.folder / "utilities" / "readings" / "default"
            (path,) = [*base.glob(f"{name}.*/content")] or [base / name]
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)


@contextlib.contextmanager
def home(kind: str, folder: Path) -> Iterator[Home]:
    """Yield an empty home: a `folder`, a `bucket`, or a `branch` on a server that speaks HTTP."""
    if kind == "folder":
        yield Home(f"file://{folder}", folder)
    elif kind == "bucket":
        keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
        os.environ |= keys
        try:
            with moto.mock_aws():
                boto3.client("s3").create_bucket(Bucket="lake")
                yield Home(BUCKET, folder)
        finally:
            for name in keys:
                os.environ.pop(name, None)
    else:
        git("init", "--quiet", "--bare", str(folder / "readings.git"), cwd=folder)
        git("config", "http.receivepack", "true", cwd=folder / "readings.git")
        with git_server(folder, "x-access-token", TOKEN) as server:
            made = Home("git:", folder)
            made._server = server
            yield made
