/** Hands a file to the person. Enters: content and a name. Leaves: the browser's download. */
export function saveFile(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has read the address by the next turn, not necessarily by now.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
