"""Locks, transactions and scripts of redis-py; the argument is the port."""

import sys
import threading

import redis

PORT = int(sys.argv[1])
WORKERS, ROUNDS = 6, 40


def in_threads(work):
    failures = []

    def guarded(number):
        try:
            work(redis.Redis(port=PORT), number)
        except Exception as error:  # told below, by the main thread
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def locks():
    count = [0]

    def work(client, _):
        for _ in range(ROUNDS):
            with client.lock("lock", timeout=10, sleep=0.001):
                seen = count[0]
                count[0] = seen + 1

    in_threads(work)
    assert count[0] == WORKERS * ROUNDS, count
    client = redis.Redis(port=PORT)
    lock = client.lock("lock", timeout=10)
    assert lock.acquire(blocking=False)
    assert not client.lock("lock").acquire(blocking=False)
    lock.extend(5)
    lock.release()


def transactions():
    def work(client, _):
        def step(pipe):
            value = int(pipe.get("counter") or 0)
            pipe.multi()
            pipe.set("counter", value + 1)
            pipe.rpush("log", value)

        for _ in range(ROUNDS):
            client.transaction(step, "counter")

    in_threads(work)
    client = redis.Redis(port=PORT)
    assert int(client.get("counter")) == WORKERS * ROUNDS
    logged = [int(value) for value in client.lrange("log", 0, -1)]
    assert logged == list(range(WORKERS * ROUNDS)), logged


def scripts():
    def work(client, number):
        add = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
        for _ in range(ROUNDS):
            add(keys=["scripted"], args=[number])

    in_threads(work)
    assert int(redis.Redis(port=PORT).get("scripted")) == ROUNDS * sum(range(WORKERS))


def waiting():
    def work(client, number):
        if number % 2:
            for _ in range(ROUNDS):
                client.rpush(f"queue:{number}", number)
        else:
            for _ in range(ROUNDS):
                keys = [f"queue:{n}" for n in range(1, WORKERS, 2)]
                assert client.blpop(keys, timeout=10) is not None

    in_threads(work)


locks()
transactions()
scripts()
waiting()
