"""Ends as a run of the pipeline ends, with the codes in the file `codes`, one a run; leaves what it was given in `given.json`.

Codes that end in `!` leave no build/run.json.
"""

import json
import os
import sys
from pathlib import Path

import yaml  # the Python is that of this repository; an orchestrator's has no such file beside it

codes = Path("codes").read_text("utf-8").split()
Path("codes").write_text(" ".join(codes[1:] or codes), "utf-8")
code = int(codes[0].rstrip("!"))
spec = yaml.safe_load(Path("data-product.yaml").read_text("utf-8"))
published = code in (0, 3)
Path("given.json").write_text(
    json.dumps({"arguments": sys.argv[1:], "environment": dict(os.environ)}), "utf-8"
)


def say(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


report: dict[str, object] = {
    "product": f"{spec['metadata']['domain']}/{spec['metadata']['name']}",
    "version": spec["metadata"]["version"],
    "startedAt": "2026-12-01T05:00:00+00:00",
    "outcome": "published" if published else "failed",
    "exitCode": code,
}
if code != 2:
    result = "passed" if published else "failed"
    report |= {
        "contract": "1.2.0",
        "rowsOut": 1667,
        "checks": [
            {"name": "Check that field day is present", "field": "day", "result": "passed", "reason": ""},
            {
                "name": "Check that field day has no missing values",
                "field": "day",
                "result": result,
                "reason": "2",
            },
        ],
        "doubts": [{"name": "Check that x", "field": "x", "result": "unchecked", "reason": "Nobody looked."}],
    }
if published:
    levels = spec["spec"]["serviceLevels"]
    report["serviceLevels"] = [
        {**level, "value": 1.0, "unit": "h", "kept": True, "reason": ""} for level in levels
    ]
    for level in report["serviceLevels"]:
        if level["indicator"] == "volume-change":
            level |= {"kept": None, "reason": "nothing to compare with yet"}
        elif "target" in level:
            level |= {"kept": False, "errorBudget": 0.5}
    if code == 3:
        report["serviceLevels"][0]["kept"] = False
        report["missed"] = [levels[0]["name"]]
else:
    report["problem"] = "verify: a promise is broken" if code == 1 else "ingest: no such file"
for stage in ("ingest", "verify"):
    say("stage.started", stage=stage)
    print(f"a library prints in {stage}", file=sys.stderr, flush=True)
    say("stage.ended", stage=stage, seconds=0.5, message="1,667 rows")
if not codes[0].endswith("!"):
    Path("build").mkdir(exist_ok=True)
    Path("build/new.json").write_text(json.dumps(report), "utf-8")
    os.replace("build/new.json", "build/run.json")
say("run.ended", exitCode=code, message=report.get("problem", ""), fix="Fix it." if code else "")
sys.exit(code)
