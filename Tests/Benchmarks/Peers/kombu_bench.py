#!/usr/bin/env python3
"""kombu's queue in memory: publish and take, one after the other, in one process.

    kombu_bench.py N BYTES     prints one figure a line
"""
import sys
import time

from kombu import Connection, Consumer, Queue

from bench_peer import figure


def main():
    count, body = int(sys.argv[1]), {"body": "x" * int(sys.argv[2])}
    with Connection("memory://") as connection:
        channel = connection.channel()
        bench = Queue("bench", channel=channel)
        bench.declare()
        producer = connection.Producer(channel)
        start = time.perf_counter()
        for _ in range(count):
            producer.publish(body, routing_key="bench", serializer="json")
        figure("publish", count / (time.perf_counter() - start), "1/s")
        taken = []
        with Consumer(channel, [bench], callbacks=[lambda _, message: (message.ack(), taken.append(1))]):
            start = time.perf_counter()
            while len(taken) < count:
                connection.drain_events(timeout=10)
            figure("take", count / (time.perf_counter() - start), "1/s")


if __name__ == "__main__":
    main()
