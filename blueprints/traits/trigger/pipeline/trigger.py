# /// script
# requires-python = ">=3.11"
# dependencies = ["jsonschema==4.26.0", "pyyaml==6.0.3"]
# ///
"""`trigger@1`: run once for each complete set of new publications of the products that are read.

A publication is identified by the time at which its run has measured the service levels, as the catalog's record has it. A run
asks for the publications before it reads, and the record says of which it was made: what is published in between has another
identity, and triggers the next run. So a set is never skipped, and a run that ends before its record is there is made again.

As a command (`uv run --no-project --script pipeline/trigger.py`), it decides with two small packages, for a job that mostly
finds nothing to do. Exit codes: 0 a run is due, 5 not yet, 4 the catalog gives no answer, 1 late, 2 it cannot be asked.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

if not __package__:  # started by its path
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from pipeline import spec
from pipeline.catalog_publications import NoAnswer, Publication, moment, publications
from pipeline.errors import PromiseBroken, UnreadableInput, Waiting
from pipeline.grammar import SECONDS
from pipeline.spec import Capability, Product

RETRY = timedelta(hours=1)
"""How long after a run that failed the same set is tried again."""
REPORTED = timedelta(minutes=1)
"""How much later than its measurement a run is over."""
CLOCKS = timedelta(minutes=10)
"""How far clocks may differ."""
WAITING = 5
"""Exit code of this file as a command: no run is due."""
SAMPLE = "sample_data"
FILE = "trigger.json"
PREFIX = "dp:"


class Late(PromiseBroken):
    """The deadline has passed, and the set is not complete: exit code 1."""


@dataclass(frozen=True)
class Settings:
    """The properties of the trait."""

    every_input: bool
    """False: one new publication is enough."""
    deadline: timedelta
    runs_late: bool
    """True: past the deadline it runs with what is new."""


@dataclass(frozen=True)
class State:
    """What is known when the product asks."""

    inputs: Mapping[str, Publication]
    """Port that is read -> the last publication of its product."""
    own: Publication = field(default_factory=Publication)
    """The product's own last publication, as the catalog knows it."""
    here: Publication = field(default_factory=Publication)
    """The same, as the last run on this machine left it."""

    @property
    def versions(self) -> dict[str, str]:
        """Return the publication of each port that has one."""
        return {port: one.id for port, one in self.inputs.items() if one.id}

    @property
    def new(self) -> list[str]:
        """Return the ports with a publication that no run has published from."""
        return [
            port
            for port, version in self.versions.items()
            if version not in (self.own.consumed.get(port), self.here.consumed.get(port))
        ]

    def published(self, now: datetime) -> datetime | None:
        """Return when the product has published last; None if it has not. A time after `now` is of a wrong clock, and unknown."""
        return max(_past((self.own, self.here), now), default=None)

    def since(self, now: datetime) -> datetime | None:
        """Return when the deadline begins: with the last publication; before that, with the first of the inputs."""
        return self.published(now) or min(_past(self.inputs.values(), now), default=None)


def _past(known: Iterable[Publication], now: datetime) -> list[datetime]:
    """Return the times of publications that are not in the future, where no deadline would ever pass."""
    return [one.at for one in known if one.at and one.at <= now + CLOCKS]


def ready(state: State, settings: Settings, now: datetime) -> str:
    """Return why a run is due. Raises Waiting if none is, and Late past the deadline."""
    missing = [port for port in state.inputs if port not in state.versions]
    new, since = state.new, state.since(now)
    old = [port for port in state.inputs if port not in new]
    late = since is not None and now - since > settings.deadline
    is_complete = not old if settings.every_input else bool(new)
    if is_complete or (late and settings.runs_late and new and not missing):
        _refuse_again(state, new, now)
        if is_complete:
            return f"{_listed(new)} published since the last run."
        return f"The deadline has passed: {_listed(new)} published since the last run, {_listed(old)} not."
    reason = f"{_listed(missing)} never published" if missing else f"no new publication of {_listed(old)}"
    if new:
        reason += f"; {_listed(new)} published since the last run"
    if not late or since is None:
        end = f", which is late from {since + settings.deadline:%Y-%m-%d %H:%M} UTC on" if since else ""
        raise Waiting(f"No run is due{end}: {reason}.", fix="")
    last = "Its last run published" if state.published(now) else "Its first input was published"
    raise Late(
        f"The run is late: {reason}. {last} at {since:%Y-%m-%d %H:%M} UTC, and the deadline is {_shown(settings.deadline)} later.",
        fix="Ask the owners of these products why they have not published. `uv run python -m pipeline` runs with what is there.",
    )


def _refuse_again(state: State, new: Sequence[str], now: datetime) -> None:
    """Raise Waiting if a run of this same set has just failed."""
    failed = max(filter(None, (state.own.failed, state.here.failed)), default=None)
    if failed is None or now - failed >= RETRY or failed > now:
        return
    newest = max((at for port in new if (at := state.inputs[port].at)), default=None)
    if newest is None or newest <= failed:
        raise Waiting(
            f"No run is due: the last one failed at {failed:%Y-%m-%d %H:%M} UTC, and its inputs are the same. It is tried again"
            f" from {failed + RETRY:%H:%M} UTC on.",
            fix="",
        )


def require_ready(product: Product, environment: Mapping[str, str], now: datetime | None = None) -> State:
    """Return what is known, if a run is due. Raises Waiting, Late, NoAnswer, UnreadableInput."""
    from pipeline.progress import say

    settings, now = _settings(product), now or datetime.now(UTC)
    if of_sample := [source.name for source in _counted(product) if _is_sample(source, product.root)]:
        raise UnreadableInput(
            f"Input {', '.join(of_sample)}: the sample's own address registry is read, which has no publications to wait for.",
            fix="Set the variable of `addresses` to the organisation's registry, such as"
            " ADDRESSES=https://catalog.example.org/api/addresses.yaml",
        )
    try:
        state = ask(product, environment)
    except NoAnswer as problem:
        since = max(_past([_here(product)], now), default=None)
        if since is None or now - since <= settings.deadline:
            raise
        raise Late(f"The run is late, and {problem}", fix=problem.fix) from problem
    if _is_unreported(state):
        say(
            "The catalog does not know of the last run on this machine, so that what reads this product does not run:"
            " `meshwright catalog publish`",
            level="warning",
        )
    say(ready(state, settings, now), "run.due", versions=state.versions)
    return state


def _is_unreported(state: State) -> bool:
    """Return True if the catalog does not know of the last run on this machine."""
    here, own = state.here.at, state.own.at
    return (
        here is not None
        and (own is None or here - own > REPORTED)
        and state.here.consumed != state.own.consumed
    )


def ask(product: Product, environment: Mapping[str, str]) -> State:
    """Return what the catalog and this machine know. Raises NoAnswer, UnreadableInput."""
    sources = [source.source for source in _counted(product)]
    if not sources:
        raise UnreadableInput(
            "data-product.yaml: trigger@1 waits for other products, and no input is one (`from: dp:…`).",
            fix="Use the trait schedule@1 instead, or add an input that reads another data product.",
        )
    own = f"{product.domain}/{product.name}"
    known = publications([own, *map(_product, sources)], environment)
    for source in sources:
        if known.get(_product(source), Publication()).retired:
            raise UnreadableInput(
                f"{_product(source)} was retired, and will not publish again.",
                fix="Read its successor, which its page in the catalog names.",
            )
    nothing = Publication()
    return State(
        {source: known.get(_product(source), nothing) for source in sources},
        known.get(own, nothing),
        _here(product),
    )


def consumed(product: Product, environment: Mapping[str, str], state: State | None) -> dict[str, str]:
    """Return the publications that a run is about to read, by port; none that is not certain.

    `state`: what is known already. A run that was started by hand asks now, and goes on without an answer, too.
    """
    from pipeline.progress import say

    real = {source.source for source in _counted(product) if not _is_sample(source, product.root)}
    if not real:
        return {}
    try:
        state = state or ask(product, environment)
    except UnreadableInput as problem:
        say(
            f"            trigger@1 will run again: {problem}",
            level="warning",
        )
        return {}
    return {port: version for port, version in state.versions.items() if port in real}


def remember(product: Product, versions: Mapping[str, str], now: datetime | None = None) -> None:
    """Leave for the next run on this machine what was published from. Raises UnreadableInput."""
    at = (now or datetime.now(UTC)).isoformat(timespec="milliseconds")
    value = {"publishedAt": at, "consumed": dict(versions)}
    file = file_of(product)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.partial")
        partial.write_text(json.dumps(value, indent=2) + "\n", "utf-8")
        os.replace(partial, file)
    except OSError as error:
        raise UnreadableInput(
            f"The ports serve the new version, but {file.relative_to(product.root)} could not be written: {error}",
            fix="Make room, or correct the permissions of build/, and run again.",
        ) from error


def _here(product: Product) -> Publication:
    """Return what the last runs on this machine have left."""
    left, run = _json(file_of(product)), _json(product.build / "run.json")
    versions = left.get("consumed")
    # A run that was killed has no exit code: it is made again at once.
    has_failed = run.get("outcome") == "failed" and "exitCode" in run
    return Publication(
        str(left.get("publishedAt") or ""),
        versions if isinstance(versions, dict) else {},
        moment(run.get("startedAt")) if has_failed else None,
    )


def _json(file: Path) -> dict[str, Any]:
    """Return a JSON object; empty if there is none."""
    try:
        value = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def file_of(product: Product) -> Path:
    """Return the file in which a run leaves what it has published from."""
    return product.build / "state" / (product.target or "default") / FILE


def _settings(product: Product) -> Settings:
    properties = product.trait("trigger")
    if properties is None:
        raise UnreadableInput(
            "data-product.yaml: --if-ready needs the trait trigger@1, which spec.traits does not have.",
            fix="Add it to spec.traits, or leave out --if-ready.",
        )
    length = properties["deadline"]
    return Settings(
        properties.get("wait-for", "all") == "all",
        timedelta(seconds=int(length[:-1]) * SECONDS[length[-1]]),
        properties.get("past-deadline", "fail") == "run",
    )


def _counted(product: Product) -> Iterator[Capability]:
    """Yield the inputs that read other products."""
    return (source for source in product.inputs if source.source.startswith(PREFIX))


def _is_sample(source: Capability, root: Path) -> bool:
    """Return True if the input reads the product's own sample, as pipeline/agreements.py decides it."""
    registry = str(source.properties.get("addresses", "://"))
    return "://" not in registry and (root / registry).resolve().is_relative_to((root / SAMPLE).resolve())


def _product(source: str) -> str:
    return source.removeprefix(PREFIX).partition("#")[0]


def _listed(ports: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(map(_product, ports)))


def _shown(length: timedelta) -> str:
    minutes = int(length.total_seconds()) // 60
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def main() -> int:
    """Decide for the product in this folder; return the exit code."""
    target = os.environ.get("PIPELINE_ENVIRONMENT", "")
    try:
        given = json.loads(os.environ.get("PIPELINE_VARIABLES") or "{}")
        variables = {**{name: str(value) for name, value in given.items()}, **os.environ}
    except (ValueError, AttributeError, RecursionError):
        print("PIPELINE_VARIABLES is not a JSON object.\nFix: Write one, or remove the variable.")
        return UnreadableInput.exit_code
    try:
        require_ready(spec.load(Path.cwd(), variables, target), variables)
    except UnreadableInput as problem:
        print(f"{problem}\nFix: {problem.fix}" if problem.fix else problem)
        return WAITING if isinstance(problem, Waiting) else problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
