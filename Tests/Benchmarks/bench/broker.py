"""A RabbitMQ server of one's own: 127.0.0.1 only, free ports, its own node name, data and port mapper, ended by process id."""
import base64
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from .processes import BenchError, end, start

# Debian's script in PATH would change to the user `rabbitmq`, so what it calls comes first.
SERVERS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/local/sbin/rabbitmq-server", "/opt/rabbitmq/sbin/rabbitmq-server")


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def find_server():
    for path in (os.environ.get("SWITCHBOARD_RABBITMQ_SERVER"), *SERVERS, shutil.which("rabbitmq-server")):
        if path and os.access(path, os.X_OK):
            return path
    raise BenchError("The RabbitMQ server is not installed. Debian and Ubuntu: apt-get install rabbitmq-server.")


def lines(count):
    """The names of the virtual hosts that lines-bench and oslo_bench.py count up to."""
    return [f"bench-{number}" for number in range(1, count + 1)]


class Broker:
    """Has the virtual host bench, and those that are named."""

    def __init__(self, hosts=()):
        self.directory = tempfile.mkdtemp(prefix="switchboard-bench-")
        self.port, self.distribution, self.mapper_port = free_ports(3)
        self.password = secrets.token_hex(12)
        self.name = f"bench-{secrets.token_hex(4)}@localhost"
        self.hosts = ["/", "bench", *hosts]
        self.process = self.mapper = None
        try:
            self.write_files()
            self.mapper = start(
                [shutil.which("epmd") or "epmd", "-port", self.mapper_port, "-address", "127.0.0.1"],
                stderr=subprocess.DEVNULL)
            self.run()
        except BaseException:
            self.stop()
            raise

    @property
    def server_url(self):
        return f"rabbit://bench:{self.password}@127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"{self.server_url}/bench"

    @property
    def amqp_url(self):
        """The same for those who know the scheme of the protocol only."""
        return self.url.replace("rabbit://", "amqp://", 1)

    def write_files(self):
        salt = secrets.token_bytes(4)
        digest = hashlib.sha256(salt + self.password.encode()).digest()
        definitions = {
            "users": [{
                "name": "bench", "tags": "administrator", "hashing_algorithm": "rabbit_password_hashing_sha256",
                "password_hash": base64.b64encode(salt + digest).decode(),
            }],
            "vhosts": [{"name": host} for host in self.hosts],
            "permissions": [
                {"user": "bench", "vhost": host, "configure": ".*", "write": ".*", "read": ".*"} for host in self.hosts
            ],
            # Those that are published to and not read; the same for everybody.
            "policies": [{
                "vhost": "bench", "name": "unread", "pattern": "^(bench-casts|p-lib|p-codec|p-same|.*-publish)$",
                "apply-to": "queues", "definition": {"max-length-bytes": 128 * 2**20},
            }],
        }
        configuration = [
            f"listeners.tcp.1 = 127.0.0.1:{self.port}",
            f"load_definitions = {self.directory}/definitions.json",
            f"log.file = {self.directory}/node.log",
            "log.file.level = warning",
            "log.console = false",
            "vm_memory_high_watermark.absolute = 1GiB",
            "disk_free_limit.absolute = 1MB",
        ]
        for name, text in (
            ("definitions.json", json.dumps(definitions)), ("rabbitmq.conf", "\n".join(configuration) + "\n"),
            ("advanced.config", "[].\n"), ("enabled_plugins", "[].\n"), ("rabbitmq-env.conf", ""),
        ):
            with open(f"{self.directory}/{name}", "w") as file:
                file.write(text)

    @property
    def environment(self):
        directory = self.directory
        return {
            "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": directory,
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self.mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP_BYTES": "0",
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_DIST_PORT": str(self.distribution),
            "RABBITMQ_CONF_ENV_FILE": f"{directory}/rabbitmq-env.conf",
            "RABBITMQ_CONFIG_FILE": f"{directory}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{directory}/advanced.config",
            "RABBITMQ_GENERATED_CONFIG_DIR": directory,
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{directory}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{directory}/data",
            "RABBITMQ_LOG_BASE": directory,
            "RABBITMQ_PID_FILE": f"{directory}/server.pid",
            # The script then becomes the server, instead of waiting for it as a second process.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-noinput +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def run(self, limit=600):
        """Starts the server, again after kill(); returns when it answers."""
        with open(f"{self.directory}/output.log", "a") as log:
            self.process = start([find_server()], stdout=log, stderr=log, env=self.environment)
        deadline = time.monotonic() + limit
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"The broker did not start; it said:\n{self.said()}")
            time.sleep(0.01)

    def said(self):
        text = ""
        for name in ("output.log", "node.log"):
            try:
                with open(f"{self.directory}/{name}") as file:
                    text += file.read()[-2000:]
            except OSError:
                pass
        return text

    def answers(self):
        """Whether it speaks AMQP: its first frame comes once it serves."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.settimeout(1)
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def kill(self):
        """As a power cut does."""
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        for process in (self.process, self.mapper):
            if process and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                end(process)
        shutil.rmtree(self.directory, ignore_errors=True)


class DeadPort:
    """Stands where a broker was: takes connections, closes them, and counts."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.count = 0
        self.start = time.monotonic()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.count += 1
            connection.close()

    def close(self):
        """Returns how many attempts there were a second."""
        seconds = time.monotonic() - self.start
        # Wakes the thread that accepts.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        return self.count / seconds
