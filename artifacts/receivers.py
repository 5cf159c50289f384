"""What the registry does when something below it changes. Connected once the app is ready."""

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from artifacts import artifacts
from artifacts.content import deletions
from projects.models import Project
from projects.projects import project_deleting


@receiver(project_deleting)
def delete_artifacts(project: Project, **_: Any) -> None:
    artifacts.delete_all(project)


@receiver(pre_delete, sender=Project)
def owe_bytes(instance: Project, **_: Any) -> None:
    """Whatever deletes a project, its bytes are owed from then on."""
    deletions.owe_project(instance)
