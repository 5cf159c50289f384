"""What people do with the invitations that they find in their inbox."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from accounts import invitations
from accounts.actor import Actor
from accounts.models import Invitation
from web import rendering


@login_required
@require_POST
def accept(request: HttpRequest, own_id: UUID) -> HttpResponse:
    team = invitations.accept_own(Actor.from_page(request), _get_own(request, own_id)).team
    return rendering.redirect_with_message(request, f"You joined team {team.name}.", team)


@login_required
@require_POST
def decline(request: HttpRequest, own_id: UUID) -> HttpResponse:
    invitation = _get_own(request, own_id)
    invitations.decline(Actor.from_page(request), invitation)
    message = f"You declined the invitation to team {invitation.team.name}."
    return rendering.redirect_with_message(request, message, "inbox")


def _get_own(request: HttpRequest, pk: UUID) -> Invitation:
    return get_object_or_404(Invitation.objects.pending_for(request.user).select_related("team", "created_by"), pk=pk)
