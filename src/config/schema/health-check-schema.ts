/** The schema of `health_check`, in both forms of a configuration: how endpoints are probed. */
import { z } from "zod";
import { WAIT, duration, durationOrSeconds, wholeNumber } from "../../values/scalars.ts";
import { hostField, requestTarget } from "../../values/texts.ts";

const INTERVAL = "10s";
const INTERVAL_TEXT =
  "Time from one probe of an endpoint to the next, varied a little so that probes do not come all at once. Until an endpoint has passed its first one, probes come more often: after 250 ms at first, then less and less.";

const statusRange = z
  .union([z.string(), z.int()], { error: "expected a status such as 200 or a range such as 200-399" })
  .transform(String)
  .refine(isStatusRange, { error: "expected a status such as 200 or a range such as 200-399" })
  .meta({ title: "status or range" });

const shared = {
  path: requestTarget.optional().meta({
    description: "Path that a probe asks for with GET. Without it a probe only connects (for `https` including the TLS handshake).",
  }),
  healthy_threshold: wholeNumber({ min: 1, max: 100 }).default(2).meta({
    description:
      "Probes in a row that must pass before an unhealthy endpoint gets requests again. The first one that it passes ever counts at once.",
  }),
  unhealthy_threshold: wholeNumber({ min: 1, max: 100 }).default(3).meta({
    description:
      "Probes in a row that must fail before a healthy endpoint gets no more requests. Higher rides out single losses, lower reacts sooner. Until then an endpoint that has not passed a probe yet gets requests too, where no healthy one is left.",
  }),
  expected_statuses: z
    .array(statusRange)
    .min(1, { error: "expected at least one status" })
    .prefault(["200-399"])
    .meta({ description: "Statuses with which a probe passes: numbers or ranges." }),
  host: hostField.optional().meta({ description: "Host field of the probes. Default: host and port of the endpoint's URL." }),
};

const TIMEOUT = "5s";
const TIMEOUT_TEXT = "Time for a whole probe, from connecting to the status. Past it the probe has failed.";

/** `health_check` of the full form. */
export const healthCheckSchema = z.strictObject({
  ...shared,
  interval: duration(WAIT).prefault(INTERVAL).meta({ description: INTERVAL_TEXT }),
  timeout: duration(WAIT).prefault(TIMEOUT).meta({ description: TIMEOUT_TEXT }),
});

/**
 * `health_check` of the short form: bare numbers are seconds, and `frequency` stands for `interval`. The output is that of the full form.
 */
export const shortHealthCheckSchema = z
  .strictObject({
    ...shared,
    interval: durationOrSeconds(WAIT)
      .optional()
      .meta({ description: `${INTERVAL_TEXT} Default: ${INTERVAL}.` }),
    frequency: durationOrSeconds(WAIT).optional().meta({ description: "The same as `interval`; only one of them may be given." }),
    timeout: durationOrSeconds(WAIT).prefault(TIMEOUT).meta({ description: TIMEOUT_TEXT }),
  })
  .transform(({ frequency, interval, ...rest }) => ({
    ...rest,
    interval: interval ?? frequency ?? healthCheckSchema.parse({}).interval,
  }));

function isStatusRange(text: string): boolean {
  const match = /^([1-5][0-9][0-9])(?:-([1-5][0-9][0-9]))?$/.exec(text);
  return match !== null && Number(match[1]) <= Number(match[2] ?? match[1]);
}
