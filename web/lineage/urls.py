"""URLs of the pages about lineage and impact."""

from django.urls import path

from web.converters import ARTIFACT, PROJECT, VERSION
from web.lineage import views

urlpatterns = [
    path("artifacts/selected/impact", views.selected_impact, name="selected-impact"),
    path("artifacts/selected/impact.csv", views.selected_impact_csv, name="selected-impact-csv"),
    path(f"{ARTIFACT}/lineage", views.artifact_lineage, name="artifact-lineage"),
    path(f"{VERSION}/lineage", views.version_lineage, name="version-lineage"),
    path(f"{VERSION}/impact", views.version_impact, name="version-impact"),
    path(f"{VERSION}/records", views.version_records, name="version-records"),
    path(f"{VERSION}/impact.csv", views.version_impact_csv, name="version-impact-csv"),
    path(f"{PROJECT}/runs/<str:name>/lineage", views.run_lineage, name="run-lineage"),
]
