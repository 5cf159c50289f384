"""Deciding about moves that wait for a second person."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts.aliases import proposals
from artifacts.models import AliasProposal
from web import rendering
from web.aliases import view_models
from web.aliases.forms import CommentForm
from web.aliases.lookups import get_proposal
from web.aliases.views.aliases import post_data
from web.artifacts.lookups import get_artifact
from web.artifacts.views.live_updates import render_changed_parts


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def approve(request: HttpRequest, proposal_id: UUID, **names: str) -> HttpResponse:
    proposal = _find(request, proposal_id, **names)
    form = CommentForm(post_data(request))
    if form.is_valid():
        with form.keeping():
            proposals.approve(Actor.from_page(request), proposal, form.cleaned_data["comment"])
            what = f"is now at {proposal.after}" if proposal.after else "deleted"
            return render_changed_parts(request, proposal.artifact, f"Approved: {proposal.alias} {what}.")
    return _ask(request, form, proposal, "Approve")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def reject(request: HttpRequest, proposal_id: UUID, **names: str) -> HttpResponse:
    proposal = _find(request, proposal_id, **names)
    form = CommentForm(post_data(request))
    if form.is_valid():
        with form.keeping():
            proposals.reject(Actor.from_page(request), proposal, form.cleaned_data["comment"])
            return render_changed_parts(request, proposal.artifact, f"Rejected: {proposal.alias} stays where it is.")
    return _ask(request, form, proposal, "Reject", danger=True)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, proposal_id: UUID, **names: str) -> HttpResponse:
    proposal = _find(request, proposal_id, **names)
    form = CommentForm(post_data(request))
    if form.is_valid():
        with form.keeping():
            proposals.withdraw(Actor.from_page(request), proposal, form.cleaned_data["comment"])
            return render_changed_parts(request, proposal.artifact, f"Withdrawn: {proposal.alias} stays where it is.")
    return _ask(request, form, proposal, "Withdraw", danger=True)


def _find(request: HttpRequest, proposal_id: UUID, **names: str) -> AliasProposal:
    artifact = get_artifact(request, **names)
    permissions.require(Actor.from_page(request), artifact.project.team, Role.EDITOR)
    proposal = get_proposal(request, artifact, proposal_id)
    proposal.artifact = artifact
    return proposal


def _ask(
    request: HttpRequest, form: CommentForm, proposal: AliasProposal, verb: str, danger: bool = False
) -> HttpResponse:
    reader = view_models.Viewer(Actor.from_page(request), proposal.artifact)
    context = {
        "artifact": proposal.artifact,
        "project": proposal.artifact.project,
        "form": form,
        "waiting": view_models.proposal_row(reader, proposal),
        "plan": view_models.move_preview(reader, proposal.alias, proposal.from_version, proposal.to_version),
        "heading": f"{verb} the {'move' if proposal.after else 'deletion'} of {proposal.alias}?",
        "verb": verb,
        "danger": danger,
        "back": reverse("artifact-aliases", args=proposal.artifact.url_args),
        "place": "artifacts",
    }
    return rendering.render_page(request, "artifacts/proposal_form.html", context, status=422 if form.errors else 200)
