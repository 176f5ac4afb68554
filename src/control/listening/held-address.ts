import { overlap } from "../../config/addresses/addresses.ts";
import type { Config } from "../../config/schema/schema.ts";

/**
 * The problem that an address cannot be listened on, completed by who has the address if that is this process. A reload opens what is new
 * before it closes what is gone, so an address that changes hands within the process takes two reloads.
 * @param problem one plain line of the reload, with the system's code in it
 * @param address the address as the new configuration has it
 * @param inUse the configuration that the reload is to replace
 */
export function withHolder(problem: string, address: string, inUse: Config): string {
  if (!problem.includes("EADDRINUSE")) return problem;
  const held = [
    ...(inUse.admin === undefined ? [] : [{ key: "admin.address", address: inUse.admin.address }]),
    ...inUse.listeners.map((listener, index) => ({ key: `listeners.#${index + 1}.address`, address: listener.address })),
  ];
  const holder = held.find((each) => overlap(each.address, address));
  if (holder === undefined) return problem;
  const has = `until the reload is over this process itself listens on ${holder.address} (${holder.key} of the configuration in use)`;
  return `${problem}: ${has}; free it with one reload and take it with the next`;
}
