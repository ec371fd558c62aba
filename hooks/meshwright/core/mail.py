"""Send one message by a mail server, encrypted unless the server is on this machine."""

from __future__ import annotations

import os
import smtplib
import ssl
from email.message import EmailMessage

from meshwright.core.errors import Error
from meshwright.core.hosts import is_local

SMTP_USER, SMTP_PASSWORD = "MESHWRIGHT_SMTP_USER", "MESHWRIGHT_SMTP_PASSWORD"  # pragma: allowlist secret
TIMEOUT = 30.0
"""Seconds for each answer of the server."""


class MailRefused(Error):
    """The server did not take a message."""

    exit_code = 1


def send_mail(server: str, message: EmailMessage) -> None:
    """Send a message. `server`: `host` or `host:port`; its user and password are in the environment. Raises MailRefused."""
    host, _, port = server.partition(":")
    try:
        with smtplib.SMTP(host, int(port or 587), timeout=TIMEOUT) as connection:
            if not is_local(host):
                connection.starttls(context=ssl.create_default_context())
            if user := os.environ.get(SMTP_USER):
                connection.login(user, os.environ.get(SMTP_PASSWORD, ""))
            connection.send_message(message)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        problem = f"The mail server {server} does not take it: {type(error).__name__}."
        raise MailRefused(problem, "Check its address and its credentials, and run it again.") from error
