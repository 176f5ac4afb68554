import { ClientConnection } from "../src/net/h1/client/client-connection.ts";
import type { Serving } from "../src/net/serving.ts";
import type { WorkerTable } from "../src/shared/worker-table.ts";

/** The most bytes that one read brings. */
const READ_BYTES_MAX = 264 * 1024;

/**
 * What is wrong with the bodies that are held: more of a response than its route says and one large read, or, at the end, any memory at all.
 */
export function faultsOfHeldBodies({ contexts }: Serving, workers: WorkerTable, isEnd: boolean): string[] {
  if (isEnd && workers.kept() !== 0) return [`${workers.kept()} bytes of held bodies are counted at the end`];
  for (const { connections } of contexts) {
    for (const connection of connections) {
      if (!(connection instanceof ClientConnection) || connection.exchange === null) continue;
      const { detours, route } = connection.exchange;
      const heldBytes = detours?.buffer?.heldBytes ?? 0;
      if (heldBytes > (route?.responseBufferBytes ?? 0) + READ_BYTES_MAX) return [`${heldBytes} bytes of a response are held`];
    }
  }
  return [];
}
