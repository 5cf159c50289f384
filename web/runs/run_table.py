"""The table of the runs of a project, as its query string asks for it: which runs, columns, order and groups."""

from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.http import QueryDict

from artifacts.models import SearchValue
from artifacts.search_query import fold
from projects.models import Project, Run
from web import tables
from web.runs import run_groups
from web.runs.forms import RunFilter

FIELDS = ("config", "summary")
# Ids grow with time.
ORDERINGS = {"name": "name", "state": "state", "job_type": "job_type", "started": "pk"}
COLUMNS = (
    ("name", "Name", ""),
    ("state", "State", "tight"),
    ("job_type", "Job type", "medium"),
    ("", "Tags", "wide"),
    ("", "Duration", "number tight medium"),
    ("started", "Started", "number tight"),
)


class RunTable(NamedTuple):
    """`rows` are all runs that the filters let through, in no order."""

    project: Project
    query: QueryDict
    form: RunFilter
    filters: dict[str, Any]
    view: tables.View
    rows: QuerySet[Run]

    @property
    def group_by(self) -> str:
        return self.filters["group_by"]

    @property
    def is_filtered(self) -> bool:
        return any(value for name, value in self.filters.items() if name not in ("group_by", "value"))

    @property
    def part(self) -> str:
        """The group that the runs are of, in words; empty where they are of all."""
        key, value = self.filters["key"], self.filters["value"]
        return f"{run_groups.title(key)}: {run_groups.label(key, value)}" if key else ""

    def sorted(self, *, among_newest: bool = True) -> QuerySet[Run]:
        return tables.sort(self.rows, self.view, ORDERINGS, among_newest=among_newest)

    def has_mixed_types(self) -> bool:
        """Whether some runs of the project have numbers, others texts, in the column that sorts the table."""
        if not self.view.sort_column:
            return False
        values = SearchValue.objects.filter(project=self.project, key=fold(self.view.sort_column))
        return all(values.filter(number__isnull=is_text).exists() for is_text in (True, False))


def of(user: Any, project: Project, query: QueryDict) -> RunTable:
    """What the query string asks for; no rows where its filter is no query, which the form says."""
    form = RunFilter(query)
    filters = form.values()
    # A key that was typed comes before those that are offered.
    filters["group_by"] = run_groups.clean_key(filters.pop("other_key")) or run_groups.clean_key(filters["group_by"])
    filters["key"] = run_groups.clean_key(filters["key"])
    given = {name: filters[name] for name in ("state", "group", "job_type") if filters[name]}
    rows = form.narrow(user, "runs", Run.objects.filter(project=project, **given), project=project)
    if filters["key"]:
        rows = run_groups.members(rows, project, filters["key"], filters["value"])
    return RunTable(project, query, form, filters, view(query), rows)


def view(query: QueryDict) -> tables.View:
    return tables.chosen(query, FIELDS, ORDERINGS, "-started")
