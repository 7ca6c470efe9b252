"""Datasets on disk: whole or absent, the same for the same order, and true."""

import csv
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fluo_lab.errors import UsageError
from fluo_lab.readers import read_traces
from fluo_lab.rules import RuleBook, check
from fluo_lab.worlds.dataset import DatasetFormat, Order, build_dataset, cached_dataset
from fluo_lab.worlds.dataset import parts as dataset_parts
from fluo_lab.worlds.registry import WORLDS

FLUO = (sys.executable, "-c", "from fluo_lab.cli import main; main()")

worlds = pytest.mark.parametrize("name", list(WORLDS))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("datasets")
    return {name: build_dataset(Order(name, seed=31), out) for name in WORLDS}


def ids_by(path: Path, key: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row[key], set()).add(row["trace_id"])
    return found


@worlds
def test_the_rule_book_of_the_truth_finds_what_is_planted(built, name):
    one = built[name]
    traces = read_traces(one.traces)
    assert (traces.n_traces, traces.n_spans) == (one.description["traces"], one.description["spans"])
    assert traces.problem_list == ()
    found = {r.rule.id: {x.trace_id for x in r} for r in check(RuleBook.load(one.folder / "truth.yaml"), traces)}
    planted = ids_by(one.folder / "planted.csv", "rule")
    assert {rule: ids for rule, ids in found.items() if ids} == planted


@worlds
def test_labels_are_mostly_right_and_some_are_wrong(built, name):
    folder = built[name].folder
    labels = ids_by(folder / "labels.csv", "incident")
    planted = ids_by(folder / "planted.csv", "rule")
    n_wrong = n_all = 0
    for incident in built[name].description["incidents"]:
        harmed = set.intersection(*(planted[rule] for rule in incident["breaks"]))
        given = labels[incident["id"]]
        assert len(given & harmed) >= 0.7 * len(given)
        n_wrong += len(given - harmed)
        n_all += len(given)
    assert 0 < n_wrong < 0.3 * n_all


@worlds
def test_a_post_mortem_names_what_a_reader_needs(built, name):
    one = built[name]
    traces = read_traces(one.traces)
    planted = ids_by(one.folder / "planted.csv", "rule")
    n_with_ids = 0
    for incident in one.description["incidents"]:
        text = (one.folder / "incidents" / f"{incident['id']}.md").read_text()
        assert "$" not in re.sub(r"\$\d", "", text), incident["id"]
        assert 40 <= len(text.splitlines()) <= 130, incident["id"]
        harmed = {trace for rule in incident["breaks"] for trace in planted[rule]}
        n_with_ids += any(trace in text for trace in harmed)
        named = {span for span in traces.span_names if span in text}
        assert named, incident["id"]
    assert n_with_ids


@worlds
def test_equal_orders_give_equal_files(built, tmp_path, name):
    again = build_dataset(Order(name, seed=31), tmp_path)
    first = built[name].folder
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) == 5 + len(WORLDS[name].incidents)
    for file in files:
        assert (again.folder / file).read_bytes() == (first / file).read_bytes(), file


@pytest.mark.parametrize("format", list(DatasetFormat))
def test_a_dataset_in_parts_is_the_dataset_in_one(monkeypatch, tmp_path, format):
    order = Order("checkout", n_visits=900, format=format)
    whole = build_dataset(order, tmp_path / "whole")
    monkeypatch.setattr(dataset_parts, "PART_SPANS", 4_000)
    parted = build_dataset(order, tmp_path / "parted")
    files = list(parted.traces.iterdir())
    assert len(files) > 2
    one, many = read_traces(whole.traces), read_traces(parted.traces)
    assert many.spans.drop("resource", "scope", strict=False).equals(one.spans.drop("resource", "scope", strict=False))
    for name in one.span_names:
        assert many.attributes(name).equals(one.attributes(name), null_equal=True)
    for file in ("truth.yaml", "planted.csv", "labels.csv"):
        assert (parted.folder / file).read_bytes() == (whole.folder / file).read_bytes()


def test_a_size_in_spans_is_met(tmp_path):
    one = build_dataset(Order("llm", n_spans=30_000, format=DatasetFormat.PARQUET), tmp_path)
    assert 30_000 <= one.description["spans"] < 31_500


def test_a_dataset_that_is_there_is_kept_unless_it_is_to_be_replaced(tmp_path):
    first = build_dataset(Order("health", n_visits=50), tmp_path)
    before = first.traces.read_bytes()
    with pytest.raises(UsageError, match=r"is there already; choose another --out, or --replace it"):
        build_dataset(Order("health", n_visits=60), tmp_path)
    assert first.traces.read_bytes() == before
    build_dataset(Order("health", n_visits=60), tmp_path, replace=True)
    assert first.traces.read_bytes() != before
    assert os.listdir(tmp_path) == ["health"]


def test_the_cache_builds_an_order_once(tmp_path, monkeypatch):
    monkeypatch.setenv("FLUO_LAB_CACHE", str(tmp_path))
    seen = []
    first = cached_dataset(Order("saas", n_visits=50), on_progress=seen.append)
    second = cached_dataset(Order("saas", n_visits=50), on_progress=seen.append)
    assert (first.traces, len(seen)) == (second.traces, 1)
    assert second.traces.is_file()


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (Order("chekout"), r"no dataset is called 'chekout': did you mean 'checkout'\? there are checkout, saas"),
        (Order("checkout", n_visits=0), "traces: 0: ask for at least one"),
        (Order("checkout", n_spans=-5), "spans: -5: ask for at least one"),
        (Order("checkout", is_live=True, format=DatasetFormat.PARQUET), "a live run is written as otlp-json"),
        (Order("checkout", is_live=True, n_spans=100), "a live run is ordered by its number of traces"),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused(tmp_path, order, message):
    with pytest.raises(UsageError, match=message):
        build_dataset(order, tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match=r"file/llm: cannot be written: Not a directory|File exists"):
        build_dataset(Order("llm", n_visits=50), tmp_path / "file")


def run_fluo(*arguments: object, **how) -> subprocess.CompletedProcess:
    command = [*FLUO, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **how)


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    # a limit on the size of files fails writes as a full disk does, with another number
    done = run_fluo(
        "dataset", "build", "fintech", "--out", tmp_path,
        preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
        ),
    )  # fmt: skip
    assert done.returncode == 2, done
    assert "fintech: cannot be written: File too large" in done.stderr
    assert os.listdir(tmp_path) == []


def test_ctrl_c_leaves_nothing_behind(tmp_path):
    command = [*FLUO, "dataset", "build", "all", "--out", str(tmp_path), "--scale", "1300000", "--format", "parquet"]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore interrupts
    )
    deadline = time.monotonic() + 60
    while not any(path.suffix == ".parquet" for path in tmp_path.rglob("*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "stopped: nothing is left of the dataset under way; complete: none" in errors
    assert "Traceback" not in errors
    assert os.listdir(tmp_path) == []


def test_the_command_says_what_it_built(tmp_path):
    done = run_fluo("dataset", "build", "llm", "--out", tmp_path, "--traces", 200, "--json")
    (result,) = json.loads(done.stdout)
    assert (result["world"], result["visits"]) == ("llm", 200)
    assert Path(result["traces_path"]).is_file()
    listed = json.loads(run_fluo("dataset", "list", "--format", "json").stdout)
    assert [row["name"] for row in listed] == list(WORLDS)
