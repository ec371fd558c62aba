"""trigger@1: when a product runs, in a mesh of eight, with the real catalog."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import meshes
import pytest
import records
from catalog_server import Catalog, catalog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline_modules import pipeline_modules
from trigger_mesh import CONSUMERS, DEADLINE, READS, RETRY, SOURCES, Run, TriggerMesh

from meshwright.map import mermaid
from meshwright.map.model import model
from meshwright.product.record import Record

EXAMPLES = int(os.environ.get("MESHWRIGHT_TRIGGERS", "10"))
DAY = 24 * 60


@pytest.fixture(scope="module")
def modules() -> Iterator[Any]:
    with pipeline_modules("traits/trigger") as module:
        yield module


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with catalog(tmp_path_factory.mktemp("catalog")) as served:
        yield served


@pytest.fixture
def mesh(server: Catalog, modules: Any, tmp_path: Path) -> TriggerMesh:
    return TriggerMesh(server, modules, tmp_path)


def started(outcome: Run | str) -> Run:
    assert isinstance(outcome, Run), outcome
    return outcome


def test_each_product_runs_once_for_each_complete_set(mesh: TriggerMesh) -> None:
    for day in range(1, 4):
        for name in SOURCES:
            mesh.publish(name)
            mesh.send_again(name)
        assert mesh.settle() == len(CONSUMERS)
        assert mesh.settle() == 0, "nothing has published since"
        assert {len(mesh.runs[name]) for name in CONSUMERS} == {day}
        mesh.later(DAY - 60)
    for name in CONSUMERS:
        for source in READS[name]:
            assert len({run[mesh.port(source)] for run in mesh.runs[name]}) == 3


def test_what_publishes_between_asking_and_the_end_triggers_again(mesh: TriggerMesh) -> None:
    mesh.publish("one")
    run = started(mesh.ask("left"))
    mesh.publish("one")
    mesh.end(run)
    mesh.end(started(mesh.ask("left")))
    assert mesh.ask("left") == "waiting" and len(mesh.runs["left"]) == 2


def test_a_run_that_was_killed_before_its_record_is_made_again(mesh: TriggerMesh) -> None:
    mesh.publish("one")
    killed = started(mesh.ask("left"))
    mesh.later(15)
    again = started(mesh.ask("left"))
    assert again.consumed == killed.consumed
    mesh.end(again)
    assert mesh.ask("left") == "waiting"


def test_two_runners_at_once_do_no_harm(mesh: TriggerMesh) -> None:
    mesh.publish("one")
    first, second = started(mesh.ask("left")), started(mesh.ask("left"))
    mesh.end(first)
    assert mesh.ask("left") == "waiting", "a third one sees that the set is consumed"
    mesh.end(second)
    assert mesh.ask("left") == "waiting"


def test_a_machine_knows_its_own_runs_that_the_catalog_does_not(mesh: TriggerMesh) -> None:
    mesh.publish("one")
    run = started(mesh.ask("left", "host"))
    product = mesh.product("left", "host")
    mesh.trigger.remember(product, run.consumed, mesh.now)
    state = mesh.trigger.ask(product, mesh.environment)
    assert state.new == [] and mesh.trigger.ask(mesh.product("left"), mesh.environment).new != []
    product.build.joinpath("run.json").write_text(
        json.dumps({"outcome": "failed", "exitCode": 1, "startedAt": mesh.now.isoformat()})
    )
    assert mesh.trigger.ask(product, mesh.environment).here.failed == mesh.now
    product.build.joinpath("run.json").write_text(
        json.dumps({"outcome": "failed", "startedAt": mesh.now.isoformat()})
    )
    assert mesh.trigger.ask(product, mesh.environment).here.failed is None, (
        "it was killed, and is due at once"
    )


def test_a_failed_run_is_tried_again_later_or_when_an_input_changes(mesh: TriggerMesh) -> None:
    mesh.publish("one")
    mesh.fail(started(mesh.ask("left")))
    mesh.later(15)
    assert mesh.ask("left") == "waiting"
    mesh.publish("one")
    mesh.fail(started(mesh.ask("left")))
    mesh.later(int(RETRY.total_seconds()) // 60)
    mesh.end(started(mesh.ask("left")))
    assert mesh.ask("left") == "waiting"


@pytest.mark.parametrize("past", ["run", "fail"])
def test_a_late_input_leads_to_a_run_or_to_a_failure(
    past: str, server: Catalog, modules: Any, tmp_path: Path
) -> None:
    mesh = TriggerMesh(server, modules, tmp_path, **{"past-deadline": past})
    for name in ("one", "two"):
        mesh.publish(name)
    mesh.end(started(mesh.ask("right")))
    mesh.later(DAY)
    mesh.publish("one")
    assert mesh.ask("right") == "waiting"
    mesh.later(3 * 60)
    outcome = mesh.ask("right")
    if past == "run":
        mesh.end(started(outcome))
        assert mesh.ask("right") == "waiting", "the deadline counts from this run on"
    else:
        assert outcome == "late"
    mesh.publish("two")
    outcome = mesh.ask("right")
    assert isinstance(outcome, Run) if past == "fail" else outcome == "waiting"


@pytest.mark.parametrize("past", ["run", "fail"])
def test_without_anything_new_a_deadline_is_a_failure(
    past: str, server: Catalog, modules: Any, tmp_path: Path
) -> None:
    mesh = TriggerMesh(server, modules, tmp_path, **{"past-deadline": past})
    mesh.publish("one")
    mesh.end(started(mesh.ask("left")))
    mesh.now += DEADLINE + timedelta(minutes=1)
    with pytest.raises(
        mesh.trigger.Late, match=r"no new publication of mesh-\d+/one.*the deadline is 26 h later"
    ):
        mesh.trigger.require_ready(mesh.product("left"), mesh.environment, mesh.now)


def test_an_input_that_never_published_cannot_be_read_past_the_deadline_either(
    server: Catalog, modules: Any, tmp_path: Path
) -> None:
    mesh = TriggerMesh(server, modules, tmp_path, **{"past-deadline": "run"})
    mesh.publish("one")
    assert mesh.ask("right") == "waiting"
    mesh.later(27 * 60)
    assert mesh.ask("right") == "late"


def test_the_deadline_counts_from_the_last_run_whoever_knows_of_it(mesh: TriggerMesh) -> None:
    mesh.publish("one")
    run = started(mesh.ask("left"))
    mesh.end(run)
    mesh.later(20 * 60)
    product = mesh.product("left", "host")
    mesh.trigger.remember(product, run.consumed, mesh.now)
    mesh.later(20 * 60)
    with pytest.raises(mesh.errors.Waiting):
        mesh.trigger.require_ready(product, mesh.environment, mesh.now)
    with pytest.raises(mesh.trigger.Late):
        mesh.trigger.require_ready(mesh.product("left"), mesh.environment, mesh.now)


@pytest.mark.parametrize("whose", ["own", "here"])
def test_a_publication_from_the_future_does_not_put_off_the_deadline(whose: str, mesh: TriggerMesh) -> None:
    """The clock of the machine that it ran on was wrong."""
    known, published = mesh.trigger.Publication, mesh.now.isoformat()
    source = {"dp:a/b#x": known(published)}
    ahead = known("2099-01-01T00:00:00+00:00", {"dp:a/b#x": published})
    state = mesh.trigger.State(source, **{whose: ahead})
    settings = mesh.trigger.Settings(True, timedelta(hours=26), False)
    with pytest.raises(mesh.errors.Waiting, match="late from"):
        mesh.trigger.ready(state, settings, mesh.now + timedelta(hours=25))
    with pytest.raises(mesh.trigger.Late, match="Its first input was published"):
        mesh.trigger.ready(state, settings, mesh.now + timedelta(hours=27))


def test_one_of_several_inputs_is_enough_with_any(server: Catalog, modules: Any, tmp_path: Path) -> None:
    mesh = TriggerMesh(server, modules, tmp_path, **{"wait-for": "any"})
    mesh.publish("one")
    run = started(mesh.ask("right"))
    assert list(run.consumed) == [mesh.port("one")]
    mesh.end(run)
    mesh.publish("two")
    mesh.end(started(mesh.ask("right")))
    assert mesh.ask("right") == "waiting"


ACTIONS = st.one_of(
    st.tuples(st.just("publish"), st.sampled_from(SOURCES)),
    st.tuples(st.just("again"), st.sampled_from(tuple(READS))),
    st.tuples(st.just("break"), st.sampled_from(SOURCES)),
    st.tuples(st.just("later"), st.sampled_from((15, 70, 5 * 60, DAY, 27 * 60))),
    *(
        st.tuples(st.just(how), st.sampled_from(CONSUMERS))
        for how in ("run", "run", "run", "host", "fail", "kill", "overtaken", "twice")
    ),
)


def act(mesh: TriggerMesh, how: str, what: Any) -> None:
    """One thing that happens in the mesh."""
    if how == "publish":
        mesh.publish(what)
    elif how == "again":
        mesh.send_again(what)
    elif how == "break":
        mesh.break_promise(what)
    elif how == "later":
        mesh.later(what)
    else:
        machine = what if how == "host" else ""
        outcomes = [mesh.ask(what, machine) for _ in range(2 if how == "twice" else 1)]
        for run in outcomes:
            if not isinstance(run, Run):
                continue
            if how == "fail":
                mesh.fail(run)
            elif how != "kill":
                if how == "overtaken":
                    mesh.publish(SOURCES[len(what) % 3])
                mesh.end(run, machine)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    actions=st.lists(ACTIONS, min_size=8, max_size=30),
    wait=st.sampled_from(("all", "all", "any")),
    past=st.sampled_from(("run", "fail")),
)
def test_whatever_happens_each_product_runs_exactly_when_it_should(
    server: Catalog, modules: Any, tmp_path: Path, actions: list[tuple[str, Any]], wait: str, past: str
) -> None:
    mesh = TriggerMesh(server, modules, tmp_path, **{"wait-for": wait, "past-deadline": past})
    for how, what in actions:  # `ask` compares every decision with what is expected
        act(mesh, how, what)
    mesh.later(61)  # what has failed is tried again
    mesh.settle()
    for name in CONSUMERS:
        mine = mesh.expected[name]
        assert mine.new != set(READS[name]), "none is missed"
        assert mesh.ask(name) in ("waiting", "late")


# -- asking the catalog -----------------------------------------------------------------------------------


class Answers(BaseHTTPRequestHandler):
    """A server that answers as a test wants, and keeps what was sent."""

    status, body, sent = 200, b"{}", []  # type: ignore[var-annotated]

    def do_GET(self) -> None:
        self.sent.append((self.path, self.headers.get("Authorization")))
        self.send_response(self.status)
        if self.status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def answers(modules: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[type[Answers], str]]:
    monkeypatch.setattr(modules("catalog_publications"), "PAUSES", (0.0,))
    handler = type("Fresh", (Answers,), {"sent": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield handler, f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "code", "asked"),
    [
        (401, b"{}", 2, 1),
        (403, b"{}", 2, 1),
        (404, b"{}", 2, 1),
        (302, b"", 2, 1),
        (500, b"", 4, 2),
        (429, b"", 4, 2),
        (200, b"<html>", 4, 2),
        (200, b'{"publications": {"a/b": {}}}', 4, 2),
        (200, b"[" * 100_000, 4, 2),
    ],
)
def test_what_is_no_answer_is_not_taken_for_waiting(
    status: int, body: bytes, code: int, asked: int, answers: tuple[type[Answers], str], mesh: TriggerMesh
) -> None:
    server, url = answers
    server.status, server.body = status, body
    environment = {"MESHWRIGHT_CATALOG": url, "MESHWRIGHT_CATALOG_READ_TOKEN": "secret"}
    with pytest.raises(mesh.errors.UnreadableInput) as refused:
        mesh.trigger.require_ready(mesh.product("left"), environment, mesh.now)
    assert refused.value.exit_code == code and refused.value.fix and "secret" not in str(refused.value)
    assert len(server.sent) == asked, "a redirect is not followed, and only what may pass is tried again"
    assert server.sent[0] == (
        f"/api/publications?of={mesh.domain}%2Fleft&of={mesh.domain}%2Fone", "Bearer secret"
    )  # fmt: skip


def test_a_catalog_that_is_away_is_an_alarm_past_the_deadline(
    answers: tuple[type[Answers], str], mesh: TriggerMesh
) -> None:
    server, url = answers
    server.status = 503
    product = mesh.product("left", "host")
    mesh.trigger.remember(product, {}, mesh.now)
    for hours, code in ((25, 4), (27, 1)):
        with pytest.raises(mesh.errors.UnreadableInput) as refused:
            mesh.trigger.require_ready(
                product, {"MESHWRIGHT_CATALOG": url}, mesh.now + timedelta(hours=hours)
            )
        assert refused.value.exit_code == code


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "MESHWRIGHT_CATALOG has no address"),
        ({"MESHWRIGHT_CATALOG": "file:///etc/passwd"}, "MESHWRIGHT_CATALOG has no address"),
        (
            {"MESHWRIGHT_CATALOG": "https://x.example.org", "MESHWRIGHT_CATALOG_KIND": "datahub"},
            "KIND is datahub",
        ),
    ],
)
def test_without_a_catalog_of_ours_nothing_can_be_asked(
    environment: dict[str, str], says: str, mesh: TriggerMesh
) -> None:
    with pytest.raises(mesh.errors.UnreadableInput, match=says) as refused:
        mesh.trigger.require_ready(mesh.product("left"), environment, mesh.now)
    assert refused.value.exit_code == 2
    asked = mesh.trigger.consumed(mesh.product("left"), environment, None)
    assert asked == {}, "a run by hand goes on, and triggers another one"


def test_a_retired_input_is_no_input_to_wait_for(mesh: TriggerMesh) -> None:
    mesh.publish("one")
    token = mesh.catalog.token("admin")
    reason = {"reason": "Nobody reads it.", "successor": None}
    assert mesh.catalog.ask("POST", f"/api/products/{mesh.domain}/one/retire", reason, token).status == 200
    with pytest.raises(mesh.errors.UnreadableInput, match="one was retired"):
        mesh.trigger.require_ready(mesh.product("left"), mesh.environment, mesh.now)


def test_the_catalog_answers_for_several_products_at_once(mesh: TriggerMesh) -> None:
    mesh.publish("one")
    path = f"/api/publications?of={mesh.domain}/one&of={mesh.domain}/two&of=..%2F..&of=x"
    answer = mesh.catalog.get(path)
    only = {"publication": mesh.now.isoformat(timespec="milliseconds"), "consumed": {}, "failedAt": None, "retired": False}  # fmt: skip
    assert answer.json == {"publications": {f"{mesh.domain}/one": only}}
    tag = answer.headers["ETag"]
    assert mesh.catalog.get(path, If_None_Match=tag).status == 304
    mesh.break_promise("one")
    failed = mesh.catalog.get(path, If_None_Match=tag)
    assert failed.json["publications"][f"{mesh.domain}/one"] == {**only, "failedAt": mesh.now.isoformat(timespec="milliseconds")}  # fmt: skip
    many = "&".join(f"of=d/p{number}" for number in range(202))
    assert mesh.catalog.get(f"/api/publications?{many}").status == 400
    assert mesh.catalog.get("/api/publications").json == {"publications": {}}


def test_the_map_shows_what_a_publication_starts() -> None:
    both = [records.record("airport-operations/departures"), records.record("customer-experience/punctuality", "consumer-oriented")]  # fmt: skip
    for trait, starts in (
        (None, ""),
        ({}, "all"),
        ({"wait-for": "any"}, "any"),
    ):
        traits = [] if trait is None else [{"uses": "trigger@1", "properties": trait}]
        value = meshes.changed(both[1].value, product__spec__traits=traits)
        drawn = model([both[0], Record(value)])
        assert [edge["triggers"] for edge in drawn["edges"]] == [starts]
        assert ("triggers" in mermaid.flowchart(drawn)) is bool(starts)
