"""URLs of the pages about projects and their runs."""

from django.urls import path

from web.converters import PROJECT
from web.projects.views import projects, runs

urlpatterns = [
    path("projects/new", projects.project_new, name="project-new"),
    path(PROJECT, projects.overview, name="project"),
    path(f"{PROJECT}/members", projects.members, name="project-members"),
    path(f"{PROJECT}/settings", projects.settings, name="project-settings"),
    path(f"{PROJECT}/delete", projects.delete, name="project-delete"),
    path(f"{PROJECT}/runs", runs.run_list, name="project-runs"),
    path(f"{PROJECT}/run-tags", runs.tag_selected, name="runs-tag"),
    path(f"{PROJECT}/run-deletion", runs.delete_selected, name="runs-delete"),
    path(f"{PROJECT}/run-columns", runs.run_columns, name="run-columns"),
    path(f"{PROJECT}/runs/<str:name>", runs.run_page, name="run"),
    path(f"{PROJECT}/runs/<str:name>/edit", runs.edit, name="run-edit"),
    path(f"{PROJECT}/runs/<str:name>/delete", runs.delete, name="run-delete"),
]
