"""The roles of the bootstrap: whether they exist, are no more than they should be, and own what they should."""

from __future__ import annotations

from meshwright.access.grants import Desired
from meshwright.access.targets.postgres.actual import NO_ATTRIBUTES, Actual
from meshwright.access.targets.postgres.database_plan import DatabasePlan
from meshwright.access.targets.postgres.desired import desired_logins
from meshwright.access.targets.postgres.memberships import revocation
from meshwright.access.targets.postgres.names import display_text
from meshwright.core.sql.postgres import identifier


def check_product_roles(desired: Desired, actual: Actual, plan: DatabasePlan) -> None:
    """Add a blocker for each role of the product that is missing, or can or owns something else than it should."""
    _check_existence(desired, actual, plan)
    _check_readers(actual, plan)
    _check_attributes(actual, plan)
    _check_owner(actual, plan)
    names = actual.names
    if actual.published and not actual.can_read:
        plan.blocker(
            f"{names.access} may not read {names.private}.{display_text(names.dataset)}: the views would show nothing.",
            f"GRANT SELECT ON {identifier(names.private, names.dataset)} TO {identifier(names.access)};",
            objects=[identifier(names.private, names.dataset)],
        )


def _check_existence(desired: Desired, actual: Actual, plan: DatabasePlan) -> None:
    names = actual.names
    if names.pipeline not in actual.by_name:
        plan.blocker(
            f"There is no role {names.pipeline}.",
            f"CREATE ROLE {identifier(names.pipeline)} LOGIN {NO_ATTRIBUTES};",
        )
    for view in desired.views:
        reader = names.reader(view.role)
        if reader not in actual.by_name:
            plan.blocker(
                f"The role {reader} does not exist: nobody can read as {view.role} yet.",
                f"CREATE ROLE {identifier(reader)} NOLOGIN {NO_ATTRIBUTES};\n{_admin_option(actual, reader)}",
            )
        elif actual.by_name[reader].oid not in actual.administered:
            plan.blocker(
                f"{names.access} may not change who is in {reader}.",
                _admin_option(actual, reader),
                logins=desired_logins(desired, view.role),
            )


def _admin_option(actual: Actual, reader: str) -> str:
    options = "ADMIN TRUE, INHERIT FALSE, SET FALSE" if actual.membership_options else "ADMIN OPTION"
    return f"GRANT {identifier(reader)} TO {identifier(actual.names.access)} WITH {options};"


def _check_readers(actual: Actual, plan: DatabasePlan) -> None:
    for role in actual.readers:
        if excess := role.excess_attributes(login=False):
            plan.blocker(
                f"{display_text(role.name)} is more than a group of readers: {', '.join(excess)}.",
                f"ALTER ROLE {identifier(role.name)} {' '.join('NO' + name for name in excess)};",
                logins=[role.name],
            )
        for row in actual.memberships:
            if row.member == role.oid:
                plan.blocker(
                    f"Members of {display_text(role.name)} are also members of {display_text(actual.role(row.role))}.",
                    revocation(actual, row),
                    logins=actual.logins_with(role.oid),
                )


def _check_attributes(actual: Actual, plan: DatabasePlan) -> None:
    for name in (actual.names.access, actual.names.pipeline):
        role = actual.by_name.get(name)
        if role and (excess := role.excess_attributes(login=True)):
            plan.blocker(
                f"{name} has attributes that it does not need: {', '.join(excess)}.",
                f"ALTER ROLE {identifier(name)} {' '.join('NO' + attribute for attribute in excess)};",
                logins=[name],
            )


def _check_owner(actual: Actual, plan: DatabasePlan) -> None:
    """Everything in the private schema belongs to the pipeline, as the schema does (see `preparation`)."""
    names = actual.names
    pipeline = actual.by_name.get(names.pipeline)
    for relation in actual.relations.values():
        if relation.schema == names.private and pipeline and relation.owner != pipeline.oid:
            plan.blocker(
                f"{display_text(relation.identity)} is not {names.pipeline}'s, but {display_text(actual.role(relation.owner))}'s.",
                f"ALTER TABLE {relation.identity} OWNER TO {identifier(names.pipeline)};",
                objects=[relation.identity],
            )
