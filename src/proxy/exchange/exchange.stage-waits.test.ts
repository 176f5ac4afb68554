/** Who waits for whom when a body passes stages: the sender, each stage, the receiver, and the time limit of a stage. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SILENT_MS_MAX } from "./body-producer.ts";
import { GET, Held, OK, PUT, asking, ofRequest, ofResponse } from "./stages.fixture.ts";

test("a stage that takes no more of its input has its time to take it again", () => {
  const stage = new Held();
  const d = asking(
    GET,
    ofResponse(() => stage),
  );
  stage.takes = false;
  d.upstream.brings(`${OK}ab`);
  d.passes(SILENT_MS_MAX + 1000);
  assert.equal(stage.aborted, 1);
  d.ended("200 internal_error");
});

test("an endpoint is read on only once the stage and the client both take more", () => {
  for (const stageFirst of [false, true]) {
    const stage = new Held();
    const d = asking(
      GET,
      ofResponse(() => stage),
    );
    stage.takes = false;
    d.client.full = true;
    d.upstream.brings(`${OK}ab`);
    const steps = [(): void => d.client.takesMore(), (): void => stage.output?.resume()];
    const [first, second] = stageFirst ? steps.toReversed() : steps;
    first?.();
    assert.equal(d.upstream.paused, true);
    stage.takes = true;
    second?.();
    assert.equal(d.upstream.paused, false);
    d.client.leaves();
    d.ended("200 client_gone");
  }
});

test("a stage that takes its input again has no time limit while it waits for its endpoint", () => {
  const stage = new Held();
  const d = asking(
    GET,
    ofResponse(() => stage),
  );
  stage.takes = false;
  d.upstream.brings(`${OK}ab`);
  stage.takes = true;
  stage.output?.resume();
  d.passes(10 * SILENT_MS_MAX);
  assert.equal(d.finished.length, 0);
  d.upstream.brings("cd");
  stage.writes();
  stage.ends();
  d.ended("200 completed");
});

test("after its input has ended a stage that takes no more stops nobody", () => {
  const stage = new Held();
  const d = asking(
    PUT,
    ofRequest(() => stage),
  );
  d.client.sends("ab");
  stage.takes = false;
  d.client.sends("cd");
  assert.deepEqual([d.client.paused, d.client.exchange.requestBlocked], [false, false]);
  d.client.leaves();
  d.ended("499 client_gone");
});

test("a stage that was not told to wait is not told that it may write", () => {
  const stages = [new Held(), new Held()] as const;
  const d = asking(GET, ...stages.map((stage) => ofResponse(() => stage)));
  d.upstream.brings(`${OK}ab`);
  stages[0].writes();
  d.client.full = true;
  stages[1].writes();
  d.client.takesMore();
  assert.deepEqual([stages[0].writables, stages[1].writables], [0, 1]);
  d.client.full = true;
  stages[1].writes("c");
  assert.equal(stages[0].writes("c"), false);
  d.client.takesMore();
  assert.deepEqual([stages[0].writables, stages[1].writables], [1, 2]);
  d.client.leaves();
  d.ended("200 client_gone");
});

test("a stage that ends frees the stage before it, whose output is dropped from then on", () => {
  const stages = [new Held(), new Held(), new Held()] as const;
  const d = asking(GET, ...stages.map((stage) => ofResponse(() => stage)));
  d.upstream.brings(`${OK}ab`);
  stages[1].takes = false;
  assert.equal(stages[0].writes(), false);
  d.skip();
  d.upstream.brings("c");
  d.says("a pause");
  stages[1].ends();
  assert.equal(stages[0].writables, 1);
  d.says("client flush; a resume");
  d.upstream.brings("d");
  assert.equal(stages[0].writes(), true);
  assert.equal(stages[2].inputEnded, true);
  stages[2].ends();
  d.ended("200 completed");
});
