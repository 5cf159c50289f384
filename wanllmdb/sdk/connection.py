"""What every face holds on to: the settings in force, the client, and the console."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from wanllmdb.sdk import errors, settings
from wanllmdb.sdk.client import Client
from wanllmdb.sdk.console import Console


@dataclass(frozen=True)
class Connection:
    """One server as one user sees it. Nothing is sent before it is needed."""

    settings: settings.Settings

    def need_server(self, act: str) -> None:
        """Raises `Invalid` in mode `disabled`."""
        if self.settings.mode == "disabled":
            raise errors.Invalid(f"{act} needs a server, and the mode is 'disabled'")

    @cached_property
    def client(self) -> Client:
        self.need_server("This")
        return Client(self.settings.base_url, self.settings.api_key)

    @cached_property
    def console(self) -> Console:
        return Console(silent=self.settings.silent)

    @cached_property
    def default_team(self) -> str:
        """Where a project without a team is looked for: the entity of the settings, else the key's own team."""
        return self.settings.entity or str(self.client.get("/me")["default_team"])

    def full_project(self, project: str | None = None) -> str:
        """`team/project` for a project, with what is missing taken from the settings. Raises `Invalid` for none."""
        project = project or self.settings.project
        if not project:
            raise errors.Invalid("Which project? Name it in full (team/project), or set WANLLMDB_PROJECT")
        parts = project.split("/")
        if len(parts) > 2 or not all(parts):
            raise errors.Invalid(f"{project!r} is not a project: it should look like 'team/project' or 'project'")
        return project if len(parts) == 2 else f"{self.default_team}/{project}"

    def full_name(self, name: str, project: str | None = None) -> str:
        """`team/project/name:x` for an artifact's name, whose `:x` is optional, seen from a project."""
        place, mark, version = name.partition(":")
        parts = place.split("/")
        if len(parts) > 3 or not all(parts) or (mark and not version):
            raise errors.Invalid(
                f"{name!r} is not an artifact: it should look like 'name', 'name:alias' or 'team/project/name:alias'"
            )
        if len(parts) == 3:
            return name
        if len(parts) == 2:
            team = (project or "").split("/")[0] or self.default_team
            return f"{team}/{name}"
        return f"{self.full_project(project)}/{name}"


def connect(**arguments: Any) -> Connection:
    """A connection by arguments, environment, config file and netrc; see `settings.load`."""
    return Connection(settings.load(**arguments))
