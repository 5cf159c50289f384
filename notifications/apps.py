"""Who is told of what happens in a project: other programs by webhooks, people by an inbox and by mail."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
