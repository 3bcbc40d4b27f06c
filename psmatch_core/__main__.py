"""``python -m psmatch_core``."""

import sys

from psmatch_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
