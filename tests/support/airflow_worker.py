"""Runs in an environment with Airflow alone: loads the DAGs of products, runs them, and writes down what came of it."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

asked = json.loads(Path(sys.argv[1]).read_text("utf-8"))
bundles = {name: Path(folder) / "orchestration" for name, folder in asked["products"].items()}
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
os.environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] = json.dumps(
    [{"name": name, "classpath": LOCAL, "kwargs": {"path": str(path)}} for name, path in bundles.items()]
)

from airflow.utils.db import initdb  # noqa: E402 - it reads the environment

initdb()

from airflow import settings  # noqa: E402
from airflow.dag_processing.bundles.manager import DagBundlesManager  # noqa: E402
from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db  # noqa: E402
from airflow.models import DagModel, Variable  # noqa: E402
from airflow.models.asset import AssetDagRunQueue, AssetEvent, AssetModel  # noqa: E402
from airflow.models.deadline import Deadline  # noqa: E402
from airflow.models.serialized_dag import SerializedDagModel  # noqa: E402
from airflow.sdk import timezone  # noqa: E402
from airflow.utils.types import DagRunTriggeredByType, DagRunType  # noqa: E402
from sqlalchemy import select  # noqa: E402

session = settings.Session()
DagBundlesManager().sync_bundles_to_db(session=session)
session.commit()
answer: dict[str, Any] = {"dags": {}, "errors": {}, "runs": [], "modules": []}
dags = {}
for name, path in bundles.items():
    began = time.process_time()
    bag = BundleDagBag(dag_folder=path, bundle_path=path, bundle_name=name)
    seconds = time.process_time() - began
    answer["errors"][name] = [str(error) for error in bag.import_errors.values()]
    sync_bag_to_db(bag, name, None)
    for dag in bag.dags.values():
        dags[name] = dag
        run = dag.get_task("run")
        stored = SerializedDagModel.get(dag.dag_id, session=session)
        answer["dags"][name] = {
            "id": dag.dag_id,
            "seconds": seconds,
            "timetable": repr(dag.timetable),
            "catchup": dag.catchup,
            "active runs": dag.max_active_runs,
            "owner": dag.owner,
            "links": dag.owner_links,
            "tags": sorted(dag.tags),
            "title": dag.dag_display_name,
            "doc": dag.doc_md,
            "tasks": sorted(dag.task_ids),
            "queue": run.queue,
            "retries": run.retries,
            "templates": sorted({field for task in dag.tasks for field in task.template_fields}),
            "inlets": [[asset.name, asset.uri] for asset in run.inlets],
            "outlets": [[asset.name, asset.uri] for asset in run.outlets],
            "stored": bool(stored),
            "mails": [alert.callback.kwargs for alert in dag.deadline or []],
        }
answer["modules"] = sorted(
    name for name in sys.modules if name.partition(".")[0] in ("pipeline", "meshwright")
)

# What the scheduler does when a run is due: the deadlines of the run.
producer = SerializedDagModel.get_dag(dags["producer"].dag_id, session=session)
now = timezone.utcnow()
made = producer.create_dagrun(
    run_id="due",
    run_type=DagRunType.MANUAL,
    run_after=now,
    logical_date=now,
    data_interval=None,
    triggered_by=DagRunTriggeredByType.TEST,
    state="queued",
    session=session,
)
session.flush()
answer["deadlines"] = [
    (deadline.deadline_time - made.queued_at).total_seconds()
    for deadline in session.scalars(select(Deadline).where(Deadline.dagrun_id == made.id))
]
session.delete(made)
session.commit()

DagModel.get_dagmodel(dags["consumer"].dag_id, session=session).is_paused = False
Variable.set(f"{dags['producer'].dag_id}_variables", json.dumps({"PIPELINE_ENVIRONMENT": "production"}))
Variable.set(f"{dags['producer'].dag_id}_secrets", json.dumps({"PGPASSWORD": "hunter2"}))
session.commit()
for name, codes in asked["runs"]:
    Path(asked["products"][name], "codes").write_text(codes, "utf-8")
    dag = dags[name]
    # `dag.test` of 3.3.2 cannot run a DAG with deadlines: it looks them up by what is not their id.
    dag.deadline = None
    dag.get_task("run").retry_delay = timedelta(0)
    before = set(session.scalars(select(AssetEvent.id)))
    run = dag.test()
    tasks = {one.task_id: [str(one.state), one.try_number] for one in run.get_task_instances()}
    session = settings.Session()  # `dag.test` has closed it
    events = select(AssetModel.uri, AssetEvent.extra).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
    events = events.where(AssetEvent.id.not_in(before))
    queued = session.scalars(select(AssetDagRunQueue.target_dag_id)).all()
    answer["runs"].append(
        {
            "product": name,
            "codes": codes,
            "state": str(run.state),
            "tasks": tasks,
            "events": dict(session.execute(events).all()),
            "queued": list(queued),
        }
    )
Path(asked["answer"]).write_text(json.dumps(answer, default=str), "utf-8")
