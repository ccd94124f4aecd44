#!/usr/bin/env python3
"""Python's json on what the Swift side measures: a call of that many bytes in its envelope, both layers.

    json_bench.py BYTES N     prints the microseconds of one encoding and of one decoding.
"""
import json
import sys
import time
import uuid

from bench_peer import figure


def request(size):
    """A request whose argument fills it up."""
    return {
        "method": "echo", "args": {"body": "x" * size}, "namespace": None, "version": "1.0",
        "_msg_id": uuid.uuid4().hex, "_reply_q": "reply_" + uuid.uuid4().hex, "_timeout": 60,
        "_unique_id": uuid.uuid4().hex, "_context_user_id": "bench", "_context_project_id": "bench",
    }


def encode(value):
    return json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(value)})


def decode(text):
    return json.loads(json.loads(text)["oslo.message"])


def measure(metric, count, once):
    once()
    start = time.perf_counter()
    for _ in range(count):
        once()
    figure(metric, (time.perf_counter() - start) / count * 1e6, "us")


def main():
    size, count = int(sys.argv[1]), int(sys.argv[2])
    value = request(size)
    text = encode(value)
    if decode(text) != value:
        raise SystemExit("what was decoded is not what was encoded")
    measure("encode", count, lambda: encode(value))
    measure("decode", count, lambda: decode(text))


if __name__ == "__main__":
    main()
