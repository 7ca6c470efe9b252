"""The terminal: thin commands over the rooms below, with fixed exit codes.

0 all rules hold, 1 violations, 2 a command or rule that cannot be meant, 3 input that cannot be read. Results go to
standard output, progress and problems to standard error.
"""

from fluo_lab.cli.app import main

__all__ = ["main"]
