"""Addresses of live stores are read by the same call and the same commands as files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from live_servers import JaegerServer, TempoServer, replying

from fluo_lab.errors import InputError
from fluo_lab.readers import read_traces

IDS = [f"{number:032x}" for number in range(1, 4)]


def test_a_tempo_store_is_read_like_a_file_and_its_partial_traces_are_incomplete(tmp_path: Path, request_line) -> None:
    (tmp_path / "file").write_bytes(request_line())
    with TempoServer({trace_id: 1_700_000_000 + i for i, trace_id in enumerate(IDS)}) as server:
        server.partial.add(IDS[1])
        traces = read_traces([tmp_path / "file", server.url("start=1699999000&end=1700001000")])
    assert traces.n_traces == 4
    assert traces.traces.filter("is_incomplete")["trace_id"].to_list() == [IDS[1]]
    assert [one.format for one in traces.inputs] == ["OTLP/JSON", "Tempo over HTTP"]
    assert traces.inputs[1].n_bytes > 0


def test_the_commands_take_addresses(tmp_path: Path) -> None:
    with JaegerServer({trace_id: (("shop",), 1_700_000_000_000_000 + i) for i, trace_id in enumerate(IDS)}) as server:
        address = server.url("service=shop&start=1699999000&end=1700001000")
        program = "from fluo_lab.cli import main; main()"
        command = [sys.executable, "-c", program, "read", address, "--format", "json"]
        done = subprocess.run(command, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert (found["spans"], found["services"], found["formats"]) == (3, ["shop"], ["Jaeger over HTTP"])


def test_a_store_that_refuses_is_one_clear_error_without_secrets() -> None:
    with TempoServer({}) as server:
        server.fail("/api/search", replying(401, b"who are you"))
        with pytest.raises(InputError, match="401") as caught:
            read_traces(server.url("last=1h", user="me:secret@"))
    assert "secret" not in str(caught.value)
