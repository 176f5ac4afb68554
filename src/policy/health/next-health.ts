/**
 * An endpoint's health as probes see it, flipped only after several equal results in a row:
 *
 *            ok                          unhealthy_threshold failures in a row
 *   unknown ----> healthy -----------------------------------------------------> unhealthy
 *      |             <-----------------------------------------------------         ^
 *      |                  healthy_threshold successes in a row                      |
 *      +----------------------------------------------------------------------------+
 *            the first result decides at once
 */
export type Health = "unknown" | "healthy" | "unhealthy";

export interface HealthState {
  readonly health: Health;
  /** How many results in a row spoke against `health`. */
  readonly against: number;
}

/** Both at least 1; the names are the configuration's. */
export interface HealthThresholds {
  readonly healthy_threshold: number;
  readonly unhealthy_threshold: number;
}

export const UNKNOWN_HEALTH: HealthState = { health: "unknown", against: 0 };

/** The state after one more probe result; `changed` tells whether `health` is another than before. */
export function nextHealth(
  state: HealthState,
  ok: boolean,
  thresholds: HealthThresholds,
): { readonly state: HealthState; readonly changed: boolean } {
  const seen: Health = ok ? "healthy" : "unhealthy";
  if (state.health === "unknown") return { state: { health: seen, against: 0 }, changed: true };
  if (state.health === seen) return { state: { health: seen, against: 0 }, changed: false };
  const against = state.against + 1;
  const threshold = ok ? thresholds.healthy_threshold : thresholds.unhealthy_threshold;
  if (against >= threshold) return { state: { health: seen, against: 0 }, changed: true };
  return { state: { health: state.health, against }, changed: false };
}
