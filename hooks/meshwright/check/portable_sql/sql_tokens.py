"""The tokens of a model, for constructs that a parser takes for something else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import Token, TokenType

NAME = re.compile(r"[a-z_]\w*")
EXPONENT = "1e3"
"""Stands for all numbers with an exponent among the words of a construct."""


@dataclass(frozen=True)
class SqlTokens:
    """The tokens of a model, in order."""

    tokens: Sequence[Token]

    @cached_property
    def words(self) -> list[str]:
        """Each token's text, in small letters."""
        return [token.text.lower() for token in self.tokens]

    @cached_property
    def kinds(self) -> list[TokenType]:
        return [token.token_type for token in self.tokens]

    def is_call(self, place: int) -> bool:
        """Return True for the name before a parenthesis, unless it names columns: `as t(…)`, `with t(…)`."""
        if self.words[place + 1 : place + 2] != ["("] or not NAME.fullmatch(self.words[place]):
            return False
        return place == 0 or self.words[place - 1] not in ("as", "with", ")", ".")

    def arguments(self, start: int) -> list[str]:
        """Return the words of a pair of parentheses that are in no further one."""
        depth, arguments = 0, []
        for word in self.words[start:]:
            depth += (word == "(") - (word == ")")
            if depth == 0:
                break
            if depth == 1:
                arguments.append(word)
        return arguments

    def names_columns(self, start: int) -> bool:
        """Return True for the parentheses of a CTE that names its columns."""
        depth = 0
        for place, word in enumerate(self.words[start:], start):
            depth += (word == "(") - (word == ")")
            if depth == 0:
                return self.words[place + 1 : place + 3] == ["as", "("]
        return False
