"""Send the metrics of a run to a Pushgateway, or to an OpenTelemetry receiver by OTLP over HTTP.

Loaded only where an address is configured. The variables of OTLP are OpenTelemetry's own:
https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

from __future__ import annotations

import base64
import gzip
import http.client
import re
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from pipeline import otlp
from pipeline.metric_names import printable
from pipeline.metrics import INTERRUPTED, OTLP, PUSHGATEWAY, Sample, as_text, text_lines

JOB = "data_product"
"""Label `job` of what is pushed to a Pushgateway."""
PATIENCE = 5.0
"""Seconds to wait for a server, unless OpenTelemetry's variable says otherwise."""
MOST = 60.0
STOPPED = 3.0
"""Seconds to wait at the end of a run that was stopped: whoever stopped it does not wait long."""
AGAIN = (429, 502, 503, 504)
"""Codes of HTTP that ask to send again, as OTLP defines them."""
SIMPLE = re.compile(r"[A-Za-z0-9_.-]+")
LARGEST = 10_000
"""Bytes of an answer that are read."""


class _Refused(Exception):
    """The metrics cannot be sent; the message says why, without anything secret."""


class Request(NamedTuple):
    """A request to a server, and the variable that names its address."""

    variable: str
    method: str
    address: str
    headers: dict[str, str]
    body: bytes
    context: ssl.SSLContext | None = None
    check: Callable[[bytes], str] = lambda answer: ""
    """Returns what an answer says was refused."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: headers with a token must not reach another server."""

    def redirect_request(self, *arguments: Any, **options: Any) -> None:
        return None


def send(
    base: Mapping[str, str],
    samples: list[Sample],
    variables: Mapping[str, str],
    report: Mapping[str, Any],
    published: bool,
) -> list[str]:
    """Send the samples to all configured servers at once; return what went wrong."""
    problems: list[str] = []
    requests: list[Request] = []
    for build in (_to_pushgateway, _to_otlp):
        try:
            requests += build(base, samples, variables, report, published)
        except _Refused as error:
            problems.append(str(error))
    seconds = STOPPED if report.get("exitCode", 0) > INTERRUPTED else _patience(variables)
    until = time.monotonic() + seconds
    answers: dict[int, str] = {}

    def deliver(number: int, request: Request) -> None:
        answers[number] = _deliver(request, until)

    # Looking a name up has no timeout of its own, and a server can answer one byte at a time.
    threads = [threading.Thread(target=deliver, args=each, daemon=True) for each in enumerate(requests)]
    for thread in threads:
        thread.start()
    for number, (thread, request) in enumerate(zip(threads, requests, strict=True)):
        thread.join(max(until - time.monotonic(), 0))
        late = f"{_server(request)} has not answered within {seconds:g} s"
        if problem := answers.get(number, late):
            problems.append(problem)
    return problems


def _patience(variables: Mapping[str, str]) -> float:
    """Return how many seconds to wait for servers: a variable has them in milliseconds."""
    for name in ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"):
        text = variables.get(name, "").strip()
        if text.isascii() and text.isdecimal() and int(text[:12]):
            return min(int(text[:12]) / 1000, MOST)
    return PATIENCE


def _to_pushgateway(
    base: Mapping[str, str],
    samples: list[Sample],
    variables: Mapping[str, str],
    report: Mapping[str, Any],
    published: bool,
) -> list[Request]:
    """Return the request for the Pushgateway, if one is configured.

    The samples replace all of the product's (PUT) if the run published; else only those of the same names (POST), so
    that what the ports serve stays.
    """
    address = variables.get(PUSHGATEWAY, "").strip()
    if not address:
        return []
    address, headers = _parsed(PUSHGATEWAY, address)
    group = "".join(_group_label(name, value) for name, value in {"job": JOB, **base}.items())
    body = as_text(text_lines(base, samples)).encode()
    headers["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8"
    method = "PUT" if published else "POST"
    return [Request(PUSHGATEWAY, method, f"{address.rstrip('/')}/metrics{group}", headers, body)]


def _group_label(name: str, value: str) -> str:
    """Return the part of a Pushgateway's path for a label."""
    if SIMPLE.fullmatch(value):
        return f"/{name}/{value}"
    return f"/{name}@base64/{base64.urlsafe_b64encode(printable(value).encode()).decode()}"


def _to_otlp(
    base: Mapping[str, str],
    samples: list[Sample],
    variables: Mapping[str, str],
    report: Mapping[str, Any],
    published: bool,
) -> list[Request]:
    """Return the request for the OTLP receiver, if one is configured."""

    def setting(name: str) -> str:
        """Return the value of a variable for metrics, or for all signals; empty is the same as missing."""
        own = variables.get(f"OTEL_EXPORTER_OTLP_METRICS_{name}", "").strip()
        return own or variables.get(f"OTEL_EXPORTER_OTLP_{name}", "").strip()

    variable = next((name for name in OTLP if variables.get(name, "").strip()), "")
    disabled = variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if not variable or disabled or variables.get("OTEL_METRICS_EXPORTER", "otlp").strip() not in ("", "otlp"):
        return []
    protocol = setting("PROTOCOL") or "http/protobuf"
    if protocol not in ("http/protobuf", "http/json"):
        raise _Refused(
            f"OTEL_EXPORTER_OTLP_PROTOCOL is {printable(protocol)}, and a run knows http/protobuf and http/json."
            " Set one of these, and the address of the receiver's port for HTTP (4318 by convention)"
        )
    address, headers = _parsed(variable, variables[variable].strip())
    if variable == OTLP[1]:  # the address of all signals
        address = f"{address.rstrip('/')}/v1/metrics"
    headers |= _pairs(setting("HEADERS"))
    attributes = _pairs(variables.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    if service := variables.get("OTEL_SERVICE_NAME", "").strip():
        attributes["service.name"] = service
    message = otlp.message(base, samples, str(report.get("version") or ""), attributes, time.time_ns())
    body = otlp.as_json(message) if protocol == "http/json" else otlp.as_protobuf(message)
    headers["Content-Type"] = "application/json" if protocol == "http/json" else "application/x-protobuf"
    if setting("COMPRESSION") == "gzip":
        headers["Content-Encoding"], body = "gzip", gzip.compress(body)
    context = _trust(setting("CERTIFICATE"), setting("CLIENT_CERTIFICATE"), setting("CLIENT_KEY"))
    return [Request(variable, "POST", address, headers, body, context, otlp.refused)]


def _trust(authority: str, certificate: str, key: str) -> ssl.SSLContext | None:
    """Return the TLS settings of files with an authority, and with a certificate of this client; None for the usual ones."""
    if not (authority or certificate):
        return None
    try:
        context = ssl.create_default_context(cafile=authority or None)
        if certificate:
            context.load_cert_chain(certificate, key or None)
    except (OSError, ValueError) as error:
        raise _Refused(
            f"a file of OTEL_EXPORTER_OTLP_CERTIFICATE, _CLIENT_CERTIFICATE or _CLIENT_KEY cannot be used: {_cause(error)}"
        ) from error
    return context


def _pairs(text: str) -> dict[str, str]:
    """Return the entries of `key=value,key=value`, with values that are percent-encoded."""
    pairs = (entry.partition("=") for entry in text.split(","))
    return {key.strip(): unquote(value.strip()) for key, sign, value in pairs if key.strip() and sign}


def _parsed(variable: str, text: str) -> tuple[str, dict[str, str]]:
    """Return an address without user and password, and the header that has these. Raises _Refused."""
    fix = f"{variable} is not an address such as https://metrics.example.org"
    try:
        parts = urlsplit(text)
        host = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
        if ":" in (parts.hostname or ""):
            host = f"[{parts.hostname}]{f':{parts.port}' if parts.port else ''}"
    except ValueError as error:
        raise _Refused(fix) from error
    if parts.scheme not in ("http", "https") or not host or re.search(r"[\s\x00-\x1f]", text):
        raise _Refused(fix)
    headers = {}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~")
    return urlunsplit((parts.scheme, host, path, parts.query, "")), headers


def _deliver(request: Request, until: float) -> str:
    """Send a request, and again if the server asks for it; return what went wrong, or an empty text."""
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if request.context:
        handlers.append(urllib.request.HTTPSHandler(context=request.context))
    opener = urllib.request.build_opener(*handlers)
    pause = 0.2
    while True:
        left = max(until - time.monotonic(), 0.1)
        try:
            outgoing = urllib.request.Request(  # noqa: S310 - _parsed lets only HTTP through
                request.address, request.body, request.headers, method=request.method
            )
            with opener.open(outgoing, timeout=left) as answer:
                refused = request.check(answer.read(LARGEST))
                return f"{_server(request)} refused a part: {refused}" if refused else ""
        except urllib.error.HTTPError as error:
            if error.code in AGAIN and until - time.monotonic() > 2 * pause:
                time.sleep(pause)
                pause *= 2
                continue
            return f"{_server(request)} answered HTTP {error.code}{_hint(error.code)}"
        except (OSError, ValueError, http.client.HTTPException) as error:
            return f"{_server(request)}: {_cause(error)}"


def _hint(code: int) -> str:
    """Return what to look at for a code of HTTP."""
    hints = {
        401: "; check the user, the password or the header with the token",
        403: "; the account may not write metrics there",
        404: "; check the path of the address",
        415: "; set OTEL_EXPORTER_OTLP_PROTOCOL to the one that it knows",
    }
    return "; redirects are not followed: use its own address" if 300 <= code < 400 else hints.get(code, "")


def _cause(error: Exception) -> str:
    """Return why a request failed, without a value that may be secret."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return "it does not answer in time"
    if isinstance(reason, OSError) and (text := reason.strerror or str(reason)):
        return printable(text)
    return type(error).__name__  # the message of a ValueError may quote a header


def _server(request: Request) -> str:
    """Return the variable that names a server, and its host."""
    parts = urlsplit(request.address)
    return f"{request.variable}: {parts.scheme}://{parts.netloc}"
