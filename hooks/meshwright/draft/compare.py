"""Tell what has changed at the sources since the last draft, and apply what a person chooses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from meshwright.core.errors import Error
from meshwright.core.text import listed
from meshwright.core.yaml import Document, inside, read, read_text
from meshwright.core.yaml_edit import edited
from meshwright.draft.contract import value
from meshwright.draft.dataset import Input
from meshwright.draft.layout import layout
from meshwright.draft.plan import Plan
from meshwright.draft.record import Record, column_facts, digest
from meshwright.draft.spec import raise_classification
from meshwright.draft.texts import Flow, ruamel
from meshwright.inspection.reading.column_names import column_name
from meshwright.product.files import CONTRACT, DRAFT, SPEC
from meshwright.product.metamodel import CLASSIFICATIONS

SHOWN = 12
"""New values of a list that are shown."""


@dataclass(frozen=True)
class Change:
    """A difference between a source and what the last draft wrote about it."""

    id: str
    """Input, column and kind, such as `orders.status.values`: what `draft --apply` takes. For a missing file, its path."""
    kind: str
    """new | gone | type | values | range | required | key | length | missing"""
    input: str
    column: str
    """Its name at the source."""
    sentence: str

    @property
    def is_structural(self) -> bool:
        """True if the model may have to change."""
        return self.kind in ("new", "gone", "type")


def changes(root: Path, product: Document, plan: Plan, old: Record) -> list[Change]:
    """Return what has changed at the sources since the last draft. Raises Error."""
    path = str(product.get("spec.dataset.contract", CONTRACT))
    promised = _properties(read(root, path).value) if inside(root, path) else {}
    found = [
        Change(file, "missing", "", "", "The file that the draft wrote is gone.")
        for file in sorted(plan.files)
        if file in old.files and not inside(root, file)
    ]
    for name, entry in plan.data.inputs.items():
        known = old.sources[name]["columns"]
        for column, field in entry.fields.items():
            if column not in known:
                found.append(
                    Change(
                        f"{name}.{column}.new", "new", name, column, f"There is a new column, {field.type}."
                    )
                )
                continue
            if str(field.type) != known[column].get("type"):
                sentence = f"Its type was {known[column].get('type')}, and is {field.type}."
                found.append(Change(f"{name}.{column}.type", "type", name, column, sentence))
            if promise := promised.get(str(known[column].get("as") or "")):
                found += _broken(name, entry, column, promise)
        found += [
            Change(f"{name}.{column}.gone", "gone", name, column, "The column is gone.")
            for column in known
            if column not in entry.fields
        ]
    for name, entry in plan.data.inputs.items():
        key = [
            column
            for column, facts in old.sources[name]["columns"].items()
            if promised.get(facts.get("as") or "", {}).get("primaryKey")
        ]
        if key and set(key) <= set(entry.fields) and not _is_unique(entry, key):
            sentence = f"{', '.join(key)} is no longer different in every row."
            found.append(Change(f"{name}.{'.'.join(key)}.key", "key", name, key[0], sentence))
    return found


def _is_unique(entry: Input, key: Sequence[str]) -> bool:
    is_key = any(set(one) <= set(key) for one in entry.profile.keys)
    return is_key or any(entry.fields[column].profile.distinct == entry.profile.rows for column in key)


def _broken(name: str, entry: Input, column: str, promise: Mapping[str, Any]) -> list[Change]:
    """Return where the values at the source break what the contract says of a column."""
    field = entry.fields[column]
    options = promise.get("logicalTypeOptions") or {}
    found = []
    allowed = _allowed(promise)
    if allowed is not None and not field.kind:
        more = [one for one in (field.profile.values or field.column.values) if one not in map(str, allowed)]
        if more:
            shown = ", ".join(more[:SHOWN]) + (" …" if len(more) > SHOWN else "")
            found.append(
                Change(f"{name}.{column}.values", "values", name, column, f"There are new values: {shown}.")
            )
        elif not field.profile.values and (field.profile.distinct or 0) > len(allowed):
            sentence = f"There are {field.profile.distinct:,} values, too many for a list."
            found.append(Change(f"{name}.{column}.values", "values", name, column, sentence))
    if not field.kind:
        for side, bound in (("minimum", field.profile.minimum), ("maximum", field.profile.maximum)):
            seen, limit = _number(bound), _number(options.get(side))
            if (
                seen is not None
                and limit is not None
                and (seen < limit if side == "minimum" else seen > limit)
            ):
                sentence = f"The {side} is {seen}, beyond {limit}."
                found.append(Change(f"{name}.{column}.range", "range", name, column, sentence))
    if promise.get("required") and field.profile.missing:
        sentence = f"{field.profile.missing:,} of {entry.profile.rows:,} rows have no value."
        found.append(Change(f"{name}.{column}.required", "required", name, column, sentence))
    longest = options.get("maxLength")
    if isinstance(longest, int) and (field.profile.longest or 0) > longest:
        sentence = f"The longest text has {field.profile.longest} characters, more than {longest}."
        found.append(Change(f"{name}.{column}.length", "length", name, column, sentence))
    return found


def _allowed(promise: Mapping[str, Any]) -> list[Any] | None:
    for check in promise.get("quality") or ():
        arguments = check.get("arguments") if isinstance(check, dict) else None
        if isinstance(arguments, dict) and isinstance(arguments.get("validValues"), list):
            return list(arguments["validValues"])
    return None


def _number(text: Any) -> Decimal | None:
    try:
        return Decimal(str(text))
    except InvalidOperation:
        return None


def _properties(contract: Any) -> dict[str, dict[str, Any]]:
    table = (contract.get("schema") or [{}])[0]
    return {
        column["name"]: column
        for column in table.get("properties") or ()
        if isinstance(column, dict) and "name" in column
    }


def chosen(found: Sequence[Change], selectors: Collection[str], old: Record) -> list[Change]:
    """Return the changes that a person names: by id, by column, by kind, by a pattern of ids, or `all`. Raises Error.

    An id or a column may have a column's name at the source, or the one in the contract.
    """
    result: list[Change] = []
    for selector in selectors:
        named = [
            one
            for one in found
            if selector in ("all", one.kind)
            or any(
                fnmatchcase(text, selector)
                for id_ in (one.id, _promised_id(one, old))
                for text in (id_, id_.removesuffix(f".{one.kind}"))
            )
        ]
        if not named and selector != "all":
            known = ", ".join(dict.fromkeys(one.id for one in found)) or "none"
            raise Error(f"No change is called {selector}.", f"The changes are: {known}.")
        result += [one for one in named if one not in result]
    return result


def _promised_id(change: Change, old: Record) -> str:
    """Return the id of a change with the names that the contract has for its columns."""
    columns = old.sources[change.input]["columns"] if change.input else {}
    known = columns.get(change.column) or {}
    name = str(known.get("as") or column_name(change.column))
    return change.id.replace(f"{change.input}.{change.column}", f"{change.input}.{name}", 1)


def applied(
    root: Path,
    product: Document,
    plan: Plan,
    old: Record,
    found: Sequence[Change],
    selected: Sequence[Change],
    level: str,
) -> tuple[dict[str, bytes | None], list[str]]:
    """Return the files that apply some of the changes, and sentences on what is left for the team. Raises Error."""
    path = str(product.get("spec.dataset.contract", CONTRACT))
    place = layout(root)
    model, tests = place.model(plan.data.name), place.properties(plan.data.name)
    structural = [one for one in found if one.is_structural]
    taken = [one for one in selected if one.is_structural]
    notes: list[str] = []
    waiting: Mapping[tuple[str, str], str] = {}
    files: dict[str, bytes | None] = {}
    is_ours = old.is_as_written(root, model)
    if taken and is_ours and len(taken) < len(structural):
        left = ", ".join(one.id for one in structural if one not in taken)
        raise Error(
            f"Columns are applied together, and {left} is not among them.",
            "Apply all: --apply new --apply gone --apply type",
        )
    if taken and not is_ours:
        waiting = _waiting(root, model, path, plan, old, taken)
        notes += [
            f"You have edited {model}: add {name} there and in the contract." for name in waiting.values()
        ]
    new = _properties(value(plan.data, product.value, level))
    names = {
        **{
            (name, column): str(facts.get("as") or "")
            for name, source in old.sources.items()
            for column, facts in source["columns"].items()
        },
        **{(column.input, column.field.column.name): column.name for column in plan.data.columns if is_ours},
    }
    if inside(root, path):
        text = edited(
            read_text(root, path),
            lambda contract: _change_contract(contract, selected, new, names, is_ours),
            path,
        )
        files[path] = text.encode()
    top = max(
        (str(new[one].get("classification")) for one in _added(taken, names) if one in new),
        key=CLASSIFICATIONS.index,
        default="public",
    )
    if is_ours and CLASSIFICATIONS.index(top) > CLASSIFICATIONS.index(level):
        files[SPEC] = edited(
            read_text(root, SPEC), lambda spec: raise_classification(spec, top), SPEC
        ).encode()
    if taken and inside(root, place.sources):
        files[place.sources] = edited(
            read_text(root, place.sources),
            lambda sources: _change_sources(sources, plan, old, taken),
            place.sources,
        ).encode()
        if is_ours:
            files[model] = plan.files[model]
            if old.is_as_written(root, tests):
                files[tests] = plan.files[tests]
        for sample in (one for one in plan.files if one.startswith("sample_data/")):
            if old.is_as_written(root, sample) or not (root / sample).exists():
                files[sample] = plan.files[sample]
            else:
                notes.append(f"You have edited {sample}: bring it to the columns of the source.")
    files |= {one.id: plan.files[one.id] for one in selected if one.kind == "missing"}
    if optional := [names.get((one.input, one.column), "") for one in selected if one.kind == "required"]:
        notes.append(
            f"{listed(optional)}: no longer required, which can break who reads it. If a consumer relies on it, leave the "
            f"promise and correct the source; otherwise give {path} and {SPEC} a new major version."
        )
    files[DRAFT] = _record(root, plan, old, taken, files, waiting).text()
    return {
        file: content
        for file, content in files.items()
        if content is None or not inside(root, file) or content != (root / file).read_bytes()
    }, notes


def _waiting(
    root: Path, model: str, contract: str, plan: Plan, old: Record, taken: Sequence[Change]
) -> dict[tuple[str, str], str]:
    """Return the new columns that an edited model has yet to get, with their names after loading.

    Raises Error if it reads one that is gone.
    """
    text = read_text(root, model) if inside(root, model) else ""
    promised = _properties(read(root, contract).value) if inside(root, contract) else {}
    planned = {(column.input, column.field.column.name): column.name for column in plan.data.columns}
    waiting = {}
    for one in taken:
        if one.kind == "gone" and _landed(old, one) in text:
            raise Error(
                f"You have edited {model}, and it still reads {one.column}.",
                "Remove the column there and in the contract, then apply.",
            )
        place = one.input, one.column
        if one.kind == "new" and planned.get(place) not in promised:
            waiting[place] = plan.data.inputs[one.input].fields[one.column].landed
    return waiting


def _added(taken: Sequence[Change], names: Mapping[tuple[str, str], str]) -> list[str]:
    return [names.get((one.input, one.column), "") for one in taken if one.kind == "new"]


def _record(
    root: Path,
    plan: Plan,
    old: Record,
    taken: Sequence[Change],
    files: Mapping[str, bytes | None],
    waiting: Collection[tuple[str, str]],
) -> Record:
    sources: dict[str, dict[str, Any]] = {
        name: {**source, "columns": dict(source["columns"])} for name, source in old.sources.items()
    }
    out = {(column.input, column.field.column.name): column.name for column in plan.data.columns}
    for one in taken:
        columns = sources[one.input]["columns"]
        if one.kind == "new" and (one.input, one.column) in waiting:
            continue  # the model and the contract have yet to get it
        if one.kind == "gone":
            columns.pop(one.column, None)
        else:
            field = plan.data.inputs[one.input].fields[one.column]
            known = (columns.get(one.column) or {}).get("as")
            columns[one.column] = column_facts(field, known or out.get((one.input, one.column), ""))
    hashes = dict(old.files)
    for path, content in files.items():
        if (
            path in hashes
            and content is not None
            and (old.is_as_written(root, path) or not inside(root, path) or path.startswith("sample_data/"))
        ):
            hashes[path] = digest(content)
    return Record(sources, hashes)


def _landed(old: Record, change: Change) -> str:
    return str(old.sources[change.input]["columns"][change.column].get("as") or change.column)


def _change_contract(
    contract: Any,
    selected: Sequence[Change],
    new: Mapping[str, dict[str, Any]],
    names: Mapping[tuple[str, str], str],
    with_columns: bool,
) -> None:
    properties = contract["schema"][0]["properties"]
    for one in selected:
        name = names.get((one.input, one.column), "")
        place = next((index for index, column in enumerate(properties) if column.get("name") == name), None)
        if one.kind == "new" and with_columns and place is None and name in new:
            properties.append(ruamel(new[name]))
        if place is None:
            continue
        column, proposal = properties[place], new.get(name, {})
        match one.kind:
            case "gone" if with_columns:
                del properties[place]
            case "type":
                _copy(column, proposal, ("logicalType", "physicalType"))
            case "values":
                _extend(column, proposal)
            case "range":
                _options(column, proposal, ("minimum", "maximum"))
            case "length":
                _options(column, proposal, ("maxLength",))
            case "required":
                column.pop("required", None)
            case "key":
                _no_key(properties)


def _copy(column: Any, proposal: Mapping[str, Any], keys: Sequence[str]) -> None:
    for key in keys:
        if key in proposal:
            column[key] = ruamel(proposal[key])
        else:
            column.pop(key, None)


def _extend(column: Any, proposal: Mapping[str, Any]) -> None:
    """Replace the list of allowed values by the one that is proposed; remove it if there is none."""
    allowed = _allowed(proposal)
    for index, check in enumerate(column.get("quality") or ()):
        if "validValues" in (check.get("arguments") or {}):
            if allowed is None:
                del column["quality"][index]
                if not column["quality"]:
                    del column["quality"]
            else:
                known = [str(one) for one in check["arguments"]["validValues"]]
                check["arguments"]["validValues"].extend(
                    ruamel([one for one in allowed if one not in known], in_flow=True)
                )
            return


def _options(column: Any, proposal: Mapping[str, Any], keys: Sequence[str]) -> None:
    options, new = column.get("logicalTypeOptions") or {}, proposal.get("logicalTypeOptions") or {}
    for key in keys:
        if key in options and key in new:
            options[key] = new[key]
        elif key in options:
            del options[key]
    if not options:
        column.pop("logicalTypeOptions", None)


def _no_key(properties: Any) -> None:
    for column in properties:
        column.pop("primaryKey", None)
        column.pop("primaryKeyPosition", None)


def _change_sources(sources: Any, plan: Plan, old: Record, taken: Sequence[Change]) -> None:
    for source in sources["sources"]:
        for table in source.get("tables") or ():
            for one in taken:
                if table.get("name") != one.input:
                    continue
                columns = table.setdefault("columns", ruamel([]))
                field = plan.data.inputs[one.input].fields.get(one.column)
                landed = field.landed if field else column_name(one.column)
                place = next(
                    (index for index, column in enumerate(columns) if column.get("name") == landed), None
                )
                if one.kind == "gone" and place is not None:
                    del columns[place]
                elif one.kind == "new" and place is None and field:
                    columns.append(ruamel(Flow(name=landed, data_type=str(field.type))))
                elif one.kind == "type" and place is not None and field:
                    columns[place]["data_type"] = ruamel(str(field.type), in_flow=True)
