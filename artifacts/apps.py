"""The registry: artifacts, versions, files and aliases."""

from importlib import import_module

from django.apps import AppConfig

from events import kinds


class ArtifactsConfig(AppConfig):
    name = "artifacts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # By name, because models can be imported only by now.
        kinds.register(import_module("artifacts.event_messages").KINDS)
        import_module("artifacts.receivers")
