/** The open listeners of a proxy, as a program sees them. */
import type { Config } from "../config/schema/schema.ts";
import type { OpenedListener } from "../control/listeners.ts";
import { reachableUrl } from "../control/listening/listener-url.ts";
import type { OpenListener } from "./proxy-types.ts";

export function openListener(opened: OpenedListener): OpenListener {
  const { address, target } = opened;
  return { address, url: reachableUrl(opened), port: target.kind === "tcp" ? target.port : null };
}

/** The listeners after a reload, in the order of the new configuration. */
export function reloadedListeners(
  before: readonly OpenListener[],
  opened: readonly OpenListener[],
  closed: readonly string[],
  { listeners }: Pick<Config, "listeners">,
): readonly OpenListener[] {
  const left = [...before];
  for (const address of closed) {
    const position = left.findIndex((each) => each.address === address);
    if (position >= 0) left.splice(position, 1);
  }
  const addresses = listeners.map(({ address }) => address);
  return [...left, ...opened].sort((a, b) => addresses.indexOf(a.address) - addresses.indexOf(b.address));
}
