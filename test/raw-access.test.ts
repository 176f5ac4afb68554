/** Which transport carries what: raw handles on the pinned Node, streams wherever Node may work otherwise. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { rawAccess } from "../src/net/transport/raw-access.ts";
import { WITHOUT_RAW_ACCESS } from "./support/without-raw-access.ts";

const SOURCE = fileURLToPath(new URL("../src/net/transport/raw-access.ts", import.meta.url));

test("the pinned version of Node gives raw access, and the rehearsal leaves nothing behind", () => {
  const access = rawAccess();
  assert.ok(access !== null);
  assert.equal(access.state[access.readIndex], 0);
  assert.equal(rawAccess(), access, "asked once");
});

test("streams are used where the process may not look inside Node, and where Node reads or writes otherwise", () => {
  assert.equal(transports(""), "raw");
  assert.equal(transports("", WITHOUT_RAW_ACCESS), "streams");
  assert.equal(transports("process.binding = undefined;"), "streams");
  assert.equal(transports("process.throwDeprecation = true;"), "streams", "the warning would end the process");
  const otherHandle = 'Object.getPrototypeOf(process.binding("tcp_wrap").TCP.prototype).writev = undefined;';
  assert.equal(transports(otherHandle), "streams", "a handle lacks a method");
  const otherCount = "const own = process.binding; process.binding = (name) => ({ ...own(name), kReadBytesOrError: 1 });";
  assert.equal(transports(otherCount), "streams", "the count of a read stands elsewhere");
  assert.equal(transports("net.Socket.prototype.write = () => true;"), "streams", "a write does not reach the handle");
});

/** What a process uses in which `change` has happened before. */
function transports(change: string, options: string = ""): string {
  const program = `import net from "node:net"; ${change}
    const { rawAccess } = await import(${JSON.stringify(SOURCE)});
    process.exit(rawAccess() === null ? 20 : 21);`;
  const argv = [...options.split(" ").filter((option) => option !== ""), "--input-type=module", "--eval", program];
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  assert.ok(status === 20 || status === 21, stderr);
  return status === 20 ? "streams" : "raw";
}
