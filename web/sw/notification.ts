/**
 * What a push message says. Enters: its text, which is the server's but came a long way, and a
 * language. Leaves: a notification. Never throws: a browser wants to see one for each message.
 */

interface Content {
  readonly title: string;
  readonly body: string;
  /** A newer notification of the same job or batch replaces the one before. */
  readonly tag: string;
  readonly icon: string;
  readonly data: { readonly url: string };
}

const TEXTS = {
  en: {
    completed: "The conversion is completed.",
    failed: "The conversion failed.",
    cancelled: "The conversion was cancelled.",
    document: "Document",
    batch: (total: number) => `A batch of ${total} documents has ended`,
    counts: (completed: number, failed: number) => `${completed} completed, ${failed} failed`,
    unknown: "Something has ended.",
  },
  fr: {
    completed: "La conversion est terminée.",
    failed: "La conversion a échoué.",
    cancelled: "La conversion a été annulée.",
    document: "Document",
    batch: (total: number) => `Un lot de ${total} documents est terminé`,
    counts: (completed: number, failed: number) => `${completed} terminés, ${failed} échoués`,
    unknown: "Une tâche est terminée.",
  },
};

/** Whether it is a path of this server: a notification leads nowhere else. */
export function isOwnPath(value: unknown): value is string {
  return typeof value === "string" && /^\/(?![/\\\s])/.test(value);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

const count = (value: unknown): number => (typeof value === "number" ? value : 0);

function parse(text: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

/** The notification for a message. */
export function notificationOf(text: string | undefined, language: string): Content {
  const t = TEXTS[language.toLowerCase().startsWith("fr") ? "fr" : "en"];
  const { job, batch, url } = parse(text);
  const rest = { icon: "/app/icons/mark-192.png", data: { url: isOwnPath(url) ? url : "/" } };
  if (isRecord(batch)) {
    return {
      title: t.batch(count(batch.total)),
      body: t.counts(count(batch.completed), count(batch.failed)),
      tag: `batch-${String(batch.id)}`,
      ...rest,
    };
  }
  if (!isRecord(job)) return { title: "Milepost", body: t.unknown, tag: "unknown", ...rest };
  const { status, filename } = job;
  return {
    title: typeof filename === "string" ? filename : t.document,
    body:
      status === "completed" || status === "failed" || status === "cancelled"
        ? t[status]
        : t.unknown,
    tag: `job-${String(job.id)}`,
    ...rest,
  };
}
