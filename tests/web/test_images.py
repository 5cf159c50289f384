"""Images that a page shows beside what it is about: those of a folder, and of a logged table."""

import json

from artifacts import directory_listing
from artifacts.previews import logged_table_preview
from tests.artifacts.client import log
from tests.web.sample_files import png

VERSION = "/acme/demo/artifacts/dataset/data/v1"


def test_a_folder_of_images_shows_them(browser, bob, artifact):
    log(bob, artifact, {f"plots/{number}.png": png() for number in (1, 2)} | {"plots/x.svg": b"<svg>", "a.png": png()})
    client = browser(bob)
    page = client.get(f"{VERSION}?path=plots/").content.decode()

    assert page.count('<img src="') - page.count('favicon.svg" width') == 2
    assert f'<img src="{VERSION}/image/plots/1.png" alt="" loading="lazy"' in page
    assert "/image/" not in client.get(VERSION).content.decode()


def test_a_folder_of_more_images_than_it_shows_says_so(browser, bob, artifact):
    log(bob, artifact, {f"plots/{number:02}.png": png(1, 1) for number in range(directory_listing.MAX_IMAGES + 3)})
    page = browser(bob).get(f"{VERSION}?path=plots/").content.decode()

    assert page.count(f'src="{VERSION}/image/') == directory_listing.MAX_IMAGES
    assert "The first 60 of 63 images" in page


def test_a_path_that_no_database_can_look_for_is_no_image():
    cells = [[{"_type": "image-file", "path": path}] for path in ("a\0.png", "b.png")]
    table = logged_table_preview.parse(json.dumps({"columns": ["seen"], "data": cells}).encode())
    assert table.pictures == [(1, 0, "b.png")]


def test_images_in_a_logged_table_are_those_of_its_version(browser, bob, artifact):
    cells = [[{"_type": "image-file", "path": path}, 1] for path in ("media/a.png", "../a.png", "rows.csv")]
    table = json.dumps({"columns": ["seen", "label"], "data": cells}).encode()
    log(bob, artifact, {"seen.table.json": table, "media/a.png": png(), "rows.csv": b"n\n1\n"})
    page = browser(bob).get(f"{VERSION}/files/seen.table.json").content.decode()
    assert page.count(f'src="{VERSION}/image/') == 1
    assert (
        f'href="{VERSION}/files/media/a.png"' in page and f'src="{VERSION}/image/media/a.png" alt="media/a.png"' in page
    )
