/** Stands for the thread of a pool: the hash says what it does. */
import { parentPort } from "node:worker_threads";
import type { ToPool, ToThread } from "./pool-messages.ts";

let count = 0;

parentPort?.on("message", ({ hash, password }: ToThread) => {
  count++;
  if (hash === "dies") process.exit(3);
  if (hash === "throws") throw new Error("out of order");
  // The test closes the pool.
  if (hash === "never") return;
  // Whether it is the first verification of this thread, of a password that arrived as it was sent.
  const told: ToPool = { verdict: count === 1 && Buffer.from(password).toString() === "secret" ? "match" : "differs" };
  parentPort?.postMessage(told);
});
