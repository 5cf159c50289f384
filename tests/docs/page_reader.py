"""Reads a page as somebody does who tries everything: its snippets, in order, in one shell and one interpreter.

    python reader.py PAGE

Every ```bash and ```python block is run, unless `text` stands after the language; ```console shows what people type.
Variables, functions and the directory of one bash block are there in the next. A program of its own, as a reader has
his own terminal: nothing of the server is in it.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

# `-a` hands every variable on, as if all were exported, so that the next block can be told of them.
BEFORE = "set -aeuo pipefail\n[ ! -e {state} ] || . {state}\n"
AFTER = '\n{{ export -p; declare -f; printf "cd %q\\n" "$PWD"; }} >{state}\n'


class Snippet(NamedTuple):
    language: str
    line: int
    code: str


def main(page: Path) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    state = Path.cwd() / ".shell-state"
    for snippet in snippets(page.read_text()):
        if snippet.language == "python":
            # As many lines before it as the page has: a traceback names the page's own.
            exec(compile("\n" * snippet.line + snippet.code, page, "exec"), names)
        elif subprocess.run(["bash", "-c", shell(snippet.code, state)]).returncode:
            sys.exit(f"{page.name}, line {snippet.line}: this failed.\n\n{snippet.code}")


def snippets(text: str) -> Iterator[Snippet]:
    """What is to be run of a page, each with the line that its fence opens on."""
    lines = enumerate(text.splitlines(), 1)
    for number, line in lines:
        opening = re.fullmatch(r"( *)(`{3,})(.*)", line)
        if opening is None:
            continue
        indent, fence, info = opening.groups()
        body = []
        for _, inside in lines:
            if inside.strip() == fence:
                break
            body.append(inside.removeprefix(indent))
        language, *words = info.split() or [""]
        if language in ("bash", "python") and "text" not in words:
            yield Snippet(language, number, "\n".join(body) + "\n")


def shell(code: str, state: Path) -> str:
    return BEFORE.format(state=state) + code + AFTER.format(state=state)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
