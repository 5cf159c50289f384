"""References of a version: adding them to a draft, and checking whether what they name is still the same."""

from datetime import datetime, timedelta

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts.models import Artifact, ArtifactVersion
from artifacts.references import drift, references
from web import rendering
from web.artifacts import tab_contexts
from web.artifacts.forms import FinalizeForm
from web.artifacts.lookups import get_artifact, get_version
from web.artifacts.reference_form import ReferencesForm
from web.artifacts.views import upload

# So long a page waits for the end of a check.
MAX_WAIT = timedelta(minutes=10)


@login_required
@require_POST
@csp_update({"connect-src": [settings.STORE_ORIGIN]})
def add(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """References into a draft; the first begin one, as files do."""
    artifact = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    draft = upload.find_draft(request, artifact)
    form = ReferencesForm(draft, request.POST)
    if form.is_valid():
        draft = references.add_or_begin(Actor.from_page(request), artifact, draft, form.cleaned_data["uris"])
        return _added(request, artifact, draft)
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
    since = timezone.now()
    drift.request_check(Actor.from_page(request), version)
    if not rendering.is_partial(request):
        message = "The references are being checked. Reload the page to see what was found."
        return rendering.redirect_with_message(request, message, version)
    return _render_drift(request, version, since)


@login_required
@require_safe
def drift_state(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """What the check that was requested at the time `since` has found; nothing while it runs."""
    version = get_version(request, **url_kwargs)
    since = parse_datetime(request.GET.get("since", ""))
    if not rendering.is_partial(request):
        return redirect(version)
    if _is_running(version, since):
        return HttpResponse(status=204)
    return rendering.add_htmx_trigger(_render_drift(request, version, None), **{"references-checked": True})


def _is_running(version: ArtifactVersion, since: datetime | None) -> bool:
    if since is None or since.tzinfo is None or timezone.now() - since > MAX_WAIT:
        return False
    return version.references_checked_at is None or version.references_checked_at < since


def _render_drift(request: HttpRequest, version: ArtifactVersion, since: datetime | None) -> HttpResponse:
    role = permissions.role_in(request.user, version.artifact.project.team)
    context = tab_contexts.version_context(version) | permissions.template_flags(role)
    context["checking_since"] = since.isoformat() if since else ""
    return rendering.render_page(request, "artifacts/version_drift.html", context)


def _added(request: HttpRequest, artifact: Artifact, draft: ArtifactVersion) -> HttpResponse:
    """To the draft; to HTMX the form again, empty, with the files that the draft has now."""
    if not rendering.is_partial(request):
        return redirect(f"{reverse('upload', args=artifact.url_args)}?version={draft.url_name}")
    context = upload.page_context(request, artifact, draft) | {"is_answer": True}
    response = rendering.render_page(request, "artifacts/references.html", context)
    return rendering.add_htmx_trigger(response, **{"draft-begun": str(draft.pk)})
