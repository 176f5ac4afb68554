/**
 * Keeps clients from waiting for a service that does not answer. After some failures in a row nothing is asked for a while; then one question is let
 * through, and its result decides.
 *
 *     closed --(FAILURES in a row)--> open --(OPEN_MS)--> one question --(answered)--> closed
 *                                      ^------(failed)------'
 */

/** Failures in a row after which the service counts as down. One alone may be a restart. */
const FAILURES = 5;
/** How long nothing is asked. Short, because all clients are refused meanwhile. */
const OPEN_MS = 2000;

export class ServiceCircuit {
  private failures: number = 0;
  private closedAgainMs: number = 0;
  private isTrying: boolean = false;

  /** Whether the service may be asked now. Whoever gets true must call one of the other methods later. */
  admits(nowMs: number): boolean {
    if (this.failures < FAILURES) return true;
    if (this.isTrying || nowMs < this.closedAgainMs) return false;
    this.isTrying = true;
    return true;
  }

  answered(): void {
    this.failures = 0;
    this.isTrying = false;
  }

  failed(nowMs: number): void {
    this.failures++;
    this.isTrying = false;
    if (this.failures >= FAILURES) this.closedAgainMs = nowMs + OPEN_MS;
  }

  /** The client has left before the answer, which tells nothing of the service. */
  abandoned(): void {
    this.isTrying = false;
  }
}
