// @vitest-environment jsdom
/** Markdown out of documents brings text to the page, and nothing that acts. */
import { expect, test } from "vitest";
import { render, renderAny } from "../src/result/markdown";

function html(markdown: string): string {
  const frame = document.createElement("div");
  frame.append(render(markdown));
  return frame.innerHTML;
}

test("headings, lists and tables", () => {
  expect(html("# A\n\n- b")).toContain("<h1>A</h1>");
  expect(html("|a|b|\n|-|-|\n|1|2|")).toContain('<div class="table-frame" tabindex="0"><table>');
});

test.each([
  ["a script", "<script>alert(1)</script>"],
  ["a handler", '<b onclick="alert(1)">x</b>'],
  ["a style", '<style>*{display:none}</style><p style="position:fixed">x</p>'],
  ["a form", '<form action="https://evil.example"><input name="q"><button>x</button></form>'],
  ["a frame", '<iframe src="https://evil.example"></iframe>'],
  ["a script's link", "[x](javascript:alert(1))"],
  ["a film", '<video src="https://evil.example" poster="https://evil.example"></video>'],
  ["another source", '<picture><source srcset="https://evil.example"><img alt="x"></picture>'],
  ["another size", '<img src="data:image/png;base64,AAAA" srcset="https://evil.example 2x">'],
  ["a background", '<p background="https://evil.example">x</p>'],
  ["an id of the page's", '<div id="root" class="dialog">x</div>'],
])("%s does not come through", (_, markdown) => {
  expect(html(markdown)).not.toMatch(/script|onclick|style|form|input|iframe|evil|id=|class=/);
});

test("what is nested deeper than the parser goes is shown as it is", () => {
  const deep = `${"> ".repeat(20_000)}deep`;
  expect(() => render(deep)).toThrow();
  expect(renderAny(deep).textContent).toBe(deep);
});

test("links say nothing of where they are followed from", () => {
  const link = render("[x](https://example.com)").querySelector("a");
  expect(link?.rel).toBe("noopener noreferrer");
  expect(link?.target).toBe("_blank");
});

test("a picture from elsewhere is replaced by its description; one in the text stays", () => {
  expect(html("![a map](https://evil.example/x.png)")).toBe("<p>a map</p>\n");
  expect(html("![dot](data:image/png;base64,AAAA)")).toContain("<img");
});
