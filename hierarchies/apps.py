"""Trees of records: hierarchies with labelled levels, and the records in them."""

from importlib import import_module

from django.apps import AppConfig


class HierarchiesConfig(AppConfig):
    name = "hierarchies"

    def ready(self) -> None:
        # By name, because models can be imported only by now.
        import_module("hierarchies.receivers")
