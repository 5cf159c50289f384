"""The URLs that the official `wandb` client asks for."""

from django.urls import path, re_path

from wandb_api import views

# Ids are base64, whose `/` and `=` clients write as they like; the md5 is the segment before the last.
_IN_COLLECTION = r"(?P<entity>[^/]+)/(?P<project>[^/]+)/(?P<collection>[^/]+)"
_FILE = r"(?P<md5>[0-9a-f]{32})"

urlpatterns = [
    path("artifactsV2/manifests/<uuid:version_id>/wandb_manifest.json", views.manifest, name="wandb-manifest"),
    re_path(
        rf"^artifactsV2/[^/]+/{_IN_COLLECTION}/(?:(?P<artifact_id>[^/]*)/)?[^/]*/{_FILE}/[^/]+$",
        views.file_in_collection,
        name="wandb-file-in-collection",
    ),
    re_path(
        rf"^artifactsV2/[^/]+/(?P<entity>[^/]+)/(?P<birth_id>[^/]*)/{_FILE}$",
        views.file_in_entity,
        name="wandb-file-of-birth",
    ),
    re_path(rf"^artifacts/(?P<entity>[^/]+)/{_FILE}$", views.file_in_entity, name="wandb-file-in-entity"),
    path("graphql", views.graphql, name="wandb-graphql"),
    path("files/<str:entity>/<str:project>/<str:run>/file_stream", views.stream_files, name="wandb-file-stream"),
    path("ready", views.ready, name="wandb-ready"),
    path("authorize", views.authorize, name="wandb-authorize"),
    path("sdk/otel/v1/<str:kind>", views.telemetry, name="wandb-telemetry"),
]
