"""
The atheris program: coverage-guided bytes for `targets.fuzz`.

From the checkout, with atheris installed::

    python -m tests.fuzz.fuzz_image -max_total_time=60 -timeout=10 -rss_limit_mb=1024

Further arguments are those of libFuzzer: a folder to keep inputs in, or a file to
repeat.
"""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["unionfs_sim"]):
        targets = importlib.import_module("tests.fuzz.targets")
    atheris.Setup(sys.argv, targets.fuzz)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
