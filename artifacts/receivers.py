"""What the registry does when something below it changes. Connected once the app is ready."""

from typing import Any

from django.dispatch import receiver

from artifacts import artifacts
from projects.models import Project
from projects.projects import project_deleting


@receiver(project_deleting)
def delete_artifacts(project: Project, **_: Any) -> None:
    artifacts.delete_all(project)
