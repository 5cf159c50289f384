"""Adding, moving, rolling back, swapping and deleting aliases. Each form says what would change before it does."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts.aliases import aliases, proposals, suggestions
from artifacts.models import Artifact, ArtifactVersion
from web import rendering
from web.aliases import timeline, view_models
from web.aliases.forms import AddForm, MoveForm, OneAliasForm, SwapForm
from web.artifacts.lookups import get_artifact, get_artifact_for_display
from web.artifacts.views.live_updates import render_changed_parts

DELETE = "Delete"


@login_required
@require_safe
def history(request: HttpRequest, alias: str, **names: str) -> HttpResponse:
    """The drawer, or a page of its own that can be sent to somebody."""
    if rendering.is_partial(request):
        context = timeline.timeline_context(request, get_artifact(request, **names), alias)
    else:
        context = timeline.page(request, get_artifact_for_display(request, **names), alias)
    return rendering.render_page(request, "artifacts/alias_history.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, **names: str) -> HttpResponse:
    artifact = _find_mine(request, **names)
    form = AddForm(artifact, "", post_data(request), initial=_asked(request, artifact))
    if _is_meant(request, form):
        with form.keeping():
            return _move(request, form)
    hints = suggestions.suggest(artifact) if not _is_about_plan(request) else []
    return _ask(request, form, "Add alias", form.to, suggestions=hints)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, alias: str, **names: str) -> HttpResponse:
    """To a version that is chosen, or to the one in the address, such as `?version=v3`."""
    artifact = _find_mine(request, **names)
    form = MoveForm(artifact, alias, post_data(request), initial=_asked(request, artifact))
    if _is_meant(request, form):
        with form.keeping():
            return _move(request, form)
    return _ask(request, form, f"Move alias {alias}", form.to)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rollback(request: HttpRequest, alias: str, **names: str) -> HttpResponse:
    artifact = _find_mine(request, **names)
    form = OneAliasForm(artifact, alias, post_data(request))
    before = aliases.version_before(artifact, alias)
    if _is_meant(request, form):
        with form.keeping():
            if _is_proposal(request):
                return _propose(request, form, before)
            done = aliases.rollback(_actor(request, form), artifact, alias, form.expectation)
            return render_changed_parts(
                request, artifact, f"Alias {alias} rolled back to {done.alias.version.version}."
            )
    return _ask(request, form, f"Roll back alias {alias}?", before, "Roll back")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, alias: str, **names: str) -> HttpResponse:
    artifact = _find_mine(request, **names)
    form = OneAliasForm(artifact, alias, post_data(request))
    aliases.get(artifact, alias)
    if _is_meant(request, form):
        with form.keeping():
            if _is_proposal(request):
                return _propose(request, form, None)
            aliases.remove(_actor(request, form), artifact, alias, form.expectation)
            return render_changed_parts(request, artifact, f"Alias {alias} deleted.")
    heading = f"Are you sure you want to delete alias '{alias}'?"
    return _ask(request, form, heading, None, DELETE)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def swap(request: HttpRequest, **names: str) -> HttpResponse:
    artifact = _find_mine(request, **names)
    form = SwapForm(post_data(request), initial=request.GET.dict())
    if form.is_valid():
        with form.keeping():
            one, other = form.cleaned_data["one"], form.cleaned_data["other"]
            moves = aliases.swap(_actor(request, form), artifact, one, other)
            where = " and ".join(f"{each.alias.alias} is at {each.alias.version.version}" for each in moves)
            return render_changed_parts(request, artifact, f"Swapped: {where} now.")
    known = artifact.alias_set.select_related("version").order_by("alias")[: view_models.ALIASES_OFFERED]
    context = {"artifact": artifact, "project": artifact.project, "form": form, "known": known}
    context |= {"back": reverse("artifact-aliases", args=artifact.url_args), "place": "artifacts"}
    return rendering.render_page(request, "artifacts/alias_swap.html", context, status=422 if form.is_bound else 200)


def post_data(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _find_mine(request: HttpRequest, **names: str) -> Artifact:
    artifact = get_artifact(request, **names)
    permissions.require(Actor.from_page(request), artifact.project.team, Role.EDITOR)
    return artifact


def _asked(request: HttpRequest, artifact: Artifact) -> dict[str, Any]:
    """What a form shows at first: what its address says, or the newest version."""
    return {"version": artifact.latest_version or ""} | request.GET.dict()


def _is_meant(request: HttpRequest, form: OneAliasForm) -> bool:
    """Whether it is to be done: without script, `Preview` only asks what it would mean."""
    return form.is_valid() and "preview" not in request.POST


def _is_about_plan(request: HttpRequest) -> bool:
    """Whether only what would change is asked for again, by the form that is open."""
    return "plan" in request.GET and rendering.is_partial(request)


def _is_proposal(request: HttpRequest) -> bool:
    return "propose" in request.POST


def _submit_label(plan: view_models.MovePreview, verb: str) -> str:
    """What the button says: what it does, which for some people is to propose it."""
    if plan.may_move:
        return verb or ("Move" if plan.at else "Add")
    if verb == DELETE:
        return "Propose deletion"
    return "Propose move" if plan.at else "Propose alias"


def _actor(request: HttpRequest, form: Any) -> Actor:
    return Actor.from_page(request, form.cleaned_data["reason"])


def _move(request: HttpRequest, form: MoveForm) -> HttpResponse:
    if _is_proposal(request):
        return _propose(request, form, form.to)
    to = form.to
    done = aliases.move(_actor(request, form), form.artifact, form.alias, to, form.expectation)
    sentence = f"Alias {form.alias} assigned to {to.version}." if done.before is None else (
        f"Alias {form.alias} moved from {done.before.version} to {to.version}."
    )  # fmt: skip
    return render_changed_parts(request, form.artifact, sentence)


def _propose(request: HttpRequest, form: OneAliasForm, to: ArtifactVersion | None) -> HttpResponse:
    proposals.propose(_actor(request, form), form.artifact, form.alias, to)
    what = f"to {to.version}" if to else "to be deleted"
    return render_changed_parts(request, form.artifact, f"Proposed: {form.alias} {what}. Waiting for a reviewer.")


def _ask(
    request: HttpRequest, form: OneAliasForm, heading: str, to: ArtifactVersion | None, verb: str = "", **more: Any
) -> HttpResponse:
    """The form, with what would change: nothing has yet."""
    reader = view_models.Viewer(Actor.from_page(request), form.artifact)
    offered = (
        view_models.version_choices(form.artifact, to)
        if isinstance(form, MoveForm) and not _is_about_plan(request)
        else []
    )
    plan = view_models.move_preview(reader, form.alias, form.at, to)
    context = {
        "artifact": form.artifact,
        "project": form.artifact.project,
        "form": form,
        "heading": heading,
        "plan": plan,
        "goes": verb == DELETE,
        "submit_label": _submit_label(plan, verb),
        "offered": offered,
        "back": reverse("artifact-aliases", args=form.artifact.url_args),
        "place": "artifacts",
    }
    is_refused = bool(form.errors) and "preview" not in request.POST
    template = "move_preview" if _is_about_plan(request) else "alias_form"
    return rendering.render_page(
        request, f"artifacts/{template}.html", context | more, status=422 if is_refused else 200
    )
