"""What a page is about, found by the names in its URL among what the reader may see; 404 otherwise."""

from uuid import UUID

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from accounts.models import Team
from artifacts.models import AliasProposal, AliasRule, Artifact


def get_proposal(request: HttpRequest, artifact: Artifact, pk: UUID) -> AliasProposal:
    """A proposal of that artifact, in whatever state."""
    return get_object_or_404(AliasProposal.objects.for_display(), artifact=artifact, pk=pk)


def get_rule(request: HttpRequest, team: str, pk: UUID) -> AliasRule:
    """A rule of the team, or of what it owns."""
    rule = get_object_or_404(AliasRule.objects.visible_to(request.user).for_display(), pk=pk)
    if rule.owner != Team.objects.named(team).first():
        raise Http404("Rule not found.")
    return rule
