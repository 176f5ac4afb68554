/**
 * An address that drops every connection attempt in silence, on loopback: a listener of a thread that has gone to sleep, its queue of
 * connections that wait to be accepted full.
 */
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

/** The kernel queues one connection more than the backlog says. */
const BACKLOG = 1;

export interface BlackHole {
  readonly port: number;
  close(): Promise<void>;
}

export async function openBlackHole(host: string = "127.0.0.1", port: number = 0): Promise<BlackHole> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { host, port, asleep: new SharedArrayBuffer(4) } });
  const [listening] = (await once(worker, "message")) as [number];
  const fillers: Socket[] = [];
  for (let count = 0; count <= BACKLOG; count++) {
    const filler = net.connect({ host, port: listening });
    filler.on("error", () => {});
    await once(filler, "connect");
    fillers.push(filler);
  }
  return {
    port: listening,
    close: async () => {
      for (const filler of fillers) filler.destroy();
      await worker.terminate();
    },
  };
}

if (!isMainThread && parentPort !== null) {
  const { host, port, asleep } = workerData as { host: string; port: number; asleep: SharedArrayBuffer };
  const server = net.createServer();
  server.listen({ host, port, backlog: BACKLOG }, () => {
    parentPort?.postMessage((server.address() as AddressInfo).port);
    // At once, before the event loop can accept anything, and never woken: `terminate` ends it.
    Atomics.wait(new Int32Array(asleep), 0, 0);
  });
}
