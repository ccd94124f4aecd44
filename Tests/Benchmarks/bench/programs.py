"""The measuring programs, each an entry of one table, and how they are built."""
import os
import shutil
import subprocess
from pathlib import Path

from .processes import BenchError

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "Tests/Benchmarks"
PEERS = PACKAGE / "Peers"
SCRATCH = ROOT / ".build/bench"

# Executables of the nested package and of the one around it, built in one folder, as they share nearly all; and the
# options that building one needs. Those with options of the compiler have a folder of their own, so that they slow nobody
# else.
SWIFT = {
    "rpc-bench": [],
    "notify-bench": [],
    "lines-bench": [],
    "cells-bench": [],
    "spool-bench": [],
    "inprocess-bench": [],
    "json-bench": ["-Xswiftc", "-enable-testing"],
    "json-size-bench": [],
    "counts-bench": [],
    "directory-bench": [],
    "watch-bench": [],
    "record-bench": [],
    "switchboard": [],
}


def build(command, environment=None, directory=ROOT):
    process = subprocess.run(
        [str(part) for part in command], cwd=directory, env=environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    if process.returncode:
        lines = process.stdout.splitlines()
        errors = [line for line in lines if "error:" in line] or lines[-20:]
        raise BenchError(f"{' '.join(map(str, command))} failed:\n" + "\n".join(dict.fromkeys(errors)))


def swift(name, *more, scratch=SCRATCH):
    """Builds an executable of the nested package, with its runtime in it as servers have it; returns its path."""
    options = SWIFT[name]
    # Else SwiftPM does not see that the package around this one has other files than the last time.
    (PACKAGE / "Package.swift").touch()
    place = Path(f"{scratch}-testing") if options else scratch
    build([
        "swift", "build", "-c", "release", "--static-swift-stdlib", "--package-path", PACKAGE,
        "--scratch-path", place, *options, *more, "--product", name,
    ], {**os.environ, "SWIFT_DETERMINISTIC_HASHING": "1"})  # As in Tests/prepare.
    return place / "release" / name


class Programs:
    """Paths of programs, each built when it is asked for the first time."""

    def __init__(self, say):
        self.say = say
        self.paths = {}
        self.python = os.environ.get("SWITCHBOARD_BENCH_PYTHON")
        self.nova_python = os.environ.get("SWITCHBOARD_NOVA_PYTHON")

    def __call__(self, name):
        if name not in self.paths:
            self.say(f"Building {name}")
            self.paths[name] = self.make(name)
            if not os.access(self.paths[name], os.X_OK):
                raise BenchError(f"There is no {name} at {self.paths[name]} after its build.")
        return self.paths[name]

    def make(self, name):
        if name in SWIFT:
            return swift(name)
        if name == "amqp_floor":
            return self.c(name, "-lrabbitmq")
        if name == "mariadb_floor":
            return self.c(name, "-I/usr/include/mariadb", "-lmariadb", "-pthread")
        if name == "count_allocations":
            return self.c(name, "-shared", "-fPIC", "-ldl", "-pthread")
        if name == "go-bench":
            target = SCRATCH / name
            go = shutil.which("go") or "/usr/lib/go/bin/go"
            environment = {
                **os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "",
                "GOCACHE": str(SCRATCH / "go-cache"),
            }
            build([go, "build", "-o", target, "."], environment, PEERS / "go")
            return target
        raise BenchError(f"There is no program {name}.")

    def c(self, name, *options):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        build(["cc", "-O2", "-Wall", "-Wextra", "-o", SCRATCH / name, PEERS / f"{name}.c", *options])
        return SCRATCH / name

    def peer(self, script, *arguments):
        """The command of a Python peer."""
        return [self.interpreter(self.python, "SWITCHBOARD_BENCH_PYTHON"), PEERS / script, *arguments]

    def nova(self, script, *arguments):
        return [self.interpreter(self.nova_python, "SWITCHBOARD_NOVA_PYTHON"), PEERS / script, *arguments]

    @staticmethod
    def interpreter(path, variable):
        if not path:
            raise BenchError(f"{variable} names no interpreter: run ./Tests/bench, which makes one.")
        return path
