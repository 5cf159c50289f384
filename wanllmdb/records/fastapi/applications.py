"""`mount`: a hierarchy as part of an application, with all that belongs to it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI

from wanllmdb import __version__
from wanllmdb.records.connections import connect
from wanllmdb.records.fastapi.problems import ProblemRoute
from wanllmdb.records.fastapi.router import ArtifactRouter
from wanllmdb.records.hierarchy import ArtifactHierarchy
from wanllmdb.records.manager import ArtifactManager

ManagerFactory = Callable[[], Awaitable[ArtifactManager]]


def mount(
    app: FastAPI,
    url: str,
    hierarchy: ArtifactHierarchy | None = None,
    *,
    prefix: str = "/api/v1/artifacts",
    display_name: str = "",
    summary: str = "",
    permissions: Mapping[str, bool] | None = None,
    **options: Any,
) -> ManagerFactory:
    """Serve the records at `url` under `prefix`, with `/health` and `/api/v1/info`.

    The application opens the records when it starts and closes them when it ends; `options` are those of `connect`.
    Returns the dependency with which other endpoints get the manager. `permissions` switches operations off, such as
    `{"delete": False}`.
    """
    opened: list[ArtifactManager] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with connect(url, hierarchy=hierarchy, **options) as manager:
            opened.append(manager)
            try:
                yield
            finally:
                opened.clear()

    async def get_manager() -> ArtifactManager:
        if not opened:
            raise RuntimeError("The records are not open: the application has not been started, or it has ended")
        return opened[0]

    service = APIRouter(tags=["Service"], lifespan=lifespan, route_class=ProblemRoute)

    @service.get("/health")
    async def health() -> dict[str, Any]:
        """Tell whether the records can be reached."""
        await (await get_manager()).count()
        return {"status": "healthy", "checks": {"database": {"state": "healthy"}}}

    @service.get("/api/v1/info")
    async def info() -> dict[str, Any]:
        """Describe the service and its hierarchy."""
        of = (await get_manager()).rules
        return {
            "display_name": display_name or of.name,
            "version": __version__,
            "summary": summary,
            "hierarchy": of.model_dump(mode="json"),
        }

    app.include_router(service)
    app.include_router(
        ArtifactRouter.create(prefix=prefix, tags=["Artifacts"], manager_factory=get_manager, permissions=permissions)
    )
    return get_manager
