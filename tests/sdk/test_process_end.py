"""How a process ended is known, whoever ended it and whoever showed the exception."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import wanllmdb
from wanllmdb.sdk import process_end
from wanllmdb.sdk.process_end import CRASHED, FINISHED, KILLED

# `name` stands for the module under which the program runs.
PROGRAM = """
{before}
import atexit, sys
from wanllmdb.sdk import process_end
process_end.watch()
atexit.register(lambda: print(*process_end.outcome()[:2], flush=True))
{ending}
"""
IN_A_THREAD = "import threading; t = threading.Thread(target=lambda: {}); t.start(); t.join()"

ENDINGS = {
    "": "finished 0",
    "sys.exit()": "finished 0",
    "sys.exit(0)": "finished 0",
    "sys.exit(False)": "finished 0",
    "exit(0)": "finished 0",
    "raise SystemExit": "finished 0",
    "raise SystemExit()": "finished 0",
    "raise SystemExit(0)": "finished 0",
    "raise SystemExit(None)": "finished 0",
    "sys.exit(0.0)": "crashed 1",
    "sys.exit(2)": "crashed 2",
    "sys.exit(-1)": "crashed -1",
    "sys.exit(2**40)": "crashed 1",
    "sys.exit('no data')": "crashed 1",
    "exit(1)": "crashed 1",
    "quit('no data')": "crashed 1",
    "raise SystemExit(3)": "crashed 3",
    "raise SystemExit('no data')": "crashed 1",
    "1 / 0": "crashed 1",
    "sys.excepthook = lambda *error: None\n1 / 0": "crashed 1",
    "sys.excepthook = None\n1 / 0": "crashed 1",
    "raise KeyboardInterrupt": "killed None",
    "def main(): sys.exit(4)\nmain()": "crashed 4",
    # What did not end the program says nothing of its end.
    "try: sys.exit(1)\nexcept SystemExit: pass": "finished 0",
    "try: exit(1)\nexcept SystemExit: pass\nraise SystemExit": "finished 0",
    "try: 1 / 0\nexcept ZeroDivisionError: sys.excepthook(*sys.exc_info())": "finished 0",
    IN_A_THREAD.format("sys.exit(1)"): "finished 0",
    IN_A_THREAD.format("1 / 0"): "finished 0",
    "try: sys.exit(1)\nfinally: sys.exit(0)": "finished 0",
}


def last_line(code: str, *options: str, **kwargs: object) -> str:
    result = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, **kwargs)
    return result.stdout.splitlines()[-1]


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_end_of_a_program(ending):
    assert last_line(PROGRAM.format(before="", ending=ending)) == ENDINGS[ending]


@pytest.mark.parametrize(
    ("before", "ending", "outcome"),
    [
        ("from sys import exit", "exit(1)", "crashed 1"),
        ("from sys import exit", "exit()", "finished 0"),
        ("from sys import exit as leave", "leave(1)", "crashed 1"),
        # What was shown before the run began is not of its end.
        ("import sys; sys.last_value = ValueError()", "sys.exit(0)", "finished 0"),
    ],
)
def test_what_happened_before(before, ending, outcome):
    assert last_line(PROGRAM.format(before=before, ending=ending)) == outcome


def test_a_module_that_is_run_as_a_program(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM.format(before="", ending="raise SystemExit(3)"))
    path = os.pathsep.join([str(Path(wanllmdb.__file__).parents[1]), str(tmp_path)])
    command = [sys.executable, "-m", "program"]
    result = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert result.stdout == "crashed 3\n"


def test_without_the_functions_of_site():
    root = str(Path(wanllmdb.__file__).parents[1])
    program = PROGRAM.format(before=f"import sys; sys.path.insert(0, {root!r})", ending="sys.exit(3)")
    assert last_line(program, "-S") == "crashed 3"


@pytest.mark.parametrize(
    ("lines", "outcome"), [("1 / 0\n", "finished 0"), ("1 / 0\nexit(3)\n", "crashed 3"), ("exit()\n", "finished 0")]
)
def test_an_interactive_session_goes_on_after_an_exception(lines, outcome):
    program = PROGRAM.format(before="", ending="")
    result = subprocess.run([sys.executable, "-i", "-c", program], input=lines, capture_output=True, text=True)
    assert result.stdout.splitlines()[-1] == outcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, FINISHED),
        (SystemExit(), FINISHED),
        (SystemExit(3), ("crashed", 3)),
        (KeyboardInterrupt(), KILLED),
        (ValueError(), CRASHED),
    ],
)
def test_the_end_of_a_block(error, outcome):
    assert process_end.outcome_of(error)[:2] == outcome[:2]


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("no data"), "ValueError: no data"),
        (ValueError("a\n  last\x1b[0m \ud800\n\n"), "last [0m"),
        (KeyError(), "KeyError"),
        (ValueError("x" * 9999), f"ValueError: {'x' * 1012}"),
        (SystemExit("no\nrows"), "rows"),
        (SystemExit(3), ""),
        (KeyboardInterrupt("x"), ""),
        (Unprintable(), "Unprintable"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else type(value).__name__,
)
def test_the_last_line_of_an_error(error, line):
    assert process_end.outcome_of(error).error == line
