import assert from "node:assert/strict";
import { test } from "node:test";
import { commandsOf } from "../support/page-blocks.ts";
import { recipe, says } from "../support/recipe.ts";
import { readText } from "../support/source-files.ts";

const { blocks, config, start } = recipe("systemd", { upstreams: { app: says("the application") } });

test("the unit reads the file that the page writes, and gives the folder of the log and the port", () => {
  const unit = readText("deploy/systemd/millrace.service");
  assert.match(unit, /^ExecStart=.* run --config \/etc\/millrace\/millrace\.yaml$/m);
  assert.match(unit, /^EnvironmentFile=-\/etc\/millrace\/environment$/m);
  assert.match(unit, /^LogsDirectory=millrace$/m);
  assert.match(unit, /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m);
  const stop = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]);
  assert.ok(stop > Number(/timeout: (\d+)s \}\n$/.exec(config)?.[1]), "longer than shutdown.timeout");
});

test("the commands are those of the unit's own page", () => {
  const page = readText("deploy/systemd/README.md");
  const commands = blocks.filter(({ language }) => language === "sh").flatMap(commandsOf);
  assert.ok(commands.length > 5);
  for (const command of commands) assert.ok(page.includes(command), command);
});

test("the configuration serves", async (t) => {
  const proxy = await start(t);
  assert.equal(await (await proxy.fetch("http://localhost/a")).text(), "the application got GET /a\n");
});
