"""Users, teams and roles, API keys: who may do what."""

from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        # By name, because models can be imported only by now.
        import_module("accounts.checks")
