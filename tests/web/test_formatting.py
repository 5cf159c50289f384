"""What templates show of other people's texts: JSON as a tree, Markdown as prose."""

from types import SimpleNamespace

import pytest
import yaml
from django.contrib.auth.models import AnonymousUser
from django.template import engines

from artifacts.previews import json_tree
from web import literals, markdown


def render(source: str, **context: object) -> str:
    return engines["django"].from_string(source).render(context)


def nested(depth: int) -> dict:
    value: dict = {"end": 1}
    for _ in range(depth):
        value = {"in": value}
    return value


def test_a_tree_shows_keys_and_values():
    page = render("{% tree value %}", value={"rows": 2000, "columns": ["user", "item"], "split": {}})

    assert '<span class="key">rows:</span> <span class="int">2000</span>' in page
    assert '<span class="key">columns</span> <span class="muted">[2]</span>' in page
    assert "&quot;item&quot;" in page


def test_an_empty_tree_shows_the_given_text():
    assert render("{% tree value empty='No metadata' %}", value={}).strip() == '<p class="muted">No metadata</p>'


def test_a_tree_escapes_keys_and_values():
    page = render("{% tree value %}", value={"<script>": "</span><img src=x>", "in": {"<b>": ["<i>"]}})

    assert not any(tag in page for tag in ("<script>", "<img", "<b>", "<i>"))


@pytest.mark.parametrize(
    "value",
    [
        nested(900),
        {str(i): {str(k): [k] for k in range(100)} for i in range(300)},
        list(range(10**5)),
        {"x": "y" * 10**6},
    ],
)
def test_a_tree_is_bounded_and_whole(value):
    page = render("{% tree value %}", value=value)

    assert len(page) < 200_000
    for tag in ("ul", "li", "details"):
        assert page.count(f"<{tag}") == page.count(f"</{tag}>")


def test_what_is_left_out_is_counted():
    assert "900 more" in render("{% tree value %}", value=list(range(1000)))
    assert "(1,000,002 characters)" in render("{% tree value %}", value={"x": "y" * 10**6})
    assert len(json_tree.rows({str(i): {str(k): k for k in range(90)} for i in range(90)})) <= json_tree.MAX_ROWS + 3


def test_markdown_becomes_prose():
    text = "# Title\n\n**Bold** and [a link](https://example.org)\n\n- one\n\n|a|\n|-|\n|1|"
    page = render("{% markdown text %}", text=text, request=SimpleNamespace(user=AnonymousUser()))

    assert "<h3>Title</h3>" in page
    assert '<a href="https://example.org" rel="nofollow noopener">a link</a>' in page
    assert "<strong>Bold</strong>" in page and "<td>1</td>" in page


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://elsewhere.example/pixel.png)",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&#58;alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        '[x](https://e.example "\\" onmouseover=alert(1) ")',
        '<https://e.example/"onclick=alert(1)>',
        "```<script>\nx\n```",
        "<svg><style><img src=x onerror=alert(1)>",
    ],
)
def test_markdown_does_no_harm(text):
    page = str(markdown.render(text, "somebody")).lower()

    for evil in (
        "<script",
        "<img",
        "<svg",
        "<style",
        'href="javascript',
        'href="data',
        '" onmouseover',
        '" onclick',
        " style=",
    ):
        assert evil not in page


def test_markdown_is_bounded():
    assert len(markdown.render("word " * 10**6, "somebody")) < 110_000


@pytest.mark.parametrize(
    "text", ["model", "a/b:latest", "no", "two words", "a: b", "- x", "#1", "\u00e9", "'", "1.0", "null", '"']
)
def test_a_scalar_of_yaml_is_read_as_the_text(text):
    assert yaml.safe_load(f"name: {literals.yaml(text)}") == {"name": text}
    assert literals.yaml("a/b:latest") == "a/b:latest"
