"""Trustworthy, continued: the rows at each port are those that the contract promises, at all ports and for all roles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial

from meshwright.assess import Fitness, Verdict, as_text, contract_rows, service_level_checks
from meshwright.assess.contract_rows import Held, HeldRows
from meshwright.assess.evidence import Evidence
from meshwright.assess.storage import COMPARABLE, Absent, Blocker, Field, Table
from meshwright.assess.verdicts import PLACES, at_ports, broken, kept, some, unknown
from meshwright.mesh.role_columns import CLEAR, treatment
from meshwright.product.record import Port

FIX = "Run the pipeline, which publishes only what keeps the contract; or change the contract (with a new major version, if it affects consumers)."
FIX_ROWS = "Run the pipeline, which writes all ports from the same rows, and find out who else writes there."
FIX_COPIES = "Run `meshwright access apply` after each run, as the product's workflow does."
JUST_NOW = timedelta(minutes=5)
"""How long after a run the roles' copies may not be made yet: access is applied next."""


class RowsKeepContract(Fitness):
    """Do the rows at each port keep what the contract promises of keys and values?

    Keys, required values, limits, lists of values, patterns, lengths and formats are computed from the served rows: from all
    of them, or it says of how many. A run checks them before it publishes; this looks at what consumers read.
    """

    characteristic = "trustworthy"
    severity = "critical"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        if not any(one.kind not in contract_rows.RULES for one in contract_rows.examinable(product.record)):
            yield unknown("The contract promises nothing of keys and values.", "Give its columns `required`, `unique` and `logicalTypeOptions`.")  # fmt: skip
            return
        yield from at_ports(product, partial(_kept_at, product, (*contract_rows.KEYS, *contract_rows.VALUES)))


class QualityRulesKept(Fitness):
    """Do the rows at each port keep the quality rules of the contract?

    Row counts, missing, invalid and duplicate values, and queries, computed from the served rows, whatever the last run
    reported.
    """

    characteristic = "trustworthy"
    severity = "high"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        if not any(one.kind in contract_rows.RULES for one in contract_rows.examinable(product.record)):
            yield unknown("The contract has no quality rule that rows can show.")
            return
        yield from at_ports(product, partial(_kept_at, product, contract_rows.RULES))


def _kept_at(product: Evidence, kinds: Sequence[str], port: Port) -> Iterator[Verdict]:
    rows = product.held_rows(port)
    held = rows.of(kinds)
    wrong = [one for one in held if one.state == "broken"]
    for one in wrong[:PLACES]:
        yield broken(one.sentence, FIX, _place(port, one))
    if len(wrong) > PLACES:
        yield broken(f"{len(wrong) - PLACES} more promises are broken.", FIX, port.name)
    yield from _rest(port, rows, held, bool(wrong))


def _rest(port: Port, rows: HeldRows, held: Sequence[Held], is_broken: bool) -> Iterator[Verdict]:
    good = [one for one in held if one.state == "kept"]
    reasons = list(contract_rows.unknown_reasons(held))
    if rows.examined < rows.rows and not is_broken and reasons:
        yield unknown(f"Of {as_text(port.name)}, only {rows.which} were examined, because all take too long; none of them breaks a promise.", "Raise `seconds` in fitness.yaml.", port.name)  # fmt: skip
    elif reasons:
        count = sum(one.state == "unknown" for one in held)
        yield unknown(f"{count} of {len(held)} promises could not be compared with the rows. {some(reasons)}", "", port.name)  # fmt: skip
    if good and not is_broken:
        notes = [one.sentence for one in good if one.sentence]
        also = f" {some(notes)}" if notes else ""
        yield kept(
            f"The promises that were compared with {rows.which} are kept: {len(good)}.{also}", port.name
        )


def _place(port: Port, one: Held) -> str:
    field = one.promise.field or ", ".join(contract_rows.columns_of(one.promise))
    return f"{port.name}: {field}" if field else port.name


class PortsAgree(Fitness):
    """Do all output ports serve the same rows?

    A product has one data set, whatever port it is read at. Columns, the number of rows and their values are compared, as
    sums that the storages compute.
    """

    characteristic = "trustworthy"
    severity = "high"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        readable: list[tuple[Port, Table]] = []
        for port in product.record.outputs:
            try:
                readable.append((port, product.table(port)))
            except Blocker as blocker:
                yield unknown(f"It cannot be compared with the others. {blocker}", blocker.fix, port.name)
        if len(product.record.outputs) == len(readable) == 1:
            yield kept("It has no other port that could differ.", readable[0][0].name)
        for port, table in readable[1:]:
            try:
                yield _compared(product, readable[0], (port, table))
            except Blocker as blocker:
                yield unknown(str(blocker), blocker.fix, port.name)


def _compared(product: Evidence, one: tuple[Port, Table], other: tuple[Port, Table]) -> Verdict:
    (first, here), (port, there) = one, other
    names = as_text(first.name), as_text(port.name)
    if product.role(first) != product.role(port):
        return unknown("The agreements of the assessment show these ports in different roles.", "", port.name)
    columns = [{field.name.lower() for field in table.fields} for table in (here, there)]
    if strange := columns[0] ^ columns[1]:
        return broken(f"{names[0]} and {names[1]} have different columns: {some(sorted(strange))} only at one.", FIX_ROWS, port.name)  # fmt: skip
    counts = here.count(), there.count()
    if counts[0] != counts[1]:
        return broken(f"{names[0]} has {counts[0]:,} rows, and {names[1]} has {counts[1]:,}.", FIX_ROWS, port.name)  # fmt: skip
    shared = comparable(here, there)
    key = [name for name in _key(product) if name in shared]
    if key and _differ(here, there, key):
        return broken(f"{names[0]} and {names[1]} have {counts[0]:,} rows each, but other keys ({some(key)}).", FIX_ROWS, port.name)  # fmt: skip
    if shared and _differ(here, there, shared):
        return broken(f"{names[0]} and {names[1]} have {counts[0]:,} rows each, but other values.", FIX_ROWS, port.name)  # fmt: skip
    compared = f"the same values in {len(shared)} columns" if shared else "no columns whose values compare"
    return kept(f"{names[0]} and {names[1]} have {counts[0]:,} rows each, and {compared}.", port.name)


def _key(product: Evidence) -> Sequence[str]:
    found = contract_rows.examinable(product.record)
    return next((contract_rows.columns_of(one) for one in found if one.kind in contract_rows.KEYS), ())


def comparable(one: Table, other: Table) -> Sequence[str]:
    """Return the columns of both tables whose values every storage spells alike."""
    fields = [{field.name: field for field in table.fields} for table in (one, other)]
    if not all(getattr(table, "typed", True) for table in (one, other)):
        return []  # DuckDB guesses the types of each file for itself
    return [
        name
        for name, field in fields[0].items()
        if name in fields[1]
        and (
            (one.reader == other.reader and field.type == fields[1][name].type)
            or set(_spelling(field)) & set(_spelling(fields[1][name]))
        )
    ]


def _spelling(field: Field) -> Sequence[str]:
    if field.logical & {"object", "array"} or field.type.upper() in ("BLOB", "BYTEA", "CHARACTER", "CITEXT"):
        return ()
    return [name for name in COMPARABLE if name in field.logical and field.type != "numeric"]


def _differ(one: Table, other: Table, columns: Sequence[str]) -> bool:
    return one.fingerprint(columns) != other.fingerprint(columns)


class RoleCopiesCurrent(Fitness):
    """Do roles read the rows of the last run?

    Whoever has an agreement reads a copy for the role, not the data set itself. An old copy is old data, however fresh the
    port is. Age, number of rows and unmasked values are compared with the port.
    """

    characteristic = "trustworthy"
    severity = "high"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        if not product.record.roles:
            yield unknown("There is no policy with roles.")
            return
        yield from at_ports(product, partial(self._at, product))

    def _at(self, product: Evidence, port: Port) -> Iterator[Verdict]:
        if product.role(port):
            yield unknown("The agreement of the assessment shows one role only.", "", port.name)
            return
        whole = product.table(port)
        copies = 0
        for role in product.record.roles:
            place = f"{port.name}: {role}"
            try:
                table = product.variant(port, role)
            except Absent:
                continue
            except Blocker as blocker:
                yield unknown(str(blocker), blocker.fix, place)
                continue
            copies += 1
            older = _older(product, port, whole, table)
            problem = older or _different(product, role, whole, table)
            if not problem:
                yield kept(f"The role reads the rows of the port, {table.count():,} of them.", place)
            elif older and _is_new(product, whole):
                yield unknown(f"{older} The last run has just ended.", "Assess it again later.", place)
            else:
                yield broken(problem, FIX_COPIES, place)
        if not copies:
            yield kept("There is no data for roles at this port.", port.name)


def _is_new(product: Evidence, table: Table) -> bool:
    """Return True if a run may not have come to the roles yet: access is applied after it."""
    times = (table.metadata.get("ingestedAt"), product.record.get("measurement.measuredAt"))
    ends = [at for at in map(service_level_checks.moment, times) if at is not None and at <= product.now]
    return bool(ends) and product.now < max(ends) + JUST_NOW


def _older(product: Evidence, port: Port, whole: Table, table: Table) -> str:
    """Return how a role's copy is of another run than the port; empty if it is not."""
    here, there = (service_level_checks.moment(one.metadata.get("ingestedAt")) for one in (whole, table))
    if here is None or not product.has_metadata(port) or port.uses.partition("@")[0] == "postgres":
        return ""
    if there is None:
        return "The copy for the role does not say of which run it is."
    if there != here:
        return f"The copy for the role has rows of {there:%Y-%m-%d %H:%M}, and the port has rows of {here:%Y-%m-%d %H:%M} UTC."
    return ""


def _different(product: Evidence, role: str, whole: Table, table: Table) -> str:
    """Return how the rows of a role's copy differ from the port's; empty if they do not."""
    record = product.record
    rows = table.count(), whole.count()
    definition = record.roles[role]
    some_rows = bool(definition.get("rows"))
    if rows[0] > rows[1] or (rows[0] != rows[1] and not some_rows):
        return f"The copy for the role has {rows[0]:,} rows, and the port has {rows[1]:,}."
    clear = {column.name for column in record.columns if treatment(record, definition, column) == CLEAR}
    shared = [name for name in comparable(whole, table) if name in clear]
    if shared and not some_rows and _differ(whole, table, shared):
        return "The copy for the role has other values than the port in columns that the role sees unmasked."
    return ""
