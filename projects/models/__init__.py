"""Models of projects and runs."""

from projects.models.project import Project, Visibility
from projects.models.run import Run, State

__all__ = ["Project", "Run", "State", "Visibility"]
