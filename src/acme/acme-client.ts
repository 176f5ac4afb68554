/**
 * Requests to one certificate authority in the name of one account (RFC 8555 section 6): signed, each with a nonce of the authority's, and again where
 * the authority does not know the nonce any more. What the requests are about is in account.ts, order.ts and renewal-info.ts.
 */
import { messageOf } from "../base/errors.ts";
import type { AcmeClock, AcmeRequest, AcmeResponse, AskAuthority } from "./acme-http.ts";
import { AcmeFault, AcmeProblem, property } from "./acme-error.ts";
import { checkAnswer, objectOf } from "./answer.ts";
import { admittedUrl } from "./authority-urls.ts";
import { readDirectory } from "./directory.ts";
import type { Directory } from "./directory.ts";
import { signedRequest } from "./jws.ts";
import type { Signer } from "./jws.ts";

/** How often a request is repeated with another nonce. The answer that refuses a nonce brings the next one, so this costs a round trip each. */
const BAD_NONCES_MAX = 12;
/** Nonces that are kept. Requests of one account mostly follow each other, so one would nearly do. */
const NONCES_MAX = 8;
/** A directory is asked for again after this time: authorities add services. */
const DIRECTORY_MS = 3600_000;

export interface AcmeClientOptions {
  /** URL of the authority's directory. */
  readonly directory: string;
  readonly ask: AskAuthority;
  readonly clock: AcmeClock;
  /** Aborted: nothing more is asked. */
  readonly signal: AbortSignal;
}

/** What clients of one authority have in common. */
interface Shared {
  readonly nonces: string[];
  known: { readonly directory: Directory; readonly untilMs: number } | null;
}

export class AcmeClient {
  readonly clock: AcmeClock;
  readonly signal: AbortSignal;
  private readonly options: AcmeClientOptions;
  private readonly shared: Shared;

  constructor(options: AcmeClientOptions, shared: Shared = { nonces: [], known: null }) {
    this.options = options;
    this.shared = shared;
    this.clock = options.clock;
    this.signal = options.signal;
  }

  /** The same client, which can be given up by another signal too. */
  until(signal: AbortSignal): AcmeClient {
    return new AcmeClient({ ...this.options, signal: AbortSignal.any([this.signal, signal]) }, this.shared);
  }

  async directory(): Promise<Directory> {
    const { directory: url } = this.options;
    const now = this.clock.now();
    const { known } = this.shared;
    if (known !== null && now < known.untilMs) return known.directory;
    const response = await this.get(url);
    const directory = readDirectory(objectOf(response), url);
    this.shared.known = { directory, untilMs: now + DIRECTORY_MS };
    return directory;
  }

  /** An unsigned request. */
  async get(url: string): Promise<AcmeResponse> {
    const response = await this.ask({ method: "GET", url, accept: "application/json", signal: this.signal });
    checkAnswer(response, this.clock.now());
    return response;
  }

  /** Sends a signed request. @param payload null: only read. @param accept the media type of the answer, JSON if absent */
  async post(signer: Signer, url: string, payload: object | null, accept: string = "application/json"): Promise<AcmeResponse> {
    for (let refused = 0; ; refused++) {
      const body = signedRequest(signer, url, await this.nonce(), payload);
      const response = await this.ask({ method: "POST", url, accept, contentType: "application/jose+json", body, signal: this.signal });
      this.keepNonce(response);
      try {
        checkAnswer(response, this.clock.now());
        return response;
      } catch (error) {
        const isBadNonce = error instanceof AcmeProblem && error.type === "badNonce";
        if (!isBadNonce || refused >= BAD_NONCES_MAX) throw error;
      }
    }
  }

  /** A URL of an answer, if it is one to be asked. @param what names it in messages */
  urlIn(value: unknown, key: string): string {
    const url = property(value, key);
    return this.admitted(typeof url === "string" ? url : "", key);
  }

  /** The URL of what a request has made, in the Location field. */
  location(response: AcmeResponse, what: string): string {
    return this.admitted(response.field("location") ?? "", what);
  }

  /** The URL itself; throws where it is not one to be asked. */
  admitted(url: string, what: string): string {
    return admittedUrl(url, this.options.directory, what);
  }

  private async nonce(): Promise<string> {
    const kept = this.shared.nonces.pop();
    if (kept !== undefined) return kept;
    const { newNonce } = await this.directory();
    const response = await this.ask({ method: "HEAD", url: newNonce, signal: this.signal });
    checkAnswer(response, this.clock.now());
    this.keepNonce(response);
    const fresh = this.shared.nonces.pop();
    if (fresh === undefined) throw new AcmeFault("the authority gives no nonce");
    return fresh;
  }

  private keepNonce(response: AcmeResponse): void {
    const nonce = response.field("replay-nonce") ?? "";
    // RFC 8555 section 6.5.1: a nonce that is not base64url is to be ignored.
    if (/^[A-Za-z0-9_-]{1,256}$/.test(nonce) && this.shared.nonces.length < NONCES_MAX) this.shared.nonces.push(nonce);
  }

  private async ask(request: AcmeRequest): Promise<AcmeResponse> {
    if (this.signal.aborted) throw new AcmeFault("given up");
    try {
      return await this.options.ask(request);
    } catch (error) {
      throw error instanceof AcmeFault ? error : new AcmeFault(messageOf(error));
    }
  }
}
