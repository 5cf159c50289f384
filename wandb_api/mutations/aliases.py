"""Aliases of a version: added and removed together, all of them or none."""

from typing import Any

from graphql import GraphQLResolveInfo

from artifacts import errors, validators
from artifacts.aliases import aliases
from artifacts.models import Artifact, ArtifactVersion
from projects.models import Project
from wandb_api import ids
from wandb_api.context import Context
from wandb_api.resolvers import Resolvers

mutation = Resolvers("Mutation")

_MAX_ALIASES = 200


@mutation
def add_aliases(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Move the aliases to the version, or make them. Safe to repeat."""
    version, names = _read(info.context, input)
    if version is None:
        return {"success": True}
    for name in names:
        if validators.version_number(name) is not None:
            raise errors.InvalidName(f"{name!r} cannot be an alias: names of this form are those of versions.")
    aliases.update_many(info.context.actor, version.artifact, dict.fromkeys(names, version))
    return {"success": True}


@mutation
def delete_aliases(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Remove those of the aliases that the version has. Safe to repeat."""
    version, names = _read(info.context, input)
    if version is None:
        return {"success": True}
    has = version.artifact.alias_set.filter(version=version, alias__in=names).values_list("alias", flat=True)
    found = list(has)
    # One that somebody moves to another version at this moment stays there.
    expected = dict.fromkeys(found, version.pk)
    aliases.update_many(info.context.actor, version.artifact, dict.fromkeys(found, None), expected)
    return {"success": True}


def _read(context: Context, input: dict[str, Any]) -> tuple[ArtifactVersion | None, list[str]]:
    """The version as it stands in the collection, or None where nothing is asked, and the aliases there.

    Raises `Missing`, and `Invalid` for a collection that does not have it, or for several at once.
    """
    visible = ArtifactVersion.objects.visible_to(context.user).select_related("artifact__project__team")
    version = ids.get(visible, "Artifact", input["artifact_id"], "Artifact")
    if len(input["aliases"]) > _MAX_ALIASES:
        raise errors.Invalid(f"At most {_MAX_ALIASES} aliases are changed at once.")
    places = {_place(context, one) for one in input["aliases"]}
    if len(places) > 1:
        raise errors.Invalid("Aliases of one collection are changed at once: send those of each by themselves.")
    member = next((_member(context, version, *place) for place in places), None)
    return member, list(dict.fromkeys(one["alias"] for one in input["aliases"]))


def _member(context: Context, version: ArtifactVersion, entity: str, project: str, name: str) -> ArtifactVersion:
    found = Project.objects.visible_to(context.user).named(f"{entity}/{project}")
    collection = Artifact.objects.named(found, name) if found else None
    if found is None or collection is None:
        raise errors.Missing(f"{entity}/{project}/{name} not found: it was deleted, or you don't have access.")
    if collection == version.artifact:
        return version
    contents = ArtifactVersion.objects.finalized().with_contents_of(version.contents_id)
    member = contents.filter(artifact=collection).first()
    if member is None:
        raise errors.Invalid(f"{version.title} of {version.artifact.name!r} is not in {name!r}.")
    collection.project = found
    member.artifact = collection
    return member


def _place(context: Context, one: dict[str, Any]) -> tuple[str, str, str]:
    return one["entity_name"] or context.default_entity, one["project_name"], one["artifact_collection_name"]
