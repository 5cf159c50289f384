from datetime import datetime, timedelta, timezone

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import timestamps


@pytest.mark.parametrize(
    ("at", "wire"),
    [
        ("2026-05-03T12:00:00Z", "2026-05-03T12:00:00Z"),
        ("2026-05-03T14:00:00+02:00", "2026-05-03T12:00:00Z"),
        ("2026-05-03 14:00+0200", "2026-05-03T12:00:00Z"),
        ("2026-05-03t12:00:00.25z", "2026-05-03T12:00:00.250000Z"),
        ("2026-05-03T12:00:00.123456789Z", "2026-05-03T12:00:00.123456Z"),
        (datetime(2026, 5, 3, 12, tzinfo=timezone.utc), "2026-05-03T12:00:00Z"),
        (datetime(2026, 5, 3, 7, tzinfo=timezone(timedelta(hours=-5))), "2026-05-03T12:00:00Z"),
    ],
)
def test_a_timestamp_is_sent_in_utc(at, wire):
    assert timestamps.to_wire(at) == wire


@pytest.mark.parametrize("at", ["2026-05-03T12:00:00", "2026-05-03 12:00", datetime(2026, 5, 3, 12)])
def test_a_timestamp_without_a_time_zone_is_rejected(at):
    with pytest.raises(wandb.Invalid, match=r"has no time zone.*datetime\.now\(timezone\.utc\)"):
        timestamps.to_wire(at)


@pytest.mark.parametrize("at", ["", "yesterday", "2026-05-03", "2026-13-03T12:00:00Z", "2026-05-03T25:00:00Z", 7, True])
def test_an_invalid_timestamp_is_rejected(at):
    with pytest.raises(wandb.Invalid, match="is not a timestamp"):
        timestamps.to_wire(at)
