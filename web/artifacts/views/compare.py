"""Two versions of an artifact side by side, and one file in both."""

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from artifacts import name_resolution, version_diff
from artifacts.models import Artifact, ArtifactVersion
from web import rendering
from web.aliases import view_models
from web.artifacts.lookups import get_artifact

# A list to choose from is not to be scrolled for ever; an older version can be named in the URL.
MAX_VERSION_CHOICES = 200
# A comparison for which the server was busy is asked for again, so often.
MAX_TRIES = 3


@csp_update({"img-src": [settings.STORE_ORIGIN]})
@login_required
@require_safe
def compare(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """What `?head=` has that `?base=` has not, and the other way around. Both are versions, or aliases."""
    artifact = get_artifact(request, **url_kwargs)
    base, head = _resolve_pair(request, artifact)
    context = {
        "artifact": artifact,
        "project": artifact.project,
        "base": base,
        "head": head,
        "pair": (base, head),
        "version_choices": view_models.version_choices(artifact, base, head, limit=MAX_VERSION_CHOICES),
        "active_nav": "artifacts",
    }
    if base and head:
        context["files"] = version_diff.files(base, head, after=request.GET.get("after", ""))
        context["metadata"] = version_diff.metadata(base.metadata, head.metadata)
        context["runs"] = version_diff.runs(base, head)
    return rendering.render_page(request, "artifacts/compare.html", context)


@csp_update({"img-src": [settings.STORE_ORIGIN]})
@login_required
@require_safe
def compare_file(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """What differs in one file between both versions."""
    artifact = get_artifact(request, **url_kwargs)
    base, head = _resolve_pair(request, artifact)
    if not (base and head):
        raise Http404("There is no other version to compare with.")
    path = request.GET.get("path", "")
    context = {
        "artifact": artifact,
        "project": artifact.project,
        "base": base,
        "head": head,
        "path": path,
        "diff": version_diff.file(base, head, path, str(request.user.pk)),
        "next_try": _next_try(request),
        "active_nav": "artifacts",
    }
    return rendering.render_page(request, "artifacts/compare_file.html", context)


def _next_try(request: HttpRequest) -> int | None:
    """The number of the request by which a row asks again by itself; None once it has asked often enough."""
    tries = request.GET.get("tries", "0")
    number = int(tries) if tries in map(str, range(MAX_TRIES)) else MAX_TRIES
    return number + 1 if rendering.is_partial(request) and number < MAX_TRIES else None


def _resolve_pair(request: HttpRequest, artifact: Artifact) -> tuple[ArtifactVersion | None, ArtifactVersion | None]:
    return name_resolution.resolve_pair(artifact, request.GET.get("base", ""), request.GET.get("head", ""))
