"""Sends notices to a webhook and by mail, each at least once: what was sent is noted after it was sent."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from meshwright.access.notices import Notice
from meshwright.core import files
from meshwright.core.errors import Error
from meshwright.core.http import Http
from meshwright.core.mail import MailRefused, send_mail
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable

TOKEN = "MESHWRIGHT_WEBHOOK_TOKEN"  # noqa: S105 - the name of a variable
PATIENCE = 60.0
TIMEOUT = 30.0
FORGOTTEN = timedelta(days=30)
"""Without a cursor, or for a product that it does not have, nothing older is sent."""

Send = Callable[[Notice], None]


class NotSent(Error):
    """A notice could not be sent; the next run tries again."""

    exit_code = 1


@dataclass(frozen=True)
class Mail:
    """Where mail goes, and by which server."""

    server: str
    """`host` or `host:port`."""
    sender: str
    recipients: tuple[str, ...]


def webhook(url: str) -> Send:
    """Return what posts a notice to an address, as a CloudEvent in structured mode. Raises Unreadable."""
    place = urlsplit(url)
    http = Http(
        f"{place.scheme}://{place.netloc}",
        os.environ.get(TOKEN) or None,
        server="webhook",
        patience=PATIENCE,
        timeout=TIMEOUT,
        most=1_000_000,
    )
    path = (place.path or "/") + (f"?{place.query}" if place.query else "")

    def send(notice: Notice) -> None:
        body = json.dumps(notice.event(), ensure_ascii=True).encode()
        headers = {"Content-Type": "application/cloudevents+json; charset=UTF-8"}
        http.request("POST", path, body=body, headers=headers, again=True)  # its id tells the second one

    return send


def mail(settings: Mail) -> Send:
    """Return what sends a notice by mail, encrypted unless the server is on this machine."""

    def send(notice: Notice) -> None:
        message = EmailMessage()
        message["From"], message["To"] = settings.sender, ", ".join(settings.recipients)
        message["Subject"] = " ".join(printable(notice.sentence).split())[:200]
        message["Message-ID"] = f"<{notice.id}@meshwright.invalid>"
        message["Date"] = notice.time
        lines = [notice.sentence, "", *(f"{name}: {value}" for name, value in notice.data.items())]
        message.set_content("\n".join(printable(line) for line in lines) + "\n")
        try:
            send_mail(settings.server, message)
        except MailRefused as error:
            raise NotSent(str(error), "Check --smtp and its credentials, and run it again.") from error

    return send


class Cursor:
    """Which notices have been sent, in a file."""

    def __init__(self, path: Path) -> None:
        """Raises Unreadable if the file is no cursor: to start anew would send everything again."""
        self._path = path
        self._sent: dict[str, str] = {}
        if path.exists():
            try:
                value = json.loads(path.read_text("utf-8"))
                self._sent = {str(id): str(at) for id, at in value["sent"].items()}
            except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
                raise Unreadable(f"{path} is no cursor of notices.", "Restore it, or remove it.") from error
        self.is_new = not self._sent

    def __contains__(self, notice: Notice) -> bool:
        return notice.id in self._sent

    def add(self, notice: Notice, now: datetime) -> None:
        """Note that a notice was sent, on disk."""
        self._sent[notice.id] = now.isoformat(timespec="seconds")
        text = json.dumps({"sent": self._sent}, indent=0) + "\n"
        files.write(self._path, text, "Give another file with --cursor.", parents=True)


def due(notices: Iterable[Notice], cursor: Cursor, now: datetime) -> list[Notice]:
    """Return the notices that have not been sent, each once, the oldest first; nothing old where the cursor is new."""
    by_id: dict[str, Notice] = {}
    for notice in notices:
        if notice not in cursor and not (cursor.is_new and notice.time < now - FORGOTTEN):
            by_id.setdefault(notice.id, notice)
    return sorted(by_id.values(), key=lambda notice: notice.time)


def deliver(
    pending: Sequence[Notice], sinks: Sequence[Send], cursor: Cursor, now: Callable[[], datetime]
) -> Iterator[Notice]:
    """Send the notices in order, each to every sink; yield each that was sent. Raises Error at the first that was not."""
    for notice in pending:
        for send in sinks:
            send(notice)
        cursor.add(notice, now())
        yield notice


def current_time() -> datetime:
    return datetime.now(UTC)


def settings_of(smtp: str | None, sender: str | None, recipients: Sequence[str]) -> Mail | None:
    """Return where mail goes; None if nowhere. Raises Unreadable where a part is missing."""
    if not recipients:
        return None
    if not smtp or not sender:
        raise Unreadable("Mail needs a server and a sender.", "Add --smtp HOST:PORT and --from ADDRESS.")
    if bad := next((one for one in (sender, *recipients) if any(sign in one for sign in "\r\n,<> ")), None):
        raise Unreadable(f"{printable(bad)} is no e-mail address.", "Write one, such as owner@example.org.")
    return Mail(smtp, sender, tuple(recipients))


def as_lines(notices: Iterable[Notice]) -> Iterator[str]:
    """Yield a line for each notice."""
    for notice in notices:
        yield printable(f"{notice.time:%Y-%m-%d} {notice.kind}: {notice.sentence}")
