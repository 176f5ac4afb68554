/** Finds sockets that systemd handed over to the process (sd_listen_fds(3): `fd:3` and up) and that no listener uses. */
import { parseListenAddress } from "../../base/listen-address.ts";

const FIRST_FD = 3;
/** More than any unit passes. A limit, because the number comes from the environment and sets the length of a loop. */
const FDS_MAX = 1024;

/**
 * One line for each socket that no listener uses. Clients can connect to such a socket, and then wait for ever.
 * @param addresses the listeners' addresses as written in the configuration
 */
export function unusedSockets(
  addresses: readonly string[],
  { LISTEN_PID, LISTEN_FDS = "", LISTEN_FDNAMES = "" }: Readonly<Record<string, string | undefined>>,
  pid: number,
): readonly string[] {
  // With another LISTEN_PID the sockets are meant for another process, usually an ancestor of this one.
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
