import type { Endpoint } from "../../proxy/upstream/endpoint.ts";
import type { NameTable } from "../../shared/name-table.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport.ts";

/** A connection to an endpoint that is to be opened, and what becomes of it. */
export interface Dialing {
  readonly endpoint: Endpoint;
  readonly names: NameTable;
  /** Learns of failures too: they come as `onClosed`. */
  readonly reader: TransportReader;
  readonly writer: TransportWriter;
  /** Bytes that go first on the connection, before TLS, as latin1 text; "": none. */
  readonly preface: string;
  /**
   * The connection is established, for https after the certificate was verified. Gets the transport to use from then on, which may be another one than that
   * which can be destroyed meanwhile.
   */
  readonly onConnect: (transport: Transport) => void;
}
