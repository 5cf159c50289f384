"""Runs by what they have in common: a column, or a value of their config, with numbers of each group.

Values are those that the search knows: of a list, its items in any order. Two that differ in the case of letters alone
are the same.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import (
    Avg,
    Case,
    CharField,
    Count,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Concat
from django.http import QueryDict

from artifacts.models import SearchValue
from artifacts.search_query import fold
from core import bounded_count, long_values
from core.compiled_queries import StringAgg
from projects.models import Project, Run, State
from web import tables
from web.numbers import significant
from web.tables import Column

COLUMNS = {"group": "Group", "job_type": "Job type", "state": "State"}
_FIELDS = ("config",)
# So many ids a list of runs is read by.
_MAX_IDS = 500
# Of the query string: a table of groups has an order of its own, and pages.
PREFIX = "group_"
_ORDERINGS = {"value": "", "runs": ""}
# Before a number, and before a text, so that 1 is not "1".
_NUMBER, _TEXT = "#", "'"


class Statistics(NamedTuple):
    """Of the numbers that the runs of a group have for a column; `count` of them have one."""

    count: int
    mean: float | None = None
    least: float | None = None
    largest: float | None = None
    # Whether one has several, in a list: of these there is no mean.
    has_lists: bool = False


NOTHING = Statistics(0)


class Group(NamedTuple):
    """`value` is what `members` finds its runs by, `label` what people read; empty where the runs have no value."""

    value: str
    label: str
    count: int
    statistics: list[Statistics]


class Grouping(NamedTuple):
    """All groups of some runs, by their value, and how many runs each has."""

    key: str
    rows: QuerySet[Run]
    counts: dict[str, int]
    # The newest run of each, which has the value as it was written.
    examples: dict[str, Any]

    @property
    def is_partial(self) -> bool:
        """Whether there are more runs than were grouped, which are the newest."""
        return sum(self.counts.values()) >= bounded_count.COUNT_LIMIT


def clean_key(key: str) -> str:
    """The key as it was asked for, or an empty text where runs cannot be grouped by it."""
    return key if key in COLUMNS or tables.is_column(key, _FIELDS) else ""


def view(query: QueryDict) -> tables.View:
    """The order of the groups: by `value`, `runs`, or the mean of a column."""
    return tables.chosen(query, ("config", "summary"), _ORDERINGS, "-runs", PREFIX)


def with_sorting(columns: Sequence[Column], sort: str) -> list[Column]:
    """The columns, and that which sorts the groups if it is none of them."""
    name = sort.removeprefix("-")
    return list(dict.fromkeys([*columns, *([Column(name)] if name not in _ORDERINGS else [])]))


def title(key: str) -> str:
    return COLUMNS.get(key, key)


def members(rows: QuerySet[Run], project: Project, key: str, value: str) -> QuerySet[Run]:
    """Those of the runs that are in the group with this value."""
    if key in COLUMNS:
        return rows.filter(**{key: value})
    if value and "\n" not in value:
        # An index has the runs with the value, of which a list has further ones. Where they are many, a page of them is
        # found soon in the order of the list: joined, PostgreSQL looked at all 50,000 for the first fifty.
        own = _values(key).filter(project=project, text=value[1:], number__isnull=value[0] != _NUMBER)
        few = list(own.values_list("run", flat=True)[: _MAX_IDS + 1])
        if len(few) <= _MAX_IDS:
            rows = rows.filter(pk__in=few)
    return rows.alias(group_value=_value_of(key, "pk")).filter(group_value=value)


def group(rows: QuerySet[Run], key: str) -> Grouping:
    """One query, of the newest runs: as many as are counted."""
    newest = rows.order_by("-pk").values("pk")[: bounded_count.COUNT_LIMIT]
    rows = Run.objects.filter(pk__in=Subquery(newest))
    found = (
        rows.annotate(group_value=_value_of(key, "pk"))
        .order_by()
        .values_list("group_value")
        # PostgreSQL knows no largest UUID.
        .annotate(count=Count("pk"), example=Max(Cast("pk", CharField())))
    )
    counts: dict[str, int] = {}
    examples = {}
    for value, count, example in found:
        counts[value] = count
        examples[value] = UUID(example)
    return Grouping(key, rows, counts, examples)


def statistics(
    grouping: Grouping, project: Project, columns: Sequence[Column], values: Iterable[str] | None = None
) -> dict[tuple[str, str], Statistics]:
    """By group and name of the column; of the groups with these values, or of all. One query."""
    names = {fold(column.name): column.name for column in columns}
    if not names:
        return {}
    rows = SearchValue.objects.filter(project=project, key__in=names, run__in=grouping.rows.order_by().values("pk"))
    rows = rows.annotate(group_value=_value_of(grouping.key, "run"))
    if values is not None:
        rows = rows.filter(group_value__in=list(values))
    found = (
        rows.order_by()
        .values_list("group_value", "key")
        .annotate(
            count=Count("number"),
            runs=Count("run", distinct=True, filter=Q(number__isnull=False)),
            mean=Avg("number"),
            least=Min("number"),
            largest=Max("number"),
        )
    )
    return {
        (value, names[key]): Statistics(runs, mean, least, largest)
        if count == runs
        else Statistics(runs, has_lists=True)
        for value, key, count, runs, mean, least, largest in found
    }


def order(grouping: Grouping, sort: str, found: dict[tuple[str, str], Statistics]) -> list[str]:
    """The values of the groups; those without what sorts them come last."""
    name = sort.removeprefix("-")
    is_descending = sort.startswith("-")
    values = sorted(grouping.counts, key=lambda value: (not value, _natural(value)))
    if name == "value":
        values.sort(key=_natural, reverse=is_descending)
    elif name == "runs":
        values.sort(key=lambda value: grouping.counts[value], reverse=is_descending)
    else:
        means = {value: found.get((value, name), NOTHING).mean for value in values}
        values.sort(key=lambda value: means[value] or 0.0, reverse=is_descending)
        values.sort(key=lambda value: means[value] is None)
    return sorted(values, key=lambda value: name == "value" and not value)


def fill(
    grouping: Grouping, values: Sequence[str], columns: Sequence[Column], found: dict[tuple[str, str], Statistics]
) -> list[Group]:
    """The groups with these values, labelled as their newest run has the value."""
    labels = {value: _label(grouping.key, value) for value in values}
    if grouping.key not in COLUMNS:
        column = Column(grouping.key)
        runs = Run.objects.filter(pk__in=[grouping.examples[value] for value in values if value])
        rows = {run.pk: run for run in long_values.defer(runs, "")}
        long_values.load(list(rows.values()))
        for value in values:
            run = rows.get(grouping.examples[value])
            own = column.of(run) if run is not None else tables.OMITTED
            if own not in (tables.ABSENT, tables.OMITTED):
                labels[value] = tables.format_value(own)
    return [
        Group(
            value,
            labels[value],
            grouping.counts[value],
            [found.get((value, column.name), NOTHING) for column in columns],
        )
        for value in values
    ]


def label(key: str, value: str) -> str:
    """What people read of a group of which no run is at hand; `none` where its runs have no value."""
    return _label(key, value) or "none"


def _label(key: str, value: str) -> str:
    if key == "state":
        return State(value).label if value in State.values else value
    if key in COLUMNS:
        return value
    return ", ".join(_readable(item) for item in value.split("\n"))


def _readable(item: str) -> str:
    """A line of a group's value, which is an item, or one of several lines of a text; in URLs it is anything."""
    if not item.startswith(_NUMBER):
        return item.removeprefix(_TEXT)
    try:
        number = float(item[1:])
    except ValueError:
        return item
    return str(int(number)) if number.is_integer() and abs(number) < 10**15 else str(significant(number))


def _natural(value: str) -> tuple[int, float, str]:
    """Numbers by their size, then texts."""
    first = value.partition("\n")[0]
    return (0, float(first[1:]), value) if first.startswith(_NUMBER) else (1, 0.0, value)


def _values(key: str) -> QuerySet[SearchValue]:
    return SearchValue.objects.filter(key=fold(key))


def _value_of(key: str, outer: str) -> Any:
    """What the group of a run is known by; `outer` is what leads to the run. Empty for one without a value."""
    if key in COLUMNS:
        return F(key) if outer == "pk" else F(f"{outer}__{key}")
    mark = Case(When(number=None, then=Value(_TEXT)), default=Value(_NUMBER))
    items = _values(key).filter(run=OuterRef(outer)).annotate(item=Concat(mark, "text", output_field=TextField()))
    return StringAgg(items.order_by("item"), "item")
