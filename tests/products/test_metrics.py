"""The metrics of a run: their format, how they reach servers, and that nothing of it changes how a run ends."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from metric_receiver import Receiver, program, receiver, scraped
from metric_series import Ran, level, report
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as otlp_service

from meshwright.product.cron import times as cronsim_times

pytestmark = pytest.mark.usefixtures("every_port")
HOSTILE = 'a"}\n\\evil{x="1"} 7\r\0\ud800 \u202e' + "é" * 300
SECRET = "hush-5f2c"  # noqa: S105 - of this test alone


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "build").mkdir()
    (tmp_path / "data-product.yaml").write_text(
        'spec: {traits: [{uses: schedule@1, properties: {cron: "0 5 * * *"}}]}'
    )
    return tmp_path


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as known:
        yield known


def emitted(root: Path, run: dict[str, Any], **variables: str) -> str:
    """The text file after a run."""
    from pipeline import metrics

    metrics.emit(root, run, variables)
    return (root / "build" / metrics.FILE).read_text("utf-8")


def good(**more: Any) -> dict[str, Any]:
    return report("bookings", Ran(0, levels=[level()])) | more


def failed(code: int = 2) -> dict[str, Any]:
    return report("bookings", Ran(1440, code=code))


def valid(text: str) -> None:
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


# -- what is emitted --------------------------------------------------------------------------------------


def test_every_indicator_is_emitted_with_its_objective(root: Path) -> None:
    levels = [
        level(value=3.5),
        level("full", "completeness", ">= 99.5%", value=None, unit="%", kept=False, reason="there are no rows"),
        level("change", "volume-change", "<= 20%", value=None, unit="%", kept=None),
        level("steady", "duration", "<= 10m", value=7.0, unit="m", target=0.99, window=30, runs=200, good=199, errorBudget=-0.5, burnRate=1.5),
    ]  # fmt: skip
    text = emitted(root, good(serviceLevels=levels, exitCode=3, missed=["full"]))
    valid(text)
    base = 'domain="hotels",product="bookings"'
    of = f'data_product_service_level_{{}}{{{{{base},service_level="{{}}",indicator="{{}}"{{}}}}}} {{}}'
    for line in (
        of.format("value", "fresh", "freshness", ',unit="seconds"', 12600),
        of.format("objective", "fresh", "freshness", ',unit="seconds",comparison="<="', 108000),
        of.format("kept", "fresh", "freshness", "", 1),
        of.format("objective", "full", "completeness", ',unit="ratio",comparison=">="', 0.995),
        of.format("kept", "full", "completeness", "", 0),
        of.format("objective", "steady", "duration", ',unit="seconds",comparison="<="', 600),
        of.format("target_ratio", "steady", "duration", "", 0.99),
        of.format("window_seconds", "steady", "duration", "", 2592000),
        of.format("window_good_runs", "steady", "duration", "", 199),
        of.format("error_budget_remaining_ratio", "steady", "duration", "", -0.5),
        of.format("burn_rate", "steady", "duration", "", 1.5),
        f'data_product_freshness_timestamp_seconds{{{base},service_level="fresh"}} {1020 - 12600}',
        f'data_product_rows{{{base},port="lake"}} 1000',
        f'data_product_run_outcome{{{base},outcome="success"}} 1',
        f"data_product_run_exit_code{{{base}}} 3",
        f"data_product_next_run_timestamp_seconds{{{base}}} 18000",
    ):
        assert f"{line}\n" in text, line
    assert not re.search(r'level_value.*"full"|level_kept.*"change"', text)  # unknown is not a number


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        ({"exitCode": 0}, "success"),
        ({"exitCode": 3, "missed": ["fresh"]}, "success"),
        ({"exitCode": 1, "missed": ["fresh"]}, "success"),
        ({"exitCode": 1, "outcome": "failed"}, "promise_broken"),
        ({"exitCode": 2, "outcome": "failed"}, "failed"),
        ({"exitCode": 2, "outcome": "published"}, "failed"),
        ({"exitCode": 143, "outcome": "failed"}, "interrupted"),
    ],
)
def test_an_outcome_is_one_of_a_few(root: Path, run: dict[str, Any], outcome: str) -> None:
    text = emitted(root, good(**run))
    assert re.findall(r'outcome="(\w+)"} 1\n', text) == [outcome]
    assert ("data_product_rows{" in text) is (run.get("outcome") != "failed")


def test_no_name_breaks_the_format_or_hides_a_metric(root: Path) -> None:
    run = good(
        product=f"hotels/{HOSTILE}",
        environment=HOSTILE,
        version=HOSTILE,
        rowsIn={HOSTILE: 1, f"{HOSTILE[:9]}2": 2},
        ports={f"dp:hotels/x#{HOSTILE}": "x"},
        serviceLevels=[level(HOSTILE), level("nan", value=float("nan")), level("inf", value=float("inf"))],
    )
    text = emitted(root, run)
    valid(text)
    assert "\nevil" not in text and "\u202e" not in text and "nan" not in text.replace('"nan"', "")
    assert text == emitted(root, run)


def test_a_run_that_fails_leaves_what_the_ports_serve(root: Path) -> None:
    served = re.compile(r"^data_product_(?:rows|published|service_level|freshness).*\n", re.M)
    before = emitted(root, good())
    after = emitted(root, failed())
    assert served.findall(before) == served.findall(after) != []
    valid(after)
    # Neither those of another product, nor of another environment.
    for other in ({"environment": "test"}, {"product": "hotels/other"}):
        emitted(root, good())
        assert not served.findall(emitted(root, failed() | other))
    emitted(root, good(environment="test"))
    assert not served.findall(emitted(root, failed()))


@pytest.mark.parametrize(
    "run",
    [
        {},
        {"product": "hotels"},
        {"product": "hotels/x", "startedAt": "yesterday"},
        good(serviceLevels=[{"name": "x"}]),
        good(rowsOut="many"),
        good(checks=7),
    ],
)
def test_nothing_in_a_report_breaks_the_run(root: Path, run: dict[str, Any]) -> None:
    from pipeline import metrics

    metrics.emit(root, run, {})


@pytest.mark.parametrize(
    ("traits", "due"),
    [
        ('{uses: trigger@1, properties: {cron: "*/15 * * * *", deadline: 26h}}', timedelta(hours=26)),
        ('{uses: trigger@1, properties: {cron: "*/15 * * * *", deadline: soon}}', None),
        ("{uses: lineage@1}", None),
    ],
)
def test_without_a_schedule_the_next_run_is_due_at_the_deadline(
    root: Path, traits: str, due: timedelta | None
) -> None:
    run = good()
    (root / "data-product.yaml").write_text(f"spec: {{traits: [{traits}]}}")
    line = re.search(r"(?m)^data_product_next_run_timestamp_seconds\{.*\} (\S+)$", emitted(root, run))
    expected = due and (datetime.fromisoformat(run["startedAt"]) + due).timestamp()
    assert (line and float(line[1])) == expected


def test_times_of_a_schedule_are_those_of_the_checks() -> None:
    from pipeline.next_run import times

    draw = random.Random(7)  # noqa: S311
    values = (
        ["0", "5", "*/7", "3,50", "10-20/3", "30/10", "*"],
        ["0", "5", "*/6", "1,13", "22-23", "*"],
        ["*", "1", "31", "*/10", "13,29", "28-31"],
        ["*", "2", "JAN,jul", "*/5", "4-6"],
        ["*", "1", "MON-FRI", "sun", "0,6", "*/2"],
    )
    crons = [" ".join(draw.choice(one) for one in values) for _ in range(60)] + ["0 0 29 2 *", "0 0 29 2 1"]
    for cron in crons:
        after = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=draw.randrange(10**6))
        try:
            known = list(islice(cronsim_times(cron, after), 3))
        except ValueError:
            known = []
        assert list(islice(times(cron, after), 3)) == known, cron
    for cron in (
        "",
        "0 5 * *",
        "0 25 * * *",
        "0 5 * * * *",
        "a b c d e",
        "0 5 31-1 * *",
        "*/0 * * * *",
        "0 5 -1 * *",
    ):
        assert next(times(cron, after), None) is None, cron
    assert next(times("0 0 30 2 *", after), None) is None


# -- how it gets there ------------------------------------------------------------------------------------


def test_node_exporter_serves_the_text_file(root: Path) -> None:
    folder = root / "textfile"
    folder.mkdir()
    emitted(root, good(), PIPELINE_METRICS_FILE="textfile/bookings.prom")
    assert [file.name for file in folder.iterdir()] == ["bookings.prom"]
    command = ("prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile")
    with program(*command, f"--collector.textfile.directory={folder}") as url:
        text = scraped(url)
    assert 'data_product_rows{domain="hotels",port="lake",product="bookings"} 1000' in text
    assert "node_textfile_scrape_error 1" not in text


def test_a_pushgateway_keeps_what_the_ports_serve(root: Path) -> None:
    with program("prometheus-pushgateway") as url:
        emitted(root, good(rowsIn={"old": 1}), PIPELINE_METRICS_PUSHGATEWAY=url)
        emitted(root, good(), PIPELINE_METRICS_PUSHGATEWAY=f"{url}/")
        emitted(root, good(environment='a/"b\n'), PIPELINE_METRICS_PUSHGATEWAY=url)
        emitted(root, failed(), PIPELINE_METRICS_PUSHGATEWAY=url)
        text = scraped(url)
    same = 'domain="hotels",instance="",job="data_product"'
    assert f'data_product_rows{{{same},port="lake",product="bookings"}} 1000' in text
    assert f'data_product_run_outcome{{{same},outcome="failed",product="bookings"}} 1' in text
    assert f'data_product_run_outcome{{{same},outcome="success",product="bookings"}} 0' in text
    assert 'input="old"' not in text  # a publication replaces all
    assert 'environment="a/\\"b ",' in text and "push_failure_time" in text


@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json"])
def test_an_otlp_receiver_reads_the_message(root: Path, server: Receiver, protocol: str) -> None:
    text = emitted(
        root,
        good(environment="prod", rowsIn={HOSTILE: 7}),
        OTEL_EXPORTER_OTLP_ENDPOINT=f"{server.url}/otlp/",
        OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=protocol,
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        OTEL_EXPORTER_OTLP_HEADERS=f"Authorization=Bearer%20{SECRET}, x-scope = a",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_RESOURCE_ATTRIBUTES="team=front%20desk,service.version=9",
        OTEL_SERVICE_NAME="",
    )
    ((method, path, headers, body),) = server.received
    assert (method, path, headers["authorization"], headers["x-scope"]) == ("POST", "/otlp/v1/metrics", f"Bearer {SECRET}", "a")  # fmt: skip
    body = gzip.decompress(body)
    message = otlp_service.ExportMetricsServiceRequest()
    if protocol == "http/json":
        json_format.Parse(body, message)
    else:
        assert message.ParseFromString(body) == len(body)
    (resource,) = message.resource_metrics
    about = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert about == {
        "service.namespace": "hotels",
        "service.name": "bookings",
        "service.version": "9",
        "deployment.environment.name": "prod",
        "team": "front desk",
    }
    points = {
        (metric.name, *sorted((one.key, one.value.string_value) for one in point.attributes)): point
        for metric in resource.scope_metrics[0].metrics
        for point in metric.gauge.data_points
    }
    assert len(points) == sum(not line.startswith("#") for line in text.splitlines())
    base = (("domain", "hotels"), ("environment", "prod"))
    rows = points["data_product_rows", *base, ("port", "lake"), ("product", "bookings")]
    assert rows.as_double == 1000 and abs(rows.time_unix_nano / 1e9 - time.time()) < 60
    units = {metric.name.rpartition("_")[2]: metric.unit for metric in resource.scope_metrics[0].metrics}
    assert (units["seconds"], units["rows"]) == ("s", "")


def test_both_forms_of_a_message_are_the_same() -> None:
    from pipeline import metrics, otlp

    run = good(environment="prod")
    samples = [*metrics.samples_of(run, datetime(2026, 1, 1, 5, tzinfo=UTC))]
    message = otlp.message(metrics.labels_of(run), samples, "1.0.0", {"x": "ü"}, time.time_ns())
    read = otlp_service.ExportMetricsServiceRequest()
    read.ParseFromString(otlp.as_protobuf(message))
    assert read == json_format.Parse(otlp.as_json(message), otlp_service.ExportMetricsServiceRequest())
    assert read.SerializeToString(deterministic=True) and json.loads(otlp.as_json(message)) == message


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "", "PIPELINE_METRICS_PUSHGATEWAY": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "{url}", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "{url}", "OTEL_METRICS_EXPORTER": "none"},
    ],
)
def test_nothing_is_sent_that_nobody_asks_for(
    root: Path, server: Receiver, variables: dict[str, str]
) -> None:
    emitted(root, good(), **{name: value.format(url=server.url) for name, value in variables.items()})
    assert server.received == []


PARTIAL = otlp_service.ExportMetricsServiceResponse(
    partial_success={"rejected_data_points": 3, "error_message": "too old\n"}
)


@pytest.mark.parametrize(
    ("codes", "answer", "address", "warning"),
    [
        ([503, 429, 200], b"", "{url}", ""),
        ([500], b"", "{url}", "answered HTTP 500"),
        ([401], b"\x1b[31m::error::", "{url}", "HTTP 401; check the user"),
        ([302], b"", "{url}", "redirects are not followed"),
        ([200], PARTIAL.SerializeToString(), "{url}", "refused a part: 3 data points (too old )"),
        ([200], b'{"partialSuccess": {"rejectedDataPoints": "2"}}', "{url}", "refused a part: 2 data points ()"),
        ([200], b"{}", "{url}", ""),
        ([200], b"\xff\xff\x00<html>", "{url}", ""),
        ([200], b"", "http://127.0.0.1:1", "Connection refused"),
        ([200], b"", "http://no-such-host.invalid", "no-such-host.invalid: "),
        ([200], b"", "file:///etc/passwd", "is not an address such as https://"),
        ([200], b"", "http://[::1", "is not an address such as https://"),
        ([200], b"", "http://127.0.0.1:x", "is not an address such as https://"),
        ([200], b"", "//127.0.0.1", "is not an address such as https://"),
    ],
)  # fmt: skip
def test_a_failure_is_a_warning_that_tells_no_secret(
    root: Path, server: Receiver, capsys: pytest.CaptureFixture[str], codes: list[int], answer: bytes, address: str, warning: str
) -> None:  # fmt: skip
    server.codes, server.answer = [*codes], answer
    url = address.format(url=server.url).replace("http://", f"http://ada:{SECRET}@")
    emitted(
        root,
        good(),
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=url,
        OTEL_EXPORTER_OTLP_HEADERS=f"x-token={SECRET}",
        OTEL_EXPORTER_OTLP_TIMEOUT="3000",
    )
    said = capsys.readouterr().out
    assert SECRET not in said and "\x1b" not in said and "::error" not in said
    assert warning in said and bool(said) is bool(warning)
    if server.received:
        pair = base64.b64encode(f"ada:{SECRET}".encode()).decode()
        assert {one[2]["authorization"] for one in server.received} == {f"Basic {pair}"}
        assert len(server.received) == len(codes) and {one[1] for one in server.received} <= {"", "/"}


@pytest.mark.parametrize(
    ("variables", "warning"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "knows http/protobuf and http/json"),
        ({"OTEL_EXPORTER_OTLP_CERTIFICATE": "none.pem"}, "cannot be used: No such file"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": f"x={SECRET}%0d%0ay: 1"}, "ValueError"),
        (
            {"PIPELINE_METRICS_FILE": "no/folder/x.prom"},
            "could not be written to no/folder/x.prom (PIPELINE_METRICS_FILE): No such file",
        ),
        ({"PIPELINE_METRICS_FILE": "."}, "could not be written to . (PIPELINE_METRICS_FILE): "),
    ],
)
def test_a_wrong_variable_is_a_warning(
    root: Path, server: Receiver, capsys: pytest.CaptureFixture[str], variables: dict[str, str], warning: str
) -> None:
    emitted(root, good(), **{"OTEL_EXPORTER_OTLP_ENDPOINT": server.url, **variables})
    said = capsys.readouterr().out
    assert warning in said and SECRET not in said


def test_a_server_that_answers_slowly_holds_nobody_up(
    root: Path, server: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer, server.pause = b"x" * 1000, 0.05  # each byte comes in time
    began = time.monotonic()
    both = {"OTEL_EXPORTER_OTLP_ENDPOINT": server.url, "PIPELINE_METRICS_PUSHGATEWAY": server.url}
    emitted(root, good(), OTEL_EXPORTER_OTLP_METRICS_TIMEOUT="700", **both)
    assert time.monotonic() - began < 1.4
    assert capsys.readouterr().out.count("has not answered within 0.7 s") >= 1


def test_a_run_that_sends_nothing_loads_nothing(root: Path, every_port: Path) -> None:
    script = (
        "import sys, json; from pathlib import Path; from pipeline import spec, progress, build_folder; before = {*sys.modules};"
        "from pipeline import metrics; metrics.emit(Path(sys.argv[1]), json.loads(sys.argv[2]), {});"
        "print(*sorted({*sys.modules} - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, root, json.dumps(good())], cwd=every_port, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout.split() == ["pipeline.metric_names", "pipeline.metrics", "pipeline.next_run"]
