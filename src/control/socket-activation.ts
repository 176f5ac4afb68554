/** Sockets that systemd opened and handed over, as sd_listen_fds(3) describes: `fd:3` and those after it. */
import { parseListenAddress } from "../base/listen-address.ts";

const FIRST_FD = 3;
/** Beyond what any unit passes; a number from the environment must not become a long loop. */
const FDS_MAX = 1024;

/**
 * One line for each socket that no listener takes: systemd accepts its clients into the queue, where they would wait for ever.
 * @param addresses of the listeners, as the configuration writes them
 */
export function unusedSockets(
  addresses: readonly string[],
  { LISTEN_PID, LISTEN_FDS = "", LISTEN_FDNAMES = "" }: Readonly<Record<string, string | undefined>>,
  pid: number,
): readonly string[] {
  // Meant for another process: an ancestor of this one, as a rule.
  if (LISTEN_PID !== String(pid) || !/^[0-9]{1,4}$/.test(LISTEN_FDS)) return [];
  const taken = new Set(addresses.map(parseListenAddress).flatMap(({ address }) => (address?.kind === "fd" ? [address.fd] : [])));
  const names = LISTEN_FDNAMES.split(":");
  return Array.from({ length: Math.min(Number(LISTEN_FDS), FDS_MAX) }, (_, index) => index).flatMap((index) => {
    const fd = FIRST_FD + index;
    if (taken.has(fd)) return [];
    const name = names[index] ?? "";
    return [`systemd hands over fd:${fd}${name === "" ? "" : ` (${name})`}, which no listener takes: its clients wait in vain`];
  });
}
