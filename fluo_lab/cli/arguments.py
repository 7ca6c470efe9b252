"""Arguments several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from fluo_lab.cli.output import Format, print_problems
from fluo_lab.engine import number_of_text
from fluo_lab.errors import UsageError
from fluo_lab.language import ParamValue, parse_duration
from fluo_lab.traces import Traces

__all__ = [
    "ColumnOption",
    "FormatOption",
    "IncompleteOption",
    "ParamOption",
    "RepairOption",
    "SkewOption",
    "TracePaths",
    "is_judged",
    "load_traces",
    "params_of",
    "skew_ns_of",
]

TracePaths = Annotated[
    list[str],
    typer.Argument(help="Trace files, globs, folders, or tempo:// and jaeger:// addresses.", metavar="TRACES..."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]
IncompleteOption = Annotated[
    str,
    typer.Option(
        "--incomplete",
        help="Traces known to lack spans: 'keep' says inconclusive where it hangs on them, "
        "'judge' takes every trace for complete.",
        metavar="keep|judge",
    ),
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option("--column", help="What a table calls a column of ours.", metavar="OURS=THEIRS"),
]
RepairOption = Annotated[
    list[str] | None,
    typer.Option("--repair", help="A defect to mend.", metavar="duplicates|shared_spans|clock_skew"),
]
SkewOption = Annotated[
    str,
    typer.Option(
        "--span-skew",
        help="How far the clocks of two spans may be apart; an order within it is inconclusive.",
        metavar="DURATION",
    ),
]
ParamOption = Annotated[
    list[str] | None, typer.Option("--param", help="A value for $NAME in rules.", metavar="NAME=VALUE")
]


def is_judged(incomplete: str) -> bool:
    """Return whether incomplete traces are taken for complete.

    Raises
    ------
    UsageError
        When the option is neither ``keep`` nor ``judge``.
    """
    if incomplete not in ("keep", "judge"):
        raise UsageError(f"--incomplete is 'keep' or 'judge', not {incomplete!r}")
    return incomplete == "judge"


def skew_ns_of(text: str) -> int:
    """Return a skew of clocks in nanoseconds.

    Raises
    ------
    UsageError
        When the text is no duration.

    Examples
    --------
    >>> skew_ns_of("5ms"), skew_ns_of("0")
    (5000000, 0)
    """
    duration_ns = 0 if text == "0" else parse_duration(text)
    if duration_ns is None:
        raise UsageError(f"--span-skew is a duration such as 5ms, not {text!r}")
    return duration_ns


def load_traces(
    paths: list[str],
    *,
    quiet: bool = False,
    columns: list[str] | None = None,
    repairs: list[str] | None = None,
) -> Traces:
    """Return the traces of some inputs, with a progress bar and the problems on standard error.

    Parameters
    ----------
    columns
        ``OURS=THEIRS`` pairs, for tables.
    repairs
        Defects to mend.

    Raises
    ------
    InputError
        When nothing can be read.
    UsageError
        When a pair has no ``=``, or there is no such repair.
    """
    from fluo_lab.readers import read_traces

    mapping = None
    if columns:
        mapping = {}
        for pair in columns:
            ours, equals, theirs = pair.partition("=")
            if not (ours and equals and theirs):
                raise UsageError(f"--column is OURS=THEIRS, as in start_ns=ts, not {pair!r}")
            mapping[ours] = theirs
    traces = read_traces(paths, columns=mapping, repairs=repairs or (), progress=True)
    if not quiet:
        print_problems(traces)
    return traces


def params_of(pairs: list[str] | None) -> dict[str, ParamValue]:
    """Return ``NAME=VALUE`` pairs as values: numbers and true or false where they look like them.

    Raises
    ------
    UsageError
        When a pair has no ``=``.

    Examples
    --------
    >>> params_of(["limit=1000", "region=EU", "strict=true", "share=0.5"])
    {'limit': 1000, 'region': 'EU', 'strict': True, 'share': 0.5}
    """
    params: dict[str, ParamValue] = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--param is NAME=VALUE, not {pair!r}")
        params[name] = _value(value)
    return params


def _value(text: str) -> ParamValue:
    if text in ("true", "false"):
        return text == "true"
    number = number_of_text(text)
    return text if number is None else number
