import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testProxy } from "millrace/testing";
import type { OriginFunction, TestProxy } from "millrace/testing";
import injectHtml from "./inject-html.ts";

const HTML = "<script src=/b.js></script>";

async function proxyFor(t: TestContext, app: OriginFunction, options: object = {}): Promise<TestProxy> {
  const middleware = [injectHtml({ html: HTML, ...options })];
  const proxy = await testProxy({ routes: [{ upstream: "app", middleware }] }, { upstreams: { app } });
  t.after(() => proxy.close());
  return proxy;
}

const TYPE = { "Content-Type": "text/html; charset=utf-8" };

/** A page that comes in two slices, or byte by byte. */
function inSlices(bytes: Uint8Array, cut: number | "everywhere"): Response {
  const cuts = cut === "everywhere" ? [...bytes.keys()] : [0, cut];
  const slices = cuts.map((from, index) => new Uint8Array(bytes.subarray(from, cuts[index + 1] ?? bytes.length)));
  const pull = (controller: ReadableStreamDefaultController): void => {
    const next = slices.shift();
    if (next === undefined) controller.close();
    else controller.enqueue(next);
  };
  return new Response(new ReadableStream({ pull }), { headers: TYPE });
}

const HIDDEN = "<!doctype html><html><HEAD><title>Grüße </head> & <b></title><!-- </head> --!><!--><script>'</head> <!--'</SCRIPT >";

test("the HTML comes before the first tag that is one, wherever the page is cut", async (t) => {
  const page = Buffer.from(`${HIDDEN}<style>a{}</style><header>🎉</header-x></HeAd ><body></head></body></html>`);
  const expected = page.toString().replace("</HeAd >", `${HTML}</HeAd >`);
  let cut: number | "everywhere" = "everywhere";
  const proxy = await proxyFor(t, () => inSlices(page, cut));
  const text = async (): Promise<string> => (await proxy.fetch("http://a.test/")).text();
  assert.equal(await text(), expected);
  for (cut = 1; cut < page.length; cut++) assert.equal(await text(), expected, `cut at ${cut}`);
  assert.match(proxy.metrics.text, new RegExp(`counter="injected"\\} ${page.length}$`, "m"));
});

test("pages without the tag pass unchanged; <body> takes its place", async (t) => {
  const cases = [
    ["<p>no tag", "<p>no tag"],
    [`${HIDDEN}<!-- </head>`, `${HIDDEN}<!-- </head>`],
    ["<script></head>", "<script></head>"],
    ["<p>a</hea", "<p>a</hea"],
    ["<p>a --", "<p>a --"],
    ['<title>x</title><body class="a">y', `<title>x</title>${HTML}<body class="a">y`],
    ["</head/>", `${HTML}</head/>`],
  ] as const;
  let page = "";
  const proxy = await proxyFor(t, () => inSlices(Buffer.from(page), "everywhere"));
  for (const [given, expected] of cases) {
    page = given;
    assert.equal(await (await proxy.fetch("http://a.test/")).text(), expected);
  }
  assert.match(proxy.metrics.text, /counter="no_tag"\} 5$/m);
});

test("a tag beyond the searched bytes is not looked for; nothing is lost", async (t) => {
  const page = `${"x".repeat(5000)}</head>${"y".repeat(500_000)}`;
  const proxy = await proxyFor(t, () => inSlices(Buffer.from(page), 4000), { search_bytes: 4000 });
  assert.equal(await (await proxy.fetch("http://a.test/")).text(), page);
});

test("another encoding's bytes stay as they are", async (t) => {
  const page = Buffer.from("<title>Gr\xfc\xdfe</title></head>", "latin1");
  const proxy = await proxyFor(t, () => new Response(page, { headers: { "Content-Type": "text/html; charset=iso-8859-1" } }));
  const bytes = Buffer.from(await (await proxy.fetch("http://a.test/")).arrayBuffer());
  assert.equal(bytes.toString("latin1"), `<title>Gr\xfc\xdfe</title>${HTML}</head>`);
});

test("what is no readable HTML passes unchanged, its fields too", async (t) => {
  const cases: ResponseInit[] = [
    { headers: { "Content-Type": "text/plain" } },
    { headers: { ...TYPE, "Content-Encoding": "br" } },
    { headers: { ...TYPE, "Cache-Control": "max-age=1, no-transform" } },
    { headers: { "Content-Type": "text/html; charset=UTF-16LE" } },
    { headers: TYPE, status: 206 },
  ];
  let init: ResponseInit = {};
  const proxy = await proxyFor(t, () => new Response("</head>", init));
  for (const given of cases) {
    init = { ...given, headers: { ...given.headers, ETag: '"1"' } };
    const response = await proxy.fetch("http://a.test/");
    assert.deepEqual(
      [response.headers.get("etag"), response.headers.get("content-length"), await response.text()],
      ['"1"', "7", "</head>"],
    );
  }
  assert.match(proxy.metrics.text, /counter="unreadable"\} 4$/m);
});

test("the fields of the head, for HEAD and 304 too; only pages are asked for without compression", async (t) => {
  const proxy = await proxyFor(t, ({ headers }) =>
    headers.has("if-none-match")
      ? new Response(null, { status: 304, headers: { ETag: '"1"' } })
      : new Response("</head>", { headers: { ...TYPE, ETag: '"1"' } }),
  );
  const page = { Accept: "text/html,*/*;q=0.8", "Accept-Encoding": "br" };
  const asked: RequestInit[] = [{ headers: page }, { headers: page, method: "HEAD" }, { headers: { ...page, "If-None-Match": 'W/"1"' } }];
  for (const init of asked) assert.equal((await proxy.fetch("http://a.test/", init)).headers.get("etag"), 'W/"1"');
  await proxy.fetch("http://a.test/a.png", { headers: { Accept: "image/*", "Accept-Encoding": "br" } });
  assert.deepEqual(
    proxy.requests("app").map(({ headers }) => headers.get("accept-encoding")),
    ["identity", "identity", "identity", "br"],
  );
});

test("wrong options are refused", async () => {
  for (const before of [["head"], ["<.*>"], []]) {
    const routes = [{ upstream: "app", middleware: [injectHtml({ html: HTML, before })] }];
    await assert.rejects(testProxy({ routes }, { upstreams: { app: () => new Response() } }), /options are refused/);
  }
});
