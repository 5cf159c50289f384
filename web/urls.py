"""Every page. No two patterns match the same URL: the first word of each is reserved in `accounts.validators`."""

from django.urls import include, path

from web import home, search

urlpatterns = [
    path("", home.home, name="home"),
    path("home/production", home.production, name="home-production"),
    path("home/first-steps/hide", home.hide_first_steps, name="first-steps-hide"),
    path("search", search.search, name="search"),
    path("", include("web.accounts.urls")),
    path("", include("web.aliases.urls")),
    path("", include("web.artifacts.urls")),
    path("", include("web.external_stores.urls")),
    path("", include("web.hierarchies.urls")),
    path("", include("web.lineage.urls")),
    path("", include("web.notifications.urls")),
    path("", include("web.projects.urls")),
    path("", include("web.registry.urls")),
    path("", include("web.runs.urls")),
]
