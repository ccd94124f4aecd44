#!/usr/bin/env python3
"""Cells of a real Nova: a nova-conductor in each, and a nova-compute with a fake hypervisor where one is asked for.

    nova_cell.py --directory DIR --cell NAME=URL... [--compute NAME=HOST]...

URL is an AMQP virtual host of the cell's own; the cell's database is a SQLite file. There is no Keystone, and instead of
Placement a stub of it, in memory, at a free port of 127.0.0.1. Nor is there an API database, which the services of a
cell have no access to in a deployment of several cells either.

Prints `ready` once every service answered over its queue. The command `logs` returns the ends of the services' logs.
All services end when the input closes.
Needs the packages of requirements.txt.
"""
import argparse
import ctypes
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from urllib import parse

from peer import commands, configure, describe, emit

from oslo_context import context as oslo_context
import oslo_messaging

SYNC_LIMIT = 240  # seconds, as all of these: a first start reads all of Nova from a cold disk
START_LIMIT = 240
LOG_TAIL = 3000  # bytes


class Placement:
    """As much of the Placement API as a compute host needs to register itself and its inventory."""

    def __init__(self):
        self.providers = {}
        self.traits = set()
        self.lock = threading.Lock()
        placement = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size) or b"null")
                url = parse.urlsplit(self.path)
                with placement.lock:
                    code, result = placement.handle(self.command, url.path, dict(parse.parse_qsl(url.query)), body)
                data = b"" if result is None else json.dumps(result).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                # What was asked for is what is given: a client refuses an answer in another version.
                self.send_header("OpenStack-API-Version", self.headers.get("OpenStack-API-Version", "placement 1.0"))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_DELETE = answer

            def log_message(self, format, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handle(self, verb, path, query, body):
        """The status and body that a request is answered with."""
        words = path.strip("/").split("/")
        if words == [""]:
            version = {"id": "v1.0", "min_version": "1.0", "max_version": "1.39", "status": "CURRENT"}
            return 200, {"versions": [dict(version, links=[{"rel": "self", "href": ""}])]}
        if words == ["resource_providers"]:
            return self.register(body) if verb == "POST" else (200, {"resource_providers": self.find(query)})
        if words[0] == "resource_providers":
            provider = self.providers.get(words[1])
            if provider is None:
                return 404, {"errors": [{"status": 404, "title": "Not Found", "detail": "No such provider."}]}
            return self.handle_provider(verb, provider, words[2:], body)
        if words[0] == "traits":
            if verb == "PUT":
                self.traits.add(words[1])
                return 201, None
            wanted = query.get("name", "in:").removeprefix("in:").split(",")
            return 200, {"traits": sorted(self.traits.intersection(wanted))}
        if words[0] == "resource_classes":
            return 204, None
        if words[0] == "allocations":
            return (200, {"allocations": {}}) if verb == "GET" else (204, None)
        return 404, {"errors": [{"status": 404, "title": "Not Found", "detail": path}]}

    def register(self, body):
        uuid = body["uuid"]
        self.providers[uuid] = {
            "record": {
                "uuid": uuid,
                "name": body["name"],
                "generation": 0,
                "root_provider_uuid": body.get("root_provider_uuid") or uuid,
                "parent_provider_uuid": body.get("parent_provider_uuid"),
            },
            "inventories": {},
            "traits": [],
            "aggregates": [],
        }
        return 200, self.providers[uuid]["record"]

    def find(self, query):
        """All of a tree, or the one of a name; sharing providers, which are asked for by aggregate, do not exist."""
        records = [provider["record"] for provider in self.providers.values()]
        if "in_tree" in query:
            tree = {r["root_provider_uuid"] for r in records if r["uuid"] == query["in_tree"]}
            return [record for record in records if record["root_provider_uuid"] in tree]
        return [record for record in records if record["name"] == query.get("name")]

    def handle_provider(self, verb, provider, words, body):
        record = provider["record"]
        if not words:
            return 200, record
        (what,) = words
        if verb == "PUT":
            provider[what] = body[what]
            record["generation"] += 1
        generation = {"resource_provider_generation": record["generation"]}
        return 200, {what: provider.get(what, {}), **generation}


class Service:
    """A process of Nova's, which does not outlive this one, and its log."""

    def __init__(self, name, configuration, *arguments):
        self.name = name
        self.log = f"{configuration}.{name}.log"
        program = os.path.join(os.path.dirname(sys.executable), name)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, program, "--config-file", configuration, *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=self.die_with_us)

    @staticmethod
    def die_with_us():
        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def tail(self):
        with open(self.log, "rb") as log:
            log.seek(max(0, os.path.getsize(self.log) - LOG_TAIL))
            return log.read().decode(errors="replace")

    def end(self):
        """Kills the process and its workers. Nothing of theirs is kept, so there is nothing to be put in order."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Cell:
    def __init__(self, directory, name, url, compute_host):
        self.name = name
        self.url = url
        self.compute_host = compute_host
        self.host = compute_host or f"{name}-host"
        self.database = os.path.join(directory, f"{name}.sqlite")
        self.configuration = os.path.join(directory, f"{name}.conf")
        self.state = os.path.join(directory, name)
        self.services = []
        os.makedirs(self.state)

    def write_configuration(self, placement):
        with open(self.configuration, "w") as file:
            file.write(f"""
[DEFAULT]
transport_url = {self.url}
host = {self.host}
my_ip = 127.0.0.1
state_path = {self.state}
concurrency_backend = threading
compute_driver = fake.MediumFakeDriver
default_log_levels = amqp=WARN,oslo.messaging=INFO

[database]
connection = sqlite:///{self.database}

[conductor]
workers = 1

[oslo_concurrency]
lock_path = {self.state}

[placement]
auth_type = none
endpoint = {placement.url}
endpoint_override = {placement.url}
""")

    def make_database(self, model):
        """Makes the cell's tables, or copies them from a cell that has them: making them takes a while."""
        if model is not None:
            shutil.copyfile(model.database, self.database)
            return
        sync = Service("nova-manage", self.configuration, "db", "sync", "--local_cell")
        try:
            code = sync.process.wait(SYNC_LIMIT)
        except subprocess.TimeoutExpired:
            code = None
        if code != 0:
            raise RuntimeError(f"nova-manage db sync ended with {code}:\n{sync.tail()}")

    def start(self, name):
        service = Service(name, self.configuration)
        self.services.append(service)
        return service

    def wait_until_answers(self, service, topics):
        """Asks over the cell's queue, as any client of Nova's base API would, until the service answers."""
        deadline = time.monotonic() + START_LIMIT
        transport = oslo_messaging.get_rpc_transport(configuration, self.url)
        try:
            for topic in topics:
                target = oslo_messaging.Target(exchange="nova", topic=topic, namespace="baseapi", version="1.0")
                client = oslo_messaging.get_rpc_client(transport, target, timeout=1)
                context = oslo_context.RequestContext(overwrite=False)
                while True:
                    try:
                        client.prepare(server=self.host).call(context.to_dict(), "ping", arg="ready?")
                        break
                    except oslo_messaging.MessagingTimeout:
                        pass
                    if service.process.poll() is not None:
                        raise RuntimeError(f"{service.name} of {self.name} has ended.")
                    if time.monotonic() > deadline:
                        raise RuntimeError(f"{service.name} of {self.name} does not answer on {topic}.")
        finally:
            transport.cleanup()


def start(cells, placement):
    model = None
    for cell in cells:
        cell.write_configuration(placement)
        cell.make_database(model)
        model = model or cell
    conductors = [cell.start("nova-conductor") for cell in cells]
    for cell, conductor in zip(cells, conductors):
        cell.wait_until_answers(conductor, ["conductor"])
        if cell.compute_host:
            cell.start("nova-compute")
    for cell in cells:
        if cell.compute_host:
            cell.wait_until_answers(cell.services[-1], ["compute", "compute-alt"])


def logs(cells):
    return "\n".join(
        f"== {service.name} of {cell.name}\n{service.tail()}" for cell in cells for service in cell.services)


def serve(cells):
    for command in commands():
        if command["do"] == "logs":
            emit(event="answer", id=command["id"], result=logs(cells))
        else:
            emit(event="answer", id=command["id"], error=describe(ValueError(f"no such command: {command['do']}")))


def pair(text):
    name, separator, value = text.partition("=")
    if not separator or not re.fullmatch(r"[a-z0-9-]+", name):
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    return name, value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--cell", type=pair, action="append", required=True)
    parser.add_argument("--compute", type=pair, action="append", default=[])
    options = parser.parse_args()
    computes = dict(options.compute)
    cells = [Cell(options.directory, name, url, computes.get(name)) for name, url in options.cell]
    global configuration
    configuration = configure([])
    try:
        start(cells, Placement())
        emit(event="ready")
        serve(cells)
    except Exception:
        traceback.print_exc()
        print(logs(cells), file=sys.stderr)
        sys.exit(1)
    finally:
        for cell in cells:
            for service in cell.services:
                service.end()


if __name__ == "__main__":
    main()
