"""Versions, runs and edges between them as rows, without bytes: what lineage is about."""

from collections.abc import Iterable

from django.utils import timezone

from accounts.models import User
from artifacts.models import Artifact, ArtifactUsage, ArtifactVersion, VersionSource
from harness.row_copies import copy, sql_id
from projects.models import Project, Run, State


def versions(artifact: Artifact, count: int, runs: Iterable[Run | None] = ()) -> list[ArtifactVersion]:
    """So many finalized versions more, made by these runs where there are any."""
    artifact.refresh_from_db()
    last = artifact.last_assigned_number
    first = artifact.first_number if last is None else last + 1
    runs = list(runs) or [None] * count
    rows = [
        ArtifactVersion(
            artifact=artifact, number=number, state="finalized", finalized_at=timezone.now(), run=run, total_size=number
        )
        for number, run in zip(range(first, first + count), runs, strict=True)
    ]
    artifact.last_assigned_number = artifact.latest_version_number = first + count - 1
    artifact.version_count += count
    artifact.save()
    return ArtifactVersion.objects.bulk_create(rows, 1000)


def runs(project: Project, user: User, count: int, prefix: str = "run", state: str = State.FINISHED) -> list[Run]:
    ended = None if state == State.RUNNING else timezone.now()
    rows = [
        Run(project=project, name=f"{prefix}-{number}", created_by=user, state=state, finished_at=ended)
        for number in range(count)
    ]
    return Run.objects.bulk_create(rows, 1000)


def use(pairs: Iterable[tuple[Run, ArtifactVersion]], requested_as: Iterable[str] = ()) -> None:
    ArtifactUsage.objects.bulk_create(
        (ArtifactUsage(run=run, version=version, requested_as=list(requested_as)) for run, version in pairs), 1000
    )


def derive(pairs: Iterable[tuple[ArtifactVersion, ArtifactVersion]], requested_as: str = "") -> None:
    """Each is (version, source)."""
    VersionSource.objects.bulk_create(
        (VersionSource(version=version, source=source, requested_as=requested_as) for version, source in pairs), 1000
    )


def diamond(artifact: Artifact, user: User, layers: int) -> ArtifactVersion:
    """A version from which two runs make one each, which both of two more runs use, and so on: 2^layers paths."""
    [root] = versions(artifact, 1)
    above = [root]
    for layer in range(layers):
        pair = runs(artifact.project, user, 2, f"layer-{layer}")
        use((run, version) for run in pair for version in above)
        above = versions(artifact, 2, pair)
    return root


def users(version: ArtifactVersion, user: User, count: int) -> Run:
    """So many runs that used the version. Returns the newest one."""
    [run] = runs(version.artifact.project, user, 1, "user")
    use([(run, version)])
    usage = ArtifactUsage.objects.get(run=run)
    copy(run, count, 1, {"id": sql_id("f", "n"), "name": "'user-' || n"})
    copy(usage, count, 1, {"id": sql_id("f", "n"), "run_id": sql_id("f", "n")})
    return Run.objects.get(name=f"user-{count - 1}")
