"""The schema with its resolvers."""

from pathlib import Path

from graphql import build_schema

from accounts.models import User
from artifacts.models import Artifact
from projects.models import Run
from wandb_api import resolvers, scalars
from wandb_api.mutations import aliases as alias_mutations
from wandb_api.mutations import artifacts as artifact_mutations
from wandb_api.mutations import collections as collection_mutations
from wandb_api.mutations import links as link_mutations
from wandb_api.mutations import people as people_mutations
from wandb_api.mutations import projects as project_mutations
from wandb_api.mutations import runs as run_mutations
from wandb_api.mutations import uploads
from wandb_api.queries import (
    artifacts,
    collections,
    files,
    people,
    projects,
    registries,
    run_files,
    run_streams,
    runs,
    server,
)
from wandb_api.resolvers import Resolvers

_MODULES = (
    people, projects, registries, server, project_mutations, artifacts, collections, files, artifact_mutations,
    alias_mutations, collection_mutations, people_mutations, link_mutations, runs, run_files, run_streams,
    run_mutations, uploads,
)  # fmt: skip
# Of rows that stand where the schema has a union or an interface.
_TYPES = {Artifact: collections.wire_type, Run: "Run", User: "User"}

SCHEMA = build_schema(Path(__file__).with_name("schema.graphql").read_text())
scalars.bind(SCHEMA)
resolvers.bind(
    SCHEMA, (value for module in _MODULES for value in vars(module).values() if isinstance(value, Resolvers)), _TYPES
)
