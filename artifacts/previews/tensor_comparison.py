"""Two files of tensors: which came, went, or changed their type, their shape or their values.

Values are compared as bytes, up to a limit: of safetensors those of the beginning of each tensor, of npz by the
checksums in the archive. Runs in a sandboxed process.
"""

import time
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, replace

from artifacts import natural_order
from artifacts.previews import tensor_preview
from artifacts.previews.comparison_results import MAX_TENSOR_CHANGES, TensorChange, TensorChanges
from artifacts.previews.reader import Reader, SeekableFile
from artifacts.previews.results import FormatMismatch, PreviewTooLarge, Tensor, cell

# Of each file. The readers have limits of their own, above these.
MAX_COMPARED = 12 * 2**20
MAX_TENSORS_READ = 300
_MIN_SHARE = 16 * 2**10
_SECONDS = 2.5
_KINDS = ("added", "removed", "changed", "values")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A tensor: where its bytes are in a safetensors file, or the member of an archive that holds it."""

    tensor: Tensor | None
    begin: int = 0
    size: int = 0
    checksum: tuple[int, int] | None = None

    @property
    def type(self) -> str:
        return f"{self.tensor.dtype} {self.tensor.dimensions}" if self.tensor else ""


def compare(suffix: str, before: Reader, after: Reader) -> TensorChanges:
    """Raises `FormatMismatch` and `PreviewTooLarge` as the previews of these files do."""
    if suffix == ".npz":
        return _compare_archives(before, after)
    old, new = _safetensors(before), _safetensors(after)
    pairs = {name: (old[name], new[name]) for name in old if name in new and old[name].type == new[name].type}
    return _changes(old, new, *_compare_values(before, after, pairs))


def _compare_values(
    before: Reader, after: Reader, pairs: dict[str, tuple[_Entry, _Entry]]
) -> tuple[set[str], set[str]]:
    """Of tensors of the same type and shape, those that differ, and those of which that is not known."""
    share = max(_MIN_SHARE, MAX_COMPARED // max(1, len(pairs)))
    left, deadline = MAX_COMPARED, time.monotonic() + _SECONDS
    changed, unknown = set(), set()
    for number, (name, (old, new)) in enumerate(pairs.items()):
        length = min(old.size, new.size, share)
        if number >= MAX_TENSORS_READ or length > left or time.monotonic() > deadline:
            unknown.add(name)
            continue
        left -= length
        if old.size != new.size or before.read(old.begin, length) != after.read(new.begin, length):
            changed.add(name)
        elif length < old.size:
            unknown.add(name)
    return changed, unknown


def _safetensors(reader: Reader) -> dict[str, _Entry]:
    tensors, start = tensor_preview.read_safetensors(reader)[::2]
    return {name: _Entry(tensor, start + begin, tensor.size or 0) for name, (tensor, begin) in tensors.items()}


def _compare_archives(before: Reader, after: Reader) -> TensorChanges:
    try:
        with zipfile.ZipFile(SeekableFile(before)) as one, zipfile.ZipFile(SeekableFile(after)) as two:
            old, new = _members(one), _members(two)
            same = {name for name in old if name in new and old[name].checksum == new[name].checksum}
            # Their types and shapes take a read each.
            old, new = _with_headers(one, old, same), _with_headers(two, new, same)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise FormatMismatch("This is not an archive of arrays, despite its name.") from error
    changed = {name for name in old if name in new and name not in same}
    return _changes(old, new, changed, set())


def _members(archive: zipfile.ZipFile) -> dict[str, _Entry]:
    members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
    return {
        member.filename.removesuffix(".npy"): _Entry(None, checksum=(member.CRC, member.file_size))
        for member in members
    }


def _with_headers(archive: zipfile.ZipFile, entries: dict[str, _Entry], known: set[str]) -> dict[str, _Entry]:
    names = [name for name in entries if name not in known][: tensor_preview.MAX_MEMBERS]
    read = {}
    for name in names:
        try:
            tensor = tensor_preview.read_member(archive, archive.getinfo(f"{name}.npy"))
        except PreviewTooLarge:
            break
        read[name] = replace(entries[name], tensor=tensor)
    return entries | read


def _changes(old: dict[str, _Entry], new: dict[str, _Entry], changed: set[str], unknown: set[str]) -> TensorChanges:
    changes = []
    for name in sorted(old.keys() | new.keys(), key=natural_order.sort_key):
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            change = "removed" if before else "added"
        elif before.type != after.type:
            change = "changed"
        elif name in changed:
            change = "values"
        else:
            continue
        types = (before.type if before else "", after.type if after else "")
        changes.append(TensorChange(cell(name), change, *types))
    found = Counter(change.change for change in changes)
    counts = {kind: found[kind] for kind in _KINDS}
    both = len(old.keys() & new.keys())
    same = both - counts["changed"] - counts["values"] - len(unknown)
    more = len(changes) - MAX_TENSOR_CHANGES
    note = f"The first {MAX_TENSOR_CHANGES} of {len(changes):,} changes are shown." if more > 0 else ""
    return TensorChanges(changes[:MAX_TENSOR_CHANGES], counts, same, len(unknown), note)
