import assert from "node:assert/strict";
import { test } from "node:test";
import { lowPortProblem } from "./low-ports.ts";

const system = (start: string, capabilities: string) => (path: string) =>
  path.endsWith("ip_unprivileged_port_start") ? start : `Name:\tnode\nCapInh:\t0\nCapEff:\t${capabilities}\nCapBnd:\t0\n`;

test("who may listen on a low port", () => {
  const nobody = "0000000000000000";
  assert.match(
    lowPortProblem(80, system("1024\n", nobody)) ?? "",
    /^this user may not listen below port 1024: allow it by AmbientCapabilities=CAP_NET_BIND_SERVICE .*ip_unprivileged_port_start=80"/,
  );
  assert.equal(lowPortProblem(1024, system("1024\n", nobody)), null);
  assert.equal(lowPortProblem(80, system("80\n", nobody)), null);
  assert.equal(lowPortProblem(80, system("0\n", nobody)), null);
  assert.equal(lowPortProblem(80, system("1024\n", "0000000000000400")), null, "with CAP_NET_BIND_SERVICE");
  assert.equal(lowPortProblem(80, system("1024\n", "000001ffffffffff")), null, "root");
  assert.match(lowPortProblem(80, system("1024\n", "000001fffffffbff")) ?? "", /may not listen/, "all but that one");
});

test("a system without these files is no problem", () => {
  const silent = (): string => {
    throw new Error("ENOENT");
  };
  assert.equal(lowPortProblem(80, silent), null);
  assert.equal(lowPortProblem(80, system("nonsense", "0")), null);
});
