/** The ways in which the clients of the corpus reach Millrace: in the clear, and over TLS on Node's handle and on the streams of Node. */
import { RawClient } from "../support/raw-client.ts";
import { TLS_FILES } from "../support/tls-files.ts";
import { WITHOUT_RAW_ACCESS } from "../support/without-raw-access.ts";

export interface Front {
  /** Put after the names of suites. */
  readonly suffix: string;
  readonly scheme: "http" | "https";
  /** Further keys of the listener in the configuration, each after a comma. */
  readonly listenerKeys: string;
  /** The environment of the proxy's process. */
  readonly environment: Record<string, string>;
  /** Cases that say nothing here. */
  readonly beyond: ReadonlySet<string>;
  connect(port: number): Promise<RawClient>;
}

const IN_THE_CLEAR: Front = {
  suffix: "",
  scheme: "http",
  listenerKeys: "",
  environment: {},
  beyond: new Set(),
  connect: (port) => RawClient.connect(port),
};

const OVER_TLS: Front = {
  suffix: ", over TLS",
  scheme: "https",
  listenerKeys: `, tls: { certificates: [{ cert_file: "${TLS_FILES.certificate}", key_file: "${TLS_FILES.key}" }] }`,
  environment: {},
  // Its client claims `https`, which is true here.
  beyond: new Set(["own-fwd-spoof-all"]),
  connect: (port) => RawClient.connectTls(port, { ca: TLS_FILES.ca, servername: "a.test" }),
};

const OVER_TLS_STREAMS: Front = {
  ...OVER_TLS,
  suffix: ", over TLS through the streams of Node",
  environment: { NODE_OPTIONS: WITHOUT_RAW_ACCESS },
  // Streams of Node cannot reset such a connection, and a client on them takes an end without close_notify for one with it.
  beyond: new Set([...OVER_TLS.beyond, "own-r-ch-cut-10", "own-r-close-rst-10"]),
};

export const FRONTS: readonly Front[] = [IN_THE_CLEAR, OVER_TLS, OVER_TLS_STREAMS];
