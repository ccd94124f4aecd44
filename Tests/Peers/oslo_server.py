#!/usr/bin/env python3
"""An unmodified oslo.messaging RPC server.

    oslo_server.py --url URL --topic TOPIC --server NAME... [--exchange NAME] [--option group.name=value]...

Prints {"event": "ready"} when it listens and {"event": "called", ...} for every invocation. Several names make several
servers, each on a transport of its own. Ends when its input closes.
"""
import argparse
import builtins
import functools
import os
import threading
import time

import oslo_messaging
import peer
import peer_errors


def reported(method):
    """Prints every invocation before it runs."""
    @functools.wraps(method)
    def wrapper(self, ctxt, **arguments):
        peer.emit(
            event="called", server=self.name, method=method.__name__, namespace=self.target.namespace, arguments=arguments, context=ctxt)
        return method(self, ctxt, **arguments)
    return wrapper


class Endpoint:
    target = oslo_messaging.Target(version="1.9")

    def __init__(self, name):
        self.name = name

    @reported
    def echo(self, ctxt, value=None):
        return value

    @reported
    def add(self, ctxt, a, b):
        return a + b

    @reported
    def who(self, ctxt):
        return self.name

    @reported
    def context(self, ctxt):
        return ctxt

    @reported
    def nothing(self, ctxt):
        pass

    @reported
    def slow(self, ctxt, seconds):
        time.sleep(seconds)
        return seconds

    @reported
    def fail(self, ctxt, kind="ValueError", message="told to fail"):
        if kind == "InstanceNotFound":
            raise peer_errors.InstanceNotFound(instance_id=message)
        if kind == "Awkward":
            raise peer_errors.Awkward(message, "more")
        if kind == "OSError":
            raise OSError(2, message)
        if kind == "chained":
            try:
                raise KeyError("inner")
            except KeyError as inner:
                raise RuntimeError(message) from inner
        raise getattr(builtins, kind, ValueError)(message)

    @oslo_messaging.expected_exceptions(peer_errors.InstanceNotFound)
    @reported
    def fail_as_expected(self, ctxt, instance_id):
        raise peer_errors.InstanceNotFound(instance_id=instance_id)


class Extra:
    target = oslo_messaging.Target(namespace="extra", version="2.3")

    def __init__(self, name):
        self.name = name

    @reported
    def who(self, ctxt):
        return "extra"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--server", action="append", required=True)
    parser.add_argument("--exchange")
    parser.add_argument("--option", action="append", default=[])
    arguments = parser.parse_args()

    conf = peer.configure(arguments.option)
    transports = []
    servers = []
    for name in arguments.server:
        transport = oslo_messaging.get_rpc_transport(conf, url=arguments.url)
        where = {"topic": arguments.topic, "server": name}
        if arguments.exchange:
            where["exchange"] = arguments.exchange
        server = oslo_messaging.get_rpc_server(
            transport, oslo_messaging.Target(**where), [Endpoint(name), Extra(name)], executor="threading")
        server.start()
        transports.append(transport)
        servers.append(server)
    peer.emit(event="ready")
    for _ in peer.commands():
        pass
    threading.Timer(5, lambda: os._exit(0)).start()
    for server in servers:
        server.stop()
    for server in servers:
        server.wait()
    for transport in transports:
        transport.cleanup()
    os._exit(0)


if __name__ == "__main__":
    main()
