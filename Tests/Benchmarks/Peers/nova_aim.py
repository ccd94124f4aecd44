#!/usr/bin/env python3
"""What aiming at a cell costs in Nova, with the cell's mapping in hand: target_cell, cached, and what a call needs next.

    nova_aim.py N        opens no connection. Prints one figure a line, in microseconds.
"""
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import oslo_messaging  # noqa: E402
from oslo_messaging import transport as oslo_transport  # noqa: E402
from oslo_utils import uuidutils  # noqa: E402

import nova.conf  # noqa: E402
from nova import config  # noqa: E402,F401
from nova import context  # noqa: E402
from nova import objects  # noqa: E402
from nova import rpc  # noqa: E402

from bench_peer import figure  # noqa: E402

URL = "rabbit://guest:guest@127.0.0.1:5672/cell1"


def measure(metric, count, once):
    once()
    start = time.perf_counter()
    for _ in range(count):
        once()
    figure(metric, (time.perf_counter() - start) / count * 1e6, "us")


def main():
    count = int(sys.argv[1])
    conf = nova.conf.CONF
    conf([], project="nova", default_config_files=[])
    for group in ("api_database", "database"):
        conf.set_override("connection", "sqlite://", group=group)
    conf.register_opts(oslo_transport._transport_opts)
    conf.set_override("transport_url", URL)
    objects.register_all()
    rpc.init(conf)
    cell = objects.CellMapping(
        id=1, uuid=uuidutils.generate_uuid(), name="cell1", transport_url=URL, database_connection="sqlite://",
        disabled=False)
    request = context.RequestContext("user", "project", is_admin=True)

    def aim():
        with context.target_cell(request, cell):
            pass

    measure("time", count, aim)
    target = oslo_messaging.Target(topic="compute", version="6.0")
    router = rpc.ClientRouter(rpc.get_client(target, version_cap="6.0"))
    with context.target_cell(request, cell) as targeted:
        measure("client and prepare", count, lambda: router.client(targeted).prepare(server="host", version="6.0"))


if __name__ == "__main__":
    main()
