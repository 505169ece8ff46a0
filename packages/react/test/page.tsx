// A page in Strict Mode. Enters: elements. Leaves: the page, with a user before it.

import type { Milepost } from "@milepost/client";
import { act, type RenderResult, render } from "@testing-library/react";
import { type UserEvent, userEvent } from "@testing-library/user-event";
import axe from "axe-core";
import { type ReactNode, StrictMode } from "react";
import { expect, onTestFinished } from "vitest";
import { MilepostProvider, type MilepostProviderProps } from "../src/index.js";
import { Edge } from "./edge.js";

/** A page with a server behind it. */
export interface Page extends RenderResult {
  readonly edge: Edge;
  readonly client: Milepost;
  readonly user: UserEvent;
  /** Renders other elements in the place of the present ones. */
  show(elements: ReactNode): void;
}

/** Shows elements under a provider in Strict Mode. */
export function open(
  elements: ReactNode,
  { edge = new Edge(), ...props }: { edge?: Edge } & MilepostProviderProps = {},
): Page {
  const client = props.client ?? edge.client();
  onTestFinished(() => client.close());
  const wrap = (children: ReactNode) => (
    <StrictMode>
      <MilepostProvider {...props} client={client}>
        {children}
      </MilepostProvider>
    </StrictMode>
  );
  const page = render(wrap(elements));
  return {
    ...page,
    edge,
    client,
    user: userEvent.setup(),
    show: (children) => page.rerender(wrap(children)),
  };
}

/** Does something outside of React, and lets what follows from it settle. */
export async function after(run: () => void): Promise<void> {
  await act(async () => {
    run();
    await settled();
  });
}

/** Lets microtasks run out. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** Fails where axe finds anything. Colours need a browser: the journeys look at these. */
export async function accessible(element: Element = document.body): Promise<void> {
  const { violations } = await axe.run(element, {
    resultTypes: ["violations"],
    rules: { "color-contrast": { enabled: false }, region: { enabled: false } },
  });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
}
