"""Models of what runs stream."""

from tracking.models.chunk import RunChunk
from tracking.models.file import RunFile
from tracking.models.series import RunSeries
from tracking.models.stream import RunStream, Stream
from tracking.models.writer import HistoryWriter

__all__ = ["HistoryWriter", "RunChunk", "RunFile", "RunSeries", "RunStream", "Stream"]
