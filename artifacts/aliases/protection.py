"""Protected aliases: rules of a team, a project or an artifact say who may move which, and whether alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role, Team
from artifacts import errors, validators
from artifacts.models import AliasProposal, AliasRule, Artifact, ArtifactAlias
from core import compiled_queries, row_limits
from core.compiled_queries import CompiledQuery, FilledQuery
from projects.models import Project

# What helps where a version, or an artifact, is not deleted since a rule protects an alias of it.
MOVE_FIRST, DELETED_WITH_ARTIFACT = "Move it to another version first.", "it is deleted with the artifact"
# Of all artifacts of a page. Who has more sees some aliases further behind.
MAX_RULES = 2000

_COVERING = CompiledQuery(
    lambda artifact, project, team: AliasRule.objects.covering(
        Artifact(pk=artifact, project=Project(pk=project, team_id=team))
    ),
    UUID, UUID, UUID,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Protection:
    """What the rules that cover one alias ask for together: the highest role, and a second person if one of them does.

    `rule` is the one that asks for most; refusals name it. `rules` are all of them, that one first.
    """

    rule: AliasRule
    role: Role
    needs_approval: bool
    rules: tuple[AliasRule, ...] = ()


@transaction.atomic
def create(
    actor: Actor,
    scope: Team | Project | Artifact,
    pattern: str,
    *,
    role: Role = Role.ADMIN,
    needs_approval: bool = False,
) -> AliasRule:
    """A new rule of the scope, which holds for every move once this has returned. For admins of its team.

    Raises `InvalidName`, `RuleTaken`, `TooManyRules`, `Denied`.
    """
    column = {Team: "team", Project: "project", Artifact: "artifact"}[type(scope)]
    rule = AliasRule(
        pattern=pattern, role=role, needs_approval=needs_approval, created_by=actor.user, **{column: scope}
    )
    permissions.require(actor, rule.owner, Role.ADMIN)
    limit = settings.RULES_A_SCOPE
    refusal = errors.TooManyRules(
        f"There cannot be more than {limit} rules in {rule.scope}: let one of them match several aliases, as "
        "'release-*' does."
    )
    row_limits.require_room(scope, scope.alias_rules.all(), limit, refusal)
    return _save(rule, force_insert=True)


@transaction.atomic
def update(actor: Actor, rule: AliasRule, **changes: Any) -> AliasRule:
    """Change pattern, role or needs_approval; a rule stays where it is. Holds, and raises, as `create` does."""
    permissions.require(actor, rule.owner, Role.ADMIN)
    for column, value in changes.items():
        setattr(rule, column, value)
    return _save(rule, update_fields=[*changes, "updated_at"])


def delete(actor: Actor, rule: AliasRule) -> None:
    permissions.require(actor, rule.owner, Role.ADMIN)
    rule.delete()


def rules_for(artifact: Artifact) -> list[AliasRule]:
    """All rules of the artifact, of its project and of its team, which are at hand. One query."""
    [rules] = compiled_queries.fetch(query_for(artifact))
    return with_scopes(rules, artifact)


def query_for(artifact: Artifact) -> FilledQuery[AliasRule]:
    """The query of `rules_for`, for who fetches something else along with them."""
    return _COVERING.filled(artifact.pk, artifact.project_id, artifact.project.team_id)


def with_scopes(rules: list[AliasRule], artifact: Artifact) -> list[AliasRule]:
    """The rules that were found for the artifact, each with what it belongs to."""
    for rule in rules:
        if rule.team_id:
            rule.team = artifact.project.team
        elif rule.project_id:
            rule.project = artifact.project
        else:
            rule.artifact = artifact
    return rules


def rules_by_artifact(artifacts: Iterable[Artifact]) -> dict[UUID, list[AliasRule]]:
    """The rules that cover each of these artifacts, whose project and team are loaded. One query."""
    artifacts = list(artifacts)
    scopes = [(artifact.pk, artifact.project_id, artifact.project.team_id) for artifact in artifacts]
    own, projects, teams = ({scope[nth] for scope in scopes} for nth in range(3))
    covering = Q(artifact__in=own) | Q(project__in=projects) | Q(team__in=teams)
    rules: dict[UUID, list[AliasRule]] = {}
    for rule in AliasRule.objects.filter(covering)[:MAX_RULES] if artifacts else []:
        rules.setdefault(rule.artifact_id or rule.project_id or rule.team_id, []).append(rule)
    return {scope[0]: [rule for pk in scope for rule in rules.get(pk, ())] for scope in scopes}


def protection(rules: Iterable[AliasRule], alias: str) -> Protection | None:
    """What those of the rules that cover the alias ask for; None where none does."""
    matching = [rule for rule in rules if rule.covers(alias)]
    if not matching:
        return None
    strictest = max(matching, key=lambda rule: (rule.needs_approval, Role(rule.role).rank))
    role = max((Role(rule.role) for rule in matching), key=lambda role: role.rank)
    others = (rule for rule in matching if rule is not strictest)
    return Protection(strictest, role, any(rule.needs_approval for rule in matching), (strictest, *others))


def may_move(actor: Actor, role: Role | None, protection: Protection | None) -> bool:
    """Whether somebody of this role moves, removes or makes such an alias without asking anybody."""
    if actor.is_staff:
        return True
    if protection is None:
        return role is not None and role.covers(Role.EDITOR)
    return role is not None and role.covers(protection.role) and not protection.needs_approval


def required_role(needed: Protection | None) -> Role:
    """The least role of who decides about a move of an alias that is so protected, or not at all."""
    return needed.role if needed else Role.EDITOR


def may_decide(actor: Actor, role: Role | None, required: Role, proposal: AliasProposal) -> bool:
    """Whether somebody of this role in the team decides about the proposal, for which the required role has to."""
    has_role = actor.is_staff or (role is not None and role.covers(required))
    return has_role and proposal.proposed_by_id != actor.user.pk


def require(actor: Actor, artifact: Artifact, aliases: Iterable[str], *, because: str = "") -> None:
    """Raise `AliasProtected` at the first of the aliases that the user may not move alone.

    `because` says how something else moves the alias. One query, or two.
    """
    aliases = list(aliases)
    if actor.is_staff or not aliases:
        return
    rules = rules_for(artifact)
    if rules:
        require_by(rules, permissions.role_in(actor.user, artifact.project.team), actor, aliases, because)


def require_by(
    rules: Iterable[AliasRule], role: Role | None, actor: Actor, aliases: Iterable[str], because: str = ""
) -> None:
    """The same for callers that have the rules of the artifact and the user's role in its team."""
    for alias in aliases:
        needed = protection(rules, alias)
        if needed and not may_move(actor, role, needed):
            raise refusal(alias, needed, because)


def require_all(actor: Actor, scope: Team | Project) -> None:
    """Raise `AliasProtected` at an alias anywhere in the scope that the user may not move alone.

    Who gives the scope another name moves them all.
    """
    if actor.is_staff:
        return
    team = scope if isinstance(scope, Team) else scope.team
    role = permissions.role_in(actor.user, team)
    for rule in AliasRule.objects.within(scope).for_display():
        needed = Protection(rule, Role(rule.role), rule.needs_approval)
        if not may_move(actor, role, needed):
            row = ArtifactAlias.objects.covered_by(rule).within(scope).select_related("artifact").first()
            if row:
                raise refusal(row.alias, needed, f"this moves the one of artifact {row.artifact.name!r}")


def require_own_rules(actor: Actor, artifact: Artifact) -> None:
    """Raise `AliasProtected` where the artifact has rules of its own, which only admins delete."""
    rule = artifact.alias_rules.for_display().first()
    if rule and not actor.is_staff and permissions.role_in(actor.user, artifact.project.team) is not Role.ADMIN:
        message = f"The rule {rule} would be deleted with the artifact: only an admin of team '{rule.owner.name}' can."
        raise errors.AliasProtected(message, **_refusal_data(rule.pattern, rule))


def reserving_role(artifact: Artifact, aliases: Iterable[str]) -> Role | None:
    """Who may use the name again when the artifact with these aliases is deleted; None where no rule protected one."""
    own = [rule for rule in rules_for(artifact) if rule.artifact_id or any(map(rule.covers, aliases))]
    return max(map(_reserving_role, own), key=lambda role: role.rank, default=None)


def reserving_roles(project: Project) -> dict[UUID, Role]:
    """The same for all artifacts of a project that rules protect, by their ids."""
    roles: dict[UUID, Role] = {}
    for rule in AliasRule.objects.within(project):
        covered = ArtifactAlias.objects.covered_by(rule).within(project).values_list("artifact", flat=True)
        for pk in {*covered.order_by().distinct(), *filter(None, [rule.artifact_id])}:
            roles[pk] = max(_reserving_role(rule), roles.get(pk, Role.VIEWER), key=lambda role: role.rank)
    return roles


def _reserving_role(rule: AliasRule) -> Role:
    # Whoever may change the rule needs no approval.
    return Role.ADMIN if rule.needs_approval else Role(rule.role)


def require_unprotected(artifact: Artifact, aliases: Iterable[str], advice: str) -> None:
    """Raise `AliasProtected` at the first alias that any rule covers, whoever asks; the sentence says what to do."""
    rules = rules_for(artifact)
    for alias in aliases:
        needed = protection(rules, alias)
        if needed:
            raise refusal(alias, needed, advice=advice)


def refusal(alias: str, needed: Protection, because: str = "", *, advice: str = "") -> errors.AliasProtected:
    """`because` says how something else moves it, which nobody can propose; `advice` what to do, whoever asks."""
    by_whom = f"an {needed.role.value} of team '{needed.rule.owner.name}'"
    if advice:
        what_helps = advice
    elif because and needed.needs_approval:
        what_helps = "Each move has to be approved by a second person: an admin can change the rule."
    elif because:
        what_helps = f"Only {by_whom} can do this."
    elif needed.needs_approval:
        what_helps = f"A second person, {by_whom}, has to approve: propose the move."
    else:
        what_helps = f"Only {by_whom} can move it: ask one, or propose the move."
    because = because and f", and {because}"
    message = f"Alias {alias!r} is protected by the rule {needed.rule}{because}. {what_helps}"
    return errors.AliasProtected(message, **_refusal_data(alias, needed.rule))


def _refusal_data(alias: str, rule: AliasRule) -> dict[str, Any]:
    data = {"id": str(rule.pk), "pattern": rule.pattern, "place": rule.scope}
    return {"alias": alias, "rule": data | {"role": rule.role, "needs_approval": rule.needs_approval}}


def _save(rule: AliasRule, **how: Any) -> AliasRule:
    validators.check_alias_pattern(rule.pattern)
    errors.check(rule)
    _wait_for_moves(rule)
    if not rule._state.adding and not AliasRule.objects.select_for_update(no_key=True).filter(pk=rule.pk).first():
        raise errors.Missing(f"The rule {rule} was deleted.")
    taken = errors.RuleTaken(f"There is already a rule for {rule.pattern!r} in {rule.scope}.")
    with errors.refuse(rule_unique_in_team=taken, rule_unique_in_project=taken, rule_unique_in_artifact=taken):
        rule.save(**how)
    return rule


def _wait_for_moves(rule: AliasRule) -> None:
    """Moves that have read the rules end before this one is there; those that wait for the lock will read it."""
    columns = {"project__team": rule.team_id, "project": rule.project_id, "pk": rule.artifact_id}
    covered = Artifact.objects.filter(**{column: pk for column, pk in columns.items() if pk})
    list(covered.order_by("pk").select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))
