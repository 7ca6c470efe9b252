"""Rules over a million spans: our engine beside one Polars ``group_by.agg`` and closures per trace.

    python -m benchmarks.rules [--spans N]

All three answer the same rules on the same traces in one run; their violation counts must agree. CPU seconds, all
threads, medians. Making the wide frame and the lists of spans the peers need is not counted.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from fluo_lab.engine import evaluate
from fluo_lab.language import parse_rule
from fluo_lab.readers import read_traces
from fluo_lab.traces import Traces, ValueType
from fluo_lab.worlds import write_scaled

SEED = 11


@dataclass(frozen=True)
class Atom:
    """One atom in the words of each contestant: kind, span name, and at most one filter."""

    kind: str  # has | count
    name: str
    field: str | None = None
    operator: str = ">"
    value: Any = None
    limit: int = 0

    def text(self) -> str:
        where = ""
        if self.field is not None:
            shown = f'"{self.value}"' if isinstance(self.value, str) else self.value
            where = f'.where("{self.field}" {self.operator} {shown})'
        operation = f'trace.{self.kind}("{self.name}"){where}'
        return f"{operation} <= {self.limit}" if self.kind == "count" else operation

    def expression(self, code: int) -> pl.Expr:
        hit = pl.col("name") == code
        if self.field is not None:
            column = pl.col(self.field)
            hit &= (column > self.value) if self.operator == ">" else (column == self.value)
        return hit.any() if self.kind == "has" else hit.sum() <= self.limit

    def closure(self) -> Callable[[list[tuple[str, dict[str, Any]]]], bool]:
        name, field, value, limit = self.name, self.field, self.value, self.limit

        def hits(attributes: dict[str, Any]) -> bool:
            if field is None:
                return True
            found = attributes.get(field)
            return found is not None and (found > value if self.operator == ">" else found == value)

        if self.kind == "has":
            return lambda spans: any(n == name and hits(a) for n, a in spans)
        return lambda spans: sum(1 for n, a in spans if n == name and hits(a)) <= limit


def atoms_of(traces: Traces, rng: random.Random) -> list[Atom]:
    """Return atoms about what is there: names alone, and names with a filter on one of their attributes."""
    atoms = []
    for name in traces.span_names:
        atoms += [Atom("has", name), Atom("count", name, limit=rng.randint(1, 3))]
        group = traces.attribute_table.group_of(traces.name_dictionary.codes([name])[name])
        for key, value_type in group.keys:
            if len(group.types_of(key)) > 1 or key in ("name", "trace"):
                continue
            column = group.column(key, value_type).drop_nulls()
            value = column.gather(rng.randrange(len(column)))[0]
            if value_type in (ValueType.INT, ValueType.DOUBLE):
                atoms.append(Atom("has", name, key, ">", value))
            elif value_type is ValueType.TEXT:
                text = traces.text_dictionary.values[value]
                if text.isprintable() and '"' not in text and "\\" not in text and "*" not in text:
                    atoms.append(Atom("has", name, key, "==", text))
    return atoms


def wide_frame(traces: Traces, atoms: set[Atom]) -> pl.DataFrame:
    """Return one row a span with every attribute the atoms read."""
    frame = traces.table.select("trace", "name").with_row_index("row")
    for field in sorted({atom.field for atom in atoms if atom.field}):
        parts = []
        for group in traces.attribute_table.groups:
            for value_type in group.types_of(field):
                column = group.column(field, value_type)
                values = traces.text_dictionary.decode(column) if value_type is ValueType.TEXT else column
                parts.append(pl.DataFrame({"row": group.rows, field: values}).drop_nulls())
        frame = frame.join(pl.concat(parts, how="vertical_relaxed"), on="row", how="left", maintain_order="left")
    return frame.drop("row")


def spans_by_trace(traces: Traces, wide: pl.DataFrame) -> list[list[tuple[str, dict[str, Any]]]]:
    """Return the spans of every trace as a name and a dict of attributes."""
    names = traces.name_dictionary.decode(wide["name"]).to_list()
    rows = wide.drop("trace", "name").to_dicts()
    spans = [(n, {k: v for k, v in row.items() if v is not None}) for n, row in zip(names, rows, strict=True)]
    bounds = [0, *traces.traces["n_spans"].cum_sum().to_list()]
    return [spans[a:b] for a, b in itertools.pairwise(bounds)]


def cpu_seconds(run: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return the median CPU seconds of a call, all threads, and its last result."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        result = run()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds), result


def contest(traces: Traces, n_rules: int, pool: list[Atom], rng: random.Random) -> None:
    """Run and print one size of rule set."""
    pairs = [(rng.choice(pool), rng.choice(pool)) for _ in range(n_rules)]
    atoms = {atom for pair in pairs for atom in pair}
    trees = [parse_rule(f"when {{ {g.text()} }} always {{ {o.text()} }}") for g, o in pairs]
    codes = traces.name_dictionary.codes({atom.name for atom in atoms})
    wide = wide_frame(traces, atoms)
    lists = spans_by_trace(traces, wide)

    def ours() -> list[int]:
        result = evaluate(trees, traces, judge_incomplete=True)
        return [result.counts(n).violation for n in range(n_rules)]

    def grouped() -> list[int]:
        aliases = {atom: str(n) for n, atom in enumerate(atoms)}
        answers = wide.group_by("trace").agg(
            [atom.expression(codes[atom.name]).fill_null(False).alias(a) for atom, a in aliases.items()]
        )
        violated = [(pl.col(aliases[g]) & ~pl.col(aliases[o])).sum().alias(str(n)) for n, (g, o) in enumerate(pairs)]
        return list(answers.select(violated).row(0))

    closures = {atom: atom.closure() for atom in atoms}
    compiled = [(closures[g], closures[o]) for g, o in pairs]

    def per_trace() -> list[int]:
        violations = [0] * n_rules
        for spans in lists:
            for n, (guard, obligation) in enumerate(compiled):
                if guard(spans) and not obligation(spans):
                    violations[n] += 1
        return violations

    mine, found = cpu_seconds(ours, 5)
    theirs, found_grouped = cpu_seconds(grouped, 3)
    slow, found_closures = cpu_seconds(per_trace, 1)
    assert found == found_grouped == found_closures, "the contestants disagree"
    assert sum(found), "no rule is violated: the contest proves nothing"
    print(
        f"{n_rules:>5} {len(atoms):>6} {mine:>8.3f} {theirs:>10.3f} {slow:>9.2f}"
        f" {theirs / mine:>11.1f} {slow / mine:>10.1f}",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> None:
    """Run the contests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spans", type=int, default=1_000_000)
    spans = parser.parse_args(arguments).spans
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traces.jsonl"
        write_scaled(path, spans=spans, seed=SEED)
        traces = read_traces(path)
    print(f"{traces.n_spans:,} spans in {traces.n_traces:,} traces; CPU seconds, and how many times ours")
    print("rules  atoms     ours  group_by  closures  / group_by / closures")
    pool = atoms_of(traces, random.Random(SEED))
    for n_rules in (20, 100, 500):
        contest(traces, n_rules, pool, random.Random(n_rules))


if __name__ == "__main__":
    main()
