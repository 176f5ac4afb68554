/** A configuration as all workers get it, and the message for one worker, which leaves out routes that the worker has already. */
import type { Config } from "../../config/schema/schema.ts";
import type { ConfigureMessage, RenewedRoute } from "../../shared/protocol.ts";

/** A configuration as all workers get it. */
export interface WorkerConfiguration extends Omit<ConfigureMessage, "type" | "renewed"> {
  readonly routes: Config["routes"];
  /** The generation that introduced these routes. All generations since then have the same routes. */
  readonly routesSince: number;
  /** Set where only secrets differ from an earlier generation. */
  readonly renewal?: Renewal;
}

/** What differs from an earlier generation. */
export interface Renewal {
  readonly generation: number;
  readonly routes: readonly RenewedRoute[];
}

/**
 * The message for one worker. Routes that the worker has already are left out: to receive and compile ten thousand routes would block
 * it for hundreds of milliseconds, even if only one endpoint changed.
 * @param inUse generation of the configuration that the worker uses; 0: none
 */
export function messageFor({ routesSince, renewal, ...configuration }: WorkerConfiguration, inUse: number): ConfigureMessage {
  if (renewal !== undefined && isRenewal({ renewal }, inUse))
    return { type: "configure", ...configuration, routes: null, renewed: renewal.routes };
  return { type: "configure", ...configuration, routes: inUse >= routesSince ? null : configuration.routes };
}

/** Whether only secrets change for a worker. */
export function isRenewal({ renewal }: Pick<WorkerConfiguration, "renewal">, inUse: number): boolean {
  return renewal !== undefined && renewal.generation === inUse;
}
