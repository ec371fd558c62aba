"""`make reference`: writes what is generated: docs/reference, schemas, what Cookiecutter asks, our own hooks and CI."""

from __future__ import annotations

import asyncio
import re
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import logical_types
import yaml
from checkout import ROOT, git
from front_door import cookiecutter_json
from own_files import own_files

from meshwright.access.targets.postgres.bootstrap import bootstrap
from meshwright.assess import Fitness
from meshwright.assess.discovery import functions
from meshwright.capabilities.report import properties
from meshwright.check.engine import PROMISES
from meshwright.check.portable_sql import CONSTRUCTS, EVERYWHERE, INSTEAD
from meshwright.check.rules import RULES
from meshwright.check.rules.base import Rule
from meshwright.check.rules.mandatory import Mandatory
from meshwright.core.yaml import load
from meshwright.mesh.scores import CHARACTERISTICS
from meshwright.product import registry, schema
from meshwright.product.breaking import kinds_of_change
from meshwright.product.composed_schemas import SHIPPED, as_written
from meshwright.product.files import ANSWERS, MANIFEST, SAMPLE_FILES, SPEC
from meshwright.product.files import TEMPLATE_FILES as OWNED
from meshwright.product.ownership import owner
from meshwright.product.physical_types import SPELLINGS
from meshwright.product.promises import KINDS
from meshwright.product.sample_files import fingerprint
from meshwright.serve.app import Settings, application
from meshwright.serve.catalog_store import CatalogStore

FILES: dict[str, tuple[str, str, Callable[[], dict[str, Any]]]] = {
    "access-policy": (
        "access/policy.yaml",
        "Who may read a data product, and who may not.",
        SHIPPED["access-policy"],
    ),
    "access-agreement": (
        "access/agreements/\\<id>.yaml",
        "Who may read a data product, and until when: see [share data](../how-to/share-data.md).",
        SHIPPED["access-agreement"],
    ),
    "access-tests": (
        "access/tests.yaml",
        "Who must be able to see what, and who must not.",
        SHIPPED["access-tests"],
    ),
    "approvers": ("access/approvers.yaml", "Who may approve agreements, by which key.", SHIPPED["approvers"]),
    "directory": (
        "The directory",
        "People and groups: listed in a file, or read from an LDAP or SCIM server.",
        SHIPPED["directory"],
    ),
    "mesh": (
        "mesh.yaml",
        "The repositories of a mesh, for [rollouts](../how-to/roll-out.md). An entry of `repositories` can be just an\n"
        "address.",
        schema.mesh,
    ),
    "catalog-record": (
        "A catalog record",
        "The record of a product that [`meshwright catalog publish`](../how-to/publish-to-the-catalog.md) sends, and that the\n"
        "catalog's [API](catalog-api.md) accepts and returns.",
        schema.catalog_record,
    ),
    "fitness": (
        "fitness.yaml",
        "What an organisation expects of its mesh, for [`meshwright assess`](../how-to/assess-the-mesh.md).",
        schema.fitness,
    ),
    "assessment": (
        "An assessment",
        "The output of `meshwright assess --format json`, which the catalog stores.",
        schema.assessment,
    ),
    "map": (
        "The map, as JSON",
        "The output of [`meshwright map --format json`](../how-to/draw-the-mesh.md).",
        schema.map_of_mesh,
    ),
    "survey": (
        "A survey, as JSON",
        "The output of [`meshwright survey --format json`](../how-to/survey-a-domain.md).",
        schema.survey,
    ),
}
"""Page -> the file that it is about, what it is for, and its schema (which is called as the page is)."""
SHARED = (
    "column_types.py",
    "dbt_folders.py",
    "grammar.py",
    "physical_types.py",
    "promises.py",
    "proposal_marks.py",
)
"""Modules of the pipeline that the checks need as well: both packages have the same file."""
READING = {
    name: f"{folder}/pipeline/{name}.py"
    for folder, names in {
        "template": (
            *("column_names", "comparisons", "conformance", "connections", "conversion"),
            *("parquet_files", "values"),
        ),
        "blueprints/inputs/file": ("csv_files", "json_files"),
        "blueprints/inputs/database": ("database_sessions", "database_types"),
    }.items()
    for name in names
}
"""Modules of the pipeline that read, convert and compare values -> their files. `meshwright draft` reads sources with copies of them,
and `meshwright assess` holds the data at the ports against the contract."""
COPIED_TO = "meshwright.inspection.reading"
ELSEWHERE = {
    "column_types": "meshwright.product.column_types",
    "promises": "meshwright.product.promises",
    "sql": "meshwright.core.sql.duckdb",
}
"""Module of the pipeline that these import -> the module that the package has instead."""
NOTE = "<!-- Written by `make reference`; edit the source that it names, not this page. -->"


def pages() -> dict[str, str]:
    """Every generated file, by its path from the root of this repository."""
    written = {f"template/.meshwright/{name}": text for name, text in as_written().items()}
    for name in SHARED:
        written[f"hooks/meshwright/product/{name}"] = (ROOT / "template" / "pipeline" / name).read_text(
            "utf-8"
        )
    for name, path in READING.items():
        written[f"hooks/meshwright/inspection/reading/{name}.py"] = copy_of(path)
    written |= own_files()
    written["cookiecutter/cookiecutter.json"] = cookiecutter_json()
    written["docs/reference/promises.md"] = promises_page()
    written["docs/reference/metrics.md"] = metrics_page()
    written["docs/reference/logical-types.md"] = logical_types.page(ROOT, NOTE)
    written["docs/reference/portable-sql.md"] = portable_sql_page()
    written[f"template/{OWNED}"] = owned_files()
    written[f"template/{SAMPLE_FILES}.jinja"] = sample_files()
    written["docs/reference/changes.md"] = changes_page()
    written["docs/reference/spec.md"] = spec_page()
    for name, (title, about, compose) in FILES.items():
        made = f"Generated from `hooks/meshwright/product/schemas/{name}.yaml`."
        written[f"docs/reference/{name}.md"] = fields_page(title, f"{about}\n{made}", compose())
    written["docs/reference/bootstrap.sql"] = (
        "-- Written by `make reference`: what `meshwright access bootstrap` prints for the product\n"
        "-- `airport-operations/departures` with the schema `departures` and the roles `reader` and `service`.\n"
        + bootstrap("departures", ["reader", "service"], product="airport-operations/departures")
    )
    written["docs/reference/ownership.md"] = ownership_page()
    written["docs/reference/catalog-api.md"] = api_page()
    written["docs/reference/fitness/README.md"] = fitness_index()
    for function in functions():
        written[f"docs/reference/fitness/{function.id}.md"] = fitness_page(function)
    written["docs/reference/rules/README.md"] = rules_index()
    for name, promise in PROMISES.items():
        written[f"docs/reference/rules/{name}.md"] = (
            f"{NOTE}\n# {name}\n\n{promise}\n\nLevel: error. Source: `hooks/meshwright/check/engine.py`.\n"
        )
    for rule in RULES:
        written[f"docs/reference/rules/{rule.id}.md"] = rule_page(rule)
    written["docs/reference/capabilities/README.md"] = capabilities_index()
    for entry in registry.capabilities():
        written[f"docs/reference/capabilities/{page(entry)}"] = capability_page(entry)
    return written


def copy_of(path: str) -> str:
    """Return a module of the pipeline with the imports that the package `meshwright` has instead."""

    def imported(match: re.Match[str]) -> str:
        module = match["module"]
        if module is None:
            return f"from {COPIED_TO} import"
        return f"from {ELSEWHERE.get(module) or f'{COPIED_TO}.{module}'} import"

    text = (ROOT / path).read_text("utf-8")
    text = re.sub(r"^from pipeline(\.(?P<module>\w+))? import", imported, text, flags=re.MULTILINE)
    note = f"# Written by `make reference`: a copy of {path}.\n"
    ruff = Path(sys.executable).with_name("ruff")
    for command in (["check", "--quiet", "--select", "I", "--fix"], ["format"]):
        text = subprocess.run(
            [ruff, *command, "--stdin-filename", ROOT / "hooks/meshwright/inspection/reading/copy.py", "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return note + text


def portable_sql_page() -> str:
    """The constructs that platforms understand differently, and the functions that are the same everywhere."""
    lines = [
        NOTE,
        "# Portable SQL",
        "",
        "SQL that DuckDB, PostgreSQL and Spark interpret differently, and what to write instead. The rules",
        "[SqlSameEverywhere](rules/SqlSameEverywhere.md) and [SqlNotKnownToDiffer](rules/SqlNotKnownToDiffer.md) report it in",
        "the models of a product that names more than one platform. They treat Databricks like Spark, and Redshift like",
        "PostgreSQL. Snowflake, BigQuery and Trino have not been tested, so these constructs are warnings there.",
        "The page is generated from `hooks/meshwright/check/portable_sql/`, and a test runs each portable spelling on all three",
        "platforms and compares the values.",
        "",
        "| construct | such as | DuckDB | PostgreSQL | Spark | write instead | |",
        "|---|---|---|---|---|---|---|",
    ]
    for construct in CONSTRUCTS.values():
        known = [construct.does[platform] for platform in ("duckdb", "postgres", "spark")]
        cells = [
            construct.what,
            f"`{construct.bad}`",
            *known,
            construct.fix,
            "" if construct.certain else "may differ",
        ]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    lines += [
        "",
        "“May differ” means that the result depends on types or values, which the SQL does not show. Such a line is a warning; all",
        "others are errors. If you know that a line gives the same result everywhere, end it with `-- portable: the reason`.",
        "",
        "## Functions that are the same everywhere",
        "",
        f"{', '.join(f'`{name}`' for name in sorted(EVERYWHERE))}.",
        "",
        "Any other function is a warning. For some functions, the warning names a replacement:",
        "",
        "| function | write instead |",
        "|---|---|",
        *(f"| `{name}` | {fix} |" for name, fix in sorted(INSTEAD.items())),
        "",
        "## A spelling for each platform",
        "",
        "If no portable spelling exists, write a macro with one spelling for each platform. Macros are not checked:",
        "",
        "```sql",
        "{% macro first_number(text) %}{{ return(adapter.dispatch('first_number', 'product')(text)) }}{% endmacro %}",
        "{% macro duckdb__first_number(text) %}regexp_extract({{ text }}, '[0-9]+'){% endmacro %}",
        "{% macro postgres__first_number(text) %}substring({{ text }} from '[0-9]+'){% endmacro %}",
        "{% macro spark__first_number(text) %}regexp_extract({{ text }}, '[0-9]+', 0){% endmacro %}",
        "```",
        "",
        "## What is the same everywhere",
        "",
        "Text is compared and ordered by its bytes: `B`, `Z`, `_`, `a`, `ä`. Times have no zone, and sessions use UTC. Weeks",
        "begin on Monday. Text is enclosed in single quotes, `'it''s'`, and a backslash is a plain character, on Spark too. A value",
        "that cannot be cast ends the run. The result of `%` has the sign of the first number. `greatest` and `least` ignore nulls.",
        "An empty text is not null. `round` rounds halves of decimals away from zero; for doubles this differs, so use decimals.",
    ]
    return "\n".join(lines) + "\n"


def metrics_page() -> str:
    """Every metric that a run emits."""
    names = runpy.run_path(str(ROOT / "template/pipeline/metric_names.py"))
    lines = [
        NOTE,
        "# Metrics",
        "",
        "Every run emits these: see [be told when it breaks](../how-to/be-told-when-it-breaks.md). All are gauges in base units,",
        "with the labels `domain` and `product`, and `environment` if the run had one, besides those in the table. Names are the",
        "same in Prometheus and in OpenTelemetry. Those about the publication stay what they were when a run publishes",
        "nothing. The table is generated from `template/pipeline/metric_names.py`.",
        "",
        "| metric | labels | about | |",
        "|---|---|---|---|",
    ]
    for name, metric in names["METRICS"].items():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{name}` | {labels} | the {metric.kind} | {metric.help} |")
    outcomes, results = (", ".join(f"`{one}`" for one in names[key]) for key in ("OUTCOMES", "RESULTS"))
    lines += [
        "",
        f"`outcome` is one of {outcomes}; a missed service level is a success, because the data are published. `result` is one",
        f"of {results}. `unit` is `seconds`, `ratio` (0 to 1), `rows` or the unit of the objective. A value that nobody could",
        "measure has no sample. A service level without a target over time has no window, budget and burn rate.",
        "",
    ]
    return "\n".join(lines)


def promises_page() -> str:
    """Every kind of promise, and who checks it."""
    lines = [
        NOTE,
        "# What a contract promises, and who checks it",
        "",
        "Every run checks the data set against its contract before it publishes. datacontract-cli checks most promises, and",
        "Meshwright the others. A promise that neither can check is reported as unchecked: on the terminal, in `build/run.json`",
        "(`doubts`, `result: unchecked`), in the catalog, and by the fitness function [LastRunPassed](fitness/LastRunPassed.md), as",
        "unknown. The rule [PromisesChecked](rules/PromisesChecked.md) reports it before the run, as a warning; an organisation",
        "can make it an error in `hooks/meshwright/product/metamodel.py`. The table is generated from `template/pipeline/promises.py`.",
        "",
        "In an incremental run, promises about single rows are checked in the changed rows, and promises about the whole data",
        "set on all rows. The run prints an example of a value that breaks a promise, unless its column is classified above",
        "`internal`. NaN counts as a missing value, and satisfies no minimum or maximum.",
        "",
        "| promise | who checks it | notes |",
        "|---|---|---|",
    ]
    lines += [f"| {what} | {who} | {note} |" for what, who, note in KINDS.values()]
    lines += [
        "",
        "Names, descriptions, tags, examples, classifications, `customProperties`, teams, roles, prices, support and",
        "servers are not promises about the data. `meshwright check` checks those that a data product needs.",
        "",
        "## Physical types",
        "",
        "A column is written with the contract's `physicalType` if nothing is lost, which means that every value is the same",
        "after a cast and back. This is the same on every platform, because it happens between the platform and the ports.",
        "Otherwise the run reports the column, the number of such values and one of them. With `physicalTypes: error` below",
        "`spec.dataset`, which new products have, this ends the run; without it, it is a warning until Meshwright 0.4, and an",
        "error from then on.",
        "For example, a text that is a UUID in capital letters stays as it is and is reported, because a UUID has small letters.",
        "",
        "Three things are never cast: times with a time zone to times without one or back, a column whose logical type",
        "contradicts the physical one, and columns of the port `view@1`, which serves the model itself. Cast them in the model.",
        "No column is cast to `INTERVAL` or `TIME WITH TIME ZONE` either, because [no port can store them](port-types.md).",
        "A type with a length, such as `varchar(2)`, promises that no value is longer. A timestamp with a precision, such as",
        "`timestamp(3)`, promises that no digit beyond it is used.",
        "",
        "| DuckDB's name | spellings, in any case |",
        "|---|---|",
    ]
    for name, spellings in SPELLINGS.items():
        lines.append(f"| `{name}` | {', '.join(f'`{spelling}`' for spelling in spellings)} |")
    lines += [
        "",
        "Nested types are written as `STRUCT(street VARCHAR, geo DOUBLE[])`, `array<string>` or `MAP(VARCHAR, BIGINT)`.",
        "An integer column whose values have at most ten digits also satisfies `number(10, 0)`. A name that is not in the table,",
        "such as `money`, is reported as unchecked.",
    ]
    return "\n".join(lines) + "\n"


def changes_page() -> str:
    """Every kind of change, and what it needs."""
    lines = [
        NOTE,
        "# What a change needs",
        "",
        "`meshwright check --against origin/main`, which CI runs for each pull request, compares contract, spec and access policy",
        "with their previous versions. A change that breaks consumers needs a new major version of contract and product",
        "([BreakingChangeIsMajor](rules/BreakingChangeIsMajor.md), an error). A change that only a person can assess is a warning",
        "([ChangeUnderstood](rules/ChangeUnderstood.md)). The table is generated from `hooks/meshwright/product/breaking/kinds_of_change.py`.",
        "",
        "| change | needs |",
        "|---|---|",
    ]
    needs = {
        kinds_of_change.MAJOR: "a new major version",
        kinds_of_change.MINOR: "nothing",
        kinds_of_change.PERSON: "a person's decision",
    }
    lines += [f"| {what} | {needs[verdict]} |" for what, verdict in kinds_of_change.KINDS.values()]
    return "\n".join(lines) + "\n"


def spec_page() -> str:
    """Every field of data-product.yaml."""
    shape = SHIPPED["data-product"]()
    mandatory = {
        attribute: rule for rule in RULES if isinstance(rule, Mandatory) for attribute in rule.attributes
    }
    lines = [
        NOTE,
        "# data-product.yaml",
        "",
        "The description of a data product, in one file. The table is generated from its schema,",
        "`hooks/meshwright/product/schemas/data-product.yaml`. A field with a rule in the last column is a mandatory attribute.",
        "`${NAME}` and `${NAME:-default}` in the `properties` of a capability are replaced from the environment when the",
        "pipeline runs. Fields that are not in the table are refused, except below `extensions`.",
        "",
        "| field | meaning | required |",
        "|---|---|---|",
    ]
    for path, field, required in fields(shape, shape):
        rule = mandatory.get(path)
        need = f"[{rule.id}](rules/{rule.id}.md)" if rule else ("yes" if required else "")
        lines.append(f"| `{path}` | {meaning(field)} | {need} |")
    return "\n".join(lines) + "\n"


def fields_page(title: str, about: str, shape: dict[str, Any]) -> str:
    """Every field of a file, from its schema."""
    lines = [NOTE, f"# {title}", "", about, "", "| field | meaning | required |", "|---|---|---|"]
    lines += [
        f"| `{path}` | {meaning(field)} | {'yes' if required else ''} |"
        for path, field, required in fields(shape, shape)
    ]
    return "\n".join(lines) + "\n"


def fields(
    node: dict[str, Any], root: dict[str, Any], path: str = ""
) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Every field below `node`, depth first: its path, its schema and whether it is required there."""
    named = dict(node.get("properties", {}))
    if isinstance(node.get("additionalProperties"), dict):
        named["<name>"] = node["additionalProperties"]
    for name, field in named.items():
        required = name in node.get("required", [])
        if "$ref" in field:
            field = {**root["$defs"][field["$ref"].rpartition("/")[2]], **field}
        below = f"{path}.{name}" if path else name
        yield below, field, required
        items = field.get("items", {})
        yield from fields(field, root, below)
        if "properties" in items:
            yield from fields(items, root, f"{below}[]")


def meaning(field: dict[str, Any]) -> str:
    parts = [field.get("description", "")]
    if "enum" in field:
        parts.append("One of " + ", ".join(f"`{value}`" for value in field["enum"]) + ".")
    elif "const" in field:
        parts.append(f"Always `{field['const']}`.")
    elif "$comment" in field:
        parts.append(field["$comment"])
    if field.get("examples"):
        parts.append(f"Such as `{field['examples'][0]}`.")
    return " ".join(part for part in parts if part).replace("|", "\\|")


def ownership_page() -> str:
    """Every file that a product can get, and who owns it."""
    manifest = load(ROOT / "template" / MANIFEST)
    brought = {path: entry for entry in registry.capabilities() for path in entry.files}
    lines = [
        NOTE,
        "# Who owns a product's files",
        "",
        f"Every file that a product can get, from `template/` and `blueprints/`. `{MANIFEST}` names",
        "the owner of each; updates, CODEOWNERS and `meshwright rollout drift` use it.",
        "",
        "| owner | what an update does |",
        "|---|---|",
        "| product | Nothing: the file is written once, and then belongs to the team. A deleted file is not restored. |",
        "| shared | Merges the changes of the team and of the template. The ends of files and lists are for the team. |",
        "| template | Merges too, but an edit of the team is drift: a later update may revert it, or conflict. |",
        "",
        "| file | owner | brought by |",
        "|---|---|---|",
    ]
    for path in sorted({*template_files(), *brought}):
        entry = brought.get(path)
        link = f"[{entry.uses}](capabilities/{page(entry)})" if entry else ""
        lines.append(f"| `{path}` | {owner(path, manifest)} | {link} |")
    return "\n".join(lines) + "\n"


def owned_files() -> str:
    """What a product must have of the template's own files; what a capability brings is held against the registry."""
    manifest = load(ROOT / "template" / MANIFEST)
    paths = sorted({path for path in {*template_files(), OWNED} if owner(path, manifest) == "template"})
    lines = [
        "# The template's own files, for the rules TemplateFilesPresent and CiPresent; of CI, those of one forge.",
        *(f"- {path}" for path in paths if path != ANSWERS),
    ]
    return "\n".join(lines) + "\n"


def sample_files() -> str:
    """The files that belong to the product from its birth, with the hash of each: Copier renders those that have answers in them."""
    manifest = load(ROOT / "template" / MANIFEST)
    hashes: dict[str, list[str]] = {}
    for name, path in sources():
        if owner(path, manifest) != "product" or path in (SPEC, SAMPLE_FILES):
            continue
        if name.endswith(".jinja"):
            condition = re.search(r"\{% if (.*?) %\}", name)
            line = (
                f"  - {{% set text %}}{{% include {name!r} %}}{{% endset %}}{{{{ text | hash('sha256') }}}}\n"
            )
            lines = f"{{% if {condition[1]} %}}{line}{{% endif %}}" if condition else line
        else:
            lines = f"  - {fingerprint((ROOT / name).read_bytes())}\n"
        hashes.setdefault(path.replace("<dataset>", "{{ dataset }}"), []).append(lines)
    head = (
        "# The files of yours that the template wrote for a start, with the hashes of their content (SHA-256): `meshwright draft`\n"
        "# replaces only what is still the same. Written once.\n"
    )
    return head + "".join(f"{path}:\n{''.join(lines)}" for path, lines in sorted(hashes.items()))


def template_files() -> Iterator[str]:
    """The paths below template/ as they are in a product, without their conditions."""
    yield from (path for _, path in sources())


def sources() -> Iterator[tuple[str, str]]:
    """Every file below template/, with its path in a product, without conditions."""
    tracked = git("ls-files", "--cached", "--others", "--exclude-standard", "-z", "template", cwd=ROOT)
    for name in filter(None, tracked.split("\0")):
        path = name.removeprefix("template/").removesuffix(".jinja")
        if "{% yield" in path or not (ROOT / name).is_file():
            continue  # the way in of the blueprints' files; a file that was just deleted
        path = re.sub(r"\{%.*?%\}", "", path).replace("{{ dataset }}", "<dataset>")
        path = path.replace("{{ _copier_conf.answers_file }}", ".copier-answers.yml")
        for forge in ("github", "gitlab") if "{{ forge }}" in path else ("",):
            yield name, path.replace("{{ forge }}", forge)


def rules_index() -> str:
    lines = [
        NOTE,
        "# Rules",
        "",
        "The rules that `meshwright check` and the pre-commit hook check in every product. Each rule is a class in",
        "`hooks/meshwright/check/rules/`; an organisation sets levels in `hooks/meshwright/product/metamodel.py`.",
        "",
        "| rule | promise |",
        "|---|---|",
    ]
    lines += [f"| [{name}]({name}.md) | {promise} |" for name, promise in PROMISES.items()]
    lines += [f"| [{rule.id}]({rule.id}.md) | {rule.promise} |" for rule in RULES]
    return "\n".join(lines) + "\n"


def rule_page(rule: Rule) -> str:
    module = type(rule).__module__.replace(".", "/")
    lines = [NOTE, f"# {rule.id}", "", rule.promise, ""]
    if rule.why:
        lines += [rule.why, ""]
    if isinstance(rule, Mandatory):
        lines += [
            "Mandatory: " + ", ".join(f"`{attribute}`" for attribute in rule.attributes) + ".",
            "",
            f"Fix: {rule.fix}",
            "",
        ]
    lines += [f"Level: {rule.level}. Source: `hooks/{module}.py`.", ""]
    twin = rule.broken.get("twin")
    places = [(f"`{file}`", file, patch) for file, patch in rule.broken.items() if file != "twin"]
    if isinstance(twin, dict):  # words about one cannot be shown
        places += [(f"`{file}` of a product that reads it", file, patch) for file, patch in twin.items()]
    for where, file, patch in places:
        if patch is None:
            lines += [f"Example of a violation: `{file}` is missing.", ""]
            continue
        kind, text = file.rpartition(".")[2], patch
        if not isinstance(patch, str):
            text = yaml.safe_dump(patch, sort_keys=False, allow_unicode=True).replace(
                ": null", ":  # missing"
            )
        example = "Reported, for example" if rule.level == "note" else "Example of a violation"
        lines += [f"{example}, in {where}:", "", f"```{kind}", text.rstrip(), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def fitness_index() -> str:
    lines = [
        NOTE,
        "# Fitness functions",
        "",
        "The questions that [`meshwright assess`](../../how-to/assess-the-mesh.md) asks about every product. Each is a class in",
        "`hooks/meshwright/assess/functions/`; an organisation [adds its own](../../how-to/add-a-fitness-function.md) and sets",
        "severities in [fitness.yaml](../fitness.md).",
    ]
    for characteristic in CHARACTERISTICS:
        lines += [
            "",
            f"## {characteristic.capitalize()}",
            "",
            "| function | severity | question |",
            "|---|---|---|",
        ]
        lines += [
            f"| [{function.id}]({function.id}.md) | {function.severity} | {function.question} |"
            for function in functions()
            if function.characteristic == characteristic
        ]
    return "\n".join(lines) + "\n"


def fitness_page(function: Fitness) -> str:
    source = f"hooks/{type(function).__module__.replace('.', '/')}.py"
    looks = "It reads storage or a catalog, so `--static` skips it. " if function.probes else ""
    return "\n".join(
        [
            NOTE,
            f"# {function.id}",
            "",
            function.question,
            "",
            *([function.why, ""] if function.why else []),
            f"Characteristic: {function.characteristic}. Severity: {function.severity}. {looks}Source: `{source}`.",
            "",
        ]
    )


def api_page() -> str:
    """The catalog's API, from what FastAPI knows of it."""
    with tempfile.TemporaryDirectory() as folder:
        catalog = application(CatalogStore(f"sqlite:///{folder}/catalog.db"), Settings(log=False))
        described = asyncio.run(_get(catalog, "/openapi.json"))
    lines = [
        NOTE,
        "# The catalog's API",
        "",
        "The HTTP API of `meshwright catalog serve`. The catalog's page `/api` has each request with its parameters, answers, errors, and",
        "examples for curl and [Python](catalog-client.md); `/openapi.json` is the same for programs. Records have [these",
        "fields](catalog-record.md). Requests that write need `Authorization: Bearer <token>`. Every error is an object with",
        "`error` (a word), `detail` and `fix` (sentences).",
        "",
        "| request | what it does |",
        "|---|---|",
    ]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            about = " ".join((operation.get("description") or operation["summary"]).split())
            lines.append(f"| `{method.upper()} {path}` | {about.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


async def _get(application: Any, path: str) -> Any:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url="http://catalog"
    ) as client:
        return (await client.get(path)).json()


def capabilities_index() -> str:
    lines = [
        NOTE,
        "# Capabilities",
        "",
        "The registry of everything that a data product can use. Each capability is a folder below `blueprints/`;",
        "`meshwright capabilities` prints the same list.",
        "",
        "| capability | kind | maturity | what it does |",
        "|---|---|---|---|",
    ]
    for entry in registry.capabilities():
        lines.append(
            f"| [{entry.uses}]({page(entry)}) | {registry.KINDS[entry.kind]} | {entry.maturity} | {entry.summary} |"
        )
    return "\n".join(lines) + "\n"


def page(entry: registry.Capability) -> str:
    return f"{registry.KINDS[entry.kind]}-{entry.name}.md"


def capability_page(entry: registry.Capability) -> str:
    lines = [NOTE, f"# {entry.uses}", "", entry.summary, "", entry.description, ""]
    lines += ["| | |", "|---|---|"]
    lines += [
        f"| kind | {registry.KINDS[entry.kind]} |",
        f"| version | {entry.version} |",
        f"| maturity | {entry.maturity} |",
        f"| owner | {entry.owner} |",
        f"| brings | {', '.join(f'`{path}`' for path in entry.files) or 'nothing'} |",
        f"| needs | {', '.join(f'`{need}`' for need in entry.requirements) or 'nothing'} |",
    ]
    if entry.platform:
        lines.append(f"| platform | {entry.platform} |")
    if entry.offers:
        lines.append(f"| can be [shared](../../how-to/choose-how-to-share.md) | {', '.join(entry.offers)} |")
    if entry.opens:
        lines.append(f"| opens | {', '.join(f'`{uses}`' for uses in entry.opens)} |")
    lines.append("")
    described = list(properties(entry))
    if described:
        lines += ["## Properties", "", "| name | meaning | required |", "|---|---|---|"]
        lines += [
            f"| `{name}` | {text} | {'yes' if required else ''} |" for name, required, text in described
        ]
        lines.append("")
    lines += ["## Example", "", "```yaml", entry.example.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def out_of_date() -> list[str]:
    """Generated files that are not what the sources make now, and generated pages of things that are gone."""
    desired = pages()
    existing = {
        path.relative_to(ROOT).as_posix()
        for folder in ("rules", "capabilities", "fitness")
        for path in (ROOT / "docs" / "reference" / folder).glob("*.md")
    }
    stale = [
        name
        for name, text in desired.items()
        if not (ROOT / name).is_file() or (ROOT / name).read_text("utf-8") != text
    ]
    return sorted({*stale, *(existing - set(desired))})


def main() -> None:
    stale = out_of_date()
    desired = pages()
    for name in stale:
        file = ROOT / name
        if name in desired:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(desired[name], "utf-8")
        else:
            Path(file).unlink()
        print(f"{'wrote' if name in desired else 'removed'} {name}", file=sys.stderr)


if __name__ == "__main__":
    main()
