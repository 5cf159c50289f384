"""External stores: who makes them, of what, with which credentials, and who gets signed URLs by them."""

from io import StringIO
from ipaddress import ip_network

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.actor import Actor, Channel
from accounts.models import Membership, Role, Team, User
from artifacts import errors, store_connection
from artifacts.content import manifests
from artifacts.models import ArtifactVersion, ExternalStore
from artifacts.references import credentials, external_stores, store_tests
from artifacts.references.credentials import AccessKey
from artifacts.references.store_tests import Outcome
from artifacts.references.uris import Provider, parse
from core.errors import AddressRefused
from harness import reference_servers
from harness.reference_servers import AZURE_KEY
from tests.artifacts.client import HTTP
from tests.artifacts.references.places import azure_store, credentials_of, refer, s3_store
from web.artifacts import reference_display

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
GIVEN = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": SECRET}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def own_network(settings) -> None:
    settings.REFERENCE_PRIVATE_NETWORKS = [ip_network("127.0.0.0/8")]


@pytest.fixture
def olga(db, acme) -> User:
    """The operator: a superuser, here also an admin of the team."""
    user = User.objects.create_superuser("olga", "olga@example.org", "a good long password")
    Membership.objects.create(team=acme, user=user, role=Role.ADMIN)
    return user


def make(user: User, team: Team, prefix: str = "s3://data", **more) -> ExternalStore:
    options = {"name": prefix, "prefix": prefix, "given": GIVEN} | more
    return external_stores.create(Actor(user), team, **options)


def test_an_admin_makes_one_whose_credentials_nobody_sees(alice, acme, api, browser):
    store = make(alice, acme, "s3://data/folder/", name=" Data ")

    assert (store.name, store.prefix, store.is_operated, store.reads_as) == ("Data", "s3://data/folder", False, "store")
    column = ExternalStore.objects.get().encrypted_credentials
    assert SECRET not in column and "AKIA" not in column
    assert external_stores.access(store).credentials == AccessKey(**GIVEN)
    texts = [
        api(alice).get(f"/api/v1/external-stores/{store.pk}").content.decode(),
        repr(external_stores.access(store)),
    ]
    for name in ("external-stores", "external-store-edit", "external-store-test"):
        args = ["acme"] if name == "external-stores" else ["acme", store.pk]
        texts.append(browser(alice).get(reverse(name, args=args)).content.decode())
    assert all(SECRET not in text for text in texts) and column not in "".join(texts)


NO_PREFIXES = [
    "", "s3://", "s3:///key", "s3:data", "data/folder", "https://example.org/data", "file:///data", "s3://UP..per",
    "s3://data/../other", "s3://data/./x", "s3://user@data", "s3://10.0.0.1", "az://data\0", "s3://data\nx",
    "gs://" + "x" * 2000, "s3://da ta", "s3://data?versionId=1",
]  # fmt: skip
MISFITS = [
    ("s3://data", {"given": {}}), ("s3://data", {"given": {"access_key_id": "a"}}),
    ("s3://data", {"given": GIVEN | {"account_key": AZURE_KEY}}),
    ("s3://data", {"given": {"account_key": AZURE_KEY}}),
    ("s3://data", {"given": GIVEN | {"secret_access_key": "with space"}}),
    ("s3://data", {"given": GIVEN | {"secret_access_key": ["x"]}}),
    ("s3://data", {"given": {"access_key_id": "a", "secret_access_key": "b" * 20_000}}),
    ("s3://data", {"reads_as": "nobody"}), ("s3://data", {"reads_as": "other"}), ("s3://data", {"account": "acme"}),
    ("s3://data", {"region": "EU/../x"}), ("s3://data", {"name": "a\x00b"}), ("s3://data", {"name": "x" * 101}),
    ("s3://data", {"endpoint": "ftp://8.8.8.8"}), ("s3://data", {"endpoint": "https://8.8.8.8/?x=1"}),
    ("s3://data", {"endpoint": "https://user:pass@8.8.8.8"}), ("s3://data", {"endpoint": "https://8.8.8.8:port"}),
    ("az://data", {"given": {"account_key": AZURE_KEY}}),
    ("az://data", {"given": {"account_key": AZURE_KEY}, "account": "a/b"}),
    ("az://data", {"given": {"account_key": "no base64"}, "account": "acme"}),
    ("gs://data", {"given": {"service_account": "{"}}), ("gs://data", {"given": {"service_account": "[1]"}}),
    ("gs://data", {"given": {"service_account": {"client_email": "a@b", "private_key": f"PEM {SECRET}"}}}),
    ("gs://data", {"given": {"service_account": "[" * 16_000}}),
]  # fmt: skip


def test_what_does_not_fit_is_refused_without_repeating_secrets(alice, acme, subtests):
    for prefix in NO_PREFIXES:
        with subtests.test(prefix), pytest.raises(errors.Invalid):
            make(alice, acme, prefix, account="acme" if prefix.startswith("az") else "")
    for prefix, more in MISFITS:
        with subtests.test(prefix, **more):
            with pytest.raises(errors.Invalid) as refusal:
                make(alice, acme, prefix, **more)
            assert SECRET not in str(refusal.value) and SECRET not in str(refusal.value.__cause__)
    assert not ExternalStore.objects.exists()


@pytest.mark.parametrize(
    "endpoint",
    ["http://127.0.0.1:9000", "http://169.254.169.254", "https://10.0.0.1", "http://[::1]:9000", "http://localhost"],
)
def test_only_operators_lead_into_private_networks(alice, olga, acme, endpoint):
    with pytest.raises(AddressRefused):
        make(alice, acme, endpoint=endpoint)
    public = make(alice, acme)
    with pytest.raises(AddressRefused):
        external_stores.update(Actor(alice), public, endpoint=endpoint, given=GIVEN)
    assert make(olga, acme, "s3://second", endpoint=endpoint).is_operated
    staff = Actor(olga, Channel.ADMIN, is_staff=True)
    changed = external_stores.update(staff, ExternalStore.objects.get(pk=public.pk), endpoint=endpoint, given=GIVEN)
    assert changed.is_operated and changed.endpoint == endpoint


def test_what_an_operator_made_only_operators_change(alice, olga, acme):
    with pytest.raises(errors.Denied):
        make(alice, acme, reads_as="server", given={})
    store = make(olga, acme, reads_as="server", given={})
    assert store.uses_server_credentials and not store.encrypted_credentials
    for changes in ({"prefix": "s3://other"}, {"name": "x"}, {"reads_as": "store", "given": GIVEN}):
        with pytest.raises(errors.Denied):
            external_stores.update(Actor(alice), store, **changes)
    assert external_stores.update(Actor(olga), store, name="x").name == "x"
    external_stores.delete(Actor(alice), store)
    own = make(alice, acme)
    assert external_stores.update(Actor(olga), own, reads_as="server").is_operated


def test_the_servers_own_credentials_are_those_of_its_environment(olga, acme, monkeypatch, settings, tmp_path):
    store = make(olga, acme, reads_as="server", given={})
    store_connection._find_ambient_credentials.cache_clear()
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert "AWS_ACCESS_KEY_ID" in external_stores.access(store).problem
    store_connection._find_ambient_credentials.cache_clear()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert external_stores.access(store).credentials == AccessKey("AKID", SECRET)
    store_connection._find_ambient_credentials.cache_clear()

    settings.AZURE_STORAGE_ACCOUNT_NAME, settings.AZURE_STORAGE_ACCOUNT_KEY = "acme", AZURE_KEY
    assert credentials.of_server(Provider.AZURE, "acme").account_key == AZURE_KEY
    for provider, account in ((Provider.AZURE, "other"), (Provider.GCS, "")):
        with pytest.raises(errors.Conflict):
            credentials.of_server(provider, account)
    settings.GOOGLE_APPLICATION_CREDENTIALS = str(tmp_path / "none")
    with pytest.raises(errors.Conflict, match="cannot read"):
        credentials.of_server(Provider.GCS)


def test_the_registrys_own_bucket_is_none(olga, acme, settings):
    bucket, endpoint = settings.STORAGES["artifacts"]["OPTIONS"]["bucket_name"], settings.S3_ENDPOINT_URL
    for prefix in (f"s3://{bucket}", f"s3://{bucket}/projects"):
        with pytest.raises(errors.Invalid, match="its own objects"):
            make(olga, acme, prefix, endpoint=f"{endpoint}/")
    settings.S3_ENDPOINT_URL = "https://s3.eu-west-1.amazonaws.com"
    with pytest.raises(errors.Invalid, match="its own objects"):
        make(olga, acme, f"s3://{bucket}")
    with pytest.raises(errors.Invalid, match="its own objects"):
        make(olga, acme, f"s3://{bucket}", endpoint="https://s3.dualstack.eu-west-1.amazonaws.com")
    settings.S3_ENDPOINT_URL = "https://minio.example.org"
    with pytest.raises(errors.Invalid, match="its own objects"):
        make(olga, acme, f"s3://{bucket}", endpoint="https://MINIO.example.org:443")
    assert make(olga, acme, f"s3://{bucket}2")


def test_credentials_are_asked_for_anew_where_they_would_go_elsewhere(alice, acme):
    store = make(alice, acme, "s3://data/folder")
    kept = store.encrypted_credentials
    external_stores.update(Actor(alice), store, prefix="s3://data", name="New", region="eu-west-1")
    assert ExternalStore.objects.get().encrypted_credentials == kept
    for changes in ({"prefix": "s3://other"}, {"prefix": "gs://data"}, {"endpoint": "https://8.8.8.8"}):
        with pytest.raises(errors.Invalid, match="enter the credentials again"):
            external_stores.update(Actor(alice), ExternalStore.objects.get(), **changes)
    external_stores.update(Actor(alice), store, endpoint="https://8.8.8.8", given=GIVEN)
    assert ExternalStore.objects.get().endpoint == "https://8.8.8.8"


def test_names_and_prefixes_are_unique_and_there_is_an_end_of_them(alice, acme, settings):
    make(alice, acme)
    for name, prefix in (("s3://data", "s3://other"), ("other", "s3://data/")):
        with pytest.raises(errors.NameTaken):
            make(alice, acme, prefix, name=name)
    settings.EXTERNAL_STORES_A_TEAM = 1
    with pytest.raises(errors.TooManyStores):
        make(alice, acme, "s3://second")


def test_the_longest_prefix_counts_and_ends_at_a_slash(alice, bob, acme, artifact):
    for prefix in ("s3://data", "s3://data/a", "s3://data/a/b"):
        make(alice, acme, prefix)
    make(alice, acme, "az://data", account="acme", given={"account_key": AZURE_KEY})
    uris = {
        "1": "s3://data/ab", "2": "s3://data/a/x", "3": "s3://data/a/b/c", "4": "s3://data/a", "5": "s3://other/a",
        "6": "az://data/x", "7": "https://acme.blob.core.windows.net/data/x",
        "8": "https://other.blob.core.windows.net/data/x", "9": "https://example.org/data/a",
    }  # fmt: skip
    version = refer(bob, artifact, uris)
    expected = {
        "1": "s3://data", "2": "s3://data/a", "3": "s3://data/a/b", "4": "s3://data/a", "6": "az://data", "7": "az://data"
    }  # fmt: skip
    accesses = external_stores.accesses(acme.pk)
    locations = {file.path: parse(file.reference_uri) for file in version.files.all()}
    found = {path: external_stores.access_for(accesses, location) for path, location in locations.items()}
    assert {path: access.store.prefix for path, access in found.items() if access} == expected
    # Pages know it without asking for the stores, whose names are their prefixes here.
    coverages = external_stores.coverages(external_stores.annotate(ArtifactVersion.objects.all()).get())
    views = {file.path: reference_display.view(file.reference_uri, coverages) for file in version.files.all()}
    assert {path: view.store for path, view in views.items() if view.store} == expected


def test_who_reads_the_version_downloads_by_signed_urls(
    api, alice, bob, vera, mallory, acme, artifact, own_network, django_assert_num_queries
):
    bucket = reference_servers.s3_bucket(is_versioned=True)
    first = bucket.put("train/a.txt", b"first")["VersionId"]
    bucket.put("train/a.txt", b"second")
    s3_store(alice, acme, bucket)
    uris = {"a.txt": f"{bucket.uri}/train/a.txt", "elsewhere.txt": "s3://other/a.txt"}
    version = refer(bob, artifact, uris, version_id=first, size=5)
    file = version.files.get(path="a.txt")

    manifest = api(vera).get(f"/api/v1/artifacts/versions/{version.pk}/manifest").json()
    urls = {entry["path"]: entry["download_url"] for entry in manifest["entries"]}
    assert urls["elsewhere.txt"] is None
    assert HTTP.request("GET", urls["a.txt"]).data == b"first"
    answer = api(vera).get(f"/api/v1/artifacts/files/{file.pk}/download-url").json()
    assert answer["expires_in"] == 3600
    response = HTTP.request("GET", answer["url"])
    assert response.data == b"first" and response.headers["Content-Disposition"] == 'attachment; filename="a.txt"'
    assert api(mallory).get(f"/api/v1/artifacts/files/{file.pk}/download-url").status_code == 404
    other = version.files.get(path="elsewhere.txt")
    answer = api(vera).get(f"/api/v1/artifacts/files/{other.pk}/download-url").json()
    assert (answer["url"], answer["expires_in"]) == ("s3://other/a.txt", 0)
    with django_assert_num_queries(2):
        assert len(manifests.page(Actor(vera), version, limit=5, is_first=False).reference_urls) == 1


def test_a_changed_secret_key_loses_no_credentials(alice, acme, bob, artifact, settings):
    store, former = make(alice, acme), settings.SECRET_KEY
    version = refer(bob, artifact, {"a": "s3://data/a"})
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [former]
    output = StringIO()
    call_command("renew_encryption", stdout=output)
    assert output.getvalue() == "1 secrets are encrypted under the current SECRET_KEY.\n"
    settings.SECRET_KEY_FALLBACKS = []
    store.refresh_from_db()
    assert external_stores.access(store).credentials == AccessKey(**GIVEN)
    settings.SECRET_KEY = "a third"
    # Nothing fails but the signing.
    assert external_stores.signed_url(version.files.get()) is None
    assert "SECRET_KEY was changed" in external_stores.access(store).problem
    with pytest.raises(CommandError, match="0 of webhooks, 1 of external stores"):
        call_command("renew_encryption", stdout=StringIO())


def test_a_test_says_what_is_wrong(alice, bob, acme, own_network, settings):
    bucket = reference_servers.s3_bucket()
    bucket.put("a b.txt", b"x")
    store = s3_store(alice, acme, bucket)

    def test(store: ExternalStore, path: str = "") -> tuple[Outcome, int | None]:
        found = store_tests.test(Actor(alice), store, path)
        return found.outcome, found.status

    assert test(store) == test(store, "/a b.txt") == (Outcome.OK, 200)
    assert test(store, "b.txt") == (Outcome.MISSING, 404)
    wrong = s3_store(alice, acme, bucket, name="wrong", prefix=f"{bucket.uri}/x", given=GIVEN)
    assert test(wrong, "a b.txt") == (Outcome.DENIED, 403)
    closed = s3_store(alice, acme, bucket, name="closed", prefix=f"{bucket.uri}/y", endpoint="http://127.0.0.1:1")
    assert test(closed) == (Outcome.UNREACHABLE, None)
    azure = reference_servers.azure_container()
    azure.put("a.txt", b"x")
    assert test(azure_store(alice, acme, azure), "a.txt") == (Outcome.OK, 200)
    with pytest.raises(errors.Denied):
        store_tests.test(Actor(bob), store)
    with pytest.raises(errors.Invalid):
        store_tests.test(Actor(alice), store, "../a")
    # What was public when it was set up may be private by now.
    settings.REFERENCE_PRIVATE_NETWORKS = []
    assert test(store) == (Outcome.UNREACHABLE, None)
    external_stores.update(
        Actor(alice, Channel.ADMIN, is_staff=True), store, endpoint=f"{store.endpoint}/", given=credentials_of(bucket)
    )


def test_the_api_of_stores(api, alice, bob, vera, mallory, acme):
    client, url = api(alice), "/api/v1/teams/acme/external-stores"
    body = {"name": "Data", "prefix": "s3://data", "region": "eu-west-1", "credentials": GIVEN}
    made = client.post(url, body)
    assert made.status_code == 201 and SECRET not in made.content.decode()
    store = made.json()
    assert (store["team"], store["reads_as"], store["has_credentials"]) == ("acme", "store", True)
    one = f"/api/v1/external-stores/{store['id']}"
    assert client.get(url).json()["items"] == [store] == [client.get(one).json()]
    assert client.patch(one, {"name": "Renamed"}).json()["name"] == "Renamed"
    for user, status in ((bob, 403), (vera, 403), (mallory, 404)):
        assert {api(user).get(url).status_code, api(user).post(url, body).status_code} == {status}
        assert {api(user).get(one).status_code, api(user).patch(one, {}).status_code} == {status}
        assert {api(user).delete(one).status_code, api(user).post(f"{one}/test").status_code} == {status}
    refusals = [{}, {"name": "x"}, body | {"credentials": "x"}, body | {"reads_as": "x"}, body | {"name": "\0"}]
    assert {client.post(url, refused).status_code for refused in refusals} == {400}
    assert client.post(url, body | {"name": "Renamed", "prefix": "s3://other"}).json()["code"] == "NameTaken"
    private = body | {"name": "x", "prefix": "s3://other", "endpoint": "http://10.0.0.1"}
    assert client.post(url, private).json()["code"] == "AddressRefused"
    assert client.delete(one).status_code == 204 and client.get(one).status_code == 404


def test_the_pages_of_stores(browser, alice, bob, acme, own_network):
    bucket = reference_servers.s3_bucket()
    client, listed = browser(alice), "/teams/acme/external-stores"
    fields = {"name": "Data", "prefix": bucket.uri, "reads_as": "store", **credentials_of(bucket)}
    fields["endpoint"] = bucket.env["AWS_ENDPOINT_URL_S3"]
    assert "External stores" in client.get("/teams/acme").content.decode()
    assert "External stores" not in browser(bob).get("/teams/acme").content.decode()
    wrong = client.post(f"{listed}/new", fields | {"prefix": "data", "service_account": SECRET}, headers=HTMX)
    assert wrong.status_code == 422 and "The prefix is s3://bucket" in wrong.content.decode()
    assert SECRET not in wrong.content.decode() and fields["secret_access_key"] not in wrong.content.decode()
    assert client.post(f"{listed}/new", fields)["Location"] == listed
    store = ExternalStore.objects.get()
    page = client.get(listed).content.decode()
    assert bucket.uri in page and "own credentials" in page and 'value="server"' not in page
    # Credentials stay where none are sent.
    kept = {name: fields[name] for name in ("prefix", "reads_as", "endpoint")}
    assert client.post(f"{listed}/{store.pk}/edit", kept | {"name": "New"}, headers=HTMX).status_code == 204
    tested = client.post(f"{listed}/{store.pk}/test", {}, headers=HTMX).content.decode()
    assert "It works" in tested and "The server can read this bucket." in tested
    tested = client.post(f"{listed}/{store.pk}/test", {"path": "no.txt"}).content.decode()
    assert "has no such object" in tested and "<html" in tested
    assert client.post(f"{listed}/{store.pk}/delete")["Location"] == listed
    assert not ExternalStore.objects.exists()


def test_an_operator_makes_one_in_the_admin(browser, olga, acme):
    client = browser(olga)
    fields = {
        "team": acme.pk,
        "name": "Own",
        "prefix": "s3://data",
        "endpoint": "http://10.0.0.1",
        "reads_as": "server",
    }
    url = reverse("admin:artifacts_externalstore_add")
    assert client.get(url).status_code == 200
    assert client.post(url, fields).status_code == 302
    store = ExternalStore.objects.get()
    assert store.is_operated and store.uses_server_credentials and store.created_by == olga
    change = reverse("admin:artifacts_externalstore_change", args=[store.pk])
    assert client.post(change, fields | {"reads_as": "store"} | GIVEN).status_code == 302
    page = client.get(change).content.decode()
    assert ExternalStore.objects.get().has_credentials and SECRET not in page and "AKIA" not in page
    delete = reverse("admin:artifacts_externalstore_delete", args=[store.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 302 and not ExternalStore.objects.exists()
