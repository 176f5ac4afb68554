/**
 * Tells whether this process may listen on a low port, and what to do if not. In Linux only a privileged user may listen on ports below
 * `ip_unprivileged_port_start`, 1024 by default.
 */
import { readFileSync } from "node:fs";

const START_FILE = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
/** capabilities(7) */
const CAP_NET_BIND_SERVICE = 10;

/** What a person can do who wants to listen on that port, as a part of a sentence. */
export function lowPortAdvice(port: number): string {
  return `allow it by AmbientCapabilities=CAP_NET_BIND_SERVICE in a systemd unit or "sysctl net.ipv4.ip_unprivileged_port_start=${port}", or take a port from 1024 on`;
}

/** Why this process may not listen on that port, in words. Null: it may, or the system does not say. */
export function lowPortProblem(port: number, read: (path: string) => string = (path) => readFileSync(path, "latin1")): string | null {
  try {
    const start = Number(read(START_FILE));
    if (!(port < start) || hasCapability(read("/proc/self/status"))) return null;
    return `this user may not listen below port ${start}: ${lowPortAdvice(port)}`;
  } catch {
    return null;
  }
}

function hasCapability(status: string): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective === undefined || ((BigInt(`0x${effective}`) >> BigInt(CAP_NET_BIND_SERVICE)) & 1n) === 1n;
}
