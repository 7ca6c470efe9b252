"""How commands print: tables for people, JSON for programs, problems on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from enum import IntEnum, StrEnum
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fluo_lab.errors import Diagnostic
from fluo_lab.traces import Traces

__all__ = ["ExitCode", "Format", "print_diagnostics", "print_json", "print_problems", "print_table", "say", "warn"]


class ExitCode(IntEnum):
    """What a command's exit status says."""

    HOLDS = 0
    VIOLATIONS = 1
    USAGE = 2
    BAD_INPUT = 3
    INTERRUPTED = 130


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


def _console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 160
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=not stream.isatty())


def say(text: str) -> None:
    """Print a line of a result."""
    _console().print(escape(text))


def warn(text: str) -> None:
    """Print a line on standard error."""
    _console(stderr=True).print(escape(text))


def print_json(value: Any) -> None:
    """Print a result as JSON."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as a table; numbers are set to the right."""
    rows = [list(row) for row in rows]
    table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="bold")
    for number, column in enumerate(columns):
        is_number = bool(rows) and all(isinstance(row[number], int | float) for row in rows)
        table.add_column(escape(column), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row))
    _console().print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def print_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics on standard error."""
    for diagnostic in diagnostics:
        warn(diagnostic.render())


def print_problems(traces: Traces) -> None:
    """Print what could not be read as it was, on standard error."""
    for problem in traces.problem_list:
        place = problem.file if problem.line is None else f"{problem.file}:{problem.line}"
        sample = f": {problem.sample}" if problem.sample else ""
        warn(f"{place}: {problem.what} ({problem.n:,}){sample}")
