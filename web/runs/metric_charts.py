"""Charts of metrics: which there are, in which sections, and the lines of each, of one run or of several."""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from projects import metric_definitions
from projects.metric_definitions import Definitions
from projects.models import Run
from tracking import history_keys
from tracking.lines import STEP
from tracking.metric_series import Found, MetricSeries, Steps
from tracking.models import RunStream
from web.runs import chart_options, line_chart
from web.runs.chart_axis import Unit
from web.runs.chart_options import Options
from web.runs.chart_subjects import Metric, Section, Subject, in_natural_order
from web.runs.line_chart import Line, LineChart

# Of metrics whose names have no prefix.
DEFAULT_SECTION = "Charts"
LARGE = {"height": 420, "max_points": 1500}


class Source(NamedTuple):
    """A run whose metrics are drawn, and its stream; None where it has logged none."""

    run: Run
    state: RunStream | None


def sections(sources: Sequence[Source], query: str = "") -> list[Section]:
    """The metrics of all these runs by the prefix of their names, those without one last; a query narrows names."""
    keys: dict[str, None] = {}
    for source in sources:
        definitions = metric_definitions.of_run(source.run)
        known = history_keys.numeric(source.state.keys) if source.state else []
        keys |= {key: None for key in known if not _is_hidden(definitions, key)}
    found: dict[str, list[Subject]] = {}
    for key in sorted(keys, key=in_natural_order):
        if query.lower() in key.lower():
            prefix, slash, _ = key.partition("/")
            section = prefix if slash and prefix else DEFAULT_SECTION
            found.setdefault(section, []).append(Subject(key, key, (Metric(key),)))
    return sorted(map(Section._make, found.items()), key=lambda section: section.name == DEFAULT_SECTION)


def x_metrics(sources: Sequence[Source]) -> list[str]:
    """The metrics that a script named as the x axis of others."""
    found = {one.step_metric: None for source in sources for one in metric_definitions.of_run(source.run).values()}
    return [name for name in found if name and not name.startswith("_")]


def needed_keys(sources: Sequence[Source], subjects: Sequence[Subject], options: Options) -> list[str]:
    """What has to be read for the charts of these subjects: their metrics, and those on x axes."""
    keys = {metric.key: None for subject in subjects for metric in subject.metrics}
    definitions = metric_definitions.of_run(sources[0].run)
    axes = {_x_metric(definitions, key, options): None for key in keys}
    return [key for key in keys | axes if key]


def steps(sources: Sequence[Source], subjects: Sequence[Subject], options: Options) -> Steps | None:
    """The range of the charts, where that is of steps. None where smoothing has to begin before it."""
    is_range = options.low is not None or options.high is not None
    if not is_range or options.smoothing or options.x not in ("", chart_options.STEP):
        return None
    definitions = metric_definitions.of_run(sources[0].run)
    if any(_x_metric(definitions, metric.key, options) for subject in subjects for metric in subject.metrics):
        return None
    return Steps(options.low, options.high)


def draw(
    sources: Sequence[Source], subjects: Sequence[Subject], found: Found, options: Options, *, is_large: bool = False
) -> list[LineChart]:
    definitions = metric_definitions.of_run(sources[0].run)
    return [_draw(sources, subject, found, options, definitions, is_large) for subject in subjects]


def _draw(
    sources: Sequence[Source],
    subject: Subject,
    found: Found,
    options: Options,
    definitions: Definitions,
    is_large: bool,
) -> LineChart:
    x_metric = _x_metric(definitions, subject.metrics[0].key, options)
    lines: list[Line] = []
    colour, is_thinned = 0, False
    for source in sources:
        known = found.get(source.run.pk, {})
        for metric in subject.metrics:
            series = known.get(metric.key)
            if series is not None:
                is_thinned = is_thinned or _is_thinned(source, metric, series, options)
                points = _points(series, known.get(x_metric), x_metric, options)
                lines += _lines(_label(source, metric, len(sources) > 1), colour, points, options)
            # A run has the same colour in all charts, also where it lacks their metric.
            colour += 1
    x_label, x_unit = (x_metric, Unit.NUMBER) if x_metric else _X_LABELS[options.x or chart_options.STEP]
    chart = line_chart.draw(
        subject.title,
        lines,
        x_label=x_label,
        x_unit=x_unit,
        y_unit=subject.unit,
        log_scale=options.is_log,
        **(LARGE if is_large else {}),
    )
    return replace(chart, is_thinned=is_thinned)


def _is_thinned(source: Source, metric: Metric, series: MetricSeries, options: Options) -> bool:
    """Whether a history has more values of the metric than were read. Of a part of it nobody has counted them."""
    if source.state is None or options.low is not None or options.high is not None:
        return False
    about = source.state.keys.get(metric.key, {})
    return len(series.values) < about.get("types", {}).get("number", 0)


def _lines(label: str, colour: int, points: list[tuple[float, float]], options: Options) -> Iterator[Line]:
    if options.smoothing:
        smoothed = line_chart.smooth(points, options.weight)
        yield Line(label, colour, list(_between(points, options)), is_faint=True)
        points = smoothed
    yield Line(label, colour, list(_between(points, options)))


def _label(source: Source, metric: Metric, has_several: bool) -> str:
    names = [source.run.title] if has_several or not metric.label else []
    return " · ".join([*names, *filter(None, [metric.label])])


def _points(
    series: MetricSeries, x_series: MetricSeries | None, x_metric: str, options: Options
) -> list[tuple[float, float]]:
    if x_metric:
        xs = _by_metric(series, x_series) if x_series is not None else []
    else:
        xs = _X_VALUES[options.x or chart_options.STEP](series)
    points = list(zip(xs, series.values, strict=False))
    ordered = all(before <= after for before, after in pairwise(xs))
    return points if ordered else sorted((point for point in points if not math.isnan(point[0])), key=_x_of)


def _x_of(point: tuple[float, float]) -> float:
    return point[0]


def _between(points: Sequence[tuple[float, float]], options: Options) -> Iterator[tuple[float, float]]:
    low = -math.inf if options.low is None else options.low
    high = math.inf if options.high is None else options.high
    return (point for point in points if low <= point[0] <= high)


def _x_metric(definitions: Definitions, key: str, options: Options) -> str:
    """The metric on the x axis; empty where that is the step or a time."""
    if options.x:
        return options.x_metric
    definition = metric_definitions.find(definitions, key)
    step_metric = definition.step_metric if definition else ""
    return "" if step_metric in (key, STEP) else step_metric


def _is_hidden(definitions: Definitions, key: str) -> bool:
    definition = metric_definitions.find(definitions, key)
    return definition is not None and definition.is_hidden


def _by_metric(series: MetricSeries, x_series: MetricSeries) -> list[float]:
    """The value of the other metric at each line, between those at the nearest lines that have one."""
    found = []
    lines, values = x_series.lines, x_series.values
    for line in series.lines:
        after = bisect_right(lines, line)
        if after == 0:
            found.append(math.nan)
        elif lines[after - 1] == line or after == len(lines):
            found.append(values[after - 1])
        else:
            part = (line - lines[after - 1]) / (lines[after] - lines[after - 1])
            found.append(values[after - 1] + part * (values[after] - values[after - 1]))
    return found


def _relative(series: MetricSeries) -> Sequence[float]:
    """Seconds since the start; of lines that have a time of day alone, since the first of them."""
    if not all(map(math.isnan, series.runtimes)):
        return series.runtimes
    start = next((moment for moment in series.timestamps if not math.isnan(moment)), math.nan)
    return [moment - start for moment in series.timestamps]


_X_VALUES: dict[str, Callable[[MetricSeries], Sequence[float]]] = {
    chart_options.STEP: lambda series: series.steps,
    chart_options.RELATIVE: _relative,
    chart_options.TIME: lambda series: series.timestamps,
}
_X_LABELS = {
    chart_options.STEP: ("step", Unit.NUMBER),
    chart_options.RELATIVE: ("relative time", Unit.DURATION),
    chart_options.TIME: ("wall time (UTC)", Unit.TIME),
}
