"""What the registry does when something below it changes. Connected once the app is ready."""

from typing import Any

from django.db.models.signals import post_save, pre_delete
from django.dispatch import receiver

from accounts.actor import Actor
from accounts.models import Role, Team
from accounts.teams import team_renamed
from artifacts import artifacts, former_names, search_index
from artifacts.aliases import protection
from artifacts.content import deletions
from projects.models import Project, Run
from projects.projects import project_deleting, project_renamed
from projects.runs import summary_changed


@receiver(project_deleting)
def delete_artifacts(actor: Actor, project: Project, **_: Any) -> Role | None:
    return artifacts.delete_all(actor, project)


@receiver(project_renamed)
def check_project_name(actor: Actor, project: Project, **_: Any) -> None:
    protection.require_all(actor, project)
    former_names.check_numbers(project)


@receiver(team_renamed)
def check_team_name(actor: Actor, team: Team, **_: Any) -> None:
    protection.require_all(actor, team)
    former_names.check_team_numbers(team)


@receiver(pre_delete, sender=Project)
def owe_bytes(instance: Project, **_: Any) -> None:
    """Whatever deletes a project, its bytes are owed from then on."""
    deletions.owe_project(instance)


@receiver(post_save, sender=Project)
def index_project(instance: Project, **_: Any) -> None:
    search_index.put_project(instance)


@receiver(post_save, sender=Run)
def index_run(instance: Run, update_fields: frozenset[str] | None, **_: Any) -> None:
    """Unless what was written is nothing that a run is found by."""
    if update_fields is None or not update_fields.isdisjoint(search_index.RUN_FIELDS):
        search_index.put_run(instance)


@receiver(summary_changed)
def index_summary(run: Run, **_: Any) -> None:
    search_index.put_run(run)
