"""Settings, driven by the environment and safe in production by default. `.env.example` documents each variable.

`CONFIDENCE_DEV=1` (which `make` sets) is the one switch that makes things convenient instead of safe: debug pages,
a throw-away secret key, plain HTTP, localhost only.
"""

import os
import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")
# Blank counts as not set: no protection that is on by default goes off because a value was left out.
env.ENVIRON = {name: value for name, value in os.environ.items() if value.strip()}

DEV = env.bool("CONFIDENCE_DEV", default=False)

# --- Django ----------------------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=DEV)
SECRET_KEY = env.str("SECRET_KEY", default="development-only-" * 4 if DEV else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY (50 random characters), or CONFIDENCE_DEV=1 for development.")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEV else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "confidence_project.desk.apps.DeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "rest_framework",
    "django_filters",
    "rest_framework_api_key",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "django_tasks",
    "confidence_project.desk.apps.DeskConfig",
    "confidence_project.evidence_pack.apps.EvidencePackConfig",
    "governance",
    "telemetry",
    "ledger",
    "calibration",
    "django_tasks_db",  # behind the ledger, whose `db_worker` is this one's that keeps the log as well
]

MIDDLEWARE = [
    "confidence_project.foundation.request_id.RequestIdMiddleware",
    "confidence_project.foundation.bodies.UnreadChunksMiddleware",
    "confidence_project.foundation.health.DoorMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "governance.api.cors.OfrepOriginMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "governance.access.sign_in.SecondFactorMiddleware",
    "governance.access.preferences.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Last: turns a lock-out of the sign-in below into its own reply.
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "confidence_project.urls"
WSGI_APPLICATION = "confidence_project.wsgi.application"
ASGI_APPLICATION = "confidence_project.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"formatting": "confidence_project.foundation.formatting"},
        },
    },
]

# --- Database --------------------------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'confidence.sqlite3'}")}
_database = DATABASES["default"]
if _database["ENGINE"] == "django.db.backends.sqlite3":
    VAR_DIR.mkdir(exist_ok=True)
    _database["OPTIONS"] = {
        # A writer takes its lock at BEGIN and waits for it, instead of failing halfway through a transaction.
        "transaction_mode": "IMMEDIATE",
        "timeout": env.float("CONFIDENCE_SQLITE_BUSY_SECONDS", default=20.0),
        # FULL: a committed verdict survives a power cut, in WAL mode too.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
else:
    _timeout_ms = int(env.float("CONFIDENCE_STATEMENT_TIMEOUT_SECONDS", default=30.0) * 1000)
    _database["OPTIONS"] = {
        **_database.get("OPTIONS", {}),
        "options": f"-c statement_timeout={_timeout_ms} -c lock_timeout={_timeout_ms}",
    }
    _database["CONN_HEALTH_CHECKS"] = True
# SQLite, too: whoever closes its last connection copies the write-ahead log into the database.
_database["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
# A replica: lists of the desk and calibrations read there; see docs/scale.md.
CONFIDENCE_READ_DATABASE_URL = env.str("CONFIDENCE_READ_DATABASE_URL", default="")
if CONFIDENCE_READ_DATABASE_URL:
    if _database["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("CONFIDENCE_READ_DATABASE_URL names a replica of the PostgreSQL in DATABASE_URL.")
    _replica = env.db_url_config(CONFIDENCE_READ_DATABASE_URL)
    # Of the other's options its time-outs alone: where it is and how it is reached each says of itself.
    _options = {"connect_timeout": 5, "options": _database["OPTIONS"]["options"]}
    _replica["OPTIONS"] = {**_options, **_replica.get("OPTIONS", {})}
    _replica |= {name: _database[name] for name in ("CONN_HEALTH_CHECKS", "CONN_MAX_AGE")}
    DATABASES["replica"] = {**_replica, "TEST": {"MIRROR": "default"}}
    MIDDLEWARE.append("confidence_project.foundation.replica.WroteMiddleware")
# Off behind a pooler that does not pass prepared statements on; see docs/operations.md.
CONFIDENCE_PREPARED_STATEMENTS = env.bool("CONFIDENCE_PREPARED_STATEMENTS", default=True)

# Rate limits count here: per process by default, shared by all processes with e.g. redis://… in CACHE_URL.
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}

# --- Work outside of requests, which `manage.py db_worker` carries out ------------------------------------------------
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# --- Accounts --------------------------------------------------------------------------------------------------------
_VALIDATORS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATORS}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATORS}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATORS}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATORS}.NumericPasswordValidator"},
    {"NAME": "governance.workspaces.accounts.ChangeRevokesTokens"},
]
# Sign-in with the company's identity: OpenID Connect; see docs/sign-in.md.
CONFIDENCE_OIDC_ISSUER = env.str("CONFIDENCE_OIDC_ISSUER", default="")
CONFIDENCE_OIDC_CLIENT_ID = env.str("CONFIDENCE_OIDC_CLIENT_ID", default="")
CONFIDENCE_OIDC_CLIENT_SECRET = env.str("CONFIDENCE_OIDC_CLIENT_SECRET", default="")
# What the button says: "Sign in with …".
CONFIDENCE_OIDC_NAME = env.str("CONFIDENCE_OIDC_NAME", default="your company account")
CONFIDENCE_OIDC_SCOPES = env.list("CONFIDENCE_OIDC_SCOPES", default=["openid", "profile", "email"])
CONFIDENCE_OIDC_GROUPS_CLAIM = env.str("CONFIDENCE_OIDC_GROUPS_CLAIM", default="groups")
# Whoever is in it is a superuser. Here and on no page, so that nobody becomes one by a click.
CONFIDENCE_OIDC_SUPERUSER_GROUP = env.str("CONFIDENCE_OIDC_SUPERUSER_GROUP", default="")
# Values of `amr` or `acr` by which the provider says that it asked for more than a password.
CONFIDENCE_OIDC_SECOND_FACTOR = env.list("CONFIDENCE_OIDC_SECOND_FACTOR", default=["mfa"])
# Off: names and passwords of this site open nothing, and its sessions that they opened are over.
CONFIDENCE_LOCAL_SIGN_IN = env.bool("CONFIDENCE_LOCAL_SIGN_IN", default=True)
if CONFIDENCE_OIDC_ISSUER and not (CONFIDENCE_OIDC_CLIENT_ID and "openid" in CONFIDENCE_OIDC_SCOPES):
    raise ImproperlyConfigured("With CONFIDENCE_OIDC_ISSUER goes CONFIDENCE_OIDC_CLIENT_ID, and the scope openid.")
if CONFIDENCE_OIDC_ISSUER and not DEV and not CONFIDENCE_OIDC_ISSUER.startswith("https://"):
    raise ImproperlyConfigured("CONFIDENCE_OIDC_ISSUER begins with https://; plain HTTP is for development.")
if not (CONFIDENCE_LOCAL_SIGN_IN or CONFIDENCE_OIDC_ISSUER):
    raise ImproperlyConfigured("CONFIDENCE_LOCAL_SIGN_IN=0 leaves nobody in. Set CONFIDENCE_OIDC_ISSUER as well.")
# An invitation that nobody accepted is void after so long.
CONFIDENCE_INVITATION_DAYS = env.int("CONFIDENCE_INVITATION_DAYS", default=7)
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend"]
if CONFIDENCE_LOCAL_SIGN_IN:
    AUTHENTICATION_BACKENDS.append("django.contrib.auth.backends.ModelBackend")
if CONFIDENCE_OIDC_ISSUER:
    AUTHENTICATION_BACKENDS.append("governance.access.openid.OpenIdBackend")
# Five failures lock an account for an address; more of them an address, or an account, for browsers it does not know.
AXES_HANDLER = "governance.access.lockouts.LockoutHandler"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "governance.access.lockouts.counted_name"
AXES_CLIENT_IP_CALLABLE = "governance.access.addresses.client_address"
AXES_FAILURE_LIMIT = env.int("SIGN_IN_FAILURE_LIMIT", default=5)
SIGN_IN_ADDRESS_LIMIT = env.int("SIGN_IN_ADDRESS_LIMIT", default=30)
SIGN_IN_ACCOUNT_LIMIT = env.int("SIGN_IN_ACCOUNT_LIMIT", default=50)
# Addresses and networks of proxies whose X-Forwarded-For is believed; see docs/operations.md.
CONFIDENCE_TRUSTED_PROXIES = env.list("CONFIDENCE_TRUSTED_PROXIES", default=[])
try:
    [ip_network(proxy) for proxy in CONFIDENCE_TRUSTED_PROXIES]
except ValueError as error:
    raise ImproperlyConfigured("CONFIDENCE_TRUSTED_PROXIES takes addresses and networks like 10.0.0.0/8.") from error
AXES_COOLOFF_TIME = timedelta(minutes=env.int("SIGN_IN_LOCKOUT_MINUTES", default=15))
# Or whoever keeps knocking would keep the account's owner out for good.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "locked_out.html"
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_ALLOWED_CORS_ORIGINS = ""
# Superusers then sign in with a second factor; for everybody else it is theirs to choose.
CONFIDENCE_REQUIRE_SECOND_FACTOR = env.bool("CONFIDENCE_REQUIRE_SECOND_FACTOR", default=False)
OTP_TOTP_ISSUER = "Enterprise Confidence System"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_AGE = env.int("SESSION_COOKIE_AGE", default=8 * 60 * 60)
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

# --- E-mail: without a server in EMAIL_URL none is sent -------------------------------------------------------------
CONFIDENCE_SENDS_MAIL = "EMAIL_URL" in env.ENVIRON
vars().update(env.email_url("EMAIL_URL", default="dummymail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="confidence@localhost")

# --- Browser security ------------------------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEV
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=not DEV)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=0 if DEV else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEV
if env.bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # Swagger UI draws its icons from data: images.
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# --- Languages, time, files ------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "confidence_project.formats"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "confidence_project" / "desk" / "assets"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEV
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEV

# Uploads are counted as they come in, before anything else reads them.
FILE_UPLOAD_HANDLERS = [
    "confidence_project.foundation.uploads.LimitedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- HTTP API --------------------------------------------------------------------------------------------------------
# The largest body that is read, in bytes; the same limit for Django's own forms.
CONFIDENCE_MAX_BODY_BYTES = DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("CONFIDENCE_MAX_BODY_BYTES", default=10 * 1024**2)
CONFIDENCE_MAX_BULK_ITEMS = env.int("CONFIDENCE_MAX_BULK_ITEMS", default=10_000)
# What a client may take to send a request or to take a reply, beside a second for every 10,000 bytes.
CONFIDENCE_CLIENT_SECONDS = env.float("CONFIDENCE_CLIENT_SECONDS", default=20.0)
# Whose pages may evaluate flags from a browser; see docs/ofrep.md.
CONFIDENCE_OFREP_ORIGINS = env.list("CONFIDENCE_OFREP_ORIGINS", default=[])
if not all(re.fullmatch(r"https?://[a-z0-9.-]+(:\d+)?", origin) for origin in CONFIDENCE_OFREP_ORIGINS):
    raise ImproperlyConfigured("CONFIDENCE_OFREP_ORIGINS takes origins such as https://shop.example, each in full.")
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["governance.access.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["governance.access.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["confidence_project.foundation.filters.StrictFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": ["governance.access.authentication.ApiKeyThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "api_key": env.str("CONFIDENCE_RATE_LIMIT", default="6000/min"),
        "person": env.str("CONFIDENCE_PERSON_RATE_LIMIT", default="300/min"),
    },
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "confidence_project.foundation.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "STRICT_JSON": True,
}
# Tokens of people, for the governance API; shorter than a machine's key, as a person can be asked again.
REST_KNOX = {"TOKEN_TTL": timedelta(hours=env.int("CONFIDENCE_TOKEN_HOURS", default=12))}
SPECTACULAR_SETTINGS = {
    "TITLE": "Enterprise Confidence System",
    "DESCRIPTION": "Ingest AI interactions, gate decisions, attach outcomes. Errors are problem JSON (RFC 9457).",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "confidence_project.foundation.openapi.require_bodies",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ConfidenceKind": "ledger.models.decisions.ConfidenceKind",
        "OutcomeSource": "ledger.models.decisions.DecisionOutcome.Source",
        "DecisionOrigin": "ledger.models.decisions.DecisionRecord.Origin",
        "ProposalOrigin": "governance.models.policies.ConfidencePolicyProposal.Origin",
        "GateVerdict": "ledger.models.decisions.DecisionRecord.Verdict",
    },
}

# --- Confidence governance -------------------------------------------------------------------------------------------
CONFIDENCE_KILL_SWITCH = env.bool("CONFIDENCE_KILL_SWITCH", default=False)
# A TOML file with policy definitions of the host's own; see docs/extending.md.
CONFIDENCE_DEFINITIONS_FILE = env.str("CONFIDENCE_DEFINITIONS_FILE", default="")
# JSON: what metadata of AI calls may hold beside the standard entries; see docs/ingestion.md.
CONFIDENCE_METADATA_SCHEMA = env.json("CONFIDENCE_METADATA_SCHEMA", default={})
# Names that metadata and parameters of actions may hold beside policy keys and prompt keys: context profiles, say.
CONFIDENCE_METADATA_NAMES = env.list("CONFIDENCE_METADATA_NAMES", default=[])
# The provider of `run_prompt`: any server that speaks the OpenAI protocol. Interactions are kept under the name.
CONFIDENCE_AI_PROVIDER = env.str("CONFIDENCE_AI_PROVIDER", default="openai")
CONFIDENCE_AI_BASE_URL = env.str("CONFIDENCE_AI_BASE_URL", default="https://api.openai.com/v1")
CONFIDENCE_AI_API_KEY = env.str("CONFIDENCE_AI_API_KEY", default="")
CONFIDENCE_AI_MODEL = env.str("CONFIDENCE_AI_MODEL", default="")
# For each attempt: how long the provider may be silent.
CONFIDENCE_AI_TIMEOUT_SECONDS = env.float("CONFIDENCE_AI_TIMEOUT_SECONDS", default=30.0)
CONFIDENCE_AI_MAX_RETRIES = env.int("CONFIDENCE_AI_MAX_RETRIES", default=2)
# Speech to text for the audio pipeline; the same server as the provider's unless it is named.
CONFIDENCE_TRANSCRIPTION_BASE_URL = env.str("CONFIDENCE_TRANSCRIPTION_BASE_URL", default=CONFIDENCE_AI_BASE_URL)
_SAME_SERVER = CONFIDENCE_TRANSCRIPTION_BASE_URL == CONFIDENCE_AI_BASE_URL
# The name that its interactions are kept under; of another server, its host until it has one.
CONFIDENCE_TRANSCRIPTION_PROVIDER = env.str(
    "CONFIDENCE_TRANSCRIPTION_PROVIDER",
    default=CONFIDENCE_AI_PROVIDER if _SAME_SERVER else urlsplit(CONFIDENCE_TRANSCRIPTION_BASE_URL).hostname or "",
)
# The provider's key goes to no other server.
CONFIDENCE_TRANSCRIPTION_API_KEY = env.str(
    "CONFIDENCE_TRANSCRIPTION_API_KEY", default=CONFIDENCE_AI_API_KEY if _SAME_SERVER else ""
)
CONFIDENCE_TRANSCRIPTION_MODEL = env.str("CONFIDENCE_TRANSCRIPTION_MODEL", default="whisper-1")
# The agent of the audio pipeline: an MCP server (Streamable HTTP), its tool, and how long a turn may take it.
CONFIDENCE_AGENT_URL = env.str("CONFIDENCE_AGENT_URL", default="")
CONFIDENCE_AGENT_TOKEN = env.str("CONFIDENCE_AGENT_TOKEN", default="")
CONFIDENCE_AGENT_TOOL = env.str("CONFIDENCE_AGENT_TOOL", default="push_turn")
CONFIDENCE_AGENT_TIMEOUT_SECONDS = env.float("CONFIDENCE_AGENT_TIMEOUT_SECONDS", default=30.0)
# A message that answers a draft later than this says nothing about it.
CONFIDENCE_REPLY_DAYS = env.float("CONFIDENCE_REPLY_DAYS", default=14.0)
CONFIDENCE_CALIBRATION_WINDOW_DAYS = env.int("CONFIDENCE_CALIBRATION_WINDOW_DAYS", default=30)
# Decisions younger than this have had no fair chance of an outcome and are left out of a calibration.
CONFIDENCE_MATURITY_DAYS = env.float("CONFIDENCE_MATURITY_DAYS", default=7.0)
# Recurring calibrations (`run_calibration --all-workspaces --due`) come round after so many days.
CONFIDENCE_CALIBRATION_EVERY_DAYS = env.float("CONFIDENCE_CALIBRATION_EVERY_DAYS", default=7.0)
# A calibration proposes nothing that would move a threshold by this much or less.
CONFIDENCE_MATERIALITY = env.float("CONFIDENCE_MATERIALITY", default=0.005)
# How long one statement of a calibration may take on PostgreSQL; it reads a whole window.
CONFIDENCE_CALIBRATION_TIMEOUT_SECONDS = env.float("CONFIDENCE_CALIBRATION_TIMEOUT_SECONDS", default=1800.0)
# What a booking's outcome says of the automatic booking; an outcome in neither list leaves it unlabelled.
CONFIDENCE_BOOKING_OUTCOMES = {
    "success": env.list("CONFIDENCE_BOOKING_SUCCESS", default=["kept"]),
    "failure": env.list("CONFIDENCE_BOOKING_FAILURE", default=["rescheduled", "cancelled", "corrected"]),
}
CONFIDENCE_PROPOSAL_EXPIRY_DAYS = env.int("CONFIDENCE_PROPOSAL_EXPIRY_DAYS", default=30)
# Four eyes at the last step too: who approved a proposal does not apply it.
CONFIDENCE_APPLIER_IS_NOT_APPROVER = env.bool("CONFIDENCE_APPLIER_IS_NOT_APPROVER", default=True)

# Files that are imported in the browser wait here for a worker: outside of what is served, and shared by servers and
# workers. They are the users' own texts, so they are not in the database, whose backups would keep them.
CONFIDENCE_IMPORT_FOLDER = Path(env.str("CONFIDENCE_IMPORT_FOLDER", default=str(VAR_DIR / "imports")))
# The largest upload in bytes, of any page.
CONFIDENCE_IMPORT_MAX_BYTES = env.int("CONFIDENCE_IMPORT_MAX_BYTES", default=100 * 1024**2)
# An upload that nobody imported, and rejected rows that nobody removed, are kept so long (`prune_imports`).
CONFIDENCE_IMPORT_KEEP_DAYS = env.int("CONFIDENCE_IMPORT_KEEP_DAYS", default=7)
# Evidence packs asked for in the desk: made by workers, downloaded from servers, kept so long (`prune_packs`).
CONFIDENCE_PACK_FOLDER = Path(env.str("CONFIDENCE_PACK_FOLDER", default=str(VAR_DIR / "packs")))
CONFIDENCE_PACK_KEEP_DAYS = env.int("CONFIDENCE_PACK_KEEP_DAYS", default=30)

# Decisions that were pruned after their retention period are kept here: back it up with the database.
CONFIDENCE_ARCHIVE_FOLDER = Path(env.str("CONFIDENCE_ARCHIVE_FOLDER", default=str(VAR_DIR / "archives")))

# Where people reach the site: the links in webhooks begin with it.
CONFIDENCE_SITE_URL = env.str("CONFIDENCE_SITE_URL", default="http://localhost:8000" if DEV else "").rstrip("/")
# Hosts that webhooks may go to; `.example.org` stands for all of its subdomains. Empty: none.
CONFIDENCE_WEBHOOK_HOSTS = env.list("CONFIDENCE_WEBHOOK_HOSTS", default=[])
# Also to loopback, private and link-local addresses, and over plain HTTP: for receivers inside of a closed network.
CONFIDENCE_WEBHOOK_ALLOW_PRIVATE = env.bool("CONFIDENCE_WEBHOOK_ALLOW_PRIVATE", default=False)
# For a whole attempt, however slowly the reply trickles in.
CONFIDENCE_WEBHOOK_TIMEOUT_SECONDS = env.float("CONFIDENCE_WEBHOOK_TIMEOUT_SECONDS", default=10.0)
# Messages that were delivered, or given up, are kept so long (`prune_webhooks`).
CONFIDENCE_WEBHOOK_KEEP_DAYS = env.int("CONFIDENCE_WEBHOOK_KEEP_DAYS", default=30)
# After a rotation the old secret signs beside the new one for so long.
CONFIDENCE_WEBHOOK_OVERLAP_HOURS = env.int("CONFIDENCE_WEBHOOK_OVERLAP_HOURS", default=24)

# Hosts of models' servers that the gateway may ask, as those of webhooks; the same goes for closed networks.
CONFIDENCE_MODEL_HOSTS = env.list("CONFIDENCE_MODEL_HOSTS", default=[])
CONFIDENCE_MODEL_ALLOW_PRIVATE = env.bool("CONFIDENCE_MODEL_ALLOW_PRIVATE", default=False)
# A request that comes again within so long is the same decisions; see docs/gateway.md.
CONFIDENCE_GATEWAY_WINDOW_SECONDS = env.int("CONFIDENCE_GATEWAY_WINDOW_SECONDS", default=120)
if CONFIDENCE_GATEWAY_WINDOW_SECONDS < 1:
    raise ImproperlyConfigured("CONFIDENCE_GATEWAY_WINDOW_SECONDS is at least 1.")

# Signs checkpoints of the ledger; `manage.py generate_log_key NAME` makes one. Whoever has it can sign in our name.
CONFIDENCE_LOG_KEY = env.str("CONFIDENCE_LOG_KEY", default="")
# Who cosigns checkpoints, each as its verifier key, a blank, and its URL (c2sp.org/tlog-witness); separated by commas.
CONFIDENCE_LOG_WITNESSES = env.list("CONFIDENCE_LOG_WITNESSES", default=[])
# How many of them have to; not set: all.
CONFIDENCE_LOG_WITNESSES_NEEDED = env.int("CONFIDENCE_LOG_WITNESSES_NEEDED", default=None)
# How often a worker appends to the log and signs it, 0 for never.
CONFIDENCE_LOG_EVERY_SECONDS = env.float("CONFIDENCE_LOG_EVERY_SECONDS", default=60.0)
# How often a worker counts days anew of which something came or went, 0 for never.
CONFIDENCE_COUNT_EVERY_SECONDS = env.float("CONFIDENCE_COUNT_EVERY_SECONDS", default=600.0)

# --- Logs: one line each, no request bodies --------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "confidence_project.foundation.routes_in_logs.WhereAndNotWhat",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "filters": {
        "route": {"()": "confidence_project.foundation.routes_in_logs.RouteForPath"},
        "refusals": {"()": "confidence_project.foundation.routes_in_logs.RefusalsInOneLine"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["refusals"]}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    # At DEBUG the SDK of the AI provider logs whole requests, prompts and all.
    # The MCP SDK logs messages as it sends them, and what it cannot read with its traceback: transcripts, both.
    # What the lock-out library does is in its tables; at INFO its log repeats it at every sign-in.
    # At DEBUG the OpenID library logs what proves that a sign-in is ours.
    # Django names the path of every request that it refuses.
    "loggers": {
        "openai": {"level": "INFO"},
        "mcp": {"level": "CRITICAL"},
        "axes": {"level": "WARNING"},
        "authlib": {"level": "INFO"},
        "django.request": {"filters": ["route"]},
        "django.security.csrf": {"filters": ["route"]},
    },
}
