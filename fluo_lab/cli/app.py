"""The ``fluo`` command: its subcommands, and what each kind of error exits with."""

from __future__ import annotations

import sys

import typer

from fluo_lab.cli.checking import check, explain
from fluo_lab.cli.dataset import dataset
from fluo_lab.cli.notebook import lab
from fluo_lab.cli.output import ExitCode, print_diagnostics, warn
from fluo_lab.cli.proposing import mine
from fluo_lab.cli.rulebook import rules
from fluo_lab.cli.tracing import convert, profile, read
from fluo_lab.errors import FluoError, InputError, RuleError, RuleFileError

__all__ = ["main"]

app = typer.Typer(
    name="fluo",
    help="Mine, test and enforce rules over OpenTelemetry traces.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (read, profile, convert, mine, explain, check):
    app.command()(command)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(lab)
app.add_typer(rules, name="rules")
app.add_typer(dataset, name="dataset")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from fluo_lab import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", help="Print the version and stop.", callback=_print_version, is_eager=True
    ),
) -> None:
    """Take the options that go before a command."""


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        app()
    except (RuleError, RuleFileError) as error:
        print_diagnostics(error.diagnostics)
        sys.exit(ExitCode.USAGE)
    except FluoError as error:
        warn(f"fluo: {error}")
        sys.exit(ExitCode.BAD_INPUT if isinstance(error, InputError) else ExitCode.USAGE)
    except BrokenPipeError:
        # the reader of our output went away; there is nobody left to tell
        sys.stderr.close()
        sys.exit(ExitCode.HOLDS)
