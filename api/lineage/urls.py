"""URLs of lineage and impact under /api/v1/."""

from django.urls import path

from api.lineage.views import ArtifactLineage, RunLineage, VersionImpact, VersionLineage, VersionRecords

urlpatterns = [
    path("artifacts/versions/<uuid:version_id>/lineage", VersionLineage.as_view(), name="version-lineage"),
    path("artifacts/versions/<uuid:version_id>/impact", VersionImpact.as_view(), name="version-impact"),
    path("artifacts/versions/<uuid:version_id>/records", VersionRecords.as_view(), name="version-records"),
    path("artifacts/<uuid:artifact_id>/lineage", ArtifactLineage.as_view(), name="artifact-lineage"),
    path("runs/<uuid:run_id>/lineage", RunLineage.as_view(), name="run-lineage"),
]
