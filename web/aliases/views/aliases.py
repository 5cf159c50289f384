"""The aliases of an artifact, and forms to add, move, roll back, swap and delete them.

Each form shows what would change before it does.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actor import Actor
from accounts.models import Role
from artifacts.aliases import aliases, proposals, suggestions
from artifacts.models import AliasProposal, Artifact, ArtifactVersion
from web import rendering
from web.aliases import tab_contexts, view_models
from web.aliases.forms import AddForm, MoveForm, OneAliasForm, SwapForm
from web.aliases.views.live_updates import render_changed_parts
from web.artifacts.lookups import get_artifact, get_artifact_for_display
from web.lineage import warnings
from web.rendering import post_data

DELETE = "Delete"
MAX_FOUND_VERSIONS = 30


@login_required
@require_safe
def alias_list(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact_for_display(request, **url_kwargs)
    context = tab_contexts.aliases(request, artifact, request.GET)
    return rendering.render_page(request, "aliases/aliases.html", context)


@login_required
@require_safe
def history(request: HttpRequest, alias: str, **url_kwargs: str) -> HttpResponse:
    """The drawer, or a page of its own that can be sent to somebody."""
    if rendering.is_partial(request):
        artifact = get_artifact(request, **url_kwargs)
        context = tab_contexts.alias_history(request, artifact, alias, request.GET)
    else:
        artifact = get_artifact_for_display(request, **url_kwargs)
        context = tab_contexts.alias_history_page(request, artifact, alias, request.GET)
    return rendering.render_page(request, "aliases/alias_history.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    form = AddForm(artifact, "", post_data(request), initial=_initial(request, artifact))
    if _is_submitted(request, form) and (message := _move_or_propose(request, form)):
        return render_changed_parts(request, artifact, message)
    suggested = suggestions.suggest(artifact) if not _is_preview_only(request) else []
    return _render_form(request, form, "Add alias", form.target, suggestions=suggested)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, alias: str, **url_kwargs: str) -> HttpResponse:
    """To a version that is chosen, or to the one that the query string names, such as `?version=v3`."""
    artifact = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    form = MoveForm(artifact, alias, post_data(request), initial=_initial(request, artifact))
    form.leave_out_current()
    if _is_submitted(request, form) and (message := _move_or_propose(request, form)):
        return render_changed_parts(request, artifact, message)
    return _render_form(request, form, f"Move alias {alias}", form.target)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rollback(request: HttpRequest, alias: str, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    form = OneAliasForm(artifact, alias, post_data(request))
    before = aliases.version_before(artifact, alias)
    if _is_submitted(request, form) and (message := _roll_back_or_propose(request, form)):
        return render_changed_parts(request, artifact, message)
    return _render_form(request, form, f"Roll back alias {alias}?", before, "Roll back")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, alias: str, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    form = OneAliasForm(artifact, alias, post_data(request))
    aliases.get(artifact, alias)
    if _is_submitted(request, form) and (message := _delete_or_propose(request, form)):
        return render_changed_parts(request, artifact, message)
    heading = f"Are you sure you want to delete alias '{alias}'?"
    return _render_form(request, form, heading, None, DELETE)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def swap(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    form = SwapForm(post_data(request), initial=request.GET.dict())
    if form.is_valid() and "preview" not in request.POST:
        one, other = form.cleaned_data["one"], form.cleaned_data["other"]
        if moves := form.attempt(aliases.swap, _actor(request, form), artifact, one, other):
            where = ", ".join(f"{move.alias.alias} → {move.alias.version.version}" for move in moves)
            return render_changed_parts(request, artifact, f"Swapped: {where}.")
    return _render_swap(request, artifact, form)


def _initial(request: HttpRequest, artifact: Artifact) -> dict[str, Any]:
    """What a form shows at first: what the query string says, or the newest version."""
    return {"version": artifact.latest_version or ""} | request.GET.dict()


def _is_submitted(request: HttpRequest, form: OneAliasForm) -> bool:
    """Whether the change is to be made: without script, the button `Preview` only asks what it would be."""
    return form.is_valid() and "preview" not in request.POST


def _is_preview_only(request: HttpRequest) -> bool:
    """Whether the form that is open asks again for what would change, and for nothing else."""
    return "plan" in request.GET and rendering.is_partial(request)


def _is_proposal(request: HttpRequest) -> bool:
    return "propose" in request.POST


def _submit_label(preview: view_models.MovePreview, action: str) -> str:
    """What the button does, which for some people is to propose it."""
    if preview.may_move:
        return action or ("Move" if preview.current else "Add")
    if action == DELETE:
        return "Propose deletion"
    return "Propose move" if preview.current else "Propose alias"


def _warning(
    request: HttpRequest, artifact: Artifact, *previews: view_models.MovePreview
) -> warnings.ImpactWarning | None:
    """What was made from the versions that protected aliases would leave."""
    left = [each.current for each in previews if each.protection and each.current and not each.is_unchanged]
    return warnings.of_versions(request.user, left, artifact)


def _actor(request: HttpRequest, form: OneAliasForm | SwapForm) -> Actor:
    return Actor.from_page(request, form.cleaned_data["reason"])


# Each of these returns the message that says what was done, or nothing where the verb refused: the form says why.


def _move_or_propose(request: HttpRequest, form: MoveForm) -> str:
    if _is_proposal(request):
        return _propose(request, form, proposals.propose, form.target)
    arguments = (_actor(request, form), form.artifact, form.alias, form.target, form.expectation)
    result = form.attempt(aliases.move, *arguments)
    if result is None:
        return ""
    if result.before is None:
        return f"Alias {form.alias} assigned to {form.target.version}."
    return f"Alias {form.alias} moved from {result.before.version} to {form.target.version}."


def _roll_back_or_propose(request: HttpRequest, form: OneAliasForm) -> str:
    if _is_proposal(request):
        return _propose(request, form, proposals.propose_rollback, form.expectation)
    result = form.attempt(aliases.rollback, _actor(request, form), form.artifact, form.alias, form.expectation)
    return f"Alias {form.alias} rolled back to {result.alias.version.version}." if result else ""


def _delete_or_propose(request: HttpRequest, form: OneAliasForm) -> str:
    if _is_proposal(request):
        return _propose(request, form, proposals.propose, None)
    result = form.attempt(aliases.remove, _actor(request, form), form.artifact, form.alias, form.expectation)
    return f"Alias {form.alias} deleted." if result else ""


def _propose(request: HttpRequest, form: OneAliasForm, verb: Callable[..., AliasProposal], argument: Any) -> str:
    proposal = form.attempt(verb, _actor(request, form), form.artifact, form.alias, argument)
    if proposal is None:
        return ""
    what = f"{'back ' if proposal.is_rollback else ''}to {proposal.after}" if proposal.after else "to be deleted"
    return f"Proposed: {form.alias} {what}. Waiting for a reviewer."


def _render_form(
    request: HttpRequest,
    form: OneAliasForm,
    heading: str,
    target: ArtifactVersion | None,
    action: str = "",
    **context: Any,
) -> HttpResponse:
    """The form, with what would change: nothing has yet."""
    viewer = view_models.Viewer(Actor.from_page(request), form.artifact)
    preview = view_models.move_preview(viewer, form.alias, form.current, target)
    choices: list[ArtifactVersion] = []
    if isinstance(form, MoveForm):
        # Where not all are offered at first, those follow that fit what is typed.
        if not _is_preview_only(request):
            choices = view_models.version_choices(form.artifact, target)
        elif form.artifact.version_count > view_models.MAX_VERSION_CHOICES:
            typed = (form["version"].value() or "").strip()
            choices = view_models.version_choices(form.artifact, target, limit=MAX_FOUND_VERSIONS, search=typed)
    context |= {
        "artifact": form.artifact,
        "project": form.artifact.project,
        "form": form,
        "heading": heading,
        "preview": preview,
        "warning": _warning(request, form.artifact, preview),
        "is_deletion": action == DELETE,
        "submit_label": _submit_label(preview, action),
        "version_choices": choices,
        "is_preview_only": _is_preview_only(request),
        "back": reverse("artifact-aliases", args=form.artifact.url_args),
        "active_nav": "artifacts",
    }
    is_refused = bool(form.errors) and "preview" not in request.POST
    template = "aliases/move_preview.html" if _is_preview_only(request) else "aliases/alias_form.html"
    return rendering.render_page(request, template, context, status=422 if is_refused else 200)


def _render_swap(request: HttpRequest, artifact: Artifact, form: SwapForm) -> HttpResponse:
    viewer = view_models.Viewer(Actor.from_page(request), artifact)
    one, other = ((form[name].value() or "").strip() for name in ("one", "other"))
    previews = view_models.swap_previews(viewer, one, other)
    context = {"previews": previews, "warning": _warning(request, artifact, *previews)}
    if _is_preview_only(request):
        return rendering.render_page(request, "aliases/swap_preview.html", context)
    rows = artifact.alias_set.for_display().order_by("sort_key")[: view_models.MAX_ALIAS_CHOICES]
    context |= {"artifact": artifact, "project": artifact.project, "form": form, "aliases": rows}
    context |= {"back": reverse("artifact-aliases", args=artifact.url_args), "active_nav": "artifacts"}
    is_refused = bool(form.errors) and "preview" not in request.POST
    return rendering.render_page(request, "aliases/alias_swap.html", context, status=422 if is_refused else 200)
