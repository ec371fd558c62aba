"""The one type for errors that a person can fix: what is wrong, where, and the fix."""

from __future__ import annotations

from typing import ClassVar


class Error(Exception):
    """An error that a person can fix. `core.console` prints it and ends the command with `exit_code`."""

    exit_code: ClassVar[int] = 2
    """1: a promise is not kept, or a server refuses. 2: wrong usage or unreadable input."""

    def __init__(self, what: str, fix: str = "", line: int = 1, column: int = 1) -> None:
        super().__init__(what)
        self.fix = fix
        """A sentence with the fix; empty if there is none."""
        self.line, self.column = line, column
        """Position in the file concerned, from 1."""
        self.file = ""
        """The file concerned, unless the caller adds it."""

    def of(self, file: object) -> Error:
        """Set the file that the error is about, and return the error."""
        self.file = str(file)
        return self

    @property
    def sentence(self) -> str:
        """What is wrong, with its place in front."""
        return f"{self.file}:{self.line}:{self.column}: {self}" if self.file else str(self)
