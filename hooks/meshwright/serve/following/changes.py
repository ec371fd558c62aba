"""What of a product those who follow it are told of, and the message about it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meshwright.core.text import printable
from meshwright.mesh.standings import STANDINGS
from meshwright.serve.catalog_store.follows import Follow
from meshwright.serve.catalog_store.stored_products import StoredProduct
from meshwright.serve.links import Absolute

TYPE = "org.meshwright.catalog.product-changed"
State = Mapping[str, Any]


def state_of(product: StoredProduct, standing: str) -> dict[str, Any]:
    """Return what of a product is compared: the same as JSON has it."""
    return {
        "version": product.record.version,
        "hash": product.version_hash,
        "standing": standing,
        "retired": product.retired_at is not None,
        "successor": product.successor or "",
    }


@dataclass(frozen=True)
class ChangeMessage:
    """One message to one who follows a product."""

    follow: Follow
    title: str
    state: State
    sentences: tuple[str, ...]
    url: str
    """Of the product's page."""
    end_url: str
    """Where this is ended, without signing in."""

    @property
    def id(self) -> str:
        """The same each time that it is sent."""
        about = json.dumps([self.follow.key, self.state], sort_keys=True)
        return hashlib.sha256(about.encode()).hexdigest()[:32]

    def event(self) -> dict[str, Any]:
        """Return it as a CloudEvent."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/data-products/{self.follow.product}",
            "type": TYPE,
            "datacontenttype": "application/json",
            "data": {
                "product": self.follow.product,
                "changes": list(self.sentences),
                **self.state,
                "url": self.url,
                "unfollow": self.end_url,
            },
        }


def change_message(follow: Follow, product: StoredProduct, state: State, url: str) -> ChangeMessage | None:
    """Return the message about what has changed since the last one; None if nothing has. `url`: the catalog's address."""
    sentences = tuple(_sentences(follow.seen, state))
    if not sentences:
        return None
    title = printable(product.record.title)[:200]
    page = Absolute(url).product(follow.product)
    return ChangeMessage(
        follow, title, state, sentences, page, f"{url.rstrip('/')}/unfollow?key={follow.key}"
    )


def _sentences(before: State, state: State) -> Iterator[str]:
    if state["retired"] and (not before.get("retired") or before.get("successor") != state["successor"]):
        instead = f" Use {state['successor']} instead." if state["successor"] else ""
        yield f"It was retired.{instead}"
    if before.get("retired") and not state["retired"]:
        yield "It is published again."
    if state["version"] != before.get("version"):
        yield f"Its version is {printable(state['version'])[:50]}; it was {printable(str(before.get('version')))[:50]}."
    elif state["hash"] != before.get("hash"):
        yield "Its contract or its description has changed, in the same version."
    if state["standing"] != before.get("standing"):
        yield f"Its standing is: {_words(state['standing'])}; it was: {_words(str(before.get('standing')))}."


def _words(standing: str) -> str:
    return STANDINGS[standing].words if standing in STANDINGS else "not known"
