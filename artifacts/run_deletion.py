"""Deleting a run with what it logged."""

from django.db import transaction

from accounts.actor import Actor
from artifacts import versions
from artifacts.models import ArtifactVersion
from projects import runs
from projects.models import Run


@transaction.atomic
def delete(actor: Actor, run: Run, *, with_versions: bool) -> None:
    """Delete the run, and the versions that it logged with their aliases, all of it or nothing.

    Raises what `versions.delete` raises of one that is protected, or that a record refers to.
    """
    if with_versions:
        logged = ArtifactVersion.objects.filter(run=run).exclude(state=ArtifactVersion.State.DELETED)
        # In one order, for each has the lock of its artifact until the end.
        for version in logged.select_related("artifact__project__team").order_by("artifact_id", "-id"):
            versions.delete(actor, version, delete_aliases=True)
    runs.delete(actor, run)
