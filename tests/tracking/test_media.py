"""Media of a run: which keys have any, what their records say, and where in a history they are."""

import json

import pytest

from accounts.actor import Actor
from tracking import media, media_records, streams
from tracking.models import Stream


def image(path: str, **values) -> dict:
    return {"_type": "image-file", "path": path, "sha256": "0" * 64, "size": 3, "width": 4, "height": 2, **values}


@pytest.fixture
def log(run, bob):
    """`log({"loss": 1}, {…})`: a row each, from step 0 on."""

    def append(*rows: dict) -> None:
        start = streams.line_count(run, Stream.HISTORY)
        texts = [json.dumps({"_step": start + index, **row}) for index, row in enumerate(rows)]
        streams.append(Actor(bob), run, Stream.HISTORY, start, texts)

    return append


@pytest.mark.parametrize(
    ("record", "items"),
    [
        (image("media/a.png", caption="A cat"), [("image", "media/a.png", "A cat")]),
        (
            {"_type": "images/separated", "filenames": ["a.png", "./b.png"], "captions": ["A"], "count": 2},
            [("image", "a.png", "A"), ("image", "b.png", "")],
        ),
        (
            {"_type": "audio", "count": 1, "audio": [{"path": "a.wav", "_type": "audio-file"}], "captions": ["Hum"]},
            [("audio", "a.wav", "Hum")],
        ),
        ({"_type": "videos", "videos": [{"path": "a.mp4"}], "captions": False}, [("video", "a.mp4", "")]),
        ({"_type": "html", "html": [{"path": "a.html"}, 7]}, [("html", "a.html", ""), ("html", "", "")]),
        ({"_type": "table-file", "path": "t.table.json", "nrows": 3, "ncols": 2}, [("table", "t.table.json", "")]),
        ({"_type": "plotly-file", "path": "p.plotly.json"}, [("file", "p.plotly.json", "")]),
        ({"_type": "image-file", "artifact_path": "wandb-client-artifact://x/a.png"}, [("image", "", "")]),
        ({"_type": "images/separated", "filenames": ["wandb-client-artifact://x/a.png"]}, [("image", "", "")]),
        ({"_type": "images/separated", "filenames": "x", "captions": 3}, []),
        ({"_type": "image-file", "path": 7, "width": -1, "caption": {}}, [("image", "", "")]),
        ({"_type": "images/separated", "filenames": ["x.png"] * 10_000}, [("image", "x.png", "")] * 120),
        ({"_type": "unknown"}, []),
    ],
)
def test_a_record_says_which_files_it_has(record, items):
    found, count = media_records.items(record)
    assert [(item.kind, item.path, item.caption) for item in found] == items
    assert count >= len(found)


@pytest.mark.parametrize(
    ("record", "counts", "limits"),
    [
        ({"values": [1, 2, 3], "bins": [0, 1, 2, 3]}, (1, 2, 3), (0, 3)),
        ({"values": [1, 2], "packedBins": {"min": -1, "size": 0.5, "count": 2}}, (1, 2), (-1, 0)),
        ({"values": [1, None, -2], "bins": [0, 1, 2, 3]}, (1, 0, 0), (0, 3)),
        ({"values": [1] * 100, "bins": [0, 1]}, (2,) * 50, (0, 1)),
    ],
)
def test_a_histogram_has_the_counts_of_its_bins(record, counts, limits):
    [item], _ = media_records.items({"_type": "histogram", **record})
    assert item.counts == counts and (item.least, item.greatest) == limits


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"values": [], "bins": []},
        {"values": [1], "bins": ["NaN", 2]},
        {"values": [1], "bins": 3},
        {"values": [1], "packedBins": {"min": "x"}},
        {"values": [1e308] * 200, "bins": [0, 1]},
    ],
)
def test_a_histogram_that_makes_no_sense_has_none(record):
    assert media_records.items({"_type": "histogram", **record})[0] == []


def test_keys_have_media_in_the_history_or_in_the_summary(run, log):
    log({"loss": 1, "val": {"sample": image("a.png")}}, {"val": {"sample": image("b.png")}, "Hist": {"_type": "x"}})
    run.summary = {"table": {"_type": "table-file", "path": "t.table.json"}, "loss": 1, "val": {"sample": image("b")}}

    assert media.keys(run) == [("table", "table", 0), ("val.sample", "image", 2)]
    latest = media.latest(run, ["table", "val.sample"])
    assert (latest["val.sample"].step, latest["val.sample"].items[0].path) == (1, "b.png")
    assert (latest["table"].step, latest["table"].items[0].path) == (None, "t.table.json")
    assert media.of_summary(run, "table") == latest["table"]
    assert media.of_summary(run, "loss") is None


def test_what_is_too_far_back_comes_from_the_summary(run, log, monkeypatch):
    monkeypatch.setattr(media, "MAX_LATEST_BYTES", 1)
    monkeypatch.setattr(streams, "MAX_CHUNK_LINES", 2)
    monkeypatch.setattr("tracking.chunks._BACKWARDS_BATCH_BYTES", 1)
    log({"old": image("a.png"), "older": image("b.png")}, *({"loss": 1} for _ in range(5)))
    run.summary = {"old": image("a.png")}

    latest = media.latest(run, ["old", "older"])
    assert list(latest) == ["old"] and latest["old"].step is None


def test_pages_of_a_key_go_back_in_steps(run, log, monkeypatch):
    monkeypatch.setattr(media, "MAX_RECORDS", 2)
    log(*({"sample": image(f"{number}.png")} if number % 2 else {"loss": 1} for number in range(10)))

    found = media.page(run, "sample")
    assert [record.step for record in found.records] == [9, 7]
    found = media.page(run, "sample", found.next_line)
    assert [record.step for record in found.records] == [5, 3]
    found = media.page(run, "sample", found.next_line)
    assert [record.step for record in found.records] == [1] and found.next_line is None
    assert media.page(run, "loss") == ([], None)


def test_a_page_of_a_key_reads_a_bounded_part_of_the_history(run, log, monkeypatch):
    monkeypatch.setattr(media, "MAX_PAGE_BYTES", 1)
    monkeypatch.setattr(streams, "MAX_CHUNK_LINES", 2)
    monkeypatch.setattr("tracking.chunks._BACKWARDS_BATCH_BYTES", 1)
    log({"sample": image("a.png")}, *({"loss": 1} for _ in range(5)))

    assert media.page(run, "sample") == ([], 4)
    assert media.page(run, "sample", 4) == ([], 2)
    [record] = media.page(run, "sample", 2).records
    assert (record.step, record.line) == (0, 0)
