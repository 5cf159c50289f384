"""Deciding about proposed moves of aliases, and withdrawing one's own."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.actor import Actor
from artifacts.aliases import proposals
from artifacts.models import AliasProposal
from web import rendering
from web.aliases import view_models
from web.aliases.forms import CommentForm
from web.aliases.lookups import get_proposal
from web.aliases.views.live_updates import render_changed_parts
from web.lineage import warnings
from web.rendering import post_data


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def approve(request: HttpRequest, proposal_id: UUID, **url_kwargs: str) -> HttpResponse:
    proposal = get_proposal(request, proposal_id, **url_kwargs)
    form = CommentForm(post_data(request))
    if _decide(request, form, proposals.approve, proposal):
        what = f"now points to {proposal.after}" if proposal.after else "deleted"
        return render_changed_parts(request, proposal.artifact, f"Approved: {proposal.alias} {what}.")
    left = [proposal.from_version] if proposal.from_version else []
    warning = warnings.of_versions(request.user, left, proposal.artifact)
    return _render_form(request, form, proposal, "Approve", warning=warning)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def reject(request: HttpRequest, proposal_id: UUID, **url_kwargs: str) -> HttpResponse:
    proposal = get_proposal(request, proposal_id, **url_kwargs)
    form = CommentForm(post_data(request))
    if _decide(request, form, proposals.reject, proposal):
        return render_changed_parts(request, proposal.artifact, f"Rejected: {proposal.alias} has not changed.")
    return _render_form(request, form, proposal, "Reject", danger=True)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, proposal_id: UUID, **url_kwargs: str) -> HttpResponse:
    proposal = get_proposal(request, proposal_id, **url_kwargs)
    form = CommentForm(post_data(request))
    if _decide(request, form, proposals.withdraw, proposal):
        return render_changed_parts(request, proposal.artifact, f"Withdrawn: {proposal.alias} has not changed.")
    return _render_form(request, form, proposal, "Withdraw", danger=True)


def _decide(request: HttpRequest, form: CommentForm, verb: Callable[..., Any], proposal: AliasProposal) -> bool:
    """Whether the form was sent, and the verb did not refuse."""
    if not form.is_valid():
        return False
    return form.attempt(verb, Actor.from_page(request), proposal, form.cleaned_data["comment"]) is not None


def _kind(proposal: AliasProposal) -> str:
    if proposal.is_rollback:
        return "rollback"
    if not proposal.after:
        return "deletion"
    return "move" if proposal.before else "creation"


def _render_form(
    request: HttpRequest,
    form: CommentForm,
    proposal: AliasProposal,
    action: str,
    danger: bool = False,
    warning: warnings.ImpactWarning | None = None,
) -> HttpResponse:
    viewer = view_models.Viewer(Actor.from_page(request), proposal.artifact)
    context = {
        "artifact": proposal.artifact,
        "project": proposal.artifact.project,
        "form": form,
        "pending": view_models.proposal_row(viewer, proposal),
        "preview": view_models.move_preview(viewer, proposal.alias, proposal.from_version, proposal.to_version),
        "heading": f"{action} the {_kind(proposal)} of {proposal.alias}?",
        "submit_label": action,
        "danger": danger,
        "warning": warning,
        "back": reverse("artifact-aliases", args=proposal.artifact.url_args),
        "active_nav": "artifacts",
    }
    return rendering.render_page(request, "aliases/proposal_form.html", context, status=422 if form.errors else 200)
