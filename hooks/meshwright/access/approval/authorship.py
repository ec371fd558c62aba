"""Whether the one who signed a commit also made it, or only made it again: what a commit says of its author."""

from __future__ import annotations

import re
from dataclasses import dataclass

from meshwright.core.git import text

PERSON = re.compile(rb"^(author|committer) [^<>\n]*<([^<>\n]*)> (-?[0-9]+ [+-][0-9]{4})$", re.MULTILINE)
SQUASH = re.compile(r"(squash|fixup|amend)! |Squashed commit of the following:")
"""How git's own messages of a squash begin."""
REVERT = re.compile(r'(Revert|Reapply) "|This reverts commit [0-9a-f]{7}')
"""How git's own messages of a revert begin; the last one is that of `git revert --reference`."""


@dataclass(frozen=True)
class Authorship:
    """What a commit says of who made it, when, and how."""

    email: str
    """The author's address."""
    fresh: bool
    """Whether it was written and committed in one step. A rebase, a cherry-pick, an amendment and a mailed patch keep the
    time at which the author wrote it, also if somebody else wrote the author's name into it."""
    squash: bool
    """Whether its message is the one that git proposes for a squash."""
    seconds: int = 0
    """When it was committed, as it says, since 1970."""
    revert: bool = False
    """Whether its message is the one that git proposes for a revert: what it brings back, git took from an older commit."""


def authorship(raw: bytes) -> Authorship:
    """Return what a commit, as git keeps it, says of who made it."""
    head, _, message = raw.partition(b"\n\n")
    people = {role: (email, time) for role, email, time in PERSON.findall(head)}
    author, committer = people.get(b"author"), people.get(b"committer")
    if author is None or committer is None or len(PERSON.findall(head)) != 2:
        return Authorship("", False, False)
    subject = text(message.lstrip().split(b"\n", 1)[0])
    fresh = author[1] == committer[1]
    seconds = int(committer[1].split()[0])
    return Authorship(
        text(author[0]), fresh, bool(SQUASH.match(subject)), seconds, bool(REVERT.match(subject))
    )
