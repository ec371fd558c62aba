"""What the signatures of all kinds on commits have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from meshwright.product.approvers import Approver


class Unsigned(Exception):
    """A commit has no signature that could count; the message says why, as the end of a sentence."""


@dataclass(frozen=True)
class CommitSignature(ABC):
    """What a commit claims about its signature; `verify` proves it."""

    blob: bytes
    """The signature, without armour."""
    payload: bytes
    """The commit without its signature, which is what was signed."""

    @property
    @abstractmethod
    def key_name(self) -> str:
        """How people know the key that it names."""

    @abstractmethod
    def names(self, approver: Approver) -> bool:
        """Return True if the key that it names is an approver's."""

    @abstractmethod
    def verify(self, approver: Approver) -> None:
        """Verify that the approver's key signed the commit. Raises Unsigned, HistoryError."""
