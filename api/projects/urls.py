"""URLs of projects and runs under /api/v1/."""

from django.urls import path

from api.projects import views

urlpatterns = [
    path("projects", views.ProjectList.as_view(), name="projects"),
    path("projects/<uuid:project_id>", views.ProjectDetail.as_view(), name="project"),
    path("runs", views.RunList.as_view(), name="runs"),
    path("runs/<uuid:run_id>", views.RunDetail.as_view(), name="run"),
    path("runs/<uuid:run_id>/heartbeat", views.RunHeartbeat.as_view(), name="run-heartbeat"),
    path("runs/<uuid:run_id>/stop", views.RunStop.as_view(), name="run-stop-request"),
    path("runs/<uuid:run_id>/history", views.RunHistory.as_view(), name="run-history"),
    path("runs/<uuid:run_id>/finish", views.RunEnd.as_view(), name="run-finish"),
]
