import { test } from "node:test";
import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import net from "node:net";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { checkListeners, listenMessage, reusePortSupported } from "./listen-check.ts";
import type { ListenPlan } from "./listen-check.ts";
import type { ListenAddress } from "../../base/listen-address.ts";

const supported = reusePortSupported(process.platform);
const tcp = (port: number, host: string = "127.0.0.1"): ListenAddress => ({ kind: "tcp", host, port });

async function occupied(t: TestContext, options: { readonly reusePort?: boolean }): Promise<net.Server> {
  const server = net.createServer();
  t.after(() => server.close());
  server.listen({ host: "127.0.0.1", port: 0, ...options });
  await once(server, "listening");
  return server;
}

function portOf(server: net.Server): number {
  const address = server.address();
  assert.ok(address !== null && typeof address !== "string");
  return address.port;
}

async function planFor(addresses: readonly ListenAddress[], reusePort: boolean = supported): Promise<ListenPlan> {
  const checked = await checkListeners(addresses, reusePort);
  assert.ok(checked.problem === undefined, JSON.stringify(checked));
  return checked.plan;
}

test("which system can share a port", () => {
  assert.equal(reusePortSupported("linux"), true);
  assert.equal(reusePortSupported("darwin"), false);
});

test("a port in use is found, also when its owner would share it", async (t) => {
  const plain = portOf(await occupied(t, {}));
  const sharing = portOf(await occupied(t, { reusePort: supported }));
  for (const port of [plain, sharing]) {
    const { problem } = await checkListeners([tcp(0), tcp(port)], supported);
    assert.equal(problem, `cannot listen on 127.0.0.1:${port}: the address is in use (EADDRINUSE)`);
  }
});

test("two listeners of one configuration on one port are found", async () => {
  const free = await planFor([tcp(0)], false);
  const port = free.listeners[0]?.target.kind === "tcp" ? free.listeners[0].target.port : 0;
  const { problem } = await checkListeners([tcp(port), tcp(port)], supported);
  assert.match(problem ?? "", /\(EADDRINUSE\)$/);
});

test("an address that the machine does not have", async () => {
  const { problem } = await checkListeners([tcp(0, "192.0.2.1")], supported);
  assert.equal(problem, "cannot listen on 192.0.2.1:0: this machine does not have the address (EADDRNOTAVAIL)");
});

test("the message about a port below 1024 says which privilege it needs", () => {
  const refused = Object.assign(new Error("x"), { code: "EACCES" });
  assert.match(
    listenMessage(tcp(80, ""), refused),
    /^cannot listen on :80: permission denied \(EACCES\): allow it by AmbientCapabilities=CAP_NET_BIND_SERVICE in a systemd unit or "sysctl net\.ipv4\.ip_unprivileged_port_start=80", or take a port from 1024 on$/,
  );
  assert.equal(listenMessage(tcp(8080), refused), "cannot listen on 127.0.0.1:8080: permission denied (EACCES)");
  assert.match(
    listenMessage({ kind: "unix", path: "/run/a" }, refused),
    /permission denied \(EACCES\): this user may not write into its folder$/,
  );
});

test("port 0 becomes a real port that is held until it is released", { skip: !supported }, async () => {
  const plan = await planFor([tcp(0)]);
  const target = plan.listeners[0]?.target;
  assert.ok(target?.kind === "tcp" && target.port > 0 && target.reusePort);
  assert.match((await checkListeners([tcp(target.port)], true)).problem ?? "", /\(EADDRINUSE\)$/);
  const worker = net.createServer().listen({ host: target.host, port: target.port, reusePort: true });
  await once(worker, "listening");
  await plan.release();
  worker.close();
  await once(worker, "close");
  await planFor([tcp(target.port)]);
});

test("all addresses means IPv4 as well", async () => {
  const plan = await planFor([tcp(0, "")], false);
  const target = plan.listeners[0]?.target;
  assert.ok(target?.kind === "tcp");
  const server = net.createServer((socket) => socket.end()).listen({ host: target.host, port: target.port });
  await once(server, "listening");
  const socket = net.connect({ host: "127.0.0.1", port: target.port });
  await once(socket, "connect");
  socket.destroy();
  server.close();
});

test("without reusePort one worker alone opens the port", async () => {
  const plan = await planFor([tcp(0)], false);
  assert.equal(plan.listeners[0]?.shared, false);
});

function folder(t: TestContext): string {
  const path = fs.mkdtempSync(join(tmpdir(), "millrace-listen-"));
  t.after(() => fs.rmSync(path, { recursive: true }));
  return path;
}

test("a socket file: free, live, stale, something else, no folder", async (t) => {
  const path = join(folder(t), "a.sock");
  const address: ListenAddress = { kind: "unix", path };
  assert.deepEqual((await planFor([address])).listeners, [{ target: address, shared: false }]);
  assert.equal(fs.existsSync(path), false);

  const live = net.createServer().listen({ path });
  await once(live, "listening");
  assert.match((await checkListeners([address], supported)).problem ?? "", /\(EADDRINUSE\)$/);
  live.close();
  await once(live, "close");

  // A process that is killed leaves its socket file behind.
  const child = spawn(process.execPath, ["-e", `require("net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`]);
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.ok(fs.existsSync(path));
  await planFor([address]);
  assert.equal(fs.existsSync(path), false);

  fs.writeFileSync(path, "precious");
  const { problem } = await checkListeners([address], supported);
  assert.match(problem ?? "", /a file that is not a socket is in the way \(EEXIST\)/);
  assert.equal(fs.readFileSync(path, "utf8"), "precious");
  const missing = await checkListeners([{ kind: "unix", path: join(path, "x", "a.sock") }], supported);
  assert.ok(missing.problem);
});

test("a file descriptor must be an open socket", async (t) => {
  const file = fs.openSync(join(folder(t), "file"), "w");
  const notSocket = await checkListeners([{ kind: "fd", fd: file }], supported);
  assert.match(notSocket.problem ?? "", /\(ENOTSOCK\)$/);
  fs.closeSync(file);
  const notOpen = await checkListeners([{ kind: "fd", fd: 99_999 }], supported);
  assert.match(notOpen.problem ?? "", /\(EBADF\)$/);
});

test("a Unix socket in a folder that does not exist", async () => {
  const { problem } = await checkListeners([{ kind: "unix", path: "/nowhere/at/all.sock" }], supported);
  assert.equal(problem, "cannot listen on unix:/nowhere/at/all.sock: the folder does not exist (ENOENT)");
});
