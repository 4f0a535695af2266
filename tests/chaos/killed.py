"""``python killed.py NUMBER WHEN wmlib-arguments...``: the command, killed at its NUMBERth rename (0: never).

WHEN is ``before`` or ``after`` the rename. Files appear under their names by renames alone, so these are the moments at
which what is on disk changes. The killing is SIGKILL: nothing is cleaned up.
"""

import os
import signal
import sys

from wmlib.cli import main
from wmlib.runs import pool

if __name__ == "__main__":
    number, when, real, count = int(sys.argv[1]), sys.argv[2], os.replace, 0
    pool.SILENT = float(os.environ.get("SILENT", pool.SILENT))  # a stopped worker is noticed sooner,
    pool.STARTING = min(pool.STARTING, 6 * pool.SILENT)  # and one that is stopped while it starts

    def replace(source, target, **options):
        global count
        count += 1
        if count == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        real(source, target, **options)
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace
    main(sys.argv[3:])
