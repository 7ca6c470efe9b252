"""Old and new names of the same attribute in the OpenTelemetry semantic conventions.

Data mixes them: one service still writes ``http.method``, the next ``http.request.method``, and under
``OTEL_SEMCONV_STABILITY_OPT_IN=http/dup`` one span carries both. The store keeps the keys it was given; this table
says which other key counts where a span lacks the one that was asked for.

Sources: the registry of open-telemetry/semantic-conventions (``model/**``, ``deprecated`` with ``renamed_to``), its
schema files up to 1.44.0 (``rename_attributes``), and its migration guides for HTTP, databases and RPC. In the table
are renames under which the value means the same. Four kinds of them need care:

* Several old names became one (``db.mongodb.collection``, ``db.cassandra.table``): the new name reads the old ones,
  an old one does not read the new one, which says nothing of MongoDB.
* Values were renamed with the name (``db.system``: ``mssql``, ``db.system.name``: ``microsoft.sql_server``): the
  value is translated into those of the name asked for. Such an alias reads texts and integers, nothing else. Names
  that changed their values without changing themselves (``gen_ai.system`` from ``gemini`` to ``gcp.gemini``) are read
  back as they last were.
* The side decides (``net.peer.name`` is the server of a CLIENT span and the client of a SERVER span): the alias counts
  on spans of that kind only, and on no others, for which nothing is documented.
* The new name may say more (``db.namespace``: database and schema, ``orders|public``): ``db.name`` does not read such
  a value, for which part of it is the database depends on the system.

Left out, because another name's value would not be the answer:

* splits and joins: ``http.target`` (to ``url.path`` and ``url.query``), ``net.sock.family``, ``db.connection_string``,
  ``code.function`` with ``code.namespace``, ``rpc.service`` with ``rpc.method``, ``db.mssql.instance_name``;
* what depends on more than the span's kind: ``http.host``, ``http.server_name``, ``tls.client.server_name``,
  ``net.sock.peer.addr`` for an unknown ``http.client_ip``, ``db.sql.table``, ``http.flavor`` and
  ``rpc.grpc.status_code`` read from their successors, which other protocols share;
* what the sources disagree on: ``http.request_content_length`` and its likes, ``enduser.id`` (deprecated in 1.26, not
  any more);
* values that cannot be translated one to one: ``enduser.role``, ``gen_ai.openai.request.response_format``;
* keys with a free end (``k8s.pod.labels.*``, ``rpc.grpc.request.metadata.*``, header names with ``_`` for ``-``), and
  attributes of metrics alone (``system.*``, ``process.cpu.state``);
* what other projects call things (OpenInference ``llm.*``, Vercel ``ai.*``): no convention says they are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from fluo_lab.traces.schema import SpanKind
from fluo_lab.traces.values import text_of

__all__ = ["Alias", "Translation", "aliases_of", "readings_of", "value_of"]

Translation: TypeAlias = Callable[[str], "str | None"]


@dataclass(frozen=True, slots=True)
class Alias:
    """Another key whose value counts where a span lacks the one asked for.

    Attributes
    ----------
    kinds
        Kinds of spans on which it does; None for all.
    translate
        Gives the text of its value in the words of the key asked for, None where there is none; such an alias reads
        texts and integers only. None where values are the same.
    """

    key: str
    kinds: frozenset[SpanKind] | None = None
    translate: Translation | None = None


# Names of one thing, the newest first: each reads all the others.
_RENAMED: tuple[tuple[str, ...], ...] = (
    ("http.request.method", "http.method"),
    ("http.response.status_code", "http.status_code"),
    ("http.request.resend_count", "http.resend_count", "http.retry_count"),
    ("url.full", "http.url"),
    ("url.scheme", "http.scheme"),
    ("user_agent.original", "http.user_agent"),
    ("client.address", "http.client_ip"),
    ("network.peer.address", "net.sock.peer.addr", "net.peer.ip"),
    ("network.peer.port", "net.sock.peer.port"),
    ("network.local.address", "net.sock.host.addr", "net.host.ip"),
    ("network.local.port", "net.sock.host.port"),
    ("network.protocol.name", "net.protocol.name", "net.app.protocol.name"),
    ("network.protocol.version", "net.protocol.version", "net.app.protocol.version"),
    ("network.connection.type", "net.host.connection.type"),
    ("network.connection.subtype", "net.host.connection.subtype"),
    ("network.carrier.name", "net.host.carrier.name"),
    ("network.carrier.mcc", "net.host.carrier.mcc"),
    ("network.carrier.mnc", "net.host.carrier.mnc"),
    ("network.carrier.icc", "net.host.carrier.icc"),
    ("db.query.text", "db.statement"),
    ("db.operation.name", "db.operation"),
    ("cassandra.coordinator.dc", "db.cassandra.coordinator.dc"),
    ("cassandra.coordinator.id", "db.cassandra.coordinator.id"),
    ("cassandra.consistency.level", "db.cassandra.consistency_level"),
    ("cassandra.query.idempotent", "db.cassandra.idempotence"),
    ("cassandra.page.size", "db.cassandra.page_size"),
    ("cassandra.speculative_execution.count", "db.cassandra.speculative_execution_count"),
    ("azure.cosmosdb.connection.mode", "db.cosmosdb.connection_mode"),
    ("azure.cosmosdb.consistency.level", "db.cosmosdb.consistency_level"),
    ("azure.cosmosdb.operation.request_charge", "db.cosmosdb.request_charge"),
    ("azure.cosmosdb.operation.contacted_regions", "db.cosmosdb.regions_contacted"),
    ("azure.cosmosdb.request.body.size", "db.cosmosdb.request_content_length"),
    ("azure.cosmosdb.response.sub_status_code", "db.cosmosdb.sub_status_code"),
    ("elasticsearch.node.name", "db.elasticsearch.node.name"),
    ("messaging.client.id", "messaging.client_id"),
    ("messaging.consumer.id", "messaging.consumer_id"),
    ("messaging.destination.name", "messaging.destination"),
    ("messaging.destination.kind", "messaging.destination_kind"),
    ("messaging.destination.temporary", "messaging.temp_destination"),
    ("messaging.destination.subscription.name", "messaging.servicebus.destination.subscription_name"),
    ("messaging.message.id", "messaging.message_id"),
    ("messaging.message.conversation_id", "messaging.conversation_id"),
    (
        "messaging.message.body.size",
        "messaging.message.payload_size_bytes",
        "messaging.message_payload_size_bytes",
    ),
    ("messaging.message.payload_compressed_size_bytes", "messaging.message_payload_compressed_size_bytes"),
    ("messaging.kafka.offset", "messaging.kafka.message.offset"),
    ("messaging.kafka.message.key", "messaging.kafka.message_key"),
    ("messaging.kafka.message.tombstone", "messaging.kafka.tombstone"),
    ("messaging.kafka.destination.partition", "messaging.kafka.partition"),
    ("messaging.kafka.consumer.group", "messaging.kafka.consumer_group"),
    ("messaging.rabbitmq.destination.routing_key", "messaging.rabbitmq.routing_key"),
    ("messaging.rocketmq.message.type", "messaging.rocketmq.message_type"),
    ("messaging.rocketmq.message.tag", "messaging.rocketmq.message_tag"),
    ("messaging.rocketmq.message.keys", "messaging.rocketmq.message_keys"),
    ("rpc.status_code", "rpc.response.status_code"),
    ("rpc.message.type", "message.type"),
    ("rpc.message.id", "message.id"),
    ("rpc.message.compressed_size", "message.compressed_size"),
    ("rpc.message.uncompressed_size", "message.uncompressed_size"),
    ("jsonrpc.request.id", "rpc.jsonrpc.request_id"),
    ("jsonrpc.protocol.version", "rpc.jsonrpc.version"),
    ("service.peer.name", "peer.service"),
    ("code.file.path", "code.filepath"),
    ("code.line.number", "code.lineno"),
    ("code.column.number", "code.column"),
    ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    ("openai.request.service_tier", "gen_ai.openai.request.service_tier"),
    ("openai.response.service_tier", "gen_ai.openai.response.service_tier"),
    ("openai.response.system_fingerprint", "gen_ai.openai.response.system_fingerprint"),
    ("feature_flag.provider.name", "feature_flag.provider_name"),
    ("feature_flag.result.reason", "feature_flag.evaluation.reason"),
    ("feature_flag.result.variant", "feature_flag.variant"),
    ("feature_flag.error.message", "feature_flag.evaluation.error.message"),
    ("deployment.environment.name", "deployment.environment"),
    ("telemetry.distro.version", "telemetry.auto.version"),
    ("container.runtime.name", "container.runtime"),
    ("process.executable.build_id.htlhash", "process.executable.build_id.profiling"),
    ("otel.scope.name", "otel.library.name"),
    ("otel.scope.version", "otel.library.version"),
    ("faas.invocation_id", "faas.execution"),
    ("azure.resource_provider.namespace", "az.namespace"),
    ("azure.service.request.id", "az.service_request_id"),
    ("android.app.state", "android.state"),
    ("ios.app.state", "ios.state"),
    ("vcs.change.id", "vcs.repository.change.id"),
    ("vcs.change.title", "vcs.repository.change.title"),
    ("vcs.ref.head.name", "vcs.repository.ref.name"),
    ("vcs.ref.head.revision", "vcs.repository.ref.revision"),
    ("vcs.ref.head.type", "vcs.repository.ref.type"),
)

# A name for many systems, and what single systems called it: the first reads the others, but not they the first.
# Numbers that became texts (Redis, Kafka partitions, JSON-RPC) are the same to every comparison of the language.
_GENERAL: tuple[tuple[str, ...], ...] = (
    ("db.collection.name", "db.mongodb.collection", "db.cassandra.table", "db.cosmosdb.container"),
    (
        "db.namespace",
        "db.cassandra.keyspace",
        "db.hbase.namespace",
        "db.elasticsearch.cluster.name",
        "db.redis.database_index",
    ),
    ("db.name", "db.cassandra.keyspace", "db.hbase.namespace"),
    ("db.response.status_code", "db.cosmosdb.status_code"),
    ("azure.client.id", "db.cosmosdb.client_id"),
    ("messaging.client.id", "messaging.kafka.client_id", "messaging.rocketmq.client_id"),
    ("messaging.consumer.group.name", "messaging.kafka.consumer.group", "messaging.eventhubs.consumer.group"),
    ("messaging.destination.partition.id", "messaging.kafka.destination.partition"),
    ("rpc.status_code", "rpc.connect_rpc.error_code", "rpc.jsonrpc.error_code"),
    ("gen_ai.request.seed", "gen_ai.openai.request.seed"),
    ("cloud.resource_id", "faas.id"),
)

# Old name, new name, and the kind of span on which they are the same (HTTP migration guide, registry of net.*).
_BY_KIND: tuple[tuple[str, str, SpanKind], ...] = (
    ("net.peer.name", "server.address", SpanKind.CLIENT),
    ("net.peer.name", "client.address", SpanKind.SERVER),
    ("net.host.name", "server.address", SpanKind.SERVER),
    ("net.peer.port", "server.port", SpanKind.CLIENT),
    ("net.peer.port", "client.port", SpanKind.SERVER),
    ("net.host.port", "server.port", SpanKind.SERVER),
)

_DB_SYSTEMS = {
    "adabas": "softwareag.adabas",
    "intersystems_cache": "intersystems.cache",
    "cosmosdb": "azure.cosmosdb",
    "db2": "ibm.db2",
    "dynamodb": "aws.dynamodb",
    "firebird": "firebirdsql",
    "h2": "h2database",
    "hanadb": "sap.hana",
    "informix": "ibm.informix",
    "ingres": "actian.ingres",
    "maxdb": "sap.maxdb",
    "mssql": "microsoft.sql_server",
    "netezza": "ibm.netezza",
    "oracle": "oracle.db",
    "redshift": "aws.redshift",
    "spanner": "gcp.spanner",
}
_RPC_SYSTEMS = {"apache_dubbo": "dubbo", "connect_rpc": "connectrpc"}
_PROVIDERS = {
    "gemini": "gcp.gemini",
    "vertex_ai": "gcp.vertex_ai",
    "az.ai.inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "xai": "x_ai",
}
_TRANSPORTS = {"ip_tcp": "tcp", "ip_udp": "udp", "pipe": "pipe"}
_HTTP_VERSIONS = {"1.0": "1.0", "1.1": "1.1", "2.0": "2", "3.0": "3"}
_GRPC_CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)


def _changed(values: Mapping[str, str]) -> Translation:
    """Return a translation of some values that leaves the others as they are."""
    return lambda text: values.get(text, text)


def _only(values: Mapping[str, str]) -> Translation:
    """Return a translation of some values that knows no others."""
    return values.get


def _turned(values: Mapping[str, str]) -> dict[str, str]:
    return {new: old for old, new in values.items()}


def _undivided(namespace: str) -> str | None:
    """Return a namespace that is the name of a database alone; parts of others are joined by a bar."""
    return None if "|" in namespace else namespace


# Old name, new name, old values as new ones, new values as old ones; None: as they are.
_REVALUED: tuple[tuple[str, str, Translation | None, Translation | None], ...] = (
    (
        "db.system",
        "db.system.name",
        _changed({**_DB_SYSTEMS, "cache": "intersystems.cache"}),
        _changed(_turned(_DB_SYSTEMS)),
    ),
    ("db.name", "db.namespace", None, _undivided),
    ("rpc.system", "rpc.system.name", _changed(_RPC_SYSTEMS), _changed(_turned(_RPC_SYSTEMS))),
    ("gen_ai.system", "gen_ai.provider.name", _changed(_PROVIDERS), _changed({"x_ai": "xai"})),
    (
        "messaging.operation",
        "messaging.operation.type",
        _changed({"publish": "send", "deliver": "process"}),
        _changed({"send": "publish"}),
    ),
    ("net.transport", "network.transport", _only(_TRANSPORTS), _only(_turned(_TRANSPORTS))),
)

# Read before all others: a method that has no name of its own is `_OTHER` under the new one.
_FIRST: tuple[tuple[str, Alias], ...] = (("http.method", Alias("http.request.method_original")),)

# Read after all others, one way only.
_LAST: tuple[tuple[str, Alias], ...] = (
    ("network.protocol.version", Alias("http.flavor", translate=_only(_HTTP_VERSIONS))),
    ("rpc.status_code", Alias("rpc.grpc.status_code", translate=_only({str(i): c for i, c in enumerate(_GRPC_CODES)}))),
    ("messaging.consumer.group.name", Alias("messaging.rocketmq.client_group", frozenset({SpanKind.CONSUMER}))),
)


def _table() -> Mapping[str, tuple[Alias, ...]]:
    """Return the aliases of every key, in the order in which they count."""
    found: dict[str, list[Alias]] = {}

    def add(key: str, alias: Alias) -> None:
        found.setdefault(key, []).append(alias)

    def names_of(key: str) -> Iterable[str]:
        return next((names for names in _RENAMED if key in names), (key,))

    for key, alias in _FIRST:
        add(key, alias)
    for names in _RENAMED:
        for key in names:
            for other in names:
                if other != key:
                    add(key, Alias(other))
    for old, new, forward, backward in _REVALUED:
        add(new, Alias(old, translate=forward))
        add(old, Alias(new, translate=backward))
    for old, new, kind in _BY_KIND:
        add(new, Alias(old, frozenset({kind})))
        add(old, Alias(new, frozenset({kind})))
    for general, *singles in _GENERAL:
        for key in names_of(general):
            for single in singles:
                for other in names_of(single):
                    add(key, Alias(other))
    for general, alias in _LAST:
        for key in names_of(general):
            add(key, alias)
    return MappingProxyType({key: tuple(aliases) for key, aliases in found.items()})


_READINGS = _table()


def readings_of(key: str) -> tuple[Alias, ...]:
    """Return the aliases of a key, in the order in which they count; none for most keys."""
    return _READINGS.get(key, ())


def aliases_of(key: str) -> tuple[str, ...]:
    """Return the other keys whose value counts where a span lacks this one, first the one that counts first.

    Examples
    --------
    >>> aliases_of("http.status_code"), aliases_of("net.peer.name"), aliases_of("cart.id")
    (('http.response.status_code',), ('server.address', 'client.address'), ())
    """
    return tuple(alias.key for alias in readings_of(key))


def value_of(attributes: Mapping[str, Any], key: str, kind: SpanKind) -> tuple[str, Any] | None:
    """Return the key that is read where a rule asks for one, and its value; None where the span has neither.

    Parameters
    ----------
    attributes
        Those of a span.
    kind
        The span's.

    Examples
    --------
    >>> value_of({"http.method": "GET"}, "http.request.method", SpanKind.SERVER)
    ('http.method', 'GET')
    """
    if key in attributes:
        return key, attributes[key]
    for alias in readings_of(key):
        if alias.key not in attributes or (alias.kinds is not None and kind not in alias.kinds):
            continue
        value = attributes[alias.key]
        if alias.translate is None:
            return alias.key, value
        if isinstance(value, str | int) and not isinstance(value, bool):
            word = alias.translate(text_of(value))
            if word is not None:
                return alias.key, word
    return None
