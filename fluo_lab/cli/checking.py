"""``fluo check`` and ``fluo explain``: what rules say of traces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from fluo_lab.cli.arguments import (
    FormatOption,
    IncompleteOption,
    ParamOption,
    SkewOption,
    TracePaths,
    is_judged,
    load_traces,
    params_of,
    skew_ns_of,
)
from fluo_lab.cli.output import ExitCode, Format, print_diagnostics, print_json, print_table, say, warn
from fluo_lab.errors import Diagnostic, RuleError, Severity, UsageError
from fluo_lab.language import ParamValue
from fluo_lab.rules import CheckResult, Rule, RuleBook, RuleSeverity, lint_rule, unknown_names
from fluo_lab.rules import check as check_rules
from fluo_lab.traces import Traces

__all__ = ["check", "explain"]


RuleOption = Annotated[list[str] | None, typer.Option("--rule", help="A rule's text; may be repeated.")]


def check(
    traces: TracePaths,
    rule: RuleOption = None,
    rules: Annotated[list[Path] | None, typer.Option("--rules", help="Rule files or folders of them.")] = None,
    param: ParamOption = None,
    fail_on: Annotated[
        RuleSeverity, typer.Option("--fail-on", help="Exit with 1 on violations of at least this severity.")
    ] = RuleSeverity.INFO,
    incomplete: IncompleteOption = "keep",
    span_skew: SkewOption = "0",
    verdicts: Annotated[
        Path | None, typer.Option(help="Write one row a rule and trace: .jsonl, .csv or .parquet.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Violations to explain for each rule.")] = 1000,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 when anything could not be read.")] = False,
    format: FormatOption = Format.TABLE,
) -> None:
    """Check rules on traces."""
    judged, skew_ns = is_judged(incomplete), skew_ns_of(span_skew)
    params = params_of(param)
    texts, wrong_texts = _rules_of_texts(rule or [], params)
    book, wrong_files = RuleBook.read(rules, params=params) if rules else (RuleBook(), ())
    chosen = [*texts, *book.enabled]
    diagnostics = [*wrong_texts, *wrong_files]
    print_diagnostics(diagnostics)
    has_errors = any(d.severity is Severity.ERROR for d in diagnostics)
    if not chosen:
        raise typer.Exit(ExitCode.USAGE) if has_errors else UsageError("no rule: give --rule TEXT or --rules FILE")
    loaded = load_traces(traces)
    _warn_of_unknown_names(texts, book.enabled, loaded)
    result = check_rules(chosen, loaded, judge_incomplete=judged, span_skew_ns=skew_ns)
    if verdicts is not None:
        result.write_verdicts(verdicts)
    if format is Format.JSON:
        print_json(result.to_dict(limit=limit))
    else:
        _print_check(result, limit=min(limit, 5))
    if has_errors:
        raise typer.Exit(ExitCode.USAGE)
    if strict and any(not problem.what.startswith("not a trace") for problem in loaded.problem_list):
        raise typer.Exit(ExitCode.BAD_INPUT)
    if result.violated(at_least=fail_on):
        raise typer.Exit(ExitCode.VIOLATIONS)


def _rules_of_texts(texts: list[str], params: dict[str, ParamValue]) -> tuple[list[Rule], list[Diagnostic]]:
    """Return the texts that can be used as rules, and what is wrong with the others."""
    rules: list[Rule] = []
    diagnostics: list[Diagnostic] = []
    for number, text in enumerate(texts, start=1):
        try:
            rules.append(Rule(text, id="rule" if len(texts) == 1 else f"rule-{number}", params=params))
        except RuleError as error:
            diagnostics += error.diagnostics
    return rules, diagnostics


def _warn_of_unknown_names(texts: Sequence[Rule], book: Sequence[Rule], traces: Traces) -> None:
    """Say which rules name something the traces do not have: each place of a text, the number for a book."""
    for rule in texts:
        print_diagnostics(unknown_names(rule, traces))
    foreign = sum(1 for rule in book if unknown_names(rule, traces))
    if foreign:
        warn(
            f"{foreign} of {len(book)} rules name spans or attributes these traces do not have; "
            "fluo rules lint --traces says which"
        )


def _print_check(result: CheckResult, *, limit: int) -> None:
    """Print counts a rule, then the first violations of each."""
    print_table(
        f"{_counted(len(result), 'rule')} on {result.traces.n_traces:,} traces",
        ["rule", "severity", "pass", "violation", "inconclusive", "not applicable", "reading"],
        (
            [
                r.rule.id,
                r.rule.severity.value,
                r.counts.passed,
                r.counts.violation,
                r.counts.inconclusive,
                r.counts.not_applicable,
                r.rule.reading,
            ]
            for r in result
        ),
    )
    for r in result:
        if r.caveats:
            counted = ", ".join(f"{n:,} with {reason}" for reason, n in r.caveats.items())
            say(f"{r.rule.id}: of the traces it applies to {counted}; what is not there was not judged")
    for r in result.violated():
        say(f"{r.rule.id}: {_counted(len(r), 'violation')}")
        for explanation in r[:limit]:
            say(f"  {explanation.trace_id}  {explanation.why}")
        if len(r) > limit:
            say(f"  … {len(r) - limit:,} more; --format json lists them")


def _counted(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is one."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def explain(
    rule: Annotated[str, typer.Option("--rule", help="The rule's text.")],
    traces: Annotated[list[str] | None, typer.Argument(help="Traces to judge.", metavar="[TRACES...]")] = None,
    trace: Annotated[str | None, typer.Option("--trace", help="Id of one trace to explain.")] = None,
    param: ParamOption = None,
    incomplete: IncompleteOption = "keep",
    span_skew: SkewOption = "0",
    format: FormatOption = Format.TABLE,
) -> None:
    """Print a rule's canonical form and what it means, and why a trace got its verdict."""
    if trace is not None and not traces:
        raise UsageError("--trace needs the file the trace is in: fluo explain FILE --rule … --trace ID")
    one = Rule(rule, params=params_of(param))
    answer: dict[str, object] = {"text": one.text, "reading": one.reading}
    diagnostics = lint_rule(one)
    if traces:
        skew_ns = skew_ns_of(span_skew)
        result = one.test(load_traces(traces), judge_incomplete=is_judged(incomplete), span_skew_ns=skew_ns)
        answer |= result.counts.to_dict()
        if trace is not None:
            explanation = result.explain(trace)
            answer |= {"trace_id": trace, "verdict": explanation.verdict.label, "why": explanation.why}
    if format is Format.JSON:
        notes = [{"code": d.code, "message": d.message, "hint": d.hint} for d in diagnostics]
        print_json({**answer, "notes": notes})
        return
    say(one.text)
    say(one.reading)
    for key in ("pass", "violation", "inconclusive", "not_applicable", "verdict", "why"):
        if key in answer:
            say(f"{key.replace('_', ' ')}: {answer[key]}")
    print_diagnostics(d for d in diagnostics if d.severity is not Severity.INFO)
