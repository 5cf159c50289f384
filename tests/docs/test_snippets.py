"""The snippets of every page work, from the top of the page to its end."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import page_reader
from tests.docs.conftest import PAGES, title

TIMEOUT_SECONDS = 300
RUNNABLE = [page for page in PAGES if any(page_reader.snippets(page.read_text()))]


@pytest.mark.parametrize("page", RUNNABLE, ids=title)
def test_a_page_runs_from_top_to_bottom(terminal, tmp_path, page: Path):
    assert shutil.which("curl"), "curl is not installed: `make test` does that."
    directory = tmp_path / "reader"
    directory.mkdir()
    done = subprocess.run(
        [sys.executable, page_reader.__file__, page],
        cwd=directory,
        env=terminal(page),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )

    assert done.returncode == 0, done.stdout


def read(page: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, page_reader.__file__, page], cwd=page.parent, capture_output=True, text=True)


def test_blocks_marked_as_bash_and_python_are_snippets():
    page = "\n".join(
        [
            *("# Title", "```console", "$ make run", "```"),
            *("```bash", "echo one", "```"),
            *("```bash text", "echo never", "```"),
            *("1. indented", "   ```python", "   if True:", "       pass", "   ```"),
            *("````markdown", "```bash", "echo shown, not run", "```", "````"),
        ]
    )

    assert list(page_reader.snippets(page)) == [
        page_reader.Snippet("bash", 5, "echo one\n"),
        page_reader.Snippet("python", 12, "if True:\n    pass\n"),
    ]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```bash\nA=$(false | cat)\n```\n```bash\necho never\n```\n", "page.md, line 1: this failed."),
        ("```python\nanswer = 1\n```\n\n```python\nassert answer == 2\n```\n", 'page.md", line 6'),
    ],
)
def test_the_failure_of_a_snippet_names_its_line(tmp_path, page, message):
    (tmp_path / "page.md").write_text(page)
    done = read(tmp_path / "page.md")

    assert done.returncode == 1
    assert message in done.stderr
    assert "never" not in done.stdout


def test_a_bash_block_keeps_the_state_of_the_previous_one(tmp_path):
    page = "```bash\nA=1\nf() { echo f; }\ncd /\n```\n```bash\necho $A $(f) $PWD\n```\n"
    (tmp_path / "page.md").write_text(page)
    done = read(tmp_path / "page.md")

    assert done.stdout == "1 f /\n", done.stderr
