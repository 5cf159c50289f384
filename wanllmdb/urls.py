"""Every URL of the server."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from api.schema import SchemaView, docs
from artifacts import health
from core import csp
from wanllmdb import error_views
from wanllmdb.metrics import metrics


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
    payload = {name: problem or "ok" for name, problem in parts.items()}
    return JsonResponse(payload, status=200 if is_ready else 503)


admin_pages, _, admin_name = admin.site.urls
csp.extend_policy(csp.ADMIN_EXCEPTIONS, admin_pages)

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    # Passwords are changed in one place, where the current one cannot be guessed.
    path("admin/password_change/", RedirectView.as_view(pattern_name="password")),
    path("admin/", (admin_pages, "admin", admin_name)),
    path("api/v1/schema", SchemaView.as_view(), name="schema"),
    path("api/v1/docs", docs, name="docs"),
    path("api/v1/", include("api.urls")),
    path("h/", include("api.hierarchies.record_urls")),
    path("", include("wandb_api.urls")),
    path("", include("web.urls")),
]

handler400 = error_views.bad_request
handler403 = error_views.permission_denied
handler404 = error_views.not_found
handler500 = error_views.server_error
