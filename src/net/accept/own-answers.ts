/**
 * What a connection answers itself, before a route is looked for: on a TLS connection, that a host does not belong there; on a plain listener,
 * challenges of certificate authorities and the redirect to https.
 */
import { parseListenAddress } from "../../base/listen-address.ts";
import type { Config } from "../../config/schema/schema.ts";
import { escapeUrl } from "../../policy/template/escapes.ts";
import * as answers from "../../proxy/exchange/answers.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { AskedRequest, OwnAnswers } from "../../proxy/ports/own-answers.ts";
import type { ListenerTls } from "../../shared/listener-tls.ts";
import type { TlsRule } from "../../proxy/ports/tls-facts.ts";

type ListenerConfig = Config["listeners"][number];

const HTTPS_PORT = 443;
/** Where authorities look for the answer to an http-01 challenge (RFC 8555 section 8.3). The token follows. */
const CHALLENGE_PATH = "/.well-known/acme-challenge/";

/** Answers every request of a client whose certificate was refused: TLS 1.3 has no alert for it once the handshake is finished. */
export const REFUSED_CLIENT: OwnAnswers = { answerTo: () => answers.CLIENT_CERTIFICATE_REFUSED };

/** Refuses hosts for which another certificate or another rule about client certificates holds (RFC 9110 section 15.5.20). */
export class HostsOfConnection implements OwnAnswers {
  private readonly rule: TlsRule;
  /** The host that was admitted last: nearly all requests of a connection are for one. */
  private admitted: string | null = null;

  constructor(rule: TlsRule) {
    this.rule = rule;
  }

  answerTo({ request: { host } }: AskedRequest): LocalAnswer | null {
    if (host === this.admitted) return null;
    if (!this.rule.admits(host)) return answers.MISDIRECTED;
    this.admitted = host;
    return null;
  }
}

/** Tells a client that speaks plain HTTP to a TLS listener so, or sends it to https. No request of such a connection reaches a route. */
export class PlainOnTls implements OwnAnswers {
  private readonly plainHttp: ListenerTls["plainHttp"];
  private readonly port: number;

  /** @param address the listener's */
  constructor(plainHttp: ListenerTls["plainHttp"], address: string) {
    this.plainHttp = plainHttp;
    this.port = portOf(address);
  }

  answerTo({ request }: AskedRequest): LocalAnswer {
    return this.plainHttp === "redirect" ? httpsRedirect(request, this.port) : answers.PLAIN_HTTP;
  }
}

/** The answers of a plain listener. */
export class ListenerAnswers implements OwnAnswers {
  /** Key authorizations by token, while the proxy may be asked for some; null: it never is. */
  challenges: ReadonlyMap<string, string> | null = null;
  /** The port of URLs to which plain requests are redirected. */
  httpsPort: number = HTTPS_PORT;
  private redirects: boolean = false;

  use({ redirect_to_https: redirects }: Pick<ListenerConfig, "redirect_to_https">): void {
    this.redirects = redirects;
  }

  /** Whether no request gets an answer. */
  get isSilent(): boolean {
    return !this.redirects && this.challenges === null;
  }

  answerTo({ request, scheme }: AskedRequest): LocalAnswer | null {
    const { challenges, redirects } = this;
    if (challenges !== null && request.path.startsWith(CHALLENGE_PATH)) {
      const text = challenges.get(request.path.slice(CHALLENGE_PATH.length));
      if (text !== undefined) return challengeAnswer(text);
    }
    // A trusted proxy in front may end TLS: its client has come by https already.
    return redirects && scheme === "http" ? httpsRedirect(request, this.httpsPort) : null;
  }
}

function challengeAnswer(text: string): LocalAnswer {
  const body = { contentType: "application/octet-stream", text };
  return { status: 200, reason: "acme_challenge", detail: "", fields: [["Cache-Control", "no-store"]], body };
}

/**
 * A host that may stand in `Location`. Percent-encodings and other characters that an authority may have are left out: browsers and proxies read
 * some of them in several ways.
 */
const HOST = /^(?:[0-9a-z_~.-]{1,255}|\[[0-9a-f:.]+\])$/;

/** The same URL with https. The status keeps method and body, and is permanent (RFC 9110 section 15.4.9). */
export function httpsRedirect({ host, forwardTarget }: AskedRequest["request"], port: number): LocalAnswer {
  if (!HOST.test(host)) return answers.NO_HOST;
  const target = forwardTarget.startsWith("/") ? escapeUrl(forwardTarget) : "/";
  const location = `https://${host}${port === HTTPS_PORT ? "" : `:${port}`}${target}`;
  return { status: 308, reason: "redirect_to_https", detail: "", fields: [["Location", location]] };
}

/** The port of the first listener with TLS; 443 where there is none, or where it is not known: a proxy in front then ends TLS. */
export function httpsPort({ listeners }: Pick<Config, "listeners">): number {
  for (const listener of listeners) if (hasTls(listener)) return portOf(listener.address);
  return HTTPS_PORT;
}

/** The port of URLs that lead to a listener. */
function portOf(listening: string): number {
  const { address } = parseListenAddress(listening);
  return address?.kind === "tcp" && address.port !== 0 ? address.port : HTTPS_PORT;
}

export function hasTls(listener: ListenerConfig): boolean {
  return listener.tls !== undefined;
}
