#!/usr/bin/env python3
"""What SQLAlchemy and PyMySQL make of a database's URLs.

Reads a JSON list of URLs, and prints a list with an object for each: what PyMySQL would be called with, or `error`.
Needs the packages of requirements.txt.
"""

import json
import sys

from sqlalchemy.engine import url as sqlalchemy_url


def describe(text):
    try:
        url = sqlalchemy_url.make_url(text)
        arguments = url.get_dialect()().create_connect_args(url)[1]
    except Exception as error:
        return {"error": type(error).__name__}
    return {
        "host": arguments.get("host"),
        "port": arguments.get("port"),
        "user": arguments.get("user"),
        "password": arguments.get("password", arguments.get("passwd")),
        "database": arguments.get("database", arguments.get("db")),
        "unix_socket": arguments.get("unix_socket"),
        "ssl_ca": (arguments.get("ssl") or {}).get("ca") if isinstance(arguments.get("ssl"), dict) else None,
        "connect_timeout": arguments.get("connect_timeout"),
    }


json.dump([describe(text) for text in json.load(sys.stdin)], sys.stdout)
