"""What is no query is said in a sentence, on pages and by the API."""

import pytest
from django.db import connection

from artifacts.models import SearchDocument

API = "/api/v1"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("x" * 10_000, "at most 500 characters; this one has 10,000"),
        (" ".join("abcdefghi"), "at most 8 terms; this one has 9"),
        ("metadata.mAP>nan", "'nan', which is not a finite number"),
        ("metadata.mAP>1e999", "'1e999', which is not a finite number"),
        ("metadata.mAP<Infinity", "not a finite number"),
        ("metadata.mAP>high", "'high', which is not a finite number"),
        ("metadata>1", "as in metadata.lr>1"),
        ("metadata.mAP>", "not a finite number"),
        ("metadata.mAP:", "Say what comes after metadata.mAP:"),
        ("metadata.mAP:*a*b*c*", "at most 3 *"),
        ("mAP>0.7", "Write metadata.mAP>0.7"),
        ("file:", "as in file:*.safetensors"),
        ("file:***", "a part of the file's name"),
        ("file:a*b", "at the beginning or at the end"),
        ("file:*a", "Say more of the file's name than 'a'"),
        ("file:*ab*", "Say more of the file's name than 'ab'"),
        ("by>alice", "as in by:alice"),
        ("config.lr>1", "Artifacts cannot be searched by config"),
        ("state:running", "Artifacts cannot be searched by state"),
        ("a\x01b", "control characters"),
    ],
)
def test_what_is_no_query_is_said(api, browser, vera, project, query, sentence):
    answer = api(vera).get(f"{API}/artifacts", {"q": query})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidQuery")
    assert sentence in answer.json()["detail"]
    page = browser(vera).get("/artifacts", {"q": query})
    assert page.status_code == 422
    assert sentence.replace("'", "&#x27;").replace(">", "&gt;") in page.content.decode()


@pytest.mark.parametrize("query", ["a\0b", "metadata.x:\0", "\0"])
def test_a_nul_is_refused(api, browser, vera, project, query):
    assert api(vera).get(f"{API}/artifacts", {"q": query}).status_code == 400
    assert browser(vera).get("/search", {"q": query}).status_code == 400


@pytest.mark.parametrize(
    ("text", "has_triple"),
    [("abc", True), ("a-b", False), ("->>", False), (" ab", True), ("ab.", True), (".h\n", True), ("über", True),
     ("a_b_c", True), ("__a", False), ("1 2", False)],
)  # fmt: skip
def test_which_texts_have_a_triple_of_letters_or_digits(text, has_triple):
    assert SearchDocument.objects.is_indexed(text) == (has_triple or connection.vendor == "sqlite")
