"""A manifest is read through by cursor, whatever its paths are made of."""

import pytest

from tests.artifacts.client import fetch, log

PATHS = [*(f"d/{number:02}" for number in range(12)), " spaced ", "+&?#=%", "é/ü"]


def test_a_manifest_is_read_through_by_cursor(api, bob, artifact):
    contents = {path: path.encode() for path in PATHS}
    version = log(bob, artifact, contents, packed=True)
    client, url, cursor, result = api(bob), f"/api/v1/artifacts/versions/{version.pk}/manifest", None, {}
    while True:
        page = client.get(url, {"limit": 4} | ({"cursor": cursor} if cursor else {})).json()
        for entry in page["entries"]:
            result[entry["path"]] = fetch(page["objects"][entry["object"]]["url"], entry["offset"], entry["size"])
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert result == contents
    assert list(result) == sorted(PATHS, key=str.encode)


@pytest.mark.parametrize("cursor", ["a/b", "%00", "!", "AA"])
def test_a_made_up_cursor_is_refused(api, bob, v1, cursor):
    answer = api(bob).get(f"/api/v1/artifacts/versions/{v1.pk}/manifest?cursor={cursor}")

    assert answer.status_code == 400
    assert answer.json()["code"] == "Invalid"
