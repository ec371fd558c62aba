"""A rollout's result is `copier update`'s, wherever Copier's own is right; where it is not, nothing gets lost."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from checkout import git
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mesh import NEW, OLD, Edit, Mesh, commit, edited, replace, show, tree, write
from products import BIN, Make

from meshwright.core.git import EMPTY, Git
from meshwright.core.merge import merge

BRANCH = f"meshwright/{NEW}"


def updated(product: Path, *arguments: str) -> str:
    """The tree that `copier update` leaves behind."""
    done = subprocess.run(
        [BIN / "copier", "update", "--defaults", "--quiet", *arguments],
        cwd=product,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    git("add", "--all", cwd=product)
    return git("write-tree", cwd=product).strip()


def both(*edits: Edit) -> Edit:
    def edit(product: Path) -> None:
        for one in edits:
            one(product)

    return edit


def binary(product: Path) -> None:
    (product / "own.bin").write_bytes(bytes(range(256)))


def with_crlf(product: Path) -> None:
    file = product / "pipeline/run.py"
    file.write_bytes(file.read_bytes().replace(b"step 20\n", b"step 20\nmine\n").replace(b"\n", b"\r\n"))


def moved(old: str, new: str) -> Edit:
    return lambda product: (product / old).rename(product / new)


SAME = {
    "nothing": lambda product: None,
    "elsewhere in the file": edited("pipeline/run.py", "step 20\n", "step 20\nmine\n"),
    "the first line": edited("pipeline/run.py", "step 1\n", "mine\nstep 1\n"),
    "the last line": edited("pipeline/run.py", "step 30\n", "step 30\nmine\n"),
    "no newline at the end": edited("pipeline/run.py", "step 30\n", "step 30"),
    "three lines off": edited("pipeline/run.py", "step 13\n", "step 13\nmine\n"),
    "lines removed": edited("pipeline/run.py", "step 20\nstep 21\nstep 22\n", ""),
    "the same change": edited("pipeline/run.py", "step 10\n", "step ten\n"),
    "the same line": edited("pipeline/run.py", "step 10\n", "step 10, mine\n"),
    "two places, one of them the same": both(
        edited("pipeline/run.py", "step 10\n", "step 10, mine\n"), edited("pipeline/run.py", "step 20\n", "20\n")
    ),
    "a file deleted that the template changes": lambda product: (product / "pipeline/run.py").unlink(),
    "a file deleted that the template removes": lambda product: (product / "gone.txt").unlink(),
    "a file deleted that the template leaves": lambda product: (product / "pipeline/start").unlink(),
    "a seed edited": lambda product: write(product / "models/sample.sql", "select 42\n"),
    "a seed deleted": lambda product: (product / "models/sample.sql").unlink(),
    "a file that exists is skipped": lambda product: write(product / "settings.ini", "mine = 1\n"),
    "a file that is skipped comes back": lambda product: (product / "settings.ini").unlink(),
    "files of their own": both(lambda product: write(product / "own/a b/ü.txt", "x\n"), binary),
    "a file that the template adds, the same": lambda product: write(product / "added.txt", "added\n"),
    "a file that the template adds, another": lambda product: write(product / "added.txt", "mine\n"),
    "no longer executable": lambda product: (product / "pipeline/start").chmod(0o644),
    "executable now": lambda product: (product / "pipeline/run.py").chmod(0o755),
    "answers edited": edited(".copier-answers.yml", "title: Things", "title: Others"),
    "a comment in the answers": edited(".copier-answers.yml", "_commit", "# mine\n_commit"),
    "an answer that is gone": edited(".copier-answers.yml", "title: Things\n", ""),
    "a submodule": lambda product: git(
        "update-index", "--add", "--cacheinfo", "160000," + "1" * 40 + ",vendor/library", cwd=product
    ),
    "a link of their own": lambda product: (product / "link").symlink_to("README.md"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", SAME)
def test_the_result_is_copiers_own(mesh: Mesh, name: str) -> None:
    product = mesh.product("product", SAME[name])
    _, outcomes = mesh.rollout("apply", "--with-conflicts")
    assert outcomes["product"]["state"] in ("pushed", "conflict"), outcomes
    assert tree(product, BRANCH) == updated(product)


# WHERE COPIER LOSES OR CLASHES (docs/decisions) ------------------------------------------------------


def test_an_edit_in_a_file_that_the_template_renamed_goes_along(mesh: Mesh) -> None:
    product = mesh.product("product", edited("renamed.txt", "row 20\n", "row 20, mine\n"))
    code, found = mesh.rollout("apply")
    assert (code, found["product"]["state"]) == (0, "pushed")
    assert "row three\n" in show(product, BRANCH, "new-name.txt")
    assert "row 20, mine\n" in show(product, BRANCH, "new-name.txt")
    updated(product)
    assert "mine" not in (product / "new-name.txt").read_text()
    assert not (product / "renamed.txt").exists()


def test_a_change_follows_a_file_that_the_team_renamed(mesh: Mesh) -> None:
    product = mesh.product("product", moved("pipeline/run.py", "pipeline/start_here.py"))
    code, _ = mesh.rollout("apply")
    assert code == 0
    assert "step ten\n" in show(product, BRANCH, "pipeline/start_here.py")
    updated(product)
    assert "step ten" not in (product / "pipeline/start_here.py").read_text()


def test_an_edited_file_that_the_template_removes_is_a_conflict_and_stays(mesh: Mesh) -> None:
    product = mesh.product("product", edited("gone.txt", "item 5\n", "mine\n"))
    code, found = mesh.rollout("apply", "--with-conflicts")
    assert (code, found["product"]["state"]) == (1, "conflict")
    assert found["product"]["conflicts"][0]["path"] == "gone.txt"
    assert "mine\n" in show(product, BRANCH, "gone.txt")
    updated(product)
    assert not (product / "gone.txt").exists()


def test_an_edited_binary_file_is_a_conflict_and_the_teams_stays(mesh: Mesh) -> None:
    product = mesh.product("product", lambda product: (product / "picture.bin").write_bytes(b"\0mine"))
    code, found = mesh.rollout("apply", "--with-conflicts")
    assert (code, found["product"]["state"]) == (1, "conflict")
    assert found["product"]["conflicts"][0]["hunks"] == []
    assert show(product, BRANCH, "picture.bin") == "\0mine"
    updated(product)
    assert (product / "picture.bin").read_bytes() == b"\0\1\2\3"


def linked(product: Path) -> None:
    (product / "pipeline/run.py").unlink()
    (product / "pipeline/run.py").symlink_to("start")


CLASHES: dict[str, Edit] = {
    "the template removed it": edited("gone.txt", "item 5\n", "mine\n"),
    "both changed a binary file": lambda product: (product / "picture.bin").write_bytes(b"\0mine"),
    "both renamed it": moved("renamed.txt", "mine.txt"),
    "the team made it a link": linked,
    "the team has a folder there": lambda product: write(product / "added.txt/mine", "mine\n"),
    "both changed the same line": edited("pipeline/run.py", "step 10\n", "step 10, mine\n"),
    "both added it": lambda product: write(product / "added.txt", "mine\n"),
    "there is a rejected change already": both(
        edited("gone.txt", "item 5\n", "mine\n"), lambda product: write(product / "gone.txt.rej", "of an older update\n")
    ),
}  # fmt: skip


def test_every_conflict_leaves_something_that_hooks_refuse(mesh: Mesh) -> None:
    """By the patterns of the hooks that every product has: `check-merge-conflict`, and that for rejected changes."""
    products = {name: mesh.product(f"p{number}", edit) for number, (name, edit) in enumerate(CLASHES.items())}
    _, found = mesh.rollout("apply", "--with-conflicts")
    for number, (name, product) in enumerate(products.items()):
        outcome = found[f"p{number}"]
        assert outcome["state"] == "conflict", (name, outcome)
        for conflict in outcome["conflicts"]:
            paths = git("ls-tree", "-r", "--name-only", BRANCH, cwd=product).splitlines()
            rejected = [path for path in paths if path.startswith(f"{conflict['path']}.rej")]
            if conflict["hunks"]:
                assert "\n<<<<<<< " in "\n" + show(product, BRANCH, conflict["path"]), name
                continue
            text = show(product, BRANCH, rejected[-1])
            assert conflict["path"] in text and conflict["kind"] in text and "delete this one" in text
    again = mesh.rollout("apply", "--with-conflicts")[1]
    assert [one["branch"] for one in again.values()] == [BRANCH] * len(CLASHES), (
        "what was pushed is known again"
    )


def test_line_ends_are_the_teams_and_no_conflict(mesh: Mesh) -> None:
    product = mesh.product("product", with_crlf)
    code, found = mesh.rollout("apply")
    assert (code, found["product"]["state"]) == (0, "pushed")
    text = git("cat-file", "blob", f"{BRANCH}:pipeline/run.py", cwd=product).encode()
    raw = subprocess.run(["git", "cat-file", "blob", f"{BRANCH}:pipeline/run.py"], cwd=product, capture_output=True, check=True).stdout  # fmt: skip
    assert b"step ten\r\n" in raw
    assert b"mine\r\n" in raw
    assert b"\n" not in raw.replace(b"\r\n", b""), text


def test_line_ends_and_a_real_conflict_clash_in_their_lines_only(mesh: Mesh) -> None:
    product = mesh.product("product", edited("pipeline/run.py", "step 10\n", "10, mine\n"), with_crlf)
    code, found = mesh.rollout("plan")
    assert code == 1
    hunk = found["product"]["conflicts"][0]["hunks"][0]
    assert [line for line in hunk.split("\n") if "step" in line] == ["step ten"]
    assert product.exists()


def test_a_file_that_the_template_makes_a_link_keeps_the_teams_lines_beside_it(mesh: Mesh) -> None:
    product = mesh.product("product", edited("pipeline/run.py", "step 5\n", "mine\n"))
    with (mesh.template / "copier.yml").open("a") as file:
        file.write("_preserve_symlinks: true\n")
    (mesh.template / "template/pipeline/run.py").unlink()
    (mesh.template / "template/pipeline/run.py").symlink_to("start")
    mesh.release("v1.2.0")
    code, found = mesh.rollout("apply", "--with-conflicts")
    assert (code, found["product"]["state"]) == (1, "conflict")
    assert "mine\n" in show(product, "meshwright/v1.2.0", "pipeline/run.py~before-updating")


def test_a_file_that_the_template_makes_a_folder_keeps_the_teams_lines_beside_it(mesh: Mesh) -> None:
    product = mesh.product("product", edited("pipeline/run.py", "step 5\n", "mine\n"))
    (mesh.template / "template/pipeline/run.py").unlink()
    write(mesh.template / "template/pipeline/run.py/inner.txt", "inner\n")
    mesh.release("v1.2.0")
    code, found = mesh.rollout("apply", "--with-conflicts")
    assert (code, found["product"]["state"]) == (1, "conflict")
    assert not re.search("[0-9a-f]{40}", json.dumps(found))
    paths = git("ls-tree", "-r", "--name-only", "meshwright/v1.2.0", cwd=product)
    assert not re.search("[0-9a-f]{40}", paths)
    assert "mine\n" in git("grep", "-h", "mine", "meshwright/v1.2.0", cwd=product)


def test_a_file_like_one_that_the_team_deleted_is_new(mesh: Mesh) -> None:
    product = mesh.product("product", lambda product: (product / "gone.txt").unlink())
    git("checkout", "--quiet", OLD, "--", "template/gone.txt", cwd=mesh.template)
    (mesh.template / "template/gone.txt").rename(mesh.template / "template/like-gone.txt")
    mesh.release("v1.2.0")
    mesh.rollout("apply")
    assert tree(product, "meshwright/v1.2.0") == updated(product)
    assert (product / "like-gone.txt").is_file()


def test_a_file_that_the_template_ignores_but_writes_stays(mesh: Mesh) -> None:
    kept = mesh.product("kept")
    write(mesh.template / "template/.gitignore", "pipeline/run.py\nlocal.txt\n")
    write(mesh.template / "template/local.txt", "never committed\n")
    replace(mesh.template / "template/pipeline/run.py", "step 20\n", "step twenty\n")
    mesh.release("v1.2.0")
    code, found = mesh.rollout("apply")
    assert (code, found["kept"]["state"]) == (0, "pushed")
    assert "step twenty\n" in show(kept, "meshwright/v1.2.0", "pipeline/run.py")
    assert tree(kept, "meshwright/v1.2.0") == updated(kept)


def test_a_file_that_is_declared_binary_is_not_merged_by_line(mesh: Mesh) -> None:
    def declared(product: Path) -> None:
        write(product / ".gitattributes", "pipeline/run.py binary\n")
        replace(product / "pipeline/run.py", "step 20\n", "step 20\nmine\n")

    product = mesh.product("product", declared)
    code, found = mesh.rollout("apply", "--with-conflicts")
    assert (code, found["product"]["state"]) == (1, "conflict")
    text = show(product, BRANCH, "pipeline/run.py")
    assert "mine\n" in text
    assert "step ten" not in text


def test_the_name_of_the_folder_is_the_products(mesh: Mesh) -> None:
    product = mesh.product("product")
    write(mesh.template / "template/named.txt.jinja", "{{ _folder_name }}\n")
    mesh.release("v1.2.0")
    mesh.rollout("apply")
    assert show(product, "meshwright/v1.2.0", "named.txt") == "product\n"
    assert tree(product, "meshwright/v1.2.0") == updated(product)


def test_answers_are_what_copier_takes_them_for(mesh: Mesh) -> None:
    with (mesh.template / "copier.yml").open("a") as file:
        file.write('levels: {type: yaml, default: "{1: one, 2: .inf, x: [2024-01-02]}"}\n')
    git("tag", "--delete", NEW, cwd=mesh.template)
    write(mesh.template / "template/levels.txt.jinja", "{{ levels[1] }}\n")
    mesh.release("v1.2.0")
    product = mesh.product("product", version="v1.2.0")
    write(mesh.template / "template/levels.txt.jinja", "{{ levels[1] }}, {{ levels[2] }}\n")
    mesh.release("v1.3.0")
    code, _ = mesh.rollout("apply")
    assert code == 0
    assert show(product, "meshwright/v1.3.0", "levels.txt") == "one, inf\n"
    assert tree(product, "meshwright/v1.3.0") == updated(product)


# NOTHING IS EVER GONE ------------------------------------------------------------------------------

LINES = st.lists(st.sampled_from([f"line {number}" for number in range(6)]), min_size=0, max_size=12)
FILES = st.dictionaries(
    st.sampled_from(["a.txt", "b.txt", "folder/c.txt", "folder/d.txt"]), LINES, max_size=4
)


@st.composite
def changed(draw: st.DrawFn, files: dict[str, list[str]], word: str) -> dict[str, list[str]]:
    """Files after somebody's random edits: lines, whole files, renames."""
    result = {name: list(lines) for name, lines in files.items()}
    for number in range(draw(st.integers(0, 5))):
        names = sorted(result)
        what = draw(st.sampled_from(["insert", "insert", "insert", "remove", "create", "delete", "rename"]))
        name = draw(st.sampled_from(names)) if names else None
        if what == "create" or name is None:
            result[draw(st.sampled_from(["new.txt", "folder/new.txt", "a.txt"]))] = [f"{word} file {number}"]
        elif what == "delete":
            del result[name]
        elif what == "rename":
            result[draw(st.sampled_from(["moved.txt", "folder/moved.txt"]))] = result.pop(name)
        elif what == "insert":
            place = draw(st.integers(0, len(result[name])))
            result[name].insert(place, f"{word} {number}")
        elif result[name]:
            del result[name][draw(st.integers(0, len(result[name]) - 1))]
    return result


def as_tree(here: Git, folder: Path, files: dict[str, list[str]], end: str) -> str:
    for name, lines in files.items():
        write(folder / name, end.join(lines) + end if lines else "")
    folder.mkdir(exist_ok=True)
    return here.tree(folder, EMPTY)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_line_that_a_team_added_is_still_there(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("property")
    was = data.draw(FILES, label="was")
    ours, theirs = (
        data.draw(changed(was, "team"), label="team"),
        data.draw(changed(was, "template"), label="template"),
    )
    end = data.draw(st.sampled_from(["\n", "\r\n"]), label="the team's line ends")
    here = Git(folder / "here.git")
    trees = [
        as_tree(here, folder / name, files, ends)
        for name, files, ends in (("was", was, "\n"), ("ours", ours, end), ("theirs", theirs, "\n"))
    ]
    result = merge(here, *trees, lambda path: False, "no such file")
    there = {path: here.blob(name).decode() for path, (_, name) in here.entries(result.tree).items()}
    text = "\n".join(there.values())
    for path, lines in ours.items():
        for line in lines:
            assert not line.startswith("team") or line in text, (path, line, there)
    if not result.conflicts:
        assert "<<<<<<<" not in text


# THE REAL TEMPLATE ---------------------------------------------------------------------------------


def team(product: Path) -> None:
    """What a team does in its first weeks."""
    replace(product / "README.md", "## Run it\n", "## Ours\n\nWho to ask.\n\n## Run it\n")
    write(product / "models/extra.sql", "select 1 as one\n")
    write(product / "notebooks/look.py", "print('hello')\n")
    (product / "sample_data/planes.csv").unlink()
    replace(product / "pipeline/run.py", "import json\n", "import json\n\n# Ours: we looked here.\n")


@pytest.mark.slow
@pytest.mark.parametrize("edit", [None, team], ids=["fresh", "edited"])
def test_meshwrights_own_template_comes_out_as_copier_has_it(
    make: Make, template: Path, tmp_path: Path, edit: Callable[[Path], None] | None
) -> None:
    product = make("rolled-out", outputs=["parquet", "delta"])
    git("init", "--quiet", "--initial-branch", "main", cwd=product)
    commit(product, "As it was made")
    if edit:
        edit(product)
        commit(product, "Ours")
    newer = tmp_path / "newer"
    git("clone", "--quiet", str(template), str(newer), cwd=tmp_path)
    replace(newer / "template/README.md.jinja", "git.\n", "git and patience.\n")
    replace(newer / "template/pipeline/run.py", "import json\n", "import json\nimport math\n")
    write(newer / "template/pipeline/extra.py", '"""New."""\n')
    git("add", "--all", cwd=newer)
    git("commit", "--quiet", "--message", "Newer", cwd=newer)
    git("tag", NEW, cwd=newer)
    replace(product / ".copier-answers.yml", str(template), str(newer))
    replace(product / ".pre-commit-config.yaml", str(template), str(newer))
    replace(product / ".meshwright/requirements.txt", str(template), str(newer))
    commit(product, "The template has moved")
    described = f"template: {newer}\nrepositories: [{product}]\n"
    (tmp_path / "mesh.yaml").write_text(described)
    done = subprocess.run([BIN / "meshwright", "rollout", "apply", "--with-conflicts"], cwd=tmp_path, capture_output=True, text=True)  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    assert (done.returncode == 1) == (edit is not None), done.stdout
    assert tree(product, BRANCH) == updated(product)
    done = subprocess.run(
        [BIN / "meshwright", "rollout", "drift"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == (1 if edit else 0), done.stdout
    assert ("Ours: we looked here." in done.stdout) == bool(edit)
