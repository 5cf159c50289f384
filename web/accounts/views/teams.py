"""Teams, their members, and invitations to them."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import invitation_emails, invitations, permissions, teams
from accounts.actor import Actor
from accounts.models import Role, Team
from artifacts import activity
from core import mail
from projects.models import Project
from web import deletion, rendering, tables
from web.accounts.forms import InvitationForm, MemberForm, RoleForm, TeamForm
from web.accounts.lookups import get_invitation, get_member, get_team
from web.accounts.members import member_list_context

PAGE_SIZE = 50
# The strongest role comes first in the alphabet too.
_ORDERINGS = {
    "name": Lower("name"),
    "role": "role",
    "members": activity.TEAM_MEMBERS,
    "projects": activity.TEAM_PROJECTS,
}
_COLUMNS = (
    ("name", "Name", ""),
    ("role", "Your role", "tight"),
    ("members", "Members", "number"),
    ("projects", "Projects", "number"),
)


@login_required
@require_safe
def team_list(request: HttpRequest) -> HttpResponse:
    """Those that the reader is in, the personal one first, or as the reader sorts them."""
    view = tables.chosen(request.GET, (), _ORDERINGS)
    rows = Team.objects.visible_to(request.user).order_by("-is_personal", "name")
    page = rendering.paginate(request.GET, tables.sort(rows, view, _ORDERINGS), PAGE_SIZE)
    context = {"page": page, "counts": activity.team_counts(page), "sort": view.sort, "columns": _COLUMNS}
    context["active_nav"] = "teams"
    return rendering.render_page(request, "accounts/teams.html", context)


@login_required
@require_safe
def team_page(request: HttpRequest, team: str) -> HttpResponse:
    context = member_list_context(request, get_team(request, team)) | {"active_nav": "teams"}
    return rendering.render_page(request, "accounts/team.html", context)


@login_required
@require_safe
def team_above_projects(request: HttpRequest, team: str) -> HttpResponse:
    """From the beginning of the URL of a project to the page of its team."""
    return redirect(get_team(request, team))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def team_new(request: HttpRequest) -> HttpResponse:
    form = TeamForm(request.POST or None)
    if form.is_valid():
        team = teams.create(Actor.from_page(request), **form.cleaned_data)
        return rendering.redirect_with_message(request, "Team created. Invite your teammates.", team)
    return rendering.render_form(request, form, "New team", submit_label="Create", back="teams")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def team_edit(request: HttpRequest, team: str) -> HttpResponse:
    team = get_team(request, team, role=Role.ADMIN)
    form = TeamForm(request.POST or None, initial={"name": team.name, "display_name": team.display_name})
    if form.is_valid():
        teams.update(Actor.from_page(request), team, **form.cleaned_data)
        return rendering.redirect_with_message(request, "Saved.", team)
    return rendering.render_form(request, form, f"Edit team {team.name}", submit_label="Save", back=team)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def team_delete(request: HttpRequest, team: str) -> HttpResponse:
    team = get_team(request, team, role=Role.ADMIN)
    if request.method == "POST":
        teams.delete(Actor.from_page(request), team)
        return rendering.redirect_with_message(request, f"Team {team.name} deleted.", "profile")
    owned = Project.objects.filter(team=team).select_related("team").order_by("name")
    count = owned.count()
    refusals = [f"Team {team.name} still has {count} project{'s' if count > 1 else ''}: delete them first."]
    message = "Its rules and invitations are deleted with it. Its members keep their accounts."
    options = {"submit_label": "Delete", "back": team, "danger": True, "refusals": refusals if count else []}
    options["facts"] = deletion.of_projects(owned, count) if count else []
    return rendering.render_form(request, None, f"Delete team {team.name}?", message, **options)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def member_add(request: HttpRequest, team: str) -> HttpResponse:
    team = get_team(request, team, role=Role.ADMIN)
    form = MemberForm(request.POST or None)
    if form.is_valid():
        invitation = invitations.invite_user(
            Actor.from_page(request), team, form.cleaned_data["username"], form.cleaned_data["role"]
        )
        message = f"Invitation for {invitation.username} created. If this user exists, it is in their inbox."
        return rendering.redirect_with_message(request, message, _return_url(request, team))
    message = "The invitation appears in the user's inbox. They join by accepting it."
    return rendering.render_form(
        request, form, f"Add a member to {team.name}", message, submit_label="Invite", back=_return_url(request, team)
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def member_role(request: HttpRequest, team: str, username: str) -> HttpResponse:
    row = get_team(request, team, role=Role.ADMIN)
    member = get_member(request, team, username)
    form = RoleForm(request.POST or None, initial={"role": member.role})
    if form.is_valid():
        member = teams.change_role(Actor.from_page(request), member, form.cleaned_data["role"])
        return rendering.redirect_with_message(
            request, f"The role of {username} is now {member.get_role_display().lower()}.", _return_url(request, row)
        )
    return rendering.render_form(
        request, form, f"Role of {username}", submit_label="Change", back=_return_url(request, row)
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def member_remove(request: HttpRequest, team: str, username: str) -> HttpResponse:
    """Take somebody out, or leave."""
    member = get_member(request, team, username)
    is_leaving = member.user_id == request.user.pk
    if not is_leaving:
        permissions.require(Actor.from_page(request), member.team, Role.ADMIN)
    if request.method == "POST":
        teams.remove_member(Actor.from_page(request), member)
        message = f"You left team {team}." if is_leaving else f"{username} removed from team {team}."
        return rendering.redirect_with_message(
            request, message, reverse("home") if is_leaving else _return_url(request, member.team)
        )
    heading = f"Leave team {team}?" if is_leaving else f"Remove {username} from team {team}?"
    message = "What they created stays. They lose access to the team's private projects."
    submit_label = "Leave" if is_leaving else "Remove"
    return rendering.render_form(
        request, None, heading, message, submit_label=submit_label, back=_return_url(request, member.team), danger=True
    )


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest, team: str) -> HttpResponse:
    team = get_team(request, team, role=Role.ADMIN)
    form = InvitationForm(request.POST or None)
    back = _return_url(request, team)
    if form.is_valid():
        invitation, token = invitations.create(Actor.from_page(request), team, **form.cleaned_data)
        link = request.build_absolute_uri(reverse("sign-up", args=[token]))
        context = {"invitation": invitation, "link": link, "back": back}
        context |= {"sends_mail": mail.is_configured(), "is_sent": invitation_emails.send(invitation, link)}
        return rendering.add_htmx_trigger(
            rendering.render_page(request, "accounts/invitation_created.html", context), changed=True
        )
    message = "The link works for one person, who creates an account with it or joins with an existing one."
    return rendering.render_form(
        request, form, f"Invite to {team.name}", message, submit_label="Create link", back=back
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_revoke(request: HttpRequest, team: str, invitation_id: UUID) -> HttpResponse:
    row = get_team(request, team, role=Role.ADMIN)
    invitation = get_invitation(request, team, invitation_id)
    if request.method == "POST":
        invitations.revoke(Actor.from_page(request), invitation)
        return rendering.redirect_with_message(request, "Invitation revoked.", _return_url(request, row))
    message = "It can no longer be accepted." if invitation.username else "Its link will stop working."
    back = _return_url(request, row)
    return rendering.render_form(
        request, None, "Revoke the invitation?", message, submit_label="Revoke", back=back, danger=True
    )


def _return_url(request: HttpRequest, team: Team) -> str:
    """The page that the form was opened from: the team's, or that of one of its projects."""
    return rendering.safe_return_url(request, team.get_absolute_url())
