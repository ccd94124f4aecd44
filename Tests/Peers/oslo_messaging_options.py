#!/usr/bin/env python3
"""The options of oslo.messaging that matter to the bus.

    oslo_messaging_options.py                     prints those of the installed one as JSON
    oslo_messaging_options.py --swift FILE...     prints Configuration/Explaining/MessagingOptionTable.swift of the command
                                                  line, of such outputs of several versions, the oldest first

The table was made of the last release of each version from 12 to 18, each in a folder of its own:
    pip install --no-deps --target v12 'oslo.messaging>=12,<13'
    PYTHONPATH=v12 oslo_messaging_options.py > v12.json
"""
import importlib.metadata
import json
import sys

GROUPS = ("DEFAULT", "oslo_messaging_notifications", "oslo_messaging_rabbit")
# Worked out on each machine.
DYNAMIC = ("hostname", "processname")


def text_of(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(value)
    return str(value)


def describe(group, option):
    from oslo_config import types
    kind = option.type
    described = {"group": group, "name": option.dest, "repeated": bool(option.multi), "secret": option.secret}
    if isinstance(kind, types.Boolean):
        described["kind"] = "boolean"
    elif isinstance(kind, (types.Integer, types.Float)):
        described["kind"] = "integer" if isinstance(kind, types.Integer) else "real"
        described["minimum"], described["maximum"] = kind.min, kind.max
    elif isinstance(kind, types.List):
        described["kind"] = "list"
    else:
        described["kind"] = "string"
        described["choices"] = list(kind.choices or [])
    default = None if option.dest in DYNAMIC else option.default
    if option.multi:
        described["defaults"] = list(default or [])
    else:
        described["defaults"] = None if default is None else [text_of(default)]
    described["deprecated"] = [[old.group or group, old.name or option.dest] for old in option.deprecated_opts]
    described["removal"] = " ".join((option.deprecated_reason or "").split()) if option.deprecated_for_removal else None
    return described


def installed():
    from oslo_messaging import opts
    options = [describe(group or "DEFAULT", option) for group, options in opts.list_opts() for option in options
               if (group or "DEFAULT") in GROUPS]
    options.sort(key=lambda option: (GROUPS.index(option["group"]), option["name"]))
    return {"version": importlib.metadata.version("oslo.messaging"), "options": options}


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def swift_type(option):
    kind = option["kind"]
    if kind == "boolean":
        return ".boolean"
    if kind == "list":
        return ".texts"
    if kind == "string":
        return ".string(choices: [%s])" % ", ".join(map(quoted, option["choices"])) if option["choices"] else ".text"
    limits = [f"{name}: {option[name]}" for name in ("minimum", "maximum") if option[name] is not None]
    return f".{kind}({', '.join(limits)})"


def swift(paths):
    newest, versions = {}, {}
    for path in paths:
        with open(path) as file:
            content = json.load(file)
        major = int(content["version"].split(".")[0])
        for option in content["options"]:
            name = (option["group"], option["name"])
            newest[name] = option
            versions.setdefault(name, []).append(major)
    lines = []
    for name in sorted(newest, key=lambda name: (GROUPS.index(name[0]), name[1])):
        option, known = newest[name], versions[name]
        assert known == list(range(known[0], known[-1] + 1)), name
        parts = [quoted(option["group"]), quoted(option["name"]), swift_type(option)]
        if option["repeated"]:
            parts.append("isRepeated: true")
        if option["defaults"] is not None:
            parts.append("defaults: [%s]" % ", ".join(map(quoted, option["defaults"])))
        if option["deprecated"]:
            parts.append("was: [%s]" % ", ".join("(%s, %s)" % (quoted(g), quoted(n)) for g, n in option["deprecated"]))
        if option["removal"] is not None:
            parts.append("removal: " + quoted(option["removal"]))
        if option["secret"]:
            parts.append("isSecret: true")
        parts.append(f"versions: {known[0]}...{known[-1]}")
        lines.append("        Self(%s)," % ", ".join(parts))
    print("import OsloConfiguration\n")
    print("// Printed by Tests/Peers/oslo_messaging_options.py from oslo.messaging itself, and formatted. A test compares it")
    print("// with the installed one.")
    print("extension MessagingOption {")
    print("    /// The options of oslo.messaging's transports, RPC, notifications and RabbitMQ driver.")
    print("    static let table: [MessagingOption] = [")
    print("\n".join(lines))
    print("    ]\n}")


def main():
    if sys.argv[1:2] == ["--swift"]:
        swift(sys.argv[2:])
    else:
        json.dump(installed(), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
