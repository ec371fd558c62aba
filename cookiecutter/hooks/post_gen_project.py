"""Hands Cookiecutter's answers to Copier, so that the product can be updated with Copier from now on."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

# Twice JSON: a text that is safe between Python's quotes, whatever somebody answered.
ANSWERS = json.loads({{ cookiecutter | jsonify | tojson }})


def copier() -> list[str]:
    """The command that runs Copier: beside this Python, on the PATH, or fetched by uv or pipx."""
    beside = shutil.which("copier", path=str(Path(sys.executable).parent))
    for program, *arguments in ([beside], ["copier"], ["uvx", "copier"], ["pipx", "run", "copier"]):
        if program and shutil.which(program):
            return [program, *arguments]
    sys.exit("The data product is made by Copier, which is not here. Fix: pip install copier")


def template() -> str:
    """The template as Copier knows it: a URL as it was given, or the repository that a path lies in."""
    given = ANSWERS["_template"]
    path = Path(given).resolve()
    if not path.is_dir():
        return given
    return str(path if (path / "copier.yml").exists() else path.parent)


def main() -> None:
    data = {key: value for key, value in ANSWERS.items() if not key.startswith("_")}
    for key in ANSWERS["_several"]:
        data[key] = [name.strip() for name in data[key].split(",") if name.strip()]
    Path(".gitkeep").unlink()  # what git needed to keep an empty folder
    answers = Path(".answers.json")  # JSON is YAML, too
    answers.write_text(json.dumps(data, ensure_ascii=False), "utf-8")
    command = [*copier(), "copy", "--defaults", "--overwrite", "--quiet", "--data-file", str(answers)]
    if ANSWERS.get("_checkout"):
        command += ["--vcs-ref", ANSWERS["_checkout"]]
    made = subprocess.run([*command, template(), "."])
    answers.unlink()
    sys.exit(made.returncode)


main()
