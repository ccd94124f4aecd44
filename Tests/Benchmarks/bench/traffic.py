"""The groups that send through the broker beside the peers: calls, casts, notifications, taking, and their curves."""
from .processes import Service
from .results import DIRECT, GO, IN_PLACE, SAME, US
from .suite import Case, Measure
from .world import Servers, floor

SIZES = {"1 KiB": 1024, "16 KiB": 16384}
# What is in the messages of the group's programs with 1 KiB of payload: a notification and a cast have a request context
# and the escapes of the inner JSON too; of a call it is the mean of request and reply.
NOTIFICATION_BYTES = 2237
CAST_BYTES = 2110
CALL_BYTES = (2240 + 1227) // 2


RPC_PEERS = [US, f"{US}, typed", IN_PLACE, DIRECT, "c lib", "c codec", SAME, "oslo.messaging", GO, "pika"]


def direct(url):
    return f"{url}?rabbit_direct_requests=true"


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
        DIRECT: lambda: [programs("rpc-bench"), mode, direct(url), *numbers, "in-place", "plain"],
        "c lib": lambda: floor(
            world, "lib", "rpc", "queue=lib", f"n={count}", f"window={outstanding}", f"body={size}"),
        "c codec": lambda: floor(
            world, "codec", "rpc", "queue=codec", f"n={count}", f"window={outstanding}", f"body={size}"),
        SAME: lambda: floor(
            world, "lib", "rpc", "queue=same", "exchange=bench-same", f"n={count}", f"window={outstanding}",
            f"body={size - 1024 + CALL_BYTES}"),
        GO: lambda: [programs("go-bench"), "call", amqp, *numbers],
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

        def ours(who, url, *options):
            # The C program begins with an empty queue and leaves none: so do ours, or each cast would push another one
            # out of a full queue.
            return Measure(
                who, [programs("rpc-bench"), "cast", url, count, window, SIZES[size], *options],
                after=floor(world, "lib", "publish", "queue=bench-casts", "n=1"))

        return Case(f"{window} under way, {size}", [
            ours(US, url),
            ours(f"{US}, typed", url, "typed"),
            ours(IN_PLACE, url, "in-place"),
            ours(DIRECT, direct(url), "in-place", "plain"),
            Measure("c lib", floor(world, "lib", "publish", "queue=p-lib", *plain)),
            Measure("c codec", floor(world, "codec", "publish", "queue=p-codec", *plain)),
            Measure(SAME, floor(world, "lib", "publish", "queue=p-same", "exchange=bench-same", f"n={count}",
                                f"window={window}", f"body={SIZES[size] - 1024 + CAST_BYTES}")),
            Measure("oslo.messaging",
                    programs.peer("oslo_bench.py", "cast", url, oslo, min(window, 32), SIZES[size])),
            Measure(GO, [programs("go-bench"), "publish", amqp, count, window, SIZES[size]]),
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

    def send(who, *options):
        # As with casts: the C program leaves no queue, and a broker whose queues grow stops its publishers for a while.
        return Measure(
            who, [programs("notify-bench"), "send", url, count, 100, size, *options],
            after=floor(world, "lib", "publish", "queue=bench-notify-send.info", "n=1"))

    world.suite.run("notifications", [
        Case("send, 100 under way", [
            send(US),
            send(IN_PLACE, "in-place"),
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
            Measure(
                f"{US}, two programs", [programs("notify-bench"), "drain", url, count, 100, size],
                beside=[programs("notify-bench"), "fill", url, count, 500, size]),
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
            Measure(GO, [programs("go-bench"), "consume", amqp, count, prefetch, size]),
            Measure("pika", programs.peer("pika_bench.py", "consume", amqp, count, prefetch, size)),
        ]) for prefetch in (100, 1000)
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
