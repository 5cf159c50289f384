"""Asking for a check of a version's references. Workers carry it out."""

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import errors
from artifacts.models import ArtifactVersion, ExternalStore, ReferenceCheck
from artifacts.references import tasks


def request(actor: Actor, version: ArtifactVersion) -> ReferenceCheck:
    """Have all references of a finalized version checked; where that is requested already, that one stands.

    For editors: it asks hosts of others, and may notify everyone who watches. Raises `Denied`, or `Conflict` where
    there is nothing to check.
    """
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    if not version.is_finalized:
        raise errors.Conflict("References of a draft are not checked: finalize it first.")
    if not version.reference_count:
        raise errors.Conflict(f"{version.title} has no references.")
    with transaction.atomic():
        ReferenceCheck.objects.bulk_create(
            [ReferenceCheck(version=version, requested_by=actor.user)], ignore_conflicts=True
        )
        tasks.check.delay_on_commit()
    check = ReferenceCheck.objects.filter(version=version).first()
    # A worker may have been quick.
    return check or ReferenceCheck(version=version, requested_by=actor.user)


def annotate(versions: QuerySet[ArtifactVersion]) -> QuerySet[ArtifactVersion]:
    """Each with `has_external_stores` of its team, and `checked_references`: how many a check has looked at.

    That is None where no check is requested.
    """
    checked = ReferenceCheck.objects.filter(version=OuterRef("pk")).values("checked_count")
    stores = ExternalStore.objects.filter(team=OuterRef("artifact__project__team"))
    return versions.annotate(checked_references=Subquery(checked[:1]), has_external_stores=Exists(stores))


def running(version: ArtifactVersion) -> ReferenceCheck | None:
    """The check of the version that waits or is carried out; its `checked_count` says how far it is."""
    return version.reference_checks.first()
