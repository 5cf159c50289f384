"""What a page is about, found by the names in its URL among what the reader may see; 404 otherwise."""

from uuid import UUID

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role, Team
from artifacts.models import AliasProposal, AliasRule
from web.artifacts.lookups import get_artifact


def get_proposal(request: HttpRequest, proposal_id: UUID, **url_kwargs: str) -> AliasProposal:
    """A proposal of the artifact that the URL names, in whatever state. 403 for readers who are no editors."""
    artifact = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    proposal = get_object_or_404(AliasProposal.objects.for_display(), artifact=artifact, pk=proposal_id)
    proposal.artifact = artifact
    return proposal


def get_managed_rule(request: HttpRequest, team: str, pk: UUID) -> AliasRule:
    """A rule of the team, or of what it owns. 403 for readers who see it but are no admins of the team."""
    rule = get_object_or_404(AliasRule.objects.visible_to(request.user).for_display(), pk=pk)
    if rule.owner != Team.objects.by_name(team).first():
        raise Http404("Rule not found.")
    permissions.require(Actor.from_page(request), rule.owner, Role.ADMIN)
    return rule
