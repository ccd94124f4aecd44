#!/usr/bin/env python3
"""Look-ups of instances as Nova does them: InstanceMapping.get_by_instance_uuid, with SQLAlchemy and PyMySQL.

    nova_mappings.py URL ROWS THREADS N    N look-ups in all. Prints one figure a line.
"""
import random
import sys
import warnings

warnings.filterwarnings("ignore")

from oslo_messaging import transport as oslo_transport  # noqa: E402

import nova.conf  # noqa: E402
from nova import config  # noqa: E402,F401
from nova import context  # noqa: E402
from nova import objects  # noqa: E402
from nova.db.api import api as db_api  # noqa: E402

from bench_peer import measure  # noqa: E402


def main():
    url, rows, threads, count = sys.argv[1], *map(int, sys.argv[2:5])
    conf = nova.conf.CONF
    conf([], project="nova", default_config_files=[])
    # Mappings' URLs are templates, filled in from the process's own.
    conf.register_opts(oslo_transport._transport_opts)
    conf.set_override("connection", url, group="api_database")
    conf.set_override("max_pool_size", threads, group="api_database")
    db_api.configure(conf)
    objects.register_all()
    request = context.get_admin_context()

    def look():
        uuid = f"10000000-0000-4000-8000-{random.randrange(rows):012d}"
        assert objects.InstanceMapping.get_by_instance_uuid(request, uuid).cell_mapping.name

    look()
    measure(count, threads, look)


if __name__ == "__main__":
    main()
