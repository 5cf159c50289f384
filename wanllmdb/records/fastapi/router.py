"""`ArtifactRouter`: the API of a hierarchy as a FastAPI router."""

import json
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from ulid import ULID

from wanllmdb.records.errors import IdTaken, InvalidData, OperationDisabled, RecordNotFound
from wanllmdb.records.fastapi import downloads
from wanllmdb.records.fastapi.bodies import (
    BatchRequest,
    Bodies,
    DeleteRequest,
    ExpandRequest,
    TreeRequest,
    page_type,
    refer_to_earlier,
    schema_of,
)
from wanllmdb.records.fastapi.problems import ProblemRoute
from wanllmdb.records.hierarchy import MAX_LEVELS
from wanllmdb.records.ids import new_ulid
from wanllmdb.records.manager import ArtifactManager
from wanllmdb.records.repository import MAX_PAGE_SIZE, UNSET, Filters, StoredRecord, Unset
from wanllmdb.records.schemas import ArtifactIn, ArtifactOut, Ulid, to_ulid

OPERATIONS = ("create", "update", "delete", "list", "read", "tree", "expand", "download", "import", "export")
DEFAULT_PAGE_SIZE = 50
RecordId = Annotated[Ulid, Path(description="A ULID, in upper or lower case")]
MaxDepth = Annotated[int | None, Query(ge=0, le=MAX_LEVELS, description="All levels if absent")]


class ArtifactRouter:
    """Makes routers; it has no state."""

    @classmethod
    def create(
        cls,
        prefix: str,
        tags: Sequence[str | Enum],
        manager_factory: Callable[..., Any],
        entity_in_type: type[ArtifactIn] = ArtifactIn,
        entity_out_type: type[BaseModel] = ArtifactOut,
        *,
        permissions: Mapping[str, bool] | None = None,
    ) -> APIRouter:
        """A router for `app.include_router`.

        `manager_factory` is a dependency that returns an `ArtifactManager`. Of the types, the first checks what is
        sent, the second describes what is answered. Operations that `permissions` has as false are answered with 405.
        """
        unknown = set(permissions or ()) - set(OPERATIONS)
        if unknown:
            raise ValueError(f"permissions: {min(unknown)!r} is none of {', '.join(OPERATIONS)}")
        router = APIRouter(prefix=prefix, tags=list(tags), route_class=ProblemRoute)
        endpoints = _Endpoints(router, manager_factory, entity_in_type, entity_out_type, permissions or {})
        # Paths with a fixed word come before those with an id, which would match them too.
        for add in (
            endpoints.add_lists,
            endpoints.add_batches,
            endpoints.add_transfers,
            endpoints.add_trees,
            endpoints.add_records,
        ):
            add()
        return router


class _Endpoints:
    """Adds the endpoints of one router, which are closures: FastAPI reads the types from their signatures."""

    def __init__(
        self,
        router: APIRouter,
        manager_factory: Callable[..., Any],
        in_type: type[ArtifactIn],
        out_type: type[BaseModel],
        permissions: Mapping[str, bool],
    ) -> None:
        self.router, self.in_type, self.out_type, self.permissions = router, in_type, out_type, permissions
        self.depends: Any = Depends(manager_factory)

    def get(self, path: str, operation: str, **options: Any) -> Callable[[Callable[..., Any]], None]:
        """Add a GET, and the HEAD that answers the same without a body."""

        def add(endpoint: Callable[..., Any]) -> None:
            options.setdefault("dependencies", [Depends(self._require(operation))])
            self.router.get(path, **options)(endpoint)
            self.router.head(path, include_in_schema=False, dependencies=options["dependencies"])(endpoint)

        return add

    def change(self, method: str, path: str, operation: str, **options: Any) -> Callable[[Callable[..., Any]], None]:
        dependencies = [Depends(self._require(operation))]

        def add(endpoint: Callable[..., Any]) -> None:
            # What is sent is checked as what the router was made for.
            of_ours = {name: self.in_type for name, kind in endpoint.__annotations__.items() if kind is ArtifactIn}
            endpoint.__annotations__.update(of_ours)
            self.router.add_api_route(path, endpoint, methods=[method], dependencies=dependencies, **options)

        return add

    def _require(self, operation: str) -> Callable[[], None]:
        def require() -> None:
            if not self.permissions.get(operation, True):
                raise OperationDisabled(f"The operation {operation!r} is switched off here", status=405)

        return require

    def add_lists(self) -> None:
        depends, out_type = self.depends, self.out_type

        @self.get("", "list", response_model=page_type(out_type))
        async def list_records(
            request: Request,
            manager: ArtifactManager = depends,
            page: Annotated[int, Query(ge=1, le=2**31 - 1)] = 1,
            size: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = DEFAULT_PAGE_SIZE,
            envelope: Annotated[bool, Query(description="`false` for the items alone")] = True,
            level: Annotated[int | None, Query(ge=0, lt=MAX_LEVELS)] = None,
            parent_id: Annotated[str | None, Query(description="An id, or `null` for the roots")] = None,
            type: Annotated[str | None, Query(max_length=64)] = None,
            tag: Annotated[str | None, Query(max_length=64)] = None,
            ids: Annotated[str | None, Query(description="Ids with commas between them")] = None,
        ) -> Response:
            """List records, oldest first. `data.experiment_name=x` finds those whose data has this member."""
            bodies = Bodies(out_type, manager.rules)
            if ids is not None:
                wanted = [to_ulid(text.strip()) for text in ids.split(",") if text.strip()]
                if len(wanted) > MAX_PAGE_SIZE:
                    raise InvalidData(f"ids: ask for at most {MAX_PAGE_SIZE} records by their ids", status=400)
                found = await manager.repository.find(wanted)
                total = len(found)
            else:
                filters = Filters(level=level, parent_id=_parent(parent_id), type=type, tag=tag, data=_members(request))
                found, total = await manager.repository.find_page(page, size, filters)
            items = [bodies.record(record) for record in found]
            if not envelope:
                return JSONResponse(items)
            pages = -(-total // size)
            return JSONResponse({"items": items, "total": total, "page": page, "size": size, "pages": pages})

        @self.change("POST", "", "create", status_code=201, response_model=out_type)
        async def create_record(request: Request, entity: ArtifactIn, manager: ArtifactManager = depends) -> Response:
            """Create a record, as a root or below another one."""
            if entity.id is not None and await manager.exists_by_id(entity.id):
                raise IdTaken(f"There is a record {entity.id} already", status=409)
            saved = await manager.save(entity)
            body = Bodies(out_type, manager.rules).record(await _find(manager, saved.id))
            return JSONResponse(body, 201, headers={"Location": f"{request.url.path.rstrip('/')}/{saved.id}"})

        @self.get("/$schema", "read", response_model=dict[str, Any])
        async def get_schema(manager: ArtifactManager = depends) -> Response:
            """The JSON schema of a record."""
            return JSONResponse(schema_of(out_type, manager.rules))

    def add_batches(self) -> None:
        depends, out_type = self.depends, self.out_type

        @self.change("POST", "/$batch", "create", status_code=201, response_model=dict[str, Any])
        async def create_batch(batch: BatchRequest, manager: ArtifactManager = depends) -> Response:
            """Create up to 1,000 records: all of them, or none. `parent_id` may be `#3`, the fourth of them."""
            entities = []
            bodies = refer_to_earlier(batch.items, [str(new_ulid()) for _ in batch.items])
            for place, body in enumerate(bodies):
                try:
                    entities.append(self.in_type.model_validate(body))
                except ValidationError as error:
                    raise InvalidData(f"items.{place}: {error.errors()[0]['msg']}", status=400) from error
            ids = [entity.id for entity in entities if entity.id is not None]
            if taken := await manager.repository.find(ids):
                raise IdTaken(f"There is a record {taken[0].id} already", status=409)
            await manager.save_all(entities)
            answers = Bodies(out_type, manager.rules)
            items = [answers.record(record) for record in await manager.repository.find(ids)]
            return JSONResponse({"items": items}, 201)

        @self.change("POST", "/$delete", "delete", response_model=dict[str, int])
        async def delete_records(batch: DeleteRequest, manager: ArtifactManager = depends) -> dict[str, int]:
            """Delete up to 1,000 records: all of them, or none. Children may be among them."""
            ids = list(dict.fromkeys(batch.ids))
            found = {record.id for record in await manager.repository.find(ids)}
            if missing := [id for id in ids if id not in found]:
                raise _no_record(missing[0])
            await manager.delete_all_by_id(ids)
            return {"deleted": len(ids)}

    def add_transfers(self) -> None:
        depends = self.depends

        @self.get("/$export", "export", response_class=Response)
        async def export_records(
            manager: ArtifactManager = depends,
            after: Annotated[Ulid | None, Query(description="Continue behind this record")] = None,
        ) -> Response:
            """Export all records as JSON Lines, with their bytes in base64."""
            return downloads.export(manager, after)

        @self.change("POST", "/$import", "import", status_code=201, response_model=dict[str, int])
        async def import_records(request: Request, manager: ArtifactManager = depends) -> dict[str, int]:
            """Create the records of an export: all of them, or none."""
            try:
                return {"imported": await downloads.import_lines(manager, request)}
            except downloads.ImportTooLarge as error:
                limit = downloads.MAX_IMPORT_BYTES // 2**20
                raise HTTPException(413, f"At most {limit} MiB are imported in one request") from error

    def add_trees(self) -> None:
        depends, out_type = self.depends, self.out_type

        @self.change("POST", "/$tree", "tree", response_model=dict[str, Any])
        async def build_tree(body: TreeRequest, manager: ArtifactManager = depends) -> Response:
            """Show the tree below a record."""
            return JSONResponse(await _tree(manager, out_type, body.root_id, body.max_depth))

        @self.change("POST", "/$expand", "expand", response_model=dict[str, Any])
        async def expand(body: ExpandRequest, manager: ArtifactManager = depends) -> Response:
            """Show a record with all above and below it."""
            return JSONResponse(await _expanded(manager, out_type, body.artifact_id))

        @self.get("/{record_id}/$tree", "tree", response_model=dict[str, Any])
        async def get_tree(
            record_id: RecordId, manager: ArtifactManager = depends, max_depth: MaxDepth = None
        ) -> Response:
            """Show the tree below a record."""
            return JSONResponse(await _tree(manager, out_type, record_id, max_depth))

        @self.get("/{record_id}/$expand", "expand", response_model=dict[str, Any])
        async def get_expanded(record_id: RecordId, manager: ArtifactManager = depends) -> Response:
            """Show a record with all above and below it."""
            return JSONResponse(await _expanded(manager, out_type, record_id))

    def add_records(self) -> None:
        depends, out_type = self.depends, self.out_type

        @self.get("/{record_id}/$download", "download", response_class=Response)
        async def download(
            request: Request,
            record_id: RecordId,
            manager: ArtifactManager = depends,
            pointer: Annotated[str | None, Query(description="Where the value is in `data` (RFC 6901)")] = None,
            format: Annotated[Literal["csv", "json", "parquet"] | None, Query(description="Of a data frame")] = None,
        ) -> Response:
            """Download the bytes of a value that is not JSON, or the data if all of it is."""
            record = await _find(manager, record_id)
            accept = request.headers.get("Accept", "")
            return await downloads.download(manager, record, pointer, format, accept)

        @self.get("/{record_id}/$metadata", "read", response_model=dict[str, Any])
        async def get_metadata(record_id: RecordId, manager: ArtifactManager = depends) -> Response:
            """The `metadata` of a record's data; an empty object where it has none."""
            return JSONResponse(downloads.metadata_of((await _find(manager, record_id)).data))

        @self.get("/{record_id}", "read", response_model=out_type)
        async def get_record(record_id: RecordId, manager: ArtifactManager = depends) -> Response:
            """Show a record."""
            return JSONResponse(Bodies(out_type, manager.rules).record(await _find(manager, record_id)))

        @self.change("PUT", "/{record_id}", "update", response_model=out_type)
        async def update_record(
            record_id: RecordId, entity: ArtifactIn, manager: ArtifactManager = depends
        ) -> Response:
            """Replace the data. With `parent_id`, move the record too: null makes it a root."""
            await _find(manager, record_id)
            await manager.save(entity.model_copy(update={"id": record_id}))
            return JSONResponse(Bodies(out_type, manager.rules).record(await _find(manager, record_id)))

        @self.change("DELETE", "/{record_id}", "delete", status_code=204)
        async def delete_record(record_id: RecordId, manager: ArtifactManager = depends) -> None:
            """Delete a record without children."""
            await _find(manager, record_id)
            await manager.delete_by_id(record_id)


async def _find(manager: ArtifactManager, record_id: ULID) -> StoredRecord:
    found = await manager.repository.find([record_id])
    if not found:
        raise _no_record(record_id)
    return found[0]


async def _tree(
    manager: ArtifactManager, out_type: type[BaseModel], record_id: ULID, max_depth: int | None
) -> dict[str, Any]:
    records = await manager.repository.find_subtree(record_id, max_depth)
    if not records:
        raise _no_record(record_id)
    return Bodies(out_type, manager.rules).tree(records)


async def _expanded(manager: ArtifactManager, out_type: type[BaseModel], record_id: ULID) -> dict[str, Any]:
    records = await manager.repository.find_subtree(record_id)
    if not records:
        raise _no_record(record_id)
    ancestors = await manager.repository.find_ancestors(record_id)
    return Bodies(out_type, manager.rules).expanded(ancestors, records)


def _no_record(record_id: ULID) -> RecordNotFound:
    return RecordNotFound(f"There is no record {record_id}", status=404)


def _parent(text: str | None) -> ULID | Unset | None:
    if text is None:
        return UNSET
    return None if text == "null" else to_ulid(text)


def _members(request: Request) -> dict[str, Any]:
    """Of `data.a.b=1`: numbers, `true`, `false` and `null` are what they are in JSON, anything else is a text."""
    return {
        name.removeprefix("data."): _scalar(text)
        for name, text in request.query_params.items()
        if name.startswith("data.")
    }


def _scalar(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, str | list | dict) else value
