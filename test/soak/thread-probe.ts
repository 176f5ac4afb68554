/**
 * Loaded into the proxy before its own code, in every thread (`--import` is handed on to workers): when the parent process asks, each
 * thread collects its garbage and says what is left. The proxy itself knows nothing of it.
 */
import { BroadcastChannel, isMainThread, threadId } from "node:worker_threads";
import v8 from "node:v8";

export interface ThreadReading {
  /** 0 is the main thread. */
  readonly thread: number;
  readonly heapBytes: number;
  /** What the heap holds of the machine's memory, empty pages included: V8 keeps a young generation once it has grown. */
  readonly committedBytes: number;
  /** Memory outside of the heap that belongs to JavaScript objects: buffers above all. */
  readonly externalBytes: number;
  /** What keeps the event loop busy, by type: `Timeout`, `TCPSocketWrap` ... */
  readonly resources: Readonly<Record<string, number>>;
}

type Said = { readonly ask: true } | ThreadReading;

const channel = new BroadcastChannel("soak-probe");
let readings: ThreadReading[] = [];
let wanted = 0;

channel.addEventListener("message", (event) => {
  const said = event.data as Said;
  if (isMainThread && "thread" in said) take(said);
  else if (!isMainThread && "ask" in said) void read().then((reading) => channel.postMessage(reading));
});
// Neither the channel nor the parent keeps a thread alive that is about to end.
channel.unref();

if (isMainThread) {
  process.on("message", (threads: number) => {
    readings = [];
    wanted = threads;
    channel.postMessage({ ask: true } satisfies Said);
    void read().then(take);
  });
  // Without its parent nobody would end it.
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
  process.channel?.unref();
}

function take(reading: ThreadReading): void {
  readings.push(reading);
  if (readings.length === wanted) process.send?.(readings);
}

async function read(): Promise<ThreadReading> {
  // What the first collection finds dead may hold on to more until its finalizers have run.
  for (let count = 0; count < 4; count++) {
    globalThis.gc?.();
    await new Promise(setImmediate);
  }
  const resources: Record<string, number> = {};
  for (const type of process.getActiveResourcesInfo()) resources[type] = (resources[type] ?? 0) + 1;
  // They end by themselves: files are looked at again and again.
  for (const type of ["Immediate", "FSReqCallback", "FSReqPromise"]) delete resources[type];
  const { used_heap_size, total_physical_size, external_memory } = v8.getHeapStatistics();
  return { thread: threadId, heapBytes: used_heap_size, committedBytes: total_physical_size, externalBytes: external_memory, resources };
}
