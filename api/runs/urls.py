"""URLs of the files and alerts of runs under /api/v1/."""

from django.urls import path

from api.runs import views

urlpatterns = [
    path("runs/<uuid:run_id>/files", views.RunFileList.as_view(), name="run-file-list"),
    path("runs/<uuid:run_id>/files/uploaded", views.RunFileArrivals.as_view(), name="run-file-arrivals"),
    path("runs/<uuid:run_id>/console", views.RunConsole.as_view(), name="run-console-lines"),
    path("runs/<uuid:run_id>/alerts", views.RunAlerts.as_view(), name="run-alert-list"),
]
