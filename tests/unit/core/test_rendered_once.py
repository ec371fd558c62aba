"""A text that is rendered once for each set of values renders to what Jinja would render each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from checkout import snapshot
from copier._main import Worker, as_operation
from copier._settings import SettingsModel
from jinja2 import DictLoader
from jinja2.sandbox import SandboxedEnvironment

from meshwright.core.render import new, read_files
from meshwright.core.rendered_once import RenderedOnce, names_in
from meshwright.core.template_store import Store

FILES = {"part": "{{ name }} of {{ other }}", "macros": "{% macro loud(x) %}{{ x | upper }}!{% endmacro %}"}
VALUES: list[dict[str, Any]] = [
    {}, {"name": None}, {"name": ""}, {"name": 1}, {"name": True}, {"name": 1.0}, {"name": "1"}, {"name": [1]},
    {"name": (1,)}, {"name": ["1"]}, {"name": {"a": 1}}, {"name": {"a": True}}, {"name": {"b": 1, "a": 2}},
    {"name": {"a": 2, "b": 1}}, {"name": "x", "other": "y"}, {"name": "x", "other": "z"}, {"name": {1, 2}}, {"dict": "mine"}, {"dict": "other"},
]  # fmt: skip
ONCE = {
    "no value": "plain {# nothing #} text\n",
    "a value": "{{ name }}",
    "its kind": "{{ name is integer }} {{ name is boolean }} {{ name is string }} {{ name is mapping }}",
    "whether it is there": "{{ name is defined }} {{ other | default('none') }}",
    "a loop": "{% for one in (name if name is iterable else []) %}[{{ loop.index }} {{ one }}]{% endfor %}",
    "its own variable": "{% set other = 3 %}{{ other }} {{ name }}",
    "an include": "{% include 'part' %}",
    "a macro": "{% from 'macros' import loud %}{{ loud(name | string) }}",
    "a global that values hide": "{{ range(2) | list }}{{ dict(a=name) if dict is callable else dict }}",
    "a condition": "{% if name %}{{ other }}{% else %}none{% endif %}",
}
EACH_TIME = {
    "lots": "{{ [1, 2, 3] | random }}",
    "a clock": "{{ '%Y' | strftime }}",
    "a change": "{{ names.append(name) }}{{ names | length }}",
    "lorem ipsum": "{{ lipsum(1) }}",
    "an include by expression": "{% include name | string %}",
    "Copier's yield": "{% yield one from names %}{{ one }}{% endyield %}",
    "what is not there": "{% include 'nowhere' %}",
}


def environment() -> SandboxedEnvironment:
    extensions = ["jinja2_ansible_filters.AnsibleCoreFiltersExtension", "copier._jinja_ext.YieldExtension"]
    return SandboxedEnvironment(loader=DictLoader(FILES), extensions=extensions)


@pytest.mark.parametrize("case", ONCE)
def test_the_result_is_jinjas_for_all_values_in_any_order(case: str) -> None:
    here, text = environment(), ONCE[case]
    names = names_in(here, text)
    assert names is not None
    once = RenderedOnce(here.from_string(text), names)
    for values in [*VALUES, *reversed(VALUES), *VALUES * 5]:
        assert once.render(values) == here.from_string(text).render(values), values


@pytest.mark.parametrize("case", EACH_TIME)
def test_what_depends_on_more_than_values_is_rendered_each_time(case: str) -> None:
    assert names_in(environment(), EACH_TIME[case]) is None


def test_a_value_that_the_caller_changes_is_another() -> None:
    here = environment()
    once = RenderedOnce(here.from_string("{{ name | length }}"), names_in(here, "{{ name | length }}"))
    names = [1]
    assert once.render(name=names) == "1"
    names.append(2)
    assert once.render(name=names) == "2"


def test_what_is_kept_is_bounded() -> None:
    here = environment()
    once = RenderedOnce(here.from_string("{{ name * 100 }}"), frozenset({"name"}))
    for number in range(2000):
        once.render(name=f"{number}")
    assert sum(map(len, once._results.values())) < 100_000


ANSWERS: list[dict[str, Any]] = [
    {"type": "source-oriented", "product_name": "first", "domain": "one", "owner_name": "A"},
    {"type": "source-oriented", "product_name": "second", "domain": "two", "owner_name": "B: 'C' \"D\""},
    {"type": "consumer-oriented", "product_name": "third", "domain": "one", "owner_name": "A"},
    {"type": "consumer-oriented", "product_name": "first", "domain": "two", "owner_name": "A", "outputs": ["parquet", "delta"]},
    {"type": "source-oriented", "product_name": "first", "domain": "one", "owner_name": "A", "traits": ["schedule"]},
    {"type": "source-oriented", "product_name": "first", "domain": "one", "owner_name": "A", "access_mode": "open"},
]  # fmt: skip


def test_renders_in_one_process_are_copiers_own(tmp_path: Path) -> None:
    source = snapshot(tmp_path / "template")
    (tmp_path / "store").mkdir()
    store = Store.cloned(tmp_path / "store", str(source), 60)
    release = store.release(store.commit("main") or "", str(source))
    for number, answers in enumerate([*ANSWERS, *ANSWERS]):
        answers = {"owner_email": "a@example.org", **answers}
        files = new(release, answers, tmp_path / "unused" / "product", ".copier-answers.yml").files
        if number < len(ANSWERS):
            ANSWERS_FILES[number] = _copiers(str(source), answers, tmp_path / f"{number}" / "product")
        assert sorted(files) == sorted(ANSWERS_FILES[number % len(ANSWERS)])
        differing = [path for path in files if files[path] != ANSWERS_FILES[number % len(ANSWERS)][path]]
        assert not [path for path in differing if path != ".copier-answers.yml"]
    assert not (tmp_path / "unused").exists()


ANSWERS_FILES: dict[int, dict[str, tuple[str, bytes]]] = {}


def _copiers(source: str, answers: dict[str, Any], folder: Path) -> dict[str, tuple[str, bytes]]:
    with Worker(src_path=source, dst_path=folder, defaults=True, overwrite=True, quiet=True, vcs_ref="HEAD", settings=SettingsModel()) as worker:  # fmt: skip
        worker.subproject.last_answers = dict(answers)
        as_operation("update")(worker.run_copy)()
    return read_files(folder)
