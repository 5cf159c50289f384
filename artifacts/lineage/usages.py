"""Usages: which run used which version, recorded when the run resolves it."""

from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import F

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import name_resolution, validators
from artifacts.models import ArtifactUsage, ArtifactVersion
from artifacts.models.version import VersionQuerySet
from projects.models import Run

# A run that asks for a version by more names than these has the first ones.
_MAX_NAMES = 10


class Used(NamedTuple):
    resolved: name_resolution.Resolved
    usage: ArtifactUsage


def use(
    actor: Actor,
    run: Run,
    name: str,
    *,
    alias: str | None = None,
    version: str | None = None,
    type: str | None = None,
    at: datetime | None = None,
    requested_as: str | None = None,
) -> Used:
    """Resolve the name in the run's project, and record that the run uses the version. Safe to repeat.

    With `at`, the version that the name resolved to at that time. `requested_as` is the alias or version by which the
    program found it, if that was before and by another one.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    resolved = name_resolution.resolve(actor.user, name, run.project, alias=alias, version=version, type=type, at=at)
    return _record(run, resolved, requested_as or resolved.alias or resolved.version.version)


def use_version(
    actor: Actor, run: Run, version: ArtifactVersion, *, type: str | None = None, requested_as: str | None = None
) -> Used:
    """Record that the run uses this version, whatever it and its artifact are called now. Safe to repeat.

    `requested_as` as in `use`.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    return _record(run, name_resolution.describe(version, type), requested_as)


def versions_used(run: Run, versions: VersionQuerySet) -> VersionQuerySet:
    """Those of the versions that the run used, each with how it asked for it as `requested_as`."""
    return versions.filter(usages__run=run).annotate(requested_as=F("usages__requested_as"))


@transaction.atomic
def _record(run: Run, resolved: name_resolution.Resolved, requested_as: str | None) -> Used:
    names = [validators.check_alias(requested_as)] if requested_as else []
    usage, created = ArtifactUsage.objects.get_or_create(
        run=run, version=resolved.version, defaults={"requested_as": names}
    )
    if not created and not set(names) <= set(usage.requested_as):
        usage = ArtifactUsage.objects.select_for_update(no_key=True).get(pk=usage.pk)
        usage.requested_as = list(dict.fromkeys([*usage.requested_as, *names]))[:_MAX_NAMES]
        usage.save(update_fields=["requested_as"])
    return Used(resolved, usage)
