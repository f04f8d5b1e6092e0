"""`make bench`: Vigil's call beside the floor and the plain service, larger charts, Vigil beside the
usual service under the same load, size and start, the app's page. All is of one run; exits 0
whatever the clock says.
"""

import os
import tempfile
from pathlib import Path


def main() -> None:
    """Measure and print."""
    from tests.bench import one_call, page, served

    print(f"Load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for table in (one_call.table, served.table, page.table):
        with tempfile.TemporaryDirectory() as name:
            table(Path(name))


if __name__ == "__main__":
    main()
