"""What reading traces costs, beside what parsing the same bytes alone costs.

``python -m benchmarks.ingest [--spans N] [--repeats K]``: CPU seconds of one process, the median of K, and ratios
within the same run, which mean more than the seconds.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
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

from fluo_lab.readers import read_traces
from fluo_lab.worlds.scale import write_scaled

LIMIT_RATIO = 3.0
LINES_MERGED = 12


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
    chosen = parser.parse_args(arguments)

    table = Table("what", "size_mb", "n_messages", "cpu_s", "ratio", "spans_per_cpu_s")
    with tempfile.TemporaryDirectory() as folder:
        short, long, protobuf = (Path(folder) / name for name in ("short.jsonl", "long.jsonl", "traces.pb"))
        write_scaled(short, spans=chosen.spans)
        merge_lines(short, long)
        write_scaled(protobuf, spans=chosen.spans)
        for path, what, peer, parse in (
            (short, "short lines", "orjson", parse_json),
            (long, "long lines", "orjson", parse_json),
            (protobuf, "protobuf", "official", parse_protobuf),
        ):
            n_spans, n_messages = read_fully(path), parse(path)
            alone, full = measure([partial(parse, path), partial(read_fully, path)], repeats=chosen.repeats)
            for row, cpu_s in ((f"{what}, {peer} parse", alone), (f"{what}, read_traces", full)):
                table.add_row(
                    row,
                    f"{path.stat().st_size / 1e6:.0f}",
                    f"{n_messages:,}",
                    f"{cpu_s:.2f}",
                    f"{cpu_s / alone:.2f}",
                    f"{n_spans / cpu_s:,.0f}",
                )
    console = Console()
    console.print(table)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(f"peak memory of the process: {peak_mb:.0f} MiB; limit for JSON lines: {LIMIT_RATIO:g}")


if __name__ == "__main__":
    main()
