# /// script
# requires-python = ">=3.11"
# dependencies = ["python-gitlab==8.6.0", "pyyaml==6.0.3"]
# ///
"""Set the project's pipeline schedules to those in data-product.yaml, and a nightly one for access.

Exit codes: 0 they are set, 77 no token was given, 1 GitLab refuses.
"""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import gitlab
import yaml

PREFIX = "Meshwright: "
JOBS = {"schedule@": "pipeline", "trigger@": "trigger"}
"""Trait with a cron expression -> the word after PREFIX; .gitlab/ci/ decides by it which jobs run."""
ORCHESTRATORS = ("airflow@", "dagster@")
"""Traits that start the runs themselves."""


def desired_crons(spec: dict[str, Any]) -> dict[str, str]:
    """Return description -> cron expression (UTC) of every schedule that the product has to have."""
    crons = {f"{PREFIX}access": "30 2 * * *"}
    traits = spec["spec"]["traits"]
    if any(one["uses"].startswith(ORCHESTRATORS) for one in traits):
        return crons
    for trait, what in JOBS.items():
        times = [one["properties"]["cron"] for one in traits if one["uses"].startswith(trait)]
        for number, cron in enumerate(times, 1):
            crons[f"{PREFIX}{what}{f' {number}' if number > 1 else ''}"] = cron
    return crons


def main() -> int:
    """Set the schedules; return the exit code."""
    crons = desired_crons(yaml.safe_load(Path("data-product.yaml").read_text("utf-8")))
    ref = f"refs/heads/{os.environ['CI_DEFAULT_BRANCH']}"
    token = os.environ.get("SCHEDULES_TOKEN")
    if not token:
        print(
            "SCHEDULES_TOKEN is not set, so the schedules were not checked. Fix: set it, or set the schedules by hand:"
        )
        for description, cron in crons.items():
            arguments = ["--description", description, "--cron", cron, "--cronTimeZone", "UTC", "--ref", ref]
            print(f"  glab schedule create {shlex.join(arguments)}")
        return 77
    server = gitlab.Gitlab(os.environ["CI_SERVER_URL"], private_token=token)
    schedules = server.projects.get(os.environ["CI_PROJECT_ID"], lazy=True).pipelineschedules
    existing: dict[str, list[Any]] = {}
    for schedule in schedules.list(iterator=True):
        if schedule.description.startswith(PREFIX):
            existing.setdefault(schedule.description, []).append(schedule)
    for description, cron in crons.items():
        settings = {"cron": cron, "cron_timezone": "UTC", "ref": ref, "active": True}
        schedule, *doubles = existing.pop(description, None) or [None]
        if schedule is None:
            schedules.create({"description": description, **settings})
        elif any(getattr(schedule, name) != value for name, value in settings.items()):
            schedule.take_ownership()  # otherwise only its creator may change it
            schedules.update(schedule.id, settings)
        for double in doubles:
            double.delete()
        print(f"{description}: {cron} (UTC)")
    for gone in (schedule for schedules_ in existing.values() for schedule in schedules_):
        gone.delete()
        print(f"{gone.description}: removed, because it is not in data-product.yaml")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except gitlab.GitlabError as error:
        sys.exit(
            f"GitLab refuses: {error}. Fix: SCHEDULES_TOKEN needs the scope `api` and the role Maintainer."
        )
