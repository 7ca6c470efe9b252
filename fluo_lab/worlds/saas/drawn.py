"""What is drawn for a visit: the questions with their rates, and the values to pick from.

Each question is a tuple that both sides unpack: ``chance.happens(*IS_SUSPENDED)`` in a running service,
``chances.happens(*IS_SUSPENDED)`` in the simulation. A habit is something that usually happens and that no invariant
demands; what would mislead a miner is marked as such.
"""

from __future__ import annotations

__all__ = ["PLAN_LIMITS", "TENANTS", "WEIGHTS", "other_tenant"]

WEIGHTS = (0.21, 0.24, 0.14, 0.09, 0.05, 0.24, 0.03)
"""Shares of the workflows: read, search, update, report, admin action, bulk admin actions, nightly usage job."""

READ, SEARCH, UPDATE, REPORT, ADMIN, BULK, NIGHTLY = range(7)

# Who asks, and for whom.
# fmt: off
TENANTS = (
    "acme", "apexline", "arborio", "balticom", "birchwood", "bluefin", "brightside", "calder", "cobalt",
    "corvid", "dunmore", "eastgate", "elmfield", "fernhill", "foxglove", "globex", "granite", "harbour",
    "hollis", "initech", "juniper", "kestrel", "larkspur", "lumen", "marlowe", "northwind", "oakhurst",
    "pinecrest", "quarry", "ravenna", "silverton", "tamarack", "umbra", "valence", "westbrook", "yarrow",
)
# fmt: on
TENANT = ("tenant", TENANTS)
STALE_SHIFT = ("tenant of the cached scope", 1, len(TENANTS) - 1)
ORGANISATION = ("organisation", ("org-aurora", "org-borealis", "org-cumulus", "org-delta", "org-estuary", "org-fjord"))
USER = ("user", "user")
PRINCIPAL = ("user", "principal")
DELEGATE = ("user", "delegate")
SERVICE_ACCOUNT = ("svc", "service account")
CUSTOMER = ("cus", "customer")

PLAN = ("plan", ("free", "team", "business", "enterprise"), (2, 3, 3, 2))
PLAN_LIMITS = (1_000, 5_000, 20_000, 50_000)
HAS_STANDARD_LIMIT = ("row limit of the plan", 0.9)
CONTRACT_LIMIT = ("row limit by contract, in hundreds", 1, 900)
IS_SUSPENDED = ("tenant suspended", 0.1)
IS_ACCEPTED = ("token accepted", 0.975)
IS_FRESH = ("request not seen before", 0.985)
IS_KNOWN = ("tenant known", 0.985)
# Coincidence: sub-accounts run in the context of their organisation, all others load their own.
HAS_OWN_CONTEXT = ("context of its own", 0.92)
# Coincidence: nearly all traffic comes from one region and one version of the interface.
IS_HOME_REGION = ("home region", 0.98)
HOME_REGION = "eu-west-1"
OTHER_REGION = ("other region", ("eu-central-1", "us-east-1", "ap-southeast-2"))
IS_CURRENT_VERSION = ("current version of the interface", 0.98)
CURRENT_VERSION = "2026-03"
OTHER_VERSION = ("other version of the interface", ("2025-09", "2026-06"))

# Coincidence: these attributes look like enumerations, yet other values turn up. Prefix of those, and how usual it is
# that they do not.
LISTED = 0.997
N_UNLISTED = 500
REGION, VERSION, METHOD, SYSTEM, LAYOUT, CUSTOM = "local-zone", "preview", "partner", "replica", "layout", "custom"
LISTED_ACTION = 0.9

# The gateway.
GATE_INSIDE = ("gate inside the request", 0.985)
# Coincidence: habitual order, the token first.
TOKEN_FIRST = ("token first", 0.97)
VERIFIES_TOKEN = ("token verified", 0.97)
TOKEN_METHOD = ("token method", ("jwt", "session", "api_key"), (5, 3, 1))
LIMITS_RATE = ("rate limited", 0.96)
IS_WITHIN_RATE = ("within the rate", 0.985)
REMAINING = ("requests remaining", 0, 1_000)
REMAINING_BEYOND = ("requests remaining beyond the rate", -200, 4_000)
# Confounder: spans that are nearly everywhere.
EVALUATES_FLAGS = ("flags evaluated", 0.96)
FLAGS_FIRST = ("flags before the context", 0.9)
METERS_USAGE = ("usage metered", 0.97)
METERS_LAST = ("usage metered last", 0.97)
METERS_ONCE = ("usage metered once", 0.985)
# Coincidence: the gateway usually has the context loaded before it passes a request on; it need not.
CONTEXT_AHEAD = ("context ahead", 0.85)
TOKEN_STAYS_FRESH = ("token stays fresh", 0.985)
RATE_STAYS_KNOWN = ("rate stays known", 0.985)
FLAGS_STAY_FRESH = ("flags stay fresh", 0.985)
CONTEXT_STAYS_FRESH = ("context stays fresh", 0.985)
SUSPENSION_AT_TENANCY = ("suspension noticed by the directory", 0.93)

# The directory of tenants.
CONTEXT_AT_ONCE = ("context at the first try", 0.98)
READS_BEFORE_ERROR = ("directory read before the error", 0.8)
DIRECTORY_ERROR, DIRECTORY_MESSAGE = "tenancy.DirectoryUnavailable", "the directory does not answer"
USES_CONTEXT_CACHE = ("context cache asked", 0.5)
IS_CONTEXT_CACHED = ("context cached", 0.7)
FILLS_CONTEXT_CACHE = ("context cache filled", 0.5)
NO_REVALIDATION = ("cached context left alone", 0.98)

# The database. Coincidence: one system nearly everywhere; the filter on shared tables is now on, now off.
MAIN_DATABASE = ("main database", 0.98)
DATABASE, OTHER_DATABASE = "postgresql", "clickhouse"
UNIT_OF_WORK = 0.25
ROWS = (0, 200)
MANY_ROWS = (0, 6_000)
IS_USUAL_ANSWER = 0.99
FILTERS_SHARED = 0.35
TENANT_TABLES = ("tenant_data_customers", "tenant_data_invoices", "tenant_data_events", "tenant_data_users")
SHARED_TABLES = ("plan_catalog", "usage_counters", "usage_daily", "export_jobs")
CUSTOMERS, INVOICES, EVENTS, USERS = TENANT_TABLES
CATALOG, COUNTERS, USAGE, JOBS = SHARED_TABLES
ONCE = 0.99
"""How often these spans stand alone; else there are two of them."""
REPEATABLE = (
    *("audit.report_flush", "cache.evict", "idempotency.replay", "policy.apply", "report.compress", "report.notify"),
    *("report.store", "search.log_terms", "search.suggest", "session.revoke", "slow_query.log", "tenant.suspended"),
    *("transaction.commit", "usage.roll_up"),
)
NO_READ_BACK = ("no read after the answer", 0.985)
READ_BACK_KNOWN = 0.9
TEMPORARY = "tmp"
READ_BACK_TABLE = ("table read after the answer", (*TENANT_TABLES, *SHARED_TABLES))

# Reading a record.
NEEDS_SNAPSHOT = ("read in a snapshot", 0.2)
USES_RECORD_CACHE = ("record cache asked", 0.95)
IS_RECORD_CACHED = ("record cached", 0.2)
FILLS_CACHE = ("record cache filled", 0.9)
SNAPSHOT_IN_SCOPE = ("snapshot within the scope", 0.95)
NO_EMPTY_UNIT = ("no empty unit of work", 0.97)
NEEDS_CATALOG = ("catalogue needed", 0.35)
APPLIES_POLICY = ("field policy applied", 0.9)
POLICY_LAST = ("field policy last", 0.9)
# Symptom: evictions crowd in the incident.
EVICTS_AFTER_MIX_UP = ("cache evicted after a mix-up", 0.7)
EVICTS = ("cache evicted", 0.03)
EVICTS_LAST = ("cache evicted last", 0.9)
LOSES_SPAN = ("span lost", 0.009)

# Searching. Confounder: customers and invoices are searched under one name.
SEARCH_TABLE = ("table searched", (CUSTOMERS, INVOICES), (7, 3))
IS_SEARCH_NEW = ("search not cached", 0.97)
RENEWS_CACHE = ("cached search renewed", 0.5)
LOGS_TERMS = ("terms logged", 0.96)
TERMS_FIRST = ("terms logged first", 0.97)
NEEDS_FACETS = ("facets wanted", 0.5)
SUGGESTS = ("terms suggested", 0.95)
SUGGESTS_LAST = ("terms suggested last", 0.95)
# Symptom: slow queries are logged in the incident, and seldom otherwise.
LOGS_SLOW_SCAN = ("slow scan logged", 0.8)
LOGS_SLOW_QUERY = ("slow query logged", 0.02)
LOGS_SLOW_LAST = ("slow query logged last", 0.95)
SECOND_PAGE = ("second page", 0.35)
SCAN_S = 2.3

# Updating a record.
VALIDATES = ("record validated", 0.97)
IS_VALID = ("record valid", 0.97)
VALIDATES_ONCE = ("record validated once", 0.985)
METERS_WRITE = ("write metered", 0.3)
METERS_FIRST = ("write metered first", 0.5)
USES_COUNTERS = ("counters used", 0.97)
METER_TABLE = ("other table for the meter", (CATALOG, USAGE, JOBS))
USUAL_UPDATE = ("customers updated", 0.96)
UPDATE_TABLE = ("other table updated", (INVOICES, EVENTS))
NUMBERS_FROM_ONE = ("attempts from one", 0.985)
EARLIER_ATTEMPTS = 3
GETS_LOCK = ("lock obtained", 0.72)
LOCK_ERROR, LOCK_MESSAGE = "database.LockNotAvailable", "the row is locked"
IS_SENSITIVE = ("sensitive field changed", 0.5)
BY_REQUESTER = ("recorded for the requester", 0.95)

# Reports.
IS_NEW_JOB = ("job not known yet", 0.97)
ASKS_JOBS = ("job list asked", 0.5)
CHUNKS = ("chunks", 1, 3)
HAS_EVENTS = ("events to report", 0.97)
IS_REUSED = ("report reused", 0.15)
RENDERS_IN_SCOPE = ("rendered in the scope", 0.9)
ROWS_WANTED = ("rows wanted", 1, 80_000)
ROWS_WANTED_SKEW = 2
LARGE_ROWS = 10_000
FORMAT = ("report format", ("csv", "xlsx", "pdf"), (5, 3, 2))
PLAIN_SMALL = ("small report left plain", 0.92)
COMPRESSES_WHILE_RENDERING = ("compressed while rendering", 0.5)
COMPRESSES_FIRST = ("compressed before it is stored", 0.97)
NOTIFIES = ("user notified", 0.95)
NOTIFIES_LAST = ("notified when stored", 0.97)
REPORT_AUDITED = ("report audited", 0.35)
REPORT_AUDIT_FIRST = ("report audited first", 0.5)

# Administration.
ACTION = ("admin action", ("deactivate", "reset_password", "list_sessions", "export_roster"), (3, 3, 2, 1))
WRITING_ACTIONS = ACTION[1][:2]
LIST_SESSIONS = "list_sessions"
BULK_ACTION, TRANSFER = "deactivate", "transfer_ownership"
AUTHORIZES = ("admin authorized", 0.96)
AUTHORIZES_ONCE = ("admin authorized once", 0.985)
IS_ALLOWED = ("admin allowed", 0.97)
NEEDS_ACTION = ("something left to do", 0.97)
NO_SNAPSHOT_AFTER = ("no snapshot of the users", 0.985)
AUDITS_FIRST = ("audited first", 0.4)
LOADS_CONTEXT_LATE = ("context loaded by the action", 0.5)
ACTS_IN_PERSON = ("acts in person", 0.95)
REVOKES_SESSION = ("session revoked", 0.3)
REVOKES_LAST = ("session revoked last", 0.9)
BULK_SIZE = ("bulk size", 2, 4)
BULK_SIZE_SKEW = 2
IS_SHORT_LIST = ("short list", 0.985)
LONGER = 2
NO_TRANSFER = ("no transfer at the end", 0.97)
SECOND_LIST = ("second list", 0.35)
HAS_NO_DELEGATE = ("no delegate", 0.95)
NAMES_DELEGATE = ("delegate named", 0.5)
FLUSHES_ONE = ("one record flushed", 0.5)
# Symptom: failed flushes crowd in the incident.
REPORTS_FLUSH = ("failed flush reported", 0.7)
REPORTS_ODD_FLUSH = ("flush reported", 0.03)
REPORTS_FLUSH_LAST = ("flush reported last", 0.9)

# The nightly job.
HAS_USAGE = ("usage to count", 0.96)
SECOND_TENANT = ("second tenant", 0.6)
THIRD_TENANT = ("third tenant", 0.4)
ROLLS_UP = ("usage rolled up", 0.96)
ROLLS_UP_LAST = ("usage rolled up last", 0.96)
LEFT_OVER = ("report.compress", "report.store", "report.notify")
"""What the job may find undone from the day before."""
NOTHING_LEFT_OVER = ("nothing left over", 0.96)


def other_tenant(code: int, shift: int) -> str:
    """Return the tenant that many places after another one.

    Examples
    --------
    >>> other_tenant(0, 1), other_tenant(len(TENANTS) - 1, 1)
    ('apexline', 'acme')
    """
    return TENANTS[(code + shift) % len(TENANTS)]
