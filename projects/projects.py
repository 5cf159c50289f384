"""The verbs of projects: create, change, delete."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.dispatch import Signal

from accounts import errors, permissions
from accounts.actor import Actor
from accounts.models import Role, Team
from projects.models import Project, Visibility
from projects.models.project import as_uuid

# Sent with `project` before its row is deleted, in the same transaction: the apps above delete what belongs to it.
project_deleting = Signal()


def create(
    actor: Actor, team: Team, name: str, *, description: str = "", visibility: Visibility = Visibility.PRIVATE
) -> Project:
    """A new project of the team. Raises `Invalid` for a name that is not allowed, `NameTaken`."""
    permissions.require(actor, team, Role.EDITOR)
    project = Project(team=team, name=name, description=description, visibility=visibility, created_by=actor.user)
    errors.check(project)
    with errors.refuse(project_name_unique=_name_taken(project)):
        project.save(force_insert=True)
    return project


def get_or_create(actor: Actor, reference: str | UUID) -> Project:
    """The project of that id, `team/name`, or `name` in the user's personal team.

    A name that does not exist is created, as a private project, if the user is an editor of the team.
    Raises `Missing` for an unknown id or a team that the user does not see, `Denied` for a viewer.
    """
    full_name = reference = str(reference)
    visible = Project.objects.visible_to(actor.user)
    if "/" not in reference:
        if as_uuid(reference):
            return visible.find(reference)
        full_name = f"{actor.user.personal_team.name}/{reference}"
    project = visible.by_full_name(full_name).select_related("team").first()
    return project or _create_by_full_name(actor, full_name)


def update(actor: Actor, project: Project, **changes: Any) -> Project:
    """Change name, description or visibility."""
    permissions.require(actor, project.team, Role.EDITOR)
    for column, value in changes.items():
        setattr(project, column, value)
    errors.check(project)
    with errors.refuse(project_name_unique=_name_taken(project)):
        project.save(update_fields=[*changes, "updated_at"])
    return project


def delete(actor: Actor, project: Project) -> None:
    """Delete the project with everything in it. Only for admins of the team."""
    permissions.require(actor, project.team, Role.ADMIN)
    with transaction.atomic():
        project_deleting.send(Project, project=project)
        project.delete()


def _create_by_full_name(actor: Actor, full_name: str) -> Project:
    owner, _, name = full_name.partition("/")
    team = Team.objects.visible_to(actor.user).by_name(owner).first()
    if team is None:
        raise errors.Missing(f"Project '{full_name}' not found, or you don't have access.")
    try:
        return create(actor, team, name)
    except errors.NameTaken:
        # Somebody else made it in the meantime.
        return team.projects.select_related("team").get(name=name)


def _name_taken(project: Project) -> errors.NameTaken:
    return errors.NameTaken(f"The team already has a project '{project.name}'.")
