/**
 * Keeps the processors from sleeping while they have nothing to do (Linux's PM QoS: `/dev/cpu_dma_latency`, held open with 0 microseconds).
 * A sleeping processor is woken by the process that has work for it. So the proxy would pay for waking the load generator: the more, the slower the
 * proxy is, and most on a virtual machine, where the host has to help.
 */
import { openSync, writeSync } from "node:fs";

/** Keeps the processors awake until this process ends. Returns false if that is not permitted (it takes root) or not supported. */
export function keepAwake(file: string = "/dev/cpu_dma_latency"): boolean {
  try {
    writeSync(openSync(file, "r+"), Buffer.alloc(4));
    return true;
  } catch {
    return false;
  }
}
