"""Old and new names of the semantic conventions: what the table says, and what it must never say."""

from __future__ import annotations

import oracle
import pytest

from fluo_lab.traces import SpanKind
from fluo_lab.traces import semconv as table
from fluo_lab.traces.semconv import aliases_of, readings_of

KEYS = sorted(set(table._READINGS) | {a.key for of in table._READINGS.values() for a in of})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("http.method", "http.request.method"),
        ("http.status_code", "http.response.status_code"),
        ("http.url", "url.full"),
        ("http.scheme", "url.scheme"),
        ("http.user_agent", "user_agent.original"),
        ("net.peer.name", "server.address"),
        ("net.host.name", "server.address"),
        ("net.sock.peer.addr", "network.peer.address"),
        ("http.client_ip", "client.address"),
        ("db.statement", "db.query.text"),
        ("db.system", "db.system.name"),
        ("db.operation", "db.operation.name"),
        ("db.name", "db.namespace"),
        ("deployment.environment", "deployment.environment.name"),
        ("gen_ai.system", "gen_ai.provider.name"),
        ("gen_ai.usage.prompt_tokens", "gen_ai.usage.input_tokens"),
        ("gen_ai.usage.completion_tokens", "gen_ai.usage.output_tokens"),
        ("messaging.operation", "messaging.operation.type"),
        ("rpc.system", "rpc.system.name"),
        ("code.filepath", "code.file.path"),
    ],
)
def test_either_name_reads_the_other(old, new):
    assert new in aliases_of(old)
    assert old in aliases_of(new)


@pytest.mark.parametrize(
    "key",
    ["http.target", "url.path", "http.flavor", "http.host", "code.function", "enduser.id", "user.id", "cart.id", ""],
)
def test_a_key_whose_value_changed_its_meaning_reads_no_other(key):
    assert aliases_of(key) == ()


@pytest.mark.parametrize("key", KEYS)
def test_no_key_reads_itself_or_another_twice(key):
    assert key not in aliases_of(key)
    assert len(set(aliases_of(key))) == len(aliases_of(key))


def test_a_name_of_one_system_does_not_read_the_name_for_all_of_them():
    assert aliases_of("db.collection.name")[:2] == ("db.mongodb.collection", "db.cassandra.table")
    assert aliases_of("db.mongodb.collection") == ()


def test_the_side_of_a_call_decides_whose_name_it_is():
    kinds = {alias.key: alias.kinds for alias in readings_of("net.peer.name")}
    assert kinds == {"server.address": {SpanKind.CLIENT}, "client.address": {SpanKind.SERVER}}


def translated(key, alias, text):
    (reading,) = [a for a in readings_of(key) if a.key == alias]
    return reading.translate(text) if reading.translate else text


@pytest.mark.parametrize(
    ("old", "value", "new", "renamed"),
    [
        ("db.system", "mssql", "db.system.name", "microsoft.sql_server"),
        ("db.system", "postgresql", "db.system.name", "postgresql"),
        ("rpc.system", "apache_dubbo", "rpc.system.name", "dubbo"),
        ("messaging.operation", "publish", "messaging.operation.type", "send"),
        ("net.transport", "ip_tcp", "network.transport", "tcp"),
        ("gen_ai.system", "xai", "gen_ai.provider.name", "x_ai"),
    ],
)
def test_a_renamed_value_is_read_in_the_words_of_the_name_asked_for(old, value, new, renamed):
    assert translated(new, old, value) == renamed
    assert translated(old, new, renamed) == value


@pytest.mark.parametrize(
    ("key", "alias", "value", "read"),
    [
        ("network.protocol.version", "http.flavor", "2.0", "2"),
        ("network.protocol.version", "http.flavor", "SPDY", None),
        ("network.transport", "net.transport", "inproc", None),
        ("rpc.status_code", "rpc.grpc.status_code", "16", "UNAUTHENTICATED"),
        ("rpc.status_code", "rpc.grpc.status_code", "17", None),
        ("db.name", "db.namespace", "shop|public", None),
        ("db.system.name", "db.system", "cache", "intersystems.cache"),
    ],
)
def test_a_value_without_a_counterpart_is_none(key, alias, value, read):
    assert translated(key, alias, value) == read


@pytest.mark.parametrize("key", sorted(oracle.OTHER_NAMES))
def test_the_interpreters_names_are_a_part_of_the_table(key):
    """The interpreter knows only what tests draw; of that it must leave out nothing and reorder nothing."""
    drawn = set(oracle.OTHER_NAMES) | {other for of in oracle.OTHER_NAMES.values() for other, _, _ in of}
    assert [name for name, _, _ in oracle.OTHER_NAMES[key]] == [name for name in aliases_of(key) if name in drawn]
