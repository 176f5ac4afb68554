/** `fd:N`: a listening socket that the parent process opened, as systemd does. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

for (const kind of ["tcp", "unix"] as const) {
  test(`a ${kind} socket is inherited and served`, { timeout: 30_000, skip: process.platform === "win32" }, async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), "millrace-fd-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const server = net.createServer();
    server.listen(kind === "unix" ? { path: path.join(folder, "socket") } : { host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    t.after(() => server.close());
    const address = server.address();
    const file = path.join(folder, "millrace.yaml");
    await writeFile(
      file,
      'listeners: [{ address: "fd:3" }]\nworkers: 1\nupstreams: { app: { endpoints: ["http://127.0.0.1:1"] } }\nroutes: [{ upstream: app }]\n',
    );
    const { _handle: handle } = server as net.Server & { _handle?: { readonly fd: number } };
    assert.ok(handle !== undefined);
    const child = spawn(process.execPath, [MAIN, "run", "--config", file], { stdio: ["ignore", "pipe", "inherit", handle.fd] });
    t.after(() => child.kill("SIGKILL"));
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      child.emit("output");
    });
    while (!output.includes('"event":"started"')) await once(child, "output");
    // Both processes have the socket, and closing it here would remove its file: what is accepted here is closed and tried again.
    server.on("connection", (socket) => socket.destroy());
    const to = typeof address === "string" ? { path: address } : { host: "127.0.0.1", port: address?.port ?? 0 };
    let received = "";
    for (let tries = 0; tries < 200 && received === ""; tries++) received = await answerOf(to);
    assert.match(received, /^HTTP\/1\.1 502 /);
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    assert.equal(code, 0);
  });
}

test(
  "a socket that a reload gives up is closed for good, and one that was handed over can be taken later",
  { timeout: 30_000, skip: process.platform === "win32" },
  async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), "millrace-fd-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const servers = await Promise.all(
      [1, 2].map(async () => {
        const server = net.createServer().listen({ host: "127.0.0.1", port: 0 });
        await once(server, "listening");
        t.after(() => server.close());
        return server;
      }),
    );
    const file = path.join(folder, "millrace.yaml");
    const configure = (...addresses: readonly string[]): Promise<void> =>
      writeFile(
        file,
        `listeners: [${addresses.map((address) => `{ address: "${address}" }`).join(", ")}]\nworkers: 2\nupstreams: { app: { endpoints: ["http://127.0.0.1:1"] } }\nroutes: [{ upstream: app }]\n`,
      );
    await configure("127.0.0.1:0", "fd:3");
    const handles = servers.map((server) => (server as net.Server & { _handle?: { readonly fd: number } })._handle?.fd ?? -1);
    const child = spawn(process.execPath, [MAIN, "run", "--config", file], { stdio: ["ignore", "pipe", "inherit", ...handles] });
    t.after(() => child.kill("SIGKILL"));
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      child.emit("output");
    });
    const printed = async (text: string): Promise<void> => {
      while (!output.includes(text)) await once(child, "output");
      output = "";
    };
    await printed('"event":"started"');
    await configure("127.0.0.1:0", "fd:4");
    child.kill("SIGHUP");
    await printed('"event":"config_reloaded"');
    const [gone, taken] = servers.map((server) => (server.address() as net.AddressInfo).port);
    for (const server of servers) server.on("connection", (socket) => socket.destroy());
    let received = "";
    for (let tries = 0; tries < 200 && received === ""; tries++) received = await answerOf({ host: "127.0.0.1", port: taken ?? 0 });
    assert.match(received, /^HTTP\/1\.1 502 /);
    assert.equal(await answerOf({ host: "127.0.0.1", port: gone ?? 0 }), "", "only this process has it");
    await configure("127.0.0.1:0", "fd:4", "fd:3");
    child.kill("SIGHUP");
    await printed(
      "listeners.#3.address: cannot listen on fd:3: the file descriptor was closed with the listener that had it: restart the process",
    );
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    assert.equal(code, 0);
  },
);

/** Everything that is answered; "" when the connection is closed without an answer. */
async function answerOf(to: net.NetConnectOpts): Promise<string> {
  const client = net.connect(to);
  let received = "";
  client.setEncoding("utf8").on("data", (text: string) => (received += text));
  client.on("error", () => {});
  client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  await new Promise((resolve) => client.once("close", resolve));
  return received;
}
