/** Answers 503 while something is being worked on. */
import { compileCidrs } from "../../base/cidr.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { maintenanceFacts } from "./facts.ts";
import { FlagFile } from "./flag-file.ts";
import type { MaintenanceConfig } from "./schema.ts";

export const maintenance: Feature<"maintenance"> = {
  name: "maintenance",
  key: "maintenance",
  facts: maintenanceFacts,
  compile: maintenanceMiddleware,
};

type Context = Pick<FeatureContext, "files" | "now" | "once">;
type Verdict = LocalAnswer | null | Promise<LocalAnswer | null>;

/** @param levels of the whole configuration, the upstream and the route, as far as they are there */
function maintenanceMiddleware(levels: readonly MaintenanceConfig[], context: Context): Middleware {
  const switches = levels.map((level) => context.once(level, () => new Switch(level, context)));
  const askFrom = (client: string, first: number): Verdict => {
    for (let index = first; index < switches.length; index++) {
      const verdict = switches[index]?.ask(client) ?? null;
      if (verdict instanceof Promise) return verdict.then((later) => later ?? askFrom(client, index + 1));
      if (verdict !== null) return verdict;
    }
    return null;
  };
  return { name: "maintenance", onRequest: ({ client }) => askFrom(client, 0) };
}

/** The switch of one place in the configuration. */
class Switch {
  private readonly answer: LocalAnswer;
  private readonly isEnabled: boolean;
  private readonly flag: FlagFile | null;
  private readonly isAdmitted: (client: string) => boolean;

  constructor({ enabled, flag_file: file, retry_after: retryAfter, unless }: MaintenanceConfig, { files, now }: Omit<Context, "once">) {
    this.isEnabled = enabled;
    this.flag = file === undefined || enabled ? null : new FlagFile(file, files, now);
    const admitted = unless === undefined ? null : compileCidrs(unless.client_ip);
    this.isAdmitted = (client) => admitted !== null && client !== "" && admitted.contains(client);
    this.answer = {
      status: 503,
      reason: "maintenance",
      detail: "This service is under maintenance.",
      fields: [["Retry-After", `${Math.ceil(retryAfter / 1000)}`]],
    };
  }

  ask(client: string): Verdict {
    const isOn = this.isEnabled || (this.flag?.isThere() ?? false);
    if (isOn instanceof Promise) return isOn.then((is) => (is && !this.isAdmitted(client) ? this.answer : null));
    return isOn && !this.isAdmitted(client) ? this.answer : null;
  }
}
