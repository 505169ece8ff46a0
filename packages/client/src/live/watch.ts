// A watch. Enters: a target, handlers. Leaves: each snapshot to them, once and in
// order, the terminal one last. Never: lets a handler that throws harm anybody.

import { MilepostError } from "../errors.js";
import { guarded } from "../platform.js";
import { isTerminal } from "../status.js";
import type { Job, Watch, WatchHandlers, WatchTarget } from "../types.js";
import type { Hub, Listener, Update } from "./hub.js";
import { type Topic, topicsOf } from "./topics.js";

/** Where an iteration gets its jobs from: of each the newest that it has not had. */
interface Sink {
  readonly jobs: Map<string, Job>;
  error: MilepostError | undefined;
  wake: () => void;
}

/** Begins to watch; nothing is called before this has returned. */
export function watchTarget(hub: Hub, target: WatchTarget, handlers: WatchHandlers): Watch {
  const topics = topicsOf(target);
  const endless = topics.some((topic) => !topic.startsWith("job:"));
  const sinks = new Set<Sink>();
  const stages = new Map<string, string>();
  let over = false;
  let resolve: () => void = () => undefined;
  const ended = new Promise<void>((done) => {
    resolve = done;
  });
  const listener: Listener = {
    topics,
    receive,
    ended(error) {
      if (error.code === "closed") return close();
      for (const sink of sinks) sink.error = error;
      call(() => handlers.onError?.(error));
      close();
    },
  };
  queueMicrotask(() => {
    if (over) return;
    if (topics.length === 0) close();
    else hub.add(listener);
  });

  function receive(update: Update) {
    if (over) return;
    switch (update.type) {
      case "snapshot":
        return snapshot(update.job);
      case "queue":
        return call(() => handlers.onQueue?.(update.job));
      case "removed":
        call(() => handlers.onRemoved?.(update.id));
        return done(`job:${update.id}`);
      case "refused":
        call(() => handlers.onError?.(update.error));
        for (const sink of sinks) sink.error = update.error;
        if (endless) return close();
        return done(update.topic);
    }
  }

  function snapshot(job: Job) {
    for (const sink of sinks) {
      sink.jobs.delete(job.id);
      sink.jobs.set(job.id, job);
      sink.wake();
    }
    call(() => handlers.onProgress?.(job));
    const stage = job.stages.find(({ name }) => name === job.stage);
    const place = stage && `${job.attempt} ${stage.name} ${stage.status}`;
    if (stage && place && stages.get(job.id) !== place) {
      stages.set(job.id, place);
      call(() => handlers.onStage?.(stage, job));
    }
    if (!isTerminal(job.status)) return;
    stages.delete(job.id);
    if (job.status === "completed") call(() => handlers.onComplete?.(job));
    if (job.status === "cancelled") call(() => handlers.onCancelled?.(job));
    if (job.status === "failed") call(() => handlers.onError?.(errorOf(job), job));
    done(`job:${job.id}`);
  }

  /** One of the jobs is over; the watch ends with the last. */
  function done(topic: Topic) {
    if (endless || over) return;
    const rest = listener.topics.filter((one) => one !== topic);
    if (rest.length === 0) close();
    else hub.change(listener, rest);
  }

  function call(handler: () => void) {
    if (!over) guarded(handler);
  }

  function close() {
    if (over) return;
    over = true;
    hub.remove(listener);
    for (const sink of sinks) sink.wake();
    resolve();
  }

  async function* iterate(sink: Sink): AsyncGenerator<Job, void> {
    try {
      for (;;) {
        for (const [id, job] of sink.jobs) {
          sink.jobs.delete(id);
          yield job;
        }
        if (sink.jobs.size > 0) continue;
        if (over) {
          if (sink.error) throw sink.error;
          return;
        }
        await new Promise<void>((wake) => {
          sink.wake = wake;
        });
      }
    } finally {
      sinks.delete(sink);
      close();
    }
  }

  return {
    ended,
    close,
    [Symbol.asyncIterator]() {
      const sink: Sink = { jobs: new Map(), error: undefined, wake: () => undefined };
      sinks.add(sink);
      return iterate(sink);
    },
  };
}

/** Why a job failed, as an error. */
export const errorOf = (job: Job): MilepostError =>
  new MilepostError(job.error?.code ?? "internal", job.error?.message ?? job.message, {
    retryable: job.error?.retryable ?? false,
  });
