/** The frame of all pages. It is rendered on the server, and so is what stands in it. */
import type { ReactNode } from "react";
import "@milepost/react/styles.css";
import "./page.css";

export const metadata = { title: "Documents" };

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
