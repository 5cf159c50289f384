"""What goes with a version, an artifact or a project that is deleted, what builds on it, and what keeps it."""

from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from django.db.models import Q, QuerySet

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import validators
from artifacts.aliases import protection
from artifacts.aliases.order import AliasOrder
from artifacts.models import AliasRule, Artifact, ArtifactAlias, ArtifactUsage, ArtifactVersion
from core import bounded_count, long_values
from projects.models import Project, Run

MAX_LISTED = 8
# Of the rules in a project, and of the aliases that they protect.
_MAX_RULES, _MAX_ALIASES = 50, 1_000
Row = TypeVar("Row")


class Some(NamedTuple, Generic[Row]):
    """The first of some rows, and how many there are: at most one more than `bounded_count.COUNT_LIMIT`."""

    first: list[Row]
    count: int


@dataclass(frozen=True, slots=True)
class Impact:
    """`refusals` are the sentences that say why it cannot be deleted, and what to do; without one it can.

    Of runs and versions there are those that the reader may see: runs that used it, and what these have logged.
    """

    aliases: list[str] = field(default_factory=list)
    latest_goes_to: str = ""
    refusals: list[str] = field(default_factory=list)
    rules: list[AliasRule] = field(default_factory=list)
    used_by: Some[Run] = field(default_factory=lambda: Some([], 0))
    downstream: Some[ArtifactVersion] = field(default_factory=lambda: Some([], 0))


def of_version(actor: Actor, version: ArtifactVersion) -> Impact:
    """Of a version with its artifact, project and team. A `latest` that moves by itself falls back."""
    artifact, rules = version.artifact, protection.rules_for(version.artifact)
    order = AliasOrder(rules)
    names = sorted(version.aliases.values_list("alias", flat=True), key=order)
    follows = artifact.auto_latest and validators.LATEST in names
    names = [name for name in names if not (follows and name == validators.LATEST)]
    protected = {name: needed for name in names if (needed := protection.protection(rules, name))}
    before = artifact.versions.finalized().exclude(pk=version.pk).order_by("-number").first() if follows else None
    refusals = [
        str(protection.refusal(name, needed, advice=protection.MOVE_FIRST)) for name, needed in protected.items()
    ]
    goes_to = before.version if before else ""
    return Impact(names, goes_to, refusals, **_users(actor, version.usages.all(), Q(pk=version.pk)))


def of_artifact(actor: Actor, artifact: Artifact) -> Impact:
    """Of an artifact with its project and team."""
    rules, role = protection.rules_for(artifact), permissions.role_in(actor.user, artifact.project.team)
    names = sorted(artifact.alias_set.values_list("alias", flat=True), key=AliasOrder(rules))
    covered = {name: needed for name in names if (needed := protection.protection(rules, name))}
    protected = {name: needed for name, needed in covered.items() if not protection.may_move(actor, role, needed)}
    own = [rule for rule in rules if rule.artifact_id]
    usages = ArtifactUsage.objects.filter(version__artifact=artifact)
    because = protection.DELETED_WITH_ARTIFACT
    refusals = [str(protection.refusal(name, needed, because)) for name, needed in protected.items()]
    if own and not actor.is_staff and role is not Role.ADMIN:
        refusals.append(f"The rule {own[0]} would be deleted with it: only an admin of the team can do that.")
    return Impact(names, "", refusals, own, **_users(actor, usages, Q(artifact=artifact)))


def of_project(actor: Actor, project: Project) -> Impact:
    """Of a project, which its admins delete whatever is protected in it: the aliases are those, as `artifact:alias`."""
    rules = list(AliasRule.objects.within(project).for_display()[:_MAX_RULES])
    protected = ArtifactAlias.objects.covered_by(*rules).within(project).order_by("artifact__name", "sort_key")
    pairs = protected.values_list("artifact__name", "alias")[:_MAX_ALIASES]
    own = [rule for rule in rules if not rule.team_id]
    usages = ArtifactUsage.objects.filter(version__artifact__project=project)
    users = Run.objects.visible_to(actor.user).filter(pk__in=usages.order_by().values("run")).exclude(project=project)
    aliases = [f"{artifact}:{alias}" for artifact, alias in pairs]
    return Impact(aliases, rules=own, used_by=_some_runs(users))


def _users(actor: Actor, usages: QuerySet[ArtifactUsage], own: Q) -> dict[str, Some[Any]]:
    """The runs that the usages are of, and what these have logged beside the `own` versions."""
    users = Run.objects.visible_to(actor.user).filter(pk__in=usages.order_by().values("run"))
    logged = ArtifactVersion.objects.visible_to(actor.user).finalized().filter(run__in=users.order_by().values("pk"))
    listed = long_values.defer(
        logged.exclude(own).select_related("artifact__project__team"), "", "artifact", "artifact__project"
    )
    return {"used_by": _some_runs(users), "downstream": _some(listed.order_by("-id"))}


def _some_runs(runs: QuerySet[Run]) -> Some[Run]:
    return _some(long_values.defer(runs.select_related("project__team"), "", "project").order_by("-id"))


def _some(rows: QuerySet[Any]) -> Some[Any]:
    first = list(rows[: MAX_LISTED + 1])
    return Some(first[:MAX_LISTED], bounded_count.count(rows) if len(first) > MAX_LISTED else len(first))
