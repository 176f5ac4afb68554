/** Where a browser may be sent after a login: paths of the origin that it has asked, and nothing else. */

/** Longer ones make login cookies too large. */
const RETURN_CHARS_MAX = 2_000;
/** ASCII without space and controls, and without the backslash, which browsers take for a slash. */
const PATH = /^\/(?![/\\])[!-[\]-~]*$/;

/**
 * The path and query to return to, as they are. Null: `target` is no local path, or none that every browser reads as local: it does not begin
 * with one slash (`//evil.example`, `/\evil.example`, `https:...`), or has a backslash, a control character, a space or one beyond ASCII.
 */
export function localPath(target: string): string | null {
  return target.length <= RETURN_CHARS_MAX && PATH.test(target) ? target : null;
}

/**
 * The absolute URL of a local path, for `Location`. It begins with the origin, so that a path such as `/.//evil.example`, which becomes
 * `//evil.example` where somebody removes its dot segments, cannot be taken for another host.
 */
export function localUrl(origin: string, path: string): string {
  return origin + path;
}
