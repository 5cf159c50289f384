"""Deciding about moves that wait for a second person."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import permissions
from accounts.models import Role
from accounts.origin import Origin
from accounts.web import pages
from artifacts import proposals
from artifacts.models import AliasProposal
from artifacts.web import board
from artifacts.web.alias_forms import CommentForm
from artifacts.web.finding import find_bare_artifact, find_proposal
from artifacts.web.views.aliases import posted
from artifacts.web.views.news import changed


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def approve(request: HttpRequest, proposal_id: UUID, **names: str) -> HttpResponse:
    proposal = _find(request, proposal_id, **names)
    form = CommentForm(posted(request))
    if form.is_valid():
        with form.keeping():
            proposals.approve(request.user, proposal, Origin.of_page(request), form.cleaned_data["comment"])
            what = f"is now at {proposal.after}" if proposal.after else "deleted"
            return changed(request, proposal.artifact, f"Approved: {proposal.alias} {what}.")
    return _ask(request, form, proposal, "Approve")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def reject(request: HttpRequest, proposal_id: UUID, **names: str) -> HttpResponse:
    proposal = _find(request, proposal_id, **names)
    form = CommentForm(posted(request))
    if form.is_valid():
        with form.keeping():
            proposals.reject(request.user, proposal, form.cleaned_data["comment"])
            return changed(request, proposal.artifact, f"Rejected: {proposal.alias} stays where it is.")
    return _ask(request, form, proposal, "Reject", danger=True)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, proposal_id: UUID, **names: str) -> HttpResponse:
    proposal = _find(request, proposal_id, **names)
    form = CommentForm(posted(request))
    if form.is_valid():
        with form.keeping():
            proposals.withdraw(request.user, proposal, form.cleaned_data["comment"])
            return changed(request, proposal.artifact, f"Withdrawn: {proposal.alias} stays where it is.")
    return _ask(request, form, proposal, "Withdraw", danger=True)


def _find(request: HttpRequest, proposal_id: UUID, **names: str) -> AliasProposal:
    artifact = find_bare_artifact(request, **names)
    permissions.require(request.user, artifact.project.team, Role.EDITOR)
    proposal = find_proposal(request, artifact, proposal_id)
    proposal.artifact = artifact
    return proposal


def _ask(
    request: HttpRequest, form: CommentForm, proposal: AliasProposal, verb: str, danger: bool = False
) -> HttpResponse:
    reader = board.Reader(request.user, proposal.artifact)
    context = {
        "artifact": proposal.artifact,
        "project": proposal.artifact.project,
        "form": form,
        "waiting": board.one_waiting(reader, proposal),
        "plan": board.plan(reader, proposal.alias, proposal.from_version, proposal.to_version),
        "heading": f"{verb} the {'move' if proposal.after else 'deletion'} of {proposal.alias}?",
        "verb": verb,
        "danger": danger,
        "back": reverse("artifact-aliases", args=proposal.artifact.url_args),
        "place": "artifacts",
    }
    return pages.answer(request, "artifacts/proposal_form.html", context, status=422 if form.errors else 200)
