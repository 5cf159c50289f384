"""Alerts: what the program of a run wants people to know at once, such as a loss that is no number."""

import re
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import TextChoices
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from core import errors
from events import outbox
from events.models import Event
from projects.models import Run
from tracking import streams
from tracking.event_messages import RUN_ALERT

MAX_TITLE_LENGTH = 250
MAX_TEXT_LENGTH = 10_000
# More of a run than this is a loop that went wrong, and would bury everything else in people's inboxes.
MAX_AN_HOUR = 100
MAX_PAUSE = timedelta(days=30)
_HOUR = timedelta(hours=1)
# What no database keeps in JSON, and what would break a line.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_NO_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class AlertLevel(TextChoices):
    INFO = "INFO", "Info"
    WARN = "WARN", "Warning"
    ERROR = "ERROR", "Error"


@transaction.atomic
def send(
    actor: Actor,
    run: Run,
    title: str,
    text: str = "",
    *,
    level: AlertLevel = AlertLevel.INFO,
    pause: timedelta = timedelta(),
) -> bool:
    """Record an event for who started the run, and for watchers and webhooks of the project. Whether it was recorded.

    It is not if the run sent an alert of the same title less than `pause` ago, or `MAX_AN_HOUR` in the last hour.
    Title and text are cut to their limits. Raises `Invalid` without a title.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    title = _NO_LINE.sub(" ", title).strip()[:MAX_TITLE_LENGTH]
    if not title:
        raise errors.Invalid("An alert needs a title.")
    streams.lock(run)
    if _is_too_soon(run, title, pause):
        return False
    data = {
        "run": {
            "id": str(run.pk),
            "name": run.title,
            "project": run.project.full_name,
            "url": settings.BASE_URL + run.get_absolute_url(),
        },
        "title": title,
        "text": _NO_TEXT.sub("\ufffd", text)[:MAX_TEXT_LENGTH],
        "level": level,
        "by": run.created_by.username,
        "at": timezone.now().isoformat(),
    }
    # No actor: it is the run that says it, and who started it is to hear of it too.
    outbox.record(RUN_ALERT, run.project, data, actor=None, run_id=run.pk, recipients=[run.created_by])
    return True


def _is_too_soon(run: Run, title: str, pause: timedelta) -> bool:
    now = timezone.now()
    earlier = Event.objects.filter(kind=RUN_ALERT.name, run_id=run.pk)
    if pause > timedelta() and earlier.filter(created_at__gt=now - min(pause, MAX_PAUSE), data__title=title).exists():
        return True
    return earlier.filter(created_at__gt=now - _HOUR).count() >= MAX_AN_HOUR
