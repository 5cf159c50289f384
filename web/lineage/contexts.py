"""What the pages about lineage and impact show."""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from django.http import HttpRequest, QueryDict

from artifacts.lineage import graph as graphs
from artifacts.lineage import impact
from artifacts.lineage.graph import Direction
from artifacts.models import Artifact, ArtifactVersion
from projects.models import Project, Run
from web import rendering
from web.lineage import expansions, folds, forms, outline, picture, texts

# New neighbours of one node in one direction; those beyond are cut off, and can be asked for.
_MAX_SIBLINGS = 100
_MAX_ALIASES = 4
# Of the query string, beside the depth, which is a field of a form.
_FIELDS = ("direction", "nodes", "view", "open", "from")
IMPACT_PAGE_SIZE = 50

_IMPACT_COLUMNS = (
    ("name", "Name", ""),
    ("state", "Aliases or state", ""),
    ("project", "Project", "medium"),
    ("owner", "Created by", "wide"),
    ("distance", "Steps", "number tight"),
)

Root = Artifact | ArtifactVersion | Run


class ImpactRow(NamedTuple):
    """A version or run of the table of impact, with the first of its aliases."""

    thing: ArtifactVersion | Run
    title: str
    kind: str
    icon: str
    project: Project
    protected_aliases: list[str]
    other_aliases: list[str]
    more_aliases: int
    distance: int

    @classmethod
    def of(cls, row: impact.Affected) -> "ImpactRow":
        thing = row.thing
        icon, project = ("run", thing.project) if isinstance(thing, Run) else _about_artifact(thing.artifact)
        protected = row.protected_aliases[:_MAX_ALIASES]
        others = [alias for alias in row.aliases if alias not in row.protected_aliases]
        shown = others[: _MAX_ALIASES - len(protected)]
        more = len(row.aliases) - len(protected) - len(shown)
        return cls(thing, row.title, row.kind, icon, project, protected, shown, more, row.distance)


def _about_artifact(artifact: Artifact) -> tuple[str, Project]:
    return picture.type_icon(artifact.type), artifact.project


def lineage(request: HttpRequest, root: Root, *, nodes: str, view: dict[str, Any]) -> dict[str, Any]:
    """The graph around a root with its project and team, as picture and list; `nodes` is a key of `forms.NODES`."""
    query, is_folded = request.GET, nodes == "artifacts"
    expanded = expansions.parse(query.getlist("from"))
    graph = graphs.lineage(
        request.user,
        root,
        direction=Direction(view["direction"]),
        depth=view["depth"],
        siblings=_MAX_SIBLINGS,
        fold=is_folded,
        expansions=expanded,
    )
    opened = query.getlist("open")
    folded = folds.fold(graph, opened)
    expand_url = _expand_url(query)
    drawing = picture.draw(folded, expand_url) if view["view"] != "list" else None
    return {
        "root_name": texts.name(graph.nodes[0]),
        "picture": drawing,
        "is_too_dense": drawing is None and view["view"] != "list",
        "outline": outline.of(folded, expand_url) if view["view"] != "picture" or drawing is None else None,
        "item_count": len(graph.nodes),
        "shown_count": len(folded.steps) - len(folded.folds),
        "folds": folded.folds,
        "is_truncated": graph.truncated,
        "is_unfolded": bool(opened),
        "is_full": len(expanded) >= graphs.MAX_EXPANSIONS,
        "max_expansions": graphs.MAX_EXPANSIONS,
        "view": view,
        "switches": _switches(query, view | {"nodes": nodes}),
        "depths": sorted({*forms.DEPTHS, view["depth"]}),
        "kept": [(name, value) for name in _FIELDS for value in query.getlist(name)],
    }


def impact_page(
    request: HttpRequest, roots: Collection[ArtifactVersion], name: str, urls: tuple[str, str]
) -> dict[str, Any]:
    """What was made from these versions, in part: the table with its filters, and the numbers of all of it.

    `name` is what they are called, and `urls` are those of the page and of the CSV.
    """
    form = forms.ImpactFilter(request.GET)
    values = form.values()
    page = impact.page(
        request.user, roots, filter=form.impact_filter(), sort=values["sort"], cursor=values["cursor"],
        limit=IMPACT_PAGE_SIZE, scan_limit=impact.MAX_SCAN if values["all"] else None,
    )  # fmt: skip
    impact_url, csv_url = urls
    return {
        "root_name": name,
        "summary": page.summary,
        "message": texts.affected(page.summary),
        "rows": [ImpactRow.of(row) for row in page.results],
        "next_cursor": page.next_cursor,
        "cursor": values["cursor"],
        "projects": page.projects,
        "teams": page.teams,
        "has_owners": any(row.owners for row in page.teams),
        "show": values["show"],
        "sort": values["sort"],
        "columns": _IMPACT_COLUMNS,
        "project_name": values["project"],
        "kept_items": request.GET.getlist("item"),
        "shown_choices": [(value, label) for value, (label, _) in forms.SHOWN.items()],
        "is_filtered": bool(values["show"] or values["project"]),
        "has_more": not page.summary.is_complete and not values["all"],
        "max_scan": impact.MAX_SCAN,
        "is_on_other_page": _is_on_other_page(request),
        "impact_url": impact_url,
        "csv_url": csv_url,
    }


def _is_on_other_page(request: HttpRequest) -> bool:
    """Whether HTMX asks for a part of another page, whose URL does not say what is filtered."""
    url = request.htmx.current_url_abs_path if rendering.is_partial(request) else None
    return url is not None and url.partition("?")[0] != request.path


def _expand_url(query: QueryDict) -> Callable[[str, str], str]:
    def url(field: str, value: str) -> str:
        fields = query.copy()
        fields.appendlist(field, value)
        return f"?{fields.urlencode()}"

    return url


def _switches(query: QueryDict, now: dict[str, Any]) -> list[dict[str, Any]]:
    """Links that change one thing about the page: the direction, what the nodes are, and how they are shown."""
    words = {"direction": ("Direction", forms.DIRECTIONS), "nodes": ("Nodes", forms.NODES),
             "view": ("Shown as", forms.VIEWS)}  # fmt: skip
    return [
        {
            "field": field,
            "label": label,
            "choices": [
                (value, text, _with(query, field, value), now[field] == value) for value, text in items.items()
            ],
        }
        for field, (label, items) in words.items()
    ]


def _with(query: QueryDict, field: str, value: str) -> str:
    fields = query.copy()
    fields[field] = value
    if field == "nodes":
        # They name nodes of the other graph.
        for name in ("open", "from"):
            fields.pop(name, None)
    return f"?{fields.urlencode()}"
