"""Runs the snippets of a documentation page, in order, in one shell and one interpreter.

    python page_reader.py PAGE

Every ```bash and ```python block is run, unless `text` follows the language; ```console shows what people type.
Variables, functions and the working directory of a bash block are kept for the next one. It is a program of its own,
so that nothing of the server is imported, as in a reader's terminal.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

# `-a` exports every variable, so that `export -p` saves it for the next block.
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
            # Empty lines before the snippet make the line numbers of a traceback those of the page.
            exec(compile("\n" * snippet.line + snippet.code, page, "exec"), names)
        elif subprocess.run(["bash", "-c", shell(snippet.code, state)]).returncode:
            sys.exit(f"{page.name}, line {snippet.line}: this failed.\n\n{snippet.code}")


def snippets(text: str) -> Iterator[Snippet]:
    """The snippets of a page that are run, each with the line of its opening fence."""
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
        language, *flags = info.split() or [""]
        if language in ("bash", "python") and "text" not in flags:
            yield Snippet(language, number, "\n".join(body) + "\n")


def shell(code: str, state: Path) -> str:
    return BEFORE.format(state=state) + code + AFTER.format(state=state)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
