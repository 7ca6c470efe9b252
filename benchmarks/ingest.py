"""What reading traces costs, beside what parsing the same bytes alone costs and what straightforward loops cost.

``python -m benchmarks.ingest [--spans N] [--repeats K]``: CPU seconds of one process, the median of K, and ratios
within the same run, which mean more than the seconds. Memory is that of a process of its own for each file: how much
it grew at most, and what it still holds when the traces are read.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from pathlib import Path

import orjson
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from rich.console import Console
from rich.table import Table

from benchmarks.ingest_loops import loop_json, loop_protobuf
from fluo_lab.readers import read_traces
from fluo_lab.worlds import simulate
from fluo_lab.worlds.dataset.parts import RunKey, visits_for_spans
from fluo_lab.writers import to_otlp_json, to_otlp_proto

LIMIT_JSON = 2.0
LIMIT_PROTOBUF = 4.0
LIMIT_MEMORY_MIB = 6 * 64
LINES_MERGED = 12
MIB = 1 << 20


def parse_json(path: Path) -> int:
    """Parse every line and keep nothing; return how many lines."""
    n_lines = 0
    with path.open("rb") as file:
        for line in file:
            orjson.loads(line)
            n_lines += 1
    return n_lines


def parse_protobuf(path: Path) -> int:
    """Parse every length-prefixed message and keep nothing; return how many messages."""
    n_messages = 0
    with path.open("rb") as file:
        while prefix := file.read(4):
            TracesData.FromString(file.read(int.from_bytes(prefix, "big")))
            n_messages += 1
    return n_messages


def read_fully(path: Path) -> int:
    """Read into a store; return how many spans."""
    return read_traces(path).n_spans


def measure(tasks: Iterable[Callable[[], int]], *, repeats: int) -> list[float]:
    """Return the median CPU seconds of each task; tasks take turns, so that drift hits all alike."""
    tasks = list(tasks)
    seconds: list[list[float]] = [[] for _ in tasks]
    for _ in range(repeats):
        for task, taken in zip(tasks, seconds, strict=True):
            gc.collect()
            start = time.process_time()
            task()
            taken.append(time.process_time() - start)
    return [statistics.median(taken) for taken in seconds]


def merge_lines(path: Path, into: Path, *, n_merged: int = LINES_MERGED) -> None:
    """Write the same requests in fewer, longer lines."""
    with path.open("rb") as file, into.open("wb") as merged:
        while lines := list(islice(file, n_merged)):
            entries = [entry for line in lines for entry in orjson.loads(line)["resourceSpans"]]
            merged.write(orjson.dumps({"resourceSpans": entries}, option=orjson.OPT_APPEND_NEWLINE))


def peak_mib() -> float:
    """Return how large this process has been at most; what ``getrusage`` says includes the parent's size."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def resident_mib() -> float:
    """Return how large this process is."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MIB


def print_memory(path: Path) -> None:
    """Read a file in this process and print by how much it grew at most, and what it holds at the end."""
    before = resident_mib()
    traces = read_traces(path)
    grown = peak_mib() - before
    gc.collect()
    print(orjson.dumps({"spans": traces.n_spans, "grown": grown, "held": resident_mib() - before}).decode())


def write_files(n_spans: int, lines: Path, protobuf: Path) -> None:
    """Write about so many spans of the world with the most attributes, four a span; a trace a line or message."""
    traces = simulate(RunKey("health", 7, visits_for_spans(RunKey("health", 7, 1), n_spans)).run()).traces
    to_otlp_json(traces, lines)
    to_otlp_proto(traces, protobuf)


def memory_of(path: Path) -> dict[str, float]:
    """Return what ``print_memory`` says of a file in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.ingest", "--memory", str(path)]
    done = subprocess.run(command, check=True, capture_output=True)
    found: dict[str, float] = orjson.loads(done.stdout)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Print the table.

    Parameters
    ----------
    arguments
        As on the command line; None takes those.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--spans", type=int, default=200_000, help="at least so many spans")
    parser.add_argument("--repeats", type=int, default=3, help="the median of so many runs")
    parser.add_argument("--memory", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.memory is not None:
        print_memory(chosen.memory)
        return

    console = Console(width=120)
    table = Table("what", "size_mb", "n_messages", "cpu_s", "ratio", "spans_per_cpu_s", "grown_mib", "held_mib")
    over: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        short, long, protobuf = (Path(folder) / name for name in ("short.jsonl", "long.jsonl", "traces.pb"))
        write_files(chosen.spans, short, protobuf)
        merge_lines(short, long)
        for path, what, peer, parse, loop, limit in (
            (short, "short lines", "orjson.loads", parse_json, loop_json, LIMIT_JSON),
            (long, "long lines", "orjson.loads", parse_json, loop_json, LIMIT_JSON),
            (protobuf, "protobuf", "FromString", parse_protobuf, loop_protobuf, LIMIT_PROTOBUF),
        ):
            n_messages = parse(path)
            memory = memory_of(path)
            n_spans = int(memory["spans"])
            tasks = [partial(parse, path), partial(read_fully, path)]
            alone, full = measure(tasks, repeats=chosen.repeats)
            (looped,) = measure([partial(loop, path)], repeats=1)
            for row, cpu_s in ((f"{peer} alone", alone), ("read_traces", full), ("a plain loop", looped)):
                is_ours = row == "read_traces"
                table.add_row(
                    f"{what}, {row}",
                    f"{path.stat().st_size / 1e6:.0f}",
                    f"{n_messages:,}",
                    f"{cpu_s:.2f}",
                    f"{cpu_s / alone:.2f}",
                    f"{n_spans / cpu_s:,.0f}",
                    f"{memory['grown']:.0f}" if is_ours else "",
                    f"{memory['held']:.0f}" if is_ours else "",
                )
            if full / alone > limit:
                over.append(f"{what}: {full / alone:.2f} times {peer} alone, the limit is {limit:g}")
            if (added := memory["grown"] - memory["held"]) > LIMIT_MEMORY_MIB:
                over.append(f"{what}: {added:.0f} MiB beside what is held, the limit is {LIMIT_MEMORY_MIB}")
    console.print(table)
    for line in over:
        console.print(f"over the limit: {line}")


if __name__ == "__main__":
    main()
