"""URLs of the pages about a team's external stores."""

from django.urls import path

from web.external_stores import views

_STORE = "teams/<str:team>/external-stores/<uuid:store_id>"

urlpatterns = [
    path("teams/<str:team>/external-stores", views.store_list, name="external-stores"),
    path("teams/<str:team>/external-stores/new", views.store_new, name="external-store-new"),
    path(f"{_STORE}/edit", views.store_edit, name="external-store-edit"),
    path(f"{_STORE}/delete", views.store_delete, name="external-store-delete"),
    path(f"{_STORE}/test", views.store_test, name="external-store-test"),
]
