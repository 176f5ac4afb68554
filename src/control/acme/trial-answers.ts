/**
 * Answers the challenges of a trial order, when nobody else may: a proxy that is running and has the same storage answers them, since it looks into the folder
 * of challenges; where none is, servers of our own listen at the addresses of the configuration while the trial lasts.
 */
import http from "node:http";
import tls from "node:tls";
import { codeOf } from "../../base/errors.ts";
import { parseListenAddress } from "../../base/listen-address.ts";
import type { ServedCertificate } from "../../shared/listener-tls.ts";

const CHALLENGE_PATH = "/.well-known/acme-challenge/";

/** What there is to answer at the moment. */
export interface TrialSource {
  readonly texts: readonly (readonly [token: string, text: string])[];
  readonly certificates: readonly ServedCertificate[];
}

export interface TrialServers {
  /** Addresses at which somebody listens already, probably the proxy itself. */
  readonly taken: readonly string[];
  close(): void;
}

/**
 * Listens at these addresses. Rejects with an Error of one plain line when one cannot be listened at for another reason than that it is taken.
 * @param secure whether they are addresses with TLS
 */
export async function answerTrials(addresses: readonly string[], secure: boolean, source: () => TrialSource): Promise<TrialServers> {
  const servers: (http.Server | tls.Server)[] = [];
  const taken: string[] = [];
  const close = (): void => {
    for (const server of servers) server.close();
  };
  for (const text of addresses) {
    const { address } = parseListenAddress(text);
    if (address?.kind !== "tcp") continue;
    const server = secure ? alpnServer(source) : webServer(source);
    try {
      await listen(server, address.host, address.port);
      servers.push(server);
    } catch (error) {
      if (codeOf(error) !== "EADDRINUSE") {
        close();
        throw new Error(`cannot listen on ${text} for the trial (${codeOf(error)})`, { cause: error });
      }
      taken.push(text);
    }
  }
  return { taken, close };
}

function webServer(source: () => TrialSource): http.Server {
  return http.createServer((request, response) => {
    const path = request.url ?? "";
    const known = path.startsWith(CHALLENGE_PATH) ? source().texts.find(([token]) => path === `${CHALLENGE_PATH}${token}`) : undefined;
    response.writeHead(known === undefined ? 404 : 200, { "content-type": "application/octet-stream", connection: "close" });
    response.end(known?.[1] ?? "a trial order of millrace check is under way\n");
  });
}

function alpnServer(source: () => TrialSource): tls.Server {
  const server = tls.createServer({
    ALPNProtocols: ["acme-tls/1"],
    SNICallback: (name, done) => {
      const answer = source().certificates.find(({ names }) => names.includes(name.toLowerCase()));
      if (answer === undefined) done(new Error("no challenge for this name"));
      else done(null, tls.createSecureContext({ cert: answer.chain, key: answer.key }));
    },
  });
  // The connection is over once its handshake is (RFC 8737 section 3).
  server.on("secureConnection", (socket) => socket.end());
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

function listen(server: http.Server | tls.Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(host === "" ? { port } : { host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
