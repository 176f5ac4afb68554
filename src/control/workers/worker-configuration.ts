/** A configuration as all workers get it, and the message for one worker, which leaves out routes that the worker has already. */
import type { Config } from "../../config/schema/schema.ts";
import type { ConfigureMessage } from "../../shared/protocol.ts";

/** A configuration as all workers get it. */
export interface WorkerConfiguration extends Omit<ConfigureMessage, "type"> {
  readonly routes: Config["routes"];
  /** The generation that introduced these routes. All generations since then have the same routes. */
  readonly routesSince: number;
}

/**
 * The message for one worker. Routes that the worker has already are left out: to receive and compile ten thousand routes would block
 * it for hundreds of milliseconds, even if only one endpoint changed.
 * @param inUse generation of the configuration that the worker uses; 0: none
 */
export function messageFor({ routesSince, ...configuration }: WorkerConfiguration, inUse: number): ConfigureMessage {
  return { type: "configure", ...configuration, routes: inUse >= routesSince ? null : configuration.routes };
}
