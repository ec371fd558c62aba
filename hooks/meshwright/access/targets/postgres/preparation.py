"""Whether a database is prepared for a product, and whether what is prepared there is this product's."""

from __future__ import annotations

from meshwright.access.grants import Desired, ManualAction, Port, Refused
from meshwright.access.targets.postgres.actual import Actual
from meshwright.access.targets.postgres.bootstrap import bootstrap, mark_role
from meshwright.access.targets.postgres.names import display_text
from meshwright.core.sql.postgres import identifier


def refuse_unprepared(actual: Actual, port: Port, desired: Desired) -> None:
    """Raise Refused where nothing can be granted yet, or where the schemas and roles are something else's."""
    _refuse_another(actual, port, desired)
    names = actual.names
    owner = actual.by_name[names.access].oid
    is_prepared = (
        set(actual.schemas) == set(names.schemas)
        and (actual.can_enter or not actual.published)
        and all(
            (relation.kind, relation.owner) == ("r", owner)
            for relation in actual.relations.values()
            if (relation.schema, relation.name) == (names.audit, "record")
        )
    )
    if not is_prepared:
        script = bootstrap(names.schema, [view.role for view in desired.views], product=desired.product)
        raise Refused(
            f"The database of port {port.name} is not prepared: one of the schemas {', '.join(names.schemas)} is missing, "
            f"or {names.access} does not own or may not enter what it should.",
            f"An administrator of the database runs, once:\n{script}",
        )


def _refuse_another(actual: Actual, port: Port, desired: Desired) -> None:
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
    owners = {names.schema: names.access, names.private: names.pipeline, names.audit: names.access}
    for schema, owner in actual.schemas.items():
        if actual.role(owner) != owners[schema]:
            raise Refused(
                f"The schema {schema} belongs to {display_text(actual.role(owner))}, and not to {owners[schema]}.",
                "If it is another program's, give the port another `schema`. If it is this product's, an administrator of "
                f"the database runs:\nALTER SCHEMA {identifier(schema)} OWNER TO {identifier(owners[schema])};",
            )


def _unmark(actual: Actual) -> str:
    return "\n".join(f"COMMENT ON ROLE {identifier(mark.role)} IS NULL;" for mark in actual.marks)


def missing_marks(actual: Actual, desired: Desired) -> list[ManualAction]:
    """Return what an administrator does about logins that do not say whose they are, as before 0.3.0."""
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
