"""The house rules of templates: lines that fit on a screen, and one spelling for the links of dialogs."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import engines

from artifacts.models import Artifact

TEMPLATES = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))


def test_lines_have_at_most_120_characters():
    long = [
        f"{path.relative_to(settings.BASE_DIR)}:{number}"
        for path in TEMPLATES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > 120
    ]

    assert TEMPLATES and long == []


def test_no_space_is_underlined_between_an_icon_and_the_text_of_its_link():
    """Buttons, badges and menus set their icons apart by a gap."""
    link = re.compile(r"<a\b(?P<attributes>(?:[^>{]|\{[%{][^%}]*[%}]\})*)>\s*\{% icon [^%]*%\}\s")
    spaced = [
        (path.name, match[0])
        for path in TEMPLATES
        for match in link.finditer(path.read_text())
        if "class=" not in match["attributes"] and not path.stem.endswith("_menu")
    ]

    assert spaced == []


def test_dialogs_are_linked_by_the_tag_for_them():
    assert [path.name for path in TEMPLATES if "#modal" in path.read_text()] == []


def test_no_template_spells_the_names_of_a_things_url():
    assert [path.name for path in TEMPLATES if "team.name project.name" in path.read_text()] == []


@pytest.mark.parametrize(
    ("call", "url"),
    [
        ("url_of artifact", "/acme/demo/artifacts/dataset/data"),
        ("url_of artifact.project", "/acme/demo"),
        ("url_of artifact.project.team", "/teams/acme"),
        (
            "url_of artifact 'alias-move' 'v1.0' version='v3'",
            "/acme/demo/artifacts/dataset/data/aliases/v1.0/move?version=v3",
        ),
        ("url_of 'search' q='a b&\"<' only='' page=None", "/search?q=a%20b%26%22%3C"),
        (
            "url_of artifact 'compare' base='v1' head='v2'",
            "/acme/demo/artifacts/dataset/data/compare?base=v1&amp;head=v2",
        ),
    ],
)
def test_a_url_is_that_of_the_thing(artifact: Artifact, call: str, url: str):
    assert engines["django"].from_string(f"{{% {call} %}}").render({"artifact": artifact}) == url


def test_a_link_to_a_dialog_works_with_and_without_script_and_escapes_its_url():
    link = engines["django"].from_string("{% dialog_link 'profile' back=back %}").render({"back": '/x?"><script>'})

    assert link.startswith(
        'href="/profile?back=/x%3F%22%3E%3Cscript%3E" hx-get="/profile?back=/x%3F%22%3E%3Cscript%3E" '
    )
    assert 'hx-target="#modal"' in link
