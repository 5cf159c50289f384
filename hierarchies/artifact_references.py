"""Versions of artifacts that the data of records names: `artifact://team/project/name:v3`.

Such a text anywhere in the data is a reference. The version is protected from deletion for as long as the record has
it, where who saved the record may delete versions there too: nobody protects what belongs to others.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import name_resolution
from artifacts.models import ArtifactVersion, VersionHold
from core import straight_deletes
from hierarchies import errors
from hierarchies.models import Hierarchy, Record, RecordReference
from hierarchies.record_data import SCHEME, Reference

_BATCH_SIZE = 2_000


class _Target(NamedTuple):
    version: ArtifactVersion
    requested_as: str
    is_protecting: bool


def attach(
    actor: Actor, hierarchy: Hierarchy, references: Mapping[str, Sequence[Reference]], *, is_strict: bool = True
) -> None:
    """Let the records of these ids refer to what their data names, in the transaction that saves them.

    Raises `InvalidData` for what the actor cannot see, or what is not there; unless `is_strict`, that stays a text.
    """
    uris = {reference.uri for found in references.values() for reference in found}
    if not uris:
        return
    targets = _resolve(actor, uris, is_strict)
    holds, rows = [], []
    for record_id, found in references.items():
        label = f"record {record_id} in {hierarchy.full_name}"
        for pointer, uri in found:
            if target := targets.get(uri):
                holds.append(
                    VersionHold(
                        version=target.version,
                        project=hierarchy.project,
                        label=label,
                        is_protecting=target.is_protecting,
                    )
                )
                rows.append(
                    RecordReference(
                        record_id=record_id,
                        pointer=pointer,
                        requested_as=target.requested_as,
                        version_hold=holds[-1],
                    )
                )
    VersionHold.objects.bulk_create(holds, batch_size=_BATCH_SIZE)
    RecordReference.objects.bulk_create(rows, batch_size=_BATCH_SIZE)


def release(references: QuerySet[RecordReference]) -> None:
    """Delete these references; the versions may be deleted from then on."""
    rows = references.order_by("pk")
    while batch := list(rows.values_list("pk", "version_hold")[:_BATCH_SIZE]):
        straight_deletes.delete(RecordReference.objects.filter(pk__in=[pk for pk, _ in batch]))
        straight_deletes.delete(VersionHold.objects.filter(pk__in=[hold for _, hold in batch]))


def of_record(record: Record) -> list[RecordReference]:
    """The references of a record, with their versions, artifacts, projects and teams. One query."""
    version = "version_hold__version__artifact__project__team"
    return list(record.references.select_related(version).order_by("pointer"))


def _resolve(actor: Actor, uris: set[str], is_strict: bool) -> dict[str, _Target]:
    user = actor.user or AnonymousUser()
    found: dict[str, tuple[ArtifactVersion, str]] = {}
    for uri in sorted(uris):
        try:
            resolved = name_resolution.resolve(user, uri.removeprefix(SCHEME))
        except (errors.Missing, errors.Invalid) as error:
            if is_strict:
                raise errors.InvalidData(f"The data refers to {uri[:200]!r}: {error}") from error
            continue
        found[uri] = resolved.version, resolved.alias or str(resolved.version.version)
    # Whoever deletes a version holds its lock: those that are still finalized stay so until the holds are saved.
    pks = {version.pk for version, _ in found.values()}
    rows = ArtifactVersion.objects.filter(pk__in=pks).select_for_update(no_key=True, of=("self",)).order_by("pk")
    locked = {row.pk: row for row in rows.select_related("artifact__project__team")}
    roles: dict[Any, bool] = {}
    targets: dict[str, _Target] = {}
    for uri, (version, requested_as) in found.items():
        row = locked.get(version.pk)
        if row is None or not row.is_finalized:
            raise errors.InvalidData(f"The data refers to {uri[:200]!r}, which was deleted at this moment.")
        team = row.artifact.project.team
        if team.pk not in roles:
            role = permissions.role_in(user, team) if user.is_authenticated else None
            roles[team.pk] = role is not None and role.covers(Role.EDITOR)
        targets[uri] = _Target(row, requested_as, roles[team.pk])
    return targets
