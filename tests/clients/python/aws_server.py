"""Runs commands of the AWS CLI in forks of one process, which has loaded the CLI already.

A start of the CLI takes half a second of CPU, most of it for imports, and the tests of deployments start it hundreds of times.
Usage: `aws_server.py FOLDER`. It listens at `FOLDER/socket` for `aws_client.py`, and prints `ready`. When its standard input is
closed, it deletes the folder and ends.
"""

import json
import os
import select
import shutil
import signal
import socket
import sys
import traceback

# Everything that a command imports sooner or later.
import awscli.handlers  # noqa: F401
import botocore.auth  # noqa: F401
import botocore.endpoint  # noqa: F401
import botocore.httpsession  # noqa: F401
import botocore.parsers  # noqa: F401
import botocore.signers  # noqa: F401
import botocore.waiter  # noqa: F401
from awscli.clidriver import main


def receive(connection):
    """Returns the request of a client and its three standard streams."""
    data, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    size, _, data = data.partition(b"\n")
    while len(data) < int(size):
        data += connection.recv(1 << 20)
    return json.loads(data), streams


def run(connection):
    """Runs one command, and sends its exit status to the client."""
    request, streams = receive(connection)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # The import of the CLI has set the folder of its data.
    data = os.environ["AWS_DATA_PATH"]
    os.environ.clear()
    os.environ.update(request["environment"], AWS_DATA_PATH=data)
    os.chdir(request["folder"])
    sys.argv = ["aws", *request["arguments"]]
    try:
        status = main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(str(status or 0).encode())


def serve(folder):
    """Forks for each client until standard input is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.join(folder, "socket"))
    listener.listen(64)
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            shutil.rmtree(folder)
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            try:
                run(connection)
            except BaseException:
                traceback.print_exc()
            # Without an exit status the client reports a failure.
            os._exit(0)
        connection.close()


serve(sys.argv[1])
