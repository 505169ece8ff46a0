"""Follows a job in its room with python-socketio.

Enters: on standard input a line of JSON, {url, id, token, transports}. Leaves: a line of
JSON for each thing that happens, as `rooms.js` has them. Ends with the job.
"""

import json
import sys
import threading

import socketio

given = json.loads(sys.stdin.readline())
room = {"job_id": given["id"], "token": given.get("token", "none")}
client = socketio.Client(reconnection_delay=0.05, reconnection_delay_max=0.2)
over = threading.Event()
# Handlers run in threads of their own.
one_at_a_time = threading.Lock()


def show(line):
    with one_at_a_time:
        print(json.dumps(line), flush=True)


@client.event
def connect():
    show({"connected": True, "transport": client.transport()})
    client.emit("join_job", room)


@client.event
def disconnect(reason):
    if not over.is_set():
        show({"connected": False, "reason": reason})


@client.event
def connect_error(data):
    show({"error": f"Connection error: {data['message'] if isinstance(data, dict) else data}"})


@client.on("error")
def error(data):
    show({"error": data["message"]})


@client.on("joined_room")
def joined(data):
    show({"joined": data["job_id"]})


@client.on("job_progress")
def progress(job):
    show({"job": job})
    if job["status"] in ("completed", "failed", "cancelled"):
        over.set()


try:
    client.connect(
        given["url"], auth={"token": room["token"]}, transports=given["transports"], retry=False
    )
    over.wait()
    client.emit("leave_job", room)
    client.disconnect()
except socketio.exceptions.ConnectionError:
    # Said already.
    pass
