#!/usr/bin/env python3
"""What Nova's own objects see in a cell directory.

    nova_reads_directory.py CONNECTION [--transport-url URL] [--database-connection URL]

CONNECTION is what `[api_database] connection` would be: sqlite:///FILE or mysql+pymysql://….

Prints one JSON object: cells, instances, hosts, and the counts of each project. Needs `pip install nova`.
"""

import argparse
import json
import logging
import os
import sys
import warnings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("connection")
    parser.add_argument("--transport-url", default="rabbit://")
    parser.add_argument("--database-connection", default=None)
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
    os.environ["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "true"

    import oslo_messaging
    import nova.conf
    from nova import context as nova_context
    from nova import objects
    from nova.db.api import api as api_database
    from nova.db.api import models

    conf = nova.conf.CONF
    conf([], project="nova", default_config_files=[])
    conf.set_override("connection", options.connection, group="api_database")
    oslo_messaging.TransportURL.parse(conf, "rabbit://")  # registers the option
    conf.set_override("transport_url", options.transport_url)
    if options.database_connection:
        conf.set_override("connection", options.database_connection, group="database")
    api_database.configure(conf)
    objects.register_all()
    context = nova_context.get_admin_context()

    def moment(value):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f") if value else None

    def cell(mapping):
        return {
            "uuid": mapping.uuid,
            "name": mapping.name,
            "transport_url": mapping.transport_url,
            "database_connection": mapping.database_connection,
            "disabled": mapping.disabled,
            "is_cell0": mapping.is_cell0(),
            "created_at": moment(mapping.created_at),
            "updated_at": moment(mapping.updated_at),
        }

    cells = objects.CellMappingList.get_all(context)
    with api_database.context_manager.reader.using(context):
        uuids = [row.instance_uuid for row in context.session.query(models.InstanceMapping).all()]
        projects = sorted({row.project_id for row in context.session.query(models.InstanceMapping).all()})
    instances = {}
    for uuid in uuids:
        mapping = objects.InstanceMapping.get_by_instance_uuid(context, uuid)
        instances[uuid] = {
            "cell": mapping.cell_mapping.uuid if mapping.cell_mapping else None,
            "project_id": mapping.project_id,
            "user_id": mapping.user_id if "user_id" in mapping else None,
            "queued_for_delete": mapping.queued_for_delete,
        }
    hosts = {
        mapping.host: objects.HostMapping.get_by_host(context, mapping.host).cell_mapping.uuid
        for mapping in objects.HostMappingList.get_all(context)
    }
    json.dump(
        {
            "cells": [cell(mapping) for mapping in cells],
            "instances": instances,
            "hosts": hosts,
            "counts": {
                project: objects.InstanceMappingList.get_counts(context, project)["project"]["instances"]
                for project in projects
            },
            "cells_of_project": {
                project: sorted(c.uuid for c in objects.CellMappingList.get_by_project_id(context, project))
                for project in projects
            },
        },
        sys.stdout,
        indent=2,
        sort_keys=True,
    )
    print()


if __name__ == "__main__":
    main()
