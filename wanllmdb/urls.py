"""Every address of the server."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from accounts import csp
from accounts.api import problems
from accounts.api.schema import DocsView, SchemaView


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up. Whether it can work is another question."""
    return HttpResponse("ok\n", content_type="text/plain")


operators_pages, _, admin_name = admin.site.urls
# unfold's Alpine.js evaluates expressions from attributes, and its theme is a <style> in the page.
csp.under({"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"], "img-src": ["data:"]}, operators_pages)

urlpatterns = [
    path("search", RedirectView.as_view(pattern_name="artifacts"), name="search"),
    path("healthz", healthz, name="healthz"),
    path("admin/", (operators_pages, "admin", admin_name)),
    path("api/v1/schema", SchemaView.as_view(), name="schema"),
    path("api/v1/docs", DocsView.as_view(url_name="schema"), name="docs"),
    path("api/v1/", include("accounts.api.urls")),
    path("api/v1/", include("projects.api.urls")),
    path("api/v1/", include("artifacts.api.urls")),
    path("", include("accounts.web.urls")),
    path("", include("artifacts.web.urls")),
]

handler400 = problems.bad_request
handler403 = problems.permission_denied
handler404 = problems.not_found
handler500 = problems.server_error
