/** Whether the proxy came back to where it began: sockets, timers and memory, thread by thread. */
import type { ProxyReading } from "./proxy-process.ts";
import type { ThreadReading } from "./thread-probe.ts";

const SHARE = 1.05;
/** Connections that the last look at the metrics itself has left in the kernel. */
const SOCKETS_SLACK = 2;
/** The control plane looks at files from time to time, and has another timer while it does. */
const TIMERS_SLACK = 2;
/** Code that is compiled or optimised after the warm-up stays in the heap; a leak of 30 bytes per exchange is still found by the long run. */
const HEAP_SLACK_BYTES = 1024 ** 2;
/** A thread keeps up to 8 MiB of read buffers for the next bulk (src/net/buffers/read-buffers.ts), however few the warm-up needed. */
const EXTERNAL_SLACK_BYTES: number = 8 * 1024 ** 2;

/** What is wrong, in words. */
export function compareReadings(before: ProxyReading, after: ProxyReading): string[] {
  const problems: string[] = [];
  if (after.sockets > Math.max(before.sockets * SHARE, before.sockets + SOCKETS_SLACK))
    problems.push(`${after.sockets} open sockets after ${before.sockets} before`);
  if (before.threads.length !== after.threads.length) problems.push("threads came or went");
  for (const [index, was] of before.threads.entries()) {
    const is = after.threads[index];
    if (is?.thread !== was.thread) problems.push(`thread ${was.thread} was replaced`);
    else problems.push(...compareThreads(was, is));
  }
  return problems;
}

function compareThreads(was: ThreadReading, is: ThreadReading): string[] {
  const problems: string[] = [];
  const name = was.thread === 0 ? "the main thread" : `thread ${was.thread}`;
  if (is.heapBytes > was.heapBytes * SHARE + HEAP_SLACK_BYTES)
    problems.push(`the heap of ${name} grew from ${was.heapBytes} to ${is.heapBytes} bytes`);
  if (is.externalBytes > was.externalBytes * SHARE + EXTERNAL_SLACK_BYTES)
    problems.push(`the buffers of ${name} grew from ${was.externalBytes} to ${is.externalBytes} bytes`);
  for (const type of Object.keys({ ...was.resources, ...is.resources })) {
    const [a, b] = [was.resources[type] ?? 0, is.resources[type] ?? 0];
    const slack = was.thread === 0 && type === "Timeout" ? TIMERS_SLACK : 0;
    if (b > a + slack) problems.push(`${name} holds ${b} × ${type} after ${a} before`);
  }
  return problems;
}
