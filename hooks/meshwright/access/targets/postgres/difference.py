"""The difference between the actual state of a database and what is desired, as a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from meshwright.access.grants import Desired
from meshwright.access.targets.postgres.actual import Actual, SchemaRelation
from meshwright.access.targets.postgres.bypasses import (
    check_definer_functions,
    check_event_triggers,
    check_opened,
    check_outside_objects,
    check_powerful_logins,
)
from meshwright.access.targets.postgres.database_plan import DatabasePlan
from meshwright.access.targets.postgres.default_privileges import revoke_default_privileges
from meshwright.access.targets.postgres.memberships import change_memberships, members_with_login
from meshwright.access.targets.postgres.privileges import grant_privileges, revoke_privileges
from meshwright.access.targets.postgres.product_roles import check_product_roles
from meshwright.access.targets.postgres.published import PublishedIssue
from meshwright.access.targets.postgres.removals import remove_objects
from meshwright.access.targets.postgres.view_changes import change_views
from meshwright.core.sql.postgres import identifier


def difference(
    desired: Desired,
    actual: Actual,
    twins: Mapping[str, SchemaRelation],
    queries: Mapping[str, str],
    trusted: set[str],
    issues: Sequence[PublishedIssue] = (),
) -> DatabasePlan:
    """Return what has to change, in the order in which it works: first revoke, then create, then grant.

    `twins`: role -> its view as it should be; `queries`: role -> its SQL; `trusted`: the port's administrators.
    `issues`: why no view of a role can be read safely; then twins and queries are those of closed views, for each role
    that has a view. Raises Refused.
    """
    plan = DatabasePlan(issues=tuple(issues))
    if issues:
        _close(actual, issues, plan)
    check_product_roles(desired, actual, plan)
    check_powerful_logins(actual, trusted, plan)
    check_opened(actual, trusted, plan)
    check_outside_objects(actual, trusted, plan)
    check_definer_functions(actual, trusted, plan)
    check_event_triggers(actual, trusted, plan)
    revoke_default_privileges(actual, plan)
    members = members_with_login(desired, actual, plan)
    memberships = change_memberships(actual, members, trusted, plan)
    plan.changes += [change for change in memberships if change.action == "revoke"]
    shown = replace(desired, views=tuple(view for view in desired.views if view.role in queries))
    views = change_views(shown, actual, twins, queries, plan.closed)
    removals = remove_objects(actual, views, plan)
    revoke_privileges(desired, actual, removals.removed | removals.foreign, plan)
    plan.changes += views.changes
    grant_privileges(desired, actual, removals.removed, views.created(actual.names), plan)
    plan.changes += [change for change in memberships if change.action == "grant"]
    return plan


def _close(actual: Actual, issues: Sequence[PublishedIssue], plan: DatabasePlan) -> None:
    """Add a blocker for each issue: it explains that nobody can read the roles' views, nor the applier what is private."""
    views = [
        relation.identity for relation in actual.relations.values() if relation.schema == actual.names.schema
    ]
    names = actual.names
    private = [identifier(names.private), identifier(names.private, names.dataset)]
    for issue in issues:
        plan.blocker(issue.sentence, issue.statement, objects=[*views, *private])
