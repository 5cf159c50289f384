"""References of a version: adding them to a draft, and checking whether what they name is still the same."""

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import versions
from artifacts.drafts import Numbering
from artifacts.models import Artifact, ArtifactVersion
from artifacts.references import checks, references
from web import rendering
from web.artifacts import tab_contexts
from web.artifacts.forms import FinalizeForm
from web.artifacts.lookups import get_artifact, get_version, get_version_of
from web.artifacts.reference_form import ReferencesForm
from web.artifacts.views import upload


@login_required
@require_POST
@csp_update({"connect-src": [settings.STORE_ORIGIN]})
def add(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """References into a draft; the first begin one, as files do."""
    artifact = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    draft = upload.find_draft(request, artifact)
    form = ReferencesForm(draft, request.POST)
    if form.is_valid():
        actor = Actor.from_page(request)
        draft = draft or versions.begin(actor, artifact, numbering=Numbering.ON_FINALIZE).version
        references.add(actor, draft, form.cleaned_data["uris"])
        checks.identify(actor, draft)
        return _added(request, artifact, get_version_of(request, artifact, draft.url_name))
    context = upload.page_context(request, artifact, draft) | {"reference_form": form}
    if not rendering.is_partial(request):
        context["form"] = FinalizeForm(initial={"description": draft.description if draft else ""})
        return rendering.render_page(request, "artifacts/upload.html", context, status=422)
    return rendering.render_page(request, "artifacts/references.html", context, status=422)


@login_required
@require_POST
def check(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """Have the workers look whether the references of the version are what they were."""
    version = get_version(request, role=Role.EDITOR, **url_kwargs)
    version.checked_references = checks.request(Actor.from_page(request), version).checked_count
    if not rendering.is_partial(request):
        message = "The references are being checked. Reload the page to see what was found."
        return rendering.redirect_with_message(request, message, version)
    return _render_drift(request, version)


@login_required
@require_safe
def drift_state(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """How far a check of the version is, unless the page has `seen` so much; and what it found, once it has ended."""
    version = get_version(request, **url_kwargs)
    if not rendering.is_partial(request):
        return redirect(version)
    if version.checked_references is not None and request.GET.get("seen") == str(version.checked_references):
        return HttpResponse(status=204)
    return _render_drift(request, version)


def _render_drift(request: HttpRequest, version: ArtifactVersion) -> HttpResponse:
    role = permissions.role_in(request.user, version.artifact.project.team)
    context = tab_contexts.version_context(version) | permissions.template_flags(role)
    response = rendering.render_page(request, "artifacts/version_drift.html", context)
    if version.checked_references is None:
        rendering.add_htmx_trigger(response, **{"references-checked": True})
    return response


def _added(request: HttpRequest, artifact: Artifact, draft: ArtifactVersion) -> HttpResponse:
    """To the draft; to HTMX the form again, empty, with the files that the draft has now."""
    if not rendering.is_partial(request):
        return redirect(f"{reverse('upload', args=artifact.url_args)}?version={draft.url_name}")
    context = upload.page_context(request, artifact, draft) | {"is_answer": True}
    response = rendering.render_page(request, "artifacts/references.html", context)
    return rendering.add_htmx_trigger(response, **{"draft-begun": str(draft.pk)})
