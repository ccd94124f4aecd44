#!/usr/bin/env python3
"""An unmodified oslo.messaging notification listener.

    oslo_listener.py --url URL [--topic notifications]... [--exchange NAME] [--pool NAME] [--requeue-first]
                     [--batch SIZE --batch-timeout SECONDS] [--option group.name=value]...

Prints {"event": "ready"}, then {"event": "notification", "priority": …, "publisher": …, "event_type": …, "payload": …,
"context": …, "metadata": …} for each, or {"event": "batch", "priority": …, "event_types": […]} with --batch. With
--requeue-first it sends the first one, or the first batch, back once. Ends when its input closes.
"""
import argparse
import os
import threading

import oslo_messaging
import peer


class Endpoint:
    def __init__(self, requeue_first):
        self.requeue = requeue_first
        self.lock = threading.Lock()

    def _take(self, priority, ctxt, publisher_id, event_type, payload, metadata):
        with self.lock:
            requeue, self.requeue = self.requeue, False
        peer.emit(
            event="notification", priority=priority, publisher=publisher_id, event_type=event_type, payload=payload,
            context=ctxt, metadata=metadata, requeued=requeue)
        return oslo_messaging.NotificationResult.REQUEUE if requeue else oslo_messaging.NotificationResult.HANDLED


class BatchEndpoint(Endpoint):
    def _take(self, priority, messages):
        with self.lock:
            requeue, self.requeue = self.requeue, False
        peer.emit(
            event="batch", priority=priority, event_types=[message["event_type"] for message in messages],
            requeued=requeue)
        return oslo_messaging.NotificationResult.REQUEUE if requeue else oslo_messaging.NotificationResult.HANDLED


def handler(priority):
    return lambda self, *arguments: self._take(priority, *arguments)


for _priority in ("audit", "debug", "info", "warn", "error", "critical", "sample"):
    setattr(Endpoint, _priority, handler(_priority))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--topic", action="append", default=[])
    parser.add_argument("--exchange")
    parser.add_argument("--pool")
    parser.add_argument("--requeue-first", action="store_true")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--batch-timeout", type=float)
    parser.add_argument("--option", action="append", default=[])
    arguments = parser.parse_args()

    conf = peer.configure(arguments.option)
    transport = oslo_messaging.get_notification_transport(conf, url=arguments.url)
    more = {"exchange": arguments.exchange} if arguments.exchange else {}
    targets = [oslo_messaging.Target(topic=topic, **more) for topic in arguments.topic or ["notifications"]]
    common = {"executor": "threading", "allow_requeue": True, "pool": arguments.pool}
    if arguments.batch:
        listener = oslo_messaging.get_batch_notification_listener(
            transport, targets, [BatchEndpoint(arguments.requeue_first)], batch_size=arguments.batch,
            batch_timeout=arguments.batch_timeout, **common)
    else:
        listener = oslo_messaging.get_notification_listener(
            transport, targets, [Endpoint(arguments.requeue_first)], **common)
    listener.start()
    peer.emit(event="ready")
    for _ in peer.commands():
        pass
    threading.Timer(5, lambda: os._exit(0)).start()
    listener.stop()
    listener.wait()
    os._exit(0)


if __name__ == "__main__":
    main()
