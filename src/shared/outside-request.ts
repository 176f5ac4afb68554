/**
 * Requests of a data-plane thread to services outside, such as an identity provider, which is no upstream. The control plane sends them
 * (control/outside/outside-requests.ts), because it has a client for services that need not be trusted; the data plane has none.
 */

export interface OutsideRequest {
  readonly method: "GET" | "POST";
  /** https, or plain http to this machine. */
  readonly url: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Null: there is none. */
  readonly body: string | null;
}

/** What came back: a whole response with any status, or why there is none, in one plain line without secrets. */
export type OutsideAnswer =
  | {
      readonly status: number;
      /** Those of {@link ANSWER_FIELDS} that the response has. */
      readonly fields: readonly (readonly [name: string, value: string])[];
      readonly body: string;
    }
  | { readonly problem: string };

/** The fields of responses that are handed on, in lower case. */
export const ANSWER_FIELDS: readonly string[] = ["content-type", "www-authenticate", "retry-after"];
