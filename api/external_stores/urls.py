"""URLs of external stores, and of checks of what is in them, under /api/v1/."""

from django.urls import path

from api.external_stores import views

urlpatterns = [
    path("teams/<str:name>/external-stores", views.ExternalStoreList.as_view(), name="external-store-list"),
    path("external-stores/<uuid:store_id>", views.ExternalStoreDetail.as_view(), name="external-store-detail"),
    path("external-stores/<uuid:store_id>/test", views.ExternalStoreTest.as_view(), name="external-store-send-test"),
    path("artifacts/versions/<uuid:version_id>/check", views.VersionCheck.as_view(), name="version-check"),
]
