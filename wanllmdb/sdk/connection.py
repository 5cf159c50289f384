"""The settings in effect with the client and the console made from them: what every part of the SDK works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from wanllmdb.sdk import errors, settings
from wanllmdb.sdk.console import Console
from wanllmdb.sdk.http_client import Client
from wanllmdb.sdk.settings import Settings


@dataclass(frozen=True)
class Connection:
    """One server as one user sees it. Nothing is sent until it is needed."""

    settings: Settings

    def __copy__(self) -> Connection:
        return self

    def __deepcopy__(self, memo: object) -> Connection:
        return self

    def __reduce__(self) -> tuple[Callable[..., Connection], tuple[Settings]]:
        """A pickle may end up in any file, so it has no API key: who reads it uses the key of their own settings."""
        return _reconnect, (replace(self.settings, api_key=None),)

    def require_online(self, operation: str) -> None:
        """Raises `Invalid` in the modes `offline` and `disabled`."""
        if self.settings.mode != "online":
            raise errors.Invalid(f"{operation} needs a server, but the mode is {self.settings.mode!r}")

    @cached_property
    def client(self) -> Client:
        self.require_online("This operation")
        return Client(self.settings.base_url, self.settings.api_key)

    @cached_property
    def console(self) -> Console:
        return Console(silent=self.settings.silent)

    @cached_property
    def default_team(self) -> str:
        """The team of a project that is named without one: the entity of the settings, else the key's own team."""
        return self.settings.entity or str(self.client.get("/me")["default_team"])

    def full_project(self, project: str | None = None) -> str:
        """`team/project` for a project; missing parts come from the settings. Raises `Invalid` if there is none."""
        project = project or self.settings.project
        if not project:
            raise errors.Invalid("No project given: pass its full name (team/project), or set WANLLMDB_PROJECT")
        parts = project.split("/") if isinstance(project, str) else []
        if not 0 < len(parts) <= 2 or not all(parts):
            raise errors.Invalid(f"{project!r} is not a project name: use 'team/project' or 'project'")
        return project if len(parts) == 2 else f"{self.default_team}/{project}"

    def full_name(self, name: str, project: str | None = None) -> str:
        """`team/project/name:x` for an artifact name, whose `:x` is optional, relative to a project."""
        path, colon, version = name.partition(":") if isinstance(name, str) else ("", "", "")
        parts = path.split("/")
        if len(parts) > 3 or not all(parts) or (colon and not version):
            raise errors.Invalid(
                f"{name!r} is not an artifact name: use 'name', 'name:alias' or 'team/project/name:alias'"
            )
        if len(parts) == 3:
            return name
        if len(parts) == 2:
            team = (project or "").split("/")[0] or self.default_team
            return f"{team}/{name}"
        return f"{self.full_project(project)}/{name}"


def connect(**arguments: Any) -> Connection:
    """A connection from arguments, environment, config file and netrc; see `settings.load`."""
    return Connection(settings.load(**arguments))


def _reconnect(known: Settings) -> Connection:
    return Connection(replace(known, api_key=settings.load(base_url=known.base_url, mode=known.mode).api_key))
