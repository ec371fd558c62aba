"""Files behind http(s), requested without credentials."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NoReturn

from meshwright.core.http import ANY, Answer, Http, NoAnswer, Refused, Resolve, split
from meshwright.core.yaml import Unreadable
from meshwright.product.store import Absent, Content, Limits, Unseen

REDIRECTS = 3
CLOSED, GONE = {401, 403, 407}, {404, 410}


class Web:
    """A folder of a web server."""

    def __init__(self, base: str, limits: Limits, scratch: Path, resolve: Resolve) -> None:
        """`scratch`: a folder for copies. `resolve`: as of Http; it also checks the hosts of redirects. Raises Unseen."""
        self.base, self.limits, self.scratch = base, limits, scratch
        try:
            server, self._path = split(base)
            self._http = Http(
                server,
                headers={"Accept": "*/*"},
                patience=0,
                timeout=limits.seconds or 30.0,
                total=limits.seconds,
                most=limits.bytes or 2**63,
                redirects=REDIRECTS,
                proxy=False,
                resolve=resolve,
            )
        except Unreadable as error:
            raise Unseen(str(error), error.fix) from None

    def address(self, name: str) -> str:
        return f"{self.base}/{name}" if name else self.base

    def names(self, folder: str) -> Sequence[str]:
        raise Unseen(f"{self.address(folder)} is a folder, and HTTP does not list one.")

    files = names

    def local(self, name: str) -> Path:
        """Return a copy of a file in `scratch`. Raises Absent, Unseen."""
        target = self.scratch / hashlib.sha256(self.address(name).encode()).hexdigest()
        with target.open("wb") as sink:
            self._expect_file(self._get(name, sink=sink), name)
        return target

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[Content]:
        path = self.local(name)
        with path.open("rb") as file:
            yield Content(file, path.stat().st_size)

    def first(self, name: str, count: int) -> Answer:
        """Return an answer with the first bytes of a file, or any other answer. Raises Absent, Unseen."""
        answer = self._get(name, {"Range": f"bytes=0-{count - 1}"}, enough=count)
        if answer.status not in CLOSED:
            self._expect_file(answer, name)
        return answer

    def _get(
        self,
        name: str,
        headers: dict[str, str] | None = None,
        sink: BinaryIO | None = None,
        enough: int | None = None,
    ) -> Answer:
        path = f"{self._path}/{name}" if name else self._path
        try:
            return self._http.request("GET", path, headers=headers, ok=ANY, sink=sink, enough=enough)
        except NoAnswer as error:
            self._fail(error, name)
        except Refused as error:
            raise Unseen(str(error), error.fix) from None

    def _fail(self, error: NoAnswer, name: str) -> NoReturn:
        address = self.address(name)
        if error.reason in ("unknown host", "refused"):
            raise Absent(f"Nothing answers at {address}.", "Fix the path, or start its server.") from None
        if error.reason in ("size", "timeout"):
            raise self.limits.exceeded(address) from None
        raise Unseen(f"{address} does not answer as a web server does: {error}") from None

    def _expect_file(self, answer: Answer, name: str) -> None:
        """Raise Absent or Unseen for a status that comes without the file."""
        status, address = answer.status, self.address(name)
        if status in GONE:
            raise Absent(f"{address} answers {status}: there is nothing.", "Publish there, or fix the path.")
        if status in CLOSED:
            raise Unseen(f"{address} answers {status}: it asks for credentials, and none are sent.")
        if status not in (200, 206):
            raise Unseen(f"{address} answers {status}.")
