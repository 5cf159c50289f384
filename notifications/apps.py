"""Who is told of what happens in a project: other programs by webhooks, people by an inbox and by mail."""

from importlib import import_module

from django.apps import AppConfig

from events import kinds


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        # By name, because models can be imported only by now.
        kinds.register(import_module("notifications.webhook_events").KINDS)
        import_module("notifications.receivers")
        import_module("artifacts.health").CHECKS["notifications"] = import_module("notifications.health").check
