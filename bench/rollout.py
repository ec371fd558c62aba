"""`make bench-rollout`: `meshwright rollout plan` against `copier update`, over a fleet of product repositories.

The fleet is made here: products with different answers, from several versions of the template, a third of
them edited by their teams, some so that the next version clashes with it.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
from checkout import ROOT, git, snapshot

BIN = Path(sys.executable).parent
SIZES = [int(size) for size in os.environ.get("SIZES", "100,1000,3000").split(",")]
SAMPLE = int(os.environ.get("SAMPLE", "50"))
VERSIONS = ["v0.1.0", "v0.2.0", "v0.3.0"]
TARGET = "v0.4.0"
CORES = os.cpu_count() or 1

README = "You need [uv](https://docs.astral.sh/uv/) and git.\n"


def template(folder: Path) -> Path:
    """The template as it stands, as the last of several versions; each version before it lacks something."""
    target = snapshot(folder / "template")
    run = target / "template/pipeline/run.py"
    readme = target / "template/README.md.jinja"
    for number, version in enumerate([*VERSIONS, TARGET]):
        run.write_text(run.read_text().replace("import json\n", f"import json  # version {number}\n", 1) if number == 0 else
                       run.read_text().replace(f"# version {number - 1}\n", f"# version {number}\n", 1))  # fmt: skip
        readme.write_text(readme.read_text().replace(README, f"{README}\nVersion {number} of these words.\n") if number == 0 else
                          readme.read_text().replace(f"Version {number - 1} of", f"Version {number} of"))  # fmt: skip
        (target / f"template/pipeline/added_{number}.py").write_text(f'"""Came with {version}."""\n')
        git("add", "--all", cwd=target)
        git("commit", "--quiet", "--message", version, cwd=target)
        git("tag", version, cwd=target)
    return target


def answers(number: int, chance: random.Random) -> dict[str, object]:
    consumer = chance.random() < 0.5
    return {
        "type": "consumer-oriented" if consumer else "source-oriented",
        "product_name": f"product-{number}",
        "domain": f"domain-{number % 40}",
        "owner_name": f"Owner {number}",
        "owner_email": f"owner{number}@example.org",
        "outputs": chance.choice([["parquet"], ["delta"], ["delta", "parquet"]]),
        "traits": chance.choice([[], ["schedule"]]),
        "access_mode": chance.choice(["open", "approval-required"]),
        "infrastructure": chance.choice(["aws", "ci", "kubernetes"]),
    }


def edited(product: Path, number: int, chance: random.Random) -> None:
    """A third of the teams edit: their own files and places far from the template's changes, or right at them."""
    kind = number % 9
    if kind in (0, 3, 6):
        with (product / "README.md").open("a") as file:
            file.write(f"\n## Ours\n\nAsk team {number}.\n")
        (product / "models/extra.sql").write_text(f"select {number} as number\n")
        shutil.rmtree(product / "sample_data", ignore_errors=chance.random() < 2)
    if kind == 3:
        run = product / "pipeline/run.py"
        run.write_text(run.read_text() + "\n# Ours: a last line.\n")
    if kind == 6 and chance.random() < 0.5:
        run = product / "pipeline/run.py"
        run.write_text(run.read_text().replace("import json  # version", "import json  # our version", 1))


def make(job: tuple[int, str, str, str]) -> None:
    """One product: rendered as `copier copy` does, edited, committed to a bare repository."""
    number, source, version, target = job
    from copier._settings import SettingsModel

    from meshwright.core.git import EMPTY, Git
    from meshwright.core.render import Renderer
    from meshwright.core.template_store import Store

    chance = random.Random(number)  # noqa: S311
    store = Store(Path(target).parent.parent / "store", source)
    release = store.release(store.commit(version), source)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "product"
        with Renderer(src_path=source, dst_path=folder, data=answers(number, chance), defaults=True, quiet=True, settings=SettingsModel()) as worker:  # fmt: skip
            worker.template = release
            worker.run_copy()
        edited(folder, number, chance)
        here = Git(Path(target))
        who = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in (("NAME", "Team"), ("EMAIL", "team@example.org"))}  # fmt: skip
        commit = here.one("commit-tree", here.tree(folder, EMPTY), "-m", "Ours", variables=who)
        here("update-ref", "refs/heads/main", commit)
        (here.directory / "HEAD").write_text("ref: refs/heads/main\n")
        here("repack", "-a", "-d", "-q")  # as a server keeps what was pushed


def fleet(folder: Path, source: Path, count: int) -> None:
    from meshwright.core.template_store import Store

    (folder / "store").mkdir()
    (folder / "fleet").mkdir()
    Store.cloned(folder / "store", str(source), 60)
    jobs = [
        (number, str(source), VERSIONS[number % len(VERSIONS)], str(folder / f"fleet/product-{number}.git"))
        for number in range(count)
    ]
    with ProcessPoolExecutor(CORES) as pool:
        list(pool.map(make, jobs, chunksize=20))


def planned(folder: Path, source: Path, count: int, jobs: int) -> tuple[float, float, dict[str, int]]:
    """Seconds, peak memory in MB of all processes together, and what came out."""
    mesh = folder / f"mesh-{count}.yaml"
    repositories = [f"fleet/product-{number}.git" for number in range(count)]
    mesh.write_text(json.dumps({"template": str(source), "repositories": repositories}))
    command = [
        BIN / "meshwright",
        "rollout",
        "plan",
        "--fleet",
        mesh,
        "--format",
        "json",
        "--jobs",
        str(jobs),
    ]
    clock = time.perf_counter()
    with (
        (folder / "output.json").open("w") as output,
        subprocess.Popen([str(part) for part in command], stdout=output) as process,
    ):
        peak = [0.0]
        watcher = threading.Thread(target=watch, args=(process, peak))
        watcher.start()
        process.wait()
        taken = time.perf_counter() - clock
        watcher.join()
    return taken, peak[0], json.loads((folder / "output.json").read_text())["summary"]


def watch(process: subprocess.Popen[str], peak: list[float]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], sum(memory(process.pid)))
        time.sleep(0.25)


def memory(root: int) -> Iterator[float]:
    """The memory in MB of a process and all below it; what they share is counted once (Linux only)."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    waiting = [root]
    while waiting:
        process = waiting.pop()
        waiting += parents.get(process, [])
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        yield sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def updated(folder: Path, numbers: list[int]) -> list[float]:
    """Seconds that `copier update` takes in a clone of each; the cloning is not counted."""
    taken = []
    for number in numbers:
        clone = folder / "clone"
        shutil.rmtree(clone, ignore_errors=True)
        git("clone", "--quiet", str(folder / f"fleet/product-{number}.git"), str(clone), cwd=folder)
        clock = time.perf_counter()
        done = subprocess.run([BIN / "copier", "update", "--defaults", "--quiet", "--vcs-ref", TARGET], cwd=clone, capture_output=True)  # fmt: skip
        taken.append(time.perf_counter() - clock)
        assert done.returncode == 0, done.stderr
    return taken


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "build") as temporary:
        folder = Path(temporary)
        source = template(folder)
        clock = time.perf_counter()
        fleet(folder, source, max(SIZES))
        print(
            f"A fleet of {max(SIZES)} product repositories, made in {time.perf_counter() - clock:.0f} s; {CORES} cores"
        )
        sample = random.Random(1).sample(range(min(1000, max(SIZES))), min(SAMPLE, max(SIZES)))  # noqa: S311
        update = statistics.median(updated(folder, sample))
        print(
            f"  copier update, one repository, one after the other   {update:8.3f} s  (median of {len(sample)})"
        )
        for jobs in sorted({1, CORES}):
            size = min(100, max(SIZES))
            taken, peak, _ = planned(folder, source, size, jobs)
            print(
                f"  rollout plan, {size:>5} repositories, {jobs} process{'es' if jobs > 1 else '  '}      {taken / size:8.3f} s a repository  {update * size / taken:5.1f} times as fast  {peak:5.0f} MB"
            )
        print("How it grows")
        for size in SIZES:
            taken, peak, summary = planned(folder, source, size, CORES)
            counts = Counter(summary)
            print(f"  {size:>5} repositories  {taken:7.1f} s  {taken / size:6.3f} s a repository  {update * size / taken:5.1f} times as fast (aim: 20)  {peak:5.0f} MB  {dict(counts)}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
