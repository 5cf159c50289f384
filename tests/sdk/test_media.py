"""Media become files of the run, and records in the form of the official client."""

import io
import json
import struct
import wave
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import wanllmdb as wandb
from wanllmdb.sdk.media.image import size_of
from wanllmdb.sdk.media.records import Recorder

JPEG = b"\xff\xd8\xff\xe0\x00\x04JF\xff\xc0\x00\x11\x08\x00\x07\x00\x09\x03" + bytes(20)


@pytest.fixture
def files() -> dict[str, bytes]:
    return {}


@pytest.fixture
def record(files):
    """What the history has of a value that is logged as `key` at step 3."""

    def add(path: str, content: bytes | Path) -> None:
        files[path] = content if isinstance(content, bytes) else content.read_bytes()

    warnings = []
    recorder = Recorder(add, warnings.append)
    return lambda value, key="key": recorder.replace({key: value}, 3)[key]


def pixels(png: bytes) -> list[list[int]]:
    """The lines of a PNG that we made."""
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    length = struct.unpack(">I", png[33:37])[0]
    lines = zlib.decompress(png[41 : 41 + length])
    channels = {0: 1, 4: 2, 2: 3, 6: 4}[colour]
    size = 1 + width * channels
    assert depth == 8 and len(lines) == height * size
    return [list(lines[start + 1 : start + size]) for start in range(0, len(lines), size)]


def test_an_array_becomes_a_picture(record, files):
    found = record(wandb.Image(np.array([[0.0, 0.5], [1.0, float("nan")]]), caption="two"), "val/x")

    ((path, content),) = files.items()
    assert path.startswith("media/images/val/x_3_") and path.endswith(".png")
    assert found == {
        "_type": "image-file", "path": path, "size": len(content), "format": "png", "width": 2, "height": 2,
        "caption": "two", "sha256": found["sha256"],
    }  # fmt: skip
    assert pixels(content) == [[0, 127], [255, 0]]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[-1.0, 1.0]]), [[0, 255]]),
        (np.array([[0, 300]]), [[0, 255]]),
        (np.array([[7, 255]], dtype="uint8"), [[7, 255]]),
        (np.array([[True, False]]), [[255, 0]]),
        (np.array([[[1, 2, 3], [4, 5, 6]]], dtype="uint8"), [[1, 2, 3, 4, 5, 6]]),
        ([[[1, 2, 3, 4]]], [[1, 2, 3, 4]]),
    ],
)
def test_numbers_are_brought_to_bytes(record, files, array, expected):
    record(wandb.Image(array))
    assert pixels(next(iter(files.values()))) == expected


def test_a_file_is_kept_as_it_is_when_it_is_logged(record, files, tmp_path):
    path = tmp_path / "photo.JPG"
    path.write_bytes(JPEG)

    found = record(wandb.Image(path))

    assert (found["format"], found["width"], found["height"]) == ("jpg", 9, 7)
    assert files == {found["path"]: JPEG}
    assert size_of(b"GIF89a\x05\x00\x06\x00") == (5, 6) and size_of(b"RIFF") is None


def test_several_pictures_are_one_record(record, files, capsys):
    found = record([wandb.Image(np.zeros((2, 3)), caption="a"), wandb.Image(np.ones((2, 3)))])

    assert found["_type"] == "images/separated" and found["filenames"] == list(files)
    assert (found["count"], found["width"], found["height"], found["captions"]) == (2, 3, 2, ["a", ""])
    assert record([wandb.Image(np.zeros((1, 1)))] * 110)["count"] == 108


def test_a_table_with_media_in_its_cells(record, files):
    table = wandb.Table(["name", "picture"])
    table.add_data("a", wandb.Image(np.zeros((1, 1))))
    table.add_column("score", [float("inf")])
    found = record(table)

    assert (found["_type"], found["nrows"], found["ncols"]) == ("table-file", 1, 3)
    contents = json.loads(files[found["path"]])
    assert contents["columns"] == ["name", "picture", "score"]
    ((name, picture, score),) = contents["data"]
    assert (name, picture["path"] in files, score) == ("a", True, "Infinity")
    assert table.get_column("name") == ["a"] and list(table.iterrows()) == [(0, table.data[0])]
    assert table.get_dataframe().shape == (1, 3) and table.get_column("score", "numpy").shape == (1,)
    for wrong in (lambda: table.add_data(1), lambda: table.add_column("x", []), lambda: table.get_column("x")):
        with pytest.raises(wandb.Invalid):
            wrong()


def test_a_frame_of_pandas_is_a_table(record, files):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})

    for value in (frame, wandb.Table(dataframe=frame), wandb.Table(data=frame)):
        contents = json.loads(files[record(value)["path"]])
        assert (contents["columns"], contents["data"]) == (["a", "b"], [[1, "x"], [2, None]])


def test_histograms_count_as_numpy_does(record):
    numbers = np.random.default_rng(1).normal(size=1_000)
    counts, edges = np.histogram(numbers, bins=20)

    for histogram in (
        wandb.Histogram(numbers, num_bins=20),
        wandb.Histogram([*numbers, float("nan")], num_bins=20),
        wandb.Histogram(np_histogram=(counts, edges)),
    ):
        found = record(histogram)
        assert found["_type"] == "histogram" and found["values"] == counts.tolist()
        assert found["bins"] == pytest.approx(edges.tolist())
    assert record(wandb.Histogram([], num_bins=2)) == {"_type": "histogram", "values": [0, 0], "bins": [0.0, 0.5, 1.0]}


def test_sound_films_and_pages(record, files, tmp_path):
    sound = record(wandb.Audio(np.array([0.0, 1.0, -2.0, float("nan")]), sample_rate=8_000))
    with wave.open(io.BytesIO(files[sound["path"]])) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (1, 8_000, 4)
        assert np.frombuffer(file.readframes(4), "<i2").tolist() == [0, 32_767, -32_767, 0]
    (tmp_path / "film.mp4").write_bytes(b"film")
    (tmp_path / "page.html").write_text("<p>file")
    assert record(wandb.Video(tmp_path / "film.mp4", caption="c"))["_type"] == "video-file"
    pages = record([wandb.Html("<p>text"), wandb.Html(str(tmp_path / "page.html"))])
    assert (pages["_type"], [files[page["path"]] for page in pages["html"]]) == ("html", [b"<p>text", b"<p>file"])
    sounds = record([wandb.Audio(np.zeros((8_000, 2)), 8_000, caption="a")])
    assert (sounds["sampleRates"], sounds["durations"], sounds["captions"]) == ([8_000], [1.0], ["a"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: wandb.Image("missing.png"), "there is no file"),
        (lambda: wandb.Image(__file__), "is no picture"),
        (lambda: wandb.Image(np.zeros((2, 2, 5))), "takes an array of the shape"),
        (lambda: wandb.Image([["a"]]), "takes numbers"),
        (lambda: wandb.Audio(np.zeros(3)), "needs its sample_rate"),
        (lambda: wandb.Video(np.zeros((3, 3, 3))), "takes the path"),
        (lambda: wandb.Html(3), "takes a text"),
        (lambda: wandb.Histogram(), "takes a sequence"),
        (lambda: wandb.Histogram(["a"]), "takes numbers"),
        (lambda: wandb.Histogram([1], num_bins=1_000), "1 to 512 bins"),
        (lambda: wandb.Histogram(np_histogram=([1], [1])), "one edge more"),
        (lambda: wandb.Table(["a"], [[1, 2]]), "has 2 values"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(wandb.Invalid, match=message):
        make()


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("../up", "up"),
        ("a/../b", "a/b"),
        ("", "value"),
        ('x:"\\\n', "x____"),
        ("e\u0301/\u202ex\x85", "\u00e9/_x_"),
    ],
)
def test_a_key_leads_nowhere_else(record, files, key, path):
    assert record(wandb.Html("x"), key)["path"].startswith(f"media/html/{path}_3_")


def test_what_cannot_be_kept_costs_nothing_else():
    def add(path: str, content: object) -> None:
        raise OSError(28, "No space left on device")

    warnings = []
    kept = Recorder(add, warnings.append).replace({"loss": 1, "page": wandb.Html("x"), "n": {"a": 2}}, 3)
    assert kept == {"loss": 1, "n": {"a": 2}} and "No space left" in warnings[0]


def test_an_offline_run_keeps_the_files(tmp_path, monkeypatch):
    monkeypatch.setenv("WANLLMDB_CACHE_DIR", str(tmp_path))
    with wandb.init(mode="offline", project="acme/x", settings={"silent": True}) as run:
        run.log({"page": wandb.Html("x")})
        path = run.summary["page"]["path"]
    (directory,) = (tmp_path / "offline").glob("*-*")
    events = [json.loads(line) for line in (directory / "events.jsonl").read_text().splitlines()]
    (saved,) = (event for event in events if event["type"] == "save_files")
    assert saved["files"][0]["path"] == path
    assert (directory / "files" / saved["files"][0]["sha256"]).read_text() == "x"
