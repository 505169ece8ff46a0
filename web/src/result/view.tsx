/** What came of a job, in the views that its pipeline and its formats allow. */
import type { Job } from "@milepost/client";
import { type KeyboardEvent, lazy, Suspense, useId, useState } from "react";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { Skeleton } from "../ui/states";
import { PlainText } from "./plain-text";
import { FORMATS, type ViewName, viewsOf } from "./views";
import "../styles/result.css";

const Reading = lazy(() => import("./reading"));
const Html = lazy(() => import("./html"));
const Tables = lazy(() => import("./tables-view"));
const Sentences = lazy(() => import("./sentences"));
const Chunks = lazy(() => import("./chunks"));

export function ResultView({ job }: { job: Job }) {
  const t = useTexts();
  const id = useId();
  const views = viewsOf(job);
  const [chosen, setChosen] = useState<ViewName>();
  const view = chosen && views.includes(chosen) ? chosen : views[0];

  function move(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined || view === undefined) return;
    const next = views.at((views.indexOf(view) + step) % views.length);
    setChosen(next);
    document.getElementById(`${id}-${next}`)?.focus();
    event.preventDefault();
  }

  return (
    <section className="card result" aria-label={t.result}>
      <div className="tabs" role="tablist" aria-label={t.viewsLabel} onKeyDown={move}>
        {views.map((name) => (
          <button
            key={name}
            id={`${id}-${name}`}
            type="button"
            role="tab"
            className="tab"
            aria-selected={name === view}
            aria-controls={`${id}-panel`}
            tabIndex={name === view ? 0 : -1}
            onClick={() => setChosen(name)}
          >
            {t.views[name]}
          </button>
        ))}
      </div>
      {view && (
        <div
          id={`${id}-panel`}
          className="tab-panel"
          role="tabpanel"
          aria-labelledby={`${id}-${view}`}
        >
          <Suspense fallback={<Skeleton lines={6} />}>
            <View view={view} job={job} />
          </Suspense>
        </div>
      )}
    </section>
  );
}

function View({ view, job }: { view: ViewName; job: Job }) {
  const t = useTexts();
  if (view === "reading") return <Reading job={job} />;
  if (job.status !== "completed") {
    return (
      <p className="awaited soft">
        <Icon name="clock" />
        {t.notFinished}
      </p>
    );
  }
  if (view === "tables") return <Tables job={job} />;
  if (view === "html") return <Html job={job} />;
  if (view === "sentences") return <Sentences job={job} />;
  if (view === "chunks") return <Chunks job={job} />;
  return <PlainText job={job} format={FORMATS[view]} />;
}
