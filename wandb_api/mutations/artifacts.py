"""What clients change of versions: use, describe, delete."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from graphql import GraphQLResolveInfo

from accounts import permissions
from accounts.models import Role
from artifacts import errors, validators, versions
from artifacts.lineage import usages
from artifacts.models import Artifact, ArtifactVersion
from core.validators import validate_json_object
from projects.models import Project, Run
from wandb_api import ids
from wandb_api.context import Context
from wandb_api.queries import memberships
from wandb_api.resolvers import Resolvers

mutation = Resolvers("Mutation")

# What `ttlDurationSeconds` is beside a number of seconds. Of a collection nothing is inherited.
_INHERIT, _OFF = -1, -2


@mutation
def use_artifact(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Record that the run uses the version. Safe to repeat, also once the run has ended."""
    context: Context = info.context
    version = _get(context, input["artifact_id"])
    full_name = context.full_name(input["entity_name"], input["project_name"])
    project = Project.objects.visible_to(context.user).named(full_name)
    run = Run.objects.called(project, input["run_name"]) if project else None
    if project is None or run is None:
        raise errors.Missing(
            f"Run {full_name}/{input['run_name']} not found: it was deleted, or you don't have access."
        )
    run.project = project
    used_as = input.get("used_as")
    names = used_as if used_as and validators.is_alias(used_as) else None
    usages.use_version(context.actor, run, _as_named(context, version, input, names), requested_as=names)
    return {"artifact": version}


@mutation
def update_artifact(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Change what is said of a version, all of it or nothing; what is null stays as it is."""
    version = _get(info.context, input["artifact_id"])
    changes: dict[str, Any] = {}
    if input.get("description") is not None:
        changes["description"] = input["description"]
    if input.get("metadata") is not None:
        changes["metadata"] = _metadata(input["metadata"])
    if input.get("ttl_duration_seconds") is not None:
        changes["ttl"] = _ttl(input["ttl_duration_seconds"])
    if input.get("aliases") is not None:
        changes["aliases"] = _own_aliases(version, input["aliases"])
    for name, key in (("add_tags", "tags_to_add"), ("remove_tags", "tags_to_delete")):
        changes[name] = tag_names(input.get(key))
    versions.describe(info.context.actor, version, **changes)
    return {"artifact": memberships.artifact_of(info.context, _get(info.context, input["artifact_id"]))}


@mutation
def delete_artifact(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete a version or a draft. A second time is a success."""
    context: Context = info.context
    rows = ArtifactVersion.objects.filter(artifact__in=Artifact.objects.visible_to(context.user))
    version = ids.get(rows.select_related("artifact__project__team"), "Artifact", input["artifact_id"], "Artifact")
    # What was deleted is told of to whoever could delete it, and to nobody else.
    permissions.require(context.actor, version.artifact.project.team, Role.EDITOR)
    if version.state != ArtifactVersion.State.DELETED:
        delete_aliases = bool(input.get("delete_aliases"))
        versions.delete(context.actor, version, delete_aliases=delete_aliases, keep_latest=True)
        version.state = ArtifactVersion.State.DELETED
    return {"artifact": version}


def tag_names(tags: list[dict[str, Any]] | None) -> list[str]:
    """The names of `TagInput`s; what category they are of is not kept."""
    return validators.check_tags(one["tag_name"] for one in tags or ())


def _get(context: Context, artifact_id: str) -> ArtifactVersion:
    visible = ArtifactVersion.objects.visible_to(context.user).with_tag_lines().prefetch_related("aliases")
    rows = visible.select_related("artifact__project__team", "created_by")
    return ids.get(rows, "Artifact", artifact_id, "Artifact")


def _as_named(context: Context, version: ArtifactVersion, input: dict[str, Any], alias: str | None) -> ArtifactVersion:
    """The link of the version in the project that the client named it by, if it is no other's own."""
    full_name = f"{input.get('artifact_entity_name')}/{input.get('artifact_project_name')}"
    if version.is_link or full_name == version.artifact.project.full_name:
        return version
    named = Project.objects.visible_to(context.user).named(full_name)
    links = ArtifactVersion.objects.finalized().filter(linked_version=version, artifact__project=named)
    links = links.select_related("artifact__project__team").order_by("-id")
    return links.filter(aliases__alias=alias).first() or links.first() or version


def _metadata(value: Any) -> dict[str, Any]:
    try:
        return validate_json_object(value)
    except ValidationError as error:
        raise errors.Invalid(f"Metadata: {error.messages[0]}") from error


def _ttl(seconds: int) -> timedelta | None:
    if seconds in (_INHERIT, _OFF):
        return None
    if not 0 < seconds <= validators.MAX_TTL.total_seconds():
        raise errors.Invalid("A TTL is longer than nothing, and at most 100 years.")
    return timedelta(seconds=seconds)


def _own_aliases(version: ArtifactVersion, aliases: list[dict[str, Any]]) -> list[str]:
    """All that it shall have in the artifact that made it; its number, which clients count among them, is none."""
    own = [one["alias"] for one in aliases if one["artifact_collection_name"] == version.artifact.name]
    return [alias for alias in dict.fromkeys(own) if alias != version.version]
