"""Shorten error messages of dbt and its adapters to a few lines: what failed, in which file and line, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from dbt.artifacts.schemas.results import NodeStatus
from dbt_common.clients.jinja import extract_toplevel_blocks
from dbt_common.exceptions import CompilationError

from pipeline import declared_columns
from pipeline.dbt_folders import described, folders
from pipeline.errors import UnreadableInput
from pipeline.platforms import INPUTS
from pipeline.spec import Product

LONGEST = 300
TESTS = ("test", "unit_test")
LONGEST_TABLE = 16
SHOWN = 5
LOG = "build/logs/dbt.log has dbt's complete output."

HEADING = re.compile(
    r"(?:[A-Z][\w ]+ Error(?: in [\w ]+ \S+ \(.*\))?|An error occurred during execution of unit test .*)$"
)
"""First lines of dbt's messages to drop: the kind of error, and the model, which is given anyway."""
NOISE = re.compile(
    r"\s*(?:compiled code at |> in macro |> called by |\^+$|-{3,}|JVM stacktrace|== SQL|\d+ +\| |Raw Error:|Syntax error near line)",
    re.IGNORECASE,
)
ENDS = re.compile(r"LINE \d+:|[+:]- |org\.|at \w|'\w+ \[|line \d+$")
"""Where the cause ends: a line of the statement, of Spark's plan or of a stack trace."""
QUOTED_LINE = re.compile(r"^\s*LINE (?P<number>\d+): (?P<text>.*)$", re.MULTILINE)
"""How DuckDB and PostgreSQL quote a line of the statement."""
SPARK_QUOTES = re.compile(r"^(?P<text>.*)\n-*\^", re.MULTILINE)
NAMED = re.compile(r'"(?P<name>\w+)"')
"""How engines quote a name that they do not find."""
INVALID = re.compile(
    r"Invalid (?P<kind>[\w ]+?) config given in .* - at path (?P<path>\[.*?\]): (?P<cause>.*)", re.DOTALL
)
"""How dbt says that YAML has another shape, with the whole entry."""
RAW_YAML = re.compile(r"Raw Error:\s*-+\s*(?P<cause>.*)", re.DOTALL)
IN_YAML = re.compile(r'in "<[\w ]+>", line \d+, column \d+')
PYTHON = re.compile(r"Python model failed:.*\n\s*(?P<cause>[\w.]+(?:Error|Exception): .*)", re.DOTALL)
NUMBERED = re.compile(r"\bline (?P<number>\d+)")
FILE = re.compile(r"(?P<file>[\w./-]+\.(?:sql|ya?ml|py|csv|md))\b")
NO_SOURCE = re.compile(
    r"depends on a source named '(?P<source>[^'.]+)\.(?P<table>[^']+)' which (?P<why>was not found|is disabled)"
)
NO_NODE = re.compile(
    r"depends on a node named '(?P<node>[^']+)'.*?which (?P<why>was not found|is disabled)", re.DOTALL
)
UNDEFINED = re.compile(r"'(?P<name>\w+)' is undefined")
MISSING = re.compile(r"No dbt_project.yml found|does not exist|No such file", re.IGNORECASE)
PARTLY = re.compile(r"PARTIAL SUCCESS", re.IGNORECASE)


@dataclass(frozen=True)
class Names:
    """The names in a repository, to suggest the right one."""

    product: Product
    inputs: frozenset[str]
    files: dict[str, str] = field(default_factory=dict)
    """Model -> its file."""


def failures(names: Names, failed: Sequence[Any], results: Sequence[Any]) -> list[str]:
    """Return a line for each result that failed, and one for all nodes that were not built because of them."""
    lines = list(dict.fromkeys(failure(names, result) for result in failed))
    skipped = [result.node for result in results if result.status == NodeStatus.Skipped]
    unbuilt = [node.name for node in skipped if node.resource_type not in TESTS] or [
        node.name for node in skipped
    ]
    if unbuilt:
        more = f" and {len(unbuilt) - SHOWN} more" if len(unbuilt) > SHOWN else ""
        lines.append(f"not built because of these errors: {', '.join(unbuilt[:SHOWN])}{more}")
    return lines


def failure(names: Names, result: Any) -> str:
    """Return what failed, where, and why."""
    node, message = result.node, (result.message or str(result.status)).strip()
    kind, file = str(node.resource_type).replace("_", " "), node.original_file_path
    root = names.product.root
    if kind == "test" and result.status == NodeStatus.Fail:
        return f"test {node.name} ({_described_at(root, node)}): {_rows(result)}; its query: {_query(names.product, node)}"
    if kind == "unit test":
        file = _described_at(root, node)
        if result.status == NodeStatus.Fail:
            lines = [line.rstrip() for line in without_noise(message) if line.strip()]
            more = [f"… {len(lines) - LONGEST_TABLE} more lines"] if len(lines) > LONGEST_TABLE else []
            return "\n    ".join(
                [f"unit test {node.name} ({file}): {lines[0]}", *lines[1:LONGEST_TABLE], *more]
            )
        model = names.files.get(node.model, "")
        if model and (line := line_of(root / model, message)):  # its SQL is wrong, whatever the test gives it
            return f"model {node.model} ({model}:{line}): {shortened(message)} (seen by the unit test {node.name})"
        return f"unit test {node.name} ({file}) of {model or node.model}: {shortened(message)}"
    if PARTLY.match(message):
        message = f"some batches failed: {message.lower()}"
    line = line_of(root / file, message)
    where = f"{file}:{line}" if line else _described_at(root, node)
    return f"{kind} {node.name} ({where}): {shortened(message)}"


def _described_at(root: Path, node: Any) -> str:
    """Return the file of a node, with the line where YAML describes it: a unit test by its name, another test by its column."""
    file = node.original_file_path
    generic = getattr(node, "test_metadata", None)
    words = [getattr(node, "column_name", None), generic.name] if generic else [node.name]
    try:
        lines = (root / file).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return str(file)
    if Path(file).suffix not in (".yml", ".yaml"):
        return str(file)
    line = 0
    for word in filter(None, words):
        pattern = re.compile(rf"(?<![\w.]){re.escape(word)}(?![\w.])")
        line = next((number for number, text in enumerate(lines[line:], line + 1) if pattern.search(text)), 0)
        if not line:
            return str(file)
    return f"{file}:{line}" if line else str(file)


def unmatched(event: Any) -> dict[str, Any] | None:
    """Return the warning for an event of dbt's parser about YAML that describes nothing, whose tests then do not exist."""
    if event.info.name not in UNMATCHED:
        return None
    message = re.sub(r"\x1b\[\d*m|^\[?WARNING\]?: ", "", event.info.msg)
    message = re.sub(r"^\[WARNING\]: ", "", message)
    file = FILE.search(message)
    return {"name": event.info.name, "file": file["file"] if file else "", "rows": None, "message": message}


def misspelled(root: Path) -> list[dict[str, Any]]:
    """Return a warning for each key of the models' YAML that dbt ignores and that differs little from one it knows.

    A list of tests below `data_test:` would never run.
    """
    return [
        {
            "name": key,
            "file": f"{file.relative_to(root)}:{line}",
            "rows": None,
            "message": f"dbt ignores this key and what is below it; {known} is meant",
        }
        for file in described(root)
        for key, line, known in _misspelled_keys(file)
    ]


def _misspelled_keys(file: Path) -> Iterator[tuple[str, int, str]]:
    try:
        waiting = [(yaml.compose(file.read_text("utf-8"), Loader=LOADER), TOP)]
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return  # dbt reports it
    while waiting:
        node, known = waiting.pop()
        if isinstance(node, yaml.SequenceNode):
            waiting += [(item, known) for item in node.value if isinstance(item, yaml.MappingNode)]
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                name = str(key.value)
                if name not in known and (close := get_close_matches(name, known, 1, LIKE)):
                    yield name, key.start_mark.line + 1, close[0]
                if name in NESTED:
                    waiting.append((value, ENTRY))


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LIKE = 0.8
"""How much of two keys has to be the same."""
TOP = {
    *(
        "version",
        "models",
        "seeds",
        "snapshots",
        "sources",
        "macros",
        "exposures",
        "unit_tests",
        "data_tests",
        "groups",
    ),
    *("metrics", "semantic_models", "saved_queries", "analyses", "functions", "anchors"),
}
NESTED = {"models", "seeds", "snapshots", "sources", "tables", "columns", "unit_tests", "versions"}
ENTRY = {
    *(
        "name",
        "description",
        "columns",
        "data_tests",
        "tests",
        "config",
        "constraints",
        "meta",
        "docs",
        "access",
        "group",
    ),
    *(
        "latest_version",
        "versions",
        "v",
        "defined_in",
        "include",
        "exclude",
        "deprecation_date",
        "time_spine",
        "primary_key",
    ),
    *(
        "data_type",
        "quote",
        "tags",
        "tables",
        "freshness",
        "loaded_at_field",
        "loaded_at_query",
        "loader",
        "schema",
    ),
    *(
        "database",
        "identifier",
        "overrides",
        "external",
        "quoting",
        "policy_tags",
        "granularity",
        "dimension",
        "entity",
    ),
    *(
        "given",
        "expect",
        "model",
        "relation",
        "enabled",
        "unrendered_config",
        "agg_time_dimension",
        "metrics",
    ),
}
"""Keys that dbt knows of an entry: a model, a column, a source, a table or a unit test."""
UNMATCHED = {"NoNodeForYamlKey", "NodeNotFoundOrDisabled", "WrongResourceSchemaFile", "MacroNotFoundForPatch"}


def warning(product: Product, result: Any) -> dict[str, Any]:
    """Return what a test with severity `warn` found, for build/run.json."""
    return {
        "name": result.node.name,
        "file": result.node.original_file_path,
        "rows": result.failures,
        "message": f"{_rows(result)}; its query: {_query(product, result.node)}",
    }


def unchecked_freshness(source: Any) -> dict[str, Any]:
    """Return the warning for a source with a freshness, which `dbt build` does not check."""
    return {
        "name": f"{source.source_name}.{source.name}",
        "file": source.original_file_path,
        "rows": None,
        "message": "its `freshness` is not checked; move it to a service level in data-product.yaml (indicator: freshness), "
        "which every run measures",
    }


def unreadable(
    exception: BaseException | None, names: Names, left: Sequence[Any] = (), *, installing: bool = False
) -> UnreadableInput:
    """Return the error for a dbt command that ended without results, or left something unbuilt.

    `installing`: the command installs packages.
    """
    if exception is None:
        unbuilt = ", ".join(f"{result.node.name} ({result.status})" for result in left)
        return UnreadableInput(f"dbt did not build {unbuilt or 'everything'}.", fix=LOG)
    root = names.product.root
    message = str(exception).strip().replace(f"{root}/", "")
    if installing:
        return _not_installed(message)
    text, word, fix = shortened(message), "", f"Correct it; {LOG}"
    if known := NO_SOURCE.search(message):
        source, word = known["source"], known["table"]
        text = f"source('{source}', '{word}') {known['why']}"
        fix = f"Correct the name; the inputs are {', '.join(sorted(names.inputs))}."
        if source == INPUTS and word in names.inputs:
            fix = f"Add `- name: {word}` to the tables of the source {INPUTS} in {declared_columns.place_of(root, word).file}."
    elif known := NO_NODE.search(message):
        word = known["node"]
        text, fix = f"ref('{word}') {known['why']}", f"Correct the name, or add models/{word}.sql."
    place = place_of(root, message, word) or _broken_block(root, message)
    others = [file for file in _files(root, message) if file not in f"{place} {text}"]
    seen = f" (see also {', '.join(others)})" if others and not word else ""
    return UnreadableInput(f"dbt: {place}: {text}{seen}" if place else f"dbt: {text}{seen}", fix=fix)


def _broken_block(root: Path, message: str) -> str:
    """Return the file of macros or tests whose blocks dbt cannot read; its message does not name it."""
    if "Compilation Error" not in message:
        return ""
    for file in (
        file
        for kind in ("macro", "test")
        for folder in folders(root, kind)
        for file in sorted(folder.rglob("*.sql"))
    ):
        try:
            extract_toplevel_blocks(file.read_text("utf-8"), None, collect_raw_data=False)
        except CompilationError:
            return str(file.relative_to(root))
        except (OSError, UnicodeDecodeError):
            continue
    return ""


def _not_installed(message: str) -> UnreadableInput:
    if MISSING.search(message):
        return UnreadableInput(
            f"dbt: packages.yml: {shortened(message)}",
            fix="Correct `local:` in packages.yml: it is the folder of a package, relative to the repository.",
        )
    return UnreadableInput(
        f"dbt: the packages of packages.yml cannot be installed: {shortened(message)}",
        fix="If dbt's hub or the git server cannot be reached, copy the package to packages/NAME, commit it, and name"
        " it in packages.yml as `- local: packages/NAME`.",
    )


def without_noise(message: str) -> list[str]:
    """Return the lines of a message, without dbt's heading and the part after the cause."""
    lines = [line for line in message.strip().splitlines() if not NOISE.match(line)]
    while lines and HEADING.match(lines[0].strip()):
        lines = lines[1:]
    return lines


def shortened(message: str) -> str:
    """Return only the cause, in a line or two, without the statement, plan or stack trace that an adapter quotes."""
    if known := INVALID.search(message):
        return f"{known['kind']}: at {known['path']}: {known['cause'].strip()}"
    if known := RAW_YAML.search(message):
        return f"YAML: {' '.join(IN_YAML.sub(' ', known['cause']).split())}"
    if known := PYTHON.search(message):
        message = known["cause"]
    lines = [line.strip() for line in without_noise(message)]
    # The comparison of an enforced contract.
    table = "".join(
        f"\n    {line}" for line in [line for line in lines if line.startswith("|")][:LONGEST_TABLE]
    )
    kept: list[str] = []
    for line in lines:
        if kept and (not line or ENDS.match(line)):
            break
        if line:
            kept.append(line)
    text = " ".join(kept) or message.strip().partition("\n")[0]
    text = text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()}…"
    return text + table


def overridden(manifest: Any) -> list[dict[str, Any]]:
    """Return a warning for each macro of the repository that takes the place of one by which dbt tests.

    dbt allows it, and a test named `unique` then checks whatever the macro says, or nothing.
    """
    project = manifest.metadata.project_name
    names = {(macro.package_name, macro.name) for macro in manifest.macros.values()}
    of_dbt = {name for package, name in names if package == "dbt" or package.startswith("dbt_")}
    return [
        {
            "name": macro.name,
            "file": macro.original_file_path,
            "rows": None,
            "message": "it replaces dbt's own macro, so dbt's tests check only what it does",
        }
        for macro in manifest.macros.values()
        if macro.package_name == project and macro.name in of_dbt and TESTING.fullmatch(macro.name)
    ]


TESTING = re.compile(
    r"(\w+__)?(test_(not_null|unique|accepted_values|relationships)|get_test_sql|get_unit_test_sql|get_where_subquery"
    r"|get_fixture_sql|get_expected_sql|should_store_failures)|materialization_(test|unit)_\w+"
)
"""dbt's macros that decide whether a test passes."""


def place_of(root: Path, message: str, word: str = "") -> str:
    """Return the file and line in a message: the first with a word in it, or the line that it quotes."""
    files = _files(root, message)
    if not files:
        return ""
    line = line_of(root / files[0], message, word)
    return f"{files[0]}:{line}" if line else files[0]


def line_of(file: Path, message: str, word: str = "") -> int:
    """Return the line of a file that a message quotes; 0 if there is none, or more than one."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return 0
    lines, exact = text.splitlines(), False
    if undefined := UNDEFINED.search(message):
        word = undefined["name"]
    if word:
        shown, exact = word, True
    elif quoted := QUOTED_LINE.search(message):  # of the statement, which contains the model
        shown = quoted["text"].strip().strip(".").strip()
    elif quoted := SPARK_QUOTES.search(message):
        shown = quoted["text"].strip()
    elif numbered := NUMBERED.search(message):
        # dbt does not count empty lines at the beginning of a file.
        empty = len(text) - len(text.lstrip())
        return int(numbered["number"]) + (text[:empty].count("\n") if file.suffix == ".sql" else 0)
    else:
        return _line_of_a_name(lines, message)
    pattern = re.compile(rf"\b{re.escape(shown)}\b" if exact else re.escape(shown))
    found = [number for number, line in enumerate(lines, 1) if shown and pattern.search(line)]
    if found and (exact or len(found) == 1):
        return found[0]
    return 0 if exact else _line_of_a_name(lines, message)


def _line_of_a_name(lines: Sequence[str], message: str) -> int:
    """Return the only line with the first name that a message quotes; 0 if there is none, or more than one."""
    named = NAMED.search(message)
    pattern = re.compile(rf"\b{re.escape(named['name'])}\b") if named else None
    found = [number for number, line in enumerate(lines, 1) if pattern and pattern.search(line)]
    return found[0] if len(found) == 1 else 0


def _at(file: str, names: Names, message: str) -> str:
    line = line_of(names.product.root / file, message)
    return f"{file}:{line}" if line else file


def _files(root: Path, message: str) -> list[str]:
    """Return the files of the repository in a message, in order."""
    found = []
    for name in dict.fromkeys(known["file"] for known in FILE.finditer(message)):
        if (root / name).is_file():
            found.append(name)
        else:  # dbt gives some files relative to models/
            found += [
                str(path.relative_to(root))
                for folder in folders(root)
                for path in folder.rglob(name)
                if path.is_file()
            ][:1]
    return list(dict.fromkeys(found))


def _rows(result: Any) -> str:
    count = result.failures or 0
    return f"{count:,} row{'' if count == 1 else 's'} that should not exist"


def _query(product: Product, node: Any) -> str:
    path = Path(node.compiled_path or "")
    return str(path.relative_to(product.root) if path.is_absolute() else path)
