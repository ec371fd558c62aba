"""`meshwright check`: where findings stand, how they are told, and files that nobody should meet."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from edits import edit, extended, merged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from products import findings
from wrong_values import WRONG, at, every_place

from meshwright.check.engine import check
from meshwright.cli import main
from meshwright.core import yaml as document

Copy = Callable[[Path], Path]
SPEC = "data-product.yaml"


@pytest.fixture
def broken(copy_of: Copy, departures: Path) -> Path:
    """A product with three mistakes on lines that are known."""
    product = copy_of(departures)
    text = (product / SPEC).read_text("utf-8")
    text = text.replace("classification: internal\n", "classification: top-secret\n").replace(
        "uses: dbt@1", "uses: dbt@2"
    )
    (product / SPEC).write_text(text.replace("  type: source-oriented\n", ""), "utf-8")
    return product


def line_of(product: Path, needle: str) -> int:
    lines = (product / SPEC).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if needle in line)


def test_a_finding_says_where_it_stands(broken: Path) -> None:
    found = {(finding.rule, finding.line, finding.column) for finding in findings(broken)}
    uses = line_of(broken, "uses: dbt@2")
    assert found == {
        ("TypeGiven", line_of(broken, "spec:"), 1),
        ("Shape", line_of(broken, "classification:"), 3),
        ("CapabilityKnown", uses, (broken / SPEC).read_text().splitlines()[uses - 1].index("uses") + 1),
    }


def test_for_people(broken: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(broken)])
    assert result.exit_code == 1
    place = line_of(broken, "classification:")
    assert f"{broken}/data-product.yaml:{place}:3: error Shape: spec.classification" in result.output
    assert "fix:" in result.output and "docs/reference/rules/TypeGiven.md" in result.output
    assert "3 errors" in result.output


def test_for_github(broken: Path) -> None:
    lines = CliRunner().invoke(main, ["check", "--format", "github", str(broken)]).stdout.splitlines()
    assert len(lines) == 3
    assert all(
        re.match(r"::error file=/\S+/data-product\.yaml,line=\d+,col=\d+,title=\w+::\S", line)
        for line in lines
    )


def test_for_programs(broken: Path) -> None:
    told = json.loads(CliRunner().invoke(main, ["check", "--format", "json", str(broken)]).stdout)
    assert len(told) == 3
    assert set(told[0]) == {"file", "line", "column", "rule", "message", "fix", "mend", "level", "link"}


def test_for_code_scanning(broken: Path) -> None:
    log = json.loads(CliRunner().invoke(main, ["check", "--format", "sarif", str(broken)]).stdout)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {
        result["ruleId"] for result in run["results"]
    }
    for result in run["results"]:
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] >= 1 and region["startColumn"] >= 1 and result["message"]["text"]


def test_nothing_to_say(departures: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(departures)])
    assert (result.exit_code, result.output) == (0, "1 product checked: all rules kept\n")
    assert CliRunner().invoke(main, ["check", "--format", "json", str(departures)]).output == "[]\n"


def test_links_lead_to_the_version_that_the_product_was_made_from(copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    (product / SPEC).write_text("metadata: {}", "utf-8")
    for source, link in (
        ("gh:example/meshwright", "https://github.com/example/meshwright/blob/v1.0.0/docs/reference/rules/"),
        ("https://git.example.org/mesh/wright.git", "https://git.example.org/mesh/wright/blob/v1.0.0/docs/"),
    ):
        edit(
            product / ".copier-answers.yml",
            lambda answers, source=source: merged(answers, {"_src_path": source}),
        )
        assert all(finding.link.startswith(link) for finding in findings(product))
    between = {"_src_path": "gh:example/meshwright", "_commit": "v1.0.0-3-g0123abc"}
    edit(product / ".copier-answers.yml", lambda answers: merged(answers, between))
    assert all("/blob/0123abc/docs" in finding.link for finding in findings(product))


@pytest.mark.parametrize("source", [12, "C:\\x\\y", "/no/template/here", "../beside"])
def test_where_nobody_knows_a_page_none_is_named(source: object, copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    (product / SPEC).write_text("metadata: {}", "utf-8")
    edit(product / ".copier-answers.yml", lambda answers: merged(answers, {"_src_path": source}))
    assert {finding.link for finding in findings(product)} == {""}
    for form in ("human", "github", "sarif"):
        output = CliRunner().invoke(main, ["check", "--format", form, str(product)]).output
        assert "example.org/docs" not in output and "see:" not in output.lower() and "See ." not in output


def test_two_products_of_one_name(copy_of: Copy, departures: Path, tmp_path: Path) -> None:
    twin = copy_of(departures)
    found = check([departures, twin, departures])
    assert [(finding.rule, finding.file) for finding in found] == [("NameUnique", f"{twin}/{SPEC}")]


UNREADABLE = {
    "empty": b"",
    "blank": b"  \n\n# only a comment\n",
    "null": b"null\n",
    "not-utf-8": b"metadata:\n  name: caf\xe9\n",
    "utf-16": "metadata: {}".encode("utf-16"),
    "nul-byte": b"metadata: \x00\n",
    "tab": b"metadata:\n\tname: x\n",
    "unclosed": b"metadata: {name: x\n",
    "duplicate": b"metadata: {}\nmetadata: {}\n",
    "duplicate-in-flow": b"metadata: {name: a, name: b}\n",
    "two-documents": b"a: 1\n---\nb: 2\n",
    "unknown-anchor": b"metadata: *gone\n",
    "recursive-anchor": b"metadata: &a {b: *a}\n",
    "billion-laughs": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(
        f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n".encode()
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "deep": b"a: " + b"[" * 5_000 + b"]" * 5_000,
    "deep-blocks": b"\n".join(b" " * n + b"a:" for n in range(2_000)),
    "large": b"a: " + b"x" * 2_000_000,
    "complex-key": b"? [a, b]\n: c\n",
    "merge-key": b"a: &a {b: 1}\nc: {<<: *a}\n",
    "base-60": b"a: 12:30:00\n",
    "infinity": b"a: .inf\n",
    "tag": b"a: !thing x\n",
    "python": b"a: !!python/object/apply:os.system [id]\n",
    "deep-aliases": b"a0: &a0 [x]\n" + b"".join(f"a{n}: &a{n} [*a{n - 1}]\n".encode() for n in range(1, 60)),
    "binary": bytes(range(256)),
    "percent": b"%YAML 9.9\n---\na: 1\n",
    "unknown-directive-only": b"%FOO\n",
}


@pytest.mark.parametrize("file", [SPEC, "contract.odcs.yaml", "access/policy.yaml"])
@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_a_finding(file: str, content: bytes, copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    (product / file).write_bytes(content)
    result = CliRunner().invoke(main, ["check", str(product)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code in (1, 2)
    told = [finding for finding in findings(product) if finding.file == file]
    assert [finding.rule for finding in told] == ["Readable"]
    assert told[0].fix and told[0].line >= 1 and told[0].column >= 1


@pytest.mark.parametrize(
    "value", ["[]", "text", "5", "[a, b]", "{metadata: [], spec: 5}", "!!python/object/apply:os.system [id]"]
)
@pytest.mark.parametrize("file", [SPEC, "contract.odcs.yaml", "access/policy.yaml"])
def test_what_has_another_shape_is_a_finding(file: str, value: str, copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    (product / file).write_text(value, "utf-8")
    assert any(finding.file == file for finding in findings(product))


def test_a_folder_without_a_product(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert result.exit_code == 2
    assert "data-product.yaml:1:1: error Readable: There is no such file in the repository." in result.output


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1.0.0", "1.0.0"),
        ("a: 1.0", 1.0),
        ("a: no", False),
        ("a: 'no'", "no"),
        ("a: 2026-01-31", "2026-01-31"),
        ("a: 0o7", "0o7"),
        ("a: 010", 8),
        ("a: 0x1F", 31),
        ("a: 1_000", 1000),
        ("a: ~", None),
        ("a: !!str 5", "5"),
        ("a: &x [1]\n\nb: *x", [1]),
        ("on: 1\na: 2\n2024: 3", 2),
    ],
)
def test_values_are_read_as_the_pipeline_reads_them(text: str, value: Any, tmp_path: Path) -> None:
    (tmp_path / "file.yaml").write_text(text, "utf-8")
    assert document.read(tmp_path, "file.yaml").get("a") == value


# Mutations of a good spec. Each is wrong by construction, so none may pass; and nothing may crash.


# Where nearly anything goes: free text, and what only one capability looks at.
FREE = re.compile(
    r"^(metadata\.title|spec\.description\.\w+|spec\.\w+\.(name|team)|spec\.useCases.*|extensions.*|spec\.traits|"
    r"spec\.inputs\.\d+\.properties\.(nulls|path).*|spec\.outputs\.\d+\.properties\.path|spec\.owner\.team|"
    r"spec\.inputs\.\d+\.name|spec\.serviceLevels\.\d+\.column|spec\.transform)$"
)


def mutations(spec: dict) -> list[tuple[str, dict]]:
    """Several hundred specs that are wrong, each with what was done to it."""
    made = []
    for keys in every_place(spec)[1:]:
        dotted = ".".join(map(str, keys))
        parent = keys[:-1]
        wrong = [
            value
            for value in WRONG
            if (not FREE.match(dotted) and type(value) is not type(at(spec, keys))) or value is None
        ]
        for value in [
            *wrong,
            *(["", " "] if isinstance(at(spec, keys), str) and not FREE.match(dotted) else []),
        ]:
            changed = json.loads(json.dumps(spec))
            at(changed, parent)[keys[-1]] = value
            made.append((f"{dotted} = {value!r}", changed))
        if isinstance(at(spec, keys), dict) and not dotted.startswith("extensions"):
            changed = json.loads(json.dumps(spec))
            at(changed, keys)["unheard_of"] = 1
            made.append((f"{dotted}.unheard_of", changed))
        if isinstance(keys[-1], str) and not FREE.match(dotted) and not dotted.startswith("extensions"):
            changed = json.loads(json.dumps(spec))
            at(changed, parent)[keys[-1] + "s"] = at(changed, parent).pop(keys[-1])
            made.append((f"{dotted} renamed", changed))
    return made


@pytest.mark.slow
def test_several_hundred_wrong_specs_are_all_refused(copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    spec = yaml.safe_load((product / SPEC).read_text("utf-8"))
    made = mutations(spec)
    assert len(made) > 500
    passed = []
    for what, changed in made:
        (product / SPEC).write_text(json.dumps(changed), "utf-8")
        if not findings(product):
            passed.append(what)
    assert passed == []


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    st.randoms(use_true_random=False),
)
def test_no_value_anywhere_crashes_the_check(
    tmp_path_factory: pytest.TempPathFactory, departures: Path, value: Any, choose: random.Random
) -> None:
    import shutil

    product = Path(shutil.copytree(departures, tmp_path_factory.mktemp("fuzz") / "product"))
    file = choose.choice([SPEC, "contract.odcs.yaml", "access/policy.yaml", ".copier-answers.yml"])
    content = yaml.safe_load((product / file).read_text("utf-8"))
    keys = choose.choice(every_place(content)[1:])
    at(content, keys[:-1])[keys[-1]] = value
    (product / file).write_text(yaml.safe_dump(content), "utf-8")
    for finding in findings(product):
        assert finding.rule and finding.message and finding.fix


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_no_bytes_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    (folder / SPEC).write_bytes(raw)
    assert findings(folder)


@pytest.mark.parametrize(
    "file", [SPEC, "contract.odcs.yaml", "access/policy.yaml", ".copier-answers.yml", ".github/CODEOWNERS",
             ".github/workflows/schedule.yml", "docs/data-sharing-agreement.md"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["pipe", "folder", "circle", "way out", "binary", "secret"])
def test_what_is_no_ordinary_file_hurts_nobody(file: str, kind: str, copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    outside = product.parent / "outside"
    outside.write_text("TODO password: hunter2\n")
    place = product / file
    place.unlink()
    match kind:
        case "pipe":
            os.mkfifo(place)
        case "folder":
            place.mkdir()
        case "circle":
            place.symlink_to(place.name)
        case "way out":
            place.symlink_to(outside)
        case "binary":
            place.write_bytes(bytes(range(256)))
        case "secret":
            place.write_bytes(b"x" * 2_000_000)
    found = findings(product)
    assert found or file == ".copier-answers.yml"
    assert not any("hunter2" in finding.message for finding in found)


def test_a_file_that_may_not_be_read_is_told(
    copy_of: Copy, departures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever runs this may be root, whom no permission stops; the error is the operating system's own.
    product = copy_of(departures)
    opened = Path.open

    def denied(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name == "contract.odcs.yaml":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", denied)
    assert [(finding.rule, finding.file) for finding in findings(product)] == [
        ("Readable", "contract.odcs.yaml")
    ]


def test_nothing_that_a_file_says_becomes_a_line_or_a_command_of_its_own(
    copy_of: Copy, departures: Path
) -> None:
    product = copy_of(departures)
    edit(
        product / SPEC,
        lambda spec: merged(
            spec,
            {"metadata": {"domain": "x\n::error file=evil::"}, "spec": {"owner": {"email": "$(id)@x.yz"}}},
        ),
    )
    edit(product / ".copier-answers.yml", lambda answers: merged(answers, {"_src_path": "x\n::error::"}))
    result = CliRunner().invoke(main, ["check", str(product)])
    assert not any(line.startswith("::") for line in result.output.splitlines())
    assert "--data '" in result.output or "$(id)" not in result.output


@pytest.mark.parametrize(
    ("source", "link"),
    [
        ("https://user:s3cr3t@git.example.org/o/r.git", "https://git.example.org/o/r/blob/"),
        ("git@git.example.org:o/r.git", "https://git.example.org/o/r/blob/"),
        ("C:\\x\\y", ""),
    ],
)
def test_links_carry_no_credential(source: str, link: str, copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    (product / SPEC).write_text("metadata: {}", "utf-8")
    edit(product / ".copier-answers.yml", lambda answers: merged(answers, {"_src_path": source}))
    assert all(finding.link.startswith(link) for finding in findings(product))


def test_what_is_allowed_is_told(copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    edit(product / SPEC, lambda spec: merged(spec, {"spec": {"classification": "top-secret"}}))
    (finding,) = findings(product)
    assert finding.fix == "Write one of: public, internal, confidential, secret."


def test_legal_styles_are_read(copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    text = (product / SPEC).read_text("utf-8")
    purpose = (
        "purpose: Departures from New York's three airports, as they were scheduled and as they happened."
    )
    styles = {
        "crlf": text.replace("\n", "\r\n"),
        "bom": "\ufeff" + text,
        "json": json.dumps(yaml.safe_load(text)),
        "anchors": text.replace(
            'email: "ada@example.org"\n    team', 'email: &mail "ada@example.org"\n    team'
        ).replace('email: "ada@example.org"\n  classification', "email: *mail\n  classification"),
        "chinese": text.replace(purpose, "purpose: 纽约三个机场的航班起飞数据"),
        "quoted": text.replace("type: source", "'type': source"),
        "extensions": extended(text, "2024: x", "on: {y: 2013-01-01}"),
    }
    for style, content in styles.items():
        (product / SPEC).write_bytes(content.encode())
        assert findings(product) == [], style


@pytest.mark.parametrize(
    "content",
    [
        "extensions:\n" + "".join(f"  - &x{number} 1\n" for number in range(40_000)),
        "spec:\n" + "".join(f"  k{number}: REPLACE-ME\n" for number in range(20_000)),
        "a: &a [" + "x," * 4_000 + "]\n" + "".join(f"k{number}: *a\n" for number in range(10)),
        "spec: {description: {purpose: '" + "-" * 50_000 + "a'}}\n",
        "spec: {inputs: [{properties: {path: '" + "${a:-" * 50_000 + "'}}]}\n",
        "spec: {inputs: [{properties: {path: '../../../../**/nothing'}}]}\n",
    ],
    ids=["anchors", "findings", "aliases", "dashes", "variables", "machine"],
)
def test_a_file_that_is_made_to_take_long_does_not(content: str, copy_of: Copy, departures: Path) -> None:
    # No clock: what grows with a power of these would not end within anybody's patience.
    product = copy_of(departures)
    (product / SPEC).write_text(content, "utf-8")
    assert findings(product)


NEWER = {
    "enum": [{"value": "UA", "label": "United"}],
    "deprecated": True,
    "synonyms": [{"synonym": "airline code"}],
    "semanticType": "dimension",
}
"""What ODCS 3.2 has and 3.1 has not."""


@pytest.mark.parametrize(("version", "accepted"), [("v3.2.0", True), ("v3.1.0", False), ("v3.0.2", False)])
def test_a_contract_has_the_shape_of_its_own_version(
    version: str, accepted: bool, copy_of: Copy, departures: Path
) -> None:
    product = copy_of(departures)
    file = product / "contract.odcs.yaml"
    contract = yaml.safe_load(file.read_text("utf-8"))
    contract["apiVersion"] = version
    column = contract["schema"][0]["properties"][1]
    column |= NEWER
    contract["schema"][0]["properties"].append(
        {"name": "labels", "logicalType": "map", "description": "What people call it.", "classification": "public",
         "map": {"key": {"logicalType": "string"}, "value": {"logicalType": "string"}}}
    )  # fmt: skip
    file.write_text(yaml.safe_dump(contract, sort_keys=False), "utf-8")
    found = {(finding.rule, finding.level) for finding in findings(product)}
    if accepted:
        assert found == set()
    else:
        assert ("Shape", "error") in found or ("ContractVersionSupported", "error") in found


def test_a_promise_that_nobody_checks_is_a_warning_at_its_place(copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    file = product / "contract.odcs.yaml"
    text = file.read_text("utf-8").replace(
        "logicalTypeOptions: {minLength: 3, maxLength: 3}", "physicalType: money"
    )
    file.write_text(text, "utf-8")
    (finding,) = [finding for finding in findings(product) if finding.rule == "PromisesChecked"]
    assert finding.level == "warning" and "money" in finding.message and "promises.md" in finding.fix
    assert text.splitlines()[finding.line - 1].strip() == "physicalType: money"


def test_a_dot_in_a_columns_name_hides_it_from_no_rule(copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    file = product / "contract.odcs.yaml"
    contract = yaml.safe_load(file.read_text("utf-8"))
    column = {
        "name": "Flight No.",
        "logicalType": "timestamp",
        "description": "When.",
        "classification": "public",
    }
    contract["schema"][0]["properties"].append(column)
    file.write_text(yaml.safe_dump(contract, sort_keys=False), "utf-8")
    edit(product / SPEC, lambda spec: merged(spec, {"spec": {"serviceLevels": [FRESH_DOT]}}))
    assert not findings(product)


FRESH_DOT = {"name": "fresh", "indicator": "freshness", "column": "Flight No.", "objective": "<= 24h"}
