"""A MariaDB server of one's own: 127.0.0.1 only, a free port, its own data, ended by process id."""
import os
import resource
import secrets
import shutil
import subprocess
import tempfile
import time

from .broker import free_ports
from .processes import BenchError, end, start
from .results import US
from .suite import Case, Measure


def program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
    if not found:
        raise BenchError(f"{name} is not installed. Debian and Ubuntu: apt-get install mariadb-server.")
    return found


class Database:
    """Has the database nova_api, which is empty, and a user with all rights."""

    user = "bench"

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="switchboard-bench-")
        self.port = free_ports(1)[0]
        self.password = secrets.token_hex(12)
        self.socket = f"{self.directory}/socket"
        self.process = None
        try:
            self.make()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self):
        return self.url_of("nova_api")

    def url_of(self, name):
        return f"mysql+pymysql://{self.user}:{self.password}@127.0.0.1:{self.port}/{name}?charset=utf8"

    @property
    def place(self):
        """What the program in C takes."""
        return [self.port, self.user, self.password, "nova_api"]

    def make(self):
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        result = subprocess.run(
            [program("mariadb-install-db"), "--no-defaults", f"--datadir={self.directory}/data", "--skip-test-db",
             "--auth-root-authentication-method=normal", *as_root], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        if result.returncode:
            raise BenchError(f"mariadb-install-db failed:\n{result.stdout[-2000:]}")
        self.process = start(
            [program("mariadbd"), "--no-defaults", f"--datadir={self.directory}/data", f"--socket={self.socket}",
             f"--port={self.port}", "--bind-address=127.0.0.1", f"--pid-file={self.directory}/pid",
             f"--log-error={self.directory}/log", "--skip-name-resolve", "--innodb-buffer-pool-size=1G",
             "--innodb-flush-log-at-trx-commit=2", "--max-connections=400", *as_root])
        deadline = time.monotonic() + 120
        while True:
            try:
                return self.sql(
                    f"CREATE USER {self.user}@'127.0.0.1' IDENTIFIED BY '{self.password}'; "
                    f"GRANT ALL ON *.* TO {self.user}@'127.0.0.1'; CREATE DATABASE nova_api CHARACTER SET utf8mb3")
            except BenchError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def sql(self, text, database=None):
        result = subprocess.run(
            [program("mariadb"), "--no-defaults", f"--socket={self.socket}", "--user=root", "--batch",
             "--skip-column-names", *([database] if database else [])],
            input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if result.returncode:
            raise BenchError(f"The database server refuses: {result.stderr}")
        return result.stdout

    def stop(self):
        if self.process:
            end(self.process, patience=0)
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def discovery(world, database):
    """Hosts that the cells' own databases have, and that no mapping has yet: ours and nova-manage, on the same rows."""
    cells, hosts = world.count(10, 4), world.count(100, 20)
    python = world.programs.interpreter(world.programs.nova_python, "SWITCHBOARD_NOVA_PYTHON")
    database.sql("CREATE DATABASE found CHARACTER SET utf8mb3")
    configuration = f"{database.directory}/nova.conf"
    with open(configuration, "w") as file:
        # Else the tables' makers write where Nova's packages do.
        file.write(f"[DEFAULT]\nstate_path = {database.directory}\n[api_database]\nconnection = {database.url_of('found')}\n"
                   f"[database]\nconnection = {database.url_of('cell_0')}\n")
    manage = [python, f"{os.path.dirname(python)}/nova-manage", "--config-file", configuration]
    database.sql("CREATE DATABASE cell_0 CHARACTER SET utf8mb3")
    for command in (["api_db", "sync"], ["db", "sync", "--local_cell"]):
        once(manage + command)
    for cell in range(cells):
        name = f"cell_{cell}"
        if cell:
            database.sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb3; CREATE TABLE {name}.compute_nodes LIKE cell_0.compute_nodes; "
                         f"CREATE TABLE {name}.services LIKE cell_0.services")
        database.sql("".join(
            f"INSERT INTO services (host, topic, `binary`, report_count, disabled, deleted, version, uuid) "
            f"VALUES ('host-{cell}-{host}', 'compute', 'nova-compute', 1, 0, 0, 66, uuid()); "
            f"INSERT INTO compute_nodes (service_id, host, hypervisor_hostname, uuid, vcpus, memory_mb, local_gb, vcpus_used, "
            f"memory_mb_used, local_gb_used, hypervisor_type, hypervisor_version, cpu_info, deleted, mapped) "
            f"VALUES (last_insert_id(), 'host-{cell}-{host}', 'host-{cell}-{host}', uuid(), 1, 1, 1, 1, 1, 1, 'x', 1, '', 0, 0); "
            for host in range(hosts)), name)
        database.sql(
            f"INSERT INTO cell_mappings (uuid, name, transport_url, database_connection, disabled) VALUES "
            f"(uuid(), '{name}', 'rabbit://u:p@h/', '{database.url_of(name)}', 0)", "found")

    def measured(command):
        database.sql("DELETE FROM found.host_mappings; " + "".join(
            f"UPDATE cell_{cell}.compute_nodes SET mapped = 0; " for cell in range(cells)))
        began = time.monotonic()
        memory = once(command)
        seconds = time.monotonic() - began
        count = int(database.sql("SELECT count(*) FROM found.host_mappings"))
        if count != cells * hosts:
            raise BenchError(f"{command[0]} mapped {count} hosts of {cells * hosts}.")
        return [
            {"metric": "time", "value": seconds, "unit": "s"}, {"metric": "memory", "value": memory, "unit": "KiB"},
        ]

    switchboard = [world.programs("switchboard"), "host", "discover", "--database", database.url_of("found")]
    world.suite.run("directory", [Case(f"{cells * hosts:,} hosts discovered in {cells} cells", [
        Measure(US, [], call=lambda: measured(switchboard)),
        Measure("nova-manage", [], call=lambda: measured(manage + ["cell_v2", "discover_hosts"])),
    ])])


def once(command):
    """Runs a command to its end; returns the most memory that it had, in KiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    process = subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise BenchError(f"{' '.join(map(str, command[:2]))} failed: {output[-2000:]}")
    return usage.ru_maxrss
