/** `millrace check --acme`: orders the certificates of a configuration on trial. */
import type { Config } from "../config/schema/schema.ts";
import { orderOnTrial } from "../control/acme/trial-orders.ts";

/** Writes a line for each certificate. Resolves with the exit code. */
export async function tryOrders(
  { listeners }: Config,
  version: string,
  out: (text: string) => void,
  err: (text: string) => void,
): Promise<number> {
  const isFine = await orderOnTrial(listeners, {
    version,
    say: (line) => out(`${line}\n`),
    complain: (line) => err(`${line}\n`),
  });
  return isFine ? 0 : 1;
}
