"""Lists of artifacts, and making a new one."""

from django.contrib.auth.decorators import login_required
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.web import pages
from artifacts import artifacts, names
from artifacts.models import Artifact, ArtifactVersion
from artifacts.web.finding import find_project
from artifacts.web.forms import ArtifactFilter, ArtifactForm
from projects.models import Project

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
    found = find_project(request, team, project)
    return _list(request, Artifact.objects.filter(project=found), found)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def artifact_new(request: HttpRequest) -> HttpResponse:
    projects = Project.objects.editable_by(request.user).select_related("team").order_by("team__name", "name")
    form = ArtifactForm(projects, request.POST or None, initial=request.GET.dict())
    if form.is_valid():
        data = form.cleaned_data
        artifact = artifacts.create(
            request.user,
            data["project"],
            data["name"],
            data["type"],
            description=data["description"],
            tags=data["tags"],
        )
        sentence = f"Artifact {artifact.name} created. Log its first version."
        return pages.done(request, sentence, artifact.get_absolute_url())
    status = 422 if form.is_bound else 200
    return pages.answer(request, "artifacts/artifact_new.html", {"form": form, "place": "artifacts"}, status=status)


def _list(request: HttpRequest, rows: QuerySet[Artifact], project: Project | None) -> HttpResponse:
    asked = ArtifactFilter(request.GET).values()
    sort = asked.pop("sort") or "-updated_at"
    place = asked.pop("project")
    if place:
        rows = rows.filter(project__in=Project.objects.named(place))
    newest = ArtifactVersion.objects.filter(artifact=OuterRef("pk"), number=OuterRef("latest_number"))
    shown = rows.narrow(**asked).for_display().annotate(newest_size=Subquery(newest.values("total_size")))
    page = pages.numbered(request, shown.sorted_by(sort), PAGE_SIZE)
    columns = [column for column in _COLUMNS if not (project and column[1] == "Project")]
    context = {"page": page, "project": project, "asked": asked | {"project": place}, "sort": sort}
    context |= {"is_filtered": bool(place or any(asked.values())), "place": "artifacts", "columns": columns}
    context |= {"types": names.TYPES, "project_names": [] if pages.wants_part(request) else _project_names(request)}
    context |= {"may_edit": _may_edit(request, project)}
    return pages.answer(request, "artifacts/artifact_list.html", context)


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
