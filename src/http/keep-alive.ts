/**
 * Decides how long an idle upstream connection may be reused. An origin server closes idle connections after a time limit of its own,
 * which `Keep-Alive: timeout=N` announces. The proxy must stop using the connection before that.
 */

let lastValue: string | undefined;
let lastTimeoutMs = Infinity;

/**
 * Milliseconds for which the connection may stay idle: the configured limit, or the announced one (5 s for Node) less a margin for the
 * time that a request needs to arrive, whichever is shorter.
 * @param keepAlive value of the response's Keep-Alive field
 */
export function connectionExpiry(keepAlive: string | undefined, idleMs: number): number {
  if (keepAlive === undefined) return idleMs;
  if (keepAlive !== lastValue) {
    lastValue = keepAlive;
    lastTimeoutMs = timeoutMs(keepAlive);
  }
  return Math.min(idleMs, lastTimeoutMs - margin(lastTimeoutMs));
}

function timeoutMs(value: string): number {
  const match = /(?:^|[,\s])timeout\s*=\s*"?([0-9]{1,9})/i.exec(value);
  return match === null ? Infinity : Number(match[1]) * 1000;
}

function margin(timeout: number): number {
  return timeout === Infinity ? 0 : Math.min(1000, timeout / 2);
}
