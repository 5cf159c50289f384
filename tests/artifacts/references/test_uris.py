"""What a version may refer to: judged by the text of the URI alone."""

from ipaddress import ip_network

import pytest

from artifacts import errors
from artifacts.references import uris
from artifacts.references.uris import Provider
from wanllmdb.sdk import reference_uris

PLACES = {
    "s3://bucket/key": (Provider.S3, "bucket", "key"),
    "S3://my.bucket-1/a/b c/ü?x=1#y": (Provider.S3, "my.bucket-1", "a/b c/ü?x=1#y"),
    "s3://bucket//key": (Provider.S3, "bucket", "/key"),
    "s3://localhost/key": (Provider.S3, "localhost", "key"),
    "gs://some_bucket/folder/": (Provider.GCS, "some_bucket", "folder/"),
    "az://container/folder/blob": (Provider.AZURE, "container", "folder/blob"),
    "az://$web/index.html": (Provider.AZURE, "$web", "index.html"),
    "https://acme.blob.core.windows.net/data/a%20b.csv?sv=1&sig=x": (Provider.AZURE, "data", "a b.csv"),
    "https://example.org": (Provider.WEB, "", ""),
    "http://example.org:8080/a.csv?b=c": (Provider.WEB, "", "/a.csv"),
    "https://8.8.8.8/a": (Provider.WEB, "", "/a"),
    "https://[2606:4700:4700::1111]/a": (Provider.WEB, "", "/a"),
    "file:///data/set 1/a.csv": (Provider.FILE, "", "/data/set 1/a.csv"),
    "hdfs://namenode/user/data": (Provider.OTHER, "", "/user/data"),
    "dvc:///data": (Provider.OTHER, "", "/data"),
    "sftp://files.example.org:22/a": (Provider.OTHER, "", "/a"),
    "s3://bucket/" + "k" * (2048 - len("s3://bucket/")): (Provider.S3, "bucket", "k" * 2036),
}
NO_REFERENCES = [
    "", "key", "/data/a.csv", "//example.org/a", "s3:", "s3:bucket/key", "s3:/bucket/key", "C:/data/a.csv", "://a/b",
    "s3://", "s3://bucket", "s3://bucket/", "s3:///key", "s3://b/key", "s3://bucket:9000/key", "s3://buck et/key",
    "s3://-bucket/key", "s3://bu..cket/key", "s3://127.0.0.1/key", "s3://büchse/key", "s3://bucket%2f/key",
    "s3://bucket/?versionId=1", "s3://bucket/a/../key", "s3://bucket/..", "s3://bucket/./a", "s3://AKIA:secret@bucket/key",
    "s3://bucket/a\\..\\key",
    "gs://bucket", "gs://u@bucket/key", "az://Container/key", "az://container", "az://ab/key", "az://a--b/key",
    "https://acme.blob.core.windows.net/container", "https://acme.blob.core.windows.net/",
    "https://acme.blob.core.windows.net/data/%2e%2e/a", "https://acme.blob.core.windows.net/data/a%00b",
    "https://", "https:///a", "https://user@example.org/", "https://user:password@example.org/", "https://@example.org/",
    "https://example.org@127.0.0.1/", "https://example.org\\@127.0.0.1/", "https://example.org/a b",
    "https://example.org/ü", "https://exämple.org/a", "https://example.org:0/", "https://example.org:99999/",
    "https://example.org:port/", "https://example.org/#access_token=1", "https://[::1/", "https://[v1.fe80]/", "https://-a.example.org/",
    "file://", "file:///", "file://localhost/etc/passwd", "file://server/share", "file:////server/share",
    "file:///\\\\server\\share", "file://user@/etc/passwd", "javascript://example.org/%0aalert(1)",
    "JavaScript:alert(1)",
    "data:text/html,a", "data://text/html,a", "vbscript://a/b", "blob:https://example.org/1", "view-source://a.org/",
    "ftp://127.0.0.1/a", "ftp://user@example.org/a", "ftp://localhost/a", "ftp://0x7f000001/a", "ftp://db.internal/a",
    "redis://169.254.169.254/", "x://", "1x://a.org/b", "ü://a.org/b",
    "s3://bucket/a\0b", "s3://bucket/a\nb", "s3://bucket/a\x1b[31m", "s3://bucket/a\x85b", "s3://bucket/\ud800",
    "s3://bucket/a\u2028b", "https://example.org/\r\nHost: inner", "\ns3://bucket/key", "s3://bucket/key\n",
    "s3://bucket/" + "k" * 2037, "s3://bucket/" + "k" * 10_000, "https://example.org/" + "a" * 10_000, "a" * 10_000,
]  # fmt: skip
# As hosts of web addresses; tests of `core.url_policy` know more of them.
PRIVATE_HOSTS = [
    "localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.0.0.1.", "127.1", "2130706433", "0x7f000001",
    "0177.0.0.1", "0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "2852039166",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "198.18.0.1", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:a00:1]",
    "[64:ff9b::7f00:1]", "[fe80::1]", "[fd00:ec2::254]", "[ff02::1]", "metadata", "metadata.google.internal", "minio",
    "db.internal", "printer.local", "nas.lan", "%31%32%37.0.0.1", "１２７.0.0.1", "127。0。0。1", "ⓛocalhost",
]  # fmt: skip


def test_what_a_uri_names():
    for uri, (provider, bucket, key) in PLACES.items():
        location = uris.check_reference(uri)
        assert (location.provider, location.bucket, location.key, location.uri) == (provider, bucket, key, uri)
    assert uris.check_reference("https://ACME.blob.core.windows.net/data/a").account == "acme"
    assert uris.check_reference("https://Example.org:8080/a").host == "example.org"


@pytest.mark.parametrize("prefix", ["s3://bucket", "gs://bucket", "az://container"])
def test_the_version_that_a_uri_asks_for_is_not_part_of_it(prefix):
    for query in ("versionId=3%2FL4.x", "versionid=3%2FL4.x", "generation=3%2FL4.x"):
        location = uris.check_reference(f"{prefix}/a?b?{query}")
        assert (location.uri, location.key, location.version_id) == (f"{prefix}/a?b", "a?b", "3/L4.x")
        assert reference_uris.parse(f"{prefix}/a?b?{query}").version_id == "3/L4.x"
    assert uris.check_reference(f"{prefix}/a?versionId=").key == "a?versionId="
    assert uris.check_reference(f"{prefix}/a?other=1").version_id == ""


def test_other_forms_of_a_version():
    generation = uris.check_reference("gs://bucket/a#1700")
    assert (generation.uri, generation.version_id) == ("gs://bucket/a", "1700")
    assert uris.check_reference("s3://bucket/a#1700").key == "a#1700"
    azure = "https://acme.blob.core.windows.net/data/a"
    for query, rest in {
        "?versionid=2026-01-01T00%3A00Z": "", "?versionId=2026-01-01T00%3A00Z&sig=s": "?sig=s",
        "?sv=1&versionid=2026-01-01T00%3A00Z": "?sv=1",
    }.items():  # fmt: skip
        for location in (uris.check_reference(azure + query), reference_uris.parse(azure + query)):
            assert (location.uri, location.version_id, location.key) == (azure + rest, "2026-01-01T00:00Z", "a")


def test_what_is_no_reference():
    for uri in NO_REFERENCES:
        with pytest.raises(errors.ReferenceRefused):
            uris.check_reference(uri)
            pytest.fail(f"{uri[:100]!r} was let through")


def test_private_places_are_refused_in_every_spelling(settings):
    settings.REFERENCE_PRIVATE_NETWORKS = []
    for host in PRIVATE_HOSTS:
        for uri in (f"https://{host}/a", f"http://{host}:8080/a"):
            with pytest.raises(errors.ReferenceRefused):
                uris.check_reference(uri)
                pytest.fail(f"{uri!r} was let through")


def test_an_operator_may_open_private_networks(settings):
    settings.REFERENCE_PRIVATE_NETWORKS = [ip_network("127.0.0.0/8")]
    for host in ("127.0.0.1:8333", "localhost", "minio:9000", "data.internal"):
        assert uris.check_reference(f"http://{host}/a").provider == Provider.WEB
    for host in ("10.0.0.1", "169.254.169.254", "[::1]", "user@127.0.0.1", "１２７.0.0.1"):
        with pytest.raises(errors.ReferenceRefused):
            uris.check_reference(f"http://{host}/a")


def test_refusals_do_not_repeat_secrets():
    for uri in ("s3://AKIA:hunter2@bucket/key", "https://10.0.0.1/a?sig=hunter2", "s3://b/?sig=hunter2"):
        with pytest.raises(errors.ReferenceRefused) as refusal:
            uris.check_reference(uri)
        assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("uri", "public"),
    [
        ("s3://bucket/key", "s3://bucket/key"),
        ("https://example.org/a?b=c&d=", "https://example.org/a?b=c&d="),
        ("https://example.org/a?", "https://example.org/a?"),
        ("https://example.org/a?token=t", "https://example.org/a"),
        ("https://example.org/a?b=c&X-Amz-Signature=s&x-amz-credential=k&d=e", "https://example.org/a?b=c&d=e"),
        ("https://example.org/a?X-Goog-Signature=s&AWSAccessKeyId=k&Signature=s&Expires=1", "https://example.org/a"),
        ("https://a.org/a?sv=1&SR=b&sp=r&se=2&st=1&spr=h&sig=s&skoid=1&sktid=2&skt=3&ske=4&sks=b&skv=5", "https://a.org/a"),
        ("https://a.org/a?page=1;sig=s&b=c", "https://a.org/a?b=c"),
        ("https://a.org/a?%73ig=s&%20TOKEN=t", "https://a.org/a"),
        ("https://a.org/a?api_key=k&apikey=k&key=k&password=p&secret=s&access_token=t&monkey=m", "https://a.org/a?monkey=m"),
        ("https://git.example.org/a?private_token=t&ref=main", "https://git.example.org/a?ref=main"),
        ("https://a.org/a?auth_token=t&job_token=t&jwt=t&Authorization=t&client_secret=s", "https://a.org/a"),
        ("https://a.org/a?GoogleAccessId=a&access_key=k&secret_key=s&b=c", "https://a.org/a?b=c"),
        ("dvc://a/b?token=t#part", "dvc://a/b#part"),
    ],
)  # fmt: skip
def test_the_public_form_of_a_uri_has_nothing_that_grants_access(uri, public):
    for form in (uris.without_secrets, reference_uris.without_secrets):
        assert form(uri) == form(public) == public
