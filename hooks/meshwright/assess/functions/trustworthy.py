"""Trustworthy: the quality that the product promises is measured, true, and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from meshwright.assess import Fitness, Verdict, as_text, schedule, service_level_checks
from meshwright.assess.evidence import Evidence
from meshwright.assess.service_level_checks import Recomputed, Undated
from meshwright.assess.storage import Blocker
from meshwright.assess.verdicts import PLACES, at_ports, broken, kept, some, unknown
from meshwright.product.grammar import SECONDS, Objective, objective
from meshwright.product.record import Port, ServiceLevel

RUN = "Run the pipeline, and publish the product again."
NOT_STARTED = "Find out why the scheduled run did not start, and run the pipeline: see docs/how-to/be-told-when-it-breaks.md."
LONG_RUN = timedelta(hours=12)
"""How long before its results a run may have begun."""
OLDEST = 30
"""Maximum age of a measurement in days, if neither a schedule nor a service level defines one."""


class ServiceLevelsPromised(Fitness):
    """Does the product promise measurable service levels?

    A promise without a number or an indicator cannot be broken, and so promises nothing.
    """

    characteristic = "trustworthy"
    severity = "high"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        promised = product.record.service_levels
        if not promised:
            yield broken("It promises no service levels.", "Add one to spec.serviceLevels, freshness first.")
        for level in promised:
            if objective(level.objective) is None:
                yield broken(f"{as_text(level.objective) or 'An empty text'} is not a valid objective.", 'Write one such as "<= 24h".', level.name)  # fmt: skip
            else:
                yield kept(f"The objective of {as_text(level.indicator)} is {as_text(level.objective)}.", level.name)  # fmt: skip


class ServiceLevelsMeasured(Fitness):
    """Is each service level measured recently, for this version?

    A measurement has to be of this version and objective, and within the product's own schedule or the freshness
    that it promises.
    """

    characteristic = "trustworthy"
    severity = "high"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        measurement = record.get("measurement")
        measurement = measurement if isinstance(measurement, dict) else {}
        if not measurement:
            if record.service_levels:
                yield broken("No measurement of this version is published.", RUN)
            return
        if measurement.get("product") not in (None, record.id) or measurement.get("version") not in (None, record.version):  # fmt: skip
            yield broken("The measurement is of another product, or another version.", RUN)
            return
        yield self._age(product, measurement.get("measuredAt"))
        published = measurement.get("serviceLevels")
        measured = {str(one.get("name")): one for one in (published if isinstance(published, list) else ()) if isinstance(one, dict)}  # fmt: skip
        for level in record.service_levels:
            entry = measured.get(level.name)
            if entry is None:
                yield broken("It is promised, but was not measured.", RUN, level.name)
            elif entry.get("objective") != level.objective:
                yield broken("The measurement was compared with another objective.", RUN, level.name)
            elif entry.get("indicator") != level.indicator:
                yield broken("The measurement has another indicator.", RUN, level.name)
            elif level.target is not None and level.runs is None:
                yield broken("Its runs were not counted for this target.", RUN, level.name)
            elif level.value is None and entry.get("kept", False) is None:
                yield unknown(f"The run had nothing to compare with: {as_text(entry.get('reason') or 'it was the first').rstrip('.')}.", "", level.name)  # fmt: skip
            elif level.value is None:
                yield broken(f"The run could not measure it: {as_text(entry.get('reason') or 'nothing to measure').rstrip('.')}.", "Fix the data or the column of the service level, and run the pipeline.", level.name)  # fmt: skip
            else:
                yield kept(
                    f"It was measured: {service_level_checks.display_value(level.value, level.unit)}.",
                    level.name,
                )
        promised = {level.name for level in record.service_levels}
        for name in [name for name in measured if name not in promised][:PLACES]:
            yield broken("It is measured, but not promised.", "Add it to spec.serviceLevels, or run the pipeline of this version.", name)  # fmt: skip

    def _age(self, product: Evidence, measured_at: Any) -> Verdict:
        at = service_level_checks.moment(measured_at)
        if at is None:
            return broken("The measurement has no time.", RUN)
        if at > product.now + service_level_checks.AHEAD:
            return broken("The time of the measurement is in the future.", RUN)
        age = product.now - at
        due = schedule.due(product.record, product.now)
        days = service_level_checks.display_value(age.total_seconds() / 86400, "d")
        if due is not None and at < due:
            return broken(
                f"The last measurement is {days} old; the schedule required a run at {due:%Y-%m-%d %H:%M} UTC.",
                "Find out why the scheduled run did not start or did not publish, and run the pipeline.",
            )
        if due is None and age.days >= _longest(product):
            return broken(f"The last measurement is {days} old.", RUN)
        return kept(f"The last measurement is {days} old.")


def _longest(product: Evidence) -> float:
    """Return the maximum age in days of a measurement of a product without a schedule."""
    goals = [
        goal
        for level in product.record.service_levels
        if level.indicator == "freshness" and (goal := objective(level.objective))
    ]
    days = [goal.value * SECONDS[goal.unit] / 86400 for goal in goals if goal.unit in SECONDS]
    return max(1.0, min(days, default=OLDEST))


class ServiceLevelsKept(Fitness):
    """Do the published measurements meet the objectives?

    The numbers are compared with the objectives; the published flag `kept` is not trusted. A level with a target is kept if
    enough of the runs in its window met the objective, whatever the last one did; the error budget is computed again.
    """

    characteristic = "trustworthy"
    severity = "high"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        for level in product.record.service_levels:
            goal = objective(level.objective)
            if level.target is not None and level.fulfilled is not None:
                yield _over_time(level)
                continue
            if level.target is not None and level.kept is not False:
                yield unknown(level.over_time, "", level.name)
                continue
            if goal is None or level.value is None:
                yield unknown("There is no measurement to compare with the objective.", "", level.name)
                continue
            value = service_level_checks.display_value(level.value, goal.unit)
            if level.unit != goal.unit:
                yield broken(f"It is promised in {goal.unit}, but measured in {as_text(level.unit)}.", RUN, level.name)  # fmt: skip
            elif why := service_level_checks.impossible(
                level.value, goal.unit, level.column, level.indicator
            ):
                yield broken(f"It was {value}, which is impossible: {why}.", "Fix the wrong rows in the model.", level.name)  # fmt: skip
            elif not goal.met(level.value):
                lie = " The published measurement says that it was kept." if level.kept else ""
                yield broken(
                    f"It was {value}; the objective is {as_text(level.objective)}.{lie}",
                    "Fix what delays or reduces the data, or relax the objective in spec.serviceLevels, with a new major version of the contract.",
                    level.name,
                )
            else:
                yield kept(f"It was {value}; the objective is {as_text(level.objective)}.", level.name)


def _over_time(level: ServiceLevel) -> Verdict:
    """Return whether a level is kept over its window."""
    if level.fulfilled:
        return kept(level.over_time, level.name)
    fix = "Find out why runs missed it (build/state/history.jsonl lists them), or lower the target in spec.serviceLevels, with a new major version of the contract."
    return broken(level.over_time, fix, level.name)


class MeasurementsTrue(Fitness):
    """Does the data confirm the measurements?

    Freshness, completeness and volume are computed again from the rows at each port, for the time of the
    measurement. A measurement that the data contradicts is worse than none; one that admits a miss is honest.
    """

    characteristic = "trustworthy"
    severity = "critical"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        yield from _recomputed(product, self._held)

    def _held(self, level: ServiceLevel, goal: Objective, actual: Recomputed, place: str) -> Verdict:
        if goal.unit in SECONDS and service_level_checks.impossible(actual.value, goal.unit, level.column):
            return broken(f"According to the data, it comes from the future ({actual.words}).", RUN, place)
        if actual.then is None or level.value is None:
            return unknown("No measurement of the current data is published.", RUN, place)
        says = f"the published measurement says {service_level_checks.display_value(level.value, goal.unit)}"
        was = f"{actual.words} it was {service_level_checks.display_value(actual.then, goal.unit)} when it was measured"
        if service_level_checks.contradicts(level, goal, actual.then):
            fix = "Do not edit build/slis.json: run the pipeline, which measures what it publishes."
            return broken(f"{was}; {says}.", fix, place)
        return kept(f"{was}, and {says}.", place)


class DataKeepsPromises(Fitness):
    """Does the current data meet the objectives?

    Computed from the rows at each port, whatever was published about them. Data ages even if it does not change, and data that
    no longer says how old it is keeps no promise of freshness.
    """

    characteristic = "trustworthy"
    severity = "high"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        yield from _recomputed(product, self._held, broken)

    def _held(self, level: ServiceLevel, goal: Objective, actual: Recomputed, place: str) -> Verdict:
        now = f"{actual.words} it is {service_level_checks.display_value(actual.value, goal.unit)} now; the objective is {as_text(level.objective)}."
        if why := service_level_checks.impossible(actual.value, goal.unit, level.column):
            return broken(f"{now} That is impossible: {why}.", "Fix the wrong rows in the model.", place)  # fmt: skip
        if goal.met(actual.value):
            return kept(now, place)
        if level.fulfilled and level.target is not None:
            return kept(f"{now} That is within the error budget: {level.over_time}", place)
        fix = "Run the pipeline, and fix what delays it or reduces the data; or relax the objective in spec.serviceLevels, with a new major version of the contract."
        return broken(now, fix, place)


def _recomputed(
    product: Evidence,
    held: Callable[[ServiceLevel, Objective, Recomputed, str], Verdict],
    silent: Callable[[str, str, str], Verdict] = unknown,
) -> Iterator[Verdict]:
    """Yield a verdict for each service level that can be computed from rows, at each port. `silent`: for data that should say
    when its inputs were read, and does not."""
    measured = service_level_checks.moment(product.record.get("measurement.measuredAt"))

    def at(port: Port) -> Iterator[Verdict]:
        table = product.table(port)
        for level in product.record.service_levels:
            goal, place = objective(level.objective), f"{port.name}: {level.name}"
            try:
                actual = (
                    service_level_checks.recompute(level, goal, table, product.now, measured)
                    if goal
                    else None
                )
                if goal and actual:
                    yield held(level, goal, actual, place)
            except Undated as problem:
                judge = silent if product.has_metadata(port) else unknown
                yield judge(str(problem), problem.fix, place)
            except Blocker as blocker:
                yield unknown(str(blocker), blocker.fix, place)

    yield from at_ports(product, at)


class DataIsThisProducts(Fitness):
    """Is the data marked as this product's, in this version?

    The pipeline stores the product and version with the rows. Rows of another product, or of a version with another
    contract, are not what the address promises; and rows without that mark are not of the run that is reported.
    """

    characteristic = "trustworthy"
    severity = "medium"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        yield from at_ports(product, partial(self._whose, product))

    def _whose(self, product: Evidence, port: Port) -> Iterator[Verdict]:
        record, metadata = product.record, product.table(port).metadata
        whose, version = metadata.get("product"), metadata.get("productVersion")
        if whose is None:
            reported = record.get("measurement") or record.get("quality.outcome") == "published"
            judge = broken if reported and product.has_metadata(port) else unknown
            yield judge("The data has no metadata on its product.", "Publish with the pipeline, which writes it.", port.name)  # fmt: skip
        elif whose != record.id:
            yield broken(f"According to its metadata, the data belongs to {as_text(whose)}.", "Give each product a path of its own, and run the pipeline.", port.name)  # fmt: skip
        elif version not in (None, record.version):
            yield broken(
                f"The data has version {as_text(version)}, but the product has version {as_text(record.version)}.",
                RUN,
                port.name,
            )
        else:
            yield kept(f"According to its metadata, the data belongs to this product, version {as_text(record.version)}.", port.name)  # fmt: skip


class LastRunPassed(Fitness):
    """Did the last run publish, with every check of the contract passed?

    A consumer who sees that a run failed knows that the data is outdated, and whom to ask. A product that never ran sends
    no metric that an alert could miss: this is where it is noticed.
    """

    characteristic = "trustworthy"
    severity = "high"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        run = record.get("quality")
        if not isinstance(run, dict):
            scheduled = schedule.never_ran(record) and schedule.due(record, product.now)
            yield broken(schedule.without_run(record, product.now), NOT_STARTED if scheduled else RUN)
            return
        checks = run.get("failed")
        failed = [check for check in (checks if isinstance(checks, list) else ()) if isinstance(check, dict) and check.get("result") != "warning"]  # fmt: skip
        if run.get("outcome") != "published":
            yield broken(
                f"The last run failed: {as_text(run.get('problem') or 'the reason is not given')}",
                "Fix the cause, and run the pipeline again.",
            )
        elif run.get("contract") not in (None, record.get("contract.version")):
            yield broken(f"The last run was verified against another version of the contract: {as_text(run['contract'])}.", RUN)  # fmt: skip
        elif not run.get("checks"):
            yield broken("The last run made no check of the contract.", RUN)
        elif (age := _run_age(product, run)) is not None:
            yield age
        elif not failed:
            yield kept(f"The last run published {as_text(run.get('rows', 'its'))} rows; {as_text(run['checks'])} checks of the contract passed.")  # fmt: skip
        unchecked = run.get("unchecked")
        for check in [check for check in (unchecked if isinstance(unchecked, list) else ()) if isinstance(check, dict)][:PLACES]:  # fmt: skip
            yield unknown(
                f"A promise of the contract is not checked: {as_text(check.get('name'))}. {as_text(check.get('reason') or '')}".strip(),
                "Write it so that the run can check it: see docs/reference/promises.md.",
                as_text(check.get("field") or ""),
            )
        for check in failed[:PLACES]:
            yield broken(
                f"A check of the contract did not pass: {as_text(check.get('name'))}.",
                "Fix the data, or change what the contract promises.",
                as_text(check.get("field") or ""),
            )


def _run_age(product: Evidence, run: dict[str, Any]) -> Verdict | None:
    """Return what is wrong with the age of the last run; None if nothing is."""
    at = service_level_checks.moment(run.get("startedAt"))
    if at is None:
        return broken("The report of the last run has no time.", RUN)
    days = service_level_checks.display_value((product.now - at).total_seconds() / 86400, "d")
    due = schedule.due(product.record, product.now)
    if due is not None and at < due - LONG_RUN:
        return broken(f"The last run was {days} ago; the schedule required one at {due:%Y-%m-%d %H:%M} UTC.", NOT_STARTED)  # fmt: skip
    if due is None and (product.now - at).days >= _longest(product):
        return broken(f"The last run was {days} ago.", RUN)
    return None


class QualityPromised(Fitness):
    """Does the contract have quality rules that every run verifies?

    Names and types alone do not ensure that the data is right. Rules do: the number of rows, the key of
    a row, the possible values.
    """

    characteristic = "trustworthy"
    severity = "medium"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        schema = record.get("contract.schema")
        tables = [one for one in schema if isinstance(one, dict)] if isinstance(schema, list) else []
        if not tables:
            yield unknown("The contract describes no data set.")
            return
        nodes = [node for table in tables for node in _with_columns(table)]
        rules = [rule for node in nodes if isinstance(node.get("quality"), list) for rule in node["quality"]]
        bounds = [
            str(node.get("name"))
            for node in nodes
            if node.get("logicalTypeOptions") or node.get("required") or node.get("unique")
        ]
        if rules:
            yield kept(f"The contract has {len(rules)} rules of quality, and limits for {len(bounds)} columns.")  # fmt: skip
        elif bounds:
            yield broken(
                f"The contract has limits for single columns ({some(bounds)}), but no quality rules.",
                "Add `quality` to the data set in the contract: at least rowCount, and duplicateValues for its key.",
            )
        else:
            yield broken(
                "The contract promises names and types, but no quality.",
                "Add `quality` to the data set in the contract: at least rowCount, and duplicateValues for its key.",
            )


def _with_columns(table: dict[str, Any]) -> list[dict[str, Any]]:
    columns = table.get("properties")
    return [table, *(one for one in (columns if isinstance(columns, list) else ()) if isinstance(one, dict))]
