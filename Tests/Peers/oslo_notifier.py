#!/usr/bin/env python3
"""An unmodified oslo.messaging notifier.

    oslo_notifier.py --url URL [--driver messagingv2] [--topic notifications]... [--option group.name=value]...

Each command is a line {"id": 1, "publisher": …, "priority": "info", "event_type": …, "payload": {…}, "context": {…}},
answered by {"event": "answer", "id": 1} or {…, "error": {…}}. Ends when its input closes.
"""
import argparse
import os

import oslo_messaging
import peer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--driver", default="messagingv2")
    parser.add_argument("--topic", action="append", default=[])
    parser.add_argument("--option", action="append", default=[])
    arguments = parser.parse_args()

    conf = peer.configure(arguments.option)
    transport = oslo_messaging.get_notification_transport(conf, url=arguments.url)
    notifier = oslo_messaging.Notifier(
        transport, driver=arguments.driver, topics=arguments.topic or ["notifications"])
    peer.emit(event="ready")
    for command in peer.commands():
        try:
            send = getattr(notifier.prepare(publisher_id=command.get("publisher", "python.host")), command["priority"])
            send(command.get("context", {}), command["event_type"], command.get("payload", {}))
        except Exception as error:
            peer.emit(event="answer", id=command["id"], error=peer.describe(error))
        else:
            peer.emit(event="answer", id=command["id"])
    os._exit(0)


if __name__ == "__main__":
    main()
