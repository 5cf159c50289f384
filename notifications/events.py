"""What happens is written down here, in the transaction of whoever does it, for those who want to know."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.dispatch import receiver

from accounts.models import User
from core.compiled_queries import CompiledQuery
from notifications import tasks
from notifications.models import Attempt, Delivery, Event, InboxItem, Kind, Watch, Webhook
from projects.models import Project
from projects.projects import project_deleting


def _listened_to(project: UUID, artifact_id: UUID) -> QuerySet[Project]:
    hooks = Webhook.objects.live().filter(project=OuterRef("pk"))
    watches = Watch.objects.matching(OuterRef("pk"), artifact_id)
    return Project.objects.filter(Exists(hooks) | Exists(watches), pk=project)


_LISTENED_TO = CompiledQuery(_listened_to, UUID, UUID)


def record(
    kind: Kind,
    project: Project,
    data: dict[str, Any],
    *,
    by: User | None,
    artifact_id: UUID | None = None,
    alias: str = "",
    tell: Iterable[User] = (),
) -> Event | None:
    """Write the event down if anybody listens: a webhook, a watch that could fit, or those whom to `tell` in any case.

    None, at the cost of one query, where nobody does. Webhooks, inboxes and mail are for workers, once the transaction
    is through.
    """
    told = [str(user.pk) for user in tell]
    if not told and not _has_listeners(project, artifact_id):
        return None
    event = Event.objects.create(
        kind=kind, project=project, artifact_id=artifact_id, alias=alias, data=data, by=by, tell=told
    )
    tasks.announce.delay_on_commit(str(event.pk))
    return event


def _has_listeners(project: Project, artifact_id: UUID | None) -> bool:
    # Nothing of an id that is nobody's fits, as nothing does where there is none.
    return _LISTENED_TO.first(project.pk, artifact_id or project.pk) is not None


@receiver(project_deleting)
def _leave_with(project: Project, **_: Any) -> None:
    """Straight deletes from the leaves up: Django's own cascade would first load each row."""
    Attempt.objects.filter(delivery__webhook__project=project).delete()
    Delivery.objects.filter(webhook__project=project).delete()
    InboxItem.objects.filter(event__project=project).delete()
    for model in (Event, Webhook, Watch):
        model.objects.filter(project=project).delete()
