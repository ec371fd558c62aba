"""Who could approve at each point of a history, and whether a commit was signed by one of them."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from meshwright.access.approval.approver_lists import ApproverLists
from meshwright.access.approval.authorship import Authorship, authorship
from meshwright.access.approval.change_chain import Guarded, Settled, again, change_refusal
from meshwright.access.approval.commit_signature import CommitSignature, Unsigned
from meshwright.access.approval.older_rule import older_rule_ends
from meshwright.access.approval.provenance import AGAIN, provenance
from meshwright.access.approval.signatures import of_commit
from meshwright.core.git_history import History
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable
from meshwright.product.approvers import Approver, person
from meshwright.product.files import APPROVERS

Identities = frozenset[tuple[str, str, bytes]]
"""The people of a list of approvers: address, capacity and key."""


def approvers(history: History) -> tuple[Approver, ...]:
    """Return who can approve now. Raises HistoryError."""
    trust = trust_in(history)
    return trust.effective(trust.now)


def trust_problem(history: History) -> str:
    """Return what is wrong with access/approvers.yaml as it is, with the fix; empty if nothing is. Raises HistoryError."""
    return trust_in(history).problem


def list_problem(history: History) -> tuple[str, str]:
    """Return why the present access/approvers.yaml adds nobody, and the commit of the mainline whose list counts. Raises HistoryError."""
    trust = trust_in(history)
    return trust.problem, trust.counts


def root_of_trust(history: History) -> str | None:
    """Return the commit of the mainline that first named an approver; None if none did. Raises HistoryError."""
    trust = trust_in(history)
    return None if trust.founded is None else history.mainline[trust.founded]


def trust_in(history: History) -> Trust:
    """Return the trust of a history, which is computed once. Raises HistoryError."""
    if "trust" not in history.cache:
        history.cache["trust"] = Trust(history)
    trust: Trust = history.cache["trust"]
    return trust


class Trust:
    """Who could approve at each point of a history, and who signed its commits."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.now = len(history.mainline) - 1
        """The newest position of the mainline."""
        self.founded: int | None = None
        """The position of the root of trust."""
        self.present_from = 0
        """The position of the mainline from which on the present rule holds; before, the older one does."""
        self.problem = ""
        """What is wrong with the current access/approvers.yaml."""
        self.counts = ""
        """The commit of the mainline whose list of approvers counts."""
        self._lists = ApproverLists(history)
        self._authorised: tuple[Approver, ...] = ()
        self._settled: Settled[Identities] = Settled(frozenset(), "")
        self._since: list[int] = []
        """The positions at which the approvers changed, rising."""
        self._effective: list[tuple[Approver, ...]] = []
        """The approvers from each of these positions on."""
        self._addresses: dict[bytes, frozenset[str]] = {}
        self._claims: dict[str, tuple[Approver, CommitSignature] | str] = {}
        self._disproofs: dict[str, str] = {}
        for commit in filter(history.continues, history.touched(APPROVERS)):
            self._take_list(commit)

    def _take_list(self, commit: str) -> None:
        """Work out who can approve from a commit on that changes access/approvers.yaml."""
        present, unreadable = self._lists.at(commit)
        self.problem = f"{APPROVERS}: {unreadable}" if unreadable else ""
        if self.founded is None:
            if not present:
                return
            self.founded = self.history.position(commit)
            self.present_from = older_rule_ends(self.history, self.founded)
            refusal = ""
        elif self.history.position(commit) < self.present_from:
            refusal = self.older_refusal(commit, APPROVERS)
        else:
            refusal = self._change_refusal(commit)
        if refusal:
            self.problem = self.problem or f"{APPROVERS}: Its last change adds nobody. {refusal}"
        elif self._identities(commit) != self._settled.value:
            # A list without anybody is not kept, or nobody could ever be named again.
            self._authorised = present or self._authorised
            for approver in present:
                addresses = self._addresses.get(approver.holder, frozenset())
                self._addresses[approver.holder] = addresses | {person(approver.email)}
            self.counts = commit
            self._settle(commit)
        identities = self._identities(commit)
        self._since.append(self.history.position(commit))
        self._effective.append(
            tuple(approver for approver in self._authorised if _identity(approver) in identities)
        )

    def _settle(self, commit: str) -> None:
        changer, _ = provenance(self.history, commit, APPROVERS)
        identities = frozenset(_identity(approver) for approver in self._authorised)
        if identities != self._settled.value:
            self._settled = Settled(identities, changer or commit)

    def _change_refusal(self, commit: str) -> str:
        """Return why the list at a commit adds nobody by the present rule, and takes nobody away for good."""
        if self._identities(commit) == self._settled.value:
            return ""
        if not self._identities(commit) <= self._settled.value:
            return change_refusal(self, commit, self._guarded, self._settled)
        # Who is taken away without authority can be given back without it.
        changer, problem = provenance(self.history, commit, APPROVERS)
        maker = self.maker(changer, APPROVERS) if changer else problem
        return problem or (maker if isinstance(maker, str) else "")

    @property
    def _guarded(self) -> Guarded[Identities]:
        # To take somebody away needs no authority.
        return Guarded(APPROVERS, self._identities, lambda before, after: after <= before)

    def _identities(self, commit: str) -> Identities:
        return frozenset(_identity(approver) for approver in self._lists.at(commit)[0])

    def effective(self, position: int) -> tuple[Approver, ...]:
        """Return who could approve at a position of the mainline."""
        index = bisect_right(self._since, position)
        return self._effective[index - 1] if index else ()

    def addresses(self, approver: Approver) -> frozenset[str]:
        """Return every address that the holder of a key went by: a new address makes no other person."""
        return self._addresses.get(approver.holder, frozenset()) | {person(approver.email)}

    def older_refusal(self, tip: str, path: str) -> str:
        """Return why what a commit has at a path does not count by the older rule; empty if it does."""
        commit, problem = provenance(self.history, tip, path)
        if problem or commit is None:
            return problem
        signer = self.signer(commit)
        return signer if isinstance(signer, str) else ""

    def maker(self, commit: str, path: str) -> Approver | str:
        """Return the approver who both made and signed a commit, as one change of their own; else why nobody did.

        `path`: what it is about, for the fix.
        """
        signer = self.signer(commit)
        if isinstance(signer, str):
            return signer
        about = self.history.commits[commit]
        if len(about.parents) != 1:
            return f"{about} is a merge. {signer} signed it, but a merge approves nothing. {again(path)}"
        written = self._written(commit)
        if person(written.email) not in self.addresses(signer):
            return (
                f"{signer} signed {about}, but its author is {printable(written.email)[:100] or 'unknown'}: to rebase, "
                f"cherry-pick, amend or apply somebody else's change does not approve it. {again(path)}"
            )
        if not written.fresh:
            return (
                f"{signer} signed {about}, but it was written at another time than it was committed: rebased, "
                f"cherry-picked or amended. {again(path)}"
            )
        if written.squash:
            return f"{signer} signed {about}, but it is a squash of other commits. {again(path)}"
        return signer

    def _written(self, commit: str) -> Authorship:
        return authorship(self.history.raw(commit))

    def signer(self, commit: str) -> Approver | str:
        """Return who signed a commit, among those who could approve when it came in; else why nobody did."""
        if commit not in self._claims:
            self._claims[commit] = self._claim(commit)
        claim = self._claims[commit]
        if isinstance(claim, str):
            return claim
        approver, _ = claim
        if commit not in self._disproofs:
            self._disproofs[commit] = _disproof(claim)
        if disproof := self._disproofs[commit]:
            return f"The commit that changed it, {self.history.commits[commit]}, {disproof}. {AGAIN}"
        return approver

    def verify_together(self, commits: Iterable[str]) -> None:
        """Verify the signatures of several commits side by side, because that takes far longer than all the rest."""
        claims = {}
        for commit in commits:
            if commit not in self._claims:
                claims[commit] = self._claims[commit] = self._claim(commit)
        signed = {commit: claim for commit, claim in claims.items() if not isinstance(claim, str)}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self._disproofs.update(zip(signed, pool.map(_disproof, signed.values()), strict=True))

    def _claim(self, commit: str) -> tuple[Approver, CommitSignature] | str:
        """Return who signed a commit, if its signature is true; else why the signature cannot count."""
        about = self.history.commits[commit]
        try:
            signature = of_commit(self.history.raw(commit), self.history.sha256)
        except Unreadable:
            return f"The commit that changed it, {about}, is larger than any commit has to be. {AGAIN}"
        except Unsigned as unsigned:
            return (
                f"The commit that changed it, {about}, {unsigned}. A squash or a rebase drops signatures: "
                "merge with a merge commit, or let an approver sign a new commit that touches the file."
            )
        approver = self._approver(commit, signature)
        return approver if isinstance(approver, str) else (approver, signature)

    def _approver(self, commit: str, signature: CommitSignature) -> Approver | str:
        """Return the approver whose key signed a commit, if they could approve before it came in; else why not."""
        history, about = self.history, self.history.commits[commit]
        position = history.position(commit)
        merge = (
            ""
            if history.continues(commit)
            else f", with the merge {history.commits[history.mainline[position]]}"
        )
        signed = f"The commit that changed it, {about}, is signed with the key {signature.key_name}"
        before = self.effective(position - 1)
        if self.founded is None or not before:
            return f"{signed}, but nobody could approve when it came in{merge}: {APPROVERS} named nobody. {AGAIN}"
        approver = next((one for one in before if signature.names(one)), None)
        if approver is None:
            who = ", ".join(map(str, before))
            return (
                f"{signed}, and that was no approver's when it came in{merge}. Approvers were {who}. {AGAIN}"
            )
        if history.base(commit) < self.founded:
            return (
                f"{signed}, on a line of history without {history.commits[history.mainline[self.founded]]}, where "
                f"this repository first named its approvers. Merge the main branch into it first. {AGAIN}"
            )
        for parent in about.parents:
            if not any(signature.names(one) for one in self._lists.at(parent)[0]):
                return (
                    f"{signed}, and {approver} was no approver yet in the commit before it, "
                    f"{history.commits[parent]}. Merge the main branch into the branch first. {AGAIN}"
                )
        return approver


def _disproof(claim: tuple[Approver, CommitSignature]) -> str:
    """Return why a signature is not true, as the end of a sentence; empty if it is."""
    approver, signature = claim
    try:
        signature.verify(approver)
    except Unsigned as unsigned:
        return str(unsigned)
    return ""


def _identity(approver: Approver) -> tuple[str, str, bytes]:
    return person(approver.email), approver.capacity, approver.key
