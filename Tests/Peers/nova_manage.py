#!/usr/bin/env python3
"""Real nova-manage, many times: Nova is loaded once, and each command runs in a fork of this process.

Commands, one JSON object a line, each answered by {"event": "answer", "id": ID, "result": …}:

    {"id": 1, "do": "manage", "folder": F, "arguments": [A, …]}   nova-manage in the folder, with its nova.conf
    {"id": 2, "do": "run", "folder": F, "command": [C, …], "environment": {…}}   another program in the folder
    {"id": 3, "do": "sql", "file": F, "statements": TEXT}         runs statements in a SQLite file
    {"id": 4, "do": "rows", "file": F, "query": TEXT}             the rows of a query; null when it cannot be asked

The first two give {"status": N, "output": TEXT}. Ends when its input closes.
"""
import os
import sqlite3
import subprocess
import sys
import tempfile
import traceback

os.environ["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "true"

from nova.cmd import manage as nova_manage  # noqa: E402  before oslo.messaging, which loads what Nova forbids
import peer  # noqa: E402


def manage(folder, arguments):
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            status = 254
            try:
                os.chdir(folder)
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                sys.argv = ["nova-manage", "--config-file", os.path.join(folder, "nova.conf"), *arguments]
                try:
                    status = nova_manage.main() or 0
                except SystemExit as end:
                    status = end.code if isinstance(end.code, int) else int(end.code is not None)
                sys.stdout.flush()
                sys.stderr.flush()
            except BaseException:
                traceback.print_exc()
            os._exit(status)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return {"status": os.waitstatus_to_exitcode(status), "output": output.read().decode(errors="replace")}


def run(folder, command, environment):
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=120)
    return {"status": done.returncode, "output": done.stdout.decode(errors="replace")}


def sql(file, statements):
    with sqlite3.connect(file) as database:
        database.executescript(statements)
    database.close()


def rows(file, query):
    # A file that is not there is not made.
    try:
        database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    except sqlite3.Error:
        return None
    try:
        return [list(row) for row in database.execute(query)]
    except sqlite3.Error:
        return None
    finally:
        database.close()


def main():
    peer.emit(event="ready")
    kinds = {"manage": manage, "run": run, "sql": sql, "rows": rows}
    for command in peer.commands():
        answer, do = {"event": "answer", "id": command.pop("id")}, kinds[command.pop("do")]
        try:
            answer["result"] = do(**command)
        except Exception as error:
            answer["error"] = peer.describe(error)
        peer.emit(**answer)


if __name__ == "__main__":
    main()
