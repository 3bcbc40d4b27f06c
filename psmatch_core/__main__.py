"""``python -m psmatch_core``."""

import sys

from psmatch_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
