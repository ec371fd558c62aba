"""Who approved what is committed, as their signatures prove it.

What a file says of itself proves nothing, and neither do names in a commit or the settings of a forge. An approval is
a commit that changes the file, signed by somebody who could already approve when it came in:

- The *mainline* decides: the commit, its first parent, and so on. The first commit there that names an approver
  in access/approvers.yaml is the root of trust; what was before it is the team's own set-up.
- Who could approve is read from the mainline just before the change came in *and* from the commit's own parents,
  so that no branch can name an approver and use them at once, and no later approver counts for what was before.
- A change of approvers.yaml that no approver signed can take away and give back, and never add.
- A merge decides nothing by itself: what it brought in must have been signed on its branch by somebody who had
  seen the mainline's newest version. A merge that changes the file has to be signed itself.
- An approval stays when its key is taken out of approvers.yaml later. To take one back, set `status: rejected`,
  or delete the agreement; anybody can.

What a signature cannot prove: who wrote the terms (authors of commits are claims), whether two e-mail addresses
belong to one person, and whether an approver looked at what they signed. Any approver can name further ones.
"""

from __future__ import annotations

from meshwright.access.approval.agreement_approval import approval
from meshwright.access.approval.authorised_files import Authorised, authorised, authorised_below
from meshwright.access.approval.evidence import Approval, Evidence
from meshwright.access.approval.provenance import AGAIN
from meshwright.access.approval.valid_approvers import approvers, root_of_trust, trust_problem

__all__ = [
    "AGAIN",
    "Approval",
    "Authorised",
    "Evidence",
    "approval",
    "approvers",
    "authorised",
    "authorised_below",
    "root_of_trust",
    "trust_problem",
]
