/** What a browser does with cookies, for tests: it keeps what `Set-Cookie` says and sends it again. */
import assert from "node:assert/strict";
import { RequestCookies } from "./request-cookies.ts";

export class Browser {
  /** Every `Set-Cookie` value so far. */
  readonly lines: string[] = [];
  readonly #jar = new Map<string, string>();
  readonly #base: string;
  readonly #https: boolean;

  constructor(base = "", https = true) {
    this.#base = base;
    this.#https = https;
  }

  take(lines: readonly string[]): void {
    for (const line of lines) {
      this.lines.push(line);
      const found = /^([^=;\s]+)=([^;\s,"\\]*)((?:; [\w-]+(?:=[\w/-]+)?)*)$/.exec(line);
      assert.ok(found !== null, `no Set-Cookie value: ${line}`);
      const [, name = "", value = "", attributes = ""] = found;
      // Browsers refuse larger ones, and those whose prefix promises more than their attributes hold.
      assert.ok(name.length + value.length <= 4_096, `${name} is too large`);
      if (name.startsWith("__Host-")) assert.match(attributes, /; Path=\/;.*; Secure;/);
      if (attributes.includes("; Max-Age=0;")) this.#jar.delete(name);
      else this.#jar.set(name, value);
    }
  }

  header(): string {
    return [...this.#jar].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  cookies(): RequestCookies {
    return new RequestCookies(this.header(), this.#base, this.#https);
  }

  names(): string[] {
    return [...this.#jar.keys()];
  }

  get(name: string): string {
    const value = this.#jar.get(name);
    assert.ok(value !== undefined, `no cookie ${name}`);
    return value;
  }

  set(name: string, value: string): void {
    this.#jar.set(name, value);
  }

  remove(name: string): void {
    this.#jar.delete(name);
  }

  /** Another browser with the same cookies, as somebody has who copied them. */
  copy(): Browser {
    const copy = new Browser(this.#base, this.#https);
    for (const [name, value] of this.#jar) copy.set(name, value);
    return copy;
  }
}
