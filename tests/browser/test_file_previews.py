"""A file has the preview of its format, in a browser."""

from playwright.sync_api import expect

from tests.browser.urls import KEPT, KINDS

PREVIEWS = {
    "code.py": ("pre.source span", "return"),
    "notes.md": (".prose h3", "Notes"),
    "table.csv": ("table.cells", "bolts"),
    "table.parquet": ("table.cells", "Zürich"),
    "tree.json": ("ul.tree", "units"),
    "weights.safetensors": ("table.cells", "weight"),
    "array.npy": ("table.cells", "3 × 4"),
    "report.html": ("pre.source", "<script>alert('html ran')</script>"),
    "drawing.svg": ("pre.source", 'alert("svg ran")'),
    "large.json": (".preview .empty", "Download it instead"),
    "blob.bin": (".preview .empty", "No preview"),
}


def test_a_file_has_the_preview_of_its_format(person):
    page = person("vera").page
    for name, (where, text) in PREVIEWS.items():
        page.goto(f"{KINDS}/v1/files/{name}")
        expect(page.locator(where).filter(has_text=text).first, name).to_be_visible()
    page.goto(f"{KINDS}/v1/files/image.png")
    assert page.locator(".preview img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 8


KEPT_PREVIEWS = {
    "explore.ipynb": (".notebook .output.prose td", "4.5"),
    "clip.mp4": (".preview", "If your browser does not play it"),
    "ratings.csv": ("table.cells .summary", "259"),
    "train.log": ("#end + pre", "step 5999"),
    "data.zip": ("table.cells", "images/0001.png"),
    "data.tar.gz": ("table.cells", "folder/b.txt"),
    "model.pkl": (".imports tr", "check_output"),
    "model.pt": ("table.cells", "encoder.layers.11.norm.weight"),
    "detector.onnx": (".tree", "float32 batch × 3 × 640 × 640"),
    "model.gguf": (".totals", "50,331,648"),
}


def test_what_people_keep_beside_their_models_has_previews(person):
    page = person("vera").page
    for name, (where, text) in KEPT_PREVIEWS.items():
        page.goto(f"{KEPT}/v1/files/{name}")
        expect(page.locator(where).filter(has_text=text).first, name).to_be_visible()
    assert page.evaluate("document.title").startswith("model.gguf")
    page.get_by_role("link", name="Next file").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("model.pkl")
    page.keyboard.press("[")
    expect(page.get_by_role("heading", level=1)).to_have_text("model.gguf")

    page.goto(f"{KEPT}/v1/files/explore.ipynb")
    picture = page.locator(".notebook img")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 240
    page.get_by_role("link", name="Raw").click()
    expect(page.locator("body")).to_contain_text('"nbformat": 4')
    page.goto(f"{KEPT}/v1/files/tone.wav")
    duration = "audio => new Promise(done => { audio.onloadedmetadata = () => done(audio.duration); audio.load(); })"
    assert page.locator("audio").evaluate(duration) == 0.5
    page.goto(f"{KEPT}/v1/files/ratings.csv")
    page.get_by_role("link", name="Next", exact=True).click()
    expect(page.get_by_role("navigation", name="Rows")).to_contain_text("Rows 101 – 200")
    page.goto(f"{KEPT}/v1?path=plots/")
    expect(page.locator(".pictures img")).to_have_count(12)
    assert page.locator(".pictures img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") == 80
    with page.expect_response(lambda response: response.url.endswith("/raw/paper.pdf")) as shown:
        page.goto(f"{KEPT}/v1/files/paper.pdf")
    assert (shown.value.status, shown.value.headers["content-type"]) == (200, "application/pdf")
    page.wait_for_load_state("networkidle")
    # A frame that refused it would have the URL of an error page.
    assert page.frames[1].url.endswith("/raw/paper.pdf")
