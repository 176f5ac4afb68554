import { address } from "./address.ts";
import { exchange } from "./exchange.ts";
import { limit } from "./limit.ts";
import { log } from "./log.ts";
import { metrics } from "./metrics.ts";
import type { Operation } from "./operation.ts";
import { parse } from "./parse.ts";
import { pick } from "./pick.ts";
import { route } from "./route.ts";
import { serialise } from "./serialise.ts";

/** All operations, in the order in which a request meets them; the last one is a whole exchange. */
export const OPERATIONS: readonly Operation[] = [
  ...parse,
  ...address,
  ...route,
  ...limit,
  ...pick,
  ...serialise,
  ...metrics,
  ...log,
  ...exchange,
];
