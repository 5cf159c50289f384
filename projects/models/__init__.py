"""Models of projects and runs."""

from projects.models.environment import RunEnvironment
from projects.models.project import Project, Visibility
from projects.models.run import Resume, Run, State

__all__ = [
    "Project",
    "Resume",
    "Run",
    "RunEnvironment",
    "State",
    "Visibility",
]
