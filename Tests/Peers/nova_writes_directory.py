#!/usr/bin/env python3
"""Writes mappings through Nova's own objects, from several threads at once.

    nova_writes_directory.py CONNECTION --cells UUID,UUID,… --writers N --mappings N --first N

CONNECTION is what `[api_database] connection` would be. Each writer creates so many mappings of instances, of which the
UUIDs end in numbers from --first on, each in the cell that its number stands for, and a host for every tenth.
Prints how many it made. Needs the packages of requirements.txt.
"""

import argparse
import logging
import os
import threading
import traceback
import warnings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("connection")
    parser.add_argument("--cells", required=True)
    parser.add_argument("--writers", type=int, required=True)
    parser.add_argument("--mappings", type=int, required=True)
    parser.add_argument("--first", type=int, required=True)
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
    os.environ["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "true"

    import oslo_messaging
    import nova.conf
    from nova import context as nova_context
    from nova import objects
    from nova.db.api import api as api_database

    conf = nova.conf.CONF
    conf([], project="nova", default_config_files=[])
    conf.set_override("connection", options.connection, group="api_database")
    oslo_messaging.TransportURL.parse(conf, "rabbit://")  # registers the option
    conf.set_override("transport_url", "rabbit://")
    conf.set_override("max_pool_size", options.writers, group="api_database")
    api_database.configure(conf)
    objects.register_all()
    context = nova_context.get_admin_context()
    cells = [objects.CellMapping.get_by_uuid(context, uuid) for uuid in options.cells.split(",")]
    made = [0] * options.writers
    failures = []

    def write(writer):
        own = nova_context.get_admin_context()
        try:
            for index in range(options.mappings):
                number = options.first + writer * options.mappings + index
                cell = cells[number % len(cells)]
                objects.InstanceMapping(
                    context=own, instance_uuid="10000000-0000-4000-8000-%012d" % number, cell_mapping=cell,
                    project_id="nova-%d" % writer, user_id="u", queued_for_delete=False).create()
                if index % 10 == 0:
                    objects.HostMapping(context=own, host="nova-host-%d" % number, cell_mapping=cell).create()
                made[writer] += 1
        except Exception:
            failures.append(traceback.format_exc())

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(options.writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(failures[0])
    print(sum(made))


if __name__ == "__main__":
    main()
