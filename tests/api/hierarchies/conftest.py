"""A hierarchy of acme's, and hands for its own API."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient

from accounts.actor import Actor
from accounts.models import Scope, User
from hierarchies import hierarchies
from hierarchies.models import Hierarchy

LABELS = {"0": "experiment", "1": "model", "2": "predictions"}


class Hands:
    """A client for the artifacts of one hierarchy: `hands.post("/$tree", {...})`."""

    def __init__(self, client: APIClient, base: str) -> None:
        self.client, self.base = client, base

    def __getattr__(self, method: str) -> Callable[..., HttpResponse]:
        return lambda path="", *args, **options: getattr(self.client, method)(
            f"{self.base}/api/v1/artifacts{path}", *args, **options
        )

    def raw(self, method: str, path: str, body: bytes, type: str = "application/json", **more: Any) -> HttpResponse:
        return self.client.generic(method, f"{self.base}/api/v1/artifacts{path}", body, content_type=type, **more)

    def make(self, data: Any = None, parent: str | None = None, **more: Any) -> str:
        """The id of a new record."""
        body = {"data": {"n": 1} if data is None else data, "parent_id": parent} | more
        answer = self.post("", body)
        assert answer.status_code == 201, answer.content
        return answer.json()["id"]


@pytest.fixture
def hierarchy(alice, project) -> Hierarchy:
    return hierarchies.create(Actor(alice), project, "trees", level_labels=LABELS)


@pytest.fixture
def public(alice, project) -> Hierarchy:
    return hierarchies.create(Actor(alice), project, "shown", access="public")


@pytest.fixture
def open_to_all(alice, project) -> Hierarchy:
    return hierarchies.create(Actor(alice), project, "open", access="open")


@pytest.fixture
def hands(api, hierarchy) -> Callable[..., Hands]:
    """`hands(bob)` sends a key of bob's; `hands()` sends none."""

    def of(user: User | None = None, to: Hierarchy | None = None, scope: Scope = Scope.WRITE) -> Hands:
        client = api(user, scope)
        # What is open is open to requests that are sent to this machine by its own name.
        client.defaults["SERVER_NAME"] = "127.0.0.1"
        return Hands(client, f"/h/{(to or hierarchy).full_name}")

    return of


@pytest.fixture
def tree(hands, bob) -> dict[str, str]:
    """root → (left → leaf, right), by their names."""
    editor = hands(bob)
    root = editor.make({"name": "root"})
    left = editor.make({"name": "left"}, root)
    return {
        "root": root,
        "left": left,
        "right": editor.make({"name": "right"}, root),
        "leaf": editor.make({"name": "leaf"}, left),
    }
