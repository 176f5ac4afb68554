/**
 * Workloads over TLS between client and proxy: TLS 1.3 with the same suite, curve and kind of certificate for all (rivals/certificate.ts). Connections
 * to the origin are plain. Some are workloads of other files over TLS; the others are about handshakes.
 */
import { runTlsConnections } from "../load/tls-connections.ts";
import type { TlsConnectionsSettings } from "../load/tls-connections.ts";
import { missingProgram } from "../processes.ts";
import { caddy } from "../rivals/caddy.ts";
import { haproxy } from "../rivals/haproxy.ts";
import { millrace, millraceOnStreams } from "../rivals/millrace.ts";
import { nginx } from "../rivals/nginx.ts";
import { body100k, body10m } from "./bodies.ts";
import { idle } from "./idle.ts";
import { inRounds } from "./in-rounds.ts";
import { smallOrigin } from "./origins.ts";
import { small } from "./small.ts";
import { upload1m } from "./uploads.ts";
import type { Work } from "./work.ts";

const BASIC = [millrace, nginx, haproxy, caddy];
/** Splicing is for plain bytes only, and the packages on Node are not measured over TLS. */
const LEFT_OUT = /splice|^http-proxy$/;

export const tlsSmall: Work = overTls({ ...small, rivals: [millrace, millraceOnStreams, nginx, haproxy, caddy] });
export const tlsBody100k: Work = overTls(body100k);
export const tlsBody10m: Work = overTls(body10m);
export const tlsUpload1m: Work = overTls(upload1m);
export const tlsIdle: Work = overTls(idle);
export const tlsHandshakes: Work = handshakes("tls-handshakes", "full handshakes without a request, 64 at once", {});
export const tlsResumed: Work = handshakes("tls-resumed", "handshakes that resume a session by its ticket, without a request, 64 at once", {
  resumed: true,
});
export const tlsConnections: Work = handshakes("tls-connections", "full handshake, one request, 112 bytes answered, close; 64 at once", {
  asks: true,
});

function overTls(work: Work): Work {
  const { quick: _, ...rest } = work;
  return {
    ...rest,
    name: `tls-${work.name}`,
    about: `${work.about}, over TLS`,
    rivals: work.rivals.filter(({ name }) => !LEFT_OUT.test(name)),
    ...(work.rivals.length > 5 ? { quick: BASIC.map(({ name }) => name) } : {}),
    overTls: true,
    missing: () => work.missing() ?? missingOpenssl(),
  };
}

function handshakes(name: string, about: string, settings: Omit<TlsConnectionsSettings, "seconds">): Work {
  return {
    name,
    about,
    rivals: BASIC,
    overTls: true,
    missing: missingOpenssl,
    run: inRounds({
      origin: smallOrigin,
      base: "nginx",
      note: "a connection counts as a request; latencies count from its begin to its end",
      load:
        (place) =>
        ({ port }, seconds) =>
          runTlsConnections(place, port, { ...settings, seconds }),
    }),
  };
}

function missingOpenssl(): string | null {
  return missingProgram("openssl");
}
