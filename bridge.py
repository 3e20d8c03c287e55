"""The daemon's front door: `python3 bridge.py [--port N]` serves in the foreground.

`python3 bridge.py --self-test` runs one plain turn and one mission for real, and says so.
"""

import sys

from codex_oss.cli import run

if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(run(["self-test"] if "--self-test" in arguments else ["up", *arguments]))
