"""The one kind of error that a person has to fix: what is wrong, where, and the fix."""

from __future__ import annotations

from typing import ClassVar


class Error(Exception):
    """Something that a person has to fix. `core.console` prints it and ends the command with `exit_code`."""

    exit_code: ClassVar[int] = 2
    """1: a promise is not kept, or the other side refuses. 2: wrong usage or unreadable input."""

    def __init__(self, what: str, fix: str = "", line: int = 1, column: int = 1) -> None:
        super().__init__(what)
        self.fix = fix
        """A sentence that says what to do; empty if nobody can do anything."""
        self.line, self.column = line, column
        """Where in the file that it is about, from 1."""
        self.file = ""
        """That file, where the one who reads the error does not know it."""

    def of(self, file: object) -> Error:
        """Return the error, with the file that it is about."""
        self.file = str(file)
        return self

    @property
    def sentence(self) -> str:
        """What is wrong, after the place of it."""
        return f"{self.file}:{self.line}:{self.column}: {self}" if self.file else str(self)
