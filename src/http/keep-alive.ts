/** An origin closes an idle connection after its own limit; the proxy must stop using it before that (see `margin`). */

let lastValue: string | undefined;
let lastTimeoutMs = Infinity;

/**
 * Milliseconds for which a connection may be kept idle: the configured limit, or less if the origin said `Keep-Alive: timeout=N`
 * (Node says 5). The margin covers the time that a request needs to get there.
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
