"""What hierarchies do when something below them changes. Connected once the app is ready."""

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from hierarchies import archives, records
from hierarchies.models import Hierarchy
from projects.models import Project
from projects.projects import project_deleting


@receiver(project_deleting)
def delete_hierarchies(project: Project, **_: Any) -> None:
    for hierarchy in Hierarchy.objects.filter(project=project).order_by("pk"):
        hierarchy.project = project
        records.delete_all(records.lock(hierarchy))
        hierarchy.delete()


@receiver(pre_delete, sender=Hierarchy)
def delete_archives(instance: Hierarchy, **_: Any) -> None:
    """The bytes that they hold are garbage with them."""
    archives.delete_all(instance.archives.all())
