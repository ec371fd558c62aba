"""Who approved what is committed, as their signatures prove it.

What a file says of itself proves nothing, and neither do names in a commit or the settings of a forge. An approval is
a commit that changes the file, signed by somebody who could already approve when it came in:

- The *mainline* decides: the commit, its first parent, and so on. The first commit there that names an approver
  in access/approvers.yaml is the root of trust; what was before it is the team's own set-up.
- Who could approve is read from the mainline just before the change came in *and* from the commit's own parents,
  so that no branch can name an approver and use them at once, and no later approver counts for what was before.
- A change of approvers.yaml that no approver signed can take away and give back, and never add.
- A merge decides nothing by itself: what it brought in must have been signed on its branch by somebody who had
  seen what the mainline said last. A merge that changes the file has to be signed itself.
- An approval stays when its key is taken out of approvers.yaml later. To take one back, set `status: rejected`,
  or delete the agreement; anybody can.

What a signature cannot tell: who wrote the terms (authors of commits are claims), whether two e-mail addresses
are one person's, and whether an approver looked at what they signed. Any approver can name further ones.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from meshwright.access.signatures import Signature, Unsigned, fingerprint, of_commit, verify
from meshwright.core.git_history import Entry, History
from meshwright.core.yaml import Unreadable, parse
from meshwright.product import schema
from meshwright.product.approvers import Approver, named, person, unsound
from meshwright.product.files import AGREEMENTS, APPROVERS
from meshwright.product.validate import misshapen

AGAIN = "Let an approver sign a new commit that touches the file."


@dataclass(frozen=True)
class Approval:
    """Whether an agreement is approved, and by whom."""

    accepted: bool
    commit: str
    """The commit that the file's present content is from; empty if there is none."""
    signers: tuple[str, ...]
    """Whose signatures count, as `<e-mail> (<capacity>)`; also where others are still missing."""
    reasons: tuple[str, ...]
    """Why it is not accepted, each with what to do; empty if it is."""


@dataclass(frozen=True)
class Authorised:
    """The newest version of a file that somebody authorised."""

    text: str | None
    """None: by what is authorised, there is no such file."""
    commit: str
    """The commit of the mainline that the version is from; empty if the file never was authorised."""
    problem: str = ""
    """Why that is not the present version; empty if it is."""


def approval(history: History, path: str, needed: Sequence[str], not_by: frozenset[str]) -> Approval:
    """Whether the agreement at a path is approved.

    `needed`: the capacities in which it has to be approved, each by another person; at least one approval is
    needed in any case. `not_by`: ids and e-mail addresses of whoever asks or gains, who cannot approve.
    Raises HistoryError.
    """
    return _trust(history).approval(path, needed, not_by)


def authorised(history: History, path: str) -> Authorised:
    """The newest version of a file that an approver signed, or that was there before there were any.

    Raises HistoryError, and Unreadable where that version is no ordinary text.
    """
    return _trust(history).authorised(path)


def authorised_below(history: History, folder: str) -> Mapping[str, Authorised]:
    """The same of every file that there is or ever was below a folder, sorted by path.

    Who lists only what is there takes a deletion for authorised. Raises HistoryError, Unreadable.
    """
    below = sorted(path for path in history.paths(folder) if path.startswith(f"{folder.rstrip('/')}/"))
    return {path: authorised(history, path) for path in below}


def approvers(history: History) -> tuple[Approver, ...]:
    """Who can approve now. Raises HistoryError."""
    trust = _trust(history)
    return trust.effective(trust.now)


def trust_problem(history: History) -> str:
    """What is wrong with access/approvers.yaml as it is, with what to do; empty if nothing is. Raises HistoryError."""
    return _trust(history).problem


def root_of_trust(history: History) -> str | None:
    """The commit of the mainline that first named an approver; None if none did. Raises HistoryError."""
    trust = _trust(history)
    return None if trust.founded is None else history.mainline[trust.founded]


def _trust(history: History) -> _Trust:
    if "trust" not in history.worked_out:
        history.worked_out["trust"] = _Trust(history)
    trust: _Trust = history.worked_out["trust"]
    return trust


class _Trust:
    """Who could approve at each point of a history, and what they did."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.now = len(history.mainline) - 1
        self.founded: int | None = None
        """The position of the root of trust."""
        self.problem = ""
        self._since: list[int] = []
        self._standing: list[tuple[Approver, ...]] = []
        self._persons: dict[bytes, frozenset[str]] = {}
        self._claimed: dict[str, tuple[Approver, Signature] | str] = {}
        self._proven: dict[str, str] = {}
        self._proved = False
        self._named: dict[Entry, tuple[tuple[Approver, ...], str]] = {}
        self._terms: dict[Entry, tuple[str, str]] = {}
        authorised: tuple[Approver, ...] = ()
        for commit in filter(history.continues, history.touched(APPROVERS)):
            present, unreadable = self._names(commit)
            self.problem = f"{APPROVERS}: {unreadable}" if unreadable else ""
            if self.founded is None:
                if not present:
                    continue
                self.founded = history.position(commit)
                refusal = ""
            else:
                refusal = self._refusal(commit, APPROVERS)
            if refusal:
                self.problem = self.problem or f"{APPROVERS}: Its last change adds nobody. {refusal}"
            else:
                # A list without anybody is not kept, or nobody could ever be named again.
                authorised = present or authorised
                self._remember(present)
            known = {_identity(approver) for approver in present}
            effective = tuple(approver for approver in authorised if _identity(approver) in known)
            self._since.append(history.position(commit))
            self._standing.append(effective)

    def effective(self, position: int) -> tuple[Approver, ...]:
        """Who could approve at a position of the mainline."""
        index = bisect_right(self._since, position)
        return self._standing[index - 1] if index else ()

    def _remember(self, present: tuple[Approver, ...]) -> None:
        for approver in present:
            self._persons[approver.key] = self._persons.get(approver.key, frozenset()) | {
                person(approver.email)
            }

    def _names(self, commit: str) -> tuple[tuple[Approver, ...], str]:
        """Whom approvers.yaml names at a commit, and why it cannot be read."""
        entry = self.history.entry(commit, APPROVERS)
        if entry is None:
            return (), ""
        if entry not in self._named:
            self._named[entry] = self._read(entry)
        return self._named[entry]

    def _read(self, entry: Entry) -> tuple[tuple[Approver, ...], str]:
        try:
            document = parse(APPROVERS, self.history.text(APPROVERS, entry))
        except Unreadable as error:
            return (), f"{error} {error.fix}"
        for problem in misshapen(document, schema.approvers):
            return (), f"{problem.detail} {problem.fix}"
        for _, detail, fix in unsound(document):
            return (), f"{detail} {fix}"
        return named(document), ""

    # Which commit counts

    def _origin(self, tip: str, path: str) -> tuple[str | None, list[str], bool]:
        """The commit that wrote what another has at a path, the merges that it came in by, and whether it did.

        It did not where a merge took a version that was known already, and had been given up.
        """
        history = self.history
        merges: list[str] = []
        while (touch := history.last_touch(tip, path)) is not None:
            parents = history.commits[touch].parents
            if len(parents) != 2 or history.entry(parents[1], path) != history.entry(touch, path):
                break
            merges.append(touch)
            tip = parents[1]
        explained = True
        for merge in reversed(merges):
            if touch is None or history.is_ancestor(touch, history.commits[merge].parents[0]):
                touch, explained = merge, False
        return touch, merges, explained

    def _came_by(self, tip: str, path: str) -> tuple[str | None, str]:
        """The same commit, and why it cannot count, whoever signed it."""
        history = self.history
        commit, merges, explained = self._origin(tip, path)
        if commit is None:
            return None, ""
        if not explained:
            return commit, (
                f"The merge {history.commits[commit]} brought an older version back, "
                f"which nobody changed on its branch. {AGAIN}"
            )
        for merge in merges:
            before, _, _ = self._origin(history.commits[merge].parents[0], path)
            if before is not None and not history.is_ancestor(before, commit):
                return commit, (
                    f"The merge {history.commits[merge]} put the version of {history.commits[commit]} in the place "
                    f"of that of {history.commits[before]}, which its author had not seen. {AGAIN}"
                )
        return commit, ""

    def _refusal(self, tip: str, path: str) -> str:
        """Why what a commit has at a path does not count; empty if it does."""
        commit, problem = self._came_by(tip, path)
        if problem or commit is None:
            return problem
        judged = self.judge(commit)
        return judged if isinstance(judged, str) else ""

    def judge(self, commit: str) -> Approver | str:
        """Who signed a commit, among those who could approve when it came in; or why its signature does not count."""
        if commit not in self._claimed:
            self._claimed[commit] = self._claim(commit)
        claim = self._claimed[commit]
        if isinstance(claim, str):
            return claim
        approver, signature = claim
        if commit not in self._proven:
            self._proven[commit] = _disproof(signature)
        if disproof := self._proven[commit]:
            return f"The last commit that touched it, {self.history.commits[commit]}, {disproof}. {AGAIN}"
        return approver

    def _claim(self, commit: str) -> tuple[Approver, Signature] | str:
        """Who signed a commit, if its signature is true."""
        history, about = self.history, self.history.commits[commit]
        position = history.position(commit)
        merge = (
            ""
            if history.continues(commit)
            else f", with the merge {history.commits[history.mainline[position]]}"
        )
        try:
            signature = of_commit(history.raw(commit), history.sha256)
        except Unreadable:
            return f"The last commit that touched it, {about}, is larger than any commit has to be. {AGAIN}"
        except Unsigned as unsigned:
            return (
                f"The last commit that touched it, {about}, {unsigned}. A squash or a rebase drops signatures: "
                "merge with a merge commit, or let an approver sign a new commit that touches the file."
            )
        signer = (
            f"The last commit that touched it, {about}, is signed with the key {fingerprint(signature.key)}"
        )
        before = self.effective(position - 1)
        if self.founded is None or not before:
            return f"{signer}, but nobody could approve when it came in{merge}: {APPROVERS} named nobody. {AGAIN}"
        approver = next((one for one in before if one.key == signature.key), None)
        if approver is None:
            who = ", ".join(map(str, before))
            return (
                f"{signer}, and that was no approver's when it came in{merge}. Approvers were {who}. {AGAIN}"
            )
        if history.base(commit) < self.founded:
            return (
                f"{signer}, on a line of history without {history.commits[history.mainline[self.founded]]}, where "
                f"this repository first named its approvers. Merge the main branch into it first. {AGAIN}"
            )
        for parent in about.parents:
            if signature.key not in {one.key for one in self._names(parent)[0]}:
                return (
                    f"{signer}, and {approver} was no approver yet in the commit before it, "
                    f"{history.commits[parent]}. Merge the main branch into the branch first. {AGAIN}"
                )
        return approver, signature

    # Agreements

    def approval(self, path: str, needed: Sequence[str], not_by: frozenset[str]) -> Approval:
        history = self.history
        entry = history.entry(history.commit, path)
        if entry is None:
            return Approval(False, "", (), ("The commit has no such file. Commit it.",))
        if len(same := self._alike[person(path)]) > 1:
            names = ", ".join(map(repr, same))
            return Approval(
                False, "", (), (f"Names of files differ in nothing but case: {names}. Keep one.",)
            )
        self._prove_agreements()
        commit, problem = self._came_by(history.commit, path)
        assert commit is not None  # it is there, and so somebody brought it
        status, terms = self._status_and_terms(path, entry)
        if status != "approved":
            return Approval(False, commit, (), (_pending(status, terms),))
        judged = problem or self.judge(commit)
        if isinstance(judged, str):
            return Approval(False, commit, (), (judged,))
        if withdrawn := self._withdrawn(path, commit, (status, terms)):
            return Approval(False, commit, (), (withdrawn,))
        parties = frozenset(map(person, not_by))
        if self._people(judged) & parties:
            reason = (
                f"{judged} approved it, who asks for it or gains from it. Somebody else has to: {self._others(parties)}. "
                f"{AGAIN}"
            )
            return Approval(False, commit, (), (reason,))
        signers = [judged]
        if not self._met(needed, signers):
            signers += [
                one for one in self._earlier(path, commit, (status, terms)) if not self._people(one) & parties
            ]
        reasons = () if self._met(needed, signers) else tuple(self._missing(needed, signers, parties))
        shown = tuple(dict.fromkeys(f"{signer.email} ({signer.capacity})" for signer in signers))
        return Approval(not reasons, commit, shown, reasons)

    def _prove_agreements(self) -> None:
        """Verifies the signatures of all agreements, side by side: to do so takes far longer than all the rest."""
        if self._proved:
            return
        self._proved = True
        claims = {}
        for path in self.history.list(AGREEMENTS):
            commit, problem = self._came_by(self.history.commit, path)
            if commit is not None and not problem and commit not in self._claimed:
                claims[commit] = self._claimed[commit] = self._claim(commit)
        signed = {commit: claim[1] for commit, claim in claims.items() if not isinstance(claim, str)}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self._proven.update(zip(signed, pool.map(_disproof, signed.values()), strict=True))

    @cached_property
    def _alike(self) -> Mapping[str, list[str]]:
        """The paths below access/ that a file system may take for one."""
        found: dict[str, list[str]] = {}
        for path in self.history.paths(AGREEMENTS):
            if self.history.entry(self.history.commit, path) is not None:
                found.setdefault(person(path), []).append(path)
        return found

    def _status_and_terms(self, path: str, entry: Entry | None) -> tuple[str, str]:
        """The status and the terms of one version of an agreement; no status if there are none, and why."""
        if entry is None:
            return "", "It is not there."
        if entry not in self._terms:
            self._terms[entry] = self._parsed(path, entry)
        return self._terms[entry]

    def _parsed(self, path: str, entry: Entry) -> tuple[str, str]:
        try:
            value = parse(path, self.history.text(path, entry)).value
        except Unreadable as error:
            return "", f"{error} {error.fix}"
        if not isinstance(value, dict) or not isinstance(value.get("status"), str):
            return "", "It says no status. Write `status: requested`."
        # As text, because to Python 1, 1.0 and true are equal.
        rest = {key: part for key, part in value.items() if key != "status"}
        return value["status"], json.dumps(rest, sort_keys=True)

    def _withdrawn(self, path: str, commit: str, said: tuple[str, str]) -> str:
        """Why an approval does not stand: somebody who can approve said something else, and a merge dropped it."""
        history = self.history
        for other in history.touched(path):
            if self._status_and_terms(path, history.entry(other, path)) == said or history.is_ancestor(
                other, commit
            ):
                continue
            if isinstance(judged := self.judge(other), Approver):
                return (
                    f"{judged} signed another version of it in {history.commits[other]}, which is merged but not "
                    f"in effect. {AGAIN}"
                )
        return ""

    def _earlier(self, path: str, commit: str, said: tuple[str, str]) -> list[Approver]:
        """Who approved the same terms in commits before, newest first, if nothing else was said since."""
        history = self.history
        touches = [
            touch for touch in history.touched(path) if touch != commit and history.is_ancestor(touch, commit)
        ]
        otherwise = [
            touch for touch in touches if self._status_and_terms(path, history.entry(touch, path)) != said
        ]
        same = [touch for touch in reversed(touches) if touch not in otherwise]
        judged = [
            self.judge(touch)
            for touch in same
            if all(history.is_ancestor(other, touch) for other in otherwise)
        ]
        return [one for one in judged if isinstance(one, Approver)]

    def _people(self, approver: Approver) -> frozenset[str]:
        """Every address that the holder of a key went by: a new address makes no other person."""
        return self._persons.get(approver.key, frozenset()) | {person(approver.email)}

    def _met(self, needed: Sequence[str], signers: Sequence[Approver]) -> bool:
        """Whether each capacity that is needed can be given to another person among the signers."""
        if not needed:
            return True
        return any(
            self._met(
                needed[1:],
                [other for other in signers if not self._people(other) & self._people(signer)],
            )
            for signer in signers
            if signer.capacity == needed[0]
        )

    def _missing(
        self, needed: Sequence[str], signers: Sequence[Approver], parties: frozenset[str]
    ) -> list[str]:
        missing = [
            f"It has no approval of {_article(capacity)}. {self._others(parties, capacity)} can sign a new commit that "
            "touches the file and leaves its terms as they are."
            for capacity in dict.fromkeys(needed)
            if not any(signer.capacity == capacity for signer in signers)
        ]
        several = f"It needs the approvals of {len(needed)} people ({', '.join(needed)}). {AGAIN}"
        return missing or [several]

    def _others(self, parties: frozenset[str], capacity: str | None = None) -> str:
        able = [
            str(one)
            for one in self.effective(self.now)
            if capacity in (None, one.capacity) and not self._people(one) & parties
        ]
        return " or ".join(able) or f"somebody whom an approver first has to name in {APPROVERS}"

    # Other files

    def authorised(self, path: str) -> Authorised:
        history = self.history
        if self.founded is None:
            entry = history.entry(history.commit, path)
            text = None if entry is None else history.text(path, entry)
            return Authorised(text, "" if entry is None else history.commit)
        problem = ""
        for commit in reversed(list(filter(history.continues, history.touched(path)))):
            setting_up = history.position(commit) <= self.founded
            refusal = "" if setting_up else self._refusal(commit, path)
            if not refusal:
                entry = history.entry(commit, path)
                text = None if entry is None else history.text(path, entry)
                counts = f" What counts is how it was in {history.commits[commit]}." if problem else ""
                return Authorised(text, commit, problem + counts)
            problem = problem or f"Its last change does not count. {refusal}"
        return Authorised(None, "", problem and f"{problem} No version before does, either.")


def _disproof(signature: Signature) -> str:
    """Why a signature is not true, as the end of a sentence; empty if it is."""
    try:
        verify(signature)
    except Unsigned as unsigned:
        return str(unsigned)
    return ""


def _identity(approver: Approver) -> tuple[str, str, bytes]:
    return person(approver.email), approver.capacity, approver.key


def _pending(status: str, problem: str) -> str:
    if not status:
        return problem
    if status == "requested":
        return "It is requested, and nobody has approved it. An approver sets `status: approved` in a commit that they sign."
    return f"Its status is {status[:50]!r}. To approve it, an approver sets `status: approved` in a commit that they sign."


def _article(capacity: str) -> str:
    return f"{'an' if capacity[0] in 'aeiou' else 'a'} {capacity}"
