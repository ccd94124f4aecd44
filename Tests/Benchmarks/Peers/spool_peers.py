"""Rates of other file queues: spool_peers.py DIRECTORY COUNT SIZE

Puts COUNT messages of SIZE bytes, one after another, then takes and acknowledges them, with dirq, persist-queue and
kombu's filesystem transport. Prints a JSON array of figures.
"""

import importlib.metadata
import json
import os
import sys
import time


def dirq(directory, bodies):
    from dirq.QueueSimple import QueueSimple

    queue = QueueSimple(directory)

    def put():
        for body in bodies:
            queue.add(body)

    def take():
        taken = 0
        name = queue.first()
        while name:
            if queue.lock(name):
                queue.get(name)
                queue.remove(name)
                taken += 1
            name = queue.next()
        return taken

    return put, take


def persist_queue(directory, bodies):
    import persistqueue

    queue = persistqueue.Queue(directory, autosave=True)

    def put():
        for body in bodies:
            queue.put(body)

    def take():
        for _ in bodies:
            queue.get(timeout=10)
            queue.task_done()
        return len(bodies)

    return put, take


def kombu(directory, bodies):
    from kombu import Connection

    folders = {name: os.path.join(directory, name) for name in ("messages", "control")}
    for folder in folders.values():
        os.makedirs(folder)
    connection = Connection(
        "filesystem://",
        transport_options={
            "data_folder_in": folders["messages"],
            "data_folder_out": folders["messages"],
            "control_folder": folders["control"],
        },
    )
    queue = connection.SimpleQueue("bench")

    def put():
        for body in bodies:
            queue.put(body, content_type="application/octet-stream", content_encoding="binary")

    def take():
        for _ in bodies:
            queue.get(timeout=10).ack()
        return len(bodies)

    return put, take


PEERS = {"dirq": dirq, "persist-queue": persist_queue, "kombu": kombu}


def main():
    directory, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    bodies = [b"x" * size for _ in range(count)]
    figures = []
    for name, make in PEERS.items():
        who = f"{name} {importlib.metadata.version(name)}"
        folder = os.path.join(directory, name)
        os.makedirs(folder)
        put, take = make(folder, bodies)
        for case, work in (("put one after another", put), ("take and acknowledge", take)):
            start = time.perf_counter()
            taken = work()
            seconds = time.perf_counter() - start
            if taken is not None and taken != count:
                raise SystemExit(f"{who} gave back {taken} of {count} messages")
            figures.append(
                {
                    "group": "spool",
                    "case": case,
                    "who": who,
                    "metric": "rate",
                    "value": round(count / seconds),
                    "unit": "messages/s",
                }
            )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
