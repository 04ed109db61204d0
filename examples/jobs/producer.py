#!/usr/bin/env python3
"""Adds a job and waits for its result. Debian: apt install python3-socketio python3-websocket

    producer.py http://localhost:3001 thumbnails '{"steps": 3}' [id]
"""
import json
import queue as queues
import sys

import socketio

url, queue, data = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
sio = socketio.Client()
states = queues.Queue()


def ask(event, *args):
    """Every answer is an error, or null and the result."""
    answer = sio.call(f"holdfast:queue:{event}", args, timeout=30)
    error, result = answer if isinstance(answer, (list, tuple)) else (answer, None)
    if error:
        sys.exit(f"{error['code']}: {error['message']}")
    return result


@sio.on("holdfast:queue:state")
def on_state(state):
    states.put(state)


sio.connect(url, transports=["websocket"], wait=True)
# With an id of our own the job can be added again, if the answer is lost, and is still one job.
job = ask("add", queue, data, {"id": sys.argv[4]} if len(sys.argv) > 4 else {})
states.put(ask("watch", queue, job["id"], job["grant"]))
while True:
    state = states.get()
    print(state["state"], state.get("progress", ""), flush=True)
    if state["state"] in ("done", "dead", "expired", "removed"):
        break
print(json.dumps(state.get("result") or state.get("error")), flush=True)
sio.disconnect()
