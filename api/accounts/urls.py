"""URLs of accounts under /api/v1/."""

from django.urls import path

from api.accounts import views

urlpatterns = [
    path("me", views.Me.as_view(), name="me"),
    path("keys", views.KeyList.as_view(), name="keys"),
    path("keys/<uuid:key_id>", views.KeyDetail.as_view(), name="key"),
    path("teams", views.TeamList.as_view(), name="teams"),
    path("teams/<str:name>", views.TeamDetail.as_view(), name="team"),
    path("teams/<str:name>/members", views.MemberList.as_view(), name="members"),
    path("teams/<str:name>/members/<str:username>", views.MemberDetail.as_view(), name="member"),
]
