"""What notifications do when something below them changes. Connected once the app is ready."""

import threading
import time
from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from artifacts.aliases.proposals import proposal_closed
from artifacts.artifacts import artifact_deleting
from artifacts.models import AliasProposal, Artifact
from core.call_interval import CallInterval
from events.models import Event
from events.outbox import recorded
from notifications import fan_out, proposal_notices, tasks
from notifications.models import Attempt, Delivery, InboxItem, Watch, Webhook
from projects.models import Project
from projects.projects import project_deleting

# One message asks a worker for all events that are written by the time it is read. So a process that writes many sends
# one at once and then one each quarter of a second: an event waits no longer than that, and one whose message is lost,
# or read by a worker whose clock is ahead, no longer than until the next sweep.
_announcements = CallInterval(0.25)
_thread = threading.local()


@receiver(recorded)
def nudge_worker(event: Event, **_: Any) -> None:
    """Have the event announced, once its transaction is through."""
    transaction.on_commit(partial(_nudge, time.monotonic()), robust=True)


def _nudge(recorded_at: float) -> None:
    # All events of a transaction are there when the first of them asks.
    if recorded_at < getattr(_thread, "nudged_at", float("-inf")):
        return
    _announcements.ask(lambda delay: tasks.announce.apply_async(countdown=delay or None))
    _thread.nudged_at = time.monotonic()


@receiver(proposal_closed)
def close_notices(proposal: AliasProposal, **_: Any) -> None:
    """Nobody is asked any more to decide about it."""
    proposal_notices.close(proposal)


@receiver(artifact_deleting)
def delete_watches(artifact: Artifact, **_: Any) -> None:
    """Who watches it still hears of what happened to it, and of its aliases going: as long as there are watches."""
    watches = Watch.objects.filter(artifact=artifact)
    if not watches.exists():
        return
    events = Event.objects.unannounced().filter(project=artifact.project_id, artifact_id=artifact.pk)
    result = fan_out.fan_out(events.select_related("project__team").select_for_update(of=("self",)))
    watches.delete()
    transaction.on_commit(partial(tasks.see_to, result), robust=True)


@receiver(project_deleting)
def delete_of_project(project: Project, **_: Any) -> None:
    """Straight deletes from the leaves up: Django's own cascade would first load each row."""
    Attempt.objects.filter(delivery__webhook__project=project).delete()
    Delivery.objects.filter(webhook__project=project).delete()
    InboxItem.objects.filter(event__project=project).delete()
    for model in (Event, Webhook, Watch):
        model.objects.filter(project=project).delete()
