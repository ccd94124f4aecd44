#!/usr/bin/env python3
"""What oslo.messaging's own parser makes of transport URLs.

Reads a JSON array of URLs, prints a JSON array of cases. The cases of the URL tests were made with it:
    oslo_urls.py < urls.json > Tests/SwitchboardCoreTests/Data/transport-urls.json
"""
import json
import sys

from oslo_config import cfg
import oslo_messaging


def case(url):
    try:
        parsed = oslo_messaging.TransportURL.parse(cfg.CONF, url)
    except Exception as error:
        return {"url": url, "error": f"{type(error).__name__}: {error}"}
    return {
        "url": url,
        "scheme": parsed.transport,
        "virtualHost": parsed.virtual_host,
        "hosts": [
            {"username": h.username, "password": h.password, "name": h.hostname, "port": h.port}
            for h in parsed.hosts
        ],
        "query": parsed.query,
        "text": str(parsed),
    }


def main():
    cfg.CONF([], project="switchboard")
    cases = [case(url) for url in json.load(sys.stdin)]
    print("[\n" + ",\n".join(json.dumps(c, ensure_ascii=True) for c in cases) + "\n]")


if __name__ == "__main__":
    main()
