"""Export the whole catalog as a folder of files, with relative links, for any web server or none."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from meshwright.core.yaml import Unreadable
from meshwright.export import odcs, odps
from meshwright.serve import now, product_feeds
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.links import Exported
from meshwright.serve.pages import Pages
from meshwright.serve.paging import product_page
from meshwright.serve.search import Query, Search

MARK = ".meshwright-catalog"
"""The file that marks a folder as an export."""
FEED = 500
"""Products in one file of a feed."""


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

    def put(name: str, text: str | bytes) -> None:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))

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
            put(f"{here}/odps.yaml", product_feeds.odps_product(kept))
            for form in product_feeds.FORMS:
                put(f"{here}/dcat.{form}", product_feeds.dcat_product(form, kept, product))
            count += 1
        for version in store.products.versions(kept.id):
            text = store.products.version(kept.id, version.hash) or "{}"
            put(f"{here}/{version.hash}.html", pages.version(product, kept, version.hash, text))  # fmt: skip
    for name in search.search(Query()).facets["domain"]:
        put(f"domains/{name}.html", pages.domain(domain, name))
    for name, content in _feeds(store, count):
        put(name, content)
    (root / MARK).write_text(json.dumps({"at": now(), "products": count}) + "\n", "utf-8")
    return count


def _feeds(store: CatalogStore, total: int) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the feeds: `dcat.ttl`, `dcat-2.ttl` and so on, each with the next one's name."""
    to, after, number = Exported(0), "", 1
    while number == 1 or after:
        products, after = product_page(store, after, FEED)
        here, following = _numbered(number), _numbered(number + 1) if after else ""
        for form in product_feeds.FORMS:
            next_page = f"dcat{following}.{form}" if after else ""
            content = product_feeds.dcat_page(form, products, to, total, f"dcat{here}.{form}", next_page)
            yield f"dcat{here}.{form}", content
        yield f"odps{here}.json", product_feeds.odps_page(products, f"odps{following}.json" if after else "")
        number += 1


def _numbered(page: int) -> str:
    return "" if page == 1 else f"-{page}"
