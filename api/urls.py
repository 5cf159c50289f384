"""Every URL under /api/v1/. Those that runs ask for come first: they are tried one after the other."""

from django.urls import include, path

urlpatterns = [
    path("", include("api.artifacts.urls")),
    path("", include("api.aliases.urls")),
    path("", include("api.lineage.urls")),
    path("", include("api.accounts.urls")),
    path("", include("api.projects.urls")),
    path("", include("api.runs.urls")),
    path("", include("api.external_stores.urls")),
    path("", include("api.hierarchies.urls")),
    path("", include("api.notifications.urls")),
    path("", include("api.server.urls")),
]
