"""Charts of several runs over one another: of metrics that the reader chose, or else the first that most runs have."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from projects.models import Run
from tracking import metric_series
from tracking.models import RunStream, Stream
from web.runs import metric_charts
from web.runs.chart_options import METRIC, X_AXES, ChartForm, Options
from web.runs.line_chart import LineChart
from web.runs.metric_charts import Source, Subject

MAX_CHARTS = 12
MAX_OFFERED = 200
# Metrics that nobody has chosen.
_DEFAULT_CHARTS = 6


class ComparisonCharts(NamedTuple):
    """Each chart with the URL of its page; `offered` are metrics, and whether each is drawn."""

    charts: list[tuple[LineChart, str]]
    offered: list[tuple[str, bool]]
    options: Options
    x_axes: dict[str, str]


def of(runs: Sequence[Run], query: QueryDict) -> ComparisonCharts:
    """Of runs whose project is loaded. Five queries."""
    options = ChartForm(query).options
    states = {state.run_id: state for state in RunStream.objects.filter(run__in=runs, stream=Stream.HISTORY)}
    sources = [Source(run, states.get(run.pk)) for run in runs]
    subjects = {one.key: one for section in metric_charts.sections(sources) for one in section.subjects}
    chosen = [subjects[key] for key in dict.fromkeys(query.getlist("metric")) if key in subjects][:MAX_CHARTS]
    chosen = chosen or _default(subjects, list(states.values()))
    keys = metric_charts.needed_keys(sources, chosen, options)
    found = metric_series.read(list(states.values()), keys)
    charts = metric_charts.draw(sources, chosen, found, options)
    names = [subject.key for subject in chosen]
    offered = [(key, key in names) for key in dict.fromkeys([*names, *subjects])][:MAX_OFFERED]
    axes = {METRIC + name: name for name in metric_charts.x_metrics(sources)}
    urls = [_url(runs, subject.key) for subject in chosen]
    return ComparisonCharts(list(zip(charts, urls, strict=True)), offered, options, X_AXES | axes)


def _default(subjects: dict[str, Subject], states: Sequence[RunStream]) -> list[Subject]:
    """The metrics that most of the runs have, by name."""
    counts = Counter(key for state in states for key in state.keys if key in subjects)
    return sorted(subjects.values(), key=lambda subject: -counts[subject.key])[:_DEFAULT_CHARTS]


def _url(runs: Sequence[Run], key: str) -> str:
    """The chart on a page of its own, with all runs over the first one."""
    query = {"key": key, "runs": ",".join(run.name for run in runs[1:])}
    return f"{reverse('run-chart', args=runs[0].url_args)}?{urlencode(query)}"
