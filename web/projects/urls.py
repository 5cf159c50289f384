"""URLs of the pages about projects."""

from django.urls import path

from web.converters import PROJECT
from web.projects.views import projects

urlpatterns = [
    path("projects/new", projects.project_new, name="project-new"),
    path(PROJECT, projects.overview, name="project"),
    path(f"{PROJECT}/members", projects.members, name="project-members"),
    path(f"{PROJECT}/settings", projects.settings, name="project-settings"),
    path(f"{PROJECT}/delete", projects.delete, name="project-delete"),
]
