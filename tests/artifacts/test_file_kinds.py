"""What people call files of a kind."""

import pytest

from artifacts import file_kinds


@pytest.mark.parametrize(
    ("path", "type", "kind"),
    [
        ("data/part-0.parquet", "application/octet-stream", "Parquet"),
        ("model.SAFETENSORS", "", "Safetensors"),
        ("config.yml", "text/yaml", "YAML"),
        ("data.tar.gz", "application/gzip", "Tar"),
        ("photo.jpg", "image/png", "JPEG image"),
        ("photo.tiff", "image/tiff", "TIFF image"),
        ("Makefile", "", "Makefile"),
        ("notes", "text/plain", "Text"),
        ("x.weights", "application/octet-stream", "WEIGHTS file"),
        ("x.<script>", "image/<script>", "Image"),
        ("x." + "a" * 90, "", "File"),
        ("x", "a/b", "File"),
        (".gitignore", "", "File"),
    ],
)
def test_a_kind_has_a_name(path, type, kind):
    assert file_kinds.name_of(path, type) == kind


def test_which_files_are_pictures():
    assert file_kinds.is_raster_image("a/B.PNG") and not file_kinds.is_raster_image("a.svg")
