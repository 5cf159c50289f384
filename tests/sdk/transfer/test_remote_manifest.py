"""Manifests of a server that is not to be trusted: what cannot be downloaded as it says is refused, never left out."""

import hashlib

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.progress import ignore_progress
from wanllmdb.sdk.transfer import download
from wanllmdb.sdk.transfer.download_directory import DownloadDirectory
from wanllmdb.sdk.transfer.remote_manifest import RemoteManifest

CONTENT = b"0123456789"


class Server:
    """Lists one file, of these pieces, and has their bytes."""

    def __init__(self, pieces, size=10):
        self.pieces = pieces
        self.size = size

    def get(self, path, **query):
        return {
            "paths": ["a.bin"], "sizes": [self.size], "sha256": [hashlib.sha256(CONTENT).hexdigest()],
            "object": [None], "offsets": [None], "md5": {}, "executable": [], "unreadable": {}, "references": {},
            "objects": [{"url": "http://127.0.0.1:1/object"}], "extents": {"0": self.pieces},
            "cursor": "", "next_cursor": None,
        }  # fmt: skip

    def download_range(self, url, start, length, write):
        write(CONTENT[start : start + length])


def run(server, root) -> int:
    manifest = RemoteManifest(server, "0")
    return download.download(manifest, DownloadDirectory(root), None, ignore_progress)


def test_a_file_of_pieces_is_put_together(tmp_path):
    assert run(Server([[0, 0, 4], [0, 4, 6]]), tmp_path) == 1
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("pieces", [[], [[0, 0, 4]], [[0, 0, 4], [0, 4, 7]]], ids=["none", "fewer", "more"])
def test_pieces_that_are_not_the_file_are_refused(tmp_path, pieces):
    with pytest.raises(errors.CorruptDownload, match=r"pieces .* 'a\.bin' are not 10 bytes"):
        run(Server(pieces), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_has_no_pieces(tmp_path):
    with pytest.raises(errors.CorruptDownload, match="are not 0 bytes"):
        run(Server([[0, 0, 0]], size=0), tmp_path)
