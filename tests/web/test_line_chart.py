"""Line charts as the server draws them: paths, gaps, round ticks, a logarithmic scale, and lines that are long."""

import math
import re

import pytest

from web.runs import chart_axis, line_chart
from web.runs.chart_axis import Unit
from web.runs.line_chart import Line


def _labels(axis: chart_axis.Axis | None) -> list[str]:
    assert axis is not None
    return [tick.label for tick in axis.ticks]


def test_a_line_goes_from_corner_to_corner():
    chart = line_chart.draw("loss", [Line("a", 0, [(0, 0.0), (1, 5.0), (2, 10.0)])])

    (path,) = chart.paths
    assert path.d == "M0 963l500 -463l500 -463"
    assert (path.minimum, path.maximum, path.last, path.count) == (0, 10, 10, 3)
    assert (path.xs, path.ys) == ("0 1 2", "0 5 10")
    assert _labels(chart.y_axis) == ["0", "2", "4", "6", "8", "10"]


def test_a_value_that_is_no_number_is_a_gap_and_a_point_between_two_is_a_dot():
    points = [(0, 1.0), (1, math.nan), (2, 1.0), (3, math.inf), (4, 1.0), (5, 1.0)]
    chart = line_chart.draw("loss", [Line("a", 0, points)])

    assert chart.paths[0].d == "M0 500h0M400 500h0M800 500l200 0"
    assert chart.paths[0].ys == "1 - 1 - 1 1" and chart.paths[0].count == 4


def test_a_logarithmic_scale_counts_what_it_has_no_place_for():
    points = [(0, 100.0), (1, 0.0), (2, -1.0), (3, 0.01)]
    chart = line_chart.draw("loss", [Line("a", 0, points)], log_scale=True)

    assert chart.hidden_count == 2 and chart.paths[0].d == "M0 37h0M1000 963h0"
    assert _labels(chart.y_axis) == ["0.01", "0.1", "1", "10", "100"]
    assert line_chart.draw("loss", [Line("a", 0, points[1:3])], log_scale=True).is_empty


def test_without_values_it_is_empty():
    for lines in ([], [Line("a", 0, [])], [Line("a", 0, [(0, math.nan)])], [Line("a", 0, [(math.nan, 1.0)])]):
        chart = line_chart.draw("loss", lines)
        assert chart.is_empty and not any(path.d for path in chart.paths)


def test_a_long_line_keeps_its_peaks_its_gaps_and_its_ends():
    points = [(step, math.sin(step)) for step in range(100_000)]
    points[54_321] = (54_321, 99.0)
    points[77_777] = (77_777, math.nan)
    chart = line_chart.draw("loss", [Line("a", 0, points), Line("b", 1, points)], max_points=400)

    for path in chart.paths:
        assert 200 <= len(path.xs.split()) <= 210
        assert path.maximum == 99 and "99" in path.ys.split() and "-" in path.ys.split()
        assert path.d.count("M") == 2 and path.count == 99_999
        assert path.xs.split()[0] == "0" and path.xs.split()[-1] == "99999"


@pytest.mark.parametrize(
    "values",
    [
        (-1.7e308, 1.7e308),
        (5e-324, 1e-323),
        (5e-324, 1.7e308),
        (1e16, 1e16 + 2),
        (2.0**63, 2.0**63),
        (0.0, -0.0),
        (1 / 3, 1 / 3 + 1e-16),
    ],
)
def test_no_number_is_too_large_or_too_small(values):
    for log_scale in (False, True):
        for x_unit in Unit:
            points = list(zip(values, values, strict=True))
            chart = line_chart.draw("loss", [Line("a", 0, points)], log_scale=log_scale, x_unit=x_unit)
            numbers = map(int, re.findall(r"\d+", "".join(path.d for path in chart.paths)))
            assert all(number <= 1001 for number in numbers)
            for axis in filter(None, (chart.x_axis, chart.y_axis)):
                assert len(axis.ticks) <= 20 and all(0 <= tick.position <= 1000 for tick in axis.ticks)
                assert len(set(_labels(axis))) == len(axis.ticks)


@pytest.mark.parametrize(
    ("low", "high", "unit", "labels"),
    [
        (0, 1_000_000, Unit.NUMBER, ["0", "200k", "400k", "600k", "800k", "1M"]),
        (0.00001, 0.00003, Unit.NUMBER, ["1e−5", "1.5e−5", "2e−5", "2.5e−5", "3e−5"]),
        (999, 1001, Unit.NUMBER, ["999", "999.5", "1k", "1.0005k", "1.001k"]),
        (-1, 1, Unit.NUMBER, ["−1", "−0.5", "0", "0.5", "1"]),
        (0, 90, Unit.DURATION, ["0 s", "15 s", "30 s", "45 s", "60 s", "75 s", "90 s"]),
        (0, 10_000, Unit.DURATION, ["0 min", "30 min", "60 min", "90 min", "120 min", "150 min"]),
        (0, 500_000, Unit.DURATION, ["0 d", "1 d", "2 d", "3 d", "4 d", "5 d"]),
        (1_700_000_000, 1_700_000_100, Unit.TIME, ["22:13:30", "22:14:00", "22:14:30", "22:15:00"]),
        (1_700_000_000, 1_700_300_000, Unit.TIME, ["Nov 15", "Nov 16", "Nov 17", "Nov 18"]),
    ],
)
def test_ticks_are_round(low, high, unit, labels):
    assert _labels(chart_axis.fit([low, high], unit, padding=False)) == labels


def test_smoothing_has_no_bias_towards_zero_and_keeps_gaps():
    points = [(0, 10.0), (1, 10.0), (2, math.nan), (3, 10.0), (4, 20.0)]
    smoothed = [y for _, y in line_chart.smooth(points, 0.9)]

    assert smoothed[0] == smoothed[1] == pytest.approx(10) and math.isnan(smoothed[2])
    assert smoothed[3] == pytest.approx(10) and 10 < smoothed[4] < 20
    assert line_chart.smooth(points[:2], 0) == points[:2]


def test_strokes_differ_beyond_the_colours():
    chart = line_chart.draw("loss", [Line(str(index), index, [(0, index)]) for index in range(16)])

    assert len({(path.colour, path.dash) for path in chart.paths}) == 16
    assert {path.dash for path in chart.paths[:4]} == {0}
