"""``fluo rules lint`` and ``fluo rules test``: the life of rule files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fluo_lab.cli.arguments import FormatOption, load_traces
from fluo_lab.cli.output import ExitCode, Format, print_diagnostics, print_json, print_table, say
from fluo_lab.errors import Severity
from fluo_lab.rules import RuleBook, lint_book, run_tests

__all__ = ["rules"]

rules = typer.Typer(help="Lint and test rule files.", no_args_is_help=True)

RulePaths = Annotated[list[Path], typer.Argument(help="Rule files or folders of them.", metavar="RULES...")]


@rules.command()
def lint(
    paths: RulePaths,
    traces: Annotated[
        list[str] | None, typer.Option(help="Trace files the names in the rules are looked up in.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 on warnings.")] = False,
    format: FormatOption = Format.TABLE,
) -> None:
    """Say what is wrong, or doubtful, in rule files."""
    book, problems = RuleBook.read(paths)
    diagnostics = [*problems, *lint_book(book, traces=load_traces(traces) if traces else None)]
    count = {s: sum(1 for d in diagnostics if d.severity is s) for s in Severity}
    if format is Format.JSON:
        print_json(
            {
                "rules": len(book),
                "errors": count[Severity.ERROR],
                "warnings": count[Severity.WARNING],
                "diagnostics": [
                    {
                        "code": d.code,
                        "severity": d.severity.value,
                        "path": d.path,
                        "line": d.line,
                        "column": d.column,
                        "message": d.message,
                        "hint": d.hint,
                    }
                    for d in diagnostics
                ],
            }
        )
    else:
        print_diagnostics(diagnostics)
        say(f"{len(book)} rules, {count[Severity.ERROR]} errors, {count[Severity.WARNING]} warnings")
    if count[Severity.ERROR]:
        raise typer.Exit(ExitCode.VIOLATIONS)
    if strict and count[Severity.WARNING]:
        raise typer.Exit(ExitCode.BAD_INPUT)


@rules.command("test")
def run_inline_tests(paths: RulePaths, format: FormatOption = Format.TABLE) -> None:
    """Run the inline tests of rule files."""
    book, diagnostics = RuleBook.read(paths)
    print_diagnostics(diagnostics)
    outcomes = run_tests(book)
    failed = [outcome for outcome in outcomes if outcome.is_failure]
    if format is Format.JSON:
        print_json({"tests": [outcome.to_dict() for outcome in outcomes], "failed": len(failed)})
    else:
        if failed:
            print_table(
                "failed tests",
                ["rule", "test", "expected", "got", "why"],
                ([o.rule_id, o.name, o.expected.label, "" if o.got is None else o.got.label, o.why] for o in failed),
            )
        todo = sum(1 for outcome in outcomes if outcome.is_todo)
        say(f"{len(book)} rules, {len(outcomes)} tests, {len(failed)} failed" + (f", {todo} to do" if todo else ""))
    if any(d.severity is Severity.ERROR for d in diagnostics):
        raise typer.Exit(ExitCode.USAGE)
    if failed:
        raise typer.Exit(ExitCode.VIOLATIONS)
