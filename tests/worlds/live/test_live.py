"""A small system, really run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import toy_world
from canonical import canonical, difference
from toy_world import TIMEOUT_S, TOY

from fluo_lab.errors import UsageError
from fluo_lab.readers import read_traces
from fluo_lab.traces import Traces
from fluo_lab.worlds import http
from fluo_lab.worlds.ids import trace_text_of
from fluo_lab.worlds.live.requests import LiveError
from fluo_lab.worlds.live.run import LiveResult, run_live
from fluo_lab.worlds.world import Run

RUN = Run(TOY, 7, 30)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> LiveResult:
    return run_live(RUN, tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="module")
def traces(result: LiveResult) -> Traces:
    return read_traces(result.path)


def rows(traces: Traces, kind: str, name: str = "") -> list[int]:
    """Rows of the spans of a kind, and of a name if one is given."""
    return [
        row
        for row, span in enumerate(traces.spans.iter_rows(named=True))
        if span["kind"] == kind and name in ("", span["name"])
    ]


def caller(traces: Traces, row: int) -> str | None:
    """The deployment a server span was called from."""
    parent = traces.parent_row[row]
    return None if parent < 0 else traces.spans["service"][int(parent)]


def scope(traces: Traces, row: int) -> str:
    """The instrumentation scope of a span."""
    return str(traces.scope_table.frame["name"][traces.table["scope"][row]])


def test_equal_runs_make_equal_traces(traces, tmp_path):
    again = read_traces(run_live(RUN, tmp_path, n_clients=3, time_scale=0.0).path)
    left, right = canonical(traces), canonical(again)
    assert sorted(left) == sorted(right)
    assert not [found for trace in left if (found := difference(left[trace], right[trace]))]


def test_the_readers_find_nothing_wrong_with_the_file(traces, result):
    assert traces.problems.height == 0
    assert traces.n_spans == result.n_spans
    assert result.killed == ()


def test_trace_ids_are_those_of_visit_and_part(traces):
    parts = {0: lambda chance: True}
    parts[1] = lambda chance: chance.happens("double click", 0.2)
    parts[2] = lambda chance: chance.happens("forgotten", 0.3)
    chances = [RUN.chance(visit) for visit in range(RUN.n_visits)]
    expected = {
        part: {trace_text_of(chance, part=part) for chance in chances if happens(chance)}
        for part, happens in parts.items()
    }
    assert all(expected.values())
    assert set(traces.traces["trace_id"]) == set().union(*expected.values())


def test_http_spans_carry_what_the_table_of_attributes_says(traces):
    spans = traces.spans
    for row in rows(traces, "server"):
        found = traces.span_attributes(row)
        status = found[http.STATUS]
        method, route = spans["name"][row].split(" ")
        expected = http.server_attributes(spans["service"][row], caller(traces, row), method, route, found["url.path"])
        expected[http.STATUS] = status
        if status >= http.SERVER_ERROR:
            expected[http.ERROR_TYPE] = str(status)
        assert {key: value for key, value in found.items() if key != "shop.checked"} == expected
        assert spans["status"][row] == ("error" if status >= http.SERVER_ERROR else "unset")
        assert scope(traces, row) == http.SERVER_SCOPE
    for row in rows(traces, "client"):
        found = traces.span_attributes(row)
        status = found.get(http.STATUS)
        to = found["url.full"].removeprefix("http://").partition(":")[0]
        path = found["url.full"].removeprefix(http.url_prefix(to))
        expected = http.client_attributes(to, spans["name"][row], path)
        if status is not None:
            expected[http.STATUS] = status
        if status is not None and status >= http.CLIENT_ERROR:
            expected[http.ERROR_TYPE] = str(status)
        assert found == expected
        assert spans["status"][row] == ("unset" if status is not None and status < http.CLIENT_ERROR else "error")
        assert scope(traces, row) == http.CLIENT_SCOPE
    assert {traces.span_attributes(row)[http.STATUS] for row in rows(traces, "server")} == {
        200,
        201,
        204,
        402,
        500,
        504,
    }


def test_a_timeout_marks_the_client_span_and_lets_the_server_go_on(traces):
    spans = traces.spans
    given_up = [row for row in rows(traces, "client") if http.STATUS not in traces.span_attributes(row)]
    assert given_up
    for row in given_up:
        assert spans["status_message"][row] == http.timeout_status("payments", TIMEOUT_S)
        events = traces.events.filter(traces.events["span_id"] == spans["span_id"][row])
        assert events["name"].to_list() == ["exception"]
        (server,) = [child for child in rows(traces, "server") if traces.parent_row[child] == row]
        assert spans["end_ns"][server] - spans["start_ns"][server] > TIMEOUT_S * 1e9


def test_a_message_makes_a_producer_span_and_a_linked_consumer_span(traces):
    spans = traces.spans
    consumers = rows(traces, "consumer")
    linked = traces.link_table.frame["span"].to_list()
    assert sorted(linked) == consumers
    for row in consumers:
        parent = int(traces.parent_row[row])
        assert (spans["kind"][parent], spans["name"][parent]) == ("producer", "orders publish")
        own = {key: traces.span_attributes(row)[key] for key in ("order.id", "order.items")}
        assert traces.span_attributes(row) == http.message_attributes("orders", "process") | own
        assert traces.span_attributes(parent) == http.message_attributes("orders", "publish") | own


def test_lost_spans_leave_orphans(traces, result):
    orphans = [row for row in rows(traces, "internal", "basket.tax") if traces.parent_row[row] < 0]
    assert result.n_lost == len(orphans) > 0
    assert rows(traces, "internal", "basket.price") == []


def test_a_clock_that_is_ahead_moves_the_spans_of_its_deployment(traces):
    spans = traces.spans
    for row in rows(traces, "server", "POST /payments"):
        parent = int(traces.parent_row[row])
        assert spans["start_ns"][row] - spans["start_ns"][parent] > 3e9
        assert spans["end_ns"][row] - spans["start_ns"][row] < 3e9


def test_nothing_is_printed_and_no_process_is_left(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    pids = tmp_path / "pids"
    monkeypatch.setenv("TOY_PIDS", str(pids))
    run_live(replace(RUN, n_visits=5), tmp_path / "out")
    assert capfd.readouterr() == ("", "")
    assert len(assert_gone(pids)) == 3
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["traces.jsonl"]


@pytest.mark.parametrize(
    ("visit", "message"),
    [
        (toy_world.provoke_handler, r"shop: DELETE /faults/handler: KeyError: 'missing' at .*toy_world.py:\d+ in fail"),
        (toy_world.provoke_downstream, r"payments: DELETE /faults/any: ValueError: out of paper at .*toy_world.py:\d+"),
        (toy_world.provoke_background, r"shop: background job .*<lambda>: IndexError: .*toy_world.py:\d+"),
        (toy_world.provoke_message, r"mail: messages of topic faults: ValueError: no stamps at .*toy_world.py:\d+"),
        (toy_world.provoke_address, "mail: /-/deliver: LiveError: mail consumes no topic 'unheard of'"),
        (toy_world.provoke_visit, r"visit 0: LookupError: lost on the way at .*toy_world.py:\d+ in provoke_visit"),
        (toy_world.provoke_wrong_route, r"shop: GET /nowhere: LiveError: no handler for GET /nowhere"),
        (toy_world.provoke_crash, r"visit 0: LiveError: shop cannot be reached for DELETE /faults/crash"),
    ],
)
def test_an_exception_in_the_code_of_a_world_breaks_the_run(tmp_path, monkeypatch, visit, message):
    pids = tmp_path / "pids"
    monkeypatch.setenv("TOY_PIDS", str(pids))
    world = replace(TOY, visit=visit)
    with pytest.raises(LiveError, match=message) as raised:
        run_live(Run(world, 7, 1), tmp_path / "out", n_clients=1)
    assert "Traceback" in "".join(raised.value.__notes__)
    assert list((tmp_path / "out").iterdir()) == []
    assert_gone(pids)


def test_a_process_that_ends_by_itself_is_named_with_its_exit_code(tmp_path):
    with pytest.raises(LiveError) as raised:
        run_live(Run(replace(TOY, visit=toy_world.provoke_crash), 7, 1), tmp_path)
    assert raised.value.__notes__[-1] == "shop: its process ended by itself with exit code 3"


def test_a_service_that_does_not_start_breaks_the_run(tmp_path):
    with pytest.raises(LiveError, match=r"process: ValueError: no code for (shop|payments|mail)"):
        run_live(Run(replace(TOY, serve=toy_world.serve_nothing), 7, 1), tmp_path)


def test_an_interrupt_stops_all_processes(tmp_path, monkeypatch):
    pids = tmp_path / "pids"
    monkeypatch.setenv("TOY_PIDS", str(pids))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore interrupts
    try:
        with pytest.raises(KeyboardInterrupt):
            run_live(Run(replace(TOY, visit=toy_world.interrupt), 7, 3_000), tmp_path / "out")
    finally:
        signal.signal(signal.SIGINT, before)
    assert list((tmp_path / "out").iterdir()) == []
    assert_gone(pids)


def test_services_do_not_outlive_a_caller_that_is_killed(tmp_path):
    pids = tmp_path / "pids"
    program = (
        "from dataclasses import replace; from pathlib import Path; import toy_world\n"
        "from fluo_lab.worlds.world import Run; from fluo_lab.worlds.live.run import run_live\n"
        f"run_live(Run(replace(toy_world.TOY, visit=toy_world.kill), 7, 9), Path({str(tmp_path)!r}))"
    )
    env = os.environ | {"TOY_PIDS": str(pids), "PYTHONPATH": os.pathsep.join(sys.path)}
    # The services share the error output: reading it to its end waits for the last of them.
    ended = subprocess.run([sys.executable, "-c", program], env=env, stderr=subprocess.PIPE, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(assert_gone(pids)) == 3


def test_a_world_that_no_other_process_can_load_is_refused(tmp_path):
    def serve(service: object) -> None: ...

    with pytest.raises(UsageError, match="world toy: serve, visit and simulate must be functions of a module"):
        run_live(Run(replace(TOY, serve=serve), 7, 1), tmp_path)


@pytest.mark.parametrize(("how", "message"), [({"n_clients": 0}, "n_clients is 0"), ({"time_scale": -1.0}, "time_s")])
def test_arguments_that_cannot_be_meant_are_refused(tmp_path, how, message):
    with pytest.raises(UsageError, match=message):
        run_live(RUN, tmp_path, **how)


def test_the_process_that_is_forked_has_loaded_nothing_that_starts_threads():
    program = (
        "import sys, fluo_lab.worlds.live.process; from pathlib import Path\n"
        "print({'polars', 'pyarrow'} & set(sys.modules))"
    )
    env = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    shown = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert shown.stdout == "set()\n"


def assert_gone(pids: Path) -> list[int]:
    """Fail if one of the processes is still there, and return them all."""
    found = [int(line) for line in pids.read_text().split()]
    for pid in found:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    return found
