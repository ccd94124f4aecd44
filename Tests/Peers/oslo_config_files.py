#!/usr/bin/env python3
"""What oslo.config makes of configuration files.

Reads a JSON array of cases from standard input: {"arguments": [...], "files": [in order], "options": [{"group", "name",
"type", ...}]}. Prints a JSON array: for each case the error of the files ({"error": code, "file", "line"}), or for each option
its value or its error.
The codes are those of OsloConfigurationError.
"""
import json
import os
import re
import sys

from oslo_config import cfg, types

CODES = {
    "No ':' or '=' found in assignment": "noSeparator",
    "Key cannot be empty": "unnamedOption",
    "Unexpected continuation line": "unexpectedContinuation",
    "Invalid section (must end with ])": "unclosedSection",
    "Empty section name": "unnamedSection",
    "Section must be started before assignment": "noSection",
}


def type_of(definition):
    kind = definition["kind"]
    if kind == "string":
        return types.String(choices=definition.get("choices") or None, ignore_case=definition.get("ignoresCase", False),
                            max_length=definition.get("maximumLength"))
    if kind == "boolean":
        return types.Boolean()
    if kind == "integer":
        return types.Integer(min=definition.get("minimum"), max=definition.get("maximum"))
    if kind == "real":
        return types.Float(min=definition.get("minimum"), max=definition.get("maximum"))
    if kind == "port":
        return types.Port()
    if kind == "list":
        return types.List(item_type=type_of(definition["item"]))
    if kind == "uri":
        return types.URI(schemes=definition.get("schemes") or None, max_length=definition.get("maximumLength"))
    raise ValueError(kind)


def register(conf, option):
    made = (cfg.MultiOpt if option["isRepeated"] else cfg.Opt)
    default = option.get("defaults")
    if default is not None and not option["isRepeated"]:
        default = default[0]
    conf.register_opt(
        made(option["name"], item_type=type_of(option["type"]), default=default,
             deprecated_opts=[cfg.DeprecatedOpt(name, group=group) for group, name in option["deprecatedNames"]])
        if option["isRepeated"] else
        made(option["name"], type=type_of(option["type"]), default=default,
             deprecated_opts=[cfg.DeprecatedOpt(name, group=group) for group, name in option["deprecatedNames"]]),
        group=None if option["group"] == "DEFAULT" else option["group"])


def plain(value):
    if isinstance(value, float):
        return {"real": repr(value)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def value_of(conf, option):
    group = None if option["group"] == "DEFAULT" else option["group"]
    try:
        return {"value": plain(conf._get(option["name"], group))}
    except cfg.NoSuchOptError:
        return {"error": "unknownReference"}
    except cfg.NoSuchGroupError:
        return {"error": "unknownGroup"}
    except cfg.TemplateSubstitutionError:
        return {"error": "referenceToGroup"}
    except RecursionError:
        return {"error": "circularReference"}
    except ValueError:
        return {"error": "invalidValue"}


def bad_text(paths):
    """The first file that isn't UTF-8, and the line of its first bad byte."""
    for path in paths:
        with open(path, "rb") as file:
            content = file.read()
        try:
            content.decode()
        except UnicodeDecodeError as error:
            line = len(re.findall(rb"\r\n|\r|\n", content[:error.start])) + 1
            return {"error": "notText", "file": os.path.basename(path), "line": line}


def answer(case):
    conf = cfg.ConfigOpts()
    for option in case["options"]:
        register(conf, option)
    try:
        conf(case["arguments"], default_config_files=[], default_config_dirs=[], use_env=False)
    except cfg.ConfigFileParseError as error:
        path, line, reason = re.search(r"at ([^\n]*?):(\d+), ((?:.|\n)*?): ", str(error)).groups()
        return {"error": CODES[reason], "file": os.path.basename(path), "line": int(line)}
    except cfg.ConfigFilesNotFoundError:
        return {"error": "notFound"}
    except UnicodeDecodeError:
        return bad_text(case["files"])
    return {"values": [value_of(conf, option) for option in case["options"]]}


def main():
    json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
