"""The examples run, and say what they are for."""

import json
import re
import urllib.request

import pytest

from tests.records.claims.conftest import run_example

PRINTS = {
    "01_basic": ["[5, 6] gives 11.0", "a training (level 0)", "success"],
    "02_hierarchical": ["week 1: ", "[11.0, 13.0]", "[15.0, 17.0]", "[19.0]"],
    "03_generic": ["project: 1\ndocument: 1\nversion: 2", "How we ship ['ana', 'ben']", "1.2: Never ship on Fridays."],
}
USE_CASES = {
    "ml_lineage": ["experiment: {'experiment_name': 'rainfall'", "best: alpha 0.01, with 1 sets of predictions"],
    "document_versions": ["Signing in 1.0: Send a password.", "Signing in 2.0: Send a token.", "children"],
    "dataset_partitions": ["dataset: {'name': 'customers'}", "    partition: {'partition': 'test', 'rows': 100000}"],
}


@pytest.mark.parametrize("example", PRINTS)
def test_an_example_runs(tmp_path, example):
    printed = run_example(example, tmp_path)
    assert [text for text in PRINTS[example] if text not in printed] == [], printed


@pytest.mark.parametrize("use_case", USE_CASES)
def test_a_use_case_runs(tmp_path, use_case):
    printed = run_example(f"use_case_{use_case}", tmp_path)
    assert [text for text in USE_CASES[use_case] if text not in printed] == [], printed


def test_the_document_service_answers(document_service):
    def call(path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(document_service + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    project = call("/projects", {"name": "API handbook"})
    document = call(f"/projects/{project['id']}/documents", {"title": "Signing in"})
    for content in ("Send a password.", "Send a key.", "Send a token."):
        call(f"/documents/{document['id']}/versions", {"content": content, "author": "ana"})

    history = call(f"/documents/{document['id']}/versions")
    assert [entry["version"] for entry in history] == [1, 2, 3]
    assert call(f"/documents/{document['id']}/versions/2")["content"] == "Send a key."
    assert call(f"/documents/{document['id']}")["latest"]["content"] == "Send a token."
    difference = call(f"/documents/{document['id']}/diff?old=1&new=3")["diff"]
    assert re.findall(r"^[-+]Send.*", "\n".join(difference), re.MULTILINE) == ["-Send a password.", "+Send a token."]
    # Beneath is the API of the hierarchy itself.
    tree = call("/api/v1/artifacts/$tree", {"root_id": project["id"]})
    assert [child["data"]["title"] for child in tree["children"]] == ["Signing in"]
    assert call("/health")["status"] in ("ok", "healthy")
    assert call("/api/v1/info")["display_name"] == "Document versions"
