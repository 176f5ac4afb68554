import type { Config } from "../config/schema/schema.ts";
import { NO_FINE_CLOCK } from "../proxy/feature/fine-clock.ts";
import { NO_FILES } from "../proxy/feature/file-store.ts";
import { onceEach } from "../proxy/feature/once.ts";
import { NO_RESPONSE_STORES } from "../proxy/feature/response-store.ts";
import { NO_STORES } from "../proxy/feature/shared-store.ts";
import { noRegex } from "../policy/route/path-regex.ts";
import type { SnapshotContext } from "../proxy/snapshot.ts";
import { NO_MEMORY } from "../proxy/feature/memory.ts";
import { ApiDescriptions } from "../shared/api-descriptions.ts";
import { AddressLists } from "../shared/address-lists.ts";
import { CredentialFiles } from "../shared/credential-files.ts";
import { noLogins } from "../proxy/feature/login-ports.ts";
import { NO_PASSWORDS } from "../proxy/feature/password-checks.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { InFlightTable } from "../shared/in-flight-table.ts";
import { EndpointTable } from "../shared/endpoint-table.ts";
import { NameTable } from "../shared/name-table.ts";
import { WorkerTable } from "../shared/worker-table.ts";
import { loneSnapshot } from "./lone-snapshot.ts";
import { machine } from "./machine.ts";
import type { Platform } from "./platform.ts";
import { Thread } from "./thread.ts";
import type { ThreadOutput, ThreadParts } from "./thread.ts";

/** A thread with tables of its own, for the warm-up and for tests. Nobody else uses the tables, so their hash seeds need not be secret. */
export function loneThread(
  config: Config,
  access: ThreadOutput["access"],
  platform: Platform = machine,
  features: SnapshotContext["features"] = [],
  event: ThreadOutput["event"] = () => {},
  ownMiddleware: SnapshotContext["ownMiddleware"] = () => [],
): Thread {
  const snapshot = loneSnapshot(config, {
    workerIndex: 0,
    buckets: new BucketTable(BucketTable.create(0, 0, 8)),
    inFlight: new InFlightTable(InFlightTable.create(1, 0, 0, 8)),
    after: () => () => {},
    responses: NO_RESPONSE_STORES,
    fine: NO_FINE_CLOCK,
    now: () => platform.now(),
    status: () => "",
    features,
    report: () => {},
    ownMiddleware,
    compileRegex: noRegex,
    environment: {},
    readFile: () => "",
    lists: new AddressLists(),
    descriptions: new ApiDescriptions(),
    count: () => {},
    memory: NO_MEMORY,
    credentials: new CredentialFiles(),
    passwords: NO_PASSWORDS,
    logins: noLogins("nobody can be asked from here"),
    stores: NO_STORES,
    files: NO_FILES,
    once: onceEach(),
  });
  const endpoints = Object.values(config.upstreams).reduce((count, upstream) => count + upstream.endpoints.length, 0);
  const parts: ThreadParts = {
    workerIndex: 0,
    endpoints: new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(endpoints))),
    workers: new WorkerTable(WorkerTable.create(1, 1, 0, 0)),
    names: new NameTable(),
    socketsMax: Infinity,
    platform,
  };
  return new Thread(parts, snapshot, { access, event, tick: () => {}, released: () => {}, certificateWanted: () => {} });
}
