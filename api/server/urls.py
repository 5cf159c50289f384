"""URLs of the server itself under /api/v1/."""

from django.urls import path

from api.server import views

urlpatterns = [
    path("server", views.Server.as_view(), name="server"),
    path("store-probes", views.StoreProbeList.as_view(), name="store-probes"),
    path("store-probes/<uuid:probe_id>", views.StoreProbeDetail.as_view(), name="store-probe"),
]
