"""``python -m psmatch``, which is ``psmatch`` itself."""

import sys

from psmatch_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
