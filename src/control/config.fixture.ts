/** A complete configuration for tests: one listener on a free port, one upstream `app` without health check, one route. */
import { plainConfig } from "../config/plain.ts";
import type { Config } from "../config/schema/schema.ts";

type Upstream = Config["upstreams"][string];

const NOBODY = "http://127.0.0.1:1";

export function testConfig(changes: Partial<Config> = {}): Config {
  return { ...plainConfig("127.0.0.1:0", NOBODY), ...changes };
}

export function testUpstream(urls: readonly string[], changes: Partial<Upstream> = {}): Upstream {
  const { app } = plainConfig("127.0.0.1:0", NOBODY).upstreams;
  if (app === undefined) throw new Error("the plain configuration has no upstream app");
  return { ...app, endpoints: urls.map((url) => ({ url, weight: 1 })), ...changes };
}

export function testHealthCheck(changes: Partial<NonNullable<Upstream["health_check"]>> = {}): NonNullable<Upstream["health_check"]> {
  return {
    path: "/health",
    interval: 100,
    timeout: 1000,
    healthy_threshold: 2,
    unhealthy_threshold: 2,
    expected_statuses: ["200-399"],
    ...changes,
  };
}
