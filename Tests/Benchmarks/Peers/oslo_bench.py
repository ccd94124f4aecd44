#!/usr/bin/env python3
"""oslo.messaging, measured as an operator runs it: threads, its own defaults, a pool large enough for the threads.

    oslo_bench.py serve  URL                      echo and drop on the topic bench-oslo, until its input closes
    oslo_bench.py call   URL N THREADS BYTES      N echo calls
    oslo_bench.py cast   URL N THREADS BYTES      N casts, each awaited to its confirm
    oslo_bench.py fresh  URL N BYTES              N calls, a transport of its own for each
    oslo_bench.py notify URL N THREADS BYTES      N notifications
    oslo_bench.py listen URL N SIZE BYTES         fills a queue with N notifications, then takes them in batches of SIZE
    oslo_bench.py lines  URL COUNT                a server and a client in each of the virtual hosts URL-1, URL-2, …; for
                                                  each line of input it prints how long it took until all answer

`call` on fake:// serves itself. Prints one figure a line.
"""
import os
import sys
import threading
import time
import warnings

warnings.filterwarnings("ignore")  # before oslo: it warns of eventlet on import

from oslo_config import cfg  # noqa: E402
import oslo_messaging as om  # noqa: E402

from bench_peer import cpu, figure, measure, report, status  # noqa: E402

TOPIC = "bench-oslo"


class Endpoint:
    target = om.Target(version="1.0")

    def echo(self, ctxt, body):
        return body

    def drop(self, ctxt, body):
        pass


def transport(url, kind=om.get_rpc_transport):
    made = kind(cfg.CONF, url=url)
    if not url.startswith("fake"):
        cfg.CONF.set_override("rpc_conn_pool_size", 64, group="oslo_messaging_rabbit")
    return made


def server(transport, name="bench"):
    made = om.get_rpc_server(transport, om.Target(topic=TOPIC, server=name), [Endpoint()], executor="threading")
    made.start()
    return made


def client(transport):
    return om.get_rpc_client(transport, om.Target(topic=TOPIC, version="1.0"), timeout=60)


def serve(url):
    running = server(transport(url))
    print("ready", flush=True)
    sys.stdin.read()
    running.stop()
    running.wait()


def call(url, count, threads, size):
    shared = transport(url)
    if url.startswith("fake"):
        server(shared)
    caller, body = client(shared), "x" * size
    for _ in range(min(threads, 8)):
        caller.call({}, "echo", body=body)
    measure(count, threads, lambda: caller.call({}, "echo", body=body))


def cast(url, count, threads, size):
    caller, body = client(transport(url)), "x" * size
    caller.call({}, "echo", body=body)
    measure(count, threads, lambda: caller.cast({}, "drop", body=body))


def fresh(url, count, size):
    body = "x" * size

    def once():
        own = transport(url)
        client(own).call({}, "echo", body=body)
        own.cleanup()

    start = time.perf_counter()
    measure(count, 1, once)
    figure("time", (time.perf_counter() - start) / count * 1e6, "us")


def notifier(url):
    shared = transport(url, om.get_notification_transport)
    return om.Notifier(shared, driver="messagingv2", topics=[TOPIC], publisher_id="bench.host")


def notify(url, count, threads, size):
    publisher, payload = notifier(url), {"body": "x" * size}
    publisher.info({}, "bench", payload)
    measure(count, threads, lambda: publisher.info({}, "bench", payload))


def listen(url, count, size, body_size):
    publisher, payload = notifier(url), {"body": "x" * body_size}
    threads = [
        threading.Thread(target=lambda: [publisher.info({}, "bench", payload) for _ in range(count // 8)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count = count // 8 * 8
    done = threading.Event()
    state = {"seen": 0}

    class Batches:
        def info(self, messages):
            if not state["seen"]:
                state["start"], state["cpu"] = time.perf_counter(), cpu()
            state["seen"] += len(messages)
            if state["seen"] >= count:
                done.set()
            return om.NotificationResult.HANDLED

    listener = om.get_batch_notification_listener(
        transport(url, om.get_notification_transport), [om.Target(topic=TOPIC)], [Batches()], executor="threading",
        batch_size=size, batch_timeout=5)
    listener.start()
    if not done.wait(300):
        raise SystemExit(f"only {state['seen']} of {count} notifications came")
    report(state["seen"], time.perf_counter() - state["start"], cpu() - state["cpu"])
    listener.stop()
    listener.wait()


def lines(url, count):
    start = time.perf_counter()
    urls = [f"{url}-{number}" for number in range(1, count + 1)]
    servers = [server(transport(line)) for line in urls]
    clients = [client(transport(line)) for line in urls]

    def live():
        """Calls through every line until it answers."""
        failed = []

        def ask(caller):
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                try:
                    caller.prepare(timeout=2, retry=0).call({}, "echo", body="x")
                    return
                except Exception:
                    continue
            failed.append(caller)

        threads = [threading.Thread(target=ask, args=(caller,)) for caller in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise SystemExit(f"{len(failed)} lines did not come back within 120 seconds")

    live()
    figure("connected", time.perf_counter() - start, "s")
    figure("threads", status("Threads"), "")
    figure("rss", status("VmRSS"), "KiB")
    figure("descriptors", len(os.listdir("/proc/self/fd")), "")
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        live()
        figure(line.strip(), time.perf_counter() - start, "s")
    os._exit(0)


def main():
    mode, url, *numbers = sys.argv[1:]
    cfg.CONF([], project="bench")
    globals()[mode](url, *map(int, numbers))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
