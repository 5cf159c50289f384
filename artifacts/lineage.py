"""Lineage: which run used which version, recorded when the run resolves it."""

from datetime import datetime
from typing import NamedTuple

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import name_resolution
from artifacts.models import ArtifactUsage, ArtifactVersion
from projects.models import Run


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
) -> Used:
    """Resolve the name in the run's project, and record that the run uses the version. Safe to repeat.

    With `at`, the version that the name resolved to at that time.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    resolved = name_resolution.resolve(actor.user, name, run.project, alias=alias, version=version, type=type, at=at)
    return _record(run, resolved)


def use_version(actor: Actor, run: Run, version: ArtifactVersion, *, type: str | None = None) -> Used:
    """Record that the run uses this version, whatever it and its artifact are called now. Safe to repeat."""
    permissions.require(actor, run.project.team, Role.EDITOR)
    return _record(run, name_resolution.describe(version, type))


def _record(run: Run, resolved: name_resolution.Resolved) -> Used:
    usage, _ = ArtifactUsage.objects.get_or_create(run=run, version=resolved.version)
    return Used(resolved, usage)
