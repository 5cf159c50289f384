"""URLs of accounts under /api/v1/."""

from django.urls import path

from api.accounts import service_accounts, views

urlpatterns = [
    path("me", views.Me.as_view(), name="me"),
    path("keys", views.KeyList.as_view(), name="keys"),
    path("keys/<uuid:key_id>", views.KeyDetail.as_view(), name="key"),
    path("teams", views.TeamList.as_view(), name="teams"),
    path("teams/<str:name>", views.TeamDetail.as_view(), name="team"),
    path("teams/<str:name>/members", views.MemberList.as_view(), name="members"),
    path("teams/<str:name>/invitations", views.TeamInvitationList.as_view(), name="team-invitations"),
    path("invitations", views.InvitationList.as_view(), name="invitations"),
    path("invitations/<uuid:invitation_id>", views.InvitationDetail.as_view(), name="invitation"),
    path("invitations/<uuid:invitation_id>/accept", views.InvitationAccept.as_view(), name="invitation-accept"),
    path("teams/<str:name>/members/<str:username>", views.MemberDetail.as_view(), name="member"),
    path("teams/<str:name>/service-accounts", service_accounts.ServiceAccountList.as_view(), name="service-accounts"),
    path(
        "teams/<str:name>/service-accounts/<str:account>/keys",
        service_accounts.ServiceAccountKeyList.as_view(),
        name="service-account-keys",
    ),
    path(
        "teams/<str:name>/service-accounts/<str:account>/keys/<uuid:account_key_id>",
        service_accounts.ServiceAccountKeyDetail.as_view(),
        name="service-account-key",
    ),
]
