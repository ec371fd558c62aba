"""A mail server and a webhook's receiver, both real, on this machine."""

from __future__ import annotations

import contextlib
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class MailServer:
    address: str
    letters: list[EmailMessage] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """Recipients whom it refuses."""


@contextlib.contextmanager
def mail_server() -> Iterator[MailServer]:
    """Yield a server that speaks SMTP and keeps what it gets."""
    known = MailServer("")

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            def say(text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

            say("220 mail.example.org")
            while line := self.rfile.readline().decode().strip():
                verb, _, rest = line.upper().partition(" ")
                if verb == "DATA":
                    say("354 go on")
                    letter = b""
                    while not letter.endswith(b"\r\n.\r\n"):
                        letter += self.rfile.readline()
                    made = message_from_bytes(letter[:-3], policy=policy.default)
                    assert isinstance(made, EmailMessage)
                    known.letters.append(made)
                refused = verb == "RCPT" and any(one.upper() in rest for one in known.refused)
                say("221 bye" if verb == "QUIT" else "550 nobody" if refused else "250 fine")
                if verb == "QUIT":
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        known.address = f"127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield known
        server.shutdown()


@dataclass
class Receiver:
    host: str
    """With its port."""
    certificate: Path
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@contextlib.contextmanager
def webhook_receiver(folder: Path) -> Iterator[Receiver]:
    """Yield a receiver that speaks HTTP over TLS, with a certificate of its own."""
    known = Receiver("", _certificate(folder))

    class Session(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            known.paths.append(self.path)
            known.events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(known.status)
            for name, value in {**known.headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Session) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(known.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        known.host = f"127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield known
        server.shutdown()


def _certificate(folder: Path) -> Path:
    """A file with a key and a certificate of 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "receiver.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file
