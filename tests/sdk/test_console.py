import io
import os
import pty
import subprocess
import sys

import pytest

from wanllmdb.sdk.console import Console


def test_it_says_lines_on_standard_output(capsys):
    Console().say("  ✓ Artifact 'a:v1' ready")
    assert capsys.readouterr() == ("  ✓ Artifact 'a:v1' ready\n", "")


def test_silent_is_silent_but_for_warnings(capsys):
    Console(silent=True).say("x")
    Console(silent=True).warn("the end of the run could not be reported")
    assert capsys.readouterr() == ("", "wanllmdb: the end of the run could not be reported\n")


def test_a_console_that_knows_no_check_mark_gets_a_plus(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    Console().say("    ✓ 'latest' → 'ü'")
    assert raw.getvalue() == b"    + 'latest' -> '\\xfc'\n"


def test_half_a_surrogate_pair_in_a_name_is_escaped(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="utf-8"))
    Console().say("caf\udce9 ✓")
    assert raw.getvalue() == b"caf\\udce9 +\n"


def test_a_console_that_is_closed_or_absent_stops_nobody(monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    Console().say("x")
    monkeypatch.setattr(sys, "stdout", None)
    Console().say("x")


def test_in_a_pipe_there_is_no_bar(capsys):
    with Console().progress("Uploading", 100) as tell:
        tell(50)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("silent", "is_shown"), [(False, True), (True, False)])
def test_on_a_terminal_there_is_a_bar_unless_silent(silent, is_shown):
    script = f"""
import time
from wanllmdb.sdk.console import Console
with Console(silent={silent}).progress("Uploading", 100 << 20) as tell:
    tell(50 << 20)
    time.sleep(0.3)
"""
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", script], stderr=theirs, env={**os.environ, "TERM": "xterm"}, check=True)
    os.write(theirs, b"end")
    assert (b"Uploading" in os.read(ours, 1 << 16)) == is_shown
    os.close(ours)
    os.close(theirs)
