/**
 * Entry file of the thread that verifies passwords for a {@link PasswordPool}. It is given one verification at a time, and, where it is to
 * make way, runs after everything else that wants the processor.
 */
import os from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import type { ThreadStart, ToPool, ToThread } from "./pool-messages.ts";
import { verifyPassword } from "./verify-password.ts";

const port = parentPort;
if (port === null) throw new Error("verify-thread.ts runs as a worker thread of millrace");
// Only Linux has priorities of threads: elsewhere the same call would lower that of the whole process.
if (process.platform === "linux" && (workerData as ThreadStart).makesWay) os.setPriority(0, os.constants.priority.PRIORITY_LOW);

port.on("message", ({ hash, password }: ToThread) => {
  void verifyPassword(hash, password).then((verdict) => {
    password.fill(0);
    const told: ToPool = { verdict };
    port.postMessage(told);
  });
});
