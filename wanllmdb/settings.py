"""All settings of the server. Those that differ between deployments are read from the environment, with defaults."""

import logging
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from core import csp
from core.client_ip import TrustedProxies
from wanllmdb import admin_theme, api_settings, log_settings

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
VAR_DIR = Path(env.str("WANLLMDB_VAR_DIR", default=str(BASE_DIR / "var"))).absolute()
# What `make run` made up once for this machine: secret key, store credentials, addresses. The environment wins.
env.read_env(VAR_DIR / "embedded.env")

# Set by wanllmdb/wsgi.py. All people wait for the threads of a web process, which therefore wait for no other part
# longer than a few seconds; workers and commands may.
IS_WEB_PROCESS = env.bool("WANLLMDB_WEB_PROCESS", default=False)

# As in pyproject.toml and the SDK, which is released together with the server.
VERSION = "0.1.0"
# Of the SDK: an older one may not know what the server has become.
OLDEST_CLIENT_VERSION = "0.1.0"

# --- Django -----------------------------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
# Former ones: what was signed and encrypted under them is still read.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# The public URL of the server: signed URLs and `url` fields are built from it.
BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000").rstrip("/")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "knox",
    "accounts",
    "projects",
    "events",
    # Before the registry: of a project that is deleted, its records let go of their bytes first.
    "hierarchies",
    "artifacts",
    "tracking",
    "notifications",
    "web",
]

MIDDLEWARE = [
    # These three only add headers, also to what the limits refuse and what the fast path answers.
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.csp.ContentSecurityPolicyMiddleware",
    "wanllmdb.middleware.RequestLimitsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "web.middleware.HtmlGZipMiddleware",
    "web.middleware.PrivatePagesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "wanllmdb.middleware.LongRequestBodiesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "web.middleware.HtmxLoginRequiredMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "web.middleware.DomainErrorMiddleware",
    "web.middleware.FormerNameMiddleware",
]

ROOT_URLCONF = "wanllmdb.urls"
WSGI_APPLICATION = "wanllmdb.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["web.templatetags.web"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "web.context_processors.display_settings",
                "web.context_processors.health_problems",
                "web.context_processors.unread_count",
                "wanllmdb.administration.breadcrumbs",
            ],
        },
    }
]

UNFOLD = admin_theme.UNFOLD

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
FORMAT_MODULE_PATH = "wanllmdb.formats"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG
# Pages of other origins have no use for them; and it is a header less of each.
WHITENOISE_ALLOW_ALL_ORIGINS = False

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.PasswordBackend"]
PASSWORD_HASHERS = ["accounts.hashers.BoundedPBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CSRF_FAILURE_VIEW = "wanllmdb.error_views.csrf_failed"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BASE_URL.startswith("https://")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {"DIRECTIVES": csp.POLICY}
# Whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses, networks, and `unix` for peers on a socket in the
# file system. RequestLimitsMiddleware removes the latter where others sent it.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
TRUSTED_PROXIES = TrustedProxies.parse(env.list("TRUSTED_PROXIES", default=["127.0.0.0/8", "::1", "unix"]))

# --- Database ---------------------------------------------------------------------------------------------------------

DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["ENGINE"] = "core.sqlite"
    # Writers wait at BEGIN instead of failing in the middle of a transaction, and never block readers.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 5 if IS_WEB_PROCESS else 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000;",
    }
else:
    DATABASES["default"]["ENGINE"] = "core.postgres"
    # Each thread keeps its connection, and checks it before each request: PostgreSQL may have been restarted.
    DATABASES["default"] |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    # Compiling the query of a lineage graph takes PostgreSQL seconds, which it then runs in milliseconds.
    options = "-c jit=off"
    if IS_WEB_PROCESS:
        # In milliseconds.
        options += " -c statement_timeout=15000 -c lock_timeout=5000"
    # What the URL says (`?sslmode=verify-full`, `?host=/run/postgresql`), and:
    DATABASES["default"]["OPTIONS"] = DATABASES["default"].get("OPTIONS", {}) | {
        # Frequent queries are prepared once for each connection. A pooler that reassigns connections after each
        # transaction needs support for that (PgBouncer's `max_prepared_statements`), or this setting off.
        "prepare_threshold": 2 if env.bool("DATABASE_PREPARES", default=True) else None,
        "connect_timeout": 3,
        "options": options,
    }
    if IS_WEB_PROCESS:
        # In milliseconds, for a machine that is gone without a word.
        DATABASES["default"]["OPTIONS"]["tcp_user_timeout"] = 10_000

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # Of long texts, up to 512 KiB each.
    "markdown": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "markdown",
        "TIMEOUT": 24 * 3600,
        "OPTIONS": {"MAX_ENTRIES": 40},
    },
    # Where the nodes of lineage graphs are drawn: some 20 KiB each.
    "lineage": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "lineage",
        "TIMEOUT": 24 * 3600,
        "OPTIONS": {"MAX_ENTRIES": 200},
    },
}

# --- The object store -------------------------------------------------------------------------------------------------

S3_ENDPOINT_URL = env.str("S3_ENDPOINT_URL", default="http://127.0.0.1:8333")
# The endpoint in presigned URLs, which clients use; it can differ from the one that the server itself uses.
S3_PUBLIC_ENDPOINT_URL = env.str("S3_PUBLIC_ENDPOINT_URL", default=S3_ENDPOINT_URL)
# Its origin, to which only the upload page may connect; the object store accepts uploads only from PAGE_ORIGINS.
STORE_ORIGIN = "{0.scheme}://{0.netloc}".format(urlsplit(S3_PUBLIC_ENDPOINT_URL))
_base = "{0.scheme}://{0.netloc}".format(urlsplit(BASE_URL))
# On their own machine, people use either of its names.
_twins = [_base.replace("//127.0.0.1", "//localhost"), _base.replace("//localhost", "//127.0.0.1")]
PAGE_ORIGINS = sorted({_base, *_twins, *CSRF_TRUSTED_ORIGINS})

STORAGES["artifacts"] = {
    # django-storages' S3Storage, with the settings that are the same for every deployment.
    "BACKEND": "artifacts.store_connection.ArtifactStorage",
    "OPTIONS": {
        "bucket_name": env.str("S3_BUCKET", default="wanllmdb"),
        "endpoint_url": S3_ENDPOINT_URL,
        "region_name": env.str("S3_REGION", default="us-east-1"),
        "access_key": env.str("S3_ACCESS_KEY_ID", default=""),
        "secret_key": env.str("S3_SECRET_ACCESS_KEY", default=""),
    },
}

# --- Registry policies ------------------------------------------------------------------------------------------------

# How long unreferenced bytes are kept: longer than any presigned URL to them is valid.
ORPHAN_GRACE = timedelta(seconds=env.int("ORPHAN_GRACE_SECONDS", default=2 * 3600))
# The share of a pack that nothing needs any more from which it is rewritten without that; above 1 none is.
REPACK_THRESHOLD = env.float("REPACK_THRESHOLD", default=0.5)
# How long after its last change a draft expires.
DRAFT_LIFE = timedelta(seconds=env.int("DRAFT_LIFE_SECONDS", default=7 * 24 * 3600))
# How long a former name leads to what was renamed, and is kept from others; so are names of what was deleted with
# protected aliases.
FORMER_NAME_LIFE = timedelta(seconds=env.int("FORMER_NAME_LIFE_SECONDS", default=90 * 24 * 3600))
INVITATION_LIFE = timedelta(days=7)
# The team whose projects `wandb-registry-…` are the registries of the official client; none where it is empty.
REGISTRY_TEAM = env.str("REGISTRY_TEAM", default="")
# How much of a kind there may be of one owner, as `core.row_limits` sees to it.
# In how many teams somebody may be who creates another.
TEAMS_A_PERSON = 200
KEYS_A_PERSON = 500
WATCHES_A_PERSON = 1000
WEBHOOKS_A_PROJECT = 50
# How many aliases an artifact may have.
ALIASES_AN_ARTIFACT = env.int("ALIASES_AN_ARTIFACT", default=2000)
# How many alias rules a team, a project or an artifact may have of its own: each move of an alias reads them all.
RULES_A_SCOPE = 200
OPEN_PROPOSALS_AN_ARTIFACT = 200
# How many external stores a team may have: each URL that is signed looks at all of them.
EXTERNAL_STORES_A_TEAM = 50
HIERARCHIES_A_PROJECT = 500
# How many indexes on members of data a hierarchy may have: each is one more that every new record is entered into.
DATA_INDEXES_A_HIERARCHY = 8
MAX_BODY_BYTES = 16 * 2**20
# Of what runs of the official client stream, as sent and once inflated.
MAX_STREAM_BODY_BYTES = 32 * 2**20
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

# --- Notifications ----------------------------------------------------------------------------------------------------

# Where mail goes, as smtp+tls://user:password@host:587; by default workers write it to their standard output.
_mail = env.email_url("EMAIL_URL", default="consolemail://")
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_FILE_PATH = _mail["EMAIL_FILE_PATH"]
EMAIL_HOST = _mail["EMAIL_HOST"]
EMAIL_PORT = _mail["EMAIL_PORT"]
EMAIL_HOST_USER = _mail["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="wanLLMDB <wanllmdb@localhost>")
MAIL_ATTEMPTS = 6
# When digests are sent, in UTC: at this hour, weekly ones on Mondays.
DIGEST_HOUR = env.int("DIGEST_HOUR", default=7)
# Webhooks can call public addresses, and those in these private networks.
WEBHOOK_PRIVATE_NETWORKS = [ip_network(network) for network in env.list("WEBHOOK_PRIVATE_NETWORKS", default=[])]
# Files of versions can be at public addresses, and at those in these private networks.
REFERENCE_PRIVATE_NETWORKS = [ip_network(network) for network in env.list("REFERENCE_PRIVATE_NETWORKS", default=[])]
# How many references of a host are checked a second: on the web, and in an external store.
WEB_CHECKS_A_SECOND = env.float("WEB_CHECKS_A_SECOND", default=5)
STORE_CHECKS_A_SECOND = env.float("STORE_CHECKS_A_SECOND", default=100)
if min(WEB_CHECKS_A_SECOND, STORE_CHECKS_A_SECOND) <= 0:
    raise ImproperlyConfigured("WEB_CHECKS_A_SECOND and STORE_CHECKS_A_SECOND must be more than 0.")
# How often references of versions with a protected alias are checked; 0 for never.
REFERENCE_CHECK_INTERVAL = timedelta(seconds=env.int("REFERENCE_CHECK_INTERVAL_SECONDS", default=24 * 3600))
# In seconds, as for webhooks below, and with all redirects.
REFERENCE_CONNECT_TIMEOUT = 5
REFERENCE_READ_TIMEOUT = 10
REFERENCE_TOTAL_TIMEOUT = 15
# The server's own credentials for external stores, which operators alone let them use. Those for S3 are found by the
# rules of AWS: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, its files, or the role of the machine.
GOOGLE_APPLICATION_CREDENTIALS = env.str("GOOGLE_APPLICATION_CREDENTIALS", default="")
AZURE_STORAGE_ACCOUNT_NAME = env.str("AZURE_STORAGE_ACCOUNT_NAME", default="")
AZURE_STORAGE_ACCOUNT_KEY = env.str("AZURE_STORAGE_ACCOUNT_KEY", default="")
# In seconds: to connect, between two bytes of the response, and for a whole attempt.
WEBHOOK_CONNECT_TIMEOUT = 5
WEBHOOK_READ_TIMEOUT = 10
WEBHOOK_TOTAL_TIMEOUT = 20
# How long events, deliveries and inbox items are kept.
EVENT_LIFE = timedelta(seconds=env.int("EVENT_LIFE_SECONDS", default=90 * 24 * 3600))

# --- API --------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = api_settings.REST_FRAMEWORK
SPECTACULAR_SETTINGS = api_settings.SPECTACULAR_SETTINGS
KNOX_TOKEN_MODEL = "accounts.ApiKey"
# `wllm-` and 40 hex digits, which every version of the official wandb client takes for a key. Those that were made
# before, `wllm_` and 64, go on working.
REST_KNOX = {
    "TOKEN_PREFIX": "wllm-",
    "AUTH_TOKEN_CHARACTER_LENGTH": 40,
    "TOKEN_TTL": None,
    "AUTO_REFRESH": False,
}
# Only knox's abstract model is used: its own table would remain empty.
MIGRATION_MODULES = {"knox": None}

# --- Workers ----------------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://localhost")
CELERY_BROKER_TRANSPORT_OPTIONS = {}
if CELERY_BROKER_URL.startswith("filesystem"):
    CELERY_BROKER_TRANSPORT = "wanllmdb.broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(VAR_DIR / "broker"),
        "data_folder_out": str(VAR_DIR / "broker"),
        "control_folder": str(VAR_DIR / "broker-control"),
        "polling_interval": 0.2,
    }
if IS_WEB_PROCESS:
    # One attempt of two seconds: kombu's own default is to try for ever.
    CELERY_BROKER_TRANSPORT_OPTIONS |= {"max_retries": 1, "interval_start": 0, "connect_retries_timeout": 2}
    if CELERY_BROKER_URL.startswith("redis"):
        CELERY_BROKER_TRANSPORT_OPTIONS |= {"socket_timeout": 2, "socket_connect_timeout": 2}
# What waits for hosts of others has a queue of its own, for workers of its own.
CELERY_TASK_ROUTES = {
    f"notifications.tasks.{name}": {"queue": "notifications"}
    for name in ("deliver", "mail", "send_digests", "record_heartbeat")
} | {"artifacts.references.tasks.check": {"queue": "notifications"}}
CELERY_TASK_IGNORE_RESULT = True
# A request does not wait for a broker that is down: the sweep finds the work.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Request ids, counts and traces of tasks.
CELERY_IMPORTS = ["wanllmdb.task_metrics"]
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")

# --- Metrics ----------------------------------------------------------------------------------------------------------

# Who may read /metrics: who has the token, or asks from one of these networks. Without either it is not there.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
METRICS_NETWORKS = [ip_network(network) for network in env.list("METRICS_NETWORKS", default=[])]
METRICS_ENABLED = bool(METRICS_TOKEN or METRICS_NETWORKS)
METRICS_DIR = VAR_DIR / "metrics"
# Traces go to this collector of OpenTelemetry; the other variables of its SDK apply too.
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")

# --- Logs -------------------------------------------------------------------------------------------------------------

LOG_FORMAT = env.str("LOG_FORMAT", default="plain")
if LOG_FORMAT not in ("plain", "json"):
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}: use plain or json.")
if LOG_FORMAT == "json":
    # What Python itself warns of becomes a line like all others.
    logging.captureWarnings(True)
LOGGING = log_settings.of(LOG_FORMAT, env.str("LOG_LEVEL", default="INFO"))
