import assert from "node:assert/strict";
import { test } from "node:test";
import { idleVariables } from "./idle-variables.ts";

const messages = (route: unknown): readonly string[] => idleVariables(route, 0).map(({ path, message }) => `${path.join(".")}: ${message}`);

test("a group that no path_regex of the route has", () => {
  const to = "/users/{match.id}";
  assert.deepEqual(messages({ redirect: { to } }), [
    "routes.0.redirect.to: {match. ...} is always empty: the route has no match.path_regex",
  ]);
  assert.deepEqual(messages({ match: { path_regex: "^/u/(?<name>.*)$" }, redirect: { to } }), [
    "routes.0.redirect.to: {match. ...} is always empty: no match.path_regex of the route has this group",
  ]);
  assert.deepEqual(messages({ match: { path_regex: "^/u/(.*)$" }, request_headers: { add: { "X-A": ["{match.1}", "{match.2}"] } } }), [
    "routes.0.request_headers.add.X-A.1: {match. ...} is always empty: no match.path_regex of the route has this group",
  ]);
});

test("groups that are there, in one entry of conditions or another; other texts", () => {
  const to = "/users/{match.id}/{match.1}/{match.0}";
  for (const route of [
    { match: { path_regex: "^/u/(?<id>.*)$" }, redirect: { to } },
    { match: [{ path: "/u" }, { path_regex: "^/u/(?P<id>.*)$" }], redirect: { to } },
    { redirect: { to: "/at{path}{{match.id}" } },
    { redirect: { to: "{match.} {nothing}" } },
    { redirect: 7, respond: null },
    "no route",
  ])
    assert.deepEqual(messages(route), []);
});

test("a variable of nginx, which is text here", () => {
  assert.deepEqual(messages({ redirect: { to: "https://$host$request_uri" } }), [
    "routes.0.redirect.to: $host is text here, and stands for nothing; the variable is {host}",
  ]);
  assert.deepEqual(messages({ request_headers: { set: { "X-Real-IP": "$remote_addr" } } }), [
    "routes.0.request_headers.set.X-Real-IP: $remote_addr is text here, and stands for nothing; the variable is {client_ip}",
  ]);
  for (const body of ["$", "5 $ a month", "$hostel", "$toString", "{host} $HOST"]) assert.deepEqual(messages({ respond: { body } }), []);
});

test("a slash before what begins with one", () => {
  assert.deepEqual(messages({ redirect: { to: "https://a.example/{uri}" } }), [
    "routes.0.redirect.to: {uri} begins with a slash itself: the one before it makes two",
  ]);
  assert.deepEqual(messages({ redirect: { to: "/new/{path}?{query}" } }), [
    "routes.0.redirect.to: {path} begins with a slash itself: the one before it makes two",
  ]);
  for (const to of ["https://a.example{uri}", "https://{host}{path}", "/users/{query.id}", "/x?from={path}", "/{match.rest}"])
    assert.doesNotMatch(messages({ redirect: { to } }).join(), /slash/);
  assert.deepEqual(messages({ respond: { body: "see /{path}" } }), []);
});
