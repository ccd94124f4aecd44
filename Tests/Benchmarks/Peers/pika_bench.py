#!/usr/bin/env python3
"""pika, the usual AMQP client of Python, with its callbacks (SelectConnection): one thread, the AMQP level only, no RPC layer.

    pika_bench.py serve   URL                   answers on the queue pika, until its input closes
    pika_bench.py call    URL N WINDOW BYTES    N requests, WINDOW outstanding
    pika_bench.py publish URL N WINDOW BYTES    N messages, WINDOW unconfirmed
    pika_bench.py consume URL N PREFETCH BYTES  fills a queue, then takes N, an acknowledgement for each PREFETCH / 4

Prints one figure a line.
"""
import os
import sys
import threading
import time

import pika

from bench_peer import cpu, report

QUEUE = "pika"
TRANSIENT = {"content_type": "application/json", "delivery_mode": 1}


class Program:
    """A connection with one channel; `begin` is called when the channel is open."""

    def __init__(self, url):
        self.connection = pika.SelectConnection(
            pika.URLParameters(url), on_open_callback=lambda _: self.connection.channel(on_open_callback=self.opened),
            on_open_error_callback=self.failed, on_close_callback=self.failed)

    def opened(self, channel):
        self.channel = channel
        channel.add_on_close_callback(self.failed)
        self.begin()

    def failed(self, _, reason):
        print(f"pika_bench.py: {reason}", file=sys.stderr, flush=True)
        os._exit(1)

    def run(self):
        self.connection.ioloop.start()

    def finish(self):
        sys.stdout.flush()
        os._exit(0)


class Serve(Program):
    def begin(self):
        self.channel.queue_declare(QUEUE, auto_delete=True, callback=lambda _: self.consume())

    def consume(self):
        self.channel.basic_qos(prefetch_count=1000)
        self.channel.basic_consume(QUEUE, self.answer, callback=lambda _: print("ready", flush=True))

    def answer(self, channel, method, properties, body):
        channel.basic_publish(
            "", properties.reply_to, body,
            pika.BasicProperties(correlation_id=properties.correlation_id, **TRANSIENT))
        channel.basic_ack(method.delivery_tag)


class Call(Program):
    def __init__(self, url, count, window, size):
        super().__init__(url)
        self.count, self.window, self.body = count, window, b"x" * size
        self.warm = count // 10 + 1
        self.sent = self.done = 0
        self.started, self.samples = {}, []

    def begin(self):
        self.channel.queue_declare("", exclusive=True, callback=self.consume)

    def consume(self, answer):
        self.replies = answer.method.queue
        self.channel.basic_consume(self.replies, self.reply, auto_ack=True, callback=lambda _: self.fill())

    def fill(self):
        while self.sent < self.count + self.warm and self.sent - self.done < self.window:
            self.started[str(self.sent)] = time.perf_counter()
            self.channel.basic_publish(
                "", QUEUE, self.body,
                pika.BasicProperties(correlation_id=str(self.sent), reply_to=self.replies, **TRANSIENT))
            self.sent += 1

    def reply(self, channel, method, properties, body):
        took = time.perf_counter() - self.started.pop(properties.correlation_id)
        if self.done >= self.warm:
            self.samples.append(took)
        self.done += 1
        if self.done == self.warm:
            self.start, self.start_cpu = time.perf_counter(), cpu()
        if self.done == self.count + self.warm:
            report(self.count, time.perf_counter() - self.start, cpu() - self.start_cpu, self.samples)
            self.finish()
        self.fill()


class Publish(Program):
    def __init__(self, url, count, window, size):
        super().__init__(url)
        self.count, self.window, self.body = count, window, b"x" * size
        self.sent = self.confirmed = 0

    def begin(self):
        self.channel.queue_declare(QUEUE + "-publish", callback=lambda _: self.channel.queue_purge(
            QUEUE + "-publish", callback=lambda _: self.channel.confirm_delivery(
                self.confirm, callback=lambda _: self.measure())))

    def measure(self):
        self.start, self.start_cpu = time.perf_counter(), cpu()
        self.fill()

    def fill(self):
        properties = pika.BasicProperties(**TRANSIENT)
        while self.sent < self.count and self.sent - self.confirmed < self.window:
            self.channel.basic_publish("", QUEUE + "-publish", self.body, properties)
            self.sent += 1

    def confirm(self, frame):
        # On one queue confirms come in order.
        self.confirmed = max(self.confirmed, frame.method.delivery_tag)
        if self.confirmed == self.count:
            self.all_confirmed()
        else:
            self.fill()

    def all_confirmed(self):
        report(self.count, time.perf_counter() - self.start, cpu() - self.start_cpu)
        self.channel.queue_delete(QUEUE + "-publish", callback=lambda _: self.finish())


class Consume(Publish):
    def __init__(self, url, count, prefetch, size):
        super().__init__(url, count, 500, size)
        self.prefetch, self.taken = prefetch, 0

    def all_confirmed(self):
        self.channel.basic_qos(prefetch_count=self.prefetch, callback=lambda _: self.channel.basic_consume(
            QUEUE + "-publish", self.take))

    def take(self, channel, method, properties, body):
        if self.taken == 0:
            self.start, self.start_cpu = time.perf_counter(), cpu()
        self.taken += 1
        if self.taken % max(1, self.prefetch // 4) == 0 or self.taken == self.count:
            channel.basic_ack(method.delivery_tag, multiple=True)
        if self.taken == self.count:
            report(self.count, time.perf_counter() - self.start, cpu() - self.start_cpu)
            channel.queue_delete(QUEUE + "-publish", callback=lambda _: self.finish())


def end_with_input():
    sys.stdin.read()
    os._exit(0)


def main():
    mode, url, *numbers = sys.argv[1:]
    if mode == "serve":
        threading.Thread(target=end_with_input, daemon=True).start()
    program = {"serve": Serve, "call": Call, "publish": Publish, "consume": Consume}[mode]
    program(url, *map(int, numbers)).run()


if __name__ == "__main__":
    main()
