"""How one gets at an artifact, a version or a file: from Python, a shell, curl, and the library for what it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from artifacts.models import ArtifactFile, ArtifactVersion
from web.artifacts.reference_display import DisplayedReference
from web.literals import python, shell

_TABLES = {
    # Suffix: (pandas, polars), of which each reads the path `path`.
    ".csv": ("pd.read_csv(path)", "pl.read_csv(path)"),
    ".csv.gz": ("pd.read_csv(path)", "pl.read_csv(path)"),
    ".tsv": (r'pd.read_csv(path, sep="\t")', r'pl.read_csv(path, separator="\t")'),
    ".parquet": ("pd.read_parquet(path)", "pl.read_parquet(path)"),
    ".pq": ("pd.read_parquet(path)", "pl.read_parquet(path)"),
    ".jsonl": ("pd.read_json(path, lines=True)", "pl.read_ndjson(path)"),
    ".ndjson": ("pd.read_json(path, lines=True)", "pl.read_ndjson(path)"),
}
_STORES = ("s3://", "gs://", "az://")
_TORCH = (".pt", ".pth", ".ckpt")
_PRETRAINED = ("model.safetensors", "pytorch_model.bin", "model.safetensors.index.json", "pytorch_model.bin.index.json")
_AUTHORIZATION = '-H "Authorization: Bearer $WANLLMDB_API_KEY"'
# Reads the URL from the answer without a program that people may not have.
_URL_OF_ANSWER = """python3 -c 'import json, sys; print(json.load(sys.stdin)["download_url"])'"""


@dataclass(frozen=True, slots=True)
class Snippet:
    id: str
    label: str
    text: str


def of_version(version: ArtifactVersion, suffix: str, paths: Sequence[str], base_url: str) -> list[Snippet]:
    """For a version that is asked for as `name:suffix`, an alias or itself, and has files at these paths."""
    name = f"{version.artifact.full_name}:{suffix}"
    project = version.artifact.project
    note = _note(f"{version.reference_count:,} of its files are references") if version.reference_count else ""
    use = (
        f"{note}import wanllmdb as wandb\n\n"
        f"run = wandb.init(entity={python(project.team.name)}, project={python(project.name)})\n"
        f"artifact = run.use_artifact({python(name)})\n"
        "path = artifact.download()\n"
        "run.finish()\n"
    )
    url = f"{base_url}/api/v1/artifacts/resolve?name={quote(name, safe='/:')}"
    return [
        Snippet("python", "Python", use),
        Snippet("cli", "CLI", f"{note}wanllmdb artifact get {shell(name)}\n"),
        Snippet("curl", "curl", f"curl -fsS {_AUTHORIZATION} \\\n  {shell(url)}\n"),
        *_of_libraries(name, paths),
    ]


def of_file(file: ArtifactFile, base_url: str, reference: DisplayedReference | None = None) -> list[Snippet]:
    """For a file of a finalized version; `reference` is what pages show of one whose bytes are elsewhere.

    Of a reference curl gets what is on the web, or in an external store for which this server signs.
    """
    name = f"{file.version.artifact.full_name}:{file.version.version}"
    needs_library = reference and not reference.store and reference.uri.startswith(_STORES)
    note = _note("Its bytes are elsewhere") if needs_library else ""
    get = f"{note}wanllmdb artifact get {shell(name)} \\\n  --path-prefix={shell(file.path)}\n"
    snippets = [Snippet("python", "Python", note + _downloaded(name, file.path)), Snippet("cli", "CLI", get)]
    if reference and not reference.store:
        if reference.link:
            fetch = f"curl -fsSL -o {shell(f'./{file.name}')} \\\n  {shell(reference.link)}\n"
            snippets.append(Snippet("curl", "curl", fetch))
    else:
        url = f"{base_url}/api/v1/artifacts/files/{file.pk}/download-url"
        curl = f"curl -fsS {_AUTHORIZATION} \\\n  {shell(url)} |\n  {_URL_OF_ANSWER} |\n"
        curl += f"  xargs curl -fsS -o {shell(f'./{file.name}')}\n"
        snippets.append(Snippet("curl", "curl", curl))
    return snippets + list(_of_libraries(name, [file.path]))


def _note(fact: str) -> str:
    """What goes before code that reads references: the same comment in Python and in a shell."""
    return f"# {fact}. Those in buckets need your credentials, and: pip install 'wanllmdb[references]'\n"


def _of_libraries(name: str, paths: Sequence[str]) -> Iterator[Snippet]:
    """For the first file of each kind that a library reads."""
    table = next((path for path in paths if _table_suffix(path)), None)
    if table:
        pandas, polars = _TABLES[_table_suffix(table)]
        yield Snippet("pandas", "pandas", f"import pandas as pd\n{_downloaded(name, table)}df = {pandas}\n")
        yield Snippet("polars", "polars", f"import polars as pl\n{_downloaded(name, table)}df = {polars}\n")
    if folder := _pretrained_folder(paths):
        yield Snippet("transformers", "transformers", _pretrained(name, folder, paths))
    tensors = next((path for path in paths if path.lower().endswith(".safetensors")), None)
    checkpoint = next((path for path in paths if path.lower().endswith(_TORCH)), None)
    if checkpoint:
        load = 'state = torch.load(path, map_location="cpu", weights_only=True)\n'
        yield Snippet("pytorch", "PyTorch", f"import torch\n{_downloaded(name, checkpoint)}{load}")
    elif tensors:
        load = 'state = load_file(path, device="cpu")\n'
        text = f"from safetensors.torch import load_file\n{_downloaded(name, tensors)}{load}"
        yield Snippet("pytorch", "PyTorch", text)
    if tensors:
        load = (
            'with safe_open(path, framework="np") as tensors:\n'
            "    shapes = {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}\n"
        )
        text = f"from safetensors import safe_open\n{_downloaded(name, tensors)}{load}"
        yield Snippet("safetensors", "safetensors", text)


def _downloaded(name: str, path: str) -> str:
    return (
        "import wanllmdb as wandb\n\n"
        f"artifact = wandb.Api().artifact({python(name)})\n"
        f"path = artifact.get_entry({python(path)}).download()\n"
    )


def _pretrained(name: str, folder: str, paths: Sequence[str]) -> str:
    has_tokenizer = any(PurePosixPath(path).name.startswith(("tokenizer", "vocab", "spiece")) for path in paths)
    names = "AutoModel, AutoTokenizer" if has_tokenizer else "AutoModel"
    prefix = "" if folder == "." else f"path_prefix={python(f'{folder}/')}"
    where = "path" if folder == "." else f"path + {python(f'/{folder}')}"
    lines = [
        f"from transformers import {names}",
        "import wanllmdb as wandb\n",
        f"artifact = wandb.Api().artifact({python(name)})",
        f"path = artifact.download({prefix})",
        f"model = AutoModel.from_pretrained({where})",
        *([f"tokenizer = AutoTokenizer.from_pretrained({where})"] if has_tokenizer else []),
    ]
    return "\n".join(lines) + "\n"


def _pretrained_folder(paths: Sequence[str]) -> str | None:
    """The first folder with what `from_pretrained` loads; "." is the version itself."""
    known = set(paths)
    for path in map(PurePosixPath, paths):
        if path.name == "config.json" and any(str(path.with_name(name)) in known for name in _PRETRAINED):
            return str(path.parent)
    return None


def _table_suffix(path: str) -> str:
    name = path.lower()
    return next((suffix for suffix in _TABLES if name.endswith(suffix)), "")
