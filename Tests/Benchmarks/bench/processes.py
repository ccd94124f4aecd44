"""Processes that cannot outlive this one, and the figures that they print."""
import ctypes
import json
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time


class BenchError(Exception):
    """Says what, where, and what to do."""


def shown(command):
    """A command as people may see it: without passwords."""
    return re.sub(r"://[^@/ ]*@", "://***@", " ".join(map(str, command)))


def die_with_parent():
    """In a child, before it becomes its program: the kernel ends it when this process ends, however."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def start(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=None, **more):
    try:
        return subprocess.Popen(
            [str(part) for part in command], stdin=stdin, stdout=stdout, stderr=stderr, text=True,
            preexec_fn=die_with_parent, **more)
    except OSError as error:
        raise BenchError(f"{command[0]} cannot be run: {error.strerror}.") from error


def end(process, patience=10):
    """Ends a process of ours: by its closed input, then by signals, all by its id."""
    if process.stdin:
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
    for wait, number in ((patience if process.stdin else 0, signal.SIGTERM), (5, signal.SIGKILL)):
        try:
            process.wait(wait)
            return
        except subprocess.TimeoutExpired:
            process.send_signal(number)
    process.wait()


def parse(line):
    """A figure, or None for other lines."""
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def run(command, environment=None, limit=600, exits=(0,)):
    """Runs a program to its end; returns the JSON objects that it printed."""
    with tempfile.TemporaryFile("w+") as errors:
        process = start(command, stdout=subprocess.PIPE, stderr=errors, env=environment)
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            end(process)
            raise BenchError(f"{shown(command)} did not end within {limit} s.") from None
        if process.returncode not in exits:
            errors.seek(0)
            raise BenchError(
                f"{shown(command)} ended with {process.returncode}:\n{errors.read()[-2000:]}{output[-500:]}")
    return objects(output)


def objects(output):
    """The JSON objects of an output: one a line, or all of it one array."""
    if output.lstrip().startswith("["):
        return json.loads(output)
    return [value for value in map(parse, output.splitlines()) if value]


class Service:
    """A program that says "ready", takes commands, and ends when its input closes."""

    def __init__(self, command, environment=None, limit=300):
        self.command = command
        self.errors = tempfile.TemporaryFile("w+")
        self.buffer = ""
        self.process = start(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env=environment)
        self.figures = self.until_ready(limit)

    def fail(self, what):
        end(self.process)
        self.errors.seek(0)
        raise BenchError(f"{shown(self.command)} {what}:\n{self.errors.read()[-2000:]}")

    def lines(self, limit):
        deadline = time.monotonic() + limit
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                while "\n" in self.buffer:
                    line, _, self.buffer = self.buffer.partition("\n")
                    yield line
                if not selector.select(max(0, deadline - time.monotonic())):
                    self.fail(f"said nothing within {limit} s")
                data = os.read(self.process.stdout.fileno(), 65536).decode()
                if not data:
                    self.fail(f"ended with {self.process.wait()}")
                self.buffer += data

    def until_ready(self, limit):
        figures = []
        for line in self.lines(limit):
            if line == "ready":
                return figures
            figures += filter(None, [parse(line)])

    def ask(self, command, metric, limit=300):
        """Sends a command; returns the figures up to the one of that metric."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        figures = []
        for line in self.lines(limit):
            figures += filter(None, [parse(line)])
            if figures and figures[-1]["metric"] == metric:
                return figures

    def cpu(self):
        """Seconds of processor time so far."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """KiB that are resident now."""
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024

    def end(self):
        end(self.process)
        self.errors.close()
