"""``python -m unionfs_sim``: the command line."""

import sys

from unionfs_sim.cli import main

if __name__ == "__main__":
    sys.exit(main())
