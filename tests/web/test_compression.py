"""Pages are sent compressed, other answers as they are."""

import gzip

PACKED = {"Accept-Encoding": "gzip"}


def test_a_page_is_compressed_and_the_api_is_not(browser, api, alice, project):
    page = browser(alice).get("/artifacts", headers=PACKED)
    assert page["Content-Encoding"] == "gzip"
    assert b"No artifacts yet" in gzip.decompress(page.content)

    assert "Content-Encoding" not in api(alice).get("/api/v1/me", headers=PACKED)
    assert "Content-Encoding" not in browser(alice).get("/artifacts")
