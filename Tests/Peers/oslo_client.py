#!/usr/bin/env python3
"""An unmodified oslo.messaging RPC client.

    oslo_client.py --url URL [--allow MODULE]... [--option group.name=value]...

Each command is a line {"id": 1, "do": "call", "topic": …, "server": …, "fanout": true, "exchange": …, "namespace": …,
"version": …, "method": …, "arguments": {…}, "context": {…}, "timeout": 5, "monitor": 2, "cap": "1.3", "mandatory": true} with "do" one of
call, cast, ping, calls. "calls" makes "count" calls by as many "threads" and gives how many were answered and failed. Commands run at once, each in a thread; each is answered by {"event": "answer", "id": 1, "result": …} or
{…, "error": {"class": …, "module": …, "message": …, "bases": [...]}}. Ends when its input closes.
"""
import argparse
import os
import threading

import oslo_messaging
import peer


def perform(transport, command):
    client = oslo_messaging.get_rpc_client(
        transport, peer.target(command), timeout=command.get("timeout", 10),
        call_monitor_timeout=command.get("monitor"), version_cap=command.get("cap"),
        transport_options=oslo_messaging.TransportOptions(at_least_once=command.get("mandatory", False)))
    context = command.get("context", {})
    if command["do"] == "ping":
        return transport._send(
            peer.target(command), context, {"method": "oslo_rpc_server_ping", "args": {}}, wait_for_reply=True,
            timeout=command.get("timeout", 10))
    if command["do"] == "calls":
        return perform_many(client, context, command)
    send = client.call if command["do"] == "call" else client.cast
    return send(context, command["method"], **command.get("arguments", {}))


def perform_many(client, context, command):
    numbers = iter(range(command["count"]))
    outcomes = {"answered": 0, "failed": 0}
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                client.call(context, command["method"], value=number)
                outcome = "answered"
            except Exception:
                outcome = "failed"
            with lock:
                outcomes[outcome] += 1

    threads = [threading.Thread(target=work, daemon=True) for _ in range(command["threads"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def answer(transport, command):
    try:
        result = perform(transport, command)
    except Exception as error:
        peer.emit(event="answer", id=command["id"], error=peer.describe(error))
    else:
        peer.emit(event="answer", id=command["id"], result=result)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--allow", action="append", default=[])
    parser.add_argument("--option", action="append", default=[])
    arguments = parser.parse_args()

    conf = peer.configure(arguments.option)
    transport = oslo_messaging.get_rpc_transport(
        conf, url=arguments.url, allowed_remote_exmods=arguments.allow)
    peer.emit(event="ready")
    for command in peer.commands():
        threading.Thread(target=answer, args=(transport, command), daemon=True).start()
    threading.Timer(5, lambda: os._exit(0)).start()
    transport.cleanup()
    os._exit(0)


if __name__ == "__main__":
    main()
