"""Files have the MIME type that the standard library knows for their names."""

import mimetypes

import pytest

from artifacts import mime_types

NAMES = [
    "a.jpg", "a.JPG", "a.b.jpg", ".jpg", "..jpg", "...", ".", "jpg", "a.", "a..", "a..jpg", ".a.jpg", "a.csv.gz",
    ".csv.gz", "a.tar.gz", "a.tgz", "a.TGZ", "a.svgz", "a.txt.Z", "a.txt.z", "a.gz", ".gz", "a.json", "a.parquet",
    "a.py", "a b.html", "ä.png", "a.pñg", "a.tar.br", "a.x.y.z", "a.1",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("folder", ["", "d/", "d.png/", "d.gz/.e/"])
def test_types_are_those_of_the_standard_library(folder, name):
    expected = mimetypes.guess_type(folder + name)[0] or "application/octet-stream"
    assert mime_types.guess(folder + name) == expected
