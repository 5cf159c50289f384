"""What pages of charts show: sections, of which those that the reader has not come to yet are loaded later."""

import hashlib
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.urls import reverse

from projects.models import Run, State
from tracking import metric_series
from tracking.metric_series import Found, Steps
from tracking.models import RunStream, Stream
from web.runs import metric_charts, system_metrics
from web.runs.chart_options import RELATIVE, TIME, X_AXES, Options
from web.runs.chart_subjects import Section, Subject
from web.runs.line_chart import LineChart
from web.runs.metric_charts import Source

MAX_RUNS = 10
# Of the charts that come with the page of all sections, of those of each section there, and of a page of one alone.
MAX_FIRST_CHARTS = 6
MAX_CHARTS = 12
PAGE_SIZE = 24
# Of a page of all sections: each metric may have a prefix of its own.
MAX_SECTIONS = 100


class Tab(NamedTuple):
    """A tab of charts, the stream that they are of, and the URL of its single charts."""

    name: str
    title: str
    stream: Stream
    url_name: str
    chart_url_name: str
    x_axes: dict[str, str]


HISTORY = Tab("charts", "Charts", Stream.HISTORY, "run-charts", "run-chart", X_AXES)
# What a client measures of its machine has no step.
_TIMES = {axis: X_AXES[axis] for axis in (RELATIVE, TIME)}
SYSTEM = Tab("system", "System", Stream.EVENTS, "run-system", "run-system-chart", _TIMES)


class ShownChart(NamedTuple):
    chart: LineChart
    url: str


class ShownSection(NamedTuple):
    """A section with its charts; without them it is loaded from its `url` when the reader comes to it."""

    name: str
    count: int
    url: str
    charts: list[ShownChart] | None
    page: Page | None = None

    @property
    def page_url(self) -> str:
        """That of the charts which are shown."""
        return self.url if self.page is None else f"{self.url}&page={self.page.number}"

    @property
    def is_cut(self) -> bool:
        """Whether it has more charts here that are loaded when the reader comes to them."""
        return self.page is None and len(self.charts or ()) < min(self.count, MAX_CHARTS)

    @property
    def has_others(self) -> bool:
        """Whether it has more charts than the page of all sections shows."""
        return self.page is None and self.count > MAX_CHARTS


class Sources(NamedTuple):
    """The run of the page first, then those that lie over it; and the names of which there is no run."""

    all: list[Source]
    unknown: list[str]

    @property
    def are_active(self) -> bool:
        return any(source.run.state == State.RUNNING for source in self.all)

    @property
    def fingerprint(self) -> str:
        """What changes when charts do."""
        found = [
            (source.run.state, source.state and (source.state.line_count, source.state.revision)) for source in self.all
        ]
        return _hashed(found)

    def read(self, keys: Sequence[str] | None, steps: Steps | None = None) -> Found:
        return metric_series.read([source.state for source in self.all if source.state], keys, steps)


class _ListPaginator(Paginator):
    @property
    def total(self) -> str:
        return f"{self.count:,}"


class Reader(NamedTuple):
    """A request for charts: of which runs, how, and where further pages are."""

    tab: Tab
    sources: Sources
    options: Options
    query: QueryDict

    @property
    def run(self) -> Run:
        return self.sources.all[0].run

    def url(self, url_name: str, **changes: str) -> str:
        """A page of the run that shows charts in the same way; an empty change takes a field out."""
        fields = self.query.copy()
        for name in ("seen", "known", "part", "page"):
            fields.pop(name, None)
        for name, value in changes.items():
            fields.pop(name, None)
            if value:
                fields[name] = value
        url = reverse(url_name, args=self.run.url_args)
        return f"{url}?{fields.urlencode()}" if fields else url

    def chart_url(self, subject: Subject) -> str:
        return self.url(self.tab.chart_url_name, key=subject.key, section="", q="")

    def sections(self, name_query: str) -> tuple[list[Section], Found]:
        """All sections; of system metrics, of which only their lines tell which there are, with what was read."""
        if self.tab.stream == Stream.HISTORY:
            return metric_charts.sections(self.sources.all, name_query), {}
        found = self.sources.read(None)
        keys = {key: None for known in found.values() for key in known}
        return system_metrics.sections(list(keys), name_query), found

    def draw(self, subjects: Sequence[Subject], found: Found, *, is_large: bool = False) -> list[ShownChart]:
        if self.tab.stream == Stream.HISTORY:
            keys = metric_charts.needed_keys(self.sources.all, subjects, self.options)
            found = self.sources.read(keys, metric_charts.steps(self.sources.all, subjects, self.options))
        charts = metric_charts.draw(self.sources.all, subjects, found, self.options, is_large=is_large)
        return [ShownChart(chart, self.chart_url(subject)) for chart, subject in zip(charts, subjects, strict=True)]

    def show_all(self, sections: Sequence[Section], found: Found) -> list[ShownSection]:
        """Sections, the first of them with the first charts, the others without; of many the first and the last."""
        # The last one has the metrics without a prefix.
        sections = [*sections[: MAX_SECTIONS - 1], *sections[MAX_SECTIONS - 1 :][-1:]]
        counts: list[int] = []
        for section in sections:
            left = MAX_FIRST_CHARTS - sum(counts)
            counts.append(min(len(section.subjects), left))
        first = [one for section, count in zip(sections, counts, strict=True) for one in section.subjects[:count]]
        charts = iter(self.draw(first, found))
        return [
            self._shown(section, list(islice(charts, count)) if count else None)
            for section, count in zip(sections, counts, strict=True)
        ]

    def show_one(self, section: Section, found: Found) -> ShownSection:
        """A section with its charts, as the page of all sections has them."""
        return self._shown(section, self.draw(section.subjects[:MAX_CHARTS], found))

    def show_page(self, section: Section, found: Found) -> ShownSection:
        """A page of the charts of a section."""
        page = _ListPaginator(section.subjects, PAGE_SIZE).get_page(self.query.get("page"))
        return self._shown(section, self.draw(list(page), found))._replace(page=page)

    def _shown(self, section: Section, charts: list[ShownChart] | None) -> ShownSection:
        url = self.url(self.tab.url_name, section=section.name)
        return ShownSection(section.name, len(section.subjects), url, charts)


def find_sources(run: Run, names: Sequence[str], stream: Stream, *, is_brief: bool = False) -> Sources:
    """The run, and those of the same project that have these names, with their streams. Two queries, or one.

    If brief, enough for the fingerprint: without the keys of the streams, and what the runs say of their metrics.
    """
    others: dict[str, Run] = {}
    wanted = [name for name in names if name != run.name]
    if wanted:
        rows = Run.objects.filter(project=run.project, name__in=wanted[: MAX_RUNS - 1])
        unread = [*Run.LONG_VALUES, "system_metrics", *(["wandb"] if is_brief else [])]
        others = {row.name: row for row in rows.defer(*unread)}
    shown = [run, *(others[name] for name in wanted if name in others)]
    streams = RunStream.objects.filter(run__in=shown, stream=stream)
    states = {state.run_id: state for state in (streams.defer("keys") if is_brief else streams)}
    return Sources([Source(one, states.get(one.pk)) for one in shown], [name for name in wanted if name not in others])


def known(sections: Sequence[Section]) -> str:
    """What changes when there is a new chart."""
    return _hashed([(section.name, [subject.key for subject in section.subjects]) for section in sections])


def _hashed(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]
