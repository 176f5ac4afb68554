/**
 * The health of an endpoint, from the results of its probes. It changes only after several equal results in a row, except that the very
 * first success counts at once:
 *
 *            first success                unhealthy_threshold failures in a row
 *   unknown --------------> healthy -----------------------------------------------> unhealthy
 *      |                       <-----------------------------------------------         ^
 *      |                           healthy_threshold successes in a row, or             |
 *      |                           the first success ever                               |
 *      +--------------------------------------------------------------------------------+
 *                                  unhealthy_threshold failures in a row
 *
 * The exception exists because an endpoint that has never passed a probe may simply not have started yet.
 */
export type Health = "unknown" | "healthy" | "unhealthy";

export interface HealthState {
  readonly health: Health;
  /** How many results in a row contradicted `health`. */
  readonly against: number;
  /** Whether the endpoint has ever passed a probe. */
  readonly proven: boolean;
}

/** Both at least 1; the names are the configuration's. */
export interface HealthThresholds {
  readonly healthy_threshold: number;
  readonly unhealthy_threshold: number;
}

/** The state of an endpoint before its first probe. */
export const UNKNOWN_HEALTH: HealthState = { health: "unknown", against: 0, proven: false };

/** The state after one more probe result, and whether `health` is another than before. */
export function nextHealth(
  state: HealthState,
  ok: boolean,
  thresholds: HealthThresholds,
): { readonly state: HealthState; readonly changed: boolean } {
  const seen: Health = ok ? "healthy" : "unhealthy";
  const proven = state.proven || ok;
  if (state.health === seen) return { state: { health: seen, against: 0, proven }, changed: false };
  const against = state.against + 1;
  const threshold = !ok ? thresholds.unhealthy_threshold : state.proven ? thresholds.healthy_threshold : 1;
  if (against >= threshold) return { state: { health: seen, against: 0, proven }, changed: true };
  return { state: { health: state.health, against, proven }, changed: false };
}
