"""What the peers share: one JSON object a line, commands in, events out.

Diagnostics go to standard error; standard output belongs to the protocol.
"""
import json
import sys
import tempfile
import threading
import warnings

warnings.filterwarnings("ignore")  # before oslo: it warns of eventlet on import

from oslo_config import cfg  # noqa: E402
import oslo_messaging  # noqa: E402

_output = threading.Lock()


def emit(**event):
    """Prints one event; what JSON cannot carry goes as text."""
    line = json.dumps(event, default=repr)
    with _output:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def commands():
    """The commands of standard input, until it closes."""
    for line in sys.stdin:
        if line.strip():
            yield json.loads(line)


def describe(error):
    """An exception as the tests compare it."""
    return {
        "class": type(error).__name__,
        "module": type(error).__module__,
        "message": str(error),
        "bases": [base.__name__ for base in type(error).__mro__[1:-1]],
    }


def configure(options):
    """The global configuration, with `group.name=value` (or `name=value`) options as an operator's file gives them.

    The global one, because oslo.messaging 18.3.1 fails every call with a private ConfigOpts
    (NoSuchOptError: oslo_messaging_tracing).
    """
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        for option in options:
            name, _, value = option.partition("=")
            group, _, name = name.rpartition(".")
            file.write(f"[{group or 'DEFAULT'}]\n{name} = {value}\n")
        file.flush()
        cfg.CONF(["--config-file", file.name], project="switchboard")
    return cfg.CONF


def target(command, **more):
    """The oslo target that a command describes."""
    keys = ("exchange", "topic", "namespace", "version", "server", "fanout")
    return oslo_messaging.Target(**{k: command[k] for k in keys if k in command}, **more)
