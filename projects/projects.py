"""The verbs of projects: create, change, delete."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.dispatch import Signal

from accounts import errors, former_names, permissions
from accounts.actor import Actor
from accounts.models import SERVER, FormerName, Role, Team
from projects.models import Project, Visibility
from projects.models.project import as_uuid

# Sent with `actor` and `project` once it has its new name, in the same transaction: the apps above refuse what their
# rules forbid.
project_renamed = Signal()
# Sent with `actor` and `project` before its row is deleted, in the same transaction: the apps above delete what belongs
# to it, and return the role that they want its name to be reserved for.
project_deleting = Signal()


@transaction.atomic
def create(
    actor: Actor, team: Team, name: str, *, description: str = "", visibility: Visibility = Visibility.PRIVATE
) -> Project:
    """A new project of the team. Raises `Invalid` for a name that is not allowed, `NameTaken`, `NameReserved`."""
    permissions.require(actor, team, Role.EDITOR)
    project = Project(team=team, name=name, description=description, visibility=visibility, created_by=actor.user)
    errors.check(project)
    with errors.refuse(project_name_unique=_name_taken(project)):
        project.save(force_insert=True)
    _claim_name(actor, project)
    return project


def get_or_create(actor: Actor, reference: str | UUID) -> Project:
    """The project of that id, `team/name`, which may be a former one, or `name` in the user's personal team.

    A name that does not exist is created, as a private project, if the user is an editor of the team.
    Raises `Missing` for an unknown id or a team that the user does not see, `Denied` for a viewer.
    """
    reference = str(reference)
    visible = Project.objects.visible_to(actor.user)
    if as_uuid(reference):
        return visible.find(reference)
    full_name = _full_name(actor, reference)
    return visible.named(full_name) or _create_by_full_name(actor, full_name)


def get(actor: Actor, reference: str | UUID) -> Project:
    """The project that `get_or_create` returns. Raises `Missing` where that would create one."""
    reference = str(reference)
    name = reference if as_uuid(reference) else _full_name(actor, reference)
    return Project.objects.visible_to(actor.user).find(name)


@transaction.atomic
def update(actor: Actor, project: Project, **changes: Any) -> Project:
    """Change name, description or visibility. Only admins of the team make a private project internal.

    The old name leads to the project for some time. Raises what `create` raises, and `AliasProtected` where a rule
    forbids the actor to move an alias in it.
    """
    permissions.require(actor, project.team, Role.EDITOR)
    # What a form was filled into may have the new values already.
    before = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    for column, value in changes.items():
        setattr(project, column, value)
    errors.check(project, [column for column in changes if getattr(project, column) != getattr(before, column)])
    if project.visibility == Visibility.INTERNAL != before.visibility:
        _require_admin_to_open(actor, project)
    with errors.refuse(project_name_unique=_name_taken(project)):
        project.save(update_fields=[*changes, "updated_at"])
    if project.name != before.name:
        _claim_name(actor, project)
        former_names.record_rename(actor, project.team_id, before.name, project.pk)
        project_renamed.send(Project, actor=actor, project=project)
    return project


@transaction.atomic
def delete(actor: Actor, project: Project) -> None:
    """Delete the project with everything in it. Only for admins of the team, whatever rules protect in it.

    Where they do, only those of the role that they ask for can use its name again.
    """
    permissions.require(actor, project.team, Role.ADMIN)
    answers = project_deleting.send(Project, actor=actor, project=project)
    role = next((answer for _, answer in answers if answer), None)
    former_names.record_deletions(actor, project.team_id, [former_names.Deleted(project.name, project.pk, role)])
    project.delete()


def _claim_name(actor: Actor, project: Project) -> None:
    team = project.team
    # Of strangers' teams that had the name, nobody in this one learns what was in them.
    own = FormerName.objects.of(SERVER, team.name.lower()).filter(freed_by=team.created_by_id)
    gone = own.exclude(holder__in=Team.objects.values("pk"))
    scopes = [team.pk, *gone.values_list("holder", flat=True)]
    former_names.claim(actor, scopes, project.name, project.pk, team)


def _require_admin_to_open(actor: Actor, project: Project) -> None:
    if not actor.is_staff and permissions.role_in(actor.user, project.team) is not Role.ADMIN:
        raise errors.Denied(
            f"Only an admin of {project.team.name} can make a private project visible to everyone who can sign in."
        )


def _create_by_full_name(actor: Actor, full_name: str) -> Project:
    owner, _, name = full_name.partition("/")
    team = Team.objects.visible_to(actor.user).named(owner)
    if team is None:
        raise errors.Missing(f"Project '{full_name}' not found, or you don't have access.")
    try:
        return create(actor, team, name)
    except errors.NameTaken:
        # Somebody else made it in the meantime.
        return team.projects.select_related("team").get(name=name)


def _full_name(actor: Actor, reference: str) -> str:
    return reference if "/" in reference else f"{actor.user.default_team.name}/{reference}"


def _name_taken(project: Project) -> errors.NameTaken:
    return errors.NameTaken(f"The team already has a project '{project.name}'.")
