"""Projects, and the runs that log into them."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "projects"
