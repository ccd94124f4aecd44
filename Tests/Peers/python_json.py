#!/usr/bin/env python3
"""Python's own json module.

Each command is a line {"id": 1, "texts": [TEXT, …]}; it is answered by {"event": "answer", "id": 1, "result": [TEXT or
null, …]}: what json.dumps makes of what json.loads reads, null for what it refuses. Ends when its input closes.
"""
import json

import peer


def again(text):
    try:
        return json.dumps(json.loads(text))
    except (ValueError, RecursionError):
        return None


def main():
    peer.emit(event="ready")
    for command in peer.commands():
        peer.emit(event="answer", id=command["id"], result=[again(text) for text in command["texts"]])


if __name__ == "__main__":
    main()
