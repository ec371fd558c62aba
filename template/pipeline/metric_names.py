"""The metrics that a run emits: name -> help, labels, and what it is about.

Rules, dashboards and the reference page of the documentation use these names. Every metric is a gauge in base units (seconds,
ratios from 0 to 1) and has the labels `domain` and `product`, and `environment` if the run had one.
"""

from __future__ import annotations

from typing import NamedTuple

RUN, PUBLICATION = "run", "publication"
"""Every run replaces the values of the first kind; those of the second describe what the ports serve, so that they stay when
a later run publishes nothing."""
BASE = ("domain", "product", "environment")


class Metric(NamedTuple):
    """A metric: its help text, its labels besides BASE, and its kind (RUN or PUBLICATION)."""

    help: str
    labels: tuple[str, ...] = ()
    kind: str = RUN


LEVEL = ("service_level", "indicator")

METRICS = {
    "data_product_info": Metric(
        "Version of the product and of its contract; always 1.", ("version", "contract_version")
    ),
    "data_product_run_start_timestamp_seconds": Metric("Time when the last run started."),
    "data_product_run_end_timestamp_seconds": Metric("Time when the last run ended."),
    "data_product_run_duration_seconds": Metric("Time that the last run took."),
    "data_product_run_exit_code": Metric("Exit code of the last run."),
    "data_product_run_outcome": Metric(
        "How the last run ended: 1 for the outcome that it had, 0 for the others.", ("outcome",)
    ),
    "data_product_run_checks": Metric("Checks of the contract in the last run, by result.", ("result",)),
    "data_product_next_run_timestamp_seconds": Metric("Time when the schedule starts the next run."),
    "data_product_published_timestamp_seconds": Metric(
        "Time when the data that the port serves were published.", ("port",), PUBLICATION
    ),
    "data_product_rows": Metric("Rows that the port serves.", ("port",), PUBLICATION),
    "data_product_input_rows": Metric("Rows that were read from the input.", ("input",), PUBLICATION),
    "data_product_freshness_timestamp_seconds": Metric(
        "Time that the age of the data is counted from, by its freshness indicator.",
        ("service_level",),
        PUBLICATION,
    ),
    "data_product_service_level_value": Metric(
        "Measured value of the indicator.", (*LEVEL, "unit"), PUBLICATION
    ),
    "data_product_service_level_objective": Metric(
        "Objective that the value is compared with.", (*LEVEL, "unit", "comparison"), PUBLICATION
    ),
    "data_product_service_level_kept": Metric(
        "1 if the value meets the objective, 0 if it does not or could not be measured.", LEVEL, PUBLICATION
    ),
    "data_product_service_level_target_ratio": Metric(
        "Share of the runs in the window that have to keep the objective.", LEVEL
    ),
    "data_product_service_level_window_seconds": Metric("Length of the window of the target.", LEVEL),
    "data_product_service_level_window_runs": Metric("Runs in the window.", LEVEL),
    "data_product_service_level_window_good_runs": Metric(
        "Runs in the window that kept the objective.", LEVEL
    ),
    "data_product_service_level_error_budget_remaining_ratio": Metric(
        "Share of the error budget that is left; negative if more was used.", LEVEL
    ),
    "data_product_service_level_burn_rate": Metric(
        "Speed at which the error budget is used; at 1 it lasts for the window.", LEVEL
    ),
}

OUTCOMES = ("success", "promise_broken", "failed", "interrupted")
"""Values of the label `outcome`. A missed service level is a success: the data are published."""
RESULTS = ("passed", "failed", "error", "warning", "unchecked")
"""Values of the label `result`."""
LONGEST = 200
"""Characters of a label's value."""


def printable(value: str) -> str:
    """Return a label's value without characters that a server or a terminal may read as something else."""
    return "".join(character if character.isprintable() else " " for character in value[:LONGEST])
