"""What runs stream: history, system metrics, console and files."""

from importlib import import_module

from django.apps import AppConfig

from events import kinds


class TrackingConfig(AppConfig):
    name = "tracking"

    def ready(self) -> None:
        # By name, because models can be imported only by now.
        kinds.register(import_module("tracking.event_messages").KINDS)
        import_module("tracking.receivers")
