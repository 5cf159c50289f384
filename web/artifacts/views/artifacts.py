"""Lists of artifacts, and making a new one."""

from django.contrib.auth.decorators import login_required
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actor import Actor
from artifacts import artifacts, validators
from artifacts.models import Artifact, ArtifactVersion
from projects.models import Project
from web import rendering
from web.artifacts.forms import ArtifactFilter, ArtifactForm
from web.projects.lookups import get_project

PAGE_SIZE = 50
PROJECTS_OFFERED = 200


@login_required
@require_safe
def artifact_list(request: HttpRequest) -> HttpResponse:
    """Every artifact that the reader may see."""
    rows = Artifact.objects.visible_to(request.user)
    return _list(request, rows, None)


@login_required
@require_safe
def project_artifacts(request: HttpRequest, team: str, project: str) -> HttpResponse:
    found = get_project(request, team, project)
    return _list(request, Artifact.objects.filter(project=found), found)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def artifact_new(request: HttpRequest) -> HttpResponse:
    projects = Project.objects.editable_by(request.user).select_related("team").order_by("team__name", "name")
    form = ArtifactForm(projects, request.POST or None, initial=request.GET.dict())
    if form.is_valid():
        data = form.cleaned_data
        artifact = artifacts.create(
            Actor.from_page(request),
            data["project"],
            data["name"],
            data["type"],
            description=data["description"],
            tags=data["tags"],
        )
        return rendering.redirect_with_message(
            request, f"Artifact {artifact.name} created. Log its first version.", artifact.get_absolute_url()
        )
    status = 422 if form.is_bound else 200
    return rendering.render_page(
        request, "artifacts/artifact_new.html", {"form": form, "place": "artifacts"}, status=status
    )


def _list(request: HttpRequest, rows: QuerySet[Artifact], project: Project | None) -> HttpResponse:
    asked = ArtifactFilter(request.GET).values()
    sort = asked.pop("sort") or "-updated_at"
    place = asked.pop("project")
    if place:
        rows = rows.filter(project__in=Project.objects.named(place))
    newest = ArtifactVersion.objects.filter(artifact=OuterRef("pk"), number=OuterRef("latest_version_number"))
    shown = rows.narrow(**asked).for_display().annotate(newest_size=Subquery(newest.values("total_size")))
    page = rendering.paginate(request, shown.sorted_by(sort), PAGE_SIZE)
    columns = [column for column in _COLUMNS if not (project and column[1] == "Project")]
    context = {"page": page, "project": project, "asked": asked | {"project": place}, "sort": sort}
    context |= {"is_filtered": bool(place or any(asked.values())), "place": "artifacts", "columns": columns}
    context |= {
        "types": validators.TYPES,
        "project_names": [] if rendering.is_partial(request) else _project_names(request),
    }
    context |= {"may_edit": _may_edit(request, project)}
    return rendering.render_page(request, "artifacts/artifact_list.html", context)


def _project_names(request: HttpRequest) -> list[str]:
    visible = Project.objects.visible_to(request.user).select_related("team").order_by("team__name", "name")
    return [project.full_name for project in visible[:PROJECTS_OFFERED]]


def _may_edit(request: HttpRequest, project: Project | None) -> bool:
    editable = Project.objects.editable_by(request.user)
    return editable.filter(pk=project.pk).exists() if project else editable.exists()


_COLUMNS = (
    ("name", "Name", ""),
    ("", "Project", "medium"),
    ("type", "Type", "tight"),
    ("", "Aliases", "medium"),
    ("version_count", "Versions", "number"),
    ("", "Size", "number medium"),
    ("", "Tags", "wide"),
    ("updated_at", "Updated", "number tight"),
)
