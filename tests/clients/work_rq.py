"""Work through RQ, whose workers fork for every job and run scripts on keys
they do not declare.

The module is both what the workers import and, run by itself, the session.
"""

import datetime
import importlib
import os
import signal
import time

import redis
from rq import Queue, Repeat, Retry, Worker
from rq.command import send_shutdown_command, send_stop_job_command
from rq.exceptions import DuplicateJobError
from rq.group import Group
from rq.job import Dependency, Job
from rq.rate_limit import RateLimit

from programs import LEDGER, PORT, WAIT_SECONDS, note, noted, programs, until

JOBS = 60
#: Two wait at one queue with BLMOVE, the third at two queues with BLPOP.
WORKERS = {"one": ["work"], "two": ["work"], "both": ["urgent", "idle"]}
connection = redis.Redis(port=PORT)
work, urgent, idle = (Queue(name, connection=connection) for name in ["work", "urgent", "idle"])


def double(number):
    note("double", number)
    return number * 2


def total(*names):
    numbers = [Job.fetch(name, connection=connection).return_value() for name in names]
    note("total", *numbers)
    return sum(numbers)


def third_time(page):
    note(page, time.time())
    assert len(noted(page)) >= 3, "once more"


def mark(page):
    note(page, time.time())


def die():
    note("die", os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)


def linger():
    note("linger", os.getpid())
    time.sleep(60)


def hold():
    LEDGER.blpop("go on", timeout=WAIT_SECONDS)


def alone(number):
    """Says when it began and ended, so that two at a time are seen."""
    note("alone", "begins", number)
    time.sleep(0.01)
    note("alone", "ends", number)


def succeeded(job, _connection, result):
    note("succeeded", job.id, result)


def failed(job, _connection, kind, _error, _trace):
    note("failed", job.id, kind.__name__)


def is_in(job, state):
    until(lambda: job.get_status(refresh=True).value == state, f"{job.id} {state}")


def every_job_is_done_once():
    jobs = [work.enqueue(double, number, on_success=succeeded) for number in range(JOBS)]
    for job in jobs:
        is_in(job, "finished")
    assert [job.return_value() for job in jobs] == [number * 2 for number in range(JOBS)]
    assert sorted(noted("double"), key=int) == [str(number) for number in range(JOBS)]
    wanted = sorted(f"{job.id}:{number * 2}" for number, job in enumerate(jobs))
    assert sorted(noted("succeeded")) == wanted
    ids = sorted(job.id for job in jobs)
    assert sorted(work.finished_job_registry.get_job_ids()) == ids
    assert connection.llen(work.intermediate_queue_key) == 0
    LEDGER.delete("double")


def urgent_jobs_come_first():
    """All wait while the worker is busy, and it looks into one queue first."""
    is_in(idle.enqueue(hold), "started")
    slow = [idle.enqueue(double, number) for number in range(3)]
    fast = [urgent.enqueue(double, number) for number in range(10, 13)]
    LEDGER.rpush("go on", "")
    for job in slow + fast:
        is_in(job, "finished")
    assert noted("double") == ["10", "11", "12", "0", "1", "2"]
    LEDGER.delete("double")


def dependents_wait():
    parts = Group(connection, "parts").enqueue_many(
        work, [Queue.prepare_data(double, [number], job_id=f"part-{number}") for number in range(5)]
    )
    names = [job.id for job in parts]
    whole = urgent.enqueue(total, *names, depends_on=parts)
    last = work.enqueue(total, whole.id, whole.id, depends_on=whole)
    is_in(last, "finished")
    assert [whole.return_value(), last.return_value()] == [20, 40]
    assert noted("total") == ["0:2:4:6:8", "20:20"]
    failing = work.enqueue(os.rmdir, "none", on_failure=failed)
    never = work.enqueue(mark, "never", depends_on=failing)
    anyway = work.enqueue(mark, "anyway", depends_on=Dependency([failing], allow_failure=True))
    is_in(anyway, "finished")
    assert failing.get_status(refresh=True).value == "failed"
    assert never.get_status(refresh=True).value == "deferred"
    assert never.id in work.deferred_job_registry
    assert noted("failed") == [f"{failing.id}:FileNotFoundError"]
    assert [len(noted("never")), len(noted("anyway"))] == [0, 1]
    assert work.failed_job_registry.get_job_ids() == [failing.id]
    failing.delete(delete_dependents=True)
    LEDGER.delete("double")


def failures_are_kept_and_tried_again():
    again = work.enqueue(third_time, "again", retry=Retry(max=2))
    later = work.enqueue(third_time, "later", retry=Retry(max=2, interval=1))
    by_hand = work.enqueue(third_time, "by hand")
    killed = work.enqueue(die)
    is_in(by_hand, "failed")
    is_in(killed, "failed")
    registry = work.failed_job_registry
    assert sorted(registry.get_job_ids()) == sorted([by_hand.id, killed.id])
    assert "terminated unexpectedly" in killed.latest_result().exc_string
    assert len(noted("die")) == 1
    for attempts in (1, 2):
        assert len(noted("by hand")) == attempts
        is_in(by_hand, "failed")
        registry.requeue(by_hand.id)
        until(lambda: len(noted("by hand")) > attempts, "another attempt")
    for job, page in ((again, "again"), (later, "later"), (by_hand, "by hand")):
        is_in(job, "finished")
        assert len(noted(page)) == 3, page
    first, *_, third = map(float, noted("later"))
    assert third - first >= 1, (first, third)
    assert registry.get_job_ids() == [killed.id]


def jobs_wait_for_their_time():
    now = time.time()
    due = {f"in {seconds} s": seconds for seconds in (2, 3)}
    jobs = [
        work.enqueue_in(datetime.timedelta(seconds=seconds), mark, name)
        for name, seconds in due.items()
    ]
    registry = work.scheduled_job_registry
    assert registry.get_job_ids() == [job.id for job in jobs]
    often = work.enqueue(mark, "often", repeat=Repeat(times=2, interval=1))
    for job in jobs:
        is_in(job, "finished")
    for name, seconds in due.items():
        [marked] = noted(name)
        # Scores are whole seconds.
        assert float(marked) >= int(now + seconds), (name, now, marked)
    until(lambda: len(noted("often")) == 3, "the repetitions")
    is_in(often, "finished")
    assert registry.get_job_ids() == []


def a_limit_holds_jobs_back():
    limit = RateLimit("one at a time", concurrency=1)
    # Those who came in the same second go on in the order of their names.
    jobs = [
        queue.enqueue(alone, number, rate_limit=limit, job_id=f"alone-{number:02}")
        for number, queue in enumerate([work, urgent, idle] * 4)
    ]
    for job in jobs:
        is_in(job, "finished")
    wanted = [f"{what}:{number}" for number in range(len(jobs)) for what in ("begins", "ends")]
    assert noted("alone") == wanted, noted("alone")


def jobs_are_unique_and_can_be_stopped():
    job = work.enqueue(linger, job_id="single", unique=True)
    try:
        work.enqueue(linger, job_id="single", unique=True)
        raise AssertionError("a second job of the same name")
    except DuplicateJobError:
        pass
    until(lambda: noted("linger"), "the job that lingers")
    is_in(job, "started")
    send_stop_job_command(connection, job.id)
    is_in(job, "stopped")
    assert job.id in work.failed_job_registry
    assert "stopped by user" in job.latest_result().exc_string
    assert len(noted("linger")) == 1


def workers_end_when_they_are_told(running):
    assert sorted(worker.name for worker in Worker.all(connection=connection)) == sorted(WORKERS)
    for name in WORKERS:
        send_shutdown_command(connection, name)
    assert running.ended(*WORKERS) == [0] * len(WORKERS)
    assert Worker.all(connection=connection) == []
    for queue in (work, urgent, idle):
        assert (queue.count, queue.started_job_registry.count) == (0, 0), queue.name
        assert connection.llen(queue.intermediate_queue_key) == 0


def main():
    with programs() as running:
        for name, queues in WORKERS.items():
            url = f"redis://127.0.0.1:{PORT}"
            arguments = ["worker", "-u", url, "-n", name, "--with-scheduler", *queues]
            running.start(name, "rq.cli", *arguments)
        every_job_is_done_once()
        urgent_jobs_come_first()
        dependents_wait()
        failures_are_kept_and_tried_again()
        jobs_wait_for_their_time()
        a_limit_holds_jobs_back()
        jobs_are_unique_and_can_be_stopped()
        workers_end_when_they_are_told(running)


if __name__ == "__main__":
    # Not as `__main__`: RQ refuses functions of that module.
    importlib.import_module("work_rq").main()
