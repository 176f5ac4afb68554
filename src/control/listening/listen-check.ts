/**
 * Checks, before any worker listens, that every address is free, and decides which workers open it.
 *
 * Workers share a TCP port with SO_REUSEPORT. That option would also share the port, silently, with another Millrace that is already
 * running. So each address is first bound here without the option, and passes only if nobody uses it. All these test sockets stay open
 * until the last address has passed, so that two listeners of one configuration that exclude each other are found too.
 *
 * A reload that replaces `127.0.0.1:80` by `:80` would find the port in use by the listener that it removes. Workers can open the new
 * listener beside the old one, so such an address is not tested.
 */
import net from "node:net";
import fs from "node:fs";
import path from "node:path";
import { codeOf, messageOf } from "../../base/errors.ts";
import type { ListenTarget } from "../../shared/protocol.ts";
import { onLocalhost } from "./localhost.ts";
import { lowPortAdvice } from "../system/low-ports.ts";
import { formatListenAddress, isLocalhost } from "../../base/listen-address.ts";
import type { ListenAddress } from "../../base/listen-address.ts";

export interface ListenPlan {
  /** In the order of the addresses that were given, with real ports where the configuration says port 0. */
  readonly listeners: readonly PlannedListener[];
  /** Closes the sockets that hold the ports chosen for port 0. Call it when the workers listen. */
  release(): Promise<void>;
}

export interface PlannedListener {
  readonly target: ListenTarget;
  /** True: every worker opens it. False: worker 0 alone. */
  readonly shared: boolean;
}

/** `problem`: one plain line with the address and the reason. `position`: index of that address among those that were given. */
export type ListenCheck =
  | { readonly plan: ListenPlan; readonly problem?: undefined }
  | { readonly problem: string; readonly position: number };

/** What the check must know about sockets that the process has already. */
export interface ListenSurroundings {
  /** Whether the reload removes a listener that uses this address. */
  readonly givesWay: (address: ListenAddress) => boolean;
  /** Whether an earlier listener used the descriptor: it is closed now. */
  readonly wasClosed: (fd: number) => boolean;
  /** Whether the descriptor is a socket that was handed over to the process, not one that the process opened itself. */
  readonly isInherited: (fd: number) => boolean;
}

const NOTHING_OPEN: ListenSurroundings = { givesWay: () => false, wasClosed: () => false, isInherited: () => true };

/** Whether several threads can listen on one port. On systems other than Linux, connections are not spread over the threads. */
export function reusePortSupported(platform: string): boolean {
  return platform === "linux";
}

/** Checks all addresses. @param reusePort whether workers share TCP ports */
export async function checkListeners(
  addresses: readonly ListenAddress[],
  reusePort: boolean,
  surroundings: ListenSurroundings = NOTHING_OPEN,
): Promise<ListenCheck> {
  const tests: net.Server[] = [];
  const placeholders: net.Server[] = [];
  const listeners: PlannedListener[] = [];
  try {
    for (const [position, address] of addresses.entries()) {
      try {
        listeners.push(await checkOne(address, reusePort, surroundings, tests, placeholders));
      } catch (error) {
        await Promise.all(placeholders.map(closed));
        return { problem: listenMessage(address, error), position };
      }
    }
  } finally {
    await Promise.all(tests.map(closed));
  }
  return {
    plan: {
      listeners,
      release: async () => {
        await Promise.all(placeholders.splice(0).map(closed));
      },
    },
  };
}

/** A listen error as one plain line, such as `cannot listen on :8080: the address is in use (EADDRINUSE)`. */
export function listenMessage(address: ListenAddress, error: unknown): string {
  const code = codeOf(error);
  const reason = REASONS[code] ?? messageOf(error);
  return `cannot listen on ${formatListenAddress(address)}: ${reason}${code === "" ? "" : ` (${code})`}${advice(address, code)}`;
}

function advice(address: ListenAddress, code: string): string {
  if (code !== "EACCES") return "";
  if (address.kind === "unix") return ": this user may not write into its folder";
  return address.kind === "tcp" && address.port < PRIVILEGED_BELOW ? `: ${lowPortAdvice(address.port)}` : "";
}

/** Ports below this can need a privilege. Some systems start at a lower port, none at a higher one. */
const PRIVILEGED_BELOW = 1024;

/** Removes the socket file of a dead process. Throws EADDRINUSE when a process listens on it, EEXIST when the file is not a socket. */
export async function removeStaleSocket(path: string): Promise<void> {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw Object.assign(new Error("a file that is not a socket is in the way"), { code: "EEXIST" });
  if (await answers(path)) throw Object.assign(new Error("in use"), { code: "EADDRINUSE" });
  fs.rmSync(path, { force: true });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "the address is in use",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EADDRNOTAVAIL: "this machine does not have the address",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name cannot be resolved now",
  EBADF: "the file descriptor is not open: whoever starts the process hands it over, such as a socket unit of systemd",
  ENOTSOCK: "the file descriptor is not a socket: whoever starts the process hands it over, such as a socket unit of systemd",
  ENOENT: "the folder does not exist",
};

async function checkOne(
  address: ListenAddress,
  reusePort: boolean,
  { givesWay, wasClosed, isInherited }: ListenSurroundings,
  tests: net.Server[],
  placeholders: net.Server[],
): Promise<PlannedListener> {
  if (address.kind === "fd") {
    if (wasClosed(address.fd)) throw new Error("the file descriptor was closed with the listener that had it: restart the process");
    if (!fs.fstatSync(address.fd).isSocket()) throw Object.assign(new Error("not a socket"), { code: "ENOTSOCK" });
    if (!isInherited(address.fd))
      throw new Error("the file descriptor is a socket of the process's own: none was handed over under this number");
    return { target: address, shared: false };
  }
  if (address.kind === "unix") {
    // For a missing folder libuv would report EACCES.
    if (!fs.existsSync(path.dirname(address.path))) throw Object.assign(new Error("no folder"), { code: "ENOENT" });
    await removeStaleSocket(address.path);
    tests.push(await listening({ path: address.path }));
    return { target: address, shared: false };
  }
  // Port 0 needs no test: the kernel chooses a port that nobody uses. A placeholder with reusePort keeps that port until the workers
  // listen. Nobody knows the number before that, so no client connects to the placeholder.
  const hold = address.port === 0 && reusePort;
  // An untested address is bound on any free port, only to learn the IP addresses of the host.
  const untested = reusePort && givesWay(address);
  const port = untested ? 0 : address.port;
  const open = (host: string, one: number): Promise<net.Server> => listeningOnHost(host, one, hold);
  const servers = isLocalhost(address.host) ? await onLocalhost(port, open) : [await open(address.host, port)];
  (hold ? placeholders : tests).push(...servers);
  const [bound, ...more] = servers.map(addressOf);
  if (bound === undefined) throw new Error("no server listens");
  const moreHosts = more.length === 0 ? {} : { moreHosts: more.map((each) => each.address) };
  return {
    target: { kind: "tcp", host: bound.address, ...moreHosts, port: untested ? address.port : bound.port, reusePort },
    shared: reusePort,
  };
}

function addressOf(server: net.Server): net.AddressInfo {
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("a TCP server without an address");
  return bound;
}

/** An empty host means all addresses: IPv6 and IPv4 on one socket, or IPv4 alone on a machine without IPv6. */
async function listeningOnHost(host: string, port: number, reusePort: boolean): Promise<net.Server> {
  if (host !== "") return listening({ host, port, reusePort });
  try {
    return await listening({ host: "::", port, reusePort });
  } catch (error) {
    if (!["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"].includes(codeOf(error))) throw error;
    return listening({ host: "0.0.0.0", port, reusePort });
  }
}

function listening(options: net.ListenOptions): Promise<net.Server> {
  const server = net.createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...options, exclusive: true }, () => resolve(server));
  });
}

function closed(server: net.Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Whether a process listens on the Unix socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => {
      if (codeOf(error) === "ECONNREFUSED" || codeOf(error) === "ENOENT") resolve(false);
      else reject(error);
    });
  });
}
