"""The outbox: what happened in a project, for whoever wants to know."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"
