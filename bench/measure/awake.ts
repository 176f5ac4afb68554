/**
 * Keeps the processors from sleeping while they have nothing to do (Linux's PM QoS: `/dev/cpu_dma_latency`, held open with 0 microseconds).
 * A processor that sleeps is woken by whoever has work for it. The proxy would pay for waking the load generator, all the more the slower it
 * is itself, and on a virtual machine dearly, for the host has to help.
 */
import { openSync, writeSync } from "node:fs";

/** Until this process ends. False: it may not, which takes root, or the machine knows no such thing. */
export function keepAwake(file: string = "/dev/cpu_dma_latency"): boolean {
  try {
    writeSync(openSync(file, "r+"), Buffer.alloc(4));
    return true;
  } catch {
    return false;
  }
}
