/**
 * An endpoint's health as probes see it. It changes only after several equal results in a row, but the first success ever counts at once:
 *
 *            first success                unhealthy_threshold failures in a row
 *   unknown --------------> healthy -----------------------------------------------> unhealthy
 *      |                       <-----------------------------------------------         ^
 *      |                           healthy_threshold successes in a row, or             |
 *      |                           the first success ever                               |
 *      +--------------------------------------------------------------------------------+
 *                                  unhealthy_threshold failures in a row
 *
 * Until its first success an endpoint may simply not have started yet: nothing is known against it but that.
 */
export type Health = "unknown" | "healthy" | "unhealthy";

export interface HealthState {
  readonly health: Health;
  /** How many results in a row spoke against `health`. */
  readonly against: number;
  /** A probe has passed once. */
  readonly proven: boolean;
}

/** Both at least 1; the names are the configuration's. */
export interface HealthThresholds {
  readonly healthy_threshold: number;
  readonly unhealthy_threshold: number;
}

export const UNKNOWN_HEALTH: HealthState = { health: "unknown", against: 0, proven: false };

/** The state after one more probe result; `changed` tells whether `health` is another than before. */
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
