"""The public API of each module as a list of declarations, and what a change of it means for those who use it.

    compare.py check GRAPHS BASELINE VERSION SWIFT MODULE...
    compare.py update GRAPHS BASELINE VERSION SWIFT MODULE...

GRAPHS is a folder of symbol graphs, BASELINE the folder of the lists: one for each module, with the release that has this API.
"""

import json
import pathlib
import re
import sys

# What every type has unless it says otherwise.
IMPLIED = {"Swift.Copyable", "Swift.Escapable", "Swift.SendableMetatype"}
HEADER = re.compile(r"# The public API of (\S+) (\S+), as Swift (\S+) prints it\. Written by Tests/api --update\.")


def declarations(graphs):
    """The lines for some symbol graphs (parsed JSON): a declaration each, sorted."""
    symbols, requirements, defaults, lines = {}, set(), set(), set()
    for graph in graphs:
        for symbol in graph["symbols"]:
            symbols[symbol["identifier"]["precise"]] = symbol
    for graph in graphs:
        for relation in graph["relationships"]:
            kind, source, target = relation["kind"], relation["source"], relation["target"]
            if kind == "requirementOf":
                requirements.add(source)
            elif kind == "defaultImplementationOf":
                defaults.add(target)
            elif kind in ("conformsTo", "inheritsFrom") and source in symbols:
                other = symbols.get(target)
                name = path(other) if other else relation.get("targetFallback", target)
                if name in IMPLIED:
                    continue
                lines.add(f"{path(symbols[source])}: conforms to {name}")
    for identifier, symbol in symbols.items():
        text = "".join(fragment["spelling"] for fragment in symbol["declarationFragments"])
        conditions = [
            f"{c['lhs']} {'==' if c['kind'] == 'sameType' else ':'} {c['rhs']}"
            for c in symbol.get("swiftExtension", {}).get("constraints", [])
        ]
        line = f"{path(symbol)}: {' '.join(text.split())}"
        if conditions:
            line += f" [where {', '.join(sorted(conditions))}]"
        if identifier in requirements:
            line += " [requirement with a default]" if identifier in defaults else " [requirement]"
        lines.add(line)
    return sorted(lines)


def path(symbol):
    return ".".join(symbol["pathComponents"])


def breaks(old, new):
    """What of a change breaks code that compiled before: sentences. Both are lists of lines."""
    removed, added = sorted(set(old) - set(new)), sorted(set(new) - set(old))
    types = {line.split(": ", 1)[0] for line in old}
    found = []
    for line in removed:
        name = line.split(": ", 1)[0]
        now = [other for other in added if other.split(": ", 1)[0] == name and ": conforms to " not in other]
        if ": conforms to " in line:
            found.append(f"gone: {line}")
        elif line == next((other.replace(" [requirement with a default]", " [requirement]") for other in now), None):
            continue  # A requirement got a default.
        elif now:
            found.append(f"changed: {line}\n         now: " + "\n         now: ".join(now))
        else:
            found.append(f"gone: {line}")
    for line in added:
        name, text = line.split(": ", 1)
        owner = name.rpartition(".")[0]
        if owner not in types or any(line.split(": ", 1)[0] == name for line in removed):
            continue  # In a type that is new as well; or reported above.
        if text.startswith("case "):
            found.append(f"new case, which a switch over {owner} doesn't handle: {line}")
        elif text.endswith(" [requirement]"):
            found.append(f"new requirement without a default, which no type outside meets: {line}")
    return found


def permits_breaks(old, new):
    """Whether a release `new` may break what a release `old` promised: the next major version, or the next minor before 1.0."""
    def parts(version):
        return tuple(int(number) for number in version.split("-")[0].split("."))

    old, new = parts(old), parts(new)
    return new[0] > old[0] or (old[0] == 0 and new[:2] > old[:2])


def read(file):
    """A kept list: the version, Swift's version, and its lines."""
    header, *lines = file.read_text().splitlines()
    match = HEADER.fullmatch(header)
    if not match:
        sys.exit(f"{file} does not begin with the line that says which API it has; write it again with Tests/api --update")
    return match[2], match[3], lines


def main(action, graphs, baseline, version, swift, *modules):
    graphs, baseline = pathlib.Path(graphs), pathlib.Path(baseline)
    failed, additions = [], 0
    for file in sorted(baseline.glob("*.txt")):
        if file.stem not in modules and not permits_breaks(read(file)[0], version):
            failed.append(f"{file.stem}: the module is gone, or in no product any more")
    current = {}
    for module in modules:
        files = [graphs / f"{module}.symbols.json", *sorted(graphs.glob(f"{module}@*.symbols.json"))]
        current[module] = declarations([json.loads(file.read_text()) for file in files])
        file = baseline / f"{module}.txt"
        if not file.exists():
            if action == "check":
                failed.append(f"{module}: there is no {file}; Tests/api --update writes it")
            continue
        released, written, lines = read(file)
        if written != swift:
            # Another compiler prints some declarations differently.
            print(f"{module}: not compared, because {file} was written with Swift {written} and this is {swift}")
            continue
        additions += len(set(current[module]) - set(lines))
        if not permits_breaks(released, version):
            failed += [f"{module}: {sentence}" for sentence in breaks(lines, current[module])]
    if failed:
        print(*failed, sep="\n", file=sys.stderr)
        sys.exit(
            "The public API is not what the last release promised. Keep what was released, deprecated if need be; or, if this is meant, "
            "raise the version in SwitchboardVersion.swift (the major one, or the minor one before 1.0), describe it in "
            "Changes.md, and run Tests/api --update.")
    if action == "update":
        for file in baseline.glob("*.txt"):
            file.unlink()
        for module, lines in current.items():
            header = f"# The public API of {module} {version}, as Swift {swift} prints it. Written by Tests/api --update.\n"
            (baseline / f"{module}.txt").write_text(header + "".join(line + "\n" for line in lines))
    count = sum(map(len, current.values()))
    print(f"{count} public declarations in {len(current)} modules, {additions} of them new; none is broken.")


if __name__ == "__main__":
    main(*sys.argv[1:])
