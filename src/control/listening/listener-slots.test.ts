import { test } from "node:test";
import assert from "node:assert/strict";
import { ListenerSlots } from "./listener-slots.ts";
import type { ListenerPlan } from "./listener-slots.ts";
import { testConfig } from "../config.fixture.ts";
import { parseConfig } from "../../config/load.ts";
import { LISTENER_SLOTS } from "../../shared/worker-table.ts";

const [SETTINGS = assert.fail()] = testConfig().listeners;

class Setting {
  readonly busy: Set<number> = new Set();
  readonly slots: ListenerSlots;

  constructor(capacity: number = 4) {
    this.slots = new ListenerSlots(capacity, (slot) => !this.busy.has(slot));
  }

  plan(...addresses: string[]): ListenerPlan | null {
    return this.slots.plan(addresses.map((address) => ({ ...SETTINGS, address })));
  }

  use(...addresses: string[]): ListenerPlan {
    const plan = this.plan(...addresses) ?? assert.fail("there are too few slots");
    plan.commit();
    return plan;
  }
}

const opened = (plan: ListenerPlan): readonly (readonly [number, string])[] => plan.opened.map(({ slot, address }) => [slot, address]);

test("a listener keeps its slot at any position; the plan names new and removed listeners", () => {
  const setting = new Setting();
  assert.deepEqual(opened(setting.use(":80", ":81")), [
    [0, ":80"],
    [1, ":81"],
  ]);
  const turned = setting.use(":82", ":81", ":80");
  assert.deepEqual(turned.slots, [2, 1, 0]);
  assert.deepEqual([opened(turned), turned.opened[0]?.position, turned.closed], [[[2, ":82"]], 0, []]);
  const fewer = setting.use(":81");
  assert.deepEqual(
    [fewer.slots, fewer.opened, fewer.closed],
    [
      [1],
      [],
      [
        { slot: 2, address: ":82" },
        { slot: 0, address: ":80" },
      ],
    ],
  );
});

test("two spellings of one TCP address are one listener; two spellings of a path are two", () => {
  const setting = new Setting();
  setting.use(":80", "unix:/a");
  assert.deepEqual(opened(setting.use("*:80", "unix:/A")), [[2, "unix:/A"]]);
});

test("port 0 twice is two listeners", () => {
  const setting = new Setting();
  assert.deepEqual(setting.use("127.0.0.1:0", "127.0.0.1:0").slots, [0, 1]);
  const fewer = setting.use("127.0.0.1:0");
  assert.deepEqual([fewer.slots, fewer.closed], [[0], [{ slot: 1, address: "127.0.0.1:0" }]]);
});

test("a slot is reused only after its last connection has ended, and their number is limited", () => {
  const setting = new Setting(2);
  setting.use(":80", ":81");
  setting.busy.add(0);
  setting.use(":81");
  assert.equal(setting.plan(":81", ":82"), null);
  setting.busy.delete(0);
  assert.deepEqual(setting.use(":81", ":82").slots, [1, 0]);
  assert.equal(setting.plan(":81", ":82", ":83"), null);
});

test("a plan that is not used has no effect", () => {
  const setting = new Setting();
  setting.use(":80");
  setting.plan(":81");
  assert.deepEqual(opened(setting.use(":80", ":82")), [[1, ":82"]]);
});

test("a configuration with more listeners than slots is refused", () => {
  const problems = (count: number): readonly string[] => {
    const listeners = Array.from({ length: count }, () => '{ address: "127.0.0.1:0" }').join(", ");
    const text = `listeners: [${listeners}]\nupstreams: { app: { endpoints: ["http://a.test"] } }\nroutes: [{ upstream: app }]\n`;
    const parsed = parseConfig(text, "x.yaml", {}, () => "");
    return "problems" in parsed ? parsed.problems.map(({ message }) => message) : [];
  };
  assert.deepEqual(problems(LISTENER_SLOTS), []);
  assert.deepEqual(problems(LISTENER_SLOTS + 1), [`there may be ${LISTENER_SLOTS}, and here are ${LISTENER_SLOTS + 1}`]);
});
