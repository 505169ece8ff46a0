"use client";
/**
 * Keeps the rest of the page when a part of it throws.
 *
 * Enters: children, one of which may throw while it is rendered. Leaves: these, or a sentence and a
 * button that tries again. Never: the error's text, which is for programmers: `onError` gets it.
 */

import { Component, type ErrorInfo, type ReactNode } from "react";
import { useTextsIfAny } from "../provider.js";

/** Props of `ProgressErrorBoundary`. */
export interface ProgressErrorBoundaryProps {
  children?: ReactNode;
  /** Called with each error, and the components in which it was thrown. */
  onError?: ((error: Error, info: ErrorInfo) => void) | undefined;
  /** Shown in the place of the children. */
  fallback?: ReactNode | ((error: Error, reset: () => void) => ReactNode);
  /** When this changes, the children are tried again: a job's id, for example. */
  resetKey?: unknown;
}

interface State {
  readonly error: Error | undefined;
  readonly resetKey: unknown;
}

/** Catches what its children throw while they are rendered. */
export class ProgressErrorBoundary extends Component<ProgressErrorBoundaryProps, State> {
  override state: State = { error: undefined, resetKey: this.props.resetKey };

  static getDerivedStateFromError(thrown: unknown): Partial<State> {
    return { error: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  }

  static getDerivedStateFromProps(
    { resetKey }: ProgressErrorBoundaryProps,
    state: State,
  ): State | null {
    return Object.is(resetKey, state.resetKey) ? null : { error: undefined, resetKey };
  }

  override componentDidCatch(error: Error, info: ErrorInfo): void {
    this.props.onError?.(error, info);
  }

  readonly #reset = (): void => this.setState({ error: undefined });

  override render(): ReactNode {
    const { error } = this.state;
    const { children, fallback } = this.props;
    if (error === undefined) return children;
    if (typeof fallback === "function") return fallback(error, this.#reset);
    return fallback ?? <Fallback reset={this.#reset} />;
  }
}

function Fallback({ reset }: { reset: () => void }): ReactNode {
  const texts = useTextsIfAny();
  return (
    <div className="mp-error mp-boundary" role="alert">
      <p>{texts["boundary.title"]}</p>
      <button type="button" className="mp-button" onClick={reset}>
        {texts["boundary.retry"]}
      </button>
    </div>
  );
}
