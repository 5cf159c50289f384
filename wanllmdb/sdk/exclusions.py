"""Which files of a directory are left out: patterns as in `.gitignore`, given by the caller or in files."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.paths import StrPath

IGNORE_FILE = ".wanllmdbignore"
_STAR = "[^/]*"
_FOLDERS = "(?:.*/)?"
_TOKEN = re.compile(r"(?:\A|(?<=/))(?:\*\*/)+|/\*\*\Z|\A\*\*\Z|\*+|\?|\[!?\]?[^\]]*\]|\\?.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Rule:
    folder: str
    """The folder that the pattern is relative to; empty, or with a slash at its end."""
    regex: re.Pattern[str]
    is_negated: bool
    only_folders: bool

    def matches(self, path: str, is_folder: bool) -> bool:
        if self.only_folders and not is_folder:
            return False
        return path.startswith(self.folder) and self.regex.fullmatch(path, len(self.folder)) is not None


class Exclusions:
    """Patterns, the last of which that matches decides: `!` before one takes files in again."""

    def __init__(self, patterns: StrPath | Iterable[StrPath] | None = None) -> None:
        """Raises `Invalid` for a pattern that is no text or leads out of the directory."""
        several = patterns if isinstance(patterns, Iterable) and not isinstance(patterns, str | bytes) else [patterns]
        self._given = _parse(several if patterns is not None else (), "")
        self._from_files: tuple[_Rule, ...] = ()

    def with_ignore_file(self, directory: str, folder: str) -> Exclusions:
        """These, with the ones of the ignore file in `directory`, which is `folder` below the top."""
        path = os.path.join(directory, IGNORE_FILE)
        if not os.path.isfile(path):
            return self
        try:
            with open(path, encoding="utf-8-sig") as file:
                lines = file.read().split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise errors.Invalid(f"{path} cannot be read: {error}") from error
        extended = Exclusions()
        extended._given = self._given
        extended._from_files = (*self._from_files, *_parse((line for line in lines if line[:1] != "#"), folder))
        return extended

    def match(self, path: str, is_folder: bool) -> bool:
        """Whether a file or folder is left out. What lies in an excluded folder is not asked for any more."""
        if not path.isascii():
            path = unicodedata.normalize("NFC", path)
        if path.rpartition("/")[2] == IGNORE_FILE:
            return True
        is_excluded = False
        for rule in (*self._from_files, *self._given):
            if rule.is_negated == is_excluded and rule.matches(path, is_folder):
                is_excluded = not is_excluded
        return is_excluded


def _parse(patterns: Iterable[Any], folder: str) -> tuple[_Rule, ...]:
    rules = []
    for pattern in patterns:
        if not isinstance(pattern, str | os.PathLike):
            raise errors.Invalid(f"exclude takes patterns such as '*.pyc' and '.venv/**', not {pattern!r}")
        rule = _parse_one(unicodedata.normalize("NFC", os.fspath(pattern)), folder)
        if rule:
            rules.append(rule)
    return tuple(rules)


def _parse_one(pattern: str, folder: str) -> _Rule | None:
    text = re.sub(r"(?<!\\) +$", "", pattern)
    is_negated = text.startswith("!")
    text = text.removeprefix("!").removeprefix("./")
    only_folders = text.endswith("/")
    text = text.rstrip("/")
    if not text:
        return None
    if ".." in text.split("/"):
        raise errors.Invalid(f"The pattern {pattern!r} leads out of the directory: patterns are relative to it")
    # A pattern with a slash in it is relative to the directory; one without is the name of a file anywhere below it.
    anywhere = "" if "/" in text else "(?:.*/)?"
    try:
        regex = re.compile(anywhere + _to_regex(text.removeprefix("/")), re.DOTALL)
    except re.error as error:
        raise errors.Invalid(f"{pattern!r} is not a pattern: {error}") from error
    return _Rule(folder, regex, is_negated, only_folders)


def _to_regex(pattern: str) -> str:
    """`*` and `?` are within a name, `**` is any number of folders."""
    parts = [_translate(token) for token in _TOKEN.finditer(pattern)]
    wild = [index for index, part in enumerate(parts) if part in (_STAR, _FOLDERS, "/.+", ".+")]
    for begin, end in pairwise(wild):
        if parts[begin] == parts[end] == _STAR:
            # Of what lies between two stars the first place will do: to try all others takes for ever. Python 3.10 has
            # no other way to say so than a group that is looked ahead for.
            parts[begin] = f"(?=(?P<_{begin}>[^/]*?"
            parts[end - 1] += f"))(?P=_{begin})"
    return "".join(parts)


def _translate(token: re.Match[str]) -> str:
    text = token[0]
    if text.endswith("**/"):
        return _FOLDERS
    if text == "/**":
        return "/.+"
    if text == "**":
        return ".+"
    if text.startswith("*"):
        return _STAR
    if text == "?":
        return "[^/]"
    if text.startswith("[") and len(text) > 1:
        characters = text[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"(?!/)[{'^' + characters[1:] if characters.startswith('!') else characters}]"
    return re.escape(text.removeprefix("\\") or text)
