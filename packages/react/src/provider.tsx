"use client";
/**
 * What all hooks and components stand on: a client, a language and its texts.
 *
 * Enters: a client, or the options of one; a language. Leaves: a context. Never: closes a client
 * that somebody else made, or opens a connection by itself.
 */

import { Milepost, type MilepostOptions } from "@milepost/client";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { type Format, formatOf } from "./format.js";
import { en, type Texts, textsOf } from "./texts/index.js";

interface Surroundings {
  readonly client: Milepost;
  readonly locale: string;
  readonly texts: Texts;
  readonly format: Format;
}

const Context = createContext<Surroundings | undefined>(undefined);

/** Props of `MilepostProvider`. */
export interface MilepostProviderProps {
  /** A client that you made, and close. It goes before `options`. */
  client?: Milepost | undefined;
  /**
   * Options of a client that the provider makes, and closes when it is unmounted. Read once: give
   * the provider another `key` for others.
   */
  options?: MilepostOptions | undefined;
  /** A BCP 47 tag. `fr…` is French, all else English; numbers and times follow the tag. `en` by default. */
  locale?: string | undefined;
  /** Texts of your own, in the place of those of the language. */
  texts?: Partial<Texts> | undefined;
  children?: ReactNode;
}

/** Gives everything below it a client and a language. */
export function MilepostProvider({ client, ...rest }: MilepostProviderProps): ReactNode {
  if (client === undefined) return <Owning {...rest} />;
  const { options: _, ...look } = rest;
  return <Given client={client} {...look} />;
}

function Owning({ options, ...rest }: Omit<MilepostProviderProps, "client">): ReactNode {
  return <Given client={useOwnClient(options)} {...rest} />;
}

interface GivenProps extends Omit<MilepostProviderProps, "client" | "options"> {
  client: Milepost;
}

function Given({ client, locale = "en", texts, children }: GivenProps): ReactNode {
  // Texts are often written in place: as an object of its own at each render, and the same texts.
  const own = texts === undefined ? undefined : JSON.stringify(texts);
  const value = useMemo(
    () => ({
      client,
      locale,
      texts: textsOf(locale, own === undefined ? undefined : (JSON.parse(own) as Partial<Texts>)),
      format: formatOf(locale),
    }),
    [client, locale, own],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

interface Owned {
  readonly client: Milepost;
  users: number;
  closed: boolean;
}

const own = (options: MilepostOptions | undefined): Owned => ({
  client: new Milepost(options),
  users: 0,
  closed: false,
});

/**
 * A client that is closed with the component. Strict Mode takes effects down and puts them up again
 * at once, so the end is decided a moment later; a component that is hidden and shown again much
 * later gets another client.
 */
function useOwnClient(options: MilepostOptions | undefined): Milepost {
  const [owned, setOwned] = useState(() => own(options));
  const [first] = useState(options);
  useEffect(() => {
    if (owned.closed) {
      setOwned(own(first));
      return;
    }
    owned.users += 1;
    return () => {
      owned.users -= 1;
      queueMicrotask(() => {
        if (owned.users > 0 || owned.closed) return;
        owned.closed = true;
        owned.client.close();
      });
    };
  }, [owned, first]);
  return owned.client;
}

function useSurroundings(user: string): Surroundings {
  const value = useContext(Context);
  if (value === undefined) {
    throw new Error(`${user} needs a <MilepostProvider> above it.`);
  }
  return value;
}

/** The client of the nearest provider. Throws where there is none. */
export function useMilepost(): Milepost {
  return useSurroundings("useMilepost").client;
}

/** The client of the nearest provider, if there is one. */
export function useMilepostIfAny(): Milepost | undefined {
  return useContext(Context)?.client;
}

/** The texts of the provider's language, with your own in their places. */
export function useTexts(): Texts {
  return useSurroundings("useTexts").texts;
}

/** The provider's language, as its BCP 47 tag. */
export function useLocale(): string {
  return useSurroundings("useLocale").locale;
}

/** As `useTexts`, and English where there is no provider: for what has to show in any case. */
export function useTextsIfAny(): Texts {
  return useContext(Context)?.texts ?? en;
}

/** Writes numbers, sizes and times in the provider's language. */
export function useFormat(): Format {
  return useSurroundings("useFormat").format;
}
