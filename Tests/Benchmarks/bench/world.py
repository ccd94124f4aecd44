"""What a group runs in: programs, the suite, a broker, and the answering sides of the RPC peers."""
from dataclasses import dataclass

from .processes import Service
from .results import DIRECT, GO, IN_PLACE, SAME, US


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
            DIRECT: lambda: None,
            "c lib": lambda: floor(world, "lib", "echo", "queue=lib"),
            "c codec": lambda: floor(world, "codec", "echo", "queue=codec"),
            SAME: lambda: floor(world, "lib", "echo", "queue=same", "exchange=bench-same"),
            "oslo.messaging": lambda: programs.peer("oslo_bench.py", "serve", url),
            GO: lambda: [programs("go-bench"), "serve", amqp],
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
        return self.services.get(who) or self.services[IN_PLACE if who == DIRECT else US]

    def end(self):
        for service in self.services.values():
            service.end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
