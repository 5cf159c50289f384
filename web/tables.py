"""Tables whose order is in the URL: `sort=-size`; of some the columns too: `column=metadata.mAP` for each added one."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import Expression, F, OuterRef, QuerySet, Subquery
from django.http import QueryDict

from artifacts.models import SearchValue
from artifacts.search_query import fold
from core import bounded_count, long_values
from web.numbers import significant

MAX_COLUMNS = 8
MAX_COLUMN_LENGTH = 200
# What the picker offers: the keys of so many rows, the newest.
MAX_CHOICES = 100
_MAX_CELL_LENGTH = 80
# What a row has at a path that is not there; None is a value.
ABSENT = object()
# What it has where the object is so long that the page does not carry it.
OMITTED = object()


class AmongNewest(NamedTuple):
    """What no index has: only the newest rows are sorted by it, as many as are counted."""

    column: F | Expression


# A column of the database, which has a value in each row, or an expression, which has none in some.
Ordering = str | F | Expression | AmongNewest


class Column(NamedTuple):
    """A value of a JSON object of each row, such as `metadata.optimizer.lr`."""

    name: str

    @property
    def title(self) -> str:
        """Without the field, which the heading has as its title."""
        return self.name.partition(".")[2]

    def of(self, row: Any) -> Any:
        """The value of the row, whose long values are loaded; `ABSENT` where it has none, or `OMITTED`."""
        field, _, path = self.name.partition(".")
        if field in getattr(row, "omitted", ()):
            return OMITTED
        data = getattr(row, field) or {}
        return _value(data, path) if isinstance(data, Mapping) else ABSENT


class Header(NamedTuple):
    """The heading of an added column: links that sort by it, and that take it away."""

    name: str
    title: str
    # As `aria-sort` has it; empty where another column sorts the table.
    order: str
    sort_url: str
    remove_url: str


class View(NamedTuple):
    """How the reader wants the table: the added columns, and the order."""

    columns: list[Column]
    sort: str
    # Whether only the newest rows are sorted.
    is_partial: bool

    @property
    def sort_column(self) -> str:
        """The added column that sorts the table, or an empty text."""
        name = self.sort.removeprefix("-")
        return name if "." in name else ""


def chosen(
    query: QueryDict, fields: Sequence[str], orderings: Mapping[str, Ordering], default: str = "", prefix: str = ""
) -> View:
    """What the query string asks for, as far as it can be had; `orderings` are the columns that are always there.

    The `default` is empty where the table has an order of its own, by none of its columns. Of a second table in a page
    the names in the query string begin with a `prefix`, which its templates know as `table_prefix`.
    """
    names = dict.fromkeys(name for name in query.getlist("column") if is_column(name, fields))
    sort = query.get(f"{prefix}sort", "")
    name = sort.removeprefix("-")
    is_added = is_column(name, fields)
    if not (name in orderings or is_added):
        sort, name = default, default.removeprefix("-")
    is_partial = is_added or isinstance(orderings.get(name), AmongNewest)
    return View([Column(name) for name in list(names)[:MAX_COLUMNS]], sort, is_partial)


def sort(
    rows: QuerySet,
    view: View,
    orderings: Mapping[str, Ordering],
    *,
    among_newest: bool = True,
    at_most: int | None = None,
) -> QuerySet:
    """In the order of the view, or their own where it has none; rows without the value come last.

    By an added column, or one that says so, only the newest rows are sorted: as many as are counted. One query finds
    the last of them, unless there are no more: `at_most` where that is known. Numbers come before texts, in either
    direction.
    """
    if not view.sort:
        return rows
    is_descending = view.sort.startswith("-")
    if view.is_partial and among_newest and (at_most is None or at_most > bounded_count.COUNT_LIMIT):
        rows = _newest(rows, bounded_count.COUNT_LIMIT)
    if not view.sort_column:
        ordering = orderings[view.sort.removeprefix("-")]
        column = ordering.column if isinstance(ordering, AmongNewest) else ordering
        return rows.order_by(*_order_by(column, is_descending))
    about = rows.model._meta.model_name.removeprefix("artifact")
    values = SearchValue.objects.filter(**{about: OuterRef("pk")}, key=fold(view.sort_column)).order_by("pk")
    rows = rows.annotate(
        sort_number=Subquery(values.values("number")[:1]), sort_text=Subquery(values.values("text")[:1])
    )
    order = [F("sort_number"), F("sort_text")]
    return rows.order_by(*(_directed(column, is_descending) for column in order), "-pk")


def headers(view: View, query: QueryDict) -> list[Header]:
    """Of the added columns, in a page with this query string."""
    found = []
    for column in view.columns:
        order = {column.name: "ascending", f"-{column.name}": "descending"}.get(view.sort, "")
        sorted_query, others = query.copy(), query.copy()
        sorted_query["sort"] = f"-{column.name}" if order == "ascending" else column.name
        others.setlist("column", [other.name for other in view.columns if other != column])
        for changed in (sorted_query, others):
            changed.pop("page", None)
        urls = (f"?{changed.urlencode()}" for changed in (sorted_query, others))
        found.append(Header(column.name, column.title, order, *urls))
    return found


def fill(rows: Sequence[Any], view: View) -> None:
    """Give each row of the page its `cells`, the texts of the added columns. Loads long values where there are any."""
    if view.columns:
        long_values.load(rows)
    for row in rows:
        row.cells = [format_value(column.of(row)) for column in view.columns]


def keys(rows: Sequence[Any], fields: Sequence[str]) -> list[str]:
    """The names of the columns that these rows have values for, the first ones by name. Loads long values."""
    long_values.load(rows)
    return keys_of(rows, fields)


def keys_of(rows: Sequence[Any], fields: Sequence[str]) -> list[str]:
    """The same of rows whose long values are loaded."""
    found: set[str] = set()
    for row in rows:
        for field in fields:
            found.update(f"{field}.{path}" for path in _paths(getattr(row, field) or {}))
    return sorted(found, key=str.casefold)[:MAX_CHOICES]


def format_value(value: Any) -> str:
    """For a cell: numbers with five significant digits."""
    if value is ABSENT:
        return ""
    if value is OMITTED:
        return "too long to show"
    text = as_text(significant(value))
    return text if len(text) <= _MAX_CELL_LENGTH else f"{text[:_MAX_CELL_LENGTH]}…"


def as_text(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_column(name: str, fields: Iterable[str]) -> bool:
    """Whether a column can have this name: one of the fields, and a path in it."""
    field, dot, path = name.partition(".")
    return bool(dot and path) and field in fields and len(name) <= MAX_COLUMN_LENGTH and name.isprintable()


def _newest(rows: QuerySet, count: int) -> QuerySet:
    """One query, which finds the last of them.

    As a subquery, PostgreSQL would read them once more, and where it has no statistics compare each with each.
    """
    last = list(rows.order_by("-pk").values_list("pk", flat=True)[count - 1 : count])
    return rows.filter(pk__gte=last[0]) if last else rows


def _order_by(column: str | F | Expression, is_descending: bool) -> list[Any]:
    sign = "-" if is_descending else ""
    if not isinstance(column, str):
        return [_directed(column, is_descending), f"{sign}pk"]
    return [f"{sign}{column}", *([f"{sign}pk"] if column != "pk" else [])]


def _directed(column: F | Expression, is_descending: bool) -> Any:
    return (column.desc if is_descending else column.asc)(nulls_last=True)


def _value(data: Mapping[str, Any], path: str) -> Any:
    """By its whole path, or else step by step: keys have dots too."""
    if path in data:
        return data[path]
    value: Any = data
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return ABSENT
        value = value[step]
    return value


def _paths(data: Mapping[str, Any]) -> list[str]:
    """The paths of its plain values, two levels deep, as many as are offered."""
    found: list[str] = []
    for key, value in list(data.items())[:MAX_CHOICES]:
        inner = list(value)[:MAX_CHOICES] if isinstance(value, Mapping) else []
        found += [f"{key}.{name}" for name in inner] or [key]
    return [path for path in found if len(path) < MAX_COLUMN_LENGTH - len("metadata.") and path.isprintable()]
