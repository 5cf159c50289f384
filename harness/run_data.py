"""What runs stream and save: a console, media of every kind and other files. `manage.py shell` runs `fill`."""

import base64
import io
import json
import math
import struct
import wave
import zlib

from accounts.actor import Actor, Channel
from accounts.models import User
from artifacts import storage
from harness.long_names import RUN, long
from harness.run_names import CONFIG, IMAGE, NOTES, PAGE, TABLE
from projects.models import Run
from tracking import files, streams
from tracking.models import Stream

STEPS = 12
_COLOURS = ((47, 85, 200), (29, 107, 60), (174, 37, 37), (133, 84, 0))


def fill() -> None:
    """The run that trains the ranker, and the one with the longest name, whose texts are as long."""
    alice = Actor(User.objects.get(username="alice"), Channel.SDK)
    write(alice, Run.objects.select_related("project__team").get(display_name="train-ranker"))
    write(alice, Run.objects.select_related("project__team").get(name=RUN), is_crowded=True)


def write(actor: Actor, run: Run, *, is_crowded: bool = False) -> None:
    streams.append(actor, run, Stream.CONSOLE, 0, list(_console(is_crowded)))
    bodies = {CONFIG: b"epochs: 8\n", NOTES: b"# Notes\n\nBetter *tonight*.\n"}
    bodies |= {TABLE: _table(is_crowded), PAGE: _page()}
    bodies |= {"media/audio/hum_11_0.wav": _wav(), "media/graph/odd.bin": bytes(range(256))}
    for step in range(STEPS):
        bodies |= {f"media/images/samples_{step}_{number}.png": _png(step + number) for number in range(6)}
    if is_crowded:
        bodies |= {f"{long('folder', 120)}/{number:02}_{long('file', 100)}.txt": b"x\n" for number in range(60)}
    _save(actor, run, bodies)
    # Behind what it has logged already.
    first = streams.line_count(run, Stream.HISTORY)
    rows = [json.dumps({"_step": first + step, **_row(step, is_crowded)}) for step in range(STEPS)]
    streams.append(actor, run, Stream.HISTORY, first, rows)


def _save(actor: Actor, run: Run, bodies: dict[str, bytes]) -> None:
    names = list(bodies)
    for file, _ in files.begin(actor, run, names):
        storage.upload_file(file.upload.key, bodies[file.name])
    files.mark_uploaded(actor, run, names)


def _console(is_crowded: bool) -> list[str]:
    texts = ["Reading \x1b[1mratings\x1b[0m …", "\x1b[33mWARNING\x1b[0m no GPU, training on the CPU"]
    for epoch in range(120):
        loss = 1 / (epoch + 2)
        texts.append(f"\x1b[32mepoch {epoch:>3}\x1b[0m  loss \x1b[36m{loss:.4f}\x1b[0m  \x1b[2m{epoch * 3} s\x1b[0m")
        if epoch % 40 == 7:
            texts.append(f"ERROR Traceback: batch {epoch} has \x1b[1;31mNaN\x1b[0m in it, skipped")
    texts.append("\x1b[44;97m done \x1b[0m wrote model.safetensors")
    if is_crowded:
        texts += [long("one_word", 1_000), "\u202eturned", "tab\tbed", "", long("道路標識", 500)]
    lines = []
    for number, text in enumerate(texts):
        is_error = text.startswith("ERROR ")
        stamp = f"2026-05-03T12:{number // 60 % 60:02}:{number % 60:02}.000000"
        lines.append(f"{'ERROR ' * is_error}{stamp} {text.removeprefix('ERROR ')}")
    return lines


def _row(step: int, is_crowded: bool) -> dict[str, object]:
    names = [f"media/images/samples_{step}_{number}.png" for number in range(6)]
    spread = [round(100 * math.exp(-(((number - 16 - step) / 6) ** 2))) for number in range(40)]
    row: dict[str, object] = {
        "samples": {"_type": "images/separated", "filenames": names, "count": 6,
                    "captions": [f"label {number}" for number in range(6)]},
        "weights": {"_type": "histogram", "values": spread, "bins": [number / 10 - 2 for number in range(41)]},
    }  # fmt: skip
    if step == STEPS - 1:
        row |= {
            "val": {"sample": {"_type": "image-file", "path": IMAGE, "caption": "The hardest one"}},
            "hum": {"_type": "audio-file", "path": "media/audio/hum_11_0.wav", "caption": "440 Hz"},
            "predictions": {"_type": "table-file", "path": TABLE, "nrows": 250, "ncols": 4},
            "report": {"_type": "html-file", "path": PAGE},
            "graph": {"_type": "graph-file", "path": "media/graph/odd.bin"},
            "lost": {"_type": "image-file", "path": "media/images/lost.png"},
        }
    if is_crowded:
        caption = long("caption", 300)
        row |= {long("key", 300): {"_type": "image-file", "path": names[0], "caption": caption}}
        row |= {f"{long('section', 80)}/{number}": row["weights"] for number in range(30)}
    return row


def _table(is_crowded: bool) -> bytes:
    word = long("cell", 300) if is_crowded else "item"
    rows = [[number, f"{word} {number}", round(1 / (number + 1), 5), None] for number in range(250)]
    columns = ["id", long("title", 80) if is_crowded else "title", "score", "note"]
    return json.dumps({"columns": columns, "data": rows}).encode()


def _page() -> bytes:
    image = base64.b64encode(_png(1)).decode()
    return (
        "<!doctype html><style>p { color: #1d6b3c; font-family: sans-serif }</style><p>Report <b>of the run</b></p>"
        f'<img alt="" src="data:image/png;base64,{image}"><script>document.body.innerHTML = "a script ran"</script>'
    ).encode()


def _png(number: int) -> bytes:
    """16 × 12 pixels, striped."""

    def part(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(
        b"\0" + b"".join(bytes(_COLOURS[(number + (column + line) // 4) % len(_COLOURS)]) for column in range(16))
        for line in range(12)
    )
    head = struct.pack(">IIBBBBB", 16, 12, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")


def _wav() -> bytes:
    body = io.BytesIO()
    with wave.open(body, "wb") as sound:
        sound.setparams((1, 2, 8_000, 0, "NONE", ""))
        sound.writeframes(b"".join(struct.pack("<h", round(8_000 * math.sin(n * 0.3456))) for n in range(4_000)))
    return body.getvalue()
