/**
 * What a middleware changes in a head before it is sent: fields, and the method, target and Host of a request or the status of a response.
 * Hooks get the `...Changes` interfaces; the exchange and the writers of heads use the classes.
 */
import { isAuthority } from "./authority.ts";
import { FieldEdits, addedValues } from "./field-edits.ts";
import { ReplacedNames } from "./replaced-names.ts";
import type { ResponseHead } from "./response-head.ts";
import { withoutParameter } from "./query-parameter.ts";
import { mayHaveBody } from "./status.ts";
import { ORIGIN_FORM, TOKEN } from "./syntax.ts";

/**
 * What a middleware may change in the fields of a head. The changes are collected first and applied when the head is sent: names whose
 * received lines are left out, and lines that are added.
 *
 * Removing and adding the same each time costs almost nothing, because the proxy keeps the text of the head that it wrote before. So pass
 * names that stay the same, and lines that {@link fieldLine} made once, in `setup`.
 */
export interface FieldChanges {
  /** Removes every received line of that name (lower case). Throws a TypeError for Host, Content-Length and Transfer-Encoding. */
  remove(name: string): void;
  /** Adds a line; received lines of the same name stay. Throws a TypeError as {@link fieldLine} does. */
  append(name: string, value: string): void;
  /** Adds lines that {@link fieldLine} made, one or several joined. They are not checked again. */
  appendLines(lines: string): void;
  /**
   * Replaces all lines of that name by one, also those that earlier middleware or `request_headers` and `response_headers` of the
   * configuration have added. Throws a TypeError as {@link fieldLine} does.
   */
  set(name: string, value: string): void;
  /**
   * Removes the lines of these names, those too that another middleware has added, and then adds lines that {@link fieldLine} made.
   * @internal
   */
  replaceLines(names: ReplacedNames, lines: string): void;
  /**
   * As `replaceLines`, for lines that are other ones in each head.
   * @internal
   */
  replaceByFresh(names: ReplacedNames, lines: string): void;
}

/** What a middleware may change in a request that goes upstream. Each attempt at an endpoint begins without changes. */
export interface RequestChanges extends FieldChanges {
  /** The method that was set; null: as received. */
  readonly method: string | null;
  /** Path and query that were set; null: as received. */
  readonly target: string | null;
  /** The value of Host that was set; null: as received. */
  readonly authority: string | null;
  /**
   * Sets the method. Throws a TypeError for CONNECT and for text that is not a token. The exchange refuses a change from or to HEAD,
   * because responses to HEAD have no body (RFC 9110 section 9.3.2).
   */
  setMethod(method: string): void;
  /** Sets path and query, beginning with "/". Throws a TypeError for anything else. */
  setTarget(target: string): void;
  /** Sets the value of Host. Throws a TypeError for a malformed one. X-Forwarded-Host still names the host that the client asked for. */
  setAuthority(authority: string): void;
  /**
   * Takes the parameters of that name out of the query, in whatever target goes upstream: that which was set, `received`, or one that is set later.
   * @internal
   */
  takeParameter(name: string, received: string): void;
  /**
   * Rewrites the cookies that go upstream: those that other middleware has set, or else those of `received`.
   * @param received the values of Cookie
   * @param rewritten gets all values joined by `; `, and returns what takes their place; null: nothing
   * @internal
   */
  rewriteCookies(received: readonly string[], rewritten: (cookie: string) => string | null): void;
}

/** Names and values of fields, in their order. */
type FieldList = readonly (readonly [name: string, value: string])[];

/**
 * A final response and what a middleware may change in it. `remove` and `set` hold for the received lines, for the fields of an answer of the
 * proxy's own, and for the lines that the proxy writes itself: Date, Content-Type, Cache-Control and Proxy-Status. They do not reach what says
 * where the response ends: Content-Length, Transfer-Encoding and Connection.
 */
export interface ResponseChanges extends FieldChanges {
  /** The head as received, without the changes. Null for an answer of the proxy's own. */
  readonly head: ResponseHead | null;
  /** The status that the client will get. */
  readonly status: number;
  /**
   * The fields of an answer of the proxy's own; none for a response.
   * @internal
   */
  readonly answered: FieldList;
  /**
   * The values of that field (lower case) as they stand after the changes so far.
   * @internal
   */
  current(name: string): readonly string[];
  /**
   * Sets the status. Throws a RangeError unless it is a final status whose responses may have a body, because a change must not decide
   * whether there is a body. It has no effect on the proxy's own answers and on responses without a body (204, 304).
   */
  setStatus(status: number): void;
}

/** Edits of a request that goes upstream. Each attempt of an exchange begins with no edits. */
export class RequestEdits extends FieldEdits implements RequestChanges {
  /** For each of the three, null: send it as received. */
  method: string | null = null;
  target: string | null = null;
  authority: string | null = null;
  /** The parameter that no target may have; "": any may. */
  #taken: string = "";
  // What was found valid last: middleware mostly sets the same again.
  #validTarget: string = "";
  #validAuthority: string = "";

  override reset(): void {
    super.reset();
    this.method = null;
    this.target = null;
    this.authority = null;
    this.#taken = "";
  }

  setMethod(method: string): void {
    if (!isText(method) || !TOKEN.test(method) || method === "CONNECT")
      throw new TypeError(`the method ${JSON.stringify(method)} cannot be sent`);
    this.method = method;
  }

  setTarget(target: string): void {
    if (target !== this.#validTarget || target === "") {
      if (!isText(target) || !ORIGIN_FORM.test(target)) throw new TypeError("the target is not a path with a query");
      this.#validTarget = target;
    }
    this.target = this.#taken === "" ? target : withoutParameter(target, this.#taken);
  }

  takeParameter(name: string, received: string): void {
    const before = this.target ?? received;
    const after = withoutParameter(before, name);
    this.#taken = name;
    if (after !== before) this.setTarget(after);
  }

  rewriteCookies(received: readonly string[], rewritten: (cookie: string) => string | null): void {
    const before = [...(this.removed.includes("cookie") ? [] : received), ...addedValues(this.added, "cookie")].join("; ");
    if (before === "") return;
    const after = rewritten(before);
    if (after === null) this.replaceLines(COOKIE, "");
    else if (after !== before) this.set("Cookie", after);
  }

  setAuthority(authority: string): void {
    if (authority !== this.#validAuthority || authority === "") {
      if (!isText(authority) || !isAuthority(authority)) throw new TypeError("the authority is malformed");
      this.#validAuthority = authority;
    }
    this.authority = authority;
  }
}

const COOKIE = new ReplacedNames(["cookie"], ["cookie"]);

const NO_FIELDS: FieldList = [];
const NO_VALUES: readonly string[] = [];

/** Edits of a final response. */
export class ResponseEdits extends FieldEdits implements ResponseChanges {
  head: ResponseHead | null = null;
  answered: FieldList = NO_FIELDS;
  /** The status in place of the received one. Null: none was set. */
  newStatus: number | null = null;
  private receivedStatus: number = 0;

  override reset(): void {
    super.reset();
    this.head = null;
    this.answered = NO_FIELDS;
    this.newStatus = null;
    this.receivedStatus = 0;
  }

  /**
   * Begins the edits of one response.
   * @param head null for an answer of the proxy's own
   * @param answered the fields of such an answer
   */
  begin(head: ResponseHead | null, status: number, answered: FieldList = NO_FIELDS): void {
    this.head = head;
    this.answered = answered;
    this.receivedStatus = status;
  }

  current(name: string): readonly string[] {
    const { added } = this;
    const values = added === "" ? NO_VALUES : addedValues(added, name);
    if (this.removed.includes(name)) return values;
    const received = this.head?.values(name) ?? this.answered.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value);
    return values.length === 0 ? received : [...received, ...values];
  }

  get status(): number {
    return this.newStatus ?? this.receivedStatus;
  }

  setStatus(status: number): void {
    if (!Number.isInteger(status) || status < 200 || status > 599 || !mayHaveBody(status))
      throw new RangeError(`${status} is no status to set`);
    if (this.head === null || !mayHaveBody(this.head.status)) return;
    this.newStatus = status;
  }
}

/** Code without types may give an object, which could be one text when it is checked and another one when it is written. */
function isText(given: unknown): boolean {
  return typeof given === "string";
}
