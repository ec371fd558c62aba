"""Whether somebody without credentials can read a file of a port."""

from __future__ import annotations

from meshwright.assess.storage import Refusal, Unseen
from meshwright.product.store import Store, bucket, folder, web

ENOUGH = 64
"""Bytes that are enough to see whether there is data."""


def refusal(store: Store, name: str) -> Refusal:
    """Return whether the store gives a file to anybody. Raises Absent, Corrupt, Unseen."""
    match store:
        case folder.Folder():
            return _in_folder(store, name)
        case bucket.Bucket():
            return _in_bucket(store, name)
        case web.Web():
            return _on_web(store, name)
    raise TypeError(type(store).__name__)


def _in_folder(store: folder.Folder, name: str) -> Refusal:
    path = store.local(name)
    closed = folder.closed_by(path)
    if closed is not None:
        return Refusal(False, f"Other accounts of this machine are refused: {closed} is not open to them.")
    fix = f"chmod 700 {store.root}, and give access to the roles' variants only."
    return Refusal(True, f"Every account of this machine can read {path}.", fix)


def _in_bucket(store: bucket.Bucket, name: str) -> Refusal:
    where = store.address(name)
    unsigned = bucket.Bucket(store.bucket, store.prefix, store.limits, signed=False)
    try:
        with unsigned.opened(name, first=ENOUGH):
            pass
    except bucket.Closed:
        return Refusal(False, f"{where} refuses an unsigned request.")
    fix = "Block public access to the bucket, and take `Principal: *` out of its policy and its ACLs."
    return Refusal(True, f"{where} gives the data to an unsigned request.", fix)


def _on_web(store: web.Web, name: str) -> Refusal:
    url, answer = store.address(name), store.first(name, ENOUGH)
    if answer.status in web.CLOSED:
        return Refusal(False, f"{url} answers {answer.status} to a request without credentials.")
    if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
        return Refusal(False, f"{url} answers a request without credentials with a page, not with data.")
    if not answer.body:
        raise Unseen(f"{url} answers with nothing at all.")
    problem = f"{url} gives the data to a request without credentials (status {answer.status})."
    return Refusal(True, problem, "Let the server ask for credentials, or declare the product open.")
