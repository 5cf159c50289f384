"""The verbs of hierarchies: create, change, delete."""

from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from core import row_limits
from hierarchies import errors, records
from hierarchies.models import Access, Hierarchy, Record
from projects.models import Project


def get(user: Any, project: Project, name: str) -> Hierarchy:
    """The hierarchy of that name, among those that the user sees. Raises `HierarchyNotFound`."""
    row = Hierarchy.objects.visible_to(user).for_display().filter(project=project, name=name).first()
    if row is None:
        raise errors.HierarchyNotFound(f"Hierarchy '{project.full_name}/{name}' not found, or you don't have access.")
    return row


@transaction.atomic
def create(
    actor: Actor,
    project: Project,
    name: str,
    *,
    description: str = "",
    level_labels: dict[str, str] | None = None,
    enforce_levels: bool = False,
    access: str = Access.PROJECT,
    permissions: dict[str, bool] | None = None,
) -> Hierarchy:
    """A new hierarchy of the project. Only an admin of the team makes one that everyone may read.

    Raises `Invalid` for a name, labels or permissions that are not allowed, `NameTaken`, `TooManyHierarchies`.
    """
    _require(actor, project, Role.EDITOR)
    hierarchy = Hierarchy(
        project=project,
        name=name,
        description=description,
        level_labels=level_labels or {},
        enforce_levels=enforce_levels,
        access=access,
        permissions=permissions or {},
        created_by=actor.user,
    )
    _check(hierarchy)
    if access != Access.PROJECT:
        _require_admin_to_open(actor, project)
    limit = settings.HIERARCHIES_A_PROJECT
    row_limits.require_room(
        project,
        project.hierarchies,
        limit,
        errors.TooManyHierarchies(f"A project has at most {limit:,} hierarchies: delete one first."),
    )
    with errors.refuse(hierarchy_name_unique=_name_taken(hierarchy)):
        hierarchy.save(force_insert=True)
    return hierarchy


@transaction.atomic
def update(actor: Actor, hierarchy: Hierarchy, **changes: Any) -> Hierarchy:
    """Change name, description, level_labels, enforce_levels, access or permissions.

    Raises what `create` raises, and `Conflict` where records are on levels that would be refused from then on.
    """
    _require(actor, hierarchy.project, Role.EDITOR)
    row = records.lock(hierarchy)
    before = row.access
    for column, value in changes.items():
        setattr(row, column, value)
    _check(row)
    if row.access != before:
        _require_admin_to_open(actor, row.project)
    if row.enforce_levels and {"level_labels", "enforce_levels"} & changes.keys():
        _require_levels_labelled(row)
    with errors.refuse(hierarchy_name_unique=_name_taken(row)):
        row.save(update_fields=[*changes, "updated_at"])
    return row


@transaction.atomic
def delete(actor: Actor, hierarchy: Hierarchy) -> None:
    """Delete the hierarchy with all its records."""
    _require(actor, hierarchy.project, Role.EDITOR)
    row = records.lock(hierarchy)
    records.delete_all(row)
    row.delete()


def _require(actor: Actor, project: Project, role: Role) -> None:
    permissions.require(actor, project.team, role)


def _check(hierarchy: Hierarchy) -> None:
    errors.check(hierarchy)
    if hierarchy.enforce_levels and "0" not in hierarchy.level_labels:
        raise errors.Invalid("To enforce levels, give labels from level 0 on: without one no record could be made.")


def _require_levels_labelled(hierarchy: Hierarchy) -> None:
    """Levels are few, so each is one look into the index of levels, however many records there are."""
    labelled = set(hierarchy.levels)
    used = (level for level in range(64) if level not in labelled)
    for level in used:
        if Record.objects.filter(hierarchy=hierarchy, level=level).exists():
            raise errors.Conflict(f"There are records on level {level}, which has no label: delete or move them first.")


def _require_admin_to_open(actor: Actor, project: Project) -> None:
    if not actor.is_staff and permissions.role_in(actor.user, project.team) is not Role.ADMIN:
        raise errors.Denied(f"Only an admin of {project.team.name} decides who reads a hierarchy without signing in.")


def _name_taken(hierarchy: Hierarchy) -> errors.NameTaken:
    return errors.NameTaken(f"The project already has a hierarchy '{hierarchy.name}'.")
