"""Links in portfolios, which are our collections: made, and taken out again."""

from typing import Any

from django.db.models import Q
from graphql import GraphQLResolveInfo

from accounts import permissions
from accounts.models import Role
from artifacts import errors, links
from artifacts.models import Artifact, ArtifactVersion, ClientId
from projects import projects
from wandb_api import ids, registries
from wandb_api.context import Context
from wandb_api.queries import memberships
from wandb_api.resolvers import Resolvers

mutation = Resolvers("Mutation")


@mutation
def link_artifact(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Link a version in the portfolio of that id or of that name, which is made if there is none, and so is its
    project, unless it is a registry. Safe to repeat."""
    context = info.context
    version = _version(context, input)
    aliases = [one["alias"] for one in input.get("aliases") or ()]
    if input.get("artifact_portfolio_id"):
        row = links.link(context.actor, version, _portfolio(context, input), aliases=aliases)
    else:
        full_name = f"{input.get('entity_name') or context.default_entity}/{input.get('project_name') or ''}"
        is_made = not (input.get("project_name") or "").startswith(registries.PREFIX)
        project = (projects.get_or_create if is_made else projects.get)(context.actor, full_name)
        name = input.get("artifact_portfolio_name") or ""
        row = links.link_by_name(context.actor, version, project, name, aliases=aliases)
    row = memberships.versions().get(pk=row.pk)
    return {"version_index": row.number, "artifact_membership": memberships.membership(context, row)}


@mutation
def unlink_artifact(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Take a version out of a portfolio. A second time is a success.

    Old clients send it for `delete()` of a version that they found by its name, where it is refused.
    """
    context = info.context
    portfolio = _portfolio(context, input)
    permissions.require(context.actor, portfolio.project.team, Role.EDITOR)
    key = ids.decode("Artifact", input["artifact_id"])
    rows = portfolio.versions.finalized().filter(linked_version__isnull=False)
    row = rows.filter(Q(pk=key) | Q(linked_version=key)).first() if key else None
    if row:
        row.artifact = portfolio
        links.unlink(context.actor, row)
    return {"success": True, "artifact_id": input["artifact_id"]}


def _portfolio(context: Context, input: dict[str, Any]) -> Artifact:
    rows = Artifact.objects.visible_to(context.user).select_related("project__team")
    id = input["artifact_portfolio_id"]
    if ids.find(rows, "ArtifactSequence", id):
        raise errors.LinkRefused(
            "A version cannot be linked to, or unlinked from, an artifact that versions are logged to: a portfolio "
            "has links, and to take a version out of its own artifact, delete it."
        )
    return ids.get(rows, "ArtifactPortfolio", id, "Portfolio")


def _version(context: Context, input: dict[str, Any]) -> ArtifactVersion:
    """By its id, or as the client that logged it called it. Raises `Missing`."""
    rows = ArtifactVersion.objects.visible_to(context.user).select_related("artifact__project__team")
    if input.get("artifact_id"):
        return ids.get(rows, "Artifact", input["artifact_id"], "Artifact")
    known = ClientId.objects.filter(value=input.get("client_id") or "").select_related("version").first()
    version = known and known.version
    row = rows.filter(pk=version.superseded_by_id or version.pk).first() if version else None
    if row is None:
        raise errors.Missing("The version to link was not found: it was not logged, or you have no access.")
    return row
