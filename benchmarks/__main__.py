"""Run every benchmark: ``python -m benchmarks [--spans N]``; exits with 1 when one misses a limit it checks."""

import sys

from benchmarks import engine, ingest, mining, names

missed = False
for module in (ingest, engine, names, mining):
    print(f"== {module.__name__.rpartition('.')[2]}", flush=True)
    missed |= bool(module.main(sys.argv[1:]))
sys.exit(missed)
