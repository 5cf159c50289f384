"""Asking for a check of a version's references, or of a draft's, for what identifies them. Workers carry it out."""

from datetime import timedelta

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import draft_files, errors
from artifacts.models import ArtifactVersion, ReferenceCheck
from artifacts.references import tasks

# For so long a draft waits for workers; then it can be finalized without what they have not recorded.
IDENTIFICATION_WAIT = timedelta(minutes=1)
# Somebody waits for it, so its first turn is before those of versions that wait less long than this.
_HEAD_START = timedelta(days=1)


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
        # Of a link the version that has the references is checked, and all links to it learn what was found.
        new = ReferenceCheck(version_id=version.contents_id, requested_by=actor.user)
        ReferenceCheck.objects.bulk_create([new], ignore_conflicts=True)
        tasks.check.delay_on_commit()
    # A worker may have been quick.
    check = running(version) or ReferenceCheck(requested_by=actor.user)
    # Who asks for a link learns nothing of the version that has the references.
    check.version = version
    return check


@transaction.atomic
def identify(actor: Actor, draft: ArtifactVersion) -> None:
    """Have the references of a draft identified that are not, those too of which nothing was found out before.

    Nothing where its digest was stated: that covers what its client knows of them. Raises as `draft_files.lock_draft`.
    """
    version = draft_files.lock_draft(actor, draft)
    if version.digest or not version.files.filter(reference_identity="").update(reference_reason=None):
        return
    now = timezone.now()
    check = ReferenceCheck(version=version, requested_by=actor.user, turn_at=now - _HEAD_START)
    ReferenceCheck.objects.bulk_create([check], ignore_conflicts=True)
    ReferenceCheck.objects.filter(version=version).update(requested_at=now)
    tasks.check.delay_on_commit()


def end_identification(draft: ArtifactVersion) -> None:
    """For who finalizes a draft, which is locked: what is not recorded by now stays unknown.

    Raises `Conflict` while workers are at it, for at most `IDENTIFICATION_WAIT` since the last was added.
    """
    waiting = draft.reference_checks.all()
    if waiting.filter(requested_at__gt=timezone.now() - IDENTIFICATION_WAIT).exists():
        message = "The server is still recording what identifies the references: try again in a moment."
        raise errors.Conflict(f"{message} After a minute the version can be finalized without.")
    waiting.delete()


def annotate(versions: QuerySet[ArtifactVersion]) -> QuerySet[ArtifactVersion]:
    """Each with `checked_references`: how many a check has looked at; None where no check is requested."""
    contents = Coalesce("linked_version", "pk")
    checked = ReferenceCheck.objects.filter(version=OuterRef("contents_pk")).values("checked_count")
    return versions.alias(contents_pk=contents).annotate(checked_references=Subquery(checked[:1]))


def running(version: ArtifactVersion) -> ReferenceCheck | None:
    """The check of the version that waits or is carried out; its `checked_count` says how far it is."""
    return ReferenceCheck.objects.filter(version=version.contents_id).first()
