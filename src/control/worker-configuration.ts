import type { Config } from "../config/schema.ts";
import type { ConfigureMessage } from "../shared/protocol.ts";

/** A configuration for all workers, whatever each of them uses. */
export interface WorkerConfiguration extends Omit<ConfigureMessage, "type"> {
  readonly routes: Config["routes"];
  /** Generation of the first configuration with these very routes, without another one in between. */
  readonly routesSince: number;
}

/**
 * What is told to a worker. Routes that it has are left out: with ten thousand of them it would stand still for hundreds of milliseconds
 * because one endpoint changes.
 * @param inUse the generation that the worker uses; 0: none
 */
export function messageFor({ routesSince, ...configuration }: WorkerConfiguration, inUse: number): ConfigureMessage {
  return { type: "configure", ...configuration, routes: inUse >= routesSince ? null : configuration.routes };
}
