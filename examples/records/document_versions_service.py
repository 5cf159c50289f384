"""A service that keeps documents and all of their versions, and tells two versions apart.

    pip install ".[records-service]" uvicorn
    uvicorn --app-dir examples/records document_versions_service:app

    curl -s localhost:8000/projects -H 'Content-Type: application/json' -d '{"name": "Handbook"}'

Projects are on level 0, documents on level 1, versions on level 2. A version is never changed: saving a document again
adds one. `/docs` shows the endpoints below and those of the records themselves, under `/api/v1/artifacts`.
"""

import asyncio
import difflib
import os
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, Field

from wanllmdb.records import ArtifactHierarchy, ArtifactIn, ArtifactManager, ArtifactOut
from wanllmdb.records.fastapi import mount

URL = os.environ.get("RECORDS_URL", "sqlite:///documents.db")
HIERARCHY = ArtifactHierarchy(name="documents", level_labels={0: "project", 1: "document", 2: "version"})
PROJECT, DOCUMENT = 0, 1

app = FastAPI(title="Document versions")
Documents = Annotated[ArtifactManager, Depends(mount(app, URL, HIERARCHY, display_name="Document versions"))]
# Two people who save a document at once get two numbers. With several processes, let one of them number the versions.
numbering = asyncio.Lock()


class NewProject(BaseModel):
    name: str = Field(min_length=1, max_length=200)


class NewDocument(BaseModel):
    title: str = Field(min_length=1, max_length=200)


class NewVersion(BaseModel):
    content: str
    author: str = Field(min_length=1, max_length=200)
    note: str = ""


@app.post("/projects", status_code=201)
async def create_project(project: NewProject, documents: Documents) -> dict[str, Any]:
    return flat(await documents.save(ArtifactIn(data=project.model_dump())))


@app.post("/projects/{project_id}/documents", status_code=201)
async def create_document(project_id: str, document: NewDocument, documents: Documents) -> dict[str, Any]:
    project = await find(documents, project_id, PROJECT)
    return flat(await documents.save(ArtifactIn(parent_id=project.id, data=document.model_dump())))


@app.post("/documents/{document_id}/versions", status_code=201)
async def create_version(document_id: str, version: NewVersion, documents: Documents) -> dict[str, Any]:
    document = await find(documents, document_id, DOCUMENT)
    async with numbering:
        number = len(await versions_of(documents, document)) + 1
        data = {"version": number, **version.model_dump()}
        return flat(await documents.save(ArtifactIn(parent_id=document.id, data=data)))


@app.get("/documents/{document_id}")
async def get_document(document_id: str, documents: Documents) -> dict[str, Any]:
    document = await find(documents, document_id, DOCUMENT)
    versions = await versions_of(documents, document)
    return {**flat(document), "latest": flat(versions[-1]) if versions else None, "versions": len(versions)}


@app.get("/documents/{document_id}/versions")
async def list_versions(document_id: str, documents: Documents) -> list[dict[str, Any]]:
    """The history of a document, without its contents."""
    document = await find(documents, document_id, DOCUMENT)
    rows = [flat(version) for version in await versions_of(documents, document)]
    return [{name: value for name, value in row.items() if name != "content"} for row in rows]


@app.get("/documents/{document_id}/versions/{number}")
async def get_version(document_id: str, number: int, documents: Documents) -> dict[str, Any]:
    document = await find(documents, document_id, DOCUMENT)
    return flat(pick(await versions_of(documents, document), number))


@app.get("/documents/{document_id}/diff")
async def compare_versions(document_id: str, old: int, new: int, documents: Documents) -> dict[str, Any]:
    document = await find(documents, document_id, DOCUMENT)
    versions = await versions_of(documents, document)
    lines = [pick(versions, number).data["content"].splitlines() for number in (old, new)]
    return {"old": old, "new": new, "diff": list(difflib.unified_diff(*lines, f"v{old}", f"v{new}", lineterm=""))}


async def find(documents: ArtifactManager, record_id: str, level: int) -> ArtifactOut:
    record = await documents.find_by_id(record_id)
    if record is None or record.level != level:
        raise HTTPException(404, f"There is no {HIERARCHY.label_for(level)} {record_id}.")
    return record


async def versions_of(documents: ArtifactManager, document: ArtifactOut) -> list[ArtifactOut]:
    """All versions, the first one first: a ULID sorts by the time at which it was made."""
    return await documents.find_all(parent_id=document.id)


def pick(versions: list[ArtifactOut], number: int) -> ArtifactOut:
    if not 1 <= number <= len(versions):
        raise HTTPException(404, f"There is no version {number}: this document has {len(versions)}.")
    return versions[number - 1]


def flat(record: ArtifactOut) -> dict[str, Any]:
    """A record as this service shows it."""
    row = record.model_dump(mode="json", include={"id", "parent_id", "created_at"})
    return {**row, **record.data}
