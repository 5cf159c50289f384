import io
import sys

from wanllmdb.sdk.console import Console


def test_lines_go_to_standard_output(capsys):
    Console().info("  ✓ Artifact 'a:v1' ready")
    assert capsys.readouterr() == ("  ✓ Artifact 'a:v1' ready\n", "")


def test_a_silent_console_prints_warnings_only(capsys):
    Console(silent=True).info("x")
    Console(silent=True).warning("could not report the end of the run")
    assert capsys.readouterr() == ("", "wanllmdb: could not report the end of the run\n")


def test_symbols_are_replaced_if_the_encoding_lacks_them(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    Console().info("    ✓ 'latest' → 'ü'")
    assert raw.getvalue() == b"    + 'latest' -> '\\xfc'\n"


def test_a_lone_surrogate_is_escaped(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="utf-8"))
    Console().info("caf\udce9 ✓")
    assert raw.getvalue() == b"caf\\udce9 +\n"


def test_a_closed_or_missing_console_raises_nothing(monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    Console().info("x")
    monkeypatch.setattr(sys, "stdout", None)
    Console().info("x")
