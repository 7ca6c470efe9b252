"""Run every benchmark: ``python -m benchmarks [--spans N]``."""

import sys

from benchmarks import ingest, mining, names, rules

for module in (ingest, rules, names, mining):
    print(f"== {module.__name__.rpartition('.')[2]}", flush=True)
    module.main(sys.argv[1:])
