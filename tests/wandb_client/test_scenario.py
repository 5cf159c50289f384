"""A day of a user of the official `wandb` client, the oldest and the newest that we support, against a real server."""

import ast

import pytest

from tests.wandb_client.clients import CLIENTS
from tests.wandb_client.conftest import SCENARIO

# The steps in their order, read from the text: the scenario itself runs where `wandb` is installed.
STEPS = [
    node.name
    for node in ast.parse(SCENARIO.read_text()).body
    if isinstance(node, ast.FunctionDef) and any(getattr(mark, "id", "") == "step" for mark in node.decorator_list)
]


def test_there_are_steps():
    assert len(STEPS) > 10


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("client", CLIENTS)
def test_the_client_does(outcomes, client, name):
    found = outcomes[client]
    assert name in found, found.get("", "The client ended before.")
    assert not found[name].error, found[name].error
