"""What the streams of runs do when something changes. Connected once the app is ready."""

from typing import Any

from django.dispatch import receiver

from projects.models import Run
from tracking import tasks
from tracking.streams import grown


@receiver(grown)
def nudge_worker(run: Run, **_: Any) -> None:
    tasks.compact.delay_on_commit(str(run.pk))
