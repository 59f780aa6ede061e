"""Programs that a session starts and ends, and the ledger their tasks write to."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import redis

PORT = int(os.environ["NODE_PORT"])
#: No queue is kept there, so only what the tasks themselves noted.
LEDGER = redis.Redis(port=PORT, db=9)
#: How long a session waits for what must come.
WAIT_SECONDS = 30


def note(page, *facts):
    """To be called by tasks: what was done, and how often, is asserted from this."""
    LEDGER.rpush(page, ":".join(str(fact) for fact in facts))


def noted(page):
    return [fact.decode() for fact in LEDGER.lrange(page, 0, -1)]


def until(condition, what):
    """Waits for what another process does; returns what the condition said."""
    end = time.monotonic() + WAIT_SECONDS
    while not (said := condition()):
        assert time.monotonic() < end, f"{what} did not come to be"
        time.sleep(0.02)
    return said


def family(process):
    """A process and all it started that is still there."""
    found = [process]
    for children in pathlib.Path("/proc").glob(f"{process}/task/*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in children.read_text().split():
                found += family(int(child))
    return found


class Programs:
    """Python modules that run beside the session, each ended by its process id."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.running = {}

    def start(self, name, module, *arguments, **environment):
        with open(self.folder / name, "wb") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self.folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def end(self, *names, how=signal.SIGTERM):
        """Tells them all, then waits; returns their exit statuses."""
        for name in names:
            self.running[name].send_signal(how)
        return self.ended(*names)

    def ended(self, *names):
        """The exit statuses of those that were told in another way to end."""
        return [self.running.pop(name).wait(WAIT_SECONDS) for name in names]

    def kill_all(self):
        """With what they forked, which may have left the process group."""
        for program in self.running.values():
            for process in family(program.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            program.wait()

    def logs(self):
        return "\n".join(
            f"-- {log.name}\n{log.read_text(errors='replace')}"
            for log in sorted(self.folder.iterdir())
            if log.is_file()
        )


def give_up(*_):
    sys.exit("the session took too long")


@contextlib.contextmanager
def programs():
    """What still runs at the end is killed; what it logged tells why a session failed."""
    signal.signal(signal.SIGTERM, give_up)
    with tempfile.TemporaryDirectory(prefix="basalt-clients-") as folder:
        running = Programs(folder)
        try:
            yield running
        except BaseException:
            print(running.logs(), file=sys.stderr)
            raise
        finally:
            running.kill_all()
