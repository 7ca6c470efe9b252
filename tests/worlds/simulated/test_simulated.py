"""What steps of many visits become, on a toy system whose every span can be reckoned by hand."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fluo_lab.errors import UsageError
from fluo_lab.traces.schema import SpanKind
from fluo_lab.worlds.ids import trace_text_of
from fluo_lab.worlds.simulated import Batch, Texts, When, simulate
from fluo_lab.worlds.simulated.assemble import assemble
from fluo_lab.worlds.world import Deployment, Incident, Invariant, Run, World


def world_of(workflow, *, incidents=()):
    def simulate_all(batch):
        workflow(batch.flow(np.ones(len(batch.chances.visits), dtype=np.bool_)))

    return World(
        name="toy",
        title="Toy",
        summary="",
        deployments=(Deployment("shop", "shop", "1"), Deployment("stock", "stock", "2", clock_offset_us=5_000)),
        invariants=(Invariant("kept", "Kept", "trace.has(a) and trace.has(b)", "presence"),),
        incidents=incidents,
        folder=Path(),
        visit_gap_s=10.0,
        simulate=simulate_all,
        serve=lambda service: None,
        visit=lambda client, chance: None,
    )


def spans_of(workflow, *, n_visits=40, **how):
    return simulate(Run(world_of(workflow, **how), 7, n_visits)).traces


def named(traces, name):
    return traces.spans.filter(pl.col("name") == name)


def test_children_run_one_after_another_inside_their_parent():
    def workflow(flow):
        with flow.request("shop", "GET", "/") as root:
            with root.span("first") as first:
                first.work("first", 100, 900)
            with root.span("second") as second:
                second.work("second", 100, 900)

    spans = spans_of(workflow).spans
    first, second, root = (spans.filter(pl.col("name") == name) for name in ("first", "second", "GET /"))
    assert (first["end_ns"] == second["start_ns"]).all()
    assert (root["start_ns"] == first["start_ns"]).all()
    assert (root["end_ns"] == second["end_ns"]).all()
    assert (first["end_ns"] - first["start_ns"]).is_between(100_000, 900_000).all()


def test_children_that_begin_together_end_by_themselves():
    def workflow(flow):
        with flow.request("shop", "GET", "/") as root:
            together = root.now_ns.copy()
            with root.span("long") as long:
                long.work("long", 5_000, 5_001)
            with root.span("short", at_ns=together) as short:
                short.work("short", 10, 11)

    spans = spans_of(workflow).spans
    assert (
        spans.filter(pl.col("name") == "long")["start_ns"] == spans.filter(pl.col("name") == "short")["start_ns"]
    ).all()
    assert (spans.filter(pl.col("name") == "GET /")["end_ns"] == spans.filter(pl.col("name") == "long")["end_ns"]).all()


def test_detached_work_outlives_its_parent():
    def workflow(flow):
        with flow.request("shop", "GET", "/") as root, root.span("later", is_detached=True) as later:
            later.work("later", 1_000, 2_000)

    spans = spans_of(workflow).spans
    assert (spans.filter(pl.col("name") == "later")["end_ns"] > spans.filter(pl.col("name") == "GET /")["end_ns"]).all()


def test_a_call_makes_a_span_on_either_side_with_the_clock_of_each():
    def workflow(flow):
        cart = flow.ids("cart", "cart")
        with (
            flow.request("shop", "GET", "/") as root,
            root.call("stock", "PUT", "/items/{id}", path="/items/" + cart) as server,
        ):
            server.work("store", 100, 200)
            server.answer(409)

    traces = spans_of(workflow)
    client, server = traces.attributes("PUT"), traces.attributes("PUT /items/{id}")
    assert client["url.full"].str.starts_with("http://stock:8080/items/cart_").all()
    assert server["url.path"].str.starts_with("/items/cart_").all()
    assert set(server["http.route"]) == {"/items/{id}"}
    spans = traces.spans
    inner, outer = (spans.filter(pl.col("name") == name) for name in ("PUT /items/{id}", "PUT"))
    assert (inner["start_ns"] - 5_000_000 > outer["start_ns"]).all()
    assert (inner["end_ns"] - 5_000_000 < outer["end_ns"]).all()
    assert set(outer["status"]) == {"error"}
    assert set(inner["status"]) == {"unset"}
    assert set(client["error.type"]) == {"409"}


def test_a_caller_that_gives_up_goes_on_while_the_other_works():
    def workflow(flow):
        is_slow = flow.chances.visits % 4 == 0
        with flow.request("shop", "GET", "/") as root:
            with root.call("stock", "GET", "/x", timeout_s=0.25, times_out=is_slow) as server:
                server.work("store", 100, 200)
                server.now_ns[is_slow] += 400_000_000
            root.work("rest", 1, 2)

    traces = spans_of(workflow)
    client, server = named(traces, "GET"), named(traces, "GET /x")
    gave_up = client["status_message"].is_not_null()
    assert gave_up.sum() == 10
    waited = (client["end_ns"] - client["start_ns"]).filter(gave_up)
    assert set(waited) == {250_000_000}
    assert (server["end_ns"].filter(gave_up) - 5_000_000 > client["end_ns"].filter(gave_up)).all()
    answered = traces.attributes("GET")["http.response.status_code"]
    assert answered.null_count() == 10
    assert traces.events.height == 10


def test_a_message_is_processed_by_another_deployment_with_a_link():
    def workflow(flow):
        with (
            flow.request("shop", "GET", "/") as root,
            root.publish("orders", to="stock", attributes={"order.id": flow.ids("order", "order")}) as consumer,
        ):
            consumer.work("handle", 100, 200)

    traces = spans_of(workflow)
    producer, consumer = named(traces, "orders publish"), named(traces, "orders process")
    assert consumer["parent_span_id"].to_list() == producer["span_id"].to_list()
    assert set(consumer["kind"]) == {"consumer"}
    assert set(consumer["service"]) == {"stock"}
    links = traces.link_table.frame
    assert links["span_id"].to_list() == producer["span_id"].to_list()
    orders = [traces.attributes(f"orders {what}")["order.id"].to_list() for what in ("publish", "process")]
    assert orders[0] == orders[1]


def test_a_lost_span_leaves_orphans():
    def workflow(flow):
        with flow.request("shop", "GET", "/") as root, root.span("middle") as middle:
            middle.lose(flow.chances.visits == 3)
            with middle.span("leaf") as leaf:
                leaf.work("leaf", 1, 2)

    traces = spans_of(workflow)
    assert named(traces, "middle").height == 39
    assert named(traces, "leaf").height == 40
    assert traces.n_incomplete == 1


def test_values_of_every_type_reach_the_spans_that_carry_them():
    def workflow(flow):
        even = flow.chances.visits % 2 == 0
        with (
            flow.request("shop", "GET", "/", where=even) as root,
            root.span(
                "a",
                kind=SpanKind.CLIENT,
                attributes={
                    "text": "same",
                    "whole": flow.chances.visits,
                    "money": flow.chances.visits / 100,
                    "flag": flow.chances.visits % 4 == 0,
                    "choice": Texts(flow.chances.visits % 3, ("x", "y", "z")),
                    "seldom": When(flow.chances.visits == 8, True),
                },
            ) as step,
        ):
            step.note("later", 1.5, where=flow.chances.visits > 30)
            step.note("both", When(even, "x"), where=flow.chances.visits < 5)

    frame = spans_of(workflow).attributes("a").sort("whole")
    assert frame["whole"].to_list() == list(range(0, 40, 2))
    assert frame["money"].to_list() == [visit / 100 for visit in range(0, 40, 2)]
    assert frame["flag"].to_list() == [visit % 4 == 0 for visit in range(0, 40, 2)]
    assert frame["choice"].to_list() == ["xyz"[visit % 3] for visit in range(0, 40, 2)]
    assert frame["seldom"].to_list() == [True if visit == 8 else None for visit in range(0, 40, 2)]
    assert frame["later"].null_count() == 16
    assert frame["both"].drop_nulls().to_list() == ["x"] * 3


def test_a_second_trace_of_a_visit_has_an_id_of_its_own():
    def workflow(flow):
        with flow.request("shop", "GET", "/"):
            pass
        with flow.request("shop", "GET", "/", part=1, where=flow.chances.visits < 5, after_us=30_000):
            pass

    traces = spans_of(workflow)
    assert traces.n_traces == 45
    run = Run(world_of(workflow), 7, 40)
    wanted = {trace_text_of(run.chance(visit), part=part) for visit in range(5) for part in (0, 1)}
    assert wanted <= set(traces.traces["trace_id"])


def test_an_incident_harms_a_share_of_the_open_visits_in_its_window_alone():
    def workflow(flow):
        is_open = flow.chances.visits % 2 == 0
        is_harmed = flow.suffers("outage", is_open)
        with flow.request("shop", "GET", "/") as root, root.span("a"), root.span("b", where=~is_harmed):
            pass

    outage = Incident("outage", "Outage", ("kept",), (0.5, 0.75), 0.5)
    run = Run(world_of(workflow, incidents=(outage,)), 7, 400)
    simulated = simulate(run)
    harmed = simulated.harmed["outage"]
    assert 15 < len(harmed) < 35
    assert simulated.broken["kept"] == harmed
    ids = {trace_text_of(run.chance(visit)): visit for visit in range(400)}
    assert all(200 <= ids[trace] < 300 and ids[trace] % 2 == 0 for trace in harmed)
    assert len(simulated.planted.innocent(run)["outage"]) == 50 - len(harmed)
    assert simulated.traces.spans.filter(pl.col("name") == "b").height == 400 - len(harmed)
    assert all(run.is_harmed("outage", visit) for trace, visit in ids.items() if trace in harmed)


def test_some_visits_make_the_same_spans_as_all_do():
    def workflow(flow):
        with flow.request("shop", "GET", "/") as root:
            root.work("root", 10, 5_000)
            with root.span("a", attributes={"n": flow.chances.integer("n", 0, 99)}) as step:
                step.fail("Oops", "it broke", where=flow.chances.happens("oops", 0.2))

    run = Run(world_of(workflow), 7, 60)
    everything, some = simulate(run).traces, simulate(run, visits=range(20, 40)).traces
    kept = everything.select(some.traces["trace_id"])
    assert kept.spans.equals(some.spans)
    assert kept.attributes("a").equals(some.attributes("a"))


def test_a_visit_in_two_workflows_is_refused():
    run = Run(world_of(lambda flow: None), 7, 10)
    batch = Batch(run, np.arange(10))
    batch.flow(batch.chances.visits < 5)
    with pytest.raises(ValueError, match="two workflows overlap"):
        batch.flow(batch.chances.visits > 3)


@pytest.mark.parametrize("visits", [range(0), range(5, 99), range(0, 10, 2)])
def test_visits_outside_of_the_run_are_refused(visits):
    with pytest.raises(UsageError, match="within the run"):
        simulate(Run(world_of(lambda flow: None), 7, 10), visits=visits)


def test_a_workflow_of_no_visit_makes_no_spans():
    def workflow(flow):
        cart = flow.ids("cart", "cart")
        with flow.request("shop", "GET", "/", path="/" + cart) as root, root.span("a", attributes={"cart": cart}):
            pass

    run = Run(world_of(workflow), 7, 10)
    batch = Batch(run, np.arange(10))
    flow = batch.flow(batch.chances.visits < 0)
    workflow(flow)
    assert assemble(flow) is None
