/** What `millrace convert` makes of Caddyfiles answers as Caddy does: real Caddy beside it, the same requests to both. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { asked, beside } from "../support/beside.ts";

const installed = spawnSync("caddy", ["version"], { stdio: "ignore" }).status === 0;

interface Case {
  readonly name: string;
  readonly config: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly requests: readonly string[];
  /** Response fields that are compared. */
  readonly shown?: readonly string[];
}

const PATHS = [
  "/",
  "/a",
  "/a/",
  "/a/b",
  "/a/b/c",
  "/ab",
  "/b",
  "/b/x",
  "/b/x/y?q=1",
  "/c",
  "/c/d.png",
  "/c/e",
  "/c/e",
  "/c/f",
  "/x.php",
  "/old",
  "/exact",
  "/exact/",
  "/%61/b",
  "/none",
];

/** Of the password "secret". */
const HASH = "$2y$04$duSyZyDL3b9b1zi/BPkPV.GKV26VHn33dCZk4jjKkz9RctDe82B9e";

const CASES: readonly Case[] = [
  {
    name: "the order of directives",
    config: `http://a.test:PORT {
	reverse_proxy 127.0.0.1:7001
	respond /exact 403
	redir /old /new 301
	reverse_proxy /a/* 127.0.0.1:7002
	reverse_proxy /a/b/* 127.0.0.1:7003
	handle_path /b/* {
		reverse_proxy 127.0.0.1:7004
	}
	handle /c/* {
		@png path *.png
		reverse_proxy @png 127.0.0.1:7005
		respond /c/e "c" 201
	}
	@php path *.php
	respond @php "no" 410
}
http://b.test:PORT {
	route {
		respond /a/* "first" 200
		respond /a/b "second" 200
		respond "rest {path}?{query}" 200
	}
}`,
    // `/api/*` takes `/api` too in Millrace.
    requests: PATHS.filter((path) => !["/a", "/b", "/c", "/a/b", "/%61/b"].includes(path)).flatMap((path) => [
      `GET http://a.test${path}`,
      `GET http://b.test${path}`,
    ]),
  },
  {
    name: "matchers",
    config: `http://:PORT {
	@post method POST PUT
	@beta {
		header X-Beta 1
		path /a* /b/*
	}
	@query query debug=1
	@outside not remote_ip 127.0.0.1
	@number path_regexp n ^/n/([0-9]+)/(.*)$
	@host host c.test *.d.test
	@neither {
		not path /keep/*
		not header X-Keep *
		path /drop/* /keep/*
	}
	respond @outside 403
	respond @post post 201
	respond @beta beta 202
	respond @query debug 203
	redir @number /users/{re.n.1}?rest={re.n.2} 307
	respond @neither dropped 410
	handle @host {
		respond "host {host}"
	}
	reverse_proxy 127.0.0.1:7001
}`,
    requests: [
      "POST http://a.test/x",
      "GET http://a.test/x",
      "GET http://a.test/apis X-Beta: 1",
      "GET http://a.test/b/c X-Beta: 1",
      "GET http://a.test/b/c X-Beta: 2",
      "GET http://a.test/?debug=1",
      "GET http://a.test/?debug=2",
      "GET http://a.test/n/12/x/y",
      "GET http://a.test/n/x/y",
      "GET http://c.test/",
      "GET http://x.d.test/q",
      "GET http://d.test/q",
      "GET http://a.test/drop/x",
      "GET http://a.test/keep/x",
      "GET http://a.test/drop/x X-Keep: 1",
    ],
  },
  {
    name: "paths, fields and hosts on their way to origins",
    config: `(fields) {
	header {
		X-Set {args.0}
		-X-Powered-By
	}
}
http://a.test:PORT {
	import fields "yes, {host}"
	header /b/* X-Some some
	request_header X-Given {method}
	handle /strip/* {
		uri strip_prefix /strip
		reverse_proxy 127.0.0.1:7001
	}
	handle /put/* {
		rewrite * /v1{uri}
		reverse_proxy 127.0.0.1:7001
	}
	handle /new/* {
		rewrite * /other
		reverse_proxy 127.0.0.1:7001
	}
	handle /host/* {
		reverse_proxy 127.0.0.1:7001 {
			header_up Host {upstream_hostport}
			header_up X-Up "{query}"
			header_up -X-Drop
			header_down X-Down down
		}
	}
	reverse_proxy 127.0.0.1:7001
}`,
    requests: ["/", "/b/x", "/strip/a?b", "/strip/", "/put/a?b=c", "/new/x", "/host/x?q=1"].map(
      (path) => `GET http://a.test${path} X-Drop: 1`,
    ),
    shown: ["x-set", "x-some", "x-down", "x-powered-by"],
  },
  {
    name: "sites, redirects and answers",
    config: `http://www.a.test:PORT {
	redir http://a.test{uri} permanent
}
http://*.wild.test:PORT {
	respond "wild {host}"
}
http://x.wild.test:PORT, http://y.wild.test:PORT {
	respond "exact {host}"
}
http://a.test:PORT {
	redir /go http://b.test/?from={path}
	respond /json \`{"ok": true}\` 200
	respond /teapot 418 {
		body "short"
	}
	error /broken 503
	respond "hello"
}
http://:PORT {
	respond "other {host}" 202
}`,
    requests: [
      "www.a.test/x?y=1",
      "q.wild.test/",
      "x.wild.test/",
      "y.wild.test/",
      "a.test/go",
      "a.test/json",
      "a.test/teapot",
      "a.test/broken",
      "a.test/x",
      "none.test/",
      "127.0.0.1/",
    ].map((url) => `GET http://${url}`),
  },
  {
    name: "passwords",
    config: `http://a.test:PORT {
	basicauth /admin/* {
		alice HASH
	}
	basicauth /both/* bcrypt "both" {
		alice HASH
	}
	handle /both/* {
		basicauth {
			alice HASH
		}
		respond "both"
	}
	basicauth @json bcrypt {
		bob HASH64
	}
	@json path *.json
	reverse_proxy /admin/* 127.0.0.1:7001 {
		header_up -Authorization
		header_up X-User {http.auth.user.id}
	}
	reverse_proxy 127.0.0.1:7001 {
		header_up -Authorization
	}
}`
      // Versions from 2.8 on call it basic_auth.
      .replaceAll("HASH64", btoa(HASH))
      .replaceAll("HASH", HASH),
    requests: ["/", "/a.json", "/admin/x", "/both/x"].flatMap((path) => [
      `GET http://a.test${path}`,
      ...["alice:secret", "alice:wrong", "bob:secret"].map((login) => `GET http://a.test${path} Authorization: Basic ${btoa(login)}`),
    ]),
  },
  {
    name: "the word of a service",
    config: `http://a.test:PORT {
	forward_auth /in/* 127.0.0.1:7002 {
		uri /verify?a=b
		copy_headers X-Powered-By>X-Who
	}
	forward_auth /out/* 127.0.0.1:7002 {
		uri /leads
		header_up Host {upstream_hostport}
	}
	reverse_proxy 127.0.0.1:7001
}`,
    // No client's field of that name is passed on, on other routes either, where Caddy passes it.
    requests: [...["/in/x", "/out/x", "/x"].map((path) => `GET http://a.test${path}`), "POST http://a.test/in/x X-Who: root"],
  },
  {
    name: "files",
    config: `http://a.test:PORT {
	root * FOLDER/site
	handle_path /static/* {
		root * FOLDER/assets
		file_server
	}
	handle /api/* {
		reverse_proxy 127.0.0.1:7001
	}
	handle {
		try_files {path} /index.html
		file_server
	}
}`,
    files: { "site/index.html": "index", "site/a.html": "a", "site/sub/index.html": "sub", "assets/c.css": "c" },
    requests: ["/", "/a.html", "/some/route", "/static/c.css", "/static/none.css", "/api/x"].map((path) => `GET http://a.test${path}`),
  },
];

describe("beside Caddy", { skip: installed ? false : "Caddy is not installed: apt-get install caddy" }, () => {
  for (const { name, config, files = {}, requests, shown = [] } of CASES)
    test(name, async (t) => {
      const both = await beside("caddy", config, files, shown);
      t.after(() => both.close());
      const differences: object[] = [];
      for (const text of requests) {
        // Caddy asks origins for gzip by itself.
        const { fields, ...rest } = asked(text);
        const request = { ...rest, fields: { "Accept-Encoding": "identity", ...fields } };
        const [caddy, millrace] = await Promise.all([both.other(request), both.millrace(request)]);
        if (!isDeepStrictEqual(caddy, millrace)) differences.push({ text, caddy, millrace });
      }
      assert.deepEqual(differences, [], both.text);
    });
});
