// Work through BullMQ, which lives on scripts whose keys are not declared,
// blocking commands and streams; the argument is the port.

const assert = require("assert");
const { Queue, Worker } = require("bullmq");

const JOBS = 200;
const connection = { host: "127.0.0.1", port: Number(process.argv[2]) };

async function main() {
  const queue = new Queue("work", { connection });
  const results = new Map();
  const worker = new Worker(
    "work",
    async (job) => {
      if (job.data.number % 50 === 1 && job.attemptsMade === 0) {
        throw new Error("once more");
      }
      return job.data.number * 2;
    },
    { connection, concurrency: 10 },
  );
  const finished = new Promise((resolve, reject) => {
    worker.on("completed", (job, result) => {
      assert(!results.has(job.id), `job ${job.id} is done once`);
      results.set(job.id, result);
      assert.strictEqual(result, job.data.number * 2);
      if (results.size === JOBS) resolve();
    });
    worker.on("error", reject);
  });
  for (let number = 0; number < JOBS; number++) {
    await queue.add("double", { number }, {
      attempts: 3,
      delay: number % 7 === 0 ? 100 : 0,
      priority: number % 5 === 0 ? 2 : undefined,
    });
  }
  await finished;
  const counts = await queue.getJobCounts();
  assert.strictEqual(counts.completed, JOBS);
  for (const state of ["active", "delayed", "failed", "prioritized", "waiting"]) {
    assert.strictEqual(counts[state], 0, state);
  }
  await worker.close();
  await queue.obliterate();
  await queue.close();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
