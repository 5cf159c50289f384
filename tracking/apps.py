"""What runs stream: history, system metrics, console and files."""

from importlib import import_module

from django.apps import AppConfig


class TrackingConfig(AppConfig):
    name = "tracking"

    def ready(self) -> None:
        # By name, because models can be imported only by now.
        import_module("tracking.receivers")
