#!/usr/bin/env python3
"""A worker in Python: any Socket.IO client can be one. Debian: apt install python3-socketio python3-websocket

    worker.py http://localhost:3001 thumbnails
"""
import sys
import threading
import time

import socketio

url, queue = sys.argv[1:3]
sio = socketio.Client()
# The server knows us by this, also over the next connection: so the jobs that we have stay ours.
worker = None
running = set()
# Set once the server knows who we are on this connection: what is said under a lease before that is refused.
introduced = threading.Event()


class Refused(Exception):
    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error["code"]


def ask(event, *args):
    """Every answer is an error, or null and the result."""
    answer = sio.call(f"holdfast:queue:{event}", args, timeout=30)
    error, result = answer if isinstance(answer, (list, tuple)) else (answer, None)
    if error:
        raise Refused(error)
    return result


def work(job):
    """The work itself: what it returns is the result, what it raises is why it failed."""
    steps = job["data"].get("steps", 1)
    for step in range(steps):
        time.sleep(job["data"].get("stepMs", 100) / 1000)
        if job["data"].get("fail"):
            raise ValueError(job["data"]["fail"])
        progress(job, (step + 1) / steps)
    return {"by": "python", "steps": steps}


def progress(job, value):
    """For whoever watches: lost while there is no connection. Raises if the job is not ours any more."""
    try:
        ask("progress", job["lease"], value)
    except Refused:
        raise
    except Exception:
        pass


def run(job):
    lease, done = job["lease"], threading.Event()

    def renew():
        while not done.wait(job["leaseMs"] / 2000):
            try:
                ask("extend", lease)
            except Exception:
                pass  # not connected: the lease waits for us, for a while

    threading.Thread(target=renew, daemon=True).start()
    try:
        outcome = ("done", lease, work(job))
    except Exception as error:
        outcome = ("fail", lease, {"message": str(error), "name": type(error).__name__})
    while True:
        introduced.wait()
        try:
            ask(*outcome)
            said = outcome[0]
            break
        except Refused as error:
            said = error.code
            if said == "LEASE_LOST":
                break  # somebody else has the job now, and our outcome does not count
        except Exception:
            pass  # not connected: again, until there is an answer
        time.sleep(0.5)
    done.set()
    running.discard(lease)
    print(f"{job['id']} {said}", flush=True)


@sio.on("holdfast:queue:job")
def on_job(job):
    if job["lease"] not in running:
        running.add(job["lease"])
        threading.Thread(target=run, args=(job,), daemon=True).start()


@sio.on("connect")
def on_connect():
    """With every connection: what we want, who we are, and what we still work on."""
    global worker
    while "/" in sio.namespaces:
        options = {"prefetch": 2, "leases": list(running)}
        if worker:
            options["worker"] = worker
        try:
            worker = ask("work", queue, options)["worker"]
            introduced.set()
            print("ready", flush=True)
            return
        except Exception as error:
            print(error, file=sys.stderr, flush=True)  # refused, or no answer: again
            time.sleep(1)


@sio.on("disconnect")
def on_disconnect(*_reason):
    introduced.clear()


sio.connect(url, transports=["websocket"], wait=True)
sio.wait()
