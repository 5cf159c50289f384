"""Charts of what a run has logged, and of its machine: pages that follow the run while it lives."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from web import rendering
from web.projects.lookups import get_run
from web.runs import chart_pages, metric_charts, tabs
from web.runs.chart_options import METRIC, RELATIVE, ChartForm
from web.runs.chart_pages import HISTORY, SYSTEM, Reader, Tab


@login_required
@require_safe
def charts(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    return _all_charts(request, HISTORY, **url_kwargs)


@login_required
@require_safe
def system(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    return _all_charts(request, SYSTEM, **url_kwargs)


@login_required
@require_safe
def chart(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    return _one_chart(request, HISTORY, **url_kwargs)


@login_required
@require_safe
def system_chart(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    return _one_chart(request, SYSTEM, **url_kwargs)


def _all_charts(request: HttpRequest, tab: Tab, **url_kwargs: str) -> HttpResponse:
    """A page of all sections or of one; or a part: a section, which is 204 where nothing is new since it was `seen`."""
    form = ChartForm(request.GET)
    if _has_nothing_new(request, tab, form, **url_kwargs):
        return HttpResponse(status=204)
    reader = _reader(request, tab, form, **url_kwargs)
    sections, found = reader.sections(form.given["q"])
    chosen = next((one for one in sections if one.name == form.given["section"]), None)
    known = chart_pages.known(sections)
    is_part = rendering.is_partial(request) and "part" in request.GET
    is_changed = request.GET.get("known", known) != known
    if is_part and chosen and not is_changed:
        show = reader.show_page if request.GET["part"] == "page" else reader.show_one
        context = _context(reader, form) | {"section": show(chosen, found), "known": known, "part": request.GET["part"]}
        return rendering.render_page(request, "runs/section.html", context)
    is_one = chosen is not None and not (is_part and request.GET["part"] != "page")
    shown = [reader.show_page(chosen, found)] if chosen and is_one else reader.show_all(sections, found)
    context = _context(reader, form) | {"sections": shown, "known": known, "chosen": chosen if is_one else None}
    context["part"] = "page" if is_one else "section"
    context["left_out"] = 0 if is_one else len(sections) - len(shown)
    response = rendering.render_page(request, "runs/charts.html", context)
    if is_part:
        # The part that was asked for is not all that is new.
        response["HX-Retarget"], response["HX-Reswap"] = "#charts", "outerHTML"
    return response


def _one_chart(request: HttpRequest, tab: Tab, **url_kwargs: str) -> HttpResponse:
    form = ChartForm(request.GET)
    if _has_nothing_new(request, tab, form, **url_kwargs):
        return HttpResponse(status=204)
    reader = _reader(request, tab, form, **url_kwargs)
    key = request.GET.get("key", "")
    if not key:
        return redirect(reader.url(tab.url_name))
    sections, found = reader.sections("")
    subject = next((one for section in sections for one in section.subjects if one.key == key), None)
    if subject is None:
        raise Http404("The run has no such chart.")
    is_cell = rendering.is_partial(request) and request.GET.get("part") == "cell"
    (shown,) = reader.draw([subject], found, is_large=not is_cell)
    context = _context(reader, form) | {"shown": shown, "subject": subject, "chart": shown.chart}
    return rendering.render_page(request, "runs/chart_cell.html" if is_cell else "runs/chart.html", context)


def _has_nothing_new(request: HttpRequest, tab: Tab, form: ChartForm, **url_kwargs: str) -> bool:
    """Of a poll, without the keys of the metrics, of which a run may have thousands."""
    if "seen" not in request.GET:
        return False
    run = get_run(request, is_brief=True, **url_kwargs)
    sources = chart_pages.find_sources(run, form.run_names, tab.stream, is_brief=True)
    return sources.fingerprint == request.GET["seen"]


def _reader(request: HttpRequest, tab: Tab, form: ChartForm, **url_kwargs: str) -> Reader:
    run = get_run(request, **url_kwargs)
    sources = chart_pages.find_sources(run, form.run_names, tab.stream)
    options = form.options
    if tab is SYSTEM and options.x not in tab.x_axes:
        options = options._replace(x=RELATIVE)
    return Reader(tab, sources, options, request.GET)


def _context(reader: Reader, form: ChartForm) -> dict[str, Any]:
    x_axes = dict(reader.tab.x_axes)
    if reader.tab is HISTORY:
        x_axes |= {METRIC + name: name for name in metric_charts.x_metrics(reader.sources.all)}
    if reader.options.x_metric:
        x_axes.setdefault(reader.options.x, reader.options.x_metric)
    return tabs.context(reader.run, reader.tab.name) | {
        "tab_title": reader.tab.title,
        "given": form.given,
        "options": reader.options,
        "x_axes": x_axes,
        "all_url": reader.url(reader.tab.url_name, section="", key="", low="", high=""),
        "run_names": ", ".join(form.run_names),
        "unknown_runs": reader.sources.unknown,
        "fingerprint": reader.sources.fingerprint,
        "is_live": reader.sources.are_active,
        "is_poll": "seen" in reader.query,
    }
