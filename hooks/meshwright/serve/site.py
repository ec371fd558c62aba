"""Export the whole catalog as a folder of files, with relative links, for any web server or none."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from meshwright.core.yaml import Unreadable
from meshwright.export import odcs, odps
from meshwright.serve import now
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.links import Exported
from meshwright.serve.pages import Pages
from meshwright.serve.search import Query, Search

MARK = ".meshwright-catalog"
"""The file that marks a folder as an export."""


def export(store: CatalogStore, folder: Path) -> int:
    """Write the site to a new folder, then replace an earlier export by it. Return the number of products.

    Raises Unreadable if the folder contains anything but an export, or cannot be written.
    """
    folder = Path(os.path.abspath(folder))  # symbolic links are kept
    folder = folder.resolve() if folder.is_symlink() else folder
    if folder.exists() and not (folder / MARK).is_file() and any(folder.iterdir()):
        raise Unreadable(f"{folder}: the folder contains other files.", "Give a new or empty folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            count = _write(store, fresh)
            fresh.chmod(0o755)
            _swap(fresh, folder)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    except OSError as error:
        raise Unreadable(
            f"{folder}: it cannot be written: {error.strerror}.", "Give another folder."
        ) from error
    return count


def _swap(fresh: Path, folder: Path) -> None:
    if not folder.exists():
        fresh.rename(folder)
        return
    old = fresh.with_name(f"{fresh.name}.old")
    folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write(store: CatalogStore, root: Path) -> int:
    search = Search(store)
    pages = Pages(store, search)
    top, domain, product = Exported(0), Exported(1), Exported(3)

    def put(name: str, text: str) -> None:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8", "replace")

    put("index.html", pages.everything(top))
    put("access.html", pages.access(top, Query()))
    put("fitness.html", pages.fitness(top))
    put("map.html", pages.map(top))
    count = 0
    for kept in store.products.every():
        here = f"products/{kept.id}"
        put(f"{here}/index.html", pages.product(product, kept))
        if not kept.retired_at:
            put(f"{here}/record.json", kept.text)
            put(f"{here}/contract.yaml", odps.rendered(odcs.document(kept.record, published=True)))
            count += 1
        for version in store.products.versions(kept.id):
            text = store.products.version(kept.id, version.hash) or "{}"
            put(f"{here}/{version.hash}.html", pages.version(product, kept, version.hash, text))  # fmt: skip
    for name in search.search(Query()).facets["domain"]:
        put(f"domains/{name}.html", pages.domain(domain, name))
    (root / MARK).write_text(json.dumps({"at": now(), "products": count}) + "\n", "utf-8")
    return count
