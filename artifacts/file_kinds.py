"""What people call files of a kind: Parquet, Safetensors, YAML. By their names, without a MIME type."""

from pathlib import PurePosixPath

_NAMES = {
    "ARFF": ".arff",
    "Arrow": ".arrow .feather",
    "Audio": ".aac .aiff .flac .m4a .mp3 .oga .ogg .opus .wav",
    "Avro": ".avro",
    "C": ".c .h",
    "C++": ".cc .cpp .cxx .hh .hpp",
    "CSS": ".css",
    "CSV": ".csv",
    "CUDA": ".cu .cuh",
    "Checkpoint": ".ckpt",
    "Core ML": ".mlmodel",
    "Diff": ".diff .patch",
    "Excel": ".xls .xlsx",
    "GGUF": ".gguf",
    "Go": ".go",
    "Gzip": ".gz",
    "HDF5": ".h5 .hdf5",
    "HTML": ".htm .html .xhtml",
    "INI": ".cfg .conf .ini",
    "JPEG image": ".jpeg .jpg",
    "JSON": ".geojson .json",
    "JSON Lines": ".jsonl .ndjson",
    "Java": ".java",
    "JavaScript": ".js .mjs",
    "Joblib": ".joblib",
    "Julia": ".jl",
    "Keras": ".keras",
    "Log": ".err .log .out",
    "Markdown": ".markdown .md",
    "Notebook": ".ipynb",
    "NumPy": ".npy .npz",
    "ONNX": ".onnx",
    "ORC": ".orc",
    "PDF": ".pdf",
    "Parquet": ".parquet .pq",
    "Pickle": ".dill .pickle .pkl",
    "Protocol buffer": ".pb .proto",
    "PyTorch": ".pt .pth",
    "Python": ".py .pyi",
    "R": ".r .rds",
    "Rust": ".rs",
    "SQL": ".sql",
    "SQLite": ".db .sqlite .sqlite3",
    "SVG image": ".svg",
    "Safetensors": ".safetensors",
    "Scala": ".scala",
    "Shell": ".bash .sh .zsh",
    "TFRecord": ".tfrecord .tfrecords",
    "TOML": ".toml",
    "TSV": ".tab .tsv",
    "Tar": ".tar .tbz2 .tgz .txz",
    "TensorFlow Lite": ".tflite",
    "Text": ".text .txt",
    "TypeScript": ".ts .tsx",
    "Video": ".avi .m4v .mkv .mov .mp4 .ogv .webm",
    "Wheel": ".whl",
    "XML": ".xml",
    "YAML": ".yaml .yml",
    "Zip": ".zip",
    "Zstandard": ".zst",
}
RASTER_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".bmp")
_BY_SUFFIX = {suffix: name for name, suffixes in _NAMES.items() for suffix in suffixes.split()}
_BY_NAME = {"dockerfile": "Dockerfile", "makefile": "Makefile", "license": "Text", "readme": "Text"}
_BY_TYPE = {"text": "Text", "image": "Image", "audio": "Audio", "video": "Video", "font": "Font"}
_MAX_SUFFIX = 8


def is_raster_image(path: str) -> bool:
    """Whether a file of this name is an image that browsers show, and not a document with scripts in it, as SVG is."""
    return PurePosixPath(path.lower()).suffix in RASTER_IMAGES


def name_of(path: str, mime_type: str = "") -> str:
    """The kind of a file of this name, else of this MIME type, else by its suffix: `XYZ file`, or `File`."""
    name = PurePosixPath(path.lower()).name
    suffix = PurePosixPath(name).suffix
    if name.endswith((".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")):
        return "Tar"
    if kind := _BY_SUFFIX.get(suffix) or _BY_NAME.get(name):
        return kind
    family, _, detail = mime_type.partition("/")
    if family == "image" and detail.isalnum():
        return f"{detail.upper()} image"
    if family in _BY_TYPE:
        return _BY_TYPE[family]
    return f"{suffix[1:].upper()} file" if 1 < len(suffix) <= _MAX_SUFFIX and suffix[1:].isalnum() else "File"
