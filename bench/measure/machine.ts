/** Describes the machine that a result was measured on. */
import { readFileSync } from "node:fs";
import os from "node:os";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly kernel: string;
  /** TCP's congestion control: BBR paces what it sends, which slows large bodies on loopback too. "" if unknown. */
  readonly congestionControl: string;
  readonly node: string;
}

export function machine(): Machine {
  return {
    processor: os.cpus()[0]?.model ?? "",
    cores: allowedCores().length,
    kernel: os.release(),
    congestionControl: congestionControl(),
    node: process.version,
  };
}

function congestionControl(): string {
  try {
    return readFileSync("/proc/sys/net/ipv4/tcp_congestion_control", "utf8").trim();
  } catch {
    return "";
  }
}

/** Numbers of the cores that this process may use. In a container these are not always 0 and 1. */
export function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  return parseCoreList(list);
}

/** `0-2,5` is 0, 1, 2, 5. */
export function parseCoreList(list: string): number[] {
  return list.split(",").flatMap((part) => {
    const [first = Number.NaN, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
