/**
 * What each event does in each state of a producer. How events follow one another in whole exchanges is in exchange.stages.test.ts,
 * exchange.sources.test.ts and, in every order, exchange.middleware-events.test.ts.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import type { StageOutput } from "../feature/body-stage.ts";
import type { SourceInput } from "../feature/response-source.ts";
import { BodyProducer, SILENT_MS_MAX } from "./body-producer.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import { INPUT_FOLLOWING, Input, OUTPUT_FOLLOWING, Output } from "./producer-state.ts";

const EMPTY = Buffer.from("");

/** A producer that notes what its own code and its neighbours are told. Like a stage, it is awaited as long as its input is not open. */
class Sample extends BodyProducer {
  readonly dialogue: Dialogue;
  readonly calls: StageOutput;
  readonly seen: Set<string> = new Set();
  /** What its code's `flush` returns. */
  takes: boolean = true;
  /** What the receiver's `flush` returns. */
  receiverTakes: boolean = true;
  /** The method of its code that throws. */
  throwsIn: string = "";
  notes: string[] = [];

  constructor(said: number | null = -1) {
    const told = (what: string): void => {
      this.notes.push(what);
      if (this.throwsIn === what) throw new Error("broken");
    };
    const code: SourceInput = {
      data: () => told("data"),
      end: () => told("end"),
      flush: () => {
        told("flush");
        return this.takes;
      },
      writable: () => told("writable"),
      abort: () => told("abort"),
    };
    const dialogue = new Dialogue();
    super(dialogue, "a sample", code, said);
    this.dialogue = dialogue;
    this.calls = this.outputCalls();
  }

  protected get isAwaited(): boolean {
    return this.input !== Input.open;
  }

  protected inputFreed(): void {
    this.notes.push("freed");
  }

  protected deliver(bytes: Buffer): void {
    this.notes.push(`>${bytes.toString()}`);
  }

  protected flushOutput(): boolean {
    this.notes.push(">flush");
    if (!this.receiverTakes) this.outputBlocked();
    return this.output !== Output.blocked;
  }

  protected deliverEnd(): void {
    this.notes.push(">end");
  }

  protected failed(error: unknown): void {
    this.notes.push(`failed: ${error instanceof Error ? error.message : String(error)}`);
    this.abort();
  }

  override enterInput(state: Input): void {
    assert.ok(INPUT_FOLLOWING[this.input].includes(state), `input ${this.input} is followed by ${state}`);
    this.seen.add(`input ${this.input} ${state}`);
    super.enterInput(state);
  }

  override enterOutput(state: Output): void {
    assert.ok(OUTPUT_FOLLOWING[this.output].includes(state), `output ${this.output} is followed by ${state}`);
    this.seen.add(`output ${this.output} ${state}`);
    super.enterOutput(state);
  }

  blocks(): void {
    this.outputBlocked();
  }

  unblocks(): void {
    this.outputUnblocked();
  }

  get state(): string {
    const isTimed = this.dueTick <= this.dialogue.deadlines.tickOf(this.dialogue.now + SILENT_MS_MAX);
    return `${nameIn(Input, this.input)} ${nameIn(Output, this.output)}${isTimed ? " +" : ""}`;
  }
}

/** What can happen to a producer. What a call returns is noted. */
const EVENTS: Readonly<Record<string, (sample: Sample) => void>> = {
  data: (sample) => sample.data(EMPTY, 0, 0),
  end: (sample) => sample.end(null),
  "flush yes": (sample) => void sample.notes.push(String(sample.flush())),
  "flush no": (sample) => {
    sample.takes = false;
    sample.notes.push(String(sample.flush()));
  },
  resume: (sample) => sample.calls.resume(),
  write: (sample) => sample.calls.write(Buffer.from("x")),
  "write nothing": (sample) => sample.calls.write(EMPTY),
  sends: (sample) => void sample.notes.push(String(sample.calls.flush())),
  "sends slowly": (sample) => {
    sample.receiverTakes = false;
    sample.notes.push(String(sample.calls.flush()));
  },
  blocked: (sample) => sample.blocks(),
  unblocked: (sample) => sample.unblocks(),
  "unblocked, slow again": (sample) => {
    sample.receiverTakes = false;
    sample.unblocks();
  },
  ends: (sample) => sample.calls.end(null),
  fails: (sample) => sample.calls.fail(new Error("broken")),
  abort: (sample) => sample.abort(),
  "time is over": (sample) => sample.onDeadline(),
};

/** While the output goes on: by state, what each event makes the producer say; after "->", its state, with a + while its time limit runs. */
const LIVE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "open open": {
    data: "data -> open open",
    end: "end -> ended open",
    "flush yes": "flush; true -> open open",
    "flush no": "flush; false -> full open +",
    resume: " -> open open",
    write: ">x -> open open",
    "write nothing": " -> open open",
    sends: ">flush; true -> open open",
    "sends slowly": ">flush; false -> open blocked",
    blocked: " -> open blocked",
    unblocked: " -> open open",
    "unblocked, slow again": " -> open open",
    ends: ">end -> open ended",
    fails: "failed: broken; abort -> open aborted",
    abort: "abort -> open aborted",
    "time is over": "failed: a sample was silent for 60 s; abort -> open aborted",
  },
  "open blocked": {
    data: "data -> open blocked",
    end: "end -> ended blocked",
    "flush yes": "flush; true -> open blocked",
    "flush no": "flush; false -> full blocked",
    resume: " -> open blocked",
    write: ">x -> open blocked",
    "write nothing": " -> open blocked",
    sends: ">flush; false -> open blocked",
    "sends slowly": ">flush; false -> open blocked",
    blocked: " -> open blocked",
    unblocked: "writable; >flush -> open open",
    "unblocked, slow again": "writable; >flush -> open blocked",
    ends: ">end -> open ended",
    fails: "failed: broken; abort -> open aborted",
    abort: "abort -> open aborted",
    "time is over": "failed: a sample was silent for 60 s; abort -> open aborted",
  },
  "full open": {
    data: "data -> full open +",
    end: "end; freed -> ended open +",
    "flush yes": "flush; true -> open open",
    "flush no": "flush; false -> full open +",
    resume: "freed -> open open",
    write: ">x -> full open +",
    "write nothing": " -> full open +",
    sends: ">flush; true -> full open +",
    "sends slowly": ">flush; false -> full blocked",
    blocked: " -> full blocked",
    unblocked: " -> full open +",
    "unblocked, slow again": " -> full open +",
    ends: ">end -> full ended",
    fails: "failed: broken; abort -> full aborted",
    abort: "abort -> full aborted",
    "time is over": "failed: a sample was silent for 60 s; abort -> full aborted",
  },
  "full blocked": {
    data: "data -> full blocked",
    end: "end; freed -> ended blocked",
    "flush yes": "flush; true -> open blocked",
    "flush no": "flush; false -> full blocked",
    resume: "freed -> open blocked",
    write: ">x -> full blocked",
    "write nothing": " -> full blocked",
    sends: ">flush; false -> full blocked",
    "sends slowly": ">flush; false -> full blocked",
    blocked: " -> full blocked",
    unblocked: "writable; >flush -> full open +",
    "unblocked, slow again": "writable; >flush -> full blocked",
    ends: ">end -> full ended",
    fails: "failed: broken; abort -> full aborted",
    abort: "abort -> full aborted",
    "time is over": "failed: a sample was silent for 60 s; abort -> full aborted",
  },
  "ended open": {
    "flush yes": "flush; true -> ended open +",
    "flush no": "flush; true -> ended open +",
    resume: " -> ended open +",
    write: ">x -> ended open +",
    "write nothing": " -> ended open +",
    sends: ">flush; true -> ended open +",
    "sends slowly": ">flush; false -> ended blocked",
    blocked: " -> ended blocked",
    unblocked: " -> ended open +",
    "unblocked, slow again": " -> ended open +",
    ends: ">end -> ended ended",
    fails: "failed: broken; abort -> ended aborted",
    abort: "abort -> ended aborted",
    "time is over": "failed: a sample was silent for 60 s; abort -> ended aborted",
  },
  "ended blocked": {
    "flush yes": "flush; true -> ended blocked",
    "flush no": "flush; true -> ended blocked",
    resume: " -> ended blocked",
    write: ">x -> ended blocked",
    "write nothing": " -> ended blocked",
    sends: ">flush; false -> ended blocked",
    "sends slowly": ">flush; false -> ended blocked",
    blocked: " -> ended blocked",
    unblocked: "writable; >flush -> ended open +",
    "unblocked, slow again": "writable; >flush -> ended blocked",
    ends: ">end -> ended ended",
    fails: "failed: broken; abort -> ended aborted",
    abort: "abort -> ended aborted",
    "time is over": "failed: a sample was silent for 60 s; abort -> ended aborted",
  },
};

for (const [state, results] of Object.entries(LIVE)) {
  test(`a producer whose input and output are ${state}`, () => {
    for (const [name, result] of Object.entries(results)) assert.equal(after(state, name), result, name);
    const missing = Object.keys(EVENTS).filter((name) => !(name in results));
    // The input can end only once.
    assert.deepEqual(missing, state.startsWith("ended") ? ["data", "end"] : []);
  });
}

test("a producer that is over has no time limit, and no event has an effect, except that the end may come after the abort", () => {
  for (const input of Object.keys(Input))
    for (const output of ["ended", "aborted"])
      for (const name of Object.keys(EVENTS)) {
        const state = `${input} ${output}`;
        const [result = "", next] = after(state, name).split(" -> ");
        assert.equal(next, name === "ends" ? `${input} ended` : state, name);
        if (name.startsWith("flush")) assert.equal(result, "true");
        else if (!name.startsWith("sends")) assert.equal(result, "", name);
      }
});

test("the tables have no change that does not happen", () => {
  const seen = new Set<string>();
  for (const input of Object.keys(Input))
    for (const output of Object.keys(Output))
      for (const event of Object.values(EVENTS)) {
        const sample = inState(`${input} ${output}`);
        if (!(input === "ended" && event === EVENTS["end"])) event(sample);
        for (const change of sample.seen) seen.add(change);
      }
  const listed = (name: string, table: Readonly<Record<number, readonly number[]>>): string[] =>
    Object.entries(table).flatMap(([before, next]) => next.map((each) => `${name} ${before} ${each}`));
  assert.deepEqual([...seen].toSorted(), [...listed("input", INPUT_FOLLOWING), ...listed("output", OUTPUT_FOLLOWING)].toSorted());
});

test("what the code of a producer throws is its failure; what it throws at the abort is ignored", () => {
  for (const [name, call] of [
    ["data", "data"],
    ["end", "end"],
    ["flush yes", "flush"],
    ["unblocked", "writable"],
  ] as const) {
    const sample = inState("open blocked");
    sample.throwsIn = call;
    EVENTS[name]?.(sample);
    assert.deepEqual(sample.notes.slice(0, 3), [call, "failed: broken", "abort"]);
    assert.equal(nameIn(Output, sample.output), "aborted");
  }
  const sample = inState("open open");
  sample.throwsIn = "abort";
  sample.abort();
  assert.deepEqual(sample.notes, ["abort"]);
});

test("a full producer that fails at the end of its input does not tell the sender to go on", () => {
  const sample = inState("full open");
  sample.throwsIn = "end";
  sample.end(null);
  assert.deepEqual(sample.notes, ["end", "failed: broken", "abort"]);
});

test("a producer writes as many bytes as it said", () => {
  const writes = (said: number | null, ...texts: readonly string[]): string => {
    const sample = new Sample(said);
    for (const text of texts) sample.calls.write(Buffer.from(text));
    sample.calls.end(null);
    return sample.notes.join("; ");
  };
  assert.equal(writes(3, "ab", "c"), ">ab; >c; >end");
  assert.equal(writes(0), ">end");
  assert.equal(writes(-1, "abc"), ">abc; >end");
  assert.equal(writes(3, "ab", "cd", "e"), ">ab; failed: a sample writes more than the 3 bytes that it said; abort");
  assert.equal(writes(3, "ab"), ">ab; failed: a sample writes 2 bytes instead of the 3 that it said; abort");
  assert.equal(writes(null, "ab"), "failed: a sample writes before it responds; abort");
  assert.equal(writes(null), "failed: a sample ends before it responds; abort");
});

test("each byte written starts the time limit anew", () => {
  const sample = inState("ended open");
  const { dueTick } = sample;
  sample.dialogue.passesUnseen(1000);
  sample.dialogue.tick();
  sample.calls.write(EMPTY);
  assert.equal(sample.dueTick, dueTick);
  sample.calls.write(Buffer.from("x"));
  assert.equal(sample.dueTick, dueTick + 40);
});

test("the clock is read when the code of a producer ends or fails at a moment of its own", () => {
  for (const name of ["ends", "fails"]) {
    const sample = inState("open open");
    const before = sample.dialogue.now;
    sample.dialogue.passesUnseen(500);
    EVENTS[name]?.(sample);
    assert.equal(sample.dialogue.now, before + 500);
  }
});

/** What a producer in that state says at an event, and its state afterwards. */
function after(state: string, event: string): string {
  const sample = inState(state);
  EVENTS[event]?.(sample);
  return `${sample.notes.join("; ")} -> ${sample.state}`;
}

function inState(state: string): Sample {
  const sample = new Sample();
  const [input, output] = state.split(" ");
  if (input === "full") EVENTS["flush no"]?.(sample);
  if (input === "ended") {
    sample.end(null);
    sample.flush();
  }
  if (output === "blocked") sample.blocks();
  if (output === "ended") sample.calls.end(null);
  if (output === "aborted") sample.abort();
  sample.takes = true;
  sample.notes = [];
  assert.equal(sample.state.replace(" +", ""), state);
  return sample;
}

function nameIn(states: Readonly<Record<string, number>>, state: number): string {
  return Object.entries(states).find(([, value]) => value === state)?.[0] ?? String(state);
}
