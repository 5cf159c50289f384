"""Versions, which are artifacts on the wire, by id, by name and by run; and what is said of each."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from graphql import GraphQLResolveInfo

from accounts.models import User
from artifacts.models import Artifact, ArtifactUsage, ArtifactVersion
from projects.models import Project, Run
from wandb_api import cursors, ids
from wandb_api.queries import memberships
from wandb_api.queries.memberships import Alias, Membership, Type
from wandb_api.resolvers import Resolvers

query = Resolvers("Query")
project = Resolvers("Project")
run = Resolvers("Run")
artifact = Resolvers("Artifact")

_STATES = {"draft": "PENDING", "finalized": "COMMITTED", "deleted": "DELETED"}
# Of a version that does not expire.
_NO_TTL = -2
# Runs that a version is told of at most: clients ask for all of them at once.
_MAX_RUNS = 1_000


@query(name="artifact")
def artifact_by_id(root: Any, info: GraphQLResolveInfo, id: str) -> ArtifactVersion | None:
    """The version of that id; of a draft that gave way to one of the same contents, that one. None where the caller
    sees none."""
    visible = ArtifactVersion.objects.visible_to(info.context.user).with_tag_lines()
    rows = visible.select_related("artifact__project__team", "created_by").prefetch_related("aliases")
    key = ids.decode("Artifact", id)
    gave_way = ArtifactVersion.objects.filter(pk=key, state=ArtifactVersion.State.DELETED)
    found = rows.filter(Q(pk=key) | Q(pk__in=gave_way.values("superseded_by"))).first() if key else None
    return memberships.artifact_of(info.context, found) if found else None


@project(name="artifact")
def artifact_by_name(
    row: Project, info: GraphQLResolveInfo, name: str, enable_tracking: bool | None = None
) -> ArtifactVersion | None:
    found = memberships.find_member(info.context, row, name)
    return found.artifact if found else None


@project
def artifact_collection_membership(row: Project, info: GraphQLResolveInfo, name: str) -> Membership | None:
    return memberships.find_member(info.context, row, name)


@run
def output_artifacts(
    row: Run, info: GraphQLResolveInfo, first: int | None = None, after: str | None = None
) -> dict[str, Any]:
    """What the run logged, also what a version had already."""
    return _of_run(info, Q(run=row) | Q(pk__in=row.outputs.values("version")), first, after)


@run
def input_artifacts(
    row: Run, info: GraphQLResolveInfo, first: int | None = None, after: str | None = None
) -> dict[str, Any]:
    """What the run used, of what the caller may see."""
    return _of_run(info, Q(usages__run=row), first, after)


def _of_run(info: GraphQLResolveInfo, condition: Q, first: int | None, after: str | None) -> dict[str, Any]:
    visible = ArtifactVersion.objects.visible_to(info.context.user).finalized().filter(condition)
    rows = memberships.versions().filter(pk__in=visible.values("pk")).order_by("id")
    return memberships.page(info.context, rows, first, after, total_count=visible.count())


@artifact(name="id")
def artifact_id(row: ArtifactVersion, info: GraphQLResolveInfo) -> str:
    return ids.encode("Artifact", row.pk)


@artifact
def artifact_sequence(row: ArtifactVersion, info: GraphQLResolveInfo) -> Artifact:
    return memberships.stand_in(row) if row.is_link else row.artifact


@artifact
def version_index(row: ArtifactVersion, info: GraphQLResolveInfo) -> int | None:
    return row.number


@artifact
def artifact_type(row: ArtifactVersion, info: GraphQLResolveInfo) -> Type:
    return Type(row.artifact.project, row.artifact.type, row.artifact.created_at)


@artifact
def description(row: ArtifactVersion, info: GraphQLResolveInfo) -> str | None:
    return row.description or None


@artifact
def ttl_duration_seconds(row: ArtifactVersion, info: GraphQLResolveInfo) -> int:
    return _NO_TTL if row.ttl is None else int(row.ttl.total_seconds())


@artifact
def ttl_is_inherited(row: ArtifactVersion, info: GraphQLResolveInfo) -> bool:
    """Of a collection nothing is inherited, so this says that nobody has set it."""
    return row.ttl is None


@artifact
def tags(row: ArtifactVersion, info: GraphQLResolveInfo) -> list[dict[str, Any]]:
    return memberships.tags(row.tags)


@artifact
def history_step(row: ArtifactVersion, info: GraphQLResolveInfo) -> int | None:
    return row.history_step


@artifact
def state(row: ArtifactVersion, info: GraphQLResolveInfo) -> str:
    return _STATES[row.state]


@artifact
def size(row: ArtifactVersion, info: GraphQLResolveInfo) -> int:
    return row.total_size


@artifact
def digest(row: ArtifactVersion, info: GraphQLResolveInfo) -> str:
    """That of its manifest, by md5; of a version whose md5 are not known yet our own."""
    return row.wire_digest or row.digest or ""


@artifact
def digest_algorithm(row: ArtifactVersion, info: GraphQLResolveInfo) -> str:
    return "MANIFEST_MD5"


@artifact
def commit_hash(row: ArtifactVersion, info: GraphQLResolveInfo) -> str:
    """Any text that stays."""
    return row.pk.hex


@artifact
def updated_at(row: ArtifactVersion, info: GraphQLResolveInfo) -> datetime:
    return row.touched_at


@artifact
def aliases(row: ArtifactVersion, info: GraphQLResolveInfo) -> list[Alias]:
    """In all collections that the caller sees; in a list in those of the version itself and of the list."""
    known: list[ArtifactVersion] | None = getattr(row, "known_links", None)
    rows = [row, *(memberships.links_of(info.context, row) if known is None else known)]
    return [alias for one in rows for alias in memberships.aliases_of(one)]


@artifact
def created_by(row: ArtifactVersion, info: GraphQLResolveInfo) -> Run | User | None:
    """The run that logged it, or else the user, of a link who linked it; None where the caller sees no such run."""
    if row.run_id is None:
        return row.created_by
    visible = Run.objects.visible_to(info.context.user).select_related("project__team", "created_by")
    return visible.filter(pk=row.run_id).first()


@artifact
def used_by(row: ArtifactVersion, info: GraphQLResolveInfo) -> dict[str, Any]:
    """The runs that used it or a link of it and that the caller may see, newest first."""
    user = info.context.user
    versions = ArtifactVersion.objects.visible_to(user).with_contents_of(row.pk)
    usages = ArtifactUsage.objects.filter(version__in=versions.values("pk"))
    runs = Run.objects.visible_to(user).filter(pk__in=usages.values("run")).select_related("project__team")
    return cursors.offset_page(info.context, runs.order_by("-id"), _MAX_RUNS, None)


@artifact
def artifact_memberships(row: ArtifactVersion, info: GraphQLResolveInfo) -> dict[str, Any]:
    """The one in the collection that made it, and its links in collections that the caller sees, newest first."""
    rows = [row, *memberships.links_of(info.context, row)] if row.is_finalized else []
    nodes = [Membership(one, row) for one in rows]
    return cursors.connection(nodes, [1] * len(nodes), False, total_count=len(nodes))
