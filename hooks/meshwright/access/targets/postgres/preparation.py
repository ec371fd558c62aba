"""Whether a database is prepared for a product, and whether what is prepared there is this product's."""

from __future__ import annotations

from meshwright.access.grants import Desired, ManualAction, Port, Refused
from meshwright.access.targets.postgres.actual import Actual
from meshwright.access.targets.postgres.bootstrap import bootstrap, mark_role
from meshwright.access.targets.postgres.names import display_text
from meshwright.core.sql.postgres import identifier


def refuse_unprepared(actual: Actual, port: Port, desired: Desired) -> None:
    """Raise Refused where nothing can be granted yet, or where the schemas and roles are something else's."""
    _refuse_another_mark(actual, port, desired)
    names = actual.names
    for schema in (names.schema, names.audit):
        if refused := _of_another(actual, schema, names.access):
            raise refused
    owner = actual.by_name[names.access].oid
    is_prepared = {names.schema, names.audit} <= set(actual.schemas) and all(
        (relation.kind, relation.owner) == ("r", owner)
        for relation in actual.relations.values()
        if (relation.schema, relation.name) == (names.audit, "record")
    )
    if not is_prepared:
        raise _unprepared(actual, port, desired)
    has_views = any(relation.schema == names.schema for relation in actual.relations.values())
    if not has_views and (refused := private_refusal(actual, port, desired)):
        raise refused


def private_refusal(actual: Actual, port: Port, desired: Desired) -> Refused | None:
    """Return why no view can be made of what is private, which the pipeline's login can bring about; None if one can.

    Views that are there go on reading it.
    """
    names = actual.names
    if names.private not in actual.schemas or (actual.published and not actual.can_enter):
        return _unprepared(actual, port, desired)
    return _of_another(actual, names.private, names.pipeline)


def _unprepared(actual: Actual, port: Port, desired: Desired) -> Refused:
    names = actual.names
    script = bootstrap(names.schema, [view.role for view in desired.views], product=desired.product)
    return Refused(
        f"The database of port {port.name} is not prepared: one of the schemas {', '.join(names.schemas)} is missing, "
        f"or {names.access} does not own or may not enter what it should.",
        f"An administrator of the database runs, once:\n{script}",
    )


def _of_another(actual: Actual, schema: str, expected: str) -> Refused | None:
    owner = actual.schemas.get(schema)
    if owner is None or actual.role(owner) == expected:
        return None
    return Refused(
        f"The schema {schema} belongs to {display_text(actual.role(owner))}, and not to {expected}.",
        "If it is another program's, give the port another `schema`. If it is this product's, an administrator of "
        f"the database runs:\nALTER SCHEMA {identifier(schema)} OWNER TO {identifier(expected)};",
    )


def _refuse_another_mark(actual: Actual, port: Port, desired: Desired) -> None:
    names = actual.names
    for mark in actual.marks:
        if (mark.product, mark.database) != (desired.product, actual.database):
            raise Refused(
                f"The schema {names.schema} of port {port.name} is taken: an administrator prepared {mark.role} for the "
                f"product {display_text(mark.product)} in the database {display_text(mark.database)}, and this is "
                f"{display_text(desired.product)} in {display_text(actual.database)}.",
                "Give the port another `schema`: it is one product's, in one database of a server. If the product or the "
                "database was renamed, an administrator of the database runs this, and then what `meshwright access "
                f"bootstrap` prints:\n{_unmark(actual)}",
            )


def _unmark(actual: Actual) -> str:
    return "\n".join(f"COMMENT ON ROLE {identifier(mark.role)} IS NULL;" for mark in actual.marks)


def missing_marks(actual: Actual, desired: Desired) -> list[ManualAction]:
    """Return what an administrator does about logins that do not say whose they are: one of them, or, as before 0.3.0, both."""
    names = actual.names
    marked = {mark.role for mark in actual.marks}
    unmarked = [
        role for role in (names.pipeline, names.access) if role in actual.by_name and role not in marked
    ]
    if not unmarked:
        return []
    return [
        ManualAction(
            f"{' and '.join(unmarked)} do not say whose they are: another product with this schema, here or in another "
            "database of the server, would not be noticed.",
            "\n".join(mark_role(role, desired.product) for role in unmarked),
        )
    ]
