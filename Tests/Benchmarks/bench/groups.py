"""The groups of the suite. Each is a function of what it needs; the table at the end says what that is."""
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass

from . import broker as brokers
from . import counts
from .databases import Database, discovery
from .processes import Service, run
from .results import US
from .suite import Case, Measure
from .traffic import casts, consuming, notifications, rpc, scaling
from .world import Servers


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


def watch(world):
    """`switchboard watch` over a simulated cloud: what a sweep costs, and whether it tells each fault and nothing else."""
    cells, hosts, sweeps, interval = world.count(70, 10), world.count(100, 20), world.count(30, 3), world.count(60, 10)
    command = [
        world.programs("watch-bench"), world.programs("switchboard"), cells, hosts, sweeps, interval, world.count(50, 25),
    ]
    world.suite.run("watch", [
        Case(f"{cells} cells of {hosts} hosts, a sweep every {interval} s", [
            Measure(US, command, limit=(sweeps + 10) * interval + 1200),
        ]),
    ])


def record(world):
    """`switchboard record` and `replay`: whether all messages come to another broker, in order, and what one costs."""
    other = brokers.Broker()
    try:
        count, rate = world.count(1_000_000, 20_000), 8000
        command = [
            world.programs("record-bench"), world.programs("switchboard"), world.broker.url, other.url, count, rate,
        ]
        world.suite.run("record", [
            Case(f"{count:,} casts, {rate:,} a second", [Measure(US, command, limit=count / rate * 5 + 120)]),
        ])
    finally:
        other.stop()


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


def directory(world):
    """Look-ups in Nova's tables on a MariaDB server of one's own, over TCP; and hosts that cells have and the mappings lack."""
    rows, programs = world.count(1_000_000, 100_000), world.programs
    with Database() as database:
        place = [*database.place, rows]
        us = programs("directory-bench")
        run([us, "fill", database.url, rows, 200], limit=1200)
        cases = []
        for tasks, count in ((1, world.count(20_000, 5000)), (64, world.count(100_000, 20_000))):
            nova = programs.nova("nova_mappings.py", database.url, rows, tasks, count // 10)
            cases.append(Case(f"look-ups among {rows:,} instances, {tasks} outstanding", [
                Measure(US, [us, "lookup", database.url, rows, tasks, count]),
                Measure("c libmariadb", [programs("mariadb_floor"), *place, min(tasks, 64), count]),
                Measure("nova", nova),
            ]))
        world.suite.run("directory", cases)
        discovery(world, database)


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
    "directory": Group(
        directory, None, ("librabbitmq-dev", "libsqlite3-dev", "mariadb-server", "libmariadb-dev"), ("nova",)),
    "lines": Group(lines, 200, PEER_PACKAGES),
    "reconnect": Group(reconnect, 200, PEER_PACKAGES, ("bench",)),
    "stall": Group(stall, 0, PEER_PACKAGES),
    "watch": Group(watch, None, (*PEER_PACKAGES, "libsqlite3-dev")),
    "record": Group(record, 0, (*PEER_PACKAGES, "libsqlite3-dev")),
    "in-process": Group(in_process, None, ("librabbitmq-dev",), ("bench",)),
    "spool": Group(spool, None, ("librabbitmq-dev",), ("bench",)),
    "json": Group(json, None, ("librabbitmq-dev",), ("bench",)),
    "scaling": Group(scaling, 200, PEER_PACKAGES),
    "start-up": Group(startup, None, ("librabbitmq-dev", "libsqlite3-dev", "binutils"), ("bench", "nova")),
    "counts": Group(per_operation, None, ("librabbitmq-dev", "valgrind")),
}
