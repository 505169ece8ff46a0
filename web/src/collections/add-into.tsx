/** Chooses files for a collection. Leaves: sources for the uploads; dropping is taken anywhere. */
import { useRef } from "react";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { useUploads } from "../uploads/uploads";

export function AddInto({ name }: { name: string }) {
  const t = useTexts();
  const { add } = useUploads();
  const input = useRef<HTMLInputElement>(null);
  const label = t.chooseInto(name);
  return (
    <section className="add" aria-label={t.addDocuments}>
      <button
        type="button"
        className="drop-zone compact"
        data-shortcut="u"
        onClick={() => input.current?.click()}
      >
        <Icon name="upload" />
        <span className="drop-label">{label}</span>
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={label}
        onChange={(event) => {
          const { files } = event.target;
          if (files?.length) {
            add([...files], { pipeline: "ingest", options: {}, collection: name });
          }
          // So that the same file can be chosen again.
          event.target.value = "";
        }}
      />
    </section>
  );
}
