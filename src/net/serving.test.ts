import assert from "node:assert/strict";
import { test } from "node:test";
import { plainConfig } from "../config/plain.ts";
import type { Config } from "../config/schema/schema.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { InFlightTable } from "../shared/in-flight-table.ts";
import { EndpointTable } from "../shared/endpoint-table.ts";
import { MetricTable, metricLayout } from "../shared/metric-table.ts";
import { NameTable } from "../shared/name-table.ts";
import { WorkerTable } from "../shared/worker-table.ts";
import { MemoryNetwork } from "./transport/memory/memory-network.ts";
import { Serving } from "./serving.ts";

function withEndpoints(...hosts: readonly string[]): Config {
  const config = plainConfig("127.0.0.1:0", "http://unused.test");
  const { app = assert.fail() } = config.upstreams;
  app.endpoints = hosts.map((host) => ({ url: `http://${host}`, weight: 1 }));
  return config;
}

test("an exchange that began before a reload can look up the names of its own configuration; they are forgotten after it", () => {
  const network = new MemoryNetwork();
  const names = new NameTable();
  const dialled: string[] = [];
  const fail: (() => void)[] = [];
  const released: number[] = [];
  const serving = new Serving({
    workerIndex: 0,
    endpoints: new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(4))),
    workers: new WorkerTable(WorkerTable.create(1, 1, 0, 0)),
    names,
    socketsMax: Infinity,
    platform: {
      ...network.platform,
      dial: (dialing) => {
        const { endpoint: target, names: table } = dialing;
        dialled.push(`${target.host} ${isKnown(table, target.host) ? "known" : "unknown"}`);
        network.listen(`${target.host}:${target.port}`, "silent");
        const transport = network.platform.dial(dialing);
        fail.push(() => transport.destroy("ECONNREFUSED"));
        return transport;
      },
    },
    buckets: new BucketTable(BucketTable.create(0, 0, 8)),
    inFlight: new InFlightTable(InFlightTable.create(1, 0, 0, 8)),
    output: {
      access: () => {},
      event: () => {},
      tick: () => {},
      certificateWanted: () => {},
      released: (generation) => released.push(generation),
    },
    status: () => () => "",
    features: [],
    environment: {},
    readFile: () => "",
  });
  let generation = 0;
  const configure = (config: Config): void => {
    const metricTable = new SharedArrayBuffer(MetricTable.bytes(metricLayout(config), 1));
    const endpointSlots = { app: config.upstreams["app"]?.endpoints.map((_, index) => index) ?? [] };
    serving.configure({
      type: "configure",
      generation: ++generation,
      config,
      routes: config.routes,
      endpointSlots,
      listenerSlots: [0],
      metricTable,
    });
  };
  configure(withEndpoints("a.test", "b.test"));
  for (const name of ["a.test", "b.test"]) names.take({ name, result: [{ address: "192.0.2.9", family: 4 }] });
  network.listen("proxy:80", (open) => void serving.contexts[0]?.admission.accept(open, "192.0.2.1"));
  let received = "";
  const client = {
    readBuffer: Buffer.alloc(1024),
    onRead: (bytes: Buffer, count: number) => void (received += bytes.toString("latin1", 0, count)),
    onEnd: () => {},
    onClosed: () => {},
    onWritten: () => {},
    onWriteFailed: () => {},
  };
  network.connect("proxy:80", client, client, (transport) => transport.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
  network.settle();
  assert.equal(dialled.length, 1);
  configure(withEndpoints("c.test"));
  fail[0]?.();
  network.settle();
  assert.deepEqual(dialled.toSorted(), ["a.test known", "b.test known"]);
  fail[1]?.();
  network.settle();
  assert.match(received, /^HTTP\/1\.1 502 /);
  assert.deepEqual(released, [1]);
  assert.deepEqual([isKnown(names, "a.test"), isKnown(names, "b.test")], [false, false]);
  serving.close();
});

test("a listener that a reload opens while the thread drains begins nothing that lasts", () => {
  const network = new MemoryNetwork();
  const serving = new Serving({
    workerIndex: 0,
    endpoints: new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(4))),
    workers: new WorkerTable(WorkerTable.create(1, 2, 0, 0)),
    names: new NameTable(),
    socketsMax: Infinity,
    platform: network.platform,
    buckets: new BucketTable(BucketTable.create(0, 0, 8)),
    inFlight: new InFlightTable(InFlightTable.create(1, 0, 0, 8)),
    output: { access: () => {}, event: () => {}, tick: () => {}, certificateWanted: () => {}, released: () => {} },
    status: () => () => "",
    features: [],
    environment: {},
    readFile: () => "",
  });
  const config = withEndpoints("a.test");
  const metricTable = new SharedArrayBuffer(MetricTable.bytes(metricLayout(config), 1));
  const slots = { endpointSlots: { app: [0] }, listenerSlots: [0] };
  serving.configure({ type: "configure", generation: 1, config, routes: config.routes, ...slots, metricTable });
  const [settings = assert.fail()] = config.listeners;
  assert.equal(serving.openListener(1, settings)?.draining, false);
  serving.drain(1000);
  serving.closeListener(1, 1000);
  assert.equal(serving.openListener(1, settings)?.draining, true);
  serving.close();
});

function isKnown(names: NameTable, name: string): boolean {
  let isFound = false;
  names.lookup(name, {}, (error) => void (isFound = error === null));
  return isFound;
}
