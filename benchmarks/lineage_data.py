"""A history of so many edges, written by the database itself: pipelines of a thousand edges each.

A pipeline begins with a version of raw data. Each of its 250 runs uses that, one version that the runs of all
pipelines use, and one that a run before it made, and makes a version itself.
"""

from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import Team, User
from artifacts import artifacts
from artifacts.models import Artifact, ArtifactUsage, ArtifactVersion
from harness.row_copies import copy, sql_id, sql_value
from projects import projects
from projects.models import Project, Run, State

RUNS, EDGES = 250, 1_000
# The raw data of the first pipeline, and what the runs of all pipelines use.
ROOT, SHARED = "20000000-0000-0000-0000-000000000000", "50000000-0000-0000-0000-000000000000"
_BATCH_SIZE = 1_000


def fill(edges: int) -> str:
    """Returns a session of alice's, who sees all of it."""
    pipelines = max(1, edges // EDGES)
    alice = User.objects.get(username="alice")
    project = projects.create(Actor(alice), Team.objects.get(name="acme"), "history")
    shared = _version(artifacts.create(Actor(alice), project, "shared", "dataset"), SHARED)
    _artifacts(alice, project, pipelines)
    first = Artifact.objects.get(name="pipeline-0")
    root = _version(first, ROOT)
    run = Run.objects.create(
        pk=_first("1"), project=project, name="run-0", state=State.FINISHED, finished_at=timezone.now(),
        created_by=alice, job_type="train",
    )  # fmt: skip
    copy(run, RUNS * pipelines, 1, {"id": sql_id("1", "n"), "name": "'run-' || n"})
    # The first of a pipeline is its raw data, which no run made.
    artifact, number = sql_id("4", f"n / {RUNS + 1}"), f"n % {RUNS + 1} + 1"
    maker = f"CASE WHEN n % {RUNS + 1} = 0 THEN NULL ELSE {sql_id('1', _run_of_version())} END"
    copy(
        root, (RUNS + 1) * pipelines, 1,
        {"id": sql_id("2", "n"), "artifact_id": artifact, "number": number, "run_id": maker},
    )  # fmt: skip
    usage = ArtifactUsage.objects.create(pk=_first("3"), run=run, version=root, requested_as=["latest"])
    block = f"(n / 3) / {RUNS} * {RUNS + 1}"
    # What one of the last nineteen runs of the pipeline made; the first runs have none before them.
    before = f"(n / 3) % {RUNS} - 1 - ((n / 3) * 7919) % 19"
    used = (
        f"CASE n % 3 WHEN 0 THEN {sql_id('2', block)} WHEN 1 THEN {sql_value(shared.pk)} "
        f"ELSE {sql_id('2', f'{block} + 1 + {before}')} END"
    )
    condition = f"n % 3 < 2 OR {before} >= 0"
    columns = {"id": sql_id("3", "n"), "run_id": sql_id("1", "n / 3"), "version_id": used}
    copy(usage, 3 * RUNS * pipelines, 1, columns, condition)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    client = Client()
    client.force_login(alice)
    return client.cookies["sessionid"].value


def _run_of_version() -> str:
    return f"n / {RUNS + 1} * {RUNS} + n % {RUNS + 1} - 1"


def _artifacts(alice: User, project: Project, count: int) -> None:
    counted = {"version_count": RUNS + 1, "latest_version_number": RUNS + 1, "last_assigned_number": RUNS + 1}
    rows = (
        Artifact(
            pk=f"4{number:031x}", project=project, name=f"pipeline-{number}", type="model", created_by=alice, **counted
        )
        for number in range(count)
    )
    Artifact.objects.bulk_create(rows, _BATCH_SIZE)


def _version(artifact: Artifact, pk: str) -> ArtifactVersion:
    return ArtifactVersion.objects.create(
        pk=pk, artifact=artifact, number=1, state="finalized", integrity="verified", finalized_at=timezone.now()
    )


def _first(kind: str) -> str:
    return f"{kind}{0:031x}"
