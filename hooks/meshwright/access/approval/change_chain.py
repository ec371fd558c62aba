"""Whether what a commit of the mainline brought follows from what was authorised, by changes of approvers alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from meshwright.access.approval.provenance import provenance
from meshwright.core.git_history import History
from meshwright.product.approvers import Approver

Value = TypeVar("Value")


@dataclass(frozen=True)
class Guarded(Generic[Value]):
    """What is guarded in a file: a whole file's content, some parts of it, or one value in it."""

    path: str
    at: Callable[[str], Value]
    """What a commit has of it."""
    follows: Callable[[Value, Value], bool]
    """Whether nobody has to authorise a change from one value to another: at least where both are the same."""


@dataclass(frozen=True)
class Settled(Generic[Value]):
    """What is authorised."""

    value: Value
    commit: str
    """The commit that made it so; whoever changes it has to have seen it. Empty: there never was such a file."""
    former: tuple[Value, ...] = ()
    """What was authorised before, and no longer is."""

    def then(self, value: Value, commit: str) -> Settled[Value]:
        """Return what is authorised once a commit has changed it."""
        return Settled(value, commit, (*self.former, self.value))


class Makers(Protocol):
    """Who made the commits of a history, and who reviewed its changes."""

    history: History

    def review_refusal(self, commit: str, path: str) -> str | None:
        """Return why no approver reviewed what a commit of the mainline made of a file; empty if one did, None if none can."""

    def maker(self, commit: str, path: str, restores: bool = False) -> Approver | str:
        """Return the approver who made and signed a commit; else why nobody did. `restores`: git may have reverted it."""


def change_refusal(trust: Makers, tip: str, guarded: Guarded[Value], settled: Settled[Value]) -> str:
    """Return why what a commit of the mainline has does not count; empty if it does. Raises HistoryError, ForgeUnavailable.

    Approvers made it, commit by commit, or reviewed it as a whole.
    """
    refusal = _making_refusal(trust, tip, guarded, settled)
    if not refusal or (unreviewed := trust.review_refusal(tip, guarded.path)) is None:
        return refusal
    parents = trust.history.commits[tip].parents
    if unreviewed or not parents:
        return unreviewed
    if guarded.follows(settled.value, guarded.at(parents[0])):
        return ""
    return (
        f"It was reviewed, but it rests on a change of the file before it that nobody authorised, and a review shows only "
        f"what is new. Take that one back first, and then open a pull request with all of it. {again(guarded.path)}"
    )


def _making_refusal(trust: Makers, tip: str, guarded: Guarded[Value], settled: Settled[Value]) -> str:
    """Return why approvers did not make what a commit of the mainline has; empty if they did.

    Goes back from it, commit by commit, to what is authorised. Each commit on the way that changes what is guarded has to be
    an approver's own, made since the mainline's commit before. So none of them can rest on a change that nobody authorised. Raises HistoryError.
    """
    history = trust.history
    commit, problem = provenance(history, tip, guarded.path)
    value = guarded.at(tip)
    while not guarded.follows(settled.value, value):
        if problem:
            return problem
        if commit is None or history.position(commit) != history.position(tip):
            return _unauthorised(trust, commit, guarded.path)
        parents = history.commits[commit].parents
        if len(parents) != 1 or not guarded.follows(guarded.at(parents[0]), value):
            # Who reverts a change that was approved brings back what was approved, too.
            maker = trust.maker(commit, guarded.path, guarded.at(commit) in (settled.value, *settled.former))
            if isinstance(maker, str):
                return maker
            if settled.commit and not history.is_ancestor(settled.commit, commit):
                return (
                    f"{maker} signed {history.commits[commit]} without having seen {history.commits[settled.commit]}, "
                    f"which changed it, too. {again(guarded.path)}"
                )
        commit, problem = provenance(history, parents[0], guarded.path)
        value = guarded.at(parents[0])
    return ""


def again(path: str) -> str:
    """Return how an approver makes a version of a file count."""
    return f"An approver takes it with `meshwright access approve {path}`, which prints the commands."


def _unauthorised(trust: Makers, commit: str | None, path: str) -> str:
    about = trust.history.commits[commit] if commit else "what was there before"
    return (
        f"It rests on {about}, which is not what is authorised. Who signs a later commit does not authorise that one. "
        f"{again(path)}"
    )
