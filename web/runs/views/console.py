"""What a run wrote to its console: its last lines, which follow the run while it lives, earlier ones, and a search."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from artifacts.content import downloads, extents
from projects.models import Run, State
from tracking import console
from web import rendering
from web.projects.lookups import get_run
from web.runs import tabs
from web.runs.forms import ConsoleFilter

PAGE_LINES = 300
# What a page that follows a run has at most before it begins anew with the last lines.
MAX_LIVE_LINES = 1_500
# Of a line, in characters. The download has all of it.
MAX_LINE = 2_000


@login_required
@require_safe
def console_page(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """The last lines, or those in front of line `before`; with `q` those that have the text in them."""
    run = get_run(request, **url_kwargs)
    filters = ConsoleFilter(request.GET).cleaned()
    if filters["q"]:
        return _search(request, run, filters["q"], filters["before"])
    line_count, version = console.progress(run)
    is_live = run.state == State.RUNNING and filters["before"] is None
    seen = f"{version}-{run.state}"
    if is_live and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    end = line_count if filters["before"] is None else min(filters["before"], line_count)
    count = PAGE_LINES
    if filters["first"] is not None and 0 < end - filters["first"] <= MAX_LIVE_LINES:
        count = end - filters["first"]
    lines = console.page(run, end, count, MAX_LINE)
    first = lines[0].number if lines else 0
    context = _context(request, run) | {
        "lines": lines,
        "line_count": line_count,
        "end": end,
        # What the page that asks has already begins with another line.
        "earlier": first if first and first != filters["first"] else None,
        "later": min(end + PAGE_LINES, line_count) if lines and end < line_count else None,
        "is_live": is_live,
        "is_tail": end == line_count,
        "poll_query": f"?first={first}&seen={seen}",
    }
    return rendering.render_page(request, "runs/console.html", context)


@login_required
@require_safe
@never_cache
def download(request: HttpRequest, **url_kwargs: str) -> HttpResponseBase:
    """All of it as a text file, sent as it is read."""
    run = get_run(request, **url_kwargs)
    person = str(request.user.pk)
    downloads.require_slot(person)
    chunks = downloads.stream(person, extents.begin(console.content(run)))
    response = StreamingHttpResponse(chunks, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, f"{run.name}.log")
    return response


def _search(request: HttpRequest, run: Run, text: str, before: int | None) -> HttpResponse:
    line_count = console.line_count(run)
    found = console.search(run, text, line_count if before is None else min(before, line_count), MAX_LINE)
    context = _context(request, run) | {"text": text, "found": found, "line_count": line_count}
    context["earlier"] = found.start or None
    return rendering.render_page(request, "runs/console_search.html", context)


def _context(request: HttpRequest, run: Run) -> dict[str, object]:
    return {"run": run, "project": run.project} if rendering.is_partial(request) else tabs.context(run, "console")
