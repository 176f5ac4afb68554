/**
 * The features that a route may have: each is a folder, and its line here. The lists that the program loads, declared.ts and features.ts, are
 * made from this one by `npm run docs` (docs/decisions/0014-features.md). The order of the lines is the order in which features act on a
 * request, whatever the order of the keys in the file, and the order of the keys on the reference page.
 */
export const REGISTRY: readonly string[] = [
  // First: every answer carries the id, whichever feature gives the answer.
  "request-id",
  // A preflight carries no credentials and must be answered, whatever the features below would say.
  "cors",
  // Before the rate limit: a client that is refused here has used up nothing of its limit. The same holds for `maintenance`.
  "access",
  "maintenance",
  // Before authentication: guesses at tokens are limited too (docs/decisions/0004-order-of-middleware.md).
  "rate-limit",
  // After the rate: what is refused there takes no place.
  "concurrency-limit",
  "authentication",
  "require",
  // After those that ask who the client is. Bodies it reads later, after the limits by who the client is.
  "filter",
  // After all that ask who the client is: a body is read for those only who may send it. What is checked is the request as the client sent it.
  "validate",
  // After authentication: most limits are by who the client is. What is refused later takes no tokens, because they are given back at its end.
  "token-limit",
  // After all that may refuse: what is stored is for those who may have it.
  "cache",
  // Features that edit heads come after those that may refuse the request.
  "rewrite",
  "error-pages",
  "rewrite-location",
  "rewrite-cookies",
  "security-headers",
  // These two have the last word on the fields that the features above add.
  "request-headers",
  "response-headers",
  // After the user's own middleware, which sees bodies as origins send them: what is compressed, is what the client gets.
  "compression",
  // Last, after middleware of the user's own: these answer in the place of an upstream.
  "redirect",
  "respond",
  "files",
];
