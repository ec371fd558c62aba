"""Send what has changed to those who follow products: once, and again by the next run if it could not be sent.

A run of its own, and no part of publishing: a mail server that hangs delays nobody, and what was due before a restart still is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import urlsplit

from meshwright.core.errors import Error
from meshwright.core.http import Http
from meshwright.core.http.addresses import split
from meshwright.core.http.answers import NoAnswer, Refused
from meshwright.core.mail import send_mail
from meshwright.core.text import printable
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.catalog_store.follows import MAIL, Follow
from meshwright.serve.following.changes import ChangeMessage, change_message, state_of
from meshwright.serve.following.places import Places
from meshwright.serve.search import Search

PATIENCE, TIMEOUT = 10.0, 10.0
"""Seconds for all tries of one webhook, and for its answer."""
MOST = 100_000
"""Bytes of an answer."""
GONE = 410
"""The status by which a webhook ends what is sent to it."""


@dataclass(frozen=True)
class Delivery:
    """What came of one message."""

    message: ChangeMessage
    problem: str
    """Empty: it was sent."""


def deliveries(store: CatalogStore, places: Places, url: str) -> Iterator[Delivery]:
    """Send what is due; yield what came of each message. `url`: the catalog's address, for links."""
    search = Search(store)
    for follow in store.follows.every():
        product = store.products.get(follow.product)
        if product is None:
            continue
        state = state_of(product, search.fitness(follow.product).standing)
        message = change_message(follow, product, state, url)
        if message is None or not store.follows.claim(follow):
            continue
        problem = ""
        try:
            _send(store, places, message)
        except Error as error:
            problem = _shown(error, follow)
        if problem:
            store.follows.not_sent(follow)
        else:
            store.follows.sent(follow, state)
        yield Delivery(message, problem)


def _shown(error: Error, follow: Follow) -> str:
    """Return what is wrong, for a log: the path of a webhook is a secret of whoever follows, as services make them."""
    if follow.kind == MAIL or not isinstance(error, Refused | NoAnswer):
        return f"{error} {error.fix}"
    host = urlsplit(follow.target).hostname
    if isinstance(error, Refused):
        return f"The webhook at {host} refuses it (status {error.status})."
    status = f", status {error.status}" if error.status else ""
    why = f"{error.reason}{status}"
    return f"The webhook at {host} gives no usable answer ({why}). The next run sends it again."


def _send(store: CatalogStore, places: Places, message: ChangeMessage) -> None:
    follow = message.follow
    if follow.kind == MAIL:
        send_mail(places.smtp or _no_mail(), _letter(places, message))
        return
    _post(store, places.webhook(follow.target), follow, message)


def _no_mail() -> str:
    raise Error("The catalog has no mail server.", "Set MESHWRIGHT_SMTP and MESHWRIGHT_SMTP_FROM.")


def _post(store: CatalogStore, url: str, follow: Follow, message: ChangeMessage) -> None:
    """Post a message; an address that is gone is not followed any more. Redirects are not followed."""
    server, path = split(url)
    http = Http(server, server="webhook", patience=PATIENCE, timeout=TIMEOUT, most=MOST)
    headers = {"Content-Type": "application/cloudevents+json; charset=UTF-8"}
    body = json.dumps(message.event(), ensure_ascii=True).encode()
    answer = http.request(
        "POST", path or "/", body=body, headers=headers, again=True, ok={*range(200, 300), GONE}
    )
    if answer.status == GONE:
        store.follows.end_by(follow.key)


def _letter(places: Places, message: ChangeMessage) -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"] = places.sender, message.follow.target
    letter["Subject"] = " ".join(f"{message.title}: {printable(message.sentences[0])}".split())[:200]
    letter["Message-ID"] = f"<{message.id}@meshwright.invalid>"
    letter["Date"] = format_datetime(datetime.now(UTC))
    letter["List-Unsubscribe"] = f"<{message.end_url}>"  # RFC 8058
    letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    lines = [f"{message.title} ({message.follow.product})", "", *message.sentences, "", message.url, "", f"To get no more of these messages: {message.end_url}"]  # fmt: skip
    letter.set_content("\n".join(printable(line) for line in lines) + "\n")
    return letter
