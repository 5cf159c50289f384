"""The rows of a registry that holds a little or a lot, written past the verbs, which would take a day."""

import hashlib
from collections.abc import Callable, Iterator

from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.actor import Actor, Channel
from accounts.models import Team, User
from artifacts import artifacts, folder_summaries, search_index, storage
from artifacts.models import (
    AliasChange,
    Artifact,
    ArtifactAlias,
    ArtifactFile,
    ArtifactTag,
    ArtifactVersion,
    Blob,
    StoredObject,
)
from projects import projects
from projects.models import Project, Run

_BATCH_SIZE = 1_000
# A page of either shows as many where there are a thousand files as where there are a hundred thousand.
_FOLDERS, _FILES_OF_FIRST_FOLDER = 500, 200
_MAX_ALIASES = 1_000
_ALIASES_PER_ARTIFACT = 100
_LINE = b"one line\n"


def fill(count: int) -> str:
    """So many artifacts and runs in acme/load, versions of `versions`, of which some have an alias, files of `files`.

    Returns a session of alice's.
    """
    alice = User.objects.get(username="alice")
    project = projects.create(Actor(alice), Team.objects.get(name="acme"), "load")
    _artifacts(alice, project, count)
    _versions(alice, project, count)
    _files(alice, project, count)
    Run.objects.bulk_create((_run(alice, project, number, count) for number in range(count)), _BATCH_SIZE)
    search_index.rebuild()
    if connection.vendor == "postgresql":
        # As autovacuum has done, wherever rows did not come within a minute.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    client = Client()
    client.force_login(alice)
    return client.cookies["sessionid"].value


def _run(alice: User, project: Project, number: int, count: int) -> Run:
    config = {"lr": number / count, "optimizer": "adam"}
    return Run(project=project, name=f"run-{number}", config=config, summary={"acc": number / count}, created_by=alice)


def _artifacts(alice: User, project: Project, count: int) -> None:
    fields = {"project": project, "type": "dataset", "created_by": alice, "description": "Rows of a table."}
    counted = {"version_count": 1, "latest_version_number": 1, "last_assigned_number": 1}
    rows = [
        Artifact(name=f"artifact-{number:06}", latest_size=number % 1_000, **fields, **counted)
        for number in range(count)
    ]
    Artifact.objects.bulk_create(rows, _BATCH_SIZE)
    ArtifactTag.objects.bulk_create(
        (ArtifactTag(artifact=row, tag=f"tag-{index % 7}") for index, row in enumerate(rows)), _BATCH_SIZE
    )
    versions = ArtifactVersion.objects.bulk_create((_version(alice, row, 1) for row in rows), _BATCH_SIZE)
    _aliases(alice, versions, lambda number: "latest")


def _versions(alice: User, project: Project, count: int) -> None:
    artifact = artifacts.create(Actor(alice), project, "versions", "model")
    rows = [_version(alice, artifact, number) for number in range(1, count + 1)]
    ArtifactVersion.objects.bulk_create(rows, _BATCH_SIZE)
    _aliases(alice, rows[:: max(1, count // _MAX_ALIASES)], lambda number: f"build-{number}")
    AliasChange.objects.bulk_create(_changes(alice, artifact, rows), _BATCH_SIZE)
    numbers = {"version_count": count, "latest_version_number": count, "last_assigned_number": count}
    Artifact.objects.filter(pk=artifact.pk).update(**numbers)


def _files(alice: User, project: Project, count: int) -> None:
    """One file has bytes in the store, which all others share."""
    artifact = artifacts.create(Actor(alice), project, "files", "dataset")
    version = _version(alice, artifact, 1)
    version.file_count, version.total_size = count, len(_LINE) * count
    version.save()
    blob = _stored_blob(alice, version)
    paths = (f"part-{_folder(number, count):03}/{number:06}.txt" for number in range(count - 1))
    ArtifactFile.objects.bulk_create((_file(version, path, blob) for path in ("one.txt", *paths)), _BATCH_SIZE)
    folder_summaries.store(version)
    numbers = {"version_count": 1, "latest_version_number": 1, "last_assigned_number": 1}
    numbers["latest_size"] = version.total_size
    Artifact.objects.filter(pk=artifact.pk).update(**numbers)


def _folder(number: int, count: int) -> int:
    """The folder of a file: the first one is full, the others have equal parts of the rest."""
    later = number - _FILES_OF_FIRST_FOLDER
    return 0 if later < 0 else 1 + later * (_FOLDERS - 1) // (count - _FILES_OF_FIRST_FOLDER)


def _stored_blob(alice: User, version: ArtifactVersion) -> Blob:
    key, project = f"{version.storage_path}one.txt", version.artifact.project
    storage.ensure_bucket()
    storage.upload_file(key, _LINE)
    fields = {"project": project, "size": len(_LINE), "sha256": hashlib.sha256(_LINE).hexdigest()}
    obj = StoredObject.objects.create(key=key, version=version, kind="file", state="uploaded", **fields)
    md5 = hashlib.md5(_LINE, usedforsecurity=False).hexdigest()
    return Blob.objects.create(object=obj, state="verified", md5=md5, created_by=alice, **fields)


def _file(version: ArtifactVersion, path: str, blob: Blob) -> ArtifactFile:
    name = path.rpartition("/")[2]
    return ArtifactFile(version=version, path=path, name=name, size=len(_LINE), mime_type="text/plain", blob=blob)


def _version(alice: User, artifact: Artifact, number: int) -> ArtifactVersion:
    return ArtifactVersion(
        artifact=artifact,
        number=number,
        state=ArtifactVersion.State.FINALIZED,
        integrity=ArtifactVersion.Integrity.VERIFIED,
        storage_path=f"artifacts/{artifact.pk}/v{number}/",
        created_by=alice,
        finalized_at=timezone.now(),
        metadata={"mAP": number % 1_000, "framework": "torch", "name": artifact.name},
    )


def _aliases(alice: User, versions: list[ArtifactVersion], name: Callable[[int], str]) -> None:
    rows = (
        ArtifactAlias(artifact_id=row.artifact_id, version=row, alias=name(row.number), created_by=alice)
        for row in versions
    )
    ArtifactAlias.objects.bulk_create(rows, _BATCH_SIZE)


def _changes(alice: User, artifact: Artifact, versions: list[ArtifactVersion]) -> Iterator[AliasChange]:
    """`latest` went from each version to the next."""
    for before, row in zip([None, *versions], versions, strict=False):
        yield AliasChange(
            artifact=artifact, artifact_name=artifact.full_name, alias="latest", number=row.number,
            from_version=before, from_number=before.number if before else None,
            to_version=row, to_number=row.number,
            changed_by=alice, changed_by_name=alice.username, channel=Channel.SDK, created_at=timezone.now(),
        )  # fmt: skip


def add_aliases(count: int) -> None:
    """So many aliases more, a hundred in each of other artifacts. On PostgreSQL."""
    alice, project = User.objects.get(username="alice"), Project.objects.get(name="load")
    counted = {"version_count": 1, "latest_version_number": 1, "last_assigned_number": 1}
    fields = {"project": project, "type": "model", "created_by": alice, **counted}
    rows = [Artifact(name=f"crowd-{number:06}", **fields) for number in range(count // _ALIASES_PER_ARTIFACT)]
    Artifact.objects.bulk_create(rows, _BATCH_SIZE)
    ArtifactVersion.objects.bulk_create((_version(alice, row, 1) for row in rows), _BATCH_SIZE)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO artifacts_artifactalias
                (id, artifact_id, version_id, alias, sort_key, created_at, updated_at)
            SELECT gen_random_uuid(), version.artifact_id, version.id, 'build-' || nth,
                   convert_to('@build-' || nth, 'UTF8'), now(), now()
            FROM artifacts_artifactversion version JOIN artifacts_artifact artifact ON artifact.id = version.artifact_id
            CROSS JOIN generate_series(1, %s) nth WHERE artifact.name LIKE 'crowd-%%'""",
            [_ALIASES_PER_ARTIFACT],
        )


def add_changes(depth: int) -> None:
    """Every alias has moved so many times more, to another version of its artifact and back. On PostgreSQL."""
    for alias in ArtifactAlias.objects.select_related("artifact", "version"):
        other = alias.artifact.versions.exclude(pk=alias.version_id).get()
        last = AliasChange.objects.of(alias.artifact, alias.alias)[0]
        ends = [alias.version, other]
        AliasChange.objects.bulk_create(
            (
                AliasChange(
                    artifact=alias.artifact, alias=alias.alias, number=last.number + nth,
                    from_version=ends[0 if nth % 2 else 1], from_number=ends[0 if nth % 2 else 1].number,
                    to_version=ends[nth % 2], to_number=ends[nth % 2].number,
                    channel=Channel.API, created_at=last.created_at,
                )
                for nth in range(1, depth + 1)
            ),
            _BATCH_SIZE,
        )  # fmt: skip
