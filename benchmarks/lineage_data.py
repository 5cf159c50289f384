"""A history of so many edges, written by the database itself: pipelines of a thousand edges each.

A pipeline begins with a version of raw data. Each of its 250 runs uses that, one version that the runs of all
pipelines use, and one that a run before it made, and makes a version itself.
"""

from typing import Any

from django.db import connection, models
from django.test import Client
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import Team, User
from artifacts import artifacts
from artifacts.models import Artifact, ArtifactUsage, ArtifactVersion
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
    _copy(run, RUNS * pipelines, 1, {"id": _id("1", "n"), "name": "'run-' || n"})
    # The first of a pipeline is its raw data, which no run made.
    artifact, number = _id("4", f"n / {RUNS + 1}"), f"n % {RUNS + 1} + 1"
    maker = f"CASE WHEN n % {RUNS + 1} = 0 THEN NULL ELSE {_id('1', _run_of_version())} END"
    _copy(
        root, (RUNS + 1) * pipelines, 1,
        {"id": _id("2", "n"), "artifact_id": artifact, "number": number, "run_id": maker},
    )  # fmt: skip
    usage = ArtifactUsage.objects.create(pk=_first("3"), run=run, version=root, requested_as=["latest"])
    block = f"(n / 3) / {RUNS} * {RUNS + 1}"
    # What one of the last nineteen runs of the pipeline made; the first runs have none before them.
    before = f"(n / 3) % {RUNS} - 1 - ((n / 3) * 7919) % 19"
    used = (
        f"CASE n % 3 WHEN 0 THEN {_id('2', block)} WHEN 1 THEN {_value(shared.pk)} "
        f"ELSE {_id('2', f'{block} + 1 + {before}')} END"
    )
    condition = f"n % 3 < 2 OR {before} >= 0"
    columns = {"id": _id("3", "n"), "run_id": _id("1", "n / 3"), "version_id": used}
    _copy(usage, 3 * RUNS * pipelines, 1, columns, condition)
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


def _copy(row: models.Model, count: int, first: int, columns: dict[str, str], condition: str = "1 = 1") -> None:
    """Copies of the row, numbered as `n` from `first` to below `count`, but for these columns, given as SQL."""
    table = row._meta.db_table
    names = [field.column for field in row._meta.concrete_fields]
    values = ", ".join(columns.get(name, f't."{name}"') for name in names)
    if connection.vendor == "postgresql":
        series = f"generate_series({first}::bigint, {count - 1}) AS s(n)"
    else:
        series = f"""(WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {count - 1})
            SELECT n FROM s) s"""
    quoted = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({quoted}) SELECT {values} FROM {table} t CROSS JOIN {series} "
            f"WHERE t.id = {_value(row.pk)} AND ({condition})"
        )


def _first(kind: str) -> str:
    return f"{kind}{0:031x}"


def _id(kind: str, number: str) -> str:
    """SQL for the id of that number."""
    if connection.vendor == "postgresql":
        return f"('{kind}' || lpad(to_hex({number}), 31, '0'))::uuid"
    return f"'{kind}' || printf('%031x', {number})"


def _value(pk: Any) -> str:
    return f"'{pk}'::uuid" if connection.vendor == "postgresql" else f"'{str(pk).replace('-', '')}'"
