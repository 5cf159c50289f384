"""Which requests get errors in the form of the official client."""

import pytest
from django.test import RequestFactory

from wandb_api.errors import is_wandb


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/graphql", True),
        ("/files/acme/demo/abc/file_stream", True),
        ("/artifactsV2/default/acme/x", True),
        ("/graphql-fans/demo", False),
        ("/graphql-fans", False),
        ("/files-of-acme/demo", False),
    ],
)
def test_pages_of_teams_with_similar_names_are_pages(path, expected):
    assert is_wandb(RequestFactory().get(path)) is expected
