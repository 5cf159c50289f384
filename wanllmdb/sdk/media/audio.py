"""The public classes `Audio` and `Video`."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.arguments import checked
from wanllmdb.sdk.media.base import FileMedia, captions, extension_of, is_path, local_file, to_array

_MAX_RATE = 2**31 - 1


class Audio(FileMedia):
    """Sound: the path of a file, or an array of samples from -1 to 1 with its `sample_rate`, which becomes a WAV file.

    An array has the shape (samples,) or (samples, channels). Raises `Invalid`.
    """

    _type = "audio-file"
    _directory = "audio"

    @checked(leaves=("data_or_path",))
    def __init__(self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None) -> None:
        self._sample_rate = sample_rate
        self._duration: float | None = None
        content: bytes | Path
        if is_path(data_or_path):
            content = local_file(data_or_path, "Audio")
            super().__init__(content, extension_of(content, "wav"), caption)
            return
        if sample_rate is None or not 0 < sample_rate <= _MAX_RATE:
            raise errors.Invalid("Audio of an array needs its sample_rate: Audio(samples, sample_rate=44_100)")
        content, self._duration = _encode(data_or_path, sample_rate)
        super().__init__(content, "wav", caption)

    @classmethod
    def _to_list_record(cls, items: Sequence[Any], records: list[dict[str, Any]]) -> Any:
        record: dict[str, Any] = {"_type": "audio", "count": len(records), "audio": records, **captions(items)}
        if any(item._sample_rate for item in items):
            record["sampleRates"] = [item._sample_rate for item in items]
        if any(item._duration for item in items):
            record["durations"] = [item._duration for item in items]
        return record


class Video(FileMedia):
    """A film: the path of a file, such as mp4, webm or gif. Raises `Invalid`."""

    _type = "video-file"
    _directory = "videos"

    @checked(leaves=("data_or_path",))
    def __init__(
        self, data_or_path: Any, caption: str | None = None, fps: int | None = None, format: str | None = None
    ) -> None:
        if not is_path(data_or_path):
            raise errors.Invalid("Video takes the path of a file: encode frames with a library such as imageio")
        content = local_file(data_or_path, "Video")
        super().__init__(content, extension_of(content, format or "mp4"), caption)

    @classmethod
    def _to_list_record(cls, items: Sequence[Any], records: list[dict[str, Any]]) -> Any:
        return {"_type": "videos", "count": len(records), "videos": records, **captions(items)}


def _encode(value: Any, rate: int) -> tuple[bytes, float]:
    """A WAV file of 16 bits, and how many seconds it lasts."""
    samples = to_array(value, "Audio")
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and not 0 < samples.shape[1] <= 32):
        raise errors.Invalid(
            f"Audio takes an array of the shape (samples,) or (samples, channels), not {samples.shape}"
        )
    if samples.dtype.kind == "f":
        samples = samples.astype("float64")
        samples[samples != samples] = 0  # what is no number is silence
        samples = samples.clip(-1, 1) * 32_767
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.clip(-32_768, 32_767).astype("<i2").tobytes())
    return file.getvalue(), len(samples) / rate
