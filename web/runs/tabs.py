"""The tabs of a run's pages, and what each of these pages has in its context."""

from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast

from accounts import permissions
from projects.models import Run, State
from tracking.models import RunFile, RunStream, Stream

MEDIA_PREFIX = "media/"
# The tabs whose pages there are.
_URL_NAMES = ("run", "run-charts", "run-system", "run-console", "run-files", "run-media", "run-lineage")


class Tab(NamedTuple):
    """A tab by the `tab` of its page, with its title, the name of its URL and the key that opens it."""

    name: str
    title: str
    url_name: str
    key: str


TABS = (
    Tab("overview", "Overview", "run", "1"),
    Tab("charts", "Charts", "run-charts", "2"),
    Tab("system", "System", "run-system", "3"),
    Tab("console", "Console", "run-console", "4"),
    Tab("files", "Files", "run-files", "5"),
    Tab("media", "Media", "run-media", "6"),
    Tab("lineage", "Lineage", "run-lineage", "7"),
)


def context(run: Run, current: str) -> dict[str, Any]:
    """What `runs/includes/header.html` and a page of the run need. One query."""
    tabs = _with_contents(run, current)
    page = {"run": run, "project": run.project, "tab": current, "tabs": tabs, "active_nav": "home"}
    return page | {"is_running": run.state == State.RUNNING} | permissions.template_flags(run.role)


def _with_contents(run: Run, current: str) -> list[Tab]:
    """The tabs that have something to show, and the one that is open. One query."""
    files = RunFile.objects.arrived().filter(run=OuterRef("pk"))
    has = {
        "charts": _has_lines(Stream.HISTORY),
        "system": _has_lines(Stream.EVENTS),
        "console": _has_lines(Stream.CONSOLE),
        "files": Exists(files),
        "media": Exists(files.filter(name__startswith=MEDIA_PREFIX)) | Exists(_histograms()),
    }
    found = Run.objects.filter(pk=run.pk).values_list(*has.values()).first() or ()
    empty = {name for name, is_there in zip(has, found, strict=False) if not is_there} - {current}
    return [tab for tab in TABS if tab.url_name in _URL_NAMES and tab.name not in empty]


def _histograms() -> QuerySet[RunStream]:
    """Histories with histograms, which have no files. A metric of that name counts too: the page then says so."""
    histories = RunStream.objects.filter(run=OuterRef("pk"), stream=Stream.HISTORY)
    return histories.annotate(text=Cast("keys", TextField())).filter(text__contains='"histogram"')


def _has_lines(stream: Stream) -> Exists:
    return Exists(RunStream.objects.filter(run=OuterRef("pk"), stream=stream, line_count__gt=0))
