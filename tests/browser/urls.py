"""Every page there is to look at, by a name for its picture."""

from urllib.parse import quote

from playwright.sync_api import Page

from harness import record_names, run_names
from harness.long_names import COLLECTION as LONG_COLLECTION
from harness.long_names import DATASET as LONG_DATASET
from harness.long_names import FILE, FOLDER, MODEL, PERSON, PROJECT, PROTECTED, REFERENCE, REFERENCES, TEAM, long

ARTIFACT = "/acme/recommender/artifacts/model/ranker"
DATASET = "/acme/recommender/artifacts/dataset/interactions"
KEPT = "/acme/recommender/artifacts/file/kept"
KINDS = "/acme/recommender/artifacts/file/kinds"
COLLECTION = "/acme/recommender/artifacts/model/picks"
HIERARCHY = f"/acme/recommender/records/{record_names.HIERARCHY}"
RECORD = f"{HIERARCHY}/{record_names.TRAINING}"

PAGES = {
    "home": "/",
    "project": "/acme/recommender",
    "project-artifacts": "/acme/recommender/artifacts",
    "project-members": "/acme/recommender/members",
    "project-settings": "/acme/recommender/settings",
    "runs": "/acme/recommender/runs",
    "artifacts": "/artifacts",
    "artifacts-none": "/artifacts?q=nothing-is-called-so",
    "artifact-new": "/artifacts/new",
    "artifact": ARTIFACT,
    "artifact-versions": f"{ARTIFACT}/versions",
    "artifact-aliases": f"{ARTIFACT}/aliases",
    "alias-add": f"{ARTIFACT}/add-alias",
    "alias-move": f"{ARTIFACT}/aliases/production/move",
    "alias-rollback": f"{ARTIFACT}/aliases/latest/rollback",
    "alias-delete": f"{ARTIFACT}/aliases/canary/delete",
    "alias-swap": f"{ARTIFACT}/aliases/swap",
    "alias-history": f"{ARTIFACT}/aliases/latest/history",
    "artifact-rule-new": f"{ARTIFACT}/rules/new",
    "project-rules": "/acme/recommender/rules",
    "project-rule-new": "/acme/recommender/rules/new",
    "team-rules": "/teams/acme/rules",
    "team-rule-new": "/teams/acme/rules/new",
    "artifact-history": f"{ARTIFACT}/history",
    "registry": "/registry",
    "registry-none": "/registry?tag=nothing-has-it",
    "collection-new": "/registry/new",
    "collection": COLLECTION,
    "collection-links": f"{COLLECTION}/versions",
    "collection-link": f"{COLLECTION}/link",
    "collection-delete": f"{COLLECTION}/delete",
    "link": f"{COLLECTION}/v1",
    "link-delete": f"{COLLECTION}/v1/delete",
    "version-link": f"{ARTIFACT}/v8/link",
    "version-columns": f"{ARTIFACT}/versions/columns",
    "run-columns": "/acme/recommender/run-columns",
    "run-grouping": "/acme/recommender/run-grouping",
    "runs-grouped": "/acme/recommender/runs?group_by=job_type&column=summary.rmse&column=config.mAP",
    "artifact-lineage": f"{ARTIFACT}/lineage",
    "artifact-usage": f"{ARTIFACT}/usage",
    "artifact-edit": f"{ARTIFACT}/edit",
    "artifact-delete": f"{ARTIFACT}/delete",
    "version": f"{DATASET}/v3",
    "version-folder": f"{DATASET}/v3?path=data/",
    "version-lineage": f"{ARTIFACT}/v8/lineage",
    "version-lineage-list": f"{ARTIFACT}/v8/lineage?view=list&open=all",
    "version-impact": f"{DATASET}/v3/impact",
    "version-records": f"{DATASET}/v3/records",
    "file-table": f"{DATASET}/v3/files/data/train.csv",
    "file-json": f"{DATASET}/v3/files/schema.json",
    "file-markdown": f"{DATASET}/v3/files/README.md",
    "file-image": f"{DATASET}/v3/files/images/sample.png",
    "file-tensors": f"{ARTIFACT}/v8/files/model.safetensors",
    "file-code": f"{ARTIFACT}/v8/files/train.py",
    "file-source": f"{KINDS}/v1/files/report.html",
    "file-too-large": f"{KINDS}/v1/files/large.json",
    "file-notebook": f"{KEPT}/v1/files/explore.ipynb",
    "file-summary": f"{KEPT}/v1/files/ratings.csv",
    "file-log": f"{KEPT}/v1/files/train.log",
    "file-onnx": f"{KEPT}/v1/files/detector.onnx",
    "file-pytorch": f"{KEPT}/v1/files/model.pt",
    "file-pickle": f"{KEPT}/v1/files/model.pkl",
    "folder-of-images": f"{KEPT}/v1?path=plots/",
    "upload": f"{DATASET}/upload",
    "compare": f"{ARTIFACT}/compare?base=v5&head=v8",
    "search": "/search?q=ra",
    "profile": "/profile",
    "email-change": "/profile/email",
    "key-new": "/profile/keys/new",
    "password": "/password",
    "home-production": "/home/production",
    "teams": "/teams",
    "person": "/users/bob",
    "team": "/teams/acme",
    "team-watch": "/teams/acme/watch",
    "external-stores": "/teams/acme/external-stores",
    "external-store-new": "/teams/acme/external-stores/new",
    "team-new": "/teams/new",
    "team-edit": "/teams/acme/edit",
    "team-delete": "/teams/acme/delete",
    "invite": "/teams/acme/invite",
    "member-add": "/teams/acme/members/add",
    "member-role": "/teams/acme/members/bob/role",
    "service-account-add": "/teams/acme/service-accounts/add",
    "member-remove": "/teams/acme/members/bob/remove",
    "project-new": "/projects/new",
    "project-delete": "/acme/recommender/delete",
    "version-edit": f"{ARTIFACT}/v8/edit",
    "version-delete": f"{ARTIFACT}/v5/delete",
    "compare-file": f"{ARTIFACT}/compare/file?base=v5&head=v8&path=train.py",
    "webhooks": "/acme/recommender/webhooks",
    "webhook-new": "/acme/recommender/webhooks/new",
    "webhook-preview": "/acme/recommender/webhooks/preview?format=teams",
    "inbox": "/inbox",
    "digest": "/inbox/digest",
    "watches": "/watches",
    "project-watch": "/acme/recommender/watch",
    "artifact-watch": f"{ARTIFACT}/watch",
    "project-records": "/acme/recommender/records",
    "hierarchy": HIERARCHY,
    "hierarchy-opened": f"{HIERARCHY}?at={record_names.EXPERIMENT}",
    "hierarchy-filter": f"{HIERARCHY}?level=1",
    "hierarchy-none": f"{HIERARCHY}?q=tag:nothing",
    "hierarchy-empty": "/acme/recommender/records/documents",
    "hierarchy-new": "/acme/recommender/new-hierarchy",
    "hierarchy-edit": f"{HIERARCHY}/edit",
    "hierarchy-delete": f"{HIERARCHY}/delete",
    "hierarchy-settings": f"{HIERARCHY}/settings",
    "hierarchy-retention": f"{HIERARCHY}/settings/retention/preview",
    "hierarchy-retention-apply": f"{HIERARCHY}/settings/retention/apply",
    "retention-rule-new": f"{HIERARCHY}/settings/retention/new",
    "index-new": f"{HIERARCHY}/settings/indexes/new",
    "record-new": f"{HIERARCHY}/new-record?parent={record_names.EXPERIMENT}",
    "record": RECORD,
    "record-root": f"{HIERARCHY}/{record_names.EXPERIMENT}",
    "record-prediction": f"{HIERARCHY}/{record_names.PREDICTION}",
    "record-edit": f"{RECORD}/edit",
    "record-move": f"{RECORD}/move",
    "record-delete": f"{RECORD}/delete",
    "display-settings": "/settings/display",
    "api-reference": "/api/v1/docs",
    "not-found": "/acme/recommender/artifacts/model/nothing",
}
# What has a year's lineage, and photos that stay elsewhere: `harness.vision_data`.
_PHOTOS = "/acme/vision/artifacts/dataset/street-photos"
VISION = {
    "vision-project": "/acme/vision",
    "vision-artifacts": "/acme/vision/artifacts",
    "vision-runs": "/acme/vision/runs",
    "vision-photos": _PHOTOS,
    "vision-version": f"{_PHOTOS}/v1",
    "vision-folder": f"{_PHOTOS}/v1?path=berlin/",
    "vision-reference": f"{_PHOTOS}/v1/files/berlin/2026-01-01.tar",
    "vision-reference-changed": f"{_PHOTOS}/v1/files/berlin/2026-01-04.tar",
    "vision-upload": f"{_PHOTOS}/upload",
    "vision-lineage": "/acme/vision/artifacts/dataset/photos/v3/lineage",
    "vision-lineage-list": "/acme/vision/artifacts/dataset/photos/v3/lineage?view=list&open=all",
    "vision-lineage-model": "/acme/vision/artifacts/model/detector/v85/lineage",
    "vision-lineage-artifact": "/acme/vision/artifacts/model/detector-int8/lineage",
    "vision-impact": "/acme/vision/artifacts/dataset/photos/v3/impact",
    "vision-run": "/acme/vision/runs/sweep-2-07",
    "vision-run-lineage": "/acme/vision/runs/sweep-2-07/lineage",
}
# Where who only looks on may not go.
FORBIDDEN_PAGES = {"forbidden": f"{ARTIFACT}/edit"}


# What stands in the URLs of PAGES for the same pages with the longest names and many of everything.
_CROWDED = {
    ARTIFACT: f"/{TEAM}/{PROJECT}/artifacts/model/{MODEL}",
    DATASET: f"/{TEAM}/{PROJECT}/artifacts/dataset/{LONG_DATASET}",
    f"/records/{record_names.HIERARCHY}": f"/records/{record_names.CROWDED_HIERARCHY}",
    record_names.EXPERIMENT: record_names.CROWDED_EXPERIMENT,
    record_names.TRAINING: record_names.CROWDED_TRAINING,
    record_names.PREDICTION: record_names.CROWDED_PREDICTION,
    COLLECTION: f"/{TEAM}/{PROJECT}/artifacts/model/{LONG_COLLECTION}",
    "/aliases/production/": f"/aliases/{PROTECTED}/",
    "/v8/files/model.safetensors": f"/v8/files/{FILE}",
    "/members/bob/": f"/members/{PERSON}/",
    "/teams/acme": f"/teams/{TEAM}",
    "/users/bob": f"/users/{PERSON}",
}


_RUN_PAGES = ("lineage", "charts", "system", "edit", "stop", "delete", "console", "files", "media")


def all_pages(page: Page) -> dict[str, str]:
    """All of them for alice: the server alone knows how it named the run, the webhooks, the rule and the proposal."""
    page.goto(PAGES["runs"])
    urls = {"run": page.get_by_role("link", name="train-ranker").get_attribute("href")}
    urls |= _run_pages(urls["run"])
    urls["run-chart"] = f"{urls['run']}/chart?key=rmse"
    urls["runs-compare"] = _comparison(page, PAGES["runs"])
    page.goto(PAGES["webhooks"])
    urls["webhook-failing"] = page.get_by_role("link", name="http://127.0.0.1").get_attribute("href")
    urls["webhook"] = page.get_by_role("link", name="Deployment").get_attribute("href")
    page.goto(urls["webhook"])
    urls["webhook-delivery"] = page.locator("#deliveries a[data-row]").last.get_attribute("href")
    return PAGES | urls | _linked_pages(page, PAGES["artifact-aliases"], urls["webhook"])


def crowded_pages(page: Page) -> dict[str, str]:
    """The same pages with the longest names, and many of everything, for alice; those of `KINDS` and `KEPT` as well."""
    plain = all_pages(page)
    pages = {name: crowded_url(url) for name, url in plain.items()}
    for name in ("run", "webhook"):
        page.goto(pages[f"{name}s"])
        pages[name] = page.locator("main td.name a[data-row]").last.get_attribute("href")
    pages |= _run_pages(pages["run"])
    pages["run-chart"] = f"{pages['run']}/chart?key=train/{quote(long('loss', 120))}"
    pages["runs-compare"] = _comparison(page, pages["runs"])
    version = f"{_CROWDED[ARTIFACT]}/v8"
    pages |= {
        "folder-of-images": f"{version}?path={quote(FOLDER)}/",
        "compare-file": f"{_CROWDED[ARTIFACT]}/compare/file?base=v5&head=v8&path={FILE}",
        "file-reference": f"{version}/files/{REFERENCE}",
        "file-reference-changed": f"{version}/files/{REFERENCES}/changed_02_{long('photos', 60)}.parquet",
        "folder-of-references": f"{version}?path={REFERENCES}/",
        "webhook-failing": plain["webhook-failing"],
        "webhook-delivery": plain["webhook-delivery"],
        "readme-source": f"{_CROWDED[ARTIFACT]}?readme=source",
        "search": f"/search?q={MODEL[:20]}",
        "record-payload": f"{crowded_url(PAGES['record-prediction'])}/payload",
        "artifacts-by-alias": f"/artifacts?alias={PROTECTED}",
    }
    page.goto(pages["external-stores"])
    for action in ("test", "edit", "delete"):
        link = page.locator(f"#external-stores a[href$='/{action}']").first
        pages[f"external-store-{action}"] = link.get_attribute("href")
    page.goto(pages["upload"])
    pages["upload-draft"] = page.get_by_role("link", name="Continue draft").first.get_attribute("href")
    return pages | _linked_pages(page, pages["artifact-aliases"], pages["webhook"])


def _comparison(page: Page, runs_url: str) -> str:
    """The comparison of the runs on the first page of a table, as many as are compared."""
    page.goto(runs_url)
    items = page.locator("input[name=item]").evaluate_all("boxes => boxes.map(box => box.value)")
    return f"{runs_url.removesuffix('/runs')}/run-comparison?{'&'.join(f'item={item}' for item in items[:10])}"


def crowded_url(url: str) -> str:
    """The same page of what has the longest names."""
    for plain, crowded in _CROWDED.items():
        url = url.replace(plain, crowded)
    return url if url.startswith((KINDS, KEPT)) else url.replace("/acme/recommender", f"/{TEAM}/{PROJECT}")


def _linked_pages(page: Page, aliases: str, webhook: str) -> dict[str, str]:
    """What is done with a proposal and a rule on the first of these pages, and with the webhook on the second."""
    urls = {f"webhook-{name}": f"{webhook}/{name}" for name in ("edit", "delete", "secret")}
    page.goto(PAGES["external-stores"])
    for action in ("edit", "delete", "test"):
        store = page.locator(f"main a[href*='/external-stores/'][href*='/{action}']")
        urls[f"external-store-{action}"] = store.first.get_attribute("href")
    page.goto(aliases)
    for action in ("approve", "reject"):
        urls[f"proposal-{action}"] = page.locator(f"[id^={action}-]").first.get_attribute("href")
    for action in ("edit", "delete"):
        urls[f"rule-{action}"] = page.locator(f"[id^=rule-{action}-]").first.get_attribute("href")
    return urls


def _run_pages(run: str) -> dict[str, str]:
    """The tabs of a run, its forms, and pages of its files."""
    urls = {f"run-{name}": f"{run}/{name}" for name in _RUN_PAGES}
    urls |= {"run-console-earlier": f"{run}/console?before=100", "run-console-search": f"{run}/console?q=nan"}
    urls |= {"run-media-key": f"{run}/media?key=samples", "run-media-tables": f"{run}/media?kind=table"}
    paths = {"table": run_names.TABLE, "html": run_names.PAGE, "image": run_names.IMAGE, "text": run_names.CONFIG}
    return urls | {f"run-file-{name}": f"{run}/files/{path}" for name, path in paths.items()}


def pages_by_user(page: Page) -> dict[str | None, dict[str, str]]:
    """Every page for each of those who are to look at it, on alice's page; for a visitor under None."""
    return {"alice": crowded_pages(page), "vera": FORBIDDEN_PAGES, None: visitor_pages(page)}


def visitor_pages(page: Page) -> dict[str, str]:
    """What a visitor sees, one whom alice invites on this page of hers."""
    page.goto(PAGES["invite"])
    page.locator("main form button[type=submit]").click()
    public = f"/{TEAM}/{PROJECT}/records/{record_names.PUBLIC_HIERARCHY}"
    return {
        "sign-in": "/login",
        "hierarchy-public": public,
        "sign-up": page.locator("#invitation-link").inner_text().strip(),
    }
