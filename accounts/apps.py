"""Users, teams and roles, API keys: who may do what."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
