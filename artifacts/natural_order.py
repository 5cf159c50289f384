"""The order in which people expect files: folders first, `img2` before `img10`, without regard to case.

Each file has a key that sorts so by its bytes, on every database, as one index then can. All files of a folder have
keys that begin with the folder's own, so they stand together.
"""

import hashlib
import re
from functools import lru_cache

# Names further down are in the order of their bytes: the longest key fits into an index of PostgreSQL.
MAX_DEPTH = 16

# No name has control characters. What each name in a key ends with, and the first text after all that continues it.
END = "\x01"
AFTER = "\x02"
# What each name in a key begins with, so that the folders and the files of one folder are a range of keys each.
FOLDER = "\x02"
FILE = "\x03"
AFTER_FILES = "\x04"
_TIE = "\x04"
_NUMBER = re.compile("([0-9]+)")
# Digits: no path has as many, and of longer numbers in files the first digits decide.
_LONGEST_NUMBER = 50_000


def sort_key(path: str) -> str:
    """The key of a file; of a folder, where the path ends with a slash; "" for the root.

    Two paths never have the same key. At most 2,400 bytes for a path of 1,024.
    """
    folder, _, name = path.rpartition("/")
    key = _folder_key(folder) if folder else ""
    return f"{key}{FILE}{_name_key(name, path.count('/'))}{END}" if name else key


@lru_cache(maxsize=1024)
def _folder_key(path: str) -> str:
    """Files that are added together are in few folders."""
    return "".join(f"{FOLDER}{_name_key(name, depth)}{END}" for depth, name in enumerate(path.split("/")))


def _name_key(name: str, depth: int) -> str:
    if depth >= MAX_DEPTH:
        return name
    lower = name.lower()
    is_plain = name == lower
    # Text and numbers by turns.
    runs = _NUMBER.split(lower)
    for index in range(1, len(runs), 2):
        digits = runs[index].lstrip("0") or "0"
        is_plain = is_plain and digits == runs[index]
        # The number after its length: of two numbers the longer one is the greater.
        runs[index] = f"0{chr(ord('0') + min(len(digits), _LONGEST_NUMBER))}{digits}"
    key = "".join(runs)
    # `Img02` and `img2` differ in nothing else. In full, the name could make the key too long. Names in files, unlike
    # those of files, may hold half of a surrogate pair.
    return key if is_plain else f"{key}{_TIE}{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
