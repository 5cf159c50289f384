"""Every address of the server."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from api.schema import DocsView, SchemaView
from artifacts import health
from core import csp
from wanllmdb import error_views


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up. Whether it can work is another question."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether it can work: 503 without its database or store. Of workers it only tells, for pages do without them."""
    parts = health.parts()
    is_ready = not (parts["database"] or parts["store"])
    told = {name: sentence or "ok" for name, sentence in parts.items()}
    return JsonResponse(told, status=200 if is_ready else 503)


operators_pages, _, admin_name = admin.site.urls
# unfold's Alpine.js evaluates expressions from attributes, and its theme is a <style> in the page.
csp.extend_policy(
    {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"], "img-src": ["data:"]}, operators_pages
)

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("admin/", (operators_pages, "admin", admin_name)),
    path("api/v1/schema", SchemaView.as_view(), name="schema"),
    path("api/v1/docs", DocsView.as_view(url_name="schema"), name="docs"),
    # What runs ask for comes first: addresses are tried one after the other.
    path("api/v1/", include("api.artifacts.urls")),
    path("api/v1/", include("api.accounts.urls")),
    path("api/v1/", include("api.projects.urls")),
    path("api/v1/", include("api.notifications.urls")),
    path("", include("web.accounts.urls")),
    path("", include("web.notifications.urls")),
    path("", include("web.artifacts.urls")),
]

handler400 = error_views.bad_request
handler403 = error_views.permission_denied
handler404 = error_views.not_found
handler500 = error_views.server_error
