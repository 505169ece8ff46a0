/** Theme and language. */
import { type Preferences, preferences, usePreferences } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Icon, type IconName } from "../ui/icons";

const THEMES = [
  ["system", "system"],
  ["light", "sun"],
  ["dark", "moon"],
] as const satisfies readonly (readonly [Preferences["theme"], IconName])[];

const LANGUAGES = ["system", "en", "fr"] as const;

export function Appearance() {
  const t = useTexts();
  const { theme, language } = usePreferences();
  return (
    <section className="card padded stack">
      <h2>{t.appearance}</h2>
      <fieldset className="setting">
        <legend>{t.theme}</legend>
        <div className="segments">
          {THEMES.map(([value, icon]) => (
            <label key={value} className={value === theme ? "segment on" : "segment"}>
              <input
                type="radio"
                name="theme"
                className="visually-hidden"
                checked={value === theme}
                onChange={() => preferences.set({ theme: value })}
              />
              <Icon name={icon} />
              {t.themes[value]}
            </label>
          ))}
        </div>
      </fieldset>
      <fieldset className="setting">
        <legend>{t.language}</legend>
        <div className="segments">
          {LANGUAGES.map((value) => (
            <label key={value} className={value === language ? "segment on" : "segment"}>
              <input
                type="radio"
                name="language"
                className="visually-hidden"
                checked={value === language}
                onChange={() => preferences.set({ language: value })}
              />
              <span lang={value === "system" ? undefined : value}>{t.languages[value]}</span>
            </label>
          ))}
        </div>
      </fieldset>
    </section>
  );
}
