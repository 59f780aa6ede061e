"""Work through Celery: the node is broker and result backend of real workers.

The module is both what the workers import and, run by itself, the session.
"""

import importlib
import os
import signal
import time

from celery import Celery, chain, chord, group
from celery.exceptions import TaskRevokedError

from programs import LEDGER, PORT, note, noted, programs, until

#: The second is that of workers who are killed: there a task that is not
#: acknowledged goes back to its queue soon.
PATIENT, HASTY = 0, 2
HASTY_SECONDS = 3
TASKS = 200
PRIORITIES = [0, 3, 6, 9]


def application(database):
    url = f"redis://127.0.0.1:{PORT}/{database}"
    app = Celery("work_celery", broker=url, backend=url)
    app.conf.update(
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        task_track_started=True,
        result_extended=True,
    )
    app.conf.broker_transport_options = {"queue_order_strategy": "priority"}
    if database == HASTY:
        app.conf.broker_transport_options |= {
            "visibility_timeout": HASTY_SECONDS,
            "unacked_restore_interval": 0.5,
            "unacked_restore_throttle": 1,
        }
    return app


app = application(int(os.environ.get("WORK_DATABASE", PATIENT)))


@app.task(name="double")
def double(number):
    note("double", number)
    return number * 2


@app.task(name="total")
def total(numbers):
    note("total", *numbers)
    return sum(numbers)


@app.task(name="third_time", bind=True, max_retries=3)
def third_time(self, number):
    note("third_time", number, self.request.retries)
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)
    return number


@app.task(name="hopeless", bind=True, max_retries=2)
def hopeless(self):
    note("hopeless", self.request.retries)
    raise self.retry(exc=ValueError("no use"), countdown=0.1)


@app.task(name="stamp")
def stamp(name):
    note(name, time.time())


@app.task(name="linger", acks_late=True)
def linger(seconds):
    note("linger", os.getpid(), time.time())
    time.sleep(seconds if len(noted("linger")) == 1 else 0)
    return os.getpid()


def every_task_is_done_once():
    numbers = range(TASKS)
    results = group(double.s(number) for number in numbers).apply_async()
    assert results.get(timeout=30) == [number * 2 for number in numbers]
    assert sorted(noted("double"), key=int) == [str(number) for number in numbers]
    assert all(result.successful() for result in results.results)
    LEDGER.delete("double")


def chords_wait_for_all():
    wanted = [number * 2 for number in range(40)]
    sums = [chord(double.s(number) for number in range(40))(total.s()) for _ in range(3)]
    assert [result.get(timeout=30) for result in sums] == [sum(wanted)] * 3
    assert noted("total") == [":".join(str(number) for number in wanted)] * 3
    steps = chain(double.s(1), double.s(), double.s(), group(double.s(), double.s()), total.s())
    assert steps.apply_async().get(timeout=30) == 32
    failing = chord([double.s(1), hopeless.s()])(total.s())
    assert isinstance(failing.get(timeout=30, propagate=False), Exception)
    assert noted("total")[3:] == ["16:16"]
    LEDGER.delete("double", "hopeless")


def tasks_are_tried_again():
    results = [third_time.delay(number) for number in range(10)]
    assert [result.get(timeout=30) for result in results] == list(range(10))
    wanted = sorted(f"{number}:{attempt}" for number in range(10) for attempt in range(3))
    assert sorted(noted("third_time")) == wanted
    lost = hopeless.delay()
    assert isinstance(lost.get(timeout=30, propagate=False), ValueError)
    assert lost.state == "FAILURE"
    assert noted("hopeless") == ["0", "1", "2"]


def tasks_wait_for_their_time():
    due = {f"stamp:{delay}": time.time() + delay for delay in (0.5, 1, 1.5)}
    results = [
        stamp.apply_async([name], countdown=float(name.partition(":")[2])) for name in due
    ]
    for result in results:
        result.get(timeout=30)
    for name, at in due.items():
        [stamped] = noted(name)
        assert at - 0.05 <= float(stamped), (name, at, stamped)


def workers_hear_what_is_broadcast():
    # Far enough off for a slow machine: it must be revoked before.
    later = stamp.apply_async(["revoked"], countdown=4)
    everybody = ["one@basalt", "two@basalt"]
    until(
        lambda: sorted(name for answer in app.control.ping() for name in answer) == everybody,
        "an answer of both workers",
    )
    until(
        lambda: any(
            entry["request"]["id"] == later.id
            for entries in (app.control.inspect().scheduled() or {}).values()
            for entry in entries
        ),
        "a worker that holds the task",
    )
    later.revoke()
    running = linger.apply_async([60])
    until(lambda: noted("linger"), "the task that lingers")
    running.revoke(terminate=True)
    for result in (later, running):
        assert isinstance(result.get(timeout=30, propagate=False), TaskRevokedError)
        assert result.state == "REVOKED"
    assert noted("revoked") == []
    assert len(noted("linger")) == 1
    LEDGER.delete("linger")


def nothing_is_left_in_the_queues():
    client = app.backend.client
    for key in ["celery", "unacked", "unacked_index"]:
        until(lambda: not client.exists(key), f"an empty {key}")


def worker(running, name, *options, database=PATIENT):
    arguments = ["-A", "work_celery", "worker", "-n", f"{name}@basalt", "-l", "WARNING"]
    running.start(name, "celery", *arguments, *options, WORK_DATABASE=str(database))


def higher_priorities_come_first(running, hasty):
    """All wait before the worker comes, which takes one after the other."""
    sent = [priority for _ in range(3) for priority in reversed(PRIORITIES)]
    results = [
        hasty.send_task("double", [priority], priority=priority) for priority in sent
    ]
    worker(running, "lonely", "-P", "solo", database=HASTY)
    for result in results:
        result.get(timeout=30)
    assert noted("double") == [str(priority) for priority in sorted(sent)]


def a_killed_workers_task_is_done_by_another(running, hasty):
    sent = time.time()
    result = hasty.send_task("linger", [60])
    until(lambda: noted("linger"), "the task that lingers")
    assert running.end("lonely", how=signal.SIGKILL) == [-signal.SIGKILL]
    worker(running, "heir", "-P", "solo", database=HASTY)
    heir = result.get(timeout=30)
    first, second = (fact.split(":") for fact in noted("linger"))
    assert first[0] != second[0] == str(heir)
    # Not while it may still be acknowledged by the first.
    assert float(second[1]) - sent >= HASTY_SECONDS, (sent, second)


def main():
    # Before any worker listens here, so that it waits in the queue.
    early = double.delay(-1)
    with programs() as running:
        for name in ["one", "two"]:
            worker(running, name, "-c", "2")
        assert early.get(timeout=30) == -2
        LEDGER.delete("double")
        every_task_is_done_once()
        chords_wait_for_all()
        tasks_are_tried_again()
        tasks_wait_for_their_time()
        workers_hear_what_is_broadcast()
        nothing_is_left_in_the_queues()
        assert running.end("one", "two") == [0, 0]
        hasty = application(HASTY)
        higher_priorities_come_first(running, hasty)
        a_killed_workers_task_is_done_by_another(running, hasty)
        assert running.end("heir") == [0]


if __name__ == "__main__":
    # Not as `__main__`: what is sent and what workers know is the same module.
    importlib.import_module("work_celery").main()
