"""Read Django's settings from the environment, in one file. docs/operations.md lists every variable."""

import base64
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from portal import admin_look
from portal.environment import flag, names, number, text
from portal.local.find import find_urls, load_or_make_keys
from portal.logs import configure_logging

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

# --- Servers: the environment wins, then those that `make run` has started, then addresses that do not answer. ---

_LOCAL = find_urls(BASE_DIR)
DATABASE_URL = text("DATABASE_URL") or (_LOCAL.database_url if _LOCAL else "postgresql://portal@127.0.0.1:1/portal")
REDIS_URL = text("REDIS_URL") or (_LOCAL.redis_url if _LOCAL else "redis://127.0.0.1:1/0")
SERVERS_KNOWN = bool(_LOCAL or (text("DATABASE_URL") and text("REDIS_URL")))


def _database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    return {
        "ENGINE": "django_tenants.postgresql_backend",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5, **dict(parse_qsl(parts.query))},
        "TEST": {"NAME": f"test_{unquote(parts.path.lstrip('/'))}"},
    }


DATABASES = {"default": _database(DATABASE_URL)}
DATABASE_ROUTERS = ["tenants.routers.ProviderRouter", "django_tenants.routers.TenantSyncRouter"]

# --- Secrets ---

LOCAL_MODE = flag("PORTAL_LOCAL") or _LOCAL is not None
_KEYS = load_or_make_keys(BASE_DIR) if not text("PORTAL_SECRET_KEY") else None
SECRET_KEY = text("PORTAL_SECRET_KEY") or (_KEYS.django_secret_key if _KEYS else "")
# Key id -> 32 bytes. The first one seals, all of them open: put a new key in front to rotate.
FIELD_KEYS: dict[str, bytes] = {
    key_id: base64.b64decode(value) for key_id, _, value in (item.partition(":") for item in names("PORTAL_FIELD_KEYS"))
} or {key_id: base64.b64decode(value) for key_id, value in (_KEYS.field_keys.items() if _KEYS else ())}

# --- Partners (docs/architecture.md, "Partners") ---

# The two lists share no app: a table that a partner's schema lacks is an error, never another partner's row.
SHARED_APPS = ["django_tenants", "tenants"]
TENANT_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.admin",
    "people",
    "allauth.account",
    "allauth.mfa",
    "licensing.accounts",
    "licensing.mirror",
    "licensing.history",
    "licensing.fleet",
    "licensing.allocation",
    "licensing.assignments",
    "licensing.orders",
    "licensing.figures",
    "licensing.alerts",
    "licensing.channels",
    "licensing.pools",
    "licensing.statements",
    "licensing.operations",
    "licensing.demo",
]
INSTALLED_APPS = [
    "unfold",  # before django_tenants, which brings an admin template of its own
    *SHARED_APPS,
    *TENANT_APPS,
    "kit",
    "allauth",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "django_filters",
    "django_htmx",
    "django_tables2",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
TENANT_MODEL = "tenants.Partner"
TENANT_DOMAIN_MODEL = "tenants.Domain"
TENANT_LIMIT_SET_CALLS = True
PROVIDER_SCHEMA = "provider"
PROVIDER_URLCONF = "portal.urls_provider"

# --- Web ---

DEBUG = flag("PORTAL_DEBUG")
# The registry of domains is the list of hosts: PartnerMiddleware answers 404 to every other name before any view runs.
ALLOWED_HOSTS = names("PORTAL_ALLOWED_HOSTS", "*")
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
MIDDLEWARE = [
    "portal.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "portal.content_policy.ContentPolicyMiddleware",
    # The look is no secret: pages for unknown hosts and suspended partners need it too.
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.middleware.PartnerMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "people.gate.GateMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
]
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
                "people.gate.abilities",
                "portal.navigation.navigation",
                "tenants.watchdog.warnings",
                "licensing.channels.dead_channels.warnings",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
DJANGO_TABLES2_TEMPLATE = "components/table.html"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000  # a batch of 2,000 clusters sends a field for each; Django's own bound is 1,000
UPLOAD_MAX_BYTES = 6 * 1024 * 1024  # per file; more than any view allows
FILE_UPLOAD_HANDLERS = [
    "portal.uploads.BoundedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

HTTPS = flag("PORTAL_HTTPS", default=not LOCAL_MODE)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Host-only cookies; the prefix makes browsers refuse one that a sibling host has planted.
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = number("PORTAL_HSTS_SECONDS", 31_536_000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if flag("PORTAL_BEHIND_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1  # its last entry of X-Forwarded-For is the client

STATIC_URL = "/static/"
STATIC_ROOT = Path(text("PORTAL_STATIC_ROOT", str(BASE_DIR / ".local" / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = LOCAL_MODE
if LOCAL_MODE:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # stays empty: files come from their apps
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if LOCAL_MODE
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- People ---

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
ACCOUNT_ADAPTER = "people.accounts.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# The portal has no sign-up, so unknown addresses get no mail; allauth would invite them to sign up.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
# The limit counts failures of one address in ten minutes over all partners; allauth's own count per partner.
FAILED_SIGN_INS = number("PORTAL_FAILED_SIGN_INS", 50)
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
# Owners set addresses and vouch for them, so users need not verify theirs.
MFA_ALLOW_UNVERIFIED_EMAIL = True
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
# Without a mail server, the local stack writes mails to files. Elsewhere they go to the log, and channels say so.
_MAIL = "smtp" if text("PORTAL_SMTP_HOST") else "filebased" if LOCAL_MODE else "console"
EMAIL_BACKEND = f"django.core.mail.backends.{_MAIL}.EmailBackend"
EMAIL_FILE_PATH = text("PORTAL_MAIL_FOLDER", str(BASE_DIR / ".local" / "mail"))
EMAIL_HOST = text("PORTAL_SMTP_HOST")
EMAIL_PORT = number("PORTAL_SMTP_PORT", 25)
EMAIL_HOST_USER = text("PORTAL_SMTP_USER")
EMAIL_HOST_PASSWORD = text("PORTAL_SMTP_PASSWORD")
EMAIL_USE_TLS = flag("PORTAL_SMTP_TLS")
EMAIL_TIMEOUT = number("PORTAL_SMTP_SECONDS", 20)
DEFAULT_FROM_EMAIL = text("PORTAL_MAIL_FROM", "portal@portal.example")

# --- Caches and Celery ---

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "django_tenants.cache.make_key",
        "REVERSE_KEY_FUNCTION": "django_tenants.cache.reverse_key",
    },
    # This cache counts over all partners together (people.accounts). It never holds data of one partner.
    "everywhere": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "everywhere",
    },
}
CELERY_BROKER_URL = REDIS_URL
# Longer than the longest task: past it, Redis delivers an unacknowledged message a second time.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3 * 3600,
    "socket_connect_timeout": 3,
    "socket_timeout": 10,
    "global_keyprefix": text("PORTAL_BROKER_PREFIX"),
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 2 * 3600 + 300
CELERY_TASK_SOFT_TIME_LIMIT = 2 * 3600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(BASE_DIR / ".local" / "beat-schedule")
DISPATCH_EVERY = number("PORTAL_DISPATCH_SECONDS", 10)
# One static entry, because the registry holds the jobs (tenants.schedule). It expires before its next tick.
CELERY_BEAT_SCHEDULE = {
    "dispatch": {
        "task": "tenants.tasks.dispatch",
        "schedule": timedelta(seconds=DISPATCH_EVERY),
        "options": {"expires": max(DISPATCH_EVERY - 1, 1)},
    }
}
# Jobs that every partner has from its first day, with their intervals. Syncs are planned per smart account.
PARTNER_JOBS = {
    "alerts": timedelta(minutes=15),
    "deliver": timedelta(minutes=5),
    "statements": timedelta(minutes=5),
    "prune": timedelta(days=1),
}
# Scheduled job -> the task that runs it (tenants.schedule).
SCHEDULED_TASKS = {
    "sync": "licensing.operations.tasks.sync_smart_account",
    "watch_sync": "licensing.operations.tasks.watch_sync",
    "alerts": "licensing.operations.tasks.evaluate_alerts",
    "deliver": "licensing.channels.tasks.deliver",
    "auto_registration": "licensing.assignments.tasks.register_automatically",
    "prune": "licensing.operations.tasks.prune",
    "batch": "licensing.assignments.tasks.advance_batch",
    "statements": "licensing.statements.tasks.tend",
}

# --- Words ---

# Choices that templates show by their value alone; badges take their labels from them (kit.templatetags.words).
SHOWN_CHOICES = (
    "licensing.accounts.models.LicenseServer.Check",
    "licensing.mirror.models.License.Status",
    "licensing.mirror.models.SyncRun.Status",
    "licensing.alerts.models.Severity",
    "licensing.alerts.models.AlertEvent.Kind",
    "licensing.mirror.models.VirtualAccount.Purpose",
    "licensing.mirror.models.VirtualAccount.LicenseMode",
    "licensing.fleet.models.Cluster.Deployment",
    "licensing.assignments.clusters.status.Status",
    "licensing.mirror.models.Change.Kind",
    "licensing.assignments.models.AssignmentJob.State",
    "licensing.assignments.models.AssignmentStage.State",
    "licensing.assignments.models.AssignmentBatch.State",
    "licensing.channels.models.Delivery.State",
    "licensing.orders.states.State",
    "licensing.orders.models.Movement.Kind",
    "licensing.pools.models.TransferPlan.State",
    "licensing.pools.models.TransferStep.State",
    "licensing.pools.worklist.Reason",
    "licensing.statements.models.StatementMail.State",
    "licensing.statements.models.StatementBatch.State",
    "licensing.statements.models.StatementBatchItem.State",
)

# --- REST ---

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["people.tokens.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["people.gate.GatePermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["kit.rest.parsing.BoundedJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["kit.rest.filters.StrictFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "kit.rest.paging.Cursor",
    "DEFAULT_SCHEMA_CLASS": "portal.rest.schema.Schema",
    "DEFAULT_METADATA_CLASS": None,
    "DURATION_FORMAT": "iso-8601",
    "EXCEPTION_HANDLER": "portal.rest.problems.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Smart Licensing Partner Portal",
    "VERSION": "1",
    "DESCRIPTION": "What one partner's portal knows and does. Authenticate with `Authorization: Bearer <token>`.",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["people.gate.GatePermission"],
    "ENUM_NAME_OVERRIDES": {
        "LicenseServerKindEnum": "licensing.accounts.models.LicenseServer.Kind",
        "AlertKindEnum": "licensing.alerts.models.Kind",
        "SeverityEnum": "licensing.alerts.models.Severity",
        "AssignmentJobKindEnum": "licensing.assignments.models.AssignmentJob.Kind",
        "AssignmentStageKindEnum": "licensing.assignments.models.AssignmentStage.Kind",
        "AssignmentBatchKindEnum": "licensing.assignments.models.AssignmentBatch.Kind",
        "LicenseModeEnum": "licensing.mirror.models.VirtualAccount.LicenseMode",
    },
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
}

# --- Cisco's side ---

# Networks (CIDR) in which license servers are allowed although their addresses are otherwise refused.
ALLOWED_NETWORKS = tuple(names("PORTAL_ALLOWED_NETWORKS", "127.0.0.0/8" if LOCAL_MODE else ""))
ALLOW_HTTP = flag("PORTAL_ALLOW_HTTP", default=LOCAL_MODE)
CSSM_MAX_PARALLEL = number("PORTAL_CSSM_MAX_PARALLEL", 4)
# REST waits this long for the worker, and then answers with the request to Cisco itself.
REQUEST_WAIT_SECONDS = number("PORTAL_REQUEST_WAIT_SECONDS", 5)
AXL_SETTLE_SECONDS = number("PORTAL_AXL_SETTLE_SECONDS", 90)
USAGE_SAMPLE_DAYS = number("PORTAL_USAGE_SAMPLE_DAYS", 1095)
CHANGE_DAYS = number("PORTAL_CHANGE_DAYS", 1095)
ORDER_DUE_DAYS = number("PORTAL_ORDER_DUE_DAYS", 14)

# --- Notifications ---

# The port of links in mails, if it is not the usual one of http or https.
PUBLIC_PORT = text("PORTAL_PUBLIC_PORT", text("PORT", "8000") if LOCAL_MODE else "")
DELIVERY_DAYS = number("PORTAL_DELIVERY_DAYS", 400)
# Schemes of Apprise beyond licensing.channels.delivery.services.SERVICES, such as mmosts for an own Mattermost.
APPRISE_ALSO = tuple(names("PORTAL_APPRISE_ALSO"))

# --- Everything else ---

LANGUAGE_CODE = "en"
TIME_ZONE = text("PORTAL_TIME_ZONE", "UTC")
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = "portal.formats"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SILENCED_SYSTEM_CHECKS = [
    "django_tenants.W003",  # the two app lists are disjoint on purpose
]
LOG_LEVEL = text("PORTAL_LOG_LEVEL", "INFO")
LOG_JSON = flag("PORTAL_LOG_JSON", default=not LOCAL_MODE)
LOGGING_CONFIG = None
configure_logging(LOG_LEVEL, json=LOG_JSON)
METRICS_TOKEN = text("METRICS_TOKEN")

# --- Admin sites: the partner's, and the provider's (tenants.admin) ---

UNFOLD = admin_look.partner_site(f"{STATIC_URL}favicon.svg")
UNFOLD_PROVIDER = admin_look.provider_site(f"{STATIC_URL}favicon.svg")

if SENTRY_DSN := text("SENTRY_DSN"):
    import sentry_sdk  # only if an operator has switched it on

    sentry_sdk.init(dsn=SENTRY_DSN, send_default_pii=False, release=VERSION)
