"""Stands for the process that paints at once."""

import json
import os
import signal
import sys

if __name__ == "__main__":
    for line in sys.stdin:
        task = json.loads(line)
        if task.get("dies"):
            print("Killed", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        answer = {"error": "is too dull"} if task.get("fails") else {"seconds": os.getpid()}
        print(json.dumps(answer), flush=True)
