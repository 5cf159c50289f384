"""Lists of artifacts, and making a new one."""

from django.contrib.auth.decorators import login_required
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actor import Actor
from artifacts import artifacts, validators
from artifacts.aliases import excerpts
from artifacts.models import Artifact, ArtifactVersion
from core import long_values
from projects.models import Project
from web import rendering
from web.artifacts.forms import ArtifactFilter, ArtifactForm
from web.projects.lookups import get_project

PAGE_SIZE = 50
MAX_PROJECT_CHOICES = 200


@login_required
@require_safe
def artifact_list(request: HttpRequest) -> HttpResponse:
    """Every artifact that the reader may see."""
    return _render_list(request, Artifact.objects.visible_to(request.user), None)


@login_required
@require_safe
def project_artifacts(request: HttpRequest, team: str, project: str) -> HttpResponse:
    project = get_project(request, team, project)
    return _render_list(request, Artifact.objects.filter(project=project), project)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def artifact_new(request: HttpRequest) -> HttpResponse:
    projects = Project.objects.editable_by(request.user).select_related("team").order_by("team__name", "name")
    projects = long_values.defer(projects, "")
    form = ArtifactForm(projects, request.POST or None, initial=request.GET.dict())
    if form.is_valid():
        data = form.cleaned_data
        fields = {"description": data["description"], "tags": data["tags"]}
        artifact = artifacts.create(Actor.from_page(request), data["project"], data["name"], data["type"], **fields)
        return rendering.redirect_with_message(
            request, f"Artifact {artifact.name} created. Log its first version.", artifact
        )
    status = 422 if form.is_bound else 200
    return rendering.render_page(
        request, "artifacts/artifact_new.html", {"form": form, "active_nav": "artifacts"}, status=status
    )


def _render_list(request: HttpRequest, rows: QuerySet[Artifact], project: Project | None) -> HttpResponse:
    form = ArtifactFilter(request.GET)
    filters = form.values()
    narrowed = {name: value for name, value in filters.items() if name not in ("project", "sort", "q")}
    sort = filters["sort"] or "-updated_at"
    if filters["project"]:
        rows = rows.filter(project__in=Project.objects.by_full_name(filters["project"]))
    newest = ArtifactVersion.objects.filter(artifact=OuterRef("pk"), number=OuterRef("latest_version_number"))
    within = {"project": project} if project else {}
    rows = form.narrow(request.user, "artifacts", rows.filter_by(**narrowed), **within)
    stored = newest.annotate(stored=F("total_size") - F("referenced_size")).values("stored")
    elsewhere = Subquery(newest.values("referenced_size"))
    rows = rows.with_tags().annotate(newest_size=Subquery(stored), newest_elsewhere=elsewhere)
    is_filtered = any(value for name, value in filters.items() if name != "sort")
    is_partial = sort.removeprefix("-") == "project"
    rows = long_values.defer(rows, "").sorted_by(sort)
    page = rendering.paginate(request.GET, rows, PAGE_SIZE, is_filtered=is_filtered and not is_partial)
    excerpts.attach(page, sought=filters["alias"])
    project_names: list[str] = []
    if not rendering.is_partial(request):
        visible = Project.objects.visible_to(request.user).select_related("team").order_by("team__name", "name")
        project_names = [choice.full_name for choice in long_values.defer(visible, "")[:MAX_PROJECT_CHOICES]]
    editable = Project.objects.editable_by(request.user)
    context = {
        "page": page,
        "project": project,
        "filters": filters,
        "query": form.query,
        "sort": sort,
        "is_filtered": is_filtered,
        "active_nav": "artifacts",
        "columns": [column for column in _COLUMNS if not (project and column[1] == "Project")],
        # Other clients have types of their own: those on the page, and one that is asked for.
        "types": list(dict.fromkeys([*validators.TYPES, *sorted({row.type for row in page})])),
        "project_names": project_names,
        "may_edit": (editable.filter(pk=project.pk) if project else editable).exists(),
    }
    status = 422 if form.query["fault"] else 200
    return rendering.render_page(request, "artifacts/artifact_list.html", context, status=status)


_COLUMNS = (
    ("name", "Name", ""),
    ("project", "Project", "medium"),
    ("type", "Type", "tight"),
    ("", "Aliases", "medium"),
    ("version_count", "Versions", "number tight"),
    ("latest_size", "Size", "number medium tight"),
    ("", "Tags", "wide"),
    ("updated_at", "Updated", "number tight"),
)
