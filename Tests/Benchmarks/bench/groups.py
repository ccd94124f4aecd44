"""The groups of the suite. Each is a function of what it needs; the table at the end says what that is."""
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass

from . import broker as brokers
from . import counts
from .processes import Service, run
from .programs import PEERS
from .results import IN_PLACE, SAME, US
from .suite import Case, Measure

SIZES = {"1 KiB": 1024, "16 KiB": 16384}
# What is in the messages of the group's programs with 1 KiB of payload: a notification and a cast have a request context
# and the escapes of the inner JSON too; of a call it is the mean of request and reply.
NOTIFICATION_BYTES = 2237
CAST_BYTES = 2110
CALL_BYTES = (2240 + 1227) // 2


@dataclass
class World:
    """What a group runs in."""
    programs: object
    suite: object
    broker: object
    quick: bool

    def count(self, full, quick=None):
        return (quick or max(1, full // 8)) if self.quick else full


def floor(world, io, mode, *options):
    return [world.programs("amqp_floor"), mode, world.broker.amqp_url, f"io={io}", *options]


class Servers:
    """The answering sides of the RPC peers."""

    def __init__(self, world, whos):
        url, amqp, programs = world.broker.url, world.broker.amqp_url, world.programs
        commands = {
            US: lambda: [programs("rpc-bench"), "serve", url],
            f"{US}, typed": lambda: None,
            IN_PLACE: lambda: [programs("rpc-bench"), "serve", url, "in-place"],
            "c lib": lambda: floor(world, "lib", "echo", "queue=lib"),
            "c codec": lambda: floor(world, "codec", "echo", "queue=codec"),
            SAME: lambda: floor(world, "lib", "echo", "queue=same"),
            "oslo.messaging": lambda: programs.peer("oslo_bench.py", "serve", url),
            "go amqp091": lambda: [programs("go-bench"), "serve", amqp],
            "pika": lambda: programs.peer("pika_bench.py", "serve", amqp),
        }
        self.services = {}
        try:
            for who in whos:
                command = commands[who]()
                if command:
                    self.services[who] = Service(command)
        except BaseException:
            self.end()
            raise

    def __getitem__(self, who):
        return self.services.get(who) or self.services[US]

    def end(self):
        for service in self.services.values():
            service.end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


RPC_PEERS = [US, f"{US}, typed", IN_PLACE, "c lib", "c codec", SAME, "oslo.messaging", "go amqp091", "pika"]


def rpc_measure(world, servers, who, outstanding, size, mode="call"):
    url, amqp, programs = world.broker.url, world.broker.amqp_url, world.programs
    count = {1: world.count(3000, 400)}.get(outstanding, world.count(20_000, 3000))
    if who == "oslo.messaging":
        # A thread for each call; more of them make it slower.
        count = {1: world.count(600, 100)}.get(outstanding, world.count(1500, 300))
        command = programs.peer("oslo_bench.py", mode, url, count, min(outstanding, 32), size)
        return Measure(who, command, service=servers and servers[who], operations=count)
    if who == "pika":
        count = {1: world.count(1500, 300)}.get(outstanding, world.count(5000, 1000))
    numbers = [count, outstanding, size]
    command = {
        US: lambda: [programs("rpc-bench"), mode, url, *numbers],
        f"{US}, typed": lambda: [programs("rpc-bench"), mode, url, *numbers, "typed"],
        IN_PLACE: lambda: [programs("rpc-bench"), mode, url, *numbers, "in-place"],
        "c lib": lambda: floor(
            world, "lib", "rpc", "queue=lib", f"n={count}", f"window={outstanding}", f"body={size}"),
        "c codec": lambda: floor(
            world, "codec", "rpc", "queue=codec", f"n={count}", f"window={outstanding}", f"body={size}"),
        SAME: lambda: floor(
            world, "lib", "rpc", "queue=same", f"n={count}", f"window={outstanding}", f"body={size - 1024 + CALL_BYTES}"),
        "go amqp091": lambda: [programs("go-bench"), "call", amqp, *numbers],
        "pika": lambda: programs.peer("pika_bench.py", "call", amqp, *numbers),
    }[who]()
    # They warm up with a tenth of it.
    return Measure(who, command, service=servers and servers[who], operations=count + count // 10)


def rpc(world):
    with Servers(world, RPC_PEERS) as servers:
        world.suite.run("rpc", [
            Case(f"{outstanding} outstanding, {size}", [
                rpc_measure(world, servers, who, outstanding, SIZES[size]) for who in RPC_PEERS
            ])
            for size in (["1 KiB"] if world.quick else SIZES) for outstanding in (1, 64, 512)
        ])


def casts(world):
    url, amqp, programs = world.broker.url, world.broker.amqp_url, world.programs

    def case(window, size):
        count = world.count(40_000, 8000) if window > 1 else world.count(4000, 500)
        plain = [f"n={count}", f"window={window}", f"body={SIZES[size]}"]
        oslo = world.count(3000, 600) if window > 1 else world.count(600, 150)
        return Case(f"{window} under way, {size}", [
            Measure(US, [programs("rpc-bench"), "cast", url, count, window, SIZES[size]]),
            Measure(f"{US}, typed", [programs("rpc-bench"), "cast", url, count, window, SIZES[size], "typed"]),
            Measure(IN_PLACE, [programs("rpc-bench"), "cast", url, count, window, SIZES[size], "in-place"]),
            Measure("c lib", floor(world, "lib", "publish", "queue=p-lib", *plain)),
            Measure("c codec", floor(world, "codec", "publish", "queue=p-codec", *plain)),
            Measure(SAME, floor(world, "lib", "publish", "queue=p-same", f"n={count}", f"window={window}",
                                f"body={SIZES[size] - 1024 + CAST_BYTES}")),
            Measure("oslo.messaging",
                    programs.peer("oslo_bench.py", "cast", url, oslo, min(window, 32), SIZES[size])),
            Measure("go amqp091", [programs("go-bench"), "publish", amqp, count, window, SIZES[size]]),
            Measure("pika", programs.peer("pika_bench.py", "publish", amqp, count, window, SIZES[size])),
        ])

    # Nobody takes them; but oslo.messaging's casts need a server that has declared their queue.
    with Servers(world, ["oslo.messaging"]):
        world.suite.run("casts", [case(window, size) for size in (["1 KiB"] if world.quick else SIZES)
                                  for window in (1, 1000)])


def notifications(world):
    url, programs = world.broker.url, world.programs
    count, size = world.count(40_000, 8000), 1024
    oslo = world.count(3000, 600)
    plain = [f"n={count}", f"body={size}"]
    # The same job on the wire: as many bytes as a notification of 1 KiB has there, through the same kind of exchange.
    same = [f"n={count}", f"body={NOTIFICATION_BYTES}", "exchange=bench-same"]

    def through(who, io, queue, options):
        # Two programs, as sender and listener are.
        return Measure(
            who, floor(world, io, "drain", queue, "prefetch=400", *options),
            beside=floor(world, io, "publish", queue, "window=500", "keep=yes", *options))

    world.suite.run("notifications", [
        Case("send, 100 under way", [
            Measure(US, [programs("notify-bench"), "send", url, count, 100, size]),
            Measure(IN_PLACE, [programs("notify-bench"), "send", url, count, 100, size, "in-place"]),
            *(Measure(f"c {io}", floor(world, io, "publish", f"queue=s-{io}", "window=100", *plain))
              for io in ("lib", "codec")),
            Measure(SAME, floor(world, "lib", "publish", "queue=s-same", "window=100", *same)),
            Measure("oslo.messaging", programs.peer("oslo_bench.py", "notify", url, oslo, 32, size)),
        ]),
        Case("listen, batches of 100", [
            Measure(US, [programs("notify-bench"), "listen", url, count, 100, size]),
            Measure(IN_PLACE, [programs("notify-bench"), "listen", url, count, 100, size, "in-place"]),
            *(Measure(f"c {io}", floor(world, io, "consume", f"queue=l-{io}", "prefetch=400", *plain))
              for io in ("lib", "codec")),
            Measure(SAME, floor(world, "lib", "consume", "queue=l-same", "prefetch=400", *same)),
            Measure("oslo.messaging", programs.peer("oslo_bench.py", "listen", url, oslo, 100, size)),
        ]),
        Case("through, batches of 100", [
            Measure(US, [programs("notify-bench"), "through", url, count, 100, size]),
            Measure(IN_PLACE, [programs("notify-bench"), "through", url, count, 100, size, "in-place"]),
            *(through(f"c {io}", io, f"queue=t-{io}", plain) for io in ("lib", "codec")),
            through(SAME, "lib", "queue=t-same", same),
        ]),
    ])


def consuming(world):
    url, amqp, programs = world.broker.url, world.broker.amqp_url, world.programs
    count, size = world.count(40_000, 8000), 1024
    world.suite.run("consuming", [
        Case(f"prefetch {prefetch}, 1 KiB", [
            Measure(US, [programs("rpc-bench"), "take", url, count, prefetch, size]),
            *(Measure(f"c {io}", floor(
                world, io, "consume", f"queue=c-{io}", f"n={count}", f"prefetch={prefetch}", f"body={size}"))
              for io in ("lib", "codec")),
            Measure("go amqp091", [programs("go-bench"), "consume", amqp, count, prefetch, size]),
            Measure("pika", programs.peer("pika_bench.py", "consume", amqp, count, prefetch, size)),
        ]) for prefetch in (100, 1000)
    ])


def aiming(world):
    url, programs = world.broker.url, world.programs
    in_hand, rows = "mapping in hand", world.count(1_000_000, 100_000)
    aims = {
        "aim_in_hand_us": (in_hand, US, "time", "us"),
        "growth_mib": (in_hand, US, "growth over all", "MiB"),
        "aim_copy_us": (in_hand, f"{US}, a copy alone", "time", "us"),
        "aim_by_instance_in_memory_us": ("by instance, in memory", US, "time", "us"),
    }
    looked_up = f"by instance, SQLite, {rows:,} mappings"
    looks = {
        "lookup_us": (looked_up, f"{US}, look-up alone", "time", "us"),
        "aim_by_instance_in_sqlite_us": (looked_up, US, "time", "us"),
        "listing_growth_mib": (looked_up, US, "growth by listing all", "MiB"),
    }
    each = {"transport_per_message_us": ("time", "us")}
    with Servers(world, [US, "oslo.messaging"]):
        world.suite.run("aiming", [
            Case(in_hand, [
                Measure(US, [programs("cells-bench"), "aim", world.count(100_000, 20_000)], aims),
                Measure("nova", programs.nova("nova_aim.py", world.count(3000, 500))),
            ]),
            Case(looked_up, [
                Measure(US, [programs("cells-bench"), "lookup", rows, world.count(100_000, 10_000)], looks),
            ]),
            Case("a transport for each message", [
                Measure(US, [programs("cells-bench"), "transports", url, world.count(90, 18)], each),
                Measure("oslo.messaging", programs.peer("oslo_bench.py", "fresh", url, world.count(100, 20), 1024)),
            ]),
        ])


def cells(world):
    """Tasks that call at random into many cells, through a directory of more."""
    alive = world.count(200, 50)
    fields = {
        "per_s": ("rate", "1/s"), "p50_us": ("p50", "us"), "p99_us": ("p99", "us"), "max_us": ("longest", "us"),
        "memory_for_lines_mib": ("memory for the lines", "MiB"), "threads": ("threads", ""),
    }
    broker = brokers.Broker([f"cells-bench-{number}" for number in range(alive)])
    try:
        command = [
            world.programs("cells-bench"), "lines", broker.server_url, 1000, alive, 64, world.count(40_000, 10_000),
        ]
        world.suite.run("cells", [Case(f"1000 cells, {alive} lines, 64 tasks", [Measure(US, command, fields)])])
    finally:
        broker.stop()


def lines(world):
    def measure(count):
        command = [world.programs("lines-bench"), "lines", world.broker.url, count]

        def call():
            service = Service(command)
            service.end()
            return service.figures

        return Measure(US, command, call=call)

    world.suite.run("lines", [Case(f"{count} line{'s'[:count > 1]}", [measure(count)]) for count in (1, 50, 200)])


def reconnect(world):
    """The broker is killed; somebody counts who knocks; it comes back, and the time is taken until all lines answer."""
    count, oslo_count = world.count(200, 50), world.count(50, 10)
    commands = {
        US: ([world.programs("lines-bench"), "lines", world.broker.url, count], count),
        "oslo.messaging": (world.programs.peer("oslo_bench.py", "lines", world.broker.url, oslo_count), oslo_count),
    }

    def call(command, count):
        service = Service(command)
        try:
            world.broker.kill()
            dead = brokers.DeadPort(world.broker.port)
            time.sleep(10)
            attempts = dead.close()
            world.broker.run()
            figures = service.ask("reconnect", "reconnect")
        finally:
            service.end()
        return figures + [
            {"metric": "attempts per line", "value": attempts / count, "unit": "1/s"},
            {"metric": "lines", "value": count, "unit": ""},
        ]

    world.suite.run("reconnect", [Case("a broker that was away for 10 s", [
        Measure(who, command, call=lambda command=command, count=count: call(command, count))
        for who, (command, count) in commands.items()
    ])])


def stall(world):
    other = brokers.Broker()
    try:
        command = [world.programs("lines-bench"), "stall", world.broker.url, other.url]

        def call():
            service = Service(command)
            try:
                figures = service.ask("before", "p99 before")
                world.broker.pause()
                try:
                    figures += service.ask("during", "p99 during")
                finally:
                    world.broker.resume()
            finally:
                service.end()
            return figures

        world.suite.run("stall", [Case("one of two brokers stopped", [Measure(US, command, call=call)])])
    finally:
        other.stop()


def in_process(world):
    programs = world.programs
    many, one = "64 outstanding, 100 bytes", "1 outstanding, 100 bytes"
    ours = {
        f"{key}_{number}": (case, US, metric, unit)
        for number, case in ((64, many), (1, one))
        for key, metric, unit in (("calls_per_s", "rate", "1/s"), ("p50_us", "p50", "us"), ("p99_us", "p99", "us"))
    }
    count = world.count(200_000, 40_000)
    world.suite.run("in process", [
        Case(many, [
            Measure(US, [programs("inprocess-bench"), count], ours, exits=(0, 1)),
            Measure("oslo.messaging fake", programs.peer(
                "oslo_bench.py", "call", "fake://", world.count(2000, 300), 32, 100)),
        ]),
        Case(one, [
            Measure("oslo.messaging fake", programs.peer(
                "oslo_bench.py", "call", "fake://", world.count(500, 100), 1, 100)),
        ]),
        Case("a queue, 1 KiB", [Measure("kombu memory", programs.peer("kombu_bench.py", world.count(20_000), 1024))]),
    ])


def spool(world):
    programs = world.programs
    directory = tempfile.mkdtemp(prefix="switchboard-bench-spool-")
    try:
        command = [
            programs("spool-bench"), directory, "--json", "--backlog", world.count(1_000_000, 50_000), "--peers",
            *programs.peer("spool_peers.py"), "--rpc-bench", programs("rpc-bench"),
        ]
        # It has rounds of its own.
        rounds, world.suite.rounds = world.suite.rounds, 1
        try:
            world.suite.run("spool", [Case("spool", [Measure(US, command, exits=(0, 1), limit=3600)])])
        finally:
            world.suite.rounds = rounds
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def json(world):
    programs, seconds = world.programs, world.count(3, 1)
    case = "a call of 1 KiB"
    ours = {
        "us": (case, US, "encode and decode", "us"),
        "foundation_us": (case, "Foundation", "encode and decode", "us"),
    }
    world.suite.run("json", [
        Case(case, [Measure(US, [programs("json-bench"), seconds], ours, exits=(0, 1))]),
        *(Case(f"arguments of {size} bytes, both layers", [
            Measure(US, [programs("json-size-bench"), size, world.count(20_000, 2000)]),
            Measure("python json", programs.peer("json_bench.py", size, world.count(20_000, 2000))),
        ]) for size in (100, 1024, 16_384)),
    ])


def scaling(world):
    whos = [US, "c lib"]
    sizes = {"128 B": 128, "1 KiB": 1024, "4 KiB": 4096, "16 KiB": 16_384, "64 KiB": 65_536}
    outstanding = (1, 16, 256) if world.quick else (1, 4, 16, 64, 256, 1024)
    with Servers(world, whos) as servers:
        world.suite.run("scaling by outstanding", [
            Case(str(number), [rpc_measure(world, servers, who, number, 1024) for who in whos])
            for number in outstanding
        ])
        world.suite.run("scaling by size", [
            Case(size, [rpc_measure(world, servers, who, 64, sizes[size]) for who in whos])
            for size in (["128 B", "4 KiB", "64 KiB"] if world.quick else sizes)
        ])

    def burst(count):
        command = [world.programs("lines-bench"), "lines", world.broker.url, count]

        def call():
            service = Service(command)
            service.end()
            names = {"burst rate": "rate", "burst cpu": "client cpu", "rss, served": "client rss"}
            return [{**f, "metric": names[f["metric"]]} for f in service.figures if f["metric"] in names]

        return Measure(US, command, call=call)

    world.suite.run("scaling by lines", [
        Case(str(count), [burst(count)]) for count in ((1, 50, 200) if world.quick else (1, 10, 50, 100, 200))
    ])


def startup(world):
    program = world.programs("switchboard")
    stripped = f"{program}-stripped"

    def times(command):
        samples = []
        for _ in range(world.count(20, 5)):
            start = time.perf_counter()
            subprocess.run([str(part) for part in command], stdout=subprocess.DEVNULL, check=True)
            samples.append(time.perf_counter() - start)
        return [{"metric": "time", "value": sorted(samples)[len(samples) // 2] * 1000, "unit": "ms"}]

    def sizes():
        subprocess.run(["strip", "-o", stripped, str(program)], check=True)
        try:
            return [
                {"metric": "file", "value": os.path.getsize(program) / 2**20, "unit": "MiB"},
                {"metric": "stripped", "value": os.path.getsize(stripped) / 2**20, "unit": "MiB"},
            ]
        finally:
            os.unlink(stripped)

    world.suite.run("start-up", [
        Case("to the end of --help", [
            Measure(US, [], call=lambda: times([program, "--help"])),
            Measure("oslo.messaging, imported", [], call=lambda: times(
                [world.programs.python, "-W", "ignore", "-c", "import oslo_messaging"])),
            Measure("nova, imported", [], call=lambda: times(
                [world.programs.nova_python, "-W", "ignore", "-c", "import nova.rpc, nova.objects"])),
        ]),
        Case("size of the program", [Measure(US, [], call=sizes)]),
    ])


def per_operation(world):
    program, library = world.programs("counts-bench"), world.programs("count_allocations")
    world.suite.run("counts", [
        Case(case, [Measure(US, [], call=lambda mode=mode: counts.figures(program, library, mode))])
        for mode, case in counts.MODES.items()
    ])


@dataclass(frozen=True)
class Group:
    function: object
    # How many virtual hosts beside the first its broker has; None: it needs no broker.
    lines: int = None
    debian: tuple = ()
    venvs: tuple = ()


PEER_PACKAGES = ("librabbitmq-dev", "rabbitmq-server")
GO = ("golang-go", "golang-github-rabbitmq-amqp091-go-dev")

GROUPS = {
    "rpc": Group(rpc, 0, (*PEER_PACKAGES, *GO), ("bench",)),
    "casts": Group(casts, 0, (*PEER_PACKAGES, *GO), ("bench",)),
    "notifications": Group(notifications, 0, PEER_PACKAGES, ("bench",)),
    "consuming": Group(consuming, 0, (*PEER_PACKAGES, *GO), ("bench",)),
    "aiming": Group(aiming, 0, (*PEER_PACKAGES, "libsqlite3-dev"), ("bench", "nova")),
    "cells": Group(cells, None, (*PEER_PACKAGES, "libsqlite3-dev")),
    "lines": Group(lines, 200, PEER_PACKAGES),
    "reconnect": Group(reconnect, 200, PEER_PACKAGES, ("bench",)),
    "stall": Group(stall, 0, PEER_PACKAGES),
    "in-process": Group(in_process, None, ("librabbitmq-dev",), ("bench",)),
    "spool": Group(spool, None, ("librabbitmq-dev",), ("bench",)),
    "json": Group(json, None, ("librabbitmq-dev",), ("bench",)),
    "scaling": Group(scaling, 200, PEER_PACKAGES),
    "start-up": Group(startup, None, ("librabbitmq-dev", "libsqlite3-dev", "binutils"), ("bench", "nova")),
    "counts": Group(per_operation, None, ("librabbitmq-dev", "valgrind")),
}
