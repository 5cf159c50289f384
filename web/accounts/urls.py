"""URLs of the pages about oneself and one's teams. Each first segment is reserved in `accounts.validators`."""

from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import path

from web.accounts.views import display, invites, people, profile, service_accounts, sign_in, teams
from web.converters import TEAM

urlpatterns = [
    path("login", sign_in.SignIn.as_view(), name="sign-in"),
    path("logout", login_not_required(auth.LogoutView.as_view(next_page="sign-in")), name="sign-out"),
    path("invite/<str:token>", sign_in.sign_up, name="sign-up"),
    path("invites/<uuid:own_id>/accept", invites.accept, name="invitation-accept"),
    path("invites/<uuid:own_id>/decline", invites.decline, name="invitation-decline"),
    path("users/<str:username>", people.person, name="person"),
    path("password", profile.password, name="password"),
    path("profile", profile.profile, name="profile"),
    path("profile/email", profile.email_change, name="email-change"),
    path("profile/email/<str:token>", profile.email_confirm, name="email-confirm"),
    path("profile/keys/new", profile.key_new, name="key-new"),
    path("profile/keys/<uuid:key_id>/revoke", profile.key_revoke, name="key-revoke"),
    path("teams", teams.team_list, name="teams"),
    path("settings/display", display.display_settings, name="display-settings"),
    path("teams/new", teams.team_new, name="team-new"),
    path("teams/<str:team>", teams.team_page, name="team-page"),
    path("teams/<str:team>/edit", teams.team_edit, name="team-edit"),
    path("teams/<str:team>/delete", teams.team_delete, name="team-delete"),
    path("teams/<str:team>/invite", teams.invite, name="invite"),
    path("teams/<str:team>/invitations/<uuid:invitation_id>/revoke", teams.invitation_revoke, name="invitation-revoke"),
    path("teams/<str:team>/members/add", teams.member_add, name="member-add"),
    path("teams/<str:team>/members/<str:username>/role", teams.member_role, name="member-role"),
    path("teams/<str:team>/members/<str:username>/remove", teams.member_remove, name="member-remove"),
    path("teams/<str:team>/service-accounts/add", service_accounts.add, name="service-account-add"),
    path("teams/<str:team>/service-accounts/<str:account>/keys", service_accounts.key_list, name="service-account"),
    path(
        "teams/<str:team>/service-accounts/<str:account>/keys/new",
        service_accounts.key_new,
        name="service-account-key-new",
    ),
    path(
        "teams/<str:team>/service-accounts/<str:account>/keys/<uuid:account_key_id>/revoke",
        service_accounts.key_revoke,
        name="service-account-key-revoke",
    ),
    path(TEAM, teams.team_above_projects, name="team-above-projects"),
]
