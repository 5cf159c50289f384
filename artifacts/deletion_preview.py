"""What goes with a version, an artifact or a project that is deleted, and what keeps it: what is asked before.

What was made from it is its `lineage.impact`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Membership, Role
from artifacts import errors, validators, version_holds
from artifacts.aliases import excerpts, protection
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
class DeletionPreview:
    """`refusals` are the sentences that say why it cannot be deleted, and what to do; without one it can.

    `used_by` are the runs of other projects that used something of a project, as far as the reader may see them.
    """

    aliases: list[str] = field(default_factory=list)
    latest_goes_to: str = ""
    refusals: list[str] = field(default_factory=list)
    rules: list[AliasRule] = field(default_factory=list)
    used_by: Some[Run] = field(default_factory=lambda: Some([], 0))


def of_version(actor: Actor, version: ArtifactVersion) -> DeletionPreview:
    """Of a version with its artifact, project and team. A `latest` that moves by itself falls back."""
    artifact, rules = version.artifact, protection.rules_for(version.artifact)
    names = sorted(version.alias_names, key=AliasOrder(rules))
    follows = artifact.auto_latest and validators.LATEST in names
    names = [name for name in names if not (follows and name == validators.LATEST)]
    before = artifact.versions.finalized().exclude(pk=version.pk).order_by("-number").first() if follows else None
    refusals = [*_refusals_of_version(rules, names), *version_holds.refusals(actor, [version]).values()]
    return DeletionPreview(names, (before.version if before else "") or "", refusals)


def of_artifact(actor: Actor, artifact: Artifact, role: Role | None) -> DeletionPreview:
    """Of an artifact with its project and team, in which the actor has this role."""
    rules = protection.rules_for(artifact)
    names = sorted(artifact.alias_set.values_list("alias", flat=True), key=AliasOrder(rules))
    own = [rule for rule in rules if rule.artifact_id]
    refusals = _refusals_of_artifact(actor, role, rules, names)
    if linked := version_holds.links_refusal(actor, artifact):
        refusals.append(linked)
    return DeletionPreview(names, "", refusals, own)


def of_project(actor: Actor, project: Project) -> DeletionPreview:
    """Of a project, which its admins delete whatever is protected in it: the aliases are those, as `artifact:alias`."""
    rules = list(AliasRule.objects.within(project).for_display()[:_MAX_RULES])
    protected = ArtifactAlias.objects.covered_by(*rules).within(project).order_by("artifact__name", "sort_key")
    pairs = protected.values_list("artifact__name", "alias")[:_MAX_ALIASES]
    own = [rule for rule in rules if not rule.team_id]
    usages = ArtifactUsage.objects.filter(version__artifact__project=project)
    users = Run.objects.visible_to(actor.user).filter(pk__in=usages.order_by().values("run")).exclude(project=project)
    aliases = [f"{artifact}:{alias}" for artifact, alias in pairs]
    linked = version_holds.links_refusal(actor, project)
    return DeletionPreview(aliases, refusals=[linked] if linked else [], rules=own, used_by=_some_runs(users))


def refusals_of_versions(actor: Actor, artifact: Artifact, versions: Iterable[ArtifactVersion]) -> dict[UUID, str]:
    """Why some of these versions of one artifact, whose aliases are loaded, cannot be deleted, by id. Three queries."""
    versions = list(versions)
    rules = protection.rules_for(artifact)
    ignored = {validators.LATEST} if artifact.auto_latest else set()
    names = {version.pk: [name for name in version.alias_names if name not in ignored] for version in versions}
    refusals = {pk: _refusals_of_version(rules, aliases) for pk, aliases in names.items()}
    return version_holds.refusals(actor, versions) | {pk: messages[0] for pk, messages in refusals.items() if messages}


def refusals_of_artifacts(actor: Actor, artifacts: Sequence[Artifact]) -> dict[UUID, str]:
    """The same of artifacts with their projects and teams, as far as their `alias_excerpt` tells. Three queries."""
    rules = protection.rules_by_artifact(artifacts)
    excerpts.attach(artifacts, rules=rules)
    teams = {artifact.project.team_id for artifact in artifacts}
    roles = dict(Membership.objects.filter(user=actor.user, team__in=teams).values_list("team", "role"))
    found: dict[UUID, str] = {}
    for artifact in artifacts:
        team, names = artifact.project.team, [pointer.alias for pointer in artifact.alias_excerpt.first]
        role = Role(roles[team.pk]) if team.pk in roles else None
        try:
            permissions.require_role(actor, team, role, Role.EDITOR)
        except errors.Denied as error:
            found[artifact.pk] = str(error)
            continue
        own_rules = protection.with_scopes(rules[artifact.pk], artifact)
        if refusals := _refusals_of_artifact(actor, role, own_rules, names):
            found[artifact.pk] = refusals[0]
    return found


def _refusals_of_version(rules: list[AliasRule], names: Iterable[str]) -> list[str]:
    protected = {name: needed for name in names if (needed := protection.protection(rules, name))}
    return [str(protection.refusal(name, needed, advice=protection.MOVE_FIRST)) for name, needed in protected.items()]


def _refusals_of_artifact(actor: Actor, role: Role | None, rules: list[AliasRule], names: Iterable[str]) -> list[str]:
    covered = {name: needed for name in names if (needed := protection.protection(rules, name))}
    protected = {name: needed for name, needed in covered.items() if not protection.may_move(actor, role, needed)}
    because = protection.DELETED_WITH_ARTIFACT
    refusals = [str(protection.refusal(name, needed, because)) for name, needed in protected.items()]
    own = next((rule for rule in rules if rule.artifact_id), None)
    if own and not actor.is_staff and role is not Role.ADMIN:
        refusals.append(f"The rule {own} would be deleted with it: only an admin of the team can do that.")
    return refusals


def _some_runs(runs: QuerySet[Run]) -> Some[Run]:
    rows = long_values.defer(runs.select_related("project__team"), "", "project").order_by("-id")
    first = list(rows[: MAX_LISTED + 1])
    return Some(first[:MAX_LISTED], bounded_count.count(rows) if len(first) > MAX_LISTED else len(first))
