"""What the official `wandb` client reads of projects, a line of JSON each. It runs where that client is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import wandb

API = wandb.Api()


def run_of(path: str) -> dict[str, Any]:
    run = API.run(path)
    columns = ("name", "displayName", "state", "createdAt", "heartbeatAt", "tags", "notes", "group", "jobType")
    return {
        **{column: run._attrs.get(column) for column in columns},
        "config": run.rawconfig,
        "summary": run._attrs["summaryMetrics"],
        "history": list(run.scan_history()),
        "system": run.history(stream="system", pandas=False, samples=1000),
        "files": sorted((file.name, file.size, file.md5) for file in run.files()),
        "logged": sorted(artifact.name for artifact in run.logged_artifacts()),
        "used": sorted(artifact.name for artifact in run.used_artifacts()),
    }


def version_of(artifact: wandb.Artifact) -> dict[str, Any]:
    ttl, run = artifact.ttl, artifact.logged_by()
    root = artifact.download(root=f"down/{artifact.qualified_name}") if artifact.type != "dataset" else ""
    # A reference to a version is another one in each project.
    entries = [(entry.path, entry.digest, entry.size) for entry in artifact.manifest.entries.values()]
    return {
        "name": artifact.name,
        "said": [artifact.digest, artifact.description, artifact.metadata, artifact.history_step],
        "labels": [sorted(artifact.aliases), sorted(artifact.tags), None if ttl is None else str(ttl)],
        "run": run and run.id,
        "source": artifact.source_name,
        "entries": sorted(entries),
        "bytes": {path.name: path.read_text() for path in sorted(Path(root).rglob("*.txt"))} if root else {},
    }


def describe(project: str) -> dict[str, Any]:
    collections = [each for kind in API.artifact_types(project) for each in kind.collections()]
    pointer = API.artifact(f"{project}/pointers:v0").get_entry("theirs.txt").download(root=f"down/{project}")
    return {
        "runs": [run_of("/".join(run.path)) for run in API.runs(project, order="+created_at")],
        "artifacts": {each.name: [each.type, each.description, sorted(each.tags)] for each in collections},
        "versions": [version_of(version) for each in collections for version in each.artifacts()],
        "pointed": Path(pointer).read_text(),
    }


for path in sys.argv[1:]:
    print(json.dumps(describe(path), sort_keys=True))
